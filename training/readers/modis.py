"""MODIS land cover MCD12Q1 and MCD12C1, IGBP classes on longitude and latitude, in HILDA+ codes. Knows no store.

The sinusoidal HDF tiles are not read: export them to EPSG:4326 first (AppEEARS, gdalwarp -r near).
"""

from __future__ import annotations

from pathlib import Path

from lsbc.training.readers.legends import IGBP
from lsbc.training.readers.series import ClassMaps, YearlyMaps

VARIABLE = "LC_Type1"


def open_modis(files: tuple[Path, ...], version: str, variable: str | None, resample: str, years: tuple[int, ...]) -> ClassMaps:
    """Maps of all `years` on any grid in degrees; the file of each year must be there."""
    maps = YearlyMaps(files, variable or VARIABLE)
    for path in dict.fromkeys(maps.path_of(year) for year in years):
        maps.raster(path)
    return ClassMaps(maps, IGBP, f"MODIS land cover v{version} (IGBP)", resample)
