"""SoilGrids 2.0 properties as the mean of the root zone in plain units. Knows depths, scales and nodata; no pedology.

The maps must be in degrees (WCS or gdalwarp to EPSG:4326): the native Homolosine files are refused by their projection.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.regrid.errors import FileError
from lsbc.training.readers.raster import Piece, Raster, need_within, numbers, open_raster
from lsbc.training.readers.resample import area_mean
from lsbc.training.readers.window import Window

DEPTH = "{depth}"
DEPTHS_CM = ((0, 5), (5, 15), (15, 30), (30, 60), (60, 100))
"""Layers of the root zone; 100-200 cm lies under it."""
PROPERTIES = {
    "clay": (1e-3, "1", 1.0), "sand": (1e-3, "1", 1.0), "silt": (1e-3, "1", 1.0), "cfvo": (1e-3, "1", 1.0),
    "soc": (1e-4, "kg kg-1", 1.0), "nitrogen": (1e-5, "kg kg-1", 1.0), "bdod": (10.0, "kg m-3", 3000.0), "phh2o": (0.1, "1", 14.0),
}
"""Name -> factor to the unit, unit, largest value. Stored: clay, sand, silt g/kg; cfvo cm3/dm3; soc dg/kg; nitrogen cg/kg; bdod cg/cm3; pH x 10."""


def depth_name(top_bottom_cm: tuple[int, int]) -> str:
    """As the producer writes it.

    >>> depth_name((0, 5))
    '0-5cm'
    """
    return f"{top_bottom_cm[0]}-{top_bottom_cm[1]}cm"


def open_depths(pattern: Path, variable: str | None = None) -> tuple[Raster, ...]:
    """The maps of all depths of the root zone; `{depth}` in the name stands for `0-5cm` and so on."""
    paths = [pattern.with_name(pattern.name.replace(DEPTH, depth_name(depth))) for depth in DEPTHS_CM]
    missing = [path.name for path in paths if not path.is_file()]
    if missing or DEPTH not in pattern.name:
        raise FileError(f"Soil map {pattern} must stand for the five depths of 0-100 cm by {DEPTH}; missing: {', '.join(missing) or 'none'}.")
    return tuple(open_raster(path, variable) for path in paths)


def root_zone_mean(rasters: tuple[Raster, ...], name: str, window: Window) -> np.ndarray:
    """Depth-weighted mean (float64) of 0-100 cm in the unit of PROPERTIES; NaN where any depth has no data."""
    factor, unit, largest = PROPERTIES[name]

    def decode(piece: Piece) -> np.ndarray:
        stored = numbers(piece)
        need_within(piece, stored * factor, 0.0, largest * (1 + 1e-9), name, unit)
        return stored

    total = np.zeros(window.shape)
    for raster, (top, bottom) in zip(rasters, DEPTHS_CM, strict=True):
        total += area_mean(raster, window, decode) * factor * (bottom - top)
    return total / 100.0
