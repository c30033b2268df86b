"""The global tile lattice and who owns which tile. Arithmetic only: no ranks' communication, no files, no network.

Cores tile the globe and depend on the model alone. Owners are contiguous runs along a Hilbert curve,
weighted by the land cells to be computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid.lattice import Lattice


@dataclass(frozen=True)
class TileLattice:
    """Square cores of `core` fine cells covering the globe; tile id = tile row * tiles per row + tile column."""

    fine: Lattice
    core: int
    halo: int

    @property
    def n_row(self) -> int:
        """Tile rows from pole to pole."""
        return self.fine.n_lat // self.core

    @property
    def n_col(self) -> int:
        """Tiles around the globe."""
        return self.fine.n_lon // self.core

    @property
    def window(self) -> int:
        """Cells along one side of a tile with its halo."""
        return self.core + 2 * self.halo

    def row_col(self, tile: int) -> tuple[int, int]:
        """Tile row and column of a tile id."""
        return divmod(int(tile), self.n_col)

    def window_origin(self, tile: int) -> tuple[int, int]:
        """Fine row and column of the window's first cell; may lie beyond a pole or the date line."""
        row, col = self.row_col(tile)
        return row * self.core - self.halo, col * self.core - self.halo

    def tile_of_cell(self, cell: np.ndarray) -> np.ndarray:
        """Tile id that owns each global fine cell."""
        row, col = np.divmod(np.asarray(cell, np.int64), self.fine.n_lon)
        return row // self.core * self.n_col + col // self.core

    def core_cells(self, tile: int) -> np.ndarray:
        """Global fine ids of the core, (core, core), rows south to north."""
        row, col = self.row_col(tile)
        rows = np.arange(row * self.core, (row + 1) * self.core, dtype=np.int64)
        cols = np.arange(col * self.core, (col + 1) * self.core, dtype=np.int64)
        return rows[:, None] * self.fine.n_lon + cols[None, :]

    def window_cells(self, tile: int) -> np.ndarray:
        """Global fine ids of the window, (window, window); -1 beyond a pole, wrapped at the date line."""
        row0, col0 = self.window_origin(tile)
        rows = np.arange(row0, row0 + self.window, dtype=np.int64)
        cols = np.arange(col0, col0 + self.window, dtype=np.int64) % self.fine.n_lon
        cells = rows[:, None] * self.fine.n_lon + cols[None, :]
        cells[(rows < 0) | (rows >= self.fine.n_lat)] = -1
        return cells


def hilbert_index(n_bit: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Position along the Hilbert curve of a 2^n_bit square (Skilling's transposed form, vectorised).

    >>> hilbert_index(1, np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0])).tolist()
    [0, 1, 2, 3]
    """
    x, y = np.array(x, np.int64), np.array(y, np.int64)
    position = np.zeros_like(x)
    for bit in range(n_bit - 1, -1, -1):
        side = 1 << bit
        right, upper = (x & side) > 0, (y & side) > 0
        position += side * side * ((3 * right) ^ upper)
        flip = ~upper & right
        x, y = np.where(flip, side - 1 - (x & (side - 1)), x & (side - 1)), np.where(flip, side - 1 - (y & (side - 1)), y & (side - 1))
        x, y = np.where(upper, x, y), np.where(upper, y, x)
    return position


def assign_owners(lattice: TileLattice, tile: np.ndarray, weight: np.ndarray, n_rank: int) -> np.ndarray:
    """Rank of each tile: contiguous runs along the curve with about equal sums of `weight`.

    Args:
        tile: ids, any order.  weight: cells to compute in each, >= 0.
    """
    row, col = np.divmod(np.asarray(tile, np.int64), lattice.n_col)
    n_bit = max(lattice.n_row, lattice.n_col).bit_length()
    order = np.argsort(hilbert_index(n_bit, col, row), kind="stable")
    load = np.asarray(weight, np.int64)[order] + 1  # an empty tile still costs its bookkeeping
    middle = np.cumsum(load) - load // 2
    owner = np.empty(len(order), np.int64)
    owner[order] = np.minimum(middle * n_rank // max(int(load.sum()), 1), n_rank - 1)
    return owner
