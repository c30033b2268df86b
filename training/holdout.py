"""Which cells and years training never sees. Knows lattice indices and years only.

Whole driver cells are held out, chosen by a hash of their global position, so the choice does not depend on the
region's size or on random state. A buffer of fine cells around each gives no loss either.
"""

from __future__ import annotations

import hashlib

import numpy as np

from lsbc.training.config import SplitConfig
from lsbc.training.data import LandData


def draw(driver_row: int, driver_col: int, seed: int) -> float:
    """A number in [0, 1) that belongs to a driver cell: a property of its global indices and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{driver_row}:{driver_col}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64


def _cells_drawn(data: LandData, seed: int, low: float, high: float) -> np.ndarray:
    n_row, n_col = data.shape
    first_row, first_col = data.row0 // data.ratio, data.col0 // data.ratio
    driver = np.array([[low <= draw(first_row + r, first_col + c, seed) < high
                        for c in range(n_col // data.ratio)] for r in range(n_row // data.ratio)])
    return driver.repeat(data.ratio, axis=0).repeat(data.ratio, axis=1)


def held_out_cells(data: LandData, split: SplitConfig) -> np.ndarray:
    """Fine cells (row, col) bool of the driver cells the scores are reported on."""
    return _cells_drawn(data, split.seed, 0.0, split.held_out_share)


def check_cells(data: LandData, split: SplitConfig) -> np.ndarray:
    """Fine cells of the driver cells watched while training; never trained on and never reported on."""
    return _cells_drawn(data, split.seed, split.held_out_share, split.held_out_share + split.check_share)


def widen(cells: np.ndarray, reach: int) -> np.ndarray:
    """All cells within `reach` rows and columns of a marked cell."""
    padded = np.pad(cells, reach)
    rows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0).any(axis=-1)
    return np.lib.stride_tricks.sliding_window_view(rows, 2 * reach + 1, axis=1).any(axis=-1)


def training_cells(data: LandData, split: SplitConfig) -> np.ndarray:
    """Fine cells that may give loss: valid, and outside the held-out and watched cells and their buffer."""
    return data.valid & ~widen(held_out_cells(data, split) | check_cells(data, split), split.buffer_cells)


def training_pairs(data: LandData, split: SplitConfig) -> list[tuple[int, int]]:
    """(year, year + 1) with both inside the training years and the data."""
    first, last = split.train_years
    return [(year, year + 1) for year in data.years if first <= year and year + 1 <= last and year + 1 in data.years]


def test_pairs(data: LandData, split: SplitConfig) -> list[tuple[int, int]]:
    """(year, year + 1) whose target is a test year."""
    first, last = split.test_years
    return [(year, year + 1) for year in data.years if first <= year + 1 <= last and year + 1 in data.years]
