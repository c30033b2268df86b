"""One-dimensional coordinates and the edges between their cells. Knows arrays only, no file.

Edges come from bounds. Without bounds they are known in three cases only: evenly spaced centres, a lattice of
360 / m degrees rounded to a few decimals, and Gaussian latitudes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import GLOBE_SLACK_DEG
from lsbc.regrid.readers.gaussian import gaussian_edges_deg

EVEN = 1e-6
"""Share of the spacing by which evenly spaced centres may be off, and by which bounds that touch may miss each other."""
MAX_DECIMALS = 6
"""Coordinates that went through text keep at most so many decimals; more are as good as exact."""
MIN_ROUNDED = 8
"""Rounded centres must be so many to give away their lattice."""


@dataclass(frozen=True)
class Axis:
    """centre_deg (n,); edge_deg (n + 1,), None where the cells do not touch or are not known; low_deg, high_deg (n,) or None."""

    centre_deg: np.ndarray
    edge_deg: np.ndarray | None = None
    low_deg: np.ndarray | None = None
    high_deg: np.ndarray | None = None

    @property
    def is_round(self) -> bool:
        """Whether these are longitudes whose last cell touches the first one."""
        return self.edge_deg is not None and abs(abs(self.edge_deg[-1] - self.edge_deg[0]) - 360.0) <= GLOBE_SLACK_DEG

    @property
    def sides(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Lower and upper side of every cell, or None where they are not known."""
        if self.edge_deg is not None:
            return np.minimum(self.edge_deg[:-1], self.edge_deg[1:]), np.maximum(self.edge_deg[:-1], self.edge_deg[1:])
        return None if self.low_deg is None or self.high_deg is None else (self.low_deg, self.high_deg)


def axis_with_bounds(centre_deg: np.ndarray, bounds_deg: np.ndarray, is_lon: bool, rounding_deg: float, what: str) -> Axis:
    """Cells between bounds (n, 2), given in either order; `rounding_deg` is what the stored type may hide.

    Raises:
        GridError: bounds that are missing, enclose nothing, overlap, or leave the centre outside; `what` names file and variable.
    """
    centre = _unwrapped(centre_deg) if is_lon else centre_deg
    _need_finite(centre, what)
    bounds = _beside(bounds_deg, centre) if is_lon else bounds_deg
    low, high = bounds.min(axis=1), bounds.max(axis=1)
    _refuse(~np.isfinite(low + high), what, centre, low, high, "the bounds are not finite.")
    width = high - low
    _refuse(width <= 0.0, what, centre, low, high, "the bounds enclose nothing.")
    slack = np.maximum(EVEN * width, rounding_deg)
    _refuse((centre < low - slack) | (centre > high + slack), what, centre, low, high, "the centre lies outside its bounds.")
    centre = np.clip(centre, low, high)
    rising = len(centre) == 1 or centre[-1] > centre[0]
    first, last = (low, high) if rising else (high, low)
    gap = (first[1:] - last[:-1]) * (1.0 if rising else -1.0)
    reach = np.maximum(slack[1:], slack[:-1])
    _refuse(np.append(gap < -reach, False), what, centre, low, high, "the bounds overlap those of the next cell.")
    if (gap > reach).any():
        return Axis(centre, None, low, high)
    edge = np.append(first, last[-1])
    if is_lon and abs(abs(edge[-1] - edge[0]) - 360.0) <= 2 * rounding_deg:
        edge[-1] = edge[0] + (360.0 if rising else -360.0)
    return Axis(np.clip(centre, np.minimum(edge[:-1], edge[1:]), np.maximum(edge[:-1], edge[1:])), edge)


