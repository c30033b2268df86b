"""Fields that a configuration adds in the host's own classes: their fractions, the dominant one, and the host's class parameters. Knows no maps and no ranks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lsbc.emulator.classes import CLASS_CODES
from lsbc.emulator.climate import HostClimate
from lsbc.emulator.fields import FILL, FieldInfo
from lsbc.emulator.surface.aggregate import aggregate, area_mean, largest_row, quantities_with_rule
from lsbc.emulator.surface.crosswalk import CODES, Crosswalk, shipped_targets
from lsbc.emulator.surface.tables import KINDS, ParameterTable
from lsbc.regrid.errors import ConfigError

OWN_IDS_END = 100
"""Larger class ids of a crosswalk are not the host's: area that goes to other variables."""
_SYSTEMS = {"modis": "MODIS", "globcover": "GlobCover", "esacci": "ESA CCI", "ecland": "ecLand"}
"""Word in a parameter table's class system for each crosswalk whose numbers it shares; other shipped crosswalks share theirs with no table."""


@dataclass(frozen=True)
class HostFields:
    """What is computed in the host's classes; nothing without a crosswalk.

    Raises:
        ConfigError: parameters without a crosswalk, or of other classes than the crosswalk's.
    """

    crosswalk: Crosswalk | None = None
    parameters: ParameterTable | None = None

    def __post_init__(self) -> None:
        if self.parameters is None:
            return
        if self.crosswalk is None:
            raise ConfigError("surface.parameters needs surface.crosswalk: it says which of lsbc's classes are which of the table's.")
        target, system = self.crosswalk.table.target, self.parameters.class_system
        if target in shipped_targets() and (target not in _SYSTEMS or _SYSTEMS[target].lower() not in system.lower()):
            raise ConfigError(f"Parameter table {self.parameters.name} is of the classes '{system}', crosswalk '{target}' of '{self.crosswalk.table.title}'.")
        _ = self._own  # refuses classes that the table does not have

    @cached_property
    def reached(self) -> np.ndarray:
        """Rows of the host's own classes that any of lsbc's classes can become."""
        shares = sum(lookup.shares.sum(axis=0) for lookup, code in zip(self.crosswalk.lookups, CODES) if code in CLASS_CODES)
        return np.array([k for k, target in enumerate(self.crosswalk.classes) if target.id < OWN_IDS_END and shares[k] > 0.0], int)

    @cached_property
    def _own(self) -> ParameterTable:
        """The parameter table with these classes, in their order."""
        return self.parameters.select(self.crosswalk.classes[k].id for k in self.reached)

    @cached_property
    def outputs(self) -> tuple[FieldInfo, ...]:
        """The fields, as a host lists them."""
        if self.crosswalk is None:
            return ()
        names = tuple(f"{target.id} {target.name}" for target in self.crosswalk.classes)  # the number first: files take it from there
        title = self.crosswalk.table.title
        infos = [FieldInfo("host_lu_frac", "area_fraction", f"area fraction of each class of {title}", "1", "out", levels=names, axes=(("host_class", len(names)),)),
                 FieldInfo("host_lu_dominant", "",
                           f"dominant class of {title.partition(',')[0]}, lowest number on ties; -1 where none of the host's own has any", "1", "out",
                           (-1.0, float(OWN_IDS_END)), flags=tuple((target.id, _word(target.name)) for target in self.crosswalk.classes if target.id < OWN_IDS_END))]
        if self.parameters is not None:
            for name in quantities_with_rule(self._own):
                column = self._own.quantity(name)
                kind = KINDS[column.kind]
                infos.append(FieldInfo(f"host_{name}", "", f"{column.description or name}, {self.parameters.name}", column.si_units, "out", (kind.low, kind.high)))
        return tuple(infos)

    def fields(self, by_class: np.ndarray, climate: HostClimate, covered: np.ndarray) -> dict[str, np.ndarray]:
        """name -> (n_cell,) or (n_level, n_cell); parameters are `FILL` where no class of the host has any area; what uncovered cells hold does not matter.

        Args:
            by_class: fractions of lsbc's classes, (8, n_cell).
        Raises:
            ValueRangeError: a class depends on a climate that is unknown, or has no usable value in the host's table; the cell is named.
        """
        if self.crosswalk is None:
            return {}
        inside = by_class if covered.all() else np.where(covered, by_class, 0.0)
        fraction = self.crosswalk.apply(inside, climate.koppen, climate.coldest_month_c, codes=CLASS_CODES, name_of=climate.name_of)
        np.minimum(fraction, 1.0, out=fraction)  # shares of a cell sum to 1 to rounding only
        own = fraction[self.reached]
        return {"host_lu_frac": fraction, "host_lu_dominant": self._dominant(own),
                **(self._parameters(own, climate) if self.parameters is not None else {})}

    def _parameters(self, own: np.ndarray, climate: HostClimate) -> dict[str, np.ndarray]:
        """Each of the table's quantities over the area of the host's own classes, (n_cell,); `FILL` where there is none."""
        total = area_mean(own, np.ones(len(own)))  # row by row: numpy's own sum takes another order for a single cell
        if (total > 0.0).all():
            own /= total
            return {f"host_{name}": values for name, values in aggregate(own, self._own, name_of=climate.name_of).items()}
        cells = np.flatnonzero(total > 0.0)
        values = aggregate(own[:, cells] / total[cells], self._own, name_of=lambda k: climate.name_of(int(cells[k])))
        out = {}
        for name, inside in values.items():
            out[f"host_{name}"] = np.full(own.shape[1], FILL)
            out[f"host_{name}"][cells] = inside
        return out

    def _dominant(self, own: np.ndarray) -> np.ndarray:
        ids = np.array([*(self.crosswalk.classes[k].id for k in self.reached), -1], np.float64)
        return ids[largest_row(own)]


def _word(name: str) -> str:
    """A name as one word for CF's flag_meanings."""
    return re.sub(r"[^A-Za-z0-9+-]+", "_", name).strip("_")
