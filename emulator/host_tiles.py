"""Tiles on the host's processor: channels put straight into the network's own buffer, logits cropped to the rectangles. Knows no ranks.

Windows of one size go into calls of one fixed size; the last call is filled up with zeros.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lsbc.emulator.channels import Channel, Window, assemble_shown
from lsbc.emulator.classes import AFTER_DYNAMIC, FIRST_DYNAMIC, N_CLASS
from lsbc.emulator.gate import check_logits
from lsbc.emulator.network import Network
from lsbc.emulator.tile_engine import Deliver, Rectangle, TileStatics, TileYear, Want, seconds_of_engine
from lsbc.emulator.windows import batch_of, shortened

MOST_WAITING = 8
"""Tiles begun and not yet delivered; beyond that the calls they wait for are made with what there is."""


@dataclass
class _Begun:
    """A tile whose rectangles are not all computed yet."""

    out: np.ndarray
    left: set[Rectangle]


class HostTiles:
    """A `TileEngine` around a network that takes and gives arrays of the host.

    Args:
        ratio: fine cells along one side of a driver cell.  core, halo: of the tiles.  cells_a_call: as in `windows.batch_of`.
        longest_window: rectangles are cut up where their windows are longer, along cells of the pooling `lattice`.
    """

    def __init__(self, network: Network, channels: Sequence[Channel], ratio: int, core: int, halo: int, cells_a_call: int = 1,
                 longest_window: int = 0, lattice: int = 1):
        self._network, self._channels, self._ratio = network, tuple(channels), ratio
        self._core, self._halo, self._cells_a_call = core, halo, cells_a_call
        self._longest, self._lattice = (longest_window - 2 * halo if longest_window else core), lattice
        self._statics: Sequence[TileStatics] = ()
        self._spare: list[np.ndarray] = []
        self.seconds = seconds_of_engine()

    def load(self, statics: Sequence[TileStatics]) -> None:
        """Take the tiles of a grid; the arrays are kept, not copied."""
        self._statics = tuple(replace(tile, windows=shortened(tile.windows, self._longest, self._lattice)) for tile in statics)

    def run(self, years: Mapping[int, TileYear], want: Want, deliver: Deliver) -> None:
        """Compute the tiles at these positions (see `TileEngine`)."""
        shape = (N_CLASS, self._core, self._core) if want == "scores" else (self._core, self._core)
        dtype = np.float32 if want == "scores" else np.uint8
        self._spare = []
        begun: dict[int, _Begun] = {}
        queue: dict[tuple[int, int], list[tuple[int, Rectangle]]] = {}

        def compute(size: tuple[int, int]) -> None:
            jobs = queue.pop(size)
            self._compute(size, jobs, years, begun)
            for k in dict.fromkeys(k for k, _ in jobs):
                if not begun[k].left:
                    deliver(k, begun[k].out)
                    self._spare.append(begun.pop(k).out)

        for k in years:
            windows = self._statics[k].windows
            begun[k] = _Begun(self._blank(shape, dtype), set(windows))
            if not windows:
                deliver(k, begun.pop(k).out)
            for window in windows:
                size = (window.rows + 2 * self._halo, window.columns + 2 * self._halo)
                queue.setdefault(size, []).append((k, window))
                if len(queue[size]) == batch_of(*size, self._cells_a_call):
                    compute(size)
            while len(begun) > MOST_WAITING:
                oldest = next(iter(begun))
                compute(next(size for size, jobs in queue.items() if any(j == oldest for j, _ in jobs)))
        for size in list(queue):
            compute(size)

    def _blank(self, shape: tuple[int, ...], dtype) -> np.ndarray:
        if not self._spare:
            return np.zeros(shape, dtype)
        out = self._spare.pop()
        out[...] = 0
        return out

    def _compute(self, size: tuple[int, int], jobs: list[tuple[int, Rectangle]], years: Mapping[int, TileYear], begun: dict[int, _Begun]) -> None:
        """One call of the network; the results go into the tiles begun."""
        started = time.perf_counter()
        batch = self._network.buffer(batch_of(*size, self._cells_a_call), *size)
        batch[len(jobs):] = 0.0
        for slot, (k, window) in enumerate(jobs):
            self._fill(self._statics[k], years[k], window, batch[slot])
        filled = time.perf_counter()
        logits = self._network(batch)
        ran = time.perf_counter()
        inner = slice(self._halo, -self._halo or None)
        for slot, (k, window) in enumerate(jobs):
            score = logits[slot, 0, :, inner, inner]
            check_logits(score, self._statics[k].tile)
            place = begun[k].out[..., window.row: window.row + window.rows, window.column: window.column + window.columns]
            place[...] = score if place.ndim == 3 else likeliest(score)
            begun[k].left.remove(window)
        self.seconds["channels"] += filled - started
        self.seconds["network"] += ran - filled
        self.seconds["classes"] += time.perf_counter() - ran

    def _fill(self, tile: TileStatics, year: TileYear, window: Rectangle, out: np.ndarray) -> None:
        rows = slice(window.row, window.row + window.rows + 2 * self._halo)
        columns = slice(window.column, window.column + window.columns + 2 * self._halo)
        place = Window(tile.row0 + window.row, tile.col0 + window.column, rows.stop - rows.start, columns.stop - columns.start)
        assemble_shown(self._channels, place, self._ratio, year.now, year.following, year.valid, tile.driver_row0, tile.driver_col0,
                       year.shown[rows, columns], {name: values[rows, columns] for name, values in tile.statics.items()}, out)


def likeliest(score: np.ndarray) -> np.ndarray:
    """The dynamic class of the highest score, the lowest index on ties; uint8 (n, m) from (class, n, m)."""
    best = score[FIRST_DYNAMIC].copy()
    out = np.full(best.shape, FIRST_DYNAMIC, np.uint8)
    for k in range(FIRST_DYNAMIC + 1, AFTER_DYNAMIC):
        out[score[k] > best] = k
        np.maximum(best, score[k], out=best)
    return out
