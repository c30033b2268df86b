"""Gradients of a field on a grid from the cells around each cell. Knows no second grid and no files.

By Green's theorem over the polygon through the centroids of the neighbours, which is taken to be a great-circle polygon
(Kritsikis et al. 2017, Geosci. Model Dev. 10, 425-431): the gradient is a weighted sum of the neighbours' values minus the
cell's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

INSIDE = 1e-14
"""A cell's centroid may lie this far outside the polygon of its neighbours and still count as inside."""


@dataclass(frozen=True, eq=False)
class Gradients:
    """gradient of cell i = sum over k in offsets[i]:offsets[i + 1] of factor[k] * f[neighbour[k]] - own[i] * f[i].

    offsets (n + 1,), neighbour (m,), factor (m, 3) and own (n, 3) per radian, tangent to the sphere at the cell's centroid.
    All are 0 where there are fewer than three neighbours or the centroid lies outside their polygon.
    """

    offsets: np.ndarray
    neighbour: np.ndarray
    factor: np.ndarray
    own: np.ndarray


def gradients(centre: np.ndarray, neighbour_centre: np.ndarray, offsets: np.ndarray, neighbour: np.ndarray,
              signed: bool = True) -> Gradients:
    """Gradients at `centre` (n, 3), unit vectors, from values at `neighbour_centre` (n, 3); cells with a centre of 0 have none.

    The polygon's area is that of a fan of triangles. Where it is not convex, as round a triangle, some of them count negative;
    ESMF takes all as positive (`signed` False), and its gradients there are too small.
    """
    cell = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    neighbour = _counter_clockwise(centre, neighbour_centre, cell, neighbour)
    here = neighbour_centre[neighbour]
    before, after = _cyclic(offsets, cell)
    outward = _outward(here[before], here)
    own = _sums(outward, offsets)
    factor = 0.5 * (outward + outward[after])
    inside = np.einsum("ka,ka->k", np.cross(here[before], here), centre[cell]) > -INSIDE
    area = _fan_area(here, offsets, cell, signed)
    sound = (np.diff(offsets) >= 3) & (_sums(~inside, offsets) == 0) & (area > 0.0) & (np.abs(centre).sum(axis=1) > 0.0)
    scale = np.where(sound, 1.0 / np.where(sound, area, 1.0), 0.0)
    factor, own = _tangent(factor, centre[cell]) * scale[cell, None], _tangent(own, centre) * scale[:, None]
    return Gradients(offsets, neighbour, factor, own)


def _counter_clockwise(centre: np.ndarray, neighbour_centre: np.ndarray, cell: np.ndarray, neighbour: np.ndarray) -> np.ndarray:
    """Neighbours of each cell by the angle from the one with the highest number, from -180 to 180 degrees."""
    last = np.zeros(len(centre), np.int64)
    np.maximum.at(last, cell, neighbour)
    up = centre[cell]
    start, to = (neighbour_centre[x] - up for x in (last[cell], neighbour))
    sine = np.einsum("ka,ka->k", np.cross(start, to), up)
    return neighbour[np.lexsort((np.arctan2(sine, np.einsum("ka,ka->k", start, to)), cell))]


def _cyclic(offsets: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the entry before and after each entry, going round within its cell."""
    k = np.arange(len(cell))
    first, end = offsets[cell], offsets[cell + 1]
    return np.where(k == first, end - 1, k - 1), np.where(k == end - 1, first, k + 1)


def _outward(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Arc length from a to b (n, 3) times the unit normal of its plane, to the right."""
    normal = np.cross(b, a - b)
    sine = np.linalg.norm(normal, axis=1)
    arc = np.arctan2(sine, np.einsum("ka,ka->k", a, b))
    return normal * (arc / np.where(sine > 0.0, sine, 1.0))[:, None]


def _fan_area(here: np.ndarray, offsets: np.ndarray, cell: np.ndarray, signed: bool) -> np.ndarray:
    """Areas (n,) of the polygons by triangles from the first corner."""
    k = np.arange(len(cell))
    first = offsets[cell]
    triangle = k >= first + 2
    a, b, c = here[first[triangle]], here[k[triangle] - 1], here[k[triangle]]
    top = np.einsum("ka,ka->k", a, np.cross(b - a, c - a))
    bottom = 1.0 + np.einsum("ka,ka->k", a, b) + np.einsum("ka,ka->k", b, c) + np.einsum("ka,ka->k", c, a)
    area = 2.0 * np.arctan2(top, bottom)
    return np.bincount(cell[triangle], area if signed else np.abs(area), minlength=len(offsets) - 1)


def _sums(value: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Sums of `value` (m,) or (m, 3) over each cell's entries, in their order."""
    n = len(offsets) - 1
    cell = np.repeat(np.arange(n), np.diff(offsets))
    if value.ndim == 1:
        return np.bincount(cell, value, minlength=n)
    return np.stack([np.bincount(cell, column, minlength=n) for column in value.T], axis=1)


def _tangent(vector: np.ndarray, up: np.ndarray) -> np.ndarray:
    return vector - np.einsum("ka,ka->k", vector, up)[:, None] * up
