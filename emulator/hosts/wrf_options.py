"""Options that the writers of WRF's files share. Knows no file and no value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.wrf_monthly import WATER_ALBEDO

KEEP, ONE = "keep", "one"


@dataclass(frozen=True, kw_only=True)
class ClassOptions:
    """Of files with LU_INDEX."""

    crosswalk: str = option("crosswalk to WRF's MODIS classes: a shipped name or a .toml file", default="modis")
    fold_lakes: bool = option("make lakes (class 21) water (class 17) in all cells, for runs without sf_lake_physics", default=False)
    urban_codes: str = option("urban classes of LU_INDEX beyond the file's own (31 to 33, 51 to 61): 'keep' those of cells that stay urban, or make all of them 'one', "
                              "class 13", default=KEEP, choices=(KEEP, ONE))

    @property
    def one_urban(self) -> bool:
        return self.urban_codes == ONE


@dataclass(frozen=True, kw_only=True)
class AlbedoOptions:
    """Of files with albedo."""

    water_albedo: float = option("albedo of water in the class parameters that the yearly file was made with", default=WATER_ALBEDO)


@dataclass(frozen=True, kw_only=True)
class DatedOptions(AlbedoOptions):
    """Of files whose fields hold at a date."""

    albedo_course: Path | None = option("a geo_em file of the same cells, whose ALBEDO12M gives the albedo's course through the year; without it the year's "
                                        "mean is written for every date", default=None)
