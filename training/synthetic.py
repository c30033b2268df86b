"""Makes a small land-use history from formulas, for tests and for trying the training without any file."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES, NO_DATA
from lsbc.training.data import RATIO, LandData

ROW0, COL0 = 16470, 22650


def synthetic_data(years: tuple[int, int] = (2000, 2010), n_driver: tuple[int, int] = (5, 6)) -> LandData:
    """Forest on waves of hills, towns that grow one ring every other year, a lake, and an outside corner.

    The result is the same on every call: no random numbers.
    """
    n_row, n_col = n_driver[0] * RATIO, n_driver[1] * RATIO
    row, col = np.mgrid[0:n_row, 0:n_col]
    height_m = 500 + 400 * np.sin(row / 23.0) * np.cos(col / 31.0)
    base = np.full((n_row, n_col), CLASS_NAMES.index("cropland"), np.uint8)
    base[height_m > 600] = CLASS_NAMES.index("forest")
    base[height_m < 330] = CLASS_NAMES.index("pasture")
    base[(row - 100) ** 2 + (col - 40) ** 2 < 64] = CLASS_NAMES.index("water")
    span = tuple(range(years[0], years[1] + 1))
    maps = np.repeat(base[None], len(span), axis=0)
    for step in range(len(span)):
        for town_row, town_col in ((30, 30), (75, 120), (120, 90)):
            town = (row - town_row) ** 2 + (col - town_col) ** 2 < (4 + step // 2) ** 2
            maps[step][town & (base != CLASS_NAMES.index("water"))] = CLASS_NAMES.index("urban")
    maps[:, row + col < 25] = NO_DATA
    koppen = np.where(height_m > 700, 4, 3).astype(np.uint8)
    coarse_m = (np.round(height_m / 28) * 28).astype(np.float32)
    return LandData(span, ROW0, COL0, maps, (height_m.astype(np.float32), coarse_m), koppen,
                    np.ones((n_row, n_col), np.uint8))
