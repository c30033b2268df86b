"""HILDA+ v1.0 and v2.x land-use states: GeoTIFF a year or one NetCDF. Knows the versions' grids, names and codes.

v1.0's cells of 0.009988 degrees sit on no lattice of 0.01 degrees or 30 arc seconds: `nearest` keeps every code as it was
mapped, `majority` takes the larger part of each cell. Transitions and management files are not states and not read here.
"""

from __future__ import annotations

import re
from pathlib import Path

from lsbc.regrid.errors import FileError
from lsbc.training.readers.legends import HILDA
from lsbc.training.readers.raster import Raster
from lsbc.training.readers.series import ClassMaps, YearlyMaps

FIRST_YEAR = 1899
"""Year of layer 0 of the NetCDF files."""
VARIABLE = "LULC_states"
SPACING_DEG = {"1.0": 0.0099885, "2.0": 0.01, "2.1": 0.01}
_TOLERANCE_DEG = 2e-6
_VERSION_IN_NAME = re.compile(r"GLOB-v?(\d)(?:[-.](\d))?", re.IGNORECASE)


def _check_version(raster: Raster, version: str) -> None:
    for name, axis in (("latitude", raster.lat), ("longitude", raster.lon)):
        if abs(axis.step_deg - SPACING_DEG[version]) > _TOLERANCE_DEG:
            raise FileError(f"File {raster.path}: {name} has steps of {axis.step_deg:.8f} degrees; HILDA+ v{version} has {SPACING_DEG[version]:.7g}.")
    if "transition" in raster.path.name.lower():
        raise FileError(f"File {raster.path} holds transitions by its name; the states of HILDA+ are expected.")
    named = _VERSION_IN_NAME.search(raster.path.name)
    if named is None:
        return
    major, minor = named.group(1), named.group(2) or ("1" if "crop" in raster.path.name else None)
    if major != version[0] or (minor is not None and minor != version[2]):
        told = major if minor is None else f"{major}.{minor}"
        raise FileError(f"File {raster.path} calls itself HILDA+ v{told}, but version = '{version}' is asked for.")


def open_hilda(files: tuple[Path, ...], version: str, variable: str | None, resample: str, years: tuple[int, ...]) -> ClassMaps:
    """Maps of all `years`, each found and checked against the stated version before anything is read."""
    maps = YearlyMaps(files, variable or VARIABLE, FIRST_YEAR)
    for path in dict.fromkeys(maps.path_of(year) for year in years):
        _check_version(maps.raster(path), version)
    return ClassMaps(maps, HILDA[version], f"HILDA+ v{version}", resample)
