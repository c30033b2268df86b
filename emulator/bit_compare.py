"""Whether values are the same bit for bit, and where they first are not. Knows arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Difference:
    """What two arrays of one field differ in."""

    n_cell: int
    """Cells in which any level differs."""
    largest: float
    """Largest distance; infinite where one is not a number, 0 where only the sign of zero differs."""
    position: int
    """First such cell."""
    level: int
    expected: float
    found: float


def differ(expected: np.ndarray, found: np.ndarray) -> Difference | None:
    """Compare two float64 arrays, (n_cell,) or (n_level, n_cell); None where every bit is the same.

    >>> differ(np.array([1.0, np.nan]), np.array([1.0, np.nan])) is None
    True
    """
    expected, found = (np.atleast_2d(np.ascontiguousarray(values, np.float64)) for values in (expected, found))
    other = expected.view(np.uint64) != found.view(np.uint64)
    if not other.any():
        return None
    position = int(np.argmax(other.any(axis=0)))
    level = int(np.argmax(other[:, position]))
    with np.errstate(invalid="ignore"):
        distance = np.abs(expected[other] - found[other])
    distance[np.isnan(distance)] = np.inf
    return Difference(int(np.count_nonzero(other.any(axis=0))), float(distance.max()), position, level,
                      float(expected[level, position]), float(found[level, position]))
