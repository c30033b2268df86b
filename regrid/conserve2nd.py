"""Second-order conservative weights: first order plus the source's gradient across each cell. Knows no files and no ranks."""

from __future__ import annotations

import numpy as np

from lsbc.regrid.clip import Pairs, cell_moments, clip
from lsbc.regrid.conserve import check_normalization, covered_share
from lsbc.regrid.errors import ConfigError
from lsbc.regrid.gradients import Gradients, gradients
from lsbc.regrid.grids import Grid
from lsbc.regrid.neighbours import neighbours
from lsbc.regrid.weights import Side, Weights

RULES = {"esmf": "corners", "exact": "area"}
"""What stands for the centroid of a piece."""
AT_ONCE = 50_000
"""Pairs whose entries are made together."""


def second_order_weights(source: Grid, destination: Grid, normalization: str = "dstarea", rule: str = "esmf") -> Weights:
    """Conservative weights of Kritsikis et al. (2017), what ESMF calls conserve2nd; great-circle edges only.

    w = A_ij / A_j (1 + (c_ij - c_i) . gradient at i), where c_ij is the centroid of the piece that cells i and j share and
    c_i that of all pieces of i, so that the integral is kept over the overlapped area; with "fracarea" the covered part of
    A_j takes its place. Weights can be negative. A row depends on the whole destination that the source cells meet, not on
    its own cell only.

    rule "esmf": centroids are means of corners, and triangles of a neighbours' polygon that is not convex all count positive,
    as in ESMF; pieces of odd shape then keep the error of first order. "exact": true centroids and areas, which converge
    with the square of the cell size.

    Raises:
        GridError: edges are not great circles, corners are missing, or a cell is too large.
        WeightError: unknown normalisation.
        ConfigError: unknown rule.
    """
    if rule not in RULES:
        raise ConfigError(f"The rule of second-order weights must be one of {', '.join(RULES)}, got '{rule}'.")
    check_normalization(normalization)
    centroids = RULES[rule]
    pairs = clip(source, destination, moments=True, centroids=centroids)
    source_area, source_moment = cell_moments(source, centroids)
    area, _ = cell_moments(destination, centroids)
    covered = np.bincount(pairs.j, pairs.area_sr, destination.n_cell)
    centre = _source_centre(pairs, source.n_cell)
    slope = gradients(_unit(centre), _unit(source_moment), *neighbours(source), signed=rule == "exact")
    frac_b = covered_share(covered, area)
    divisor = covered if normalization == "fracarea" else np.where(frac_b == 1.0, covered, area)
    row, column, value = _entries(pairs, centre, slope, divisor)
    frac_a = covered_share(np.bincount(pairs.i, pairs.area_sr, source.n_cell), source_area)
    return Weights.from_entries(
        row, column, value, source=Side.of(source, frac_a, source_area),
        destination=Side.of(destination, frac_b, area), method="conserve2nd",
        normalization=normalization, edges=source.edges)


def _source_centre(pairs: Pairs, n: int) -> np.ndarray:
    """Centroids (n, 3) of the covered parts of the source cells, 0 for those that are not covered."""
    total = np.stack([np.bincount(pairs.i, column, minlength=n) for column in pairs.moment.T], axis=1)
    area = np.bincount(pairs.i, pairs.area_sr, n)
    return total / np.where(area > 0.0, area, 1.0)[:, None]


def _unit(vector: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector, axis=1, keepdims=True)
    return vector / np.where(length > 0.0, length, 1.0)


def _entries(pairs: Pairs, centre: np.ndarray, slope: Gradients, divisor: np.ndarray) -> tuple[np.ndarray, ...]:
    """Rows, columns and values, sorted; made from some whole rows at a time, so that they stay in cache and memory small."""
    share = pairs.area_sr / divisor[pairs.j]
    off = (pairs.moment / pairs.area_sr[:, None] - centre[pairs.i]) * share[:, None]
    cut = np.searchsorted(pairs.j, pairs.j[AT_ONCE::AT_ONCE])
    cut = np.unique(np.concatenate([[0], cut, [len(pairs.i)]]))
    parts = [_rows(pairs, slice(a, b), off, share, slope, len(centre)) for a, b in zip(cut[:-1], cut[1:])]
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    return tuple(np.concatenate(part) for part in zip(*parts))


def _rows(pairs: Pairs, part: slice, off: np.ndarray, share: np.ndarray, slope: Gradients, n: int) -> tuple[np.ndarray, ...]:
    """Entries of a part of the pairs; what several source cells give to one entry is added in ascending order of those cells."""
    i, j, off = pairs.i[part], pairs.j[part], off[part]
    own = share[part] - np.einsum("ka,ka->k", off, slope.own[i])
    count = np.where(slope.own[i].any(axis=1), np.diff(slope.offsets)[i], 0)
    pair = np.repeat(np.arange(len(i)), count)
    entry = np.arange(len(pair)) + np.repeat(slope.offsets[i] - (np.cumsum(count) - count), count)
    around = np.einsum("ka,ka->k", off[pair], slope.factor[entry])
    key = np.concatenate([j * n + i, j[pair] * n + slope.neighbour[entry]])
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    return *np.divmod(key[first], n), np.add.reduceat(np.concatenate([own, around])[order], first)
