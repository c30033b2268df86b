"""Fractions of a yearly file in a host's own classes, some cells at a time. Knows no file format and no grid of any host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import CLASS_CODES
from lsbc.emulator.hosts.year_file import Cells, YearFile
from lsbc.emulator.surface.crosswalk import CODES, Crosswalk, read_crosswalk
from lsbc.regrid.errors import ConfigError

LEAST_LAND = 1e-6
"""Share of a host cell; less land than this is rounding of the overlaps, not land, and decides nothing."""
_WATER_KINDS = ("water", "lake", "ocean")
_NEVER_LAND = (*_WATER_KINDS, "ice", "unused")
_WATER_CODES = (0, 77)


@dataclass(frozen=True, eq=False)
class HostClasses:
    """A yearly file seen through a crosswalk; rows of what it returns are `crosswalk.classes`."""

    year: YearFile
    crosswalk: Crosswalk

    @classmethod
    def of(cls, year: YearFile, crosswalk: str | Path) -> HostClasses:
        """`crosswalk` is the name of a shipped one or a file.

        Raises:
            ConfigError: see `read_crosswalk`; or it makes land of water, or water, ice or an unused class of land, which are the host's own.
        """
        table = read_crosswalk(crosswalk)
        refuse_moved_coasts(table)
        return cls(year, table)

    def fractions(self, cells: Cells) -> np.ndarray:
        """Area fractions of the whole cell, (n_target, n): columns sum to 1 to rounding, or are all 0 where lsbc does not cover the cell.

        Raises:
            ValueRangeError: a class that is there depends on a climate that is unknown; the cell is named.
        """
        return self.apply(self.year.lu_frac(cells), cells)

    def apply(self, shares: np.ndarray, cells: Cells, codes: tuple[int, ...] = CLASS_CODES) -> np.ndarray:
        """Shares of HILDA+ codes, (n_code, n) in the order of `codes`, in the host's classes, (n_target, n); raises as `fractions`."""
        year = self.year

        def name_of(k: int) -> str:
            return year.name_of(int(np.arange(year.n_cell)[cells][k] if isinstance(cells, slice) else cells[k]))

        return self.crosswalk.apply(shares, year.koppen(cells), year.coldest_month_c(cells), codes=codes, name_of=name_of)

    @property
    def attributes(self) -> dict[str, str]:
        """Global attributes that say where the host's classes come from: those of the yearly file and the crosswalk's."""
        table = self.crosswalk.table
        return {**self.year.provenance, "crosswalk": f"{table.target}, version {table.version}, sha256 {self.crosswalk.sha256}"}


def refuse_moved_coasts(crosswalk: Crosswalk) -> None:
    """Refuse a crosswalk that changes land into water, ice or an unused class, or water into land; raises ConfigError with code and class."""
    kinds = [target.kind for target in crosswalk.classes]
    for lookup, code in zip(crosswalk.lookups, CODES):
        is_water = code in _WATER_CODES
        for column in np.flatnonzero(lookup.shares.any(axis=0)):
            if (kinds[column] not in _WATER_KINDS) if is_water else (kinds[column] in _NEVER_LAND):
                target, made = crosswalk.classes[column], "land" if is_water else "water, ice or nothing"
                raise ConfigError(f"Crosswalk '{crosswalk.table.target}' makes {made} of code {code}: class {target.id} '{target.name}' is of kind '{target.kind}'. "
                                  "Land, water and ice are the host's own; give the code another class.")
