"""Elevation of the fine cells from one or more height maps, the first that has data. Slope and aspect are made elsewhere from it."""

from __future__ import annotations

import numpy as np

from lsbc.regrid.errors import ValueRangeError
from lsbc.training.readers.raster import Piece, Raster, numbers
from lsbc.training.readers.resample import area_mean
from lsbc.training.readers.window import Window

LOWEST_M, HIGHEST_M = -500.0, 9000.0


def first_with_data(rasters: tuple[Raster, ...], window: Window, missing: tuple[float, ...] = ()) -> np.ndarray:
    """Area means (float64) of the first map that has data in a cell, NaN where none has; values in `missing` are none either."""

    def decode(piece: Piece) -> np.ndarray:
        value = numbers(piece)
        value[np.isin(value, missing)] = np.nan
        return value

    out = np.full(window.shape, np.nan)
    for raster in rasters:
        if np.isnan(out).any():
            out = np.where(np.isnan(out), area_mean(raster, window, decode), out)
    return out


def elevation_m(rasters: tuple[Raster, ...], window: Window, missing: tuple[float, ...] = ()) -> np.ndarray:
    """Metres (float64), NaN without data; heights no place on land has are refused: a fill value not declared, or another unit."""
    height = first_with_data(rasters, window, missing)
    bad = (height < LOWEST_M) | (height > HIGHEST_M)
    if bad.any():
        row, col = (int(k) for k in np.argwhere(bad)[0])
        lat, lon = window.lattice.lat_centre_deg(window.row0 + row), window.lattice.lon_centre_deg(window.col0 + col)
        files = ", ".join(str(raster.path) for raster in rasters)
        raise ValueRangeError(f"Elevation of {files} is {height[row, col]:.6g} m at {lat:.4f} N {lon:.4f} E; {LOWEST_M:g}..{HIGHEST_M:g} is expected.")
    return height
