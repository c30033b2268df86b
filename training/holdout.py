"""Which cells and years training never sees. Knows lattice indices and years only.

Whole driver cells are held out, chosen by a hash of their global position, so the choice does not depend on the
region's size or on random state. A buffer of fine cells around each gives no loss either.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from lsbc.training.config import SplitConfig
from lsbc.training.data import LandData


def draw(driver_row: int, driver_col: int, seed: int) -> float:
    """A number in [0, 1) that belongs to a driver cell: a property of its global indices and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{driver_row}:{driver_col}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64


def _drawn(data: LandData, seed: int, low: float, high: float) -> np.ndarray:
    """Driver cells (row, col) whose number lies in [low, high)."""
    first_row, first_col = data.row0 // data.ratio, data.col0 // data.ratio
    n_row, n_col = (n // data.ratio for n in data.shape)
    return np.array([[low <= draw(first_row + r, first_col + c, seed) < high for c in range(n_col)] for r in range(n_row)])


@dataclass(frozen=True)
class HeldOut:
    """Driver cells kept out of training, and the fine cells they take with them, cut window by window.

    reported: scores are reported on these.  watched: looked at while training, never trained on, never reported on.
    """

    reported: np.ndarray
    watched: np.ndarray
    ratio: int
    buffer_cells: int

    @classmethod
    def of(cls, data: LandData, split: SplitConfig) -> HeldOut:
        """The driver cells of a region that the split's seed and shares keep out."""
        edge = split.held_out_share + split.check_share
        return cls(_drawn(data, split.seed, 0.0, split.held_out_share), _drawn(data, split.seed, split.held_out_share, edge),
                   data.ratio, split.buffer_cells)

    @property
    def kept_out(self) -> np.ndarray:
        """Driver cells that are reported on or watched."""
        return self.reported | self.watched

    def without_loss(self, row: int, col: int, n_row: int, n_col: int) -> np.ndarray:
        """Fine cells of a window (of the region, may reach outside) in or near a driver cell that is kept out."""
        wide = self._fine(self.kept_out, row - self.buffer_cells, col - self.buffer_cells,
                          n_row + 2 * self.buffer_cells, n_col + 2 * self.buffer_cells)
        inner = slice(self.buffer_cells, -self.buffer_cells or None)
        return widen(wide, self.buffer_cells)[inner, inner]

    def reported_cells(self, row: int, col: int, n_row: int, n_col: int) -> np.ndarray:
        """Fine cells of a window that lie in driver cells the scores are reported on."""
        return self._fine(self.reported, row, col, n_row, n_col)

    def watched_cells(self, row: int, col: int, n_row: int, n_col: int) -> np.ndarray:
        """Fine cells of a window that lie in watched driver cells."""
        return self._fine(self.watched, row, col, n_row, n_col)

    def _fine(self, driver: np.ndarray, row: int, col: int, n_row: int, n_col: int) -> np.ndarray:
        rows, cols = (np.arange(at, at + n) // self.ratio for at, n in ((row, n_row), (col, n_col)))
        inside = ((rows >= 0) & (rows < driver.shape[0]))[:, None] & ((cols >= 0) & (cols < driver.shape[1]))
        return driver[np.clip(rows, 0, driver.shape[0] - 1)][:, np.clip(cols, 0, driver.shape[1] - 1)] & inside


def held_out_cells(data: LandData, split: SplitConfig) -> np.ndarray:
    """Fine cells (row, col) bool of the driver cells the scores are reported on."""
    held = HeldOut.of(data, split)
    return held.reported_cells(0, 0, *data.shape)


def check_cells(data: LandData, split: SplitConfig) -> np.ndarray:
    """Fine cells of the driver cells watched while training; never trained on and never reported on."""
    return HeldOut.of(data, split).watched_cells(0, 0, *data.shape)


def widen(cells: np.ndarray, reach: int) -> np.ndarray:
    """All cells within `reach` rows and columns of a marked cell."""
    padded = np.pad(cells, reach)
    rows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0).any(axis=-1)
    return np.lib.stride_tricks.sliding_window_view(rows, 2 * reach + 1, axis=1).any(axis=-1)


def training_cells(data: LandData, split: SplitConfig) -> np.ndarray:
    """Fine cells that may give loss: valid, and outside the held-out and watched cells and their buffer."""
    return data.valid & ~HeldOut.of(data, split).without_loss(0, 0, *data.shape)


def training_pairs(data: LandData, split: SplitConfig) -> list[tuple[int, int]]:
    """(year, year + 1) with both inside the training years and the data."""
    first, last = split.train_years
    return [(year, year + 1) for year in data.years if first <= year and year + 1 <= last and year + 1 in data.years]


def year_runs(data: LandData, split: SplitConfig, n_step: int) -> list[tuple[int, tuple[int, ...]]]:
    """(year, the next `n_step` years) with all of them inside the training years and the data."""
    first, last = split.train_years
    usable = {year for year in data.years if first <= year <= last}
    return [(year, tuple(range(year + 1, year + 1 + n_step))) for year in sorted(usable) if usable.issuperset(range(year + 1, year + 1 + n_step))]


def test_pairs(data: LandData, split: SplitConfig) -> list[tuple[int, int]]:
    """(year, year + 1) whose target is a test year."""
    first, last = split.test_years
    return [(year, year + 1) for year in data.years if first <= year + 1 <= last and year + 1 in data.years]
