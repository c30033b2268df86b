"""Whether cells are a map of rows and columns along parallels and meridians, and its axes. Knows no file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TOLERANCE_DEG = 1e-9


@dataclass(frozen=True)
class Axis:
    """Centres (n,) and, where the corners tell them, bounds (n, 2), degrees; longitudes run on beyond 180 where the map does."""

    centre: np.ndarray
    bounds: np.ndarray | None


def regular_axes(lon: np.ndarray, lat: np.ndarray, corners: tuple[np.ndarray, np.ndarray] | None) -> tuple[Axis, Axis] | None:
    """Axes (latitude, longitude) of cells that fill a map in rows from one latitude to the next, None for other cells.

    Args:
        lon, lat: (n_cell,) [degrees] in the order of the map.  corners: longitudes and latitudes of the cells' corners, (n_cell, n_vertex) each.
    """
    n = len(lon)
    n_lon = int(np.argmin(np.append(_same(lat, lat[:1]), False))) if n else 0
    if n_lon < 2 or n % n_lon or n == n_lon:
        return None
    rows, columns = lat.reshape(-1, n_lon), lon.reshape(-1, n_lon)
    if not (_same(rows, rows[:, :1]).all() and _same(_turn(columns - columns[0]), 0.0).all()):
        return None
    lat_centre, lon_centre = rows[:, 0], np.unwrap(columns[0], period=360.0)
    if not (_runs(lat_centre) and _runs(lon_centre) and abs(lon_centre[-1] - lon_centre[0]) < 360.0):
        return None
    lat_bounds = lon_bounds = None
    if corners is not None:
        east = lon[:, None] + _turn(corners[0] - lon[:, None])
        lat_bounds = _bounds(corners[1], lat, (-1, n_lon), axis=1)
        lon_bounds = _bounds(east, lon, (-1, n_lon), axis=0)
        lon_bounds = None if lon_bounds is None else lon_bounds + lon_centre[:, None]
        lat_bounds = None if lat_bounds is None else lat_bounds + lat_centre[:, None]
    return Axis(lat_centre, lat_bounds), Axis(lon_centre, lon_bounds)


def _bounds(corners: np.ndarray, centre: np.ndarray, shape: tuple[int, int], axis: int) -> np.ndarray | None:
    """Least and largest corner from the centre, the same all along `axis` of the map or None."""
    ends = np.stack([corners.min(axis=1) - centre, corners.max(axis=1) - centre], axis=-1).reshape(*shape, 2)
    first = ends.take([0], axis)
    return first.squeeze(axis) if _same(ends, first).all() else None


def _turn(degrees: np.ndarray) -> np.ndarray:
    """The same direction within -180..180."""
    return (degrees + 180.0) % 360.0 - 180.0


def _same(a: np.ndarray, b) -> np.ndarray:
    return np.abs(a - b) <= TOLERANCE_DEG


def _runs(centre: np.ndarray) -> bool:
    """Whether the values go one way."""
    step = np.diff(centre)
    return bool((step > 0.0).all() or (step < 0.0).all())
