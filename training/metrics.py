"""Scores of class maps from a table of observed and predicted classes. Knows tables and flat arrays, no years and no places.

Every count is a sum of area weights (cosine of latitude), so scores are shares of area, not of cells.
"""

from __future__ import annotations

import numpy as np

from lsbc.emulator.classes import N_CLASS


def confusion(observed: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Summed weight of each (observed, predicted) pair of classes, (8, 8)."""
    pair = observed.astype(np.int64) * N_CLASS + predicted
    return np.bincount(pair, weights=weight, minlength=N_CLASS**2).reshape(N_CLASS, N_CLASS)


def ratio(part: np.ndarray | float, whole: np.ndarray | float) -> np.ndarray:
    """part / whole; NaN where whole is not positive."""
    return np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, np.nan), where=np.asarray(whole) > 0)


def accuracy(table: np.ndarray) -> float:
    """Share of the weight on the diagonal; NaN for an empty table."""
    return float(ratio(np.trace(table), table.sum()))


def _seen(score: np.ndarray, table: np.ndarray) -> np.ndarray:
    return np.where(table.sum(axis=1) > 0, score, np.nan)


def class_iou(table: np.ndarray) -> np.ndarray:
    """Intersection over union of each class (Jaccard 1912): both / (observed + predicted - both); NaN if not observed.

    A class that is predicted but nowhere observed has no IoU of its own; it costs the observed classes instead.
    """
    both, observed, predicted = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    return _seen(ratio(both, observed + predicted - both), table)


def class_f1(table: np.ndarray) -> np.ndarray:
    """Harmonic mean of precision and recall of each class (Dice 1945): 2 both / (observed + predicted); NaN if not observed."""
    return _seen(ratio(2.0 * np.diag(table), table.sum(axis=1) + table.sum(axis=0)), table)


def mean_of_seen(score: np.ndarray) -> float:
    """Mean over the classes that have the score; NaN if none has."""
    found = score[np.isfinite(score)]
    return float(found.mean()) if found.size else float("nan")


def mean_iou(table: np.ndarray) -> float:
    """Mean of `class_iou` over the classes observed."""
    return mean_of_seen(class_iou(table))


def disagreement(table: np.ndarray) -> tuple[float, float]:
    """(quantity, allocation) disagreement (Pontius and Millones 2011), shares of the area that sum to 1 - accuracy.

    Quantity: half the sum over classes of |predicted area - observed area|. Allocation: the rest, right areas in wrong places.
    """
    share = table / table.sum()
    quantity = 0.5 * float(np.abs(share.sum(axis=0) - share.sum(axis=1)).sum())
    return quantity, 1.0 - float(np.trace(share)) - quantity
