"""What an engine is: it takes tiles' inputs and gives scores or classes of their cores. Types only: no network, no ranks, no files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

Want = Literal["scores", "classes"]
Deliver = Callable[[int, np.ndarray], None]
"""(position of the tile, float32 (class, core, core) or uint8 (core, core)); the array may be reused afterwards."""


@dataclass(frozen=True, order=True)
class Rectangle:
    """A part of a tile's core: offset of its first cell from the core's first cell, and its edges, in fine cells."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True)
class TileStatics:
    """What an engine must know of one tile once the grid is known."""

    tile: int
    """Global tile id."""
    row0: int
    col0: int
    """Fine row and column of the window's first cell."""
    statics: Mapping[str, np.ndarray]
    """As `channels.assemble` wants them, each (window, window); not looked at where `windows` is empty."""
    driver_row0: int
    driver_col0: int
    """First driver cell of the blocks in `TileYear`."""
    windows: tuple[Rectangle, ...]
    """What to compute of the core; no two overlap."""


@dataclass(frozen=True)
class TileYear:
    """What changes in one tile every year."""

    shown: np.ndarray
    """uint8 (window, window) as `channels.shown_prior` makes it: class index, ocean as water; `HIDDEN` and `NO_DATA`."""
    now: np.ndarray
    following: np.ndarray
    """float64 (6, n_drow, n_dcol), driver fractions of this year and the next; 0 where not valid."""
    valid: np.ndarray
    """bool (n_drow, n_dcol), where the driver has data."""


class TileEngine(Protocol):
    """Computes tiles. Which tiles are computed together, and in what order, changes no bit of a result."""

    seconds: dict[str, float]
    """Spent since the caller last set it to 0: "channels", "network", "classes" (most likely class, cropping, copies)."""

    def load(self, statics: Sequence[TileStatics]) -> None:
        """Take the tiles of a grid; position k in the list is k in `run`."""
        ...

    def run(self, years: Mapping[int, TileYear], want: Want, deliver: Deliver) -> None:
        """Compute the tiles at these positions and hand each over once, in any order.

        Cells outside every rectangle of a tile hold score or class 0 and are not to be used. Classes are the likeliest of the
        dynamic ones, the lowest index on ties; static and missing cells are the caller's business.

        Raises:
            InternalError: the network returned values that are not finite (names the tile and how many).
            DeviceError: the device is out of memory or gone.
        """
        ...


def seconds_of_engine() -> dict[str, float]:
    """A clock at zero for `TileEngine.seconds`."""
    return {"channels": 0.0, "network": 0.0, "classes": 0.0}
