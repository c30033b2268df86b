"""Tells whether logically rectangular cells are exactly the boxes between meridians and parallels. Knows arrays only."""

from __future__ import annotations

import numpy as np

SAME_DEG = 2e-13
"""Angles this close are the same number: the rounding of a shift by 360 degrees."""


def as_rectilinear(lon_deg: np.ndarray, lat_deg: np.ndarray, vertex_lon_deg: np.ndarray, vertex_lat_deg: np.ndarray):
    """(lon_edge, lat_edge, lon_centre, lat_centre) in degrees of cells (n_j, n_i) with corners (n_j, n_i, n_vertex), or None.

    Not None only where every cell is a box, with one column for every i and one row for every j, and no gaps.
    """
    if vertex_lon_deg.shape[-1] != 4 or not all(np.isfinite(x).all() for x in (lon_deg, lat_deg, vertex_lon_deg, vertex_lat_deg)):
        return None
    lon = np.unwrap(lon_deg[0], period=360.0)
    corner_lon = vertex_lon_deg + 360.0 * np.rint((lon[:, None] - vertex_lon_deg) / 360.0)
    west, east = _sides(corner_lon, axis=0)
    south, north = _sides(vertex_lat_deg, axis=1)
    if west is None or south is None or not _are_boxes(corner_lon, vertex_lat_deg, west, south):
        return None
    lon_edge, lat_edge = _chain(west, east), _chain(south, north)
    centred = np.abs((lon_deg - lon + 180.0) % 360.0 - 180.0).max() <= SAME_DEG and np.ptp(lat_deg, axis=1).max() == 0.0
    if lon_edge is None or lat_edge is None or not centred:
        return None
    return lon_edge, lat_edge, lon, lat_deg[:, 0]


def _sides(corner_deg: np.ndarray, axis: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Lower and upper side, where they are the same all along `axis`."""
    low, high = corner_deg.min(axis=-1), corner_deg.max(axis=-1)
    if max(np.ptp(low, axis=axis).max(), np.ptp(high, axis=axis).max()) > SAME_DEG:
        return None, None
    return np.take(low, 0, axis=axis), np.take(high, 0, axis=axis)


def _are_boxes(lon: np.ndarray, lat: np.ndarray, west: np.ndarray, south: np.ndarray) -> bool:
    """Four corners, of which neighbours round the cell share either the meridian or the parallel."""
    is_west = np.abs(lon - west[None, :, None]) <= SAME_DEG
    is_south = np.abs(lat - south[:, None, None]) <= SAME_DEG
    on_side = (is_west | (np.abs(lon - lon.max(axis=-1, keepdims=True)) <= SAME_DEG)) & (
        is_south | (np.abs(lat - lat.max(axis=-1, keepdims=True)) <= SAME_DEG))
    turns = np.logical_xor(is_west, np.roll(is_west, 1, axis=-1)) ^ np.logical_xor(is_south, np.roll(is_south, 1, axis=-1))
    half = (is_west.sum(axis=-1) == 2) & (is_south.sum(axis=-1) == 2)
    return bool(on_side.all() and turns.all() and half.all())


def _chain(low: np.ndarray, high: np.ndarray) -> np.ndarray | None:
    """Edges (n + 1,) of intervals that touch, rising or falling; None where they do not."""
    if len(low) == 1 or low[-1] > low[0]:
        first, last = low, high
    else:
        first, last = high, low
    return np.append(first, last[-1]) if (np.abs(first[1:] - last[:-1]) <= SAME_DEG).all() else None
