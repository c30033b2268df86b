"""Elevation of the fine cells from one or more height maps, the first that has data. Slope and aspect are made elsewhere from it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from lsbc.training.readers.raster import Piece, Raster, need_within, numbers
from lsbc.training.readers.resample import area_mean
from lsbc.training.readers.window import Window

LOWEST_M, HIGHEST_M = -500.0, 9000.0


def first_with_data(rasters: tuple[Raster, ...], window: Window, missing: tuple[float, ...] = (),
                    check: Callable[[Piece, np.ndarray], None] | None = None) -> np.ndarray:
    """Area means (float64) of the first map that has data in a cell, NaN where none has; values in `missing` are none either.

    `check` sees the values of the file's own cells and may refuse them.
    """

    def decode(piece: Piece) -> np.ndarray:
        value = numbers(piece)
        value[np.isin(value, missing)] = np.nan
        if check is not None:
            check(piece, value)
        return value

    out = np.full(window.shape, np.nan)
    for raster in rasters:
        if np.isnan(out).any():
            out = np.where(np.isnan(out), area_mean(raster, window, decode), out)
    return out


def elevation_m(rasters: tuple[Raster, ...], window: Window, missing: tuple[float, ...] = ()) -> np.ndarray:
    """Metres (float64), NaN without data; heights no place on land has are refused: a fill value not declared, or another unit."""
    return first_with_data(rasters, window, missing, partial(need_within, low=LOWEST_M, high=HIGHEST_M, what="elevation", unit="m"))
