"""Which parts of a tile's core the network computes, and how large the tiles are. Arithmetic alone: no network, no ranks, no files.

A tile's core is cut into blocks. Rectangles of blocks cover every block that holds a cell to compute; each is computed with the exact halo
around it. The rectangles come from straight cuts through the core, chosen so that the fewest cells are computed.

Size of the tiles: a network's card names a core. A domain with much land takes the largest multiple of it whose window fits the device
(`Limits.longest_window`) and that leaves `TILES_LEFT` tiles' worth of land, so that many ranks can share the work. The choice hangs on the
domain, the card and the device's limit, never on the ranks. The land of the globe at 30 arc seconds, core 240, halo 24: core 720 with
windows up to 1536 cells (GPU), core 480 with windows up to 576 cells (CPU).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lsbc.emulator.tile_engine import Rectangle
from lsbc.regrid.errors import ConfigError

CPU_WINDOW, GPU_WINDOW = 576, 1536
"""Longest edge of a window, halo included, where the configuration names none."""
GPU_CELLS_A_CALL = 400_000
"""Cells of the windows computed in one call on a GPU: enough to outweigh the launches, few enough that filling up last calls costs little (both estimated, not tuned)."""
BLOCK_CELLS, MOST_BLOCKS = 48, 30
"""Blocks are about this long, and a core has at most so many along an edge (the search grows with their third power)."""
TILES_LEFT = 160
MULTIPLES = (1, 2, 3, 4, 5, 6)
_TILES_AT_ONCE = 64
_NEVER = np.int32(1 << 28)


@dataclass(frozen=True)
class Limits:
    """What a device and its network ask of windows."""

    longest_window: int
    """Fine cells along an edge, halo included."""
    cells_a_call: int = 1
    """Cells computed together in one call; one window where it has as many."""
    whole_only: bool = False
    """The network takes the window of a whole tile and no other."""
    few_shapes: bool = False
    """Edges are 1, 2, 4, 8 ... blocks or the whole core, as every window size costs the device something."""

    @classmethod
    def of_device(cls, device: str, window: int, window_cells: int = 0, batch: int = 0, fixed_window: bool = False) -> Limits:
        """Limits of a CPU or a GPU.

        Args:
            window: edge of the card's window.  window_cells, batch: as in the configuration, 0: the default.
        Raises:
            ConfigError: `window_cells` is less than the window of a network that takes no other.
        """
        gpu = device != "cpu"
        longest = window_cells or (GPU_WINDOW if gpu else max(CPU_WINDOW, window))
        if fixed_window and longest < window:
            raise ConfigError(f"model.window_cells = {window_cells} is less than the {window} cells of the network's window; this backend takes no smaller one.")
        cells = batch * window * window or (GPU_CELLS_A_CALL if gpu else 1)
        return cls(longest, cells, fixed_window, gpu)


@dataclass(frozen=True)
class Cut:
    """How cores are cut: edges in fine cells; every edge a multiple of `block`."""

    core: int
    halo: int
    block: int
    limits: Limits

    def __post_init__(self) -> None:
        least = self.block + 2 * self.halo
        if self.limits.longest_window < least:
            raise ConfigError(f"model.window_cells = {self.limits.longest_window} is too small: a block of {self.block} cells and its halo of {self.halo} "
                              f"take {least}.")

    @property
    def n_block(self) -> int:
        """Blocks along an edge of the core."""
        return self.core // self.block

    def allowed(self) -> list[int]:
        """Edges a rectangle may have, in blocks."""
        n = self.n_block
        if self.limits.whole_only:
            return [n]
        longest = min(n, (self.limits.longest_window - 2 * self.halo) // self.block)
        return [edge for edge in range(1, longest + 1) if not self.limits.few_shapes or edge == n or edge & (edge - 1) == 0]

    def cells(self, rows: int, columns: int) -> int:
        """Cells computed for a rectangle of blocks."""
        return (rows * self.block + 2 * self.halo) * (columns * self.block + 2 * self.halo)


def batch_of(rows: int, columns: int, cells_a_call: int) -> int:
    """Windows of this size (halo included) in one call, the same for every call: about `cells_a_call` cells, at least one window.

    >>> batch_of(336, 336, 500_000), batch_of(144, 144, 500_000), batch_of(816, 816, 500_000)
    (4, 24, 1)
    """
    return max(1, cells_a_call // (rows * columns))


def block_cells(core: int, halo: int, depth: int) -> int:
    """Edge of a block: the divisor of the core on the pooling lattice nearest to the halo, but 16 to `BLOCK_CELLS`, that leaves at most `MOST_BLOCKS`.

    The larger of two that are as near.

    >>> block_cells(240, 48, 3), block_cells(400, 48, 3), block_cells(240, 24, 2), block_cells(976, 48, 3)
    (48, 40, 24, 488)
    """
    aim = min(BLOCK_CELLS, max(16, halo))
    return min((n for n in range(2**depth, core + 1, 2**depth) if core % n == 0 and core <= MOST_BLOCKS * n), key=lambda n: (abs(n - aim), -n))


def core_multiple(core: int, halo: int, block: int, n_row: int, n_col: int, n_land: int, limits: Limits) -> int:
    """How many of the card's cores lie along an edge of a tile's.

    Args:
        n_row, n_col: the card's cores from pole to pole and around the globe.  n_land: those of the domain that hold cells to compute.
    """
    if limits.whole_only:
        return 1  # such a network was built for the card's window
    fits = [m for m in MULTIPLES if n_row % m == 0 and n_col % m == 0 and m * core + 2 * halo <= limits.longest_window
            and m * core <= MOST_BLOCKS * block and n_land >= TILES_LEFT * m * m]
    return max(fits, default=1)


def cover(needed: np.ndarray, cut: Cut) -> list[tuple[Rectangle, ...]]:
    """Rectangles that cover the needed blocks of each tile with the fewest cells computed, among those that straight cuts can make.

    Args:
        needed: bool (n_tile, n_block, n_block).
    Returns:
        for each tile its rectangles, sorted, none overlapping; empty where nothing is needed.
    """
    out: list[tuple[Rectangle, ...]] = []
    for start in range(0, len(needed), _TILES_AT_ONCE):
        part = needed[start: start + _TILES_AT_ONCE]
        cost = _least_cells(part, cut)
        for k in range(len(part)):
            blocks = _follow(cost, cut, k)
            out.append(tuple(sorted(Rectangle(*(cut.block * edge for edge in place)) for place in blocks)))
    return out


def _least_cells(needed: np.ndarray, cut: Cut) -> dict[tuple[int, int], np.ndarray]:
    """(rows, columns) in blocks -> fewest cells that cover the needed blocks of that rectangle, int32 (n_tile, first row, first column)."""
    n = cut.n_block
    total = np.zeros((len(needed), n + 1, n + 1), np.int32)
    total[:, 1:, 1:] = needed.cumsum(axis=1).cumsum(axis=2)
    allowed = set(cut.allowed())
    cost: dict[tuple[int, int], np.ndarray] = {}
    for h in range(1, n + 1):
        for w in range(1, n + 1):
            above, left = n - h + 1, n - w + 1
            count = total[:, h:, w:] - total[:, :above, w:] - total[:, h:, :left] + total[:, :above, :left]
            whole = cut.cells(h, w) if h in allowed and w in allowed else _NEVER
            best = np.where(count > 0, np.int32(whole), np.int32(0))
            for k in range(1, h):
                np.minimum(best, cost[k, w][:, :above] + cost[h - k, w][:, k:], out=best)
            for k in range(1, w):
                np.minimum(best, cost[h, k][:, :, :left] + cost[h, w - k][:, :, k:], out=best)
            cost[h, w] = np.minimum(best, _NEVER)
    return cost


def _follow(cost: dict[tuple[int, int], np.ndarray], cut: Cut, tile: int) -> Iterator[tuple[int, int, int, int]]:
    """Rectangles (row, column, rows, columns) in blocks that give the least cost of one tile; whole before cut, first cut before later."""
    allowed = set(cut.allowed())
    waiting = [(0, 0, cut.n_block, cut.n_block)]
    while waiting:
        row, column, h, w = waiting.pop()
        least = cost[h, w][tile, row, column]
        if least == 0:
            continue
        if h in allowed and w in allowed and least == cut.cells(h, w):
            yield row, column, h, w
            continue
        at = next((k for k in range(1, h) if cost[k, w][tile, row, column] + cost[h - k, w][tile, row + k, column] == least), None)
        if at is not None:
            waiting += [(row, column, at, w), (row + at, column, h - at, w)]
            continue
        at = next(k for k in range(1, w) if cost[h, k][tile, row, column] + cost[h, w - k][tile, row, column + k] == least)
        waiting += [(row, column, h, at), (row, column + at, h, w - at)]


def shortened(windows: Sequence[Rectangle], longest: int, step: int) -> tuple[Rectangle, ...]:
    """The same cells in rectangles whose edges are at most `longest` cells (a step at least); edges and cuts lie on multiples of `step`."""
    return tuple(Rectangle(window.row + row, window.column + column, rows, columns)
                 for window in windows for row, rows in _parts(window.rows, longest, step) for column, columns in _parts(window.columns, longest, step))


def _parts(n: int, longest: int, step: int) -> list[tuple[int, int]]:
    """(first, length) of about equal parts of 0 .. n - 1.

    >>> _parts(96, 40, 8)
    [(0, 32), (32, 32), (64, 32)]
    """
    n_part = -(-n // max(longest // step * step, step))
    edge = -(-n // (n_part * step)) * step
    return [(first, min(edge, n - first)) for first in range(0, n, edge)]


def merge_blocks(tile: np.ndarray, needed: np.ndarray, n_col: int, multiple: int) -> tuple[np.ndarray, np.ndarray]:
    """Tiles `multiple` times as long, and their blocks, from the card's.

    Args:
        tile: ids on the lattice of the card's cores, `n_col` of them around the globe.  needed: bool (n_tile, n_block, n_block).
    Returns:
        ids of the larger tiles that hold any of them, sorted; bool (n, multiple * n_block, multiple * n_block).
    """
    n_block = needed.shape[1]
    row, col = np.divmod(np.asarray(tile, np.int64), n_col)
    parents, position = np.unique(row // multiple * (n_col // multiple) + col // multiple, return_inverse=True)
    out = np.zeros((len(parents), multiple, n_block, multiple, n_block), bool)
    out[position, row % multiple, :, col % multiple, :] = needed
    return parents, out.reshape(len(parents), multiple * n_block, multiple * n_block)


@dataclass(frozen=True)
class Work:
    """How much the network computes in a year."""

    cells_wanted: int
    """Fine cells whose class may change."""
    cells_computed: int
    """Cells of all windows, halo included, and of the empty windows that fill up the last call of each size on each network (ranks that share one
    hand it their tiles in rounds, and each round ends with such calls; not counted here)."""
    n_window: int
    n_shape: int
    """Window sizes."""

    @property
    def ratio(self) -> float:
        """Cells computed for each one wanted."""
        return self.cells_computed / max(self.cells_wanted, 1)


def computed_cells(windows: Sequence[Rectangle], halo: int) -> int:
    """Cells of the windows of one tile, halo included."""
    return sum((w.rows + 2 * halo) * (w.columns + 2 * halo) for w in windows)


def plan_summary(windows: Sequence[Sequence[Rectangle]], cells_wanted: int, cut: Cut, group: Sequence[int] | None = None) -> Work:
    """What a set of tiles costs.

    Args:
        windows: of each tile.  group: which network computes the tile, for the calls that are filled up; one for all if absent.
    """
    count: dict[tuple[int, int, int], int] = {}
    for k, rectangles in enumerate(windows):
        for w in rectangles:
            shape = (0 if group is None else int(group[k]), w.rows + 2 * cut.halo, w.columns + 2 * cut.halo)
            count[shape] = count.get(shape, 0) + 1
    computed = 0
    for (_, rows, columns), n in count.items():
        batch = batch_of(rows, columns, cut.limits.cells_a_call)
        computed += -(-n // batch) * batch * rows * columns
    return Work(cells_wanted, computed, sum(count.values()), len({shape[1:] for shape in count}))
