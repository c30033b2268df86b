"""Scores of class maps: accuracy, intersection over union, figure of merit. Knows flat arrays and weights only.

Every count is a sum of area weights (cosine of latitude), so scores are shares of area, not of cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.emulator.classes import N_CLASS


def confusion(observed: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Summed weight of each (observed, predicted) pair of classes, (8, 8)."""
    pair = observed.astype(np.int64) * N_CLASS + predicted
    return np.bincount(pair, weights=weight, minlength=N_CLASS**2).reshape(N_CLASS, N_CLASS)


def accuracy(table: np.ndarray) -> float:
    """Share of the weight on the diagonal."""
    return float(np.trace(table) / table.sum())


def class_iou(table: np.ndarray) -> np.ndarray:
    """Intersection over union of each class (Jaccard 1912): both / (observed + predicted - both); NaN if not observed.

    A class that is predicted but nowhere observed has no IoU of its own; it costs the observed classes instead.
    """
    both, observed, predicted = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    union = observed + predicted - both
    return np.where(observed > 0, both / np.where(union > 0, union, 1.0), np.nan)


def mean_iou(table: np.ndarray) -> float:
    """Mean of `class_iou` over the classes observed."""
    return float(np.nanmean(class_iou(table)))


@dataclass(frozen=True)
class ChangeScore:
    """Components of the change between a map and a later one, as weight sums."""

    hits: float
    wrong_class: float
    misses: float
    false_alarms: float

    @property
    def figure_of_merit(self) -> float:
        """Hits over everything that changed or was said to (Pontius et al. 2008); NaN where neither happened."""
        total = self.hits + self.wrong_class + self.misses + self.false_alarms
        return self.hits / total if total > 0 else float("nan")

    def __add__(self, other: ChangeScore) -> ChangeScore:
        return ChangeScore(self.hits + other.hits, self.wrong_class + other.wrong_class,
                           self.misses + other.misses, self.false_alarms + other.false_alarms)


def change_score(before: np.ndarray, observed: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> ChangeScore:
    """Compare predicted with observed change from `before`.

    Hits: changed in both, right class. Wrong class: changed in both, another class. Misses: only observed.
    False alarms: only predicted. Persistence has no hits, hence a figure of merit of 0.
    """
    changed, said = observed != before, predicted != before
    right = observed == predicted

    def area(cells: np.ndarray) -> float:
        return float(weight[cells].sum())

    return ChangeScore(area(changed & said & right), area(changed & said & ~right),
                       area(changed & ~said), area(~changed & said))
