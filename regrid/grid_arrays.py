"""Turns what users give for a grid into checked arrays: masks, ids, corners, axes. Knows shapes and ranges, no grid."""

from __future__ import annotations

import numpy as np

from lsbc.regrid import cell_checks
from lsbc.regrid.errors import GridError


def cell_corners(node: np.ndarray) -> np.ndarray:
    """Corners (n_j, n_i, 4) of the cells between nodes (n_j + 1, n_i + 1)."""
    node = np.asarray(node)
    return np.stack([node[:-1, :-1], node[:-1, 1:], node[1:, 1:], node[1:, :-1]], axis=-1)


def flat(values, n: int, dtype, default, what: str, name: str) -> np.ndarray:
    if values is None:
        return np.full(n, default, dtype)
    array = np.array(values, dtype).ravel()
    if len(array) != n:
        raise GridError(f"Grid '{name}': {what} has {len(array)} values, the grid {n} cells.")
    return array


def corners(values, n: int, name: str) -> np.ndarray:
    array = np.array(values, np.float64, order="C")
    if array.ndim < 2 or array.shape[-1] < 3 or array.size != n * array.shape[-1]:
        raise GridError(f"Grid '{name}': corners have shape {array.shape}; expected {n} cells with 3 or more corners each.")
    return array.reshape(n, array.shape[-1])


def one_direction(lon_deg: np.ndarray, lat_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners (n, n_vertex), the same whether they were given clockwise or not: the end that lies further west comes first.

    NaN counts as 0, so that nothing is compared with it.
    """
    lon, lat = np.nan_to_num(lon_deg), np.nan_to_num(lat_deg)
    lon_step, lat_step = lon - lon[:, ::-1], lat - lat[:, ::-1]
    step = np.where(lon_step != 0.0, lon_step, lat_step)
    first = (step != 0.0).argmax(axis=1)
    turned = np.take_along_axis(step, first[:, None], axis=1) > 0.0
    return tuple(np.where(turned, x[:, ::-1], x) for x in (lon_deg, lat_deg))


def axis(values, what: str, limit_deg: float, name: str) -> np.ndarray:
    edge = np.array(values, np.float64).ravel()
    if len(edge) < 2:
        raise GridError(f"Grid '{name}': a {what} axis needs two edges or more, got {len(edge)}.")
    if not np.isfinite(edge).all():
        raise GridError(f"Grid '{name}': {what} edge {np.flatnonzero(~np.isfinite(edge))[0]} is not finite.")
    beyond = np.abs(edge) > limit_deg + cell_checks.LAT_SLACK_DEG
    if beyond.any():
        raise GridError(f"Grid '{name}': {what} edge {np.flatnonzero(beyond)[0]} is {edge[beyond][0]} degrees, beyond {limit_deg:.0f}.")
    step = np.diff(edge)
    if not ((step > 0).all() or (step < 0).all()):
        turn = int(np.flatnonzero(np.sign(step) != np.sign(step[0]) if step[0] else step == 0)[0])
        raise GridError(f"Grid '{name}': {what} edges must rise or fall throughout, but go {edge[turn]}, {edge[turn + 1]} at {turn}.")
    return np.clip(edge, -limit_deg, limit_deg)


def centres(edge: np.ndarray, centre, what: str, name: str) -> np.ndarray:
    if centre is None:
        return 0.5 * (edge[:-1] + edge[1:])
    centre = np.array(centre, np.float64).ravel()
    if len(centre) != len(edge) - 1:
        raise GridError(f"Grid '{name}': {len(centre)} {what} centres for {len(edge) - 1} cells.")
    outside = ~((np.minimum(edge[:-1], edge[1:]) <= centre) & (centre <= np.maximum(edge[:-1], edge[1:])))
    if outside.any():
        k = int(np.flatnonzero(outside)[0])
        raise GridError(f"Grid '{name}': {what} centre {k} at {centre[k]} lies outside its cell {edge[k]} .. {edge[k + 1]}.")
    return centre
