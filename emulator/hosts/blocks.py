"""Parts of a host's map in whole rows, so that no more of a variable is held than a part, and the positions of their cells. Knows no host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lsbc.emulator.hosts.year_file import SLAB_CELLS


@dataclass(frozen=True)
class Block:
    """`rows` of a map's first dimension; `cells` are their positions in the flattened map."""

    rows: slice
    cells: slice
    shape: tuple[int, ...]
    """Of the block."""

    @property
    def n_cell(self) -> int:
        return self.cells.stop - self.cells.start

    def read(self, variable, *lead: int) -> np.ndarray:
        """Values as they lie in the file, (..., n_cell); `lead` are indices of the first dimensions, the last ones are those of the map."""
        values = np.asarray(variable[self._index(variable, lead)])
        return values.reshape(*values.shape[:values.ndim - len(self.shape)], self.n_cell)

    def put(self, variable, values: np.ndarray, *lead: int) -> None:
        """Write `values`, (..., n_cell), where `read` would find them."""
        variable[self._index(variable, lead)] = values.reshape(*values.shape[:-1], *self.shape)

    def _index(self, variable, lead: tuple[int, ...]) -> tuple:
        between = len(variable.dimensions) - len(lead) - len(self.shape)
        return (*lead, *(slice(None),) * between, self.rows, *(slice(None),) * (len(self.shape) - 1))


def blocks(shape: tuple[int, ...], n_cell: int = SLAB_CELLS) -> Iterator[Block]:
    """Blocks of about `n_cell` cells that cover a map of this shape, in its order."""
    row_cells = int(np.prod(shape[1:], dtype=np.int64))
    step = block_rows(shape, n_cell)
    for first in range(0, shape[0], step):
        last = min(first + step, shape[0])
        yield Block(slice(first, last), slice(first * row_cells, last * row_cells), (last - first, *shape[1:]))


def block_rows(shape: tuple[int, ...], n_cell: int = SLAB_CELLS) -> int:
    """Rows of one block."""
    return max(1, n_cell // max(1, int(np.prod(shape[1:], dtype=np.int64))))


def rows_sum(values: np.ndarray) -> np.ndarray:
    """Sum over the first axis, added from the first row on: bits of a cell depend on that cell alone."""
    total = np.zeros(values.shape[1:])
    for row in values:
        total += row
    return total
