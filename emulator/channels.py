"""Builds the network's input channels for one window of the fine lattice.

Knows arrays, class numbers and channel names only: no files, no ranks, no network. Everything a fine cell gets
is computed from its global row and column, element by element in one fixed order, so that a cell's channels
have the same bits whatever window holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES, GROUPS, N_CLASS, NO_DATA, OCEAN, WATER
from lsbc.regrid.errors import GridError, ModelError

CHANNEL_NAMES = (
    *(f"coarse.{group}" for group in GROUPS),
    *(f"delta.{group}" for group in GROUPS),
    *(f"prior.{name}" for name in CLASS_NAMES[1:]),
    "prior.masked",
    "prior.age",
    "static.elevation",
    "static.slope",
    "static.northness",
    "static.human_footprint",
    "static.human_footprint_known",
    "static.koppen_temperate",
    "static.koppen_cold",
    "static.koppen_polar",
    "static.land",
    "static.outside",
)
"""Every channel lsbc can make, in the order of the shipped network."""
MAY_LACK = ("static.human_footprint",)
"""Channels that are 0 after normalisation where their field is NaN; `..._known` tells the network where that is."""

_KOPPEN_CODE = {"static.koppen_temperate": 3, "static.koppen_cold": 4, "static.koppen_polar": 5}
HIDDEN = 254
"""Stands for a prior that exists and is not shown; no class has this number."""


def delta_family(step: int) -> str:
    """First part of the name of the channels that hold the driver's change from year y to y + 1 + step.

    >>> delta_family(0), delta_family(1)
    ('delta', 'delta2')
    """
    return "delta" if step == 0 else f"delta{step + 1}"


def channel_names(n_step: int) -> tuple[str, ...]:
    """Every channel of a network that predicts `n_step` years at once."""
    return CHANNEL_NAMES + tuple(f"{delta_family(step)}.{group}" for step in range(1, n_step) for group in GROUPS)


@dataclass(frozen=True)
class Channel:
    """One input channel of a network: the value handed over is ``(raw - offset) * scale`` in float32."""

    name: str
    units: str
    offset: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class Window:
    """A rectangle of fine cells: global indices of the first cell (columns unwrapped, may be negative) and the edges."""

    row0: int
    col0: int
    n: int
    n_column: int = 0
    """0: a square."""


@dataclass(frozen=True)
class Taps:
    """The two driver cells each fine index of one axis lies between, and the share of the upper one.

    `runs` lists (start, stop, lower) of fine positions with the same lower driver cell, counted in the array given.
    """

    lower: np.ndarray
    share_upper: np.ndarray
    runs: tuple[tuple[int, int, int], ...]


def taps(start: int, n: int, ratio: int, driver_start: int, n_driver: int, axis: str) -> Taps:
    """Interpolation taps of `n` fine cells from global index `start` on driver cells from `driver_start`.

    A fine centre lies ``(2 index + 1 - ratio) / (2 ratio)`` driver cells past the centre of driver cell 0.

    >>> taps(0, 4, 2, -1, 4, "column").share_upper.tolist()
    [0.75, 0.25, 0.75, 0.25]
    """
    doubled = 2 * np.arange(start, start + n, dtype=np.int64) + (1 - ratio)
    lower = doubled // (2 * ratio) - driver_start
    if lower[0] < 0 or lower[-1] + 1 >= n_driver:
        need = (int(lower[0]) + driver_start, int(lower[-1]) + 1 + driver_start)
        raise GridError(f"Driver cells along the {axis} must cover {need[0]}..{need[1]} for fine cells "
                        f"{start}..{start + n - 1}, got {driver_start}..{driver_start + n_driver - 1}.")
    share = (doubled % (2 * ratio)).astype(np.float64) / (2 * ratio)
    breaks = [0, *(np.flatnonzero(np.diff(lower)) + 1).tolist(), n]
    runs = tuple((a, b, int(lower[a])) for a, b in zip(breaks[:-1], breaks[1:], strict=True))
    return Taps(lower, share, runs)


def _along_columns(field: np.ndarray, column: Taps) -> np.ndarray:
    """Interpolate driver rows (..., n_drow, n_dcol) to the fine columns, float64."""
    low = field[..., column.lower]
    return low + (field[..., column.lower + 1] - low) * column.share_upper


def _along_rows(rows: np.ndarray, row: Taps, out: np.ndarray) -> None:
    """Interpolate (n_drow, n) float32 to the fine rows, written to `out` (n, n)."""
    step = rows[1:] - rows[:-1]
    share = row.share_upper.astype(np.float32)[:, None]
    for start, stop, lower in row.runs:
        part = out[start:stop]
        np.multiply(step[lower], share[start:stop], out=part)
        np.add(part, rows[lower], out=part)


class _Gaps:
    """The weight left to each fine cell when taps without data are taken out; exactly 1 where none is."""

    def __init__(self, valid: np.ndarray, row: Taps, column: Taps) -> None:
        pair = valid[:, column.lower] & valid[:, column.lower + 1]
        whole = pair[row.lower] & pair[row.lower + 1]
        self.any = not whole.all()
        if self.any:
            self.weight = np.empty(whole.shape, np.float32)
            _along_rows(_along_columns(valid.astype(np.float64), column).astype(np.float32), row, self.weight)
            self.weight[whole | (self.weight <= 0.0)] = 1.0

    def mend(self, plane: np.ndarray) -> None:
        """Divide by the weight left; a cell with no tap stays 0."""
        plane /= self.weight


def _normalise(plane: np.ndarray, channel: Channel) -> None:
    if channel.offset != 0.0:
        plane -= np.float32(channel.offset)
    if channel.scale != 1.0:
        plane *= np.float32(channel.scale)


@dataclass(frozen=True)
class _Inputs:
    """Everything a non-driver channel may look at; `shown` is the class index, `HIDDEN` or `NO_DATA`; `age` in years."""

    shown: np.ndarray
    age: np.ndarray | int
    statics: Mapping[str, np.ndarray]


def _prior_class(index: int) -> Callable[[_Inputs], np.ndarray]:
    return lambda inputs: inputs.shown == index


def _koppen(code: int) -> Callable[[_Inputs], np.ndarray]:
    return lambda inputs: inputs.statics["koppen"] == code


def _static(name: str) -> Callable[[_Inputs], np.ndarray]:
    return lambda inputs: inputs.statics[name]


_PLANES: dict[str, Callable[[_Inputs], np.ndarray]] = {
    **{f"prior.{name}": _prior_class(index) for index, name in enumerate(CLASS_NAMES) if index != OCEAN},
    "prior.masked": _prior_class(HIDDEN),
    "prior.age": lambda inputs: np.where(inputs.shown < N_CLASS, inputs.age, 0),
    **{f"static.{name}": _static(name) for name in ("elevation", "slope", "northness", "human_footprint")},
    "static.human_footprint_known": lambda inputs: np.isfinite(inputs.statics["human_footprint"]),
    **{name: _koppen(code) for name, code in _KOPPEN_CODE.items()},
    "static.land": lambda inputs: inputs.statics["land"] != 0,
    "static.outside": _prior_class(NO_DATA),
}


def shown_prior(prior: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The prior as the network may see it: ocean counts as water, hidden cells are marked."""
    shown = np.where(known, prior, np.uint8(HIDDEN))
    shown[prior == NO_DATA] = NO_DATA
    shown[shown == OCEAN] = WATER
    return shown


