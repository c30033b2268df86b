"""Land-surface fields of an EXTPAR file from its class fractions, by EXTPAR's own rules. Knows fractions and class values only, no files and no cells' places.

The rules are those of EXTPAR's src/mo_agg_globcover.f90 and mo_agg_ecci.f90 (C2SM/extpar 917d0d9): plant cover, skin conductivity and the
fractions are means over the land; leaf area, root depth and stomatal resistance are weighted with the largest plant cover; emissivity is the
mean over the whole cell, water included; the roughness length is averaged as 1 / ln(30 m / z0) over the land.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lsbc.emulator.hosts.land import relative
from lsbc.emulator.surface.aggregate import area_mean, vegetated_mean
from lsbc.emulator.surface.crosswalk import Crosswalk
from lsbc.emulator.surface.tables import ParameterTable, read_parameter_table
from lsbc.regrid.errors import ConfigError

PRANDTL_LAYER_M = 30.0
"""Height at which EXTPAR averages roughness (`hp`)."""
BARE_OF_ICE = ("PLCOV_MX", "PLCOV_MN", "LAI_MX", "LAI_MN", "ROOTDP", "FOR_D", "FOR_E", "URBAN")
"""EXTPAR sets these to 0 where the soil is ice (extpar_consistency_check.f90)."""


@dataclass(frozen=True)
class LandCover:
    """One of EXTPAR's land-cover data sets: what the file calls it (`rawdata`), its table, and how much of a class is forest (`globcover_look_up`, `ecci_look_up`)."""

    rawdata: str
    table: str
    deciduous: Mapping[int, float]
    evergreen: Mapping[int, float]
    notes: tuple[str, ...] = ()


COVERS = {
    "globcover": LandCover("GLOBCOVER2009", "extpar_globcover", {6: 1.0, 7: 1.0, 10: 0.5}, {5: 1.0, 8: 1.0, 9: 1.0, 10: 0.5}),
    "esacci": LandCover("ESA CCI", "extpar_esacci", {**dict.fromkeys((9, 10, 11, 15, 16, 17), 1.0), 19: 0.5}, {**dict.fromkeys((8, 12, 13, 14), 1.0), 19: 0.5},
                        ("extpar_esacci: FOR_D and FOR_E take class 19 (code 100, mosaic of trees and shrubs) for mixed forest and class 18 (code 90, mixed forest) "
                         "for none, as ecci_look_up does.",)),
}
"""By the crosswalk's target."""


@dataclass(frozen=True, eq=False)
class Shares:
    """Classes that have any area: their rows (k,) and areas (k, n)."""

    rows: np.ndarray
    parts: np.ndarray

    @classmethod
    def of(cls, fraction: np.ndarray) -> Shares:
        """From (n_class, n)."""
        rows = np.array([k for k, row in enumerate(fraction) if row.any()], np.int64)
        return cls(rows, fraction[rows])

    def mean(self, value: np.ndarray) -> np.ndarray:
        """Sum of area times value, (n,), from (n_class,)."""
        return area_mean(self.parts, value[self.rows])

    def green_mean(self, value: np.ndarray, plant_cover: np.ndarray) -> np.ndarray:
        """Mean of value weighted with area times plant cover, (n,); 0 where nothing is covered."""
        return vegetated_mean(self.parts, value[self.rows], plant_cover[self.rows])


@dataclass(frozen=True, eq=False)
class ExtparClasses:
    """A land cover with its table. `water`, `ice`, `undefined` are rows; `urban`, `deciduous`, `evergreen` (n_class,) say how much of a class is that."""

    cover: LandCover
    table: ParameterTable
    water: int
    ice: int
    undefined: int
    urban: np.ndarray
    deciduous: np.ndarray
    evergreen: np.ndarray

    @classmethod
    def of(cls, crosswalk: Crosswalk) -> ExtparClasses:
        """Those that a crosswalk leads to; ConfigError where EXTPAR does not know its target."""
        target = crosswalk.table.target
        if target not in COVERS:
            raise ConfigError(f"Crosswalk '{target}' does not lead to EXTPAR's classes; its target must be {' or '.join(COVERS)}.")
        cover = COVERS[target]
        table = read_parameter_table(cover.table)
        rows = [int(crosswalk.members(kind)[0]) for kind in ("water", "ice", "unused")]
        town = {target.id: 1.0 for target in crosswalk.classes if target.kind == "urban"}
        shares = [np.array([share.get(class_id, 0.0) for class_id in table.class_ids]) for share in (town, cover.deciduous, cover.evergreen)]
        return cls(cover, table, *rows, *shares)

    @property
    def n_class(self) -> int:
        return len(self.table.class_ids)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is known to be wrong in the source, for the file and its user."""
        return (*self.table.notes, *self.cover.notes)

    def land(self, fraction: np.ndarray) -> Shares:
        """Shares of the land, from (n_class, n): without the water and undefined rows; a cell's sum is 1, or 0 where it has no land."""
        parts = fraction.copy()
        parts[[self.water, self.undefined]] = 0.0
        return Shares.of(relative(parts))

    def roughness(self, land: Shares) -> np.ndarray:
        """z0 of the land, (n,) in m, without orography; 0 where there is no land."""
        z0 = self.table.si("z0m")
        weight = np.where(z0 > 0.0, 1.0 / np.log(PRANDTL_LAYER_M / np.where(z0 > 0.0, z0, 1.0)), 0.0)
        mean = land.mean(weight)
        return np.where(mean > 0.0, PRANDTL_LAYER_M * np.exp(-1.0 / np.where(mean > 0.0, mean, 1.0)), 0.0)

    def value(self, name: str, cell: Shares, land: Shares) -> np.ndarray:
        """One field of `FIELDS`, (n,), from the classes of the cell and of its land (`land`)."""
        return FIELDS[name](self.table.si, self, cell, land)


FIELDS: Mapping[str, Callable[[Callable[[str], np.ndarray], ExtparClasses, Shares, Shares], np.ndarray]] = {
    "PLCOV_MX": lambda si, _, cell, land: land.mean(si("plcov_max")),
    "PLCOV_MN": lambda si, _, cell, land: land.mean(si("plcov_min")),
    "LAI_MX": lambda si, _, cell, land: land.green_mean(si("lai_max"), si("plcov_max")),
    "LAI_MN": lambda si, _, cell, land: land.green_mean(si("lai_min"), si("plcov_max")),
    "ROOTDP": lambda si, _, cell, land: land.green_mean(si("root_depth"), si("plcov_max")),
    "RSMIN": lambda si, _, cell, land: land.green_mean(si("rs_min"), si("plcov_max")),
    "FOR_D": lambda si, known, cell, land: land.mean(si("plcov_max") * known.deciduous),
    "FOR_E": lambda si, known, cell, land: land.mean(si("plcov_max") * known.evergreen),
    "URBAN": lambda si, known, cell, land: land.mean(known.urban),
    "SKC": lambda si, _, cell, land: land.mean(si("skin_conductivity")),
    "EMIS_RAD": lambda si, _, cell, land: cell.mean(si("emissivity")),
}
"""All but the roughness length, which has the orography in it."""
