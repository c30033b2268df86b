"""Fills gaps of a field from the cells around them. Knows arrays only: no windows, no patches."""

from __future__ import annotations

import numpy as np


def fill_from_around(field: np.ndarray, reach: int) -> np.ndarray:
    """NaN as the mean of the four neighbours, ring by ring, `reach` rings deep; 0 beyond.

    A filled cell depends on no cell further than `reach` from it, so that a window with that margin gives what any larger one gives.

    >>> fill_from_around(np.array([[6.0, np.nan, np.nan, np.nan]]), 2)
    array([[6., 6., 6., 0.]])
    """
    field = field.copy()
    for _ in range(reach):
        if not np.isnan(field).any():
            break
        padded = np.pad(field, 1, constant_values=np.nan)
        around = np.stack([padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]])
        count = np.isfinite(around).sum(axis=0)
        edge = np.isnan(field) & (count > 0)
        if not edge.any():
            break
        field[edge] = np.nansum(around[:, edge], axis=0) / count[edge]
    return np.where(np.isnan(field), 0.0, field)
