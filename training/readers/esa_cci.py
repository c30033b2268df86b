"""ESA CCI and C3S land cover (300 m, NetCDF a year or a series) in HILDA+ codes. Knows the product's grid and names, no store."""

from __future__ import annotations

from pathlib import Path

from lsbc.regrid.errors import FileError
from lsbc.training.readers.legends import ESA_CCI
from lsbc.training.readers.series import ClassMaps, YearlyMaps

VARIABLE = "lccs_class"
CELLS_PER_DEGREE = 360


def open_esa_cci(files: tuple[Path, ...], version: str, variable: str | None, resample: str, years: tuple[int, ...]) -> ClassMaps:
    """Maps of all `years`; every file must have the 300 m grid. Signed bytes are read as unsigned."""
    maps = YearlyMaps(files, variable or VARIABLE)
    for path in dict.fromkeys(maps.path_of(year) for year in years):
        raster = maps.raster(path)
        for name, axis in (("latitude", raster.lat), ("longitude", raster.lon)):
            if abs(axis.step_deg * CELLS_PER_DEGREE - 1.0) > 1e-4:
                raise FileError(f"File {path}: {name} has steps of {axis.step_deg:.8f} degrees; ESA CCI land cover v{version} has 1/360.")
    return ClassMaps(maps, ESA_CCI, f"ESA CCI land cover v{version}", resample)
