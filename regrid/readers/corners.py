"""Corners of cells: from connectivity, and brought into the one form grids take. Knows arrays only, no file.

The form: corners follow each other round the cell, no corner twice in a row, and cells with fewer corners repeat their last.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid.errors import GridError
from lsbc.regrid.sphere import lon_lat_deg, unit_vector


def tidy_corners(lon_deg: np.ndarray, lat_deg: np.ndarray, padded: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Corners (n_cell, n_vertex) with corners that repeat the one before turned into repeats of the last.

    Where the layout is `padded`, so are NaN behind the last of three or more corners. All other NaN stay: the grid refuses them.
    """
    lon, lat = (np.array(x, np.float64) for x in (lon_deg, lat_deg))
    n_vertex = lon.shape[1]
    absent = np.isnan(lon) & np.isnan(lat) & padded
    padding = np.logical_and.accumulate(absent[:, ::-1], axis=1)[:, ::-1]
    padding[padding.sum(axis=1) > n_vertex - 3] = False
    last = n_vertex - 1 - padding.sum(axis=1)
    follower = np.where(np.arange(n_vertex) >= last[:, None], 0, np.arange(1, n_vertex + 1))
    with np.errstate(invalid="ignore"):
        again = (lon == np.take_along_axis(lon, follower, 1)) & (lat == np.take_along_axis(lat, follower, 1))
    keep = ~padding & ~again
    untidy = np.flatnonzero(~keep.all(axis=1) & keep.any(axis=1))
    order = np.argsort(~keep[untidy], axis=1, kind="stable")
    count = keep[untidy].sum(axis=1)
    column = np.take_along_axis(order, np.minimum(np.arange(n_vertex), count[:, None] - 1), 1)
    lon[untidy], lat[untidy] = (np.take_along_axis(x[untidy], column, 1) for x in (lon, lat))
    return lon, lat


def corners_of_faces(node: np.ndarray, used: np.ndarray, node_lon_deg: np.ndarray, node_lat_deg: np.ndarray, what: str,
                     ) -> tuple[np.ndarray, np.ndarray]:
    """Corners (n_face, n_vertex) of faces given by nodes counted from 0 (n_face, n_vertex), of which only those `used` count.

    Raises:
        GridError: a node that does not exist, or a face with fewer than three; `what` names the file and variable.
    """
    n_node = len(node_lon_deg)
    wrong = used & ((node < 0) | (node >= n_node))
    if wrong.any():
        face, corner = (int(k[0]) for k in np.nonzero(wrong))
        raise GridError(f"{what}: corner {corner} of face {face} is node {node[face, corner]} counted from 0; the file has nodes "
                        f"0 .. {n_node - 1}; is the index base (start_index) right?")
    few = used.sum(axis=1) < 3
    if few.any():
        face = int(np.flatnonzero(few)[0])
        raise GridError(f"{what}: face {face} has {int(used[face].sum())} corners; a cell needs three.")
    holes = used[:, 1:] & ~used[:, :-1]
    if holes.any():
        raise GridError(f"{what}: face {int(np.nonzero(holes)[0][0])} has fill values between corners; "
                        "they belong behind the last.")
    lost = used & ~np.isfinite(node_lon_deg + node_lat_deg)[np.where(used, node, 0)]
    if lost.any():
        face, corner = (int(k[0]) for k in np.nonzero(lost))
        raise GridError(f"{what}: corner {corner} of face {face} is node {node[face, corner]} counted from 0, "
                        "which has no coordinates.")
    lon, lat = (np.where(used, x[np.where(used, node, 0)], np.nan) for x in (node_lon_deg, node_lat_deg))
    return tidy_corners(lon, lat, padded=True)


def middles(lon_deg: np.ndarray, lat_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centres (n,) for cells without any in the file: the mean of the distinct corners, put back on the sphere."""
    first = np.ones(lon_deg.shape, bool)
    first[:, 1:] = (np.diff(lon_deg, axis=1) != 0.0) | (np.diff(lat_deg, axis=1) != 0.0)
    return lon_lat_deg((unit_vector(lon_deg, lat_deg) * first[..., None]).sum(axis=1))
