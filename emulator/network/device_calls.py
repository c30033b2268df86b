"""Which windows are computed in one call, and how their rectangles become cores again. Knows no device and no network."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsbc.emulator.classes import AFTER_DYNAMIC, FIRST_DYNAMIC, N_CLASS
from lsbc.emulator.network.device_channels import Place, WindowShape
from lsbc.emulator.tile_engine import Deliver, Rectangle, Want

OPEN_BYTES = 4 << 30
"""Host memory that unfinished cores may take before calls that are not full are started."""


@dataclass(frozen=True)
class Job:
    """One window: the tile's position, its rectangle of the core, the shape of its calls, and where it lies."""

    position: int
    rectangle: Rectangle
    shape: WindowShape
    at: Place


def calls(jobs: Sequence[Job], cores: Cores) -> Iterator[tuple[WindowShape, list[Job]]]:
    """Windows of one size, as many as a call takes; fewer only at the end, or when too many cores wait for their last window."""
    waiting: dict[WindowShape, list[Job]] = {}
    for job in jobs:
        together = waiting.setdefault(job.shape, [])
        together.append(job)
        if len(together) == job.shape.n:
            yield job.shape, waiting.pop(job.shape)
        elif cores.too_many_open:
            longest = next(iter(waiting))
            yield longest, waiting.pop(longest)
    yield from sorted(waiting.items(), key=lambda item: (item[0].rows, item[0].columns))


class Cores:
    """Cores under way: rectangles are laid into them, and whole ones handed over."""

    def __init__(self, core: int, want: Want, n_window: Mapping[int, int], deliver: Deliver) -> None:
        self._shape = (core, core) if want == "classes" else (N_CLASS, core, core)
        self._dtype = np.dtype(np.uint8 if want == "classes" else np.float32)
        self._left, self._deliver = dict(n_window), deliver
        self._open: dict[int, np.ndarray] = {}
        self._free: list[np.ndarray] = []
        self._most_open = max(2, OPEN_BYTES // (int(np.prod(self._shape)) * self._dtype.itemsize))

    @property
    def too_many_open(self) -> bool:
        """Whether the cores under way take more memory than they should."""
        return len(self._open) > self._most_open

    def hand_over_empty(self) -> None:
        """Cores without any rectangle, all 0."""
        for k in [k for k, n in self._left.items() if n == 0]:
            self._deliver(k, self._take(k))
            self._free.append(self._open.pop(k))

    def _take(self, k: int) -> np.ndarray:
        if k not in self._open:
            core = self._free.pop() if self._free else np.empty(self._shape, self._dtype)
            core.fill(0)
            self._open[k] = core
        return self._open[k]

    def put(self, k: int, at: Rectangle, part: Any) -> float:
        """Lay a rectangle, (rows, columns) classes or (dynamic class, rows, columns) scores as a host tensor, into core `k`.

        Returns:
            Seconds that the caller's `deliver` took.
        """
        import torch

        core = self._take(k)
        place = core if part.ndim == 2 else core[FIRST_DYNAMIC:AFTER_DYNAMIC]
        torch.from_numpy(place[..., at.row: at.row + at.rows, at.column: at.column + at.columns]).copy_(part)
        self._left[k] -= 1
        if self._left[k]:
            return 0.0
        began = time.perf_counter()
        self._deliver(k, core)
        self._free.append(self._open.pop(k))
        return time.perf_counter() - began