def assemble(channels: Sequence[Channel], window: Window, ratio: int, coarse_now: np.ndarray, coarse_next: np.ndarray,
             coarse_valid: np.ndarray, driver_row0: int, driver_col0: int, prior: np.ndarray, known: np.ndarray,
             statics: Mapping[str, np.ndarray], out: np.ndarray, age: np.ndarray | int = 1) -> None:
    """As `assemble_shown`, from a prior and where it may be seen.

    Args:
        prior: (n, m) uint8 class index, NO_DATA outside; known: (n, m) bool, False where the prior is hidden.
    """
    assemble_shown(channels, window, ratio, coarse_now, coarse_next, coarse_valid, driver_row0, driver_col0, shown_prior(prior, known), statics, out, age)


def assemble_shown(channels: Sequence[Channel], window: Window, ratio: int, coarse_now: np.ndarray, coarse_next: np.ndarray,
                   coarse_valid: np.ndarray, driver_row0: int, driver_col0: int, shown: np.ndarray,
                   statics: Mapping[str, np.ndarray], out: np.ndarray, age: np.ndarray | int = 1) -> None:
    """Fill `out` (channel, n, m) float32 for one window; nothing else is changed.

    Driver fractions are brought to the fine cells by bilinear interpolation between driver-cell centres; taps
    without data are left out and the others renormalised; a cell with no tap at all gets 0.

    Args:
        channels: what to make, in order, with the normalisation of each.
        ratio: fine cells per driver cell along each axis.
        coarse_now, coarse_next: (6, n_drow, n_dcol) fractions of GROUPS in years y and y+1, covering the window and
            the driver-cell centres around it; first cell at (driver_row0, driver_col0), columns unwrapped.
            For a network of several steps `coarse_next` is (step, 6, n_drow, n_dcol), the years y+1, y+2 ...
        coarse_valid: (n_drow, n_dcol) bool, False where the driver has no data.
        shown: (n, m) uint8, from `shown_prior`.
        statics: each (n, m), those that `channels` ask for: elevation [m], slope [m m-1], northness [1] float32, koppen
            uint8 (1 tropical .. 5 polar), land uint8 (0 or 1), human_footprint [0..50] float32, NaN where unknown.
        age: years from the shown prior to the year asked for, negative backwards; one number or (n, m).
    Raises:
        ModelError: a channel lsbc does not know. GridError: the driver cells do not cover the window.
    """
    known_names = channel_names(coarse_next.shape[0] if coarse_next.ndim == 4 else 1)
    unknown = [channel.name for channel in channels if channel.name not in known_names]
    if unknown:
        raise ModelError(f"Input channel {unknown[0]!r} is unknown; lsbc makes {', '.join(known_names)}.")
    row = taps(window.row0, window.n, ratio, driver_row0, coarse_valid.shape[0], "row")
    column = taps(window.col0, window.n_column or window.n, ratio, driver_col0, coarse_valid.shape[1], "column")
    gaps = _Gaps(coarse_valid, row, column)
    now = np.where(coarse_valid, coarse_now, 0.0)
    driver = {"coarse": _along_columns(now, column).astype(np.float32)}
    for step, later in enumerate(coarse_next if coarse_next.ndim == 4 else coarse_next[None]):
        driver[delta_family(step)] = _along_columns(np.where(coarse_valid, later, 0.0) - now, column).astype(np.float32)
    inputs = _Inputs(shown, age, statics)
    for plane, channel in zip(out, channels, strict=True):
        family, _, what = channel.name.partition(".")
        if family in driver:
            _along_rows(driver[family][GROUPS.index(what)], row, plane)
            if gaps.any:
                gaps.mend(plane)
        else:
            plane[...] = _PLANES[channel.name](inputs)
        _normalise(plane, channel)
        if channel.name in MAY_LACK:
            plane[np.isnan(plane)] = 0.0