def axis_without_bounds(centre_deg: np.ndarray, is_lon: bool, rounding_deg: float, what: str) -> Axis:
    """Edges midway between evenly spaced centres, cut off at the poles; Gauss weights between Gaussian latitudes; else none.

    Raises:
        GridError: a centre is missing; `what` names file and variable.
    """
    centre = _unwrapped(centre_deg) if is_lon else centre_deg
    _need_finite(centre, what)
    n = len(centre)
    if n < 2:
        return Axis(centre)
    step = (centre[-1] - centre[0]) / (n - 1)
    tolerance = max(EVEN * abs(step), rounding_deg)
    if step == 0.0 or np.abs(centre - (centre[0] + step * np.arange(n))).max() > tolerance:
        edge = _rounded_lattice(centre, step)
        if edge is None and not is_lon:
            edge = gaussian_edges_deg(centre)
        return Axis(centre, edge)
    edge = _even_edges(centre, step, rounding_deg)
    return Axis(centre, edge if is_lon else np.clip(edge, -90.0, 90.0))


def _even_edges(centre: np.ndarray, step: float, rounding_deg: float) -> np.ndarray:
    """Edges of an even axis; on the lattice of 360 / m degrees from 0 where the stored type cannot tell the two apart."""
    n = len(centre)
    slack = max(2.0 * rounding_deg, 1e-9 * abs(step))
    per_globe = np.rint(360.0 / abs(step))
    lattice_step = np.copysign(360.0 / per_globe, step) if per_globe else step
    if abs(lattice_step - step) * (n - 1) > slack:
        return centre[0] + step * (np.arange(n + 1) - 0.5)
    first = (centre[0] - 0.5 * lattice_step) / lattice_step
    if abs(first - np.rint(first)) * abs(lattice_step) <= slack:
        return (np.rint(first) + np.arange(n + 1)) * np.copysign(360.0, step) / per_globe
    edge = centre[0] + lattice_step * (np.arange(n + 1) - 0.5)
    if n == per_globe:
        edge[-1] = edge[0] + np.copysign(360.0, step)
    return edge


def _rounded_lattice(centre: np.ndarray, step: float) -> np.ndarray | None:
    """Edges of the lattice of 360 / m degrees from 0 that gives every centre when rounded to the decimals it is written with."""
    decimals = next((k for k in range(1, MAX_DECIMALS + 1) if np.abs(np.round(centre, k) - centre).max() < 1e-9), None)
    if decimals is None or len(centre) < MIN_ROUNDED or step == 0.0 or not np.isfinite(360.0 / step):
        return None
    per_globe = np.rint(360.0 / abs(step))
    half = np.copysign(180.0 / per_globe, step) if per_globe else step
    first = np.rint(centre[0] / half)
    if np.abs(np.round(half * (first + 2 * np.arange(len(centre))), decimals) - centre).max() > 1e-9:
        return None
    return half * (first - 1 + 2 * np.arange(len(centre) + 1))


def _unwrapped(lon_deg: np.ndarray) -> np.ndarray:
    """Longitudes without the jump at the date line or at Greenwich."""
    jump = np.diff(lon_deg)
    turns = np.where(np.abs(jump) > 180.0, np.rint(jump / 360.0), 0.0)
    return lon_deg if not turns.any() else lon_deg - 360.0 * np.append(0.0, np.cumsum(turns))


def _beside(bounds_deg: np.ndarray, centre_deg: np.ndarray) -> np.ndarray:
    """Bounds moved by whole turns to within half a turn of their centre."""
    off = bounds_deg - centre_deg[:, None]
    return bounds_deg - np.where(np.abs(off) > 180.0 + EVEN, 360.0 * np.rint(off / 360.0), 0.0)


def _need_finite(centre: np.ndarray, what: str) -> None:
    lost = np.flatnonzero(~np.isfinite(centre))
    if len(lost):
        raise GridError(f"{what}: value {lost[0]} is missing or not finite.")


def _refuse(bad: np.ndarray, what: str, centre: np.ndarray, low: np.ndarray, high: np.ndarray, rule: str) -> None:
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        raise GridError(f"{what}: cell {k}, centre {centre[k]:.9g}, bounds {low[k]:.9g} .. {high[k]:.9g} degrees: {rule}")
