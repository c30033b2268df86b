"""What WRF's restart file holds by land use, made anew as WRF makes it at a start: landuse_init, LSMINIT, urban_var_init. Knows no files but WRF's tables.

Arithmetic is done in the precision of the host's file, in the host's order, so that the numbers are the host's own, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.wrf_run import NOAH, RUC, WINTER, WrfRun
from lsbc.emulator.surface.tables import ParameterTable
from lsbc.emulator.surface.wrf_tables import read_landuse, read_vegparm
from lsbc.regrid.errors import ConfigError

START_FIELDS = ("ALBBCK", "ALBEDO", "EMBCK", "EMISS", "Z0", "ZNT", "THC", "MAVAIL")
"""Fields of the restart file that landuse_init sets from LANDUSE.TBL."""
SNOW_COVERED = 0.5
"""SNOWC above which landuse_init takes a cell for snow."""
URBAN_OF_TSK = ("TS_URB", "TR_URB", "TB_URB", "TG_URB", "TC_URB", "TGR_URB")
URBAN_ZERO = ("XXXR_URB2D", "XXXB_URB2D", "XXXG_URB2D", "XXXC_URB2D", "CMCR_URB", "DRELR_URB", "DRELB_URB", "DRELG_URB",
              "FLXHUMR_URB", "FLXHUMB_URB", "FLXHUMG_URB")
URBAN_OF_SOIL = ("TRL_URB", "TBL_URB", "TGRL_URB")
URBAN_LAYERS = 4
URBAN_SOIL = ("TSLB", *URBAN_OF_SOIL, "TGL_URB", "SMR_URB")
"""Of what `urban_start` reads and gives, those with layers."""


@dataclass(frozen=True, eq=False)
class LandUse:
    """One system of LANDUSE.TBL as landuse_init holds it: (n_class,) arrays, class k in row k - 1, in the host's precision and the table's units."""

    albedo_percent: np.ndarray
    moisture: np.ndarray
    emissivity: np.ndarray
    z0_cm: np.ndarray
    inertia: np.ndarray
    snow_effect: np.ndarray
    notes: tuple[str, ...]

    @classmethod
    def read(cls, path: Path, system: str, season: str, dtype: np.dtype) -> LandUse:
        """The table of one season; the snow effect SCFX is that of the last season, because landuse_init has one for all and reads it with each.

        Raises:
            FileError, ConfigError: as `read_landuse`; a column that landuse_init reads is missing.
        """
        table, last = (read_landuse(path, system, name) for name in (season, WINTER))
        columns = [table.quantity(name).values.astype(dtype) for name in ("ALBD", "SLMO", "SFEM", "SFZ0", "THERIN")]
        return cls(*columns, last.quantity("SCFX").values.astype(dtype), table.notes)

    def start(self, classes: np.ndarray, snowc: np.ndarray, albbck: np.ndarray | None, snoalb: np.ndarray | None) -> dict[str, np.ndarray]:
        """What landuse_init gives to land cells.

        Args:
            classes: (n,) codes of LU_INDEX.  snowc: (n,) SNOWC.
            albbck, snoalb: (n,) background and snow albedo of the file's own map (usemonalb); None: both from the table.
        Returns:
            START_FIELDS by name, each (n,).
        Raises:
            ConfigError: a class that the table does not have.
        """
        row = classes.astype(np.int64) - 1
        if row.size and not (row.min() >= 0 and row.max() < len(self.z0_cm)):
            raise ConfigError(f"LANDUSE.TBL has the classes 1..{len(self.z0_cm)}, LU_INDEX goes from {row.min() + 1} to {row.max() + 1}.")
        hundred, one = self.z0_cm.dtype.type(100), self.z0_cm.dtype.type(1)
        background = self.albedo_percent[row] / hundred if albbck is None else albbck
        under_snow = background * (one + self.snow_effect[row]) if snoalb is None else snoalb
        z0, emissivity = self.z0_cm[row] / hundred, self.emissivity[row]
        return {"ALBBCK": background, "ALBEDO": np.where(snowc > SNOW_COVERED, under_snow, background), "EMBCK": emissivity, "EMISS": emissivity,
                "Z0": z0, "ZNT": z0, "THC": self.inertia[row] / hundred, "MAVAIL": self.moisture[row]}


def start_fields(run: WrfRun) -> tuple[str, ...]:
    """Those of START_FIELDS that changed cells take from `LandUse.start`: RUC's MAVAIL is the wetness of its top soil layer (lsmruc), no number of a table."""
    return tuple(name for name in START_FIELDS if not (name == "MAVAIL" and run.surface == RUC))


def snow_albedo(run: WrfRun, path: Path | None, system: str, dtype: np.dtype) -> np.ndarray | None:
    """SNOALB by class, (n_class,), where LSMINIT takes it from VEGPARM.TBL (Noah with rdmaxalb = .false.); None where it is a map of its own.

    Raises:
        ConfigError: it is needed and no table is given.  FileError: as `read_vegparm`.
    """
    if run.surface != NOAH or run.rdmaxalb:
        return None
    if path is None:
        raise ConfigError("With rdmaxalb = .false. Noah's SNOALB is MAXALB of VEGPARM.TBL: give it as vegparm_tbl.")
    table: ParameterTable = read_vegparm(path, system)
    return table.quantity("MAXALB").values.astype(dtype) * dtype.type(0.01)


def urban_start(tsk: np.ndarray, tslb: np.ndarray) -> dict[str, np.ndarray]:
    """State of the single-layer urban canopy of cells that were not urban before, from the cells' own temperatures (urban_var_init at a start).

    Without it Noah parts TSK into a rural and an urban share with TS_URB of the run's first day, an error that it divides by the rural share.

    Args:
        tsk: (n,) skin temperature [K].  tslb: (4, n) soil temperature from the top [K].
    Returns:
        by name: (n,), or (4, n) for layers.
    """
    dtype = tsk.dtype
    layers = np.stack([tslb[0], dtype.type(0.5) * (tslb[0] + tslb[1]), tslb[1], tslb[1] + (tslb[2] - tslb[1]) * dtype.type(0.29)])
    roof_soil = np.zeros_like(tslb)
    roof_soil[:3] = dtype.type(0.2)
    return {**{name: tsk for name in URBAN_OF_TSK}, **{name: np.zeros_like(tsk) for name in URBAN_ZERO},
            **{name: layers for name in URBAN_OF_SOIL}, "TGL_URB": tslb, "SMR_URB": roof_soil}
