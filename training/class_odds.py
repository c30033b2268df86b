"""How likely each class is at a cell, from the classes around it but not its own. Knows a class map and the shape of its cells, no changes and no zones.

The map teaches itself: a boosted-tree classifier learns each cell's class from smoothed densities of all classes without the cell, fitted on other
blocks of the map than those it is asked about, so that no cell's own label trains its own prediction. A class that is unlikely where it stands
is likely to be an error or a passing state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import ValueRangeError
from lsbc.training.late_xgboost import late_xgboost

REACHES_ROWS = (0.5, 0.8, 1.2, 2.0, 4.0, 8.0, 16.0)
"""Standard deviations of the densities, in rows."""
LEAST_P = 1e-5
DENSITY_REACH_ROWS, DENSITY_LEAST = 1.0, 0.01


@dataclass(frozen=True)
class Learner:
    """How the classifier is fitted."""

    n_fold: int = 4
    block_rows: int = 25
    n_round: int = 60
    depth: int = 6
    rate: float = 0.2
    share: float = 0.4
    seed: int = 0


USUAL = Learner()


def densities(kind: np.ndarray, n_kind: int, reach_rows: float, columns_per_row: float) -> np.ndarray:
    """Gaussian-weighted share of each kind around each cell, without the cell itself, float32 (kind, row, col).

    Args:
        kind: (row, col), values from `n_kind` on are no kind.  columns_per_row: how many columns are as long as one row.
    """
    reach = (reach_rows, reach_rows * columns_per_row)
    middle = np.zeros([2 * int(6 * r) + 3 for r in reach], np.float32)
    middle[middle.shape[0] // 2, middle.shape[1] // 2] = 1.0
    own = gaussian_filter(middle, reach).max()
    planes = [(kind == k).astype(np.float32) for k in range(n_kind)]
    return np.stack([np.maximum(gaussian_filter(plane, reach, mode="constant") - own * plane, 0.0) for plane in planes])


def density_log_p(classes: np.ndarray, n_class: int, columns_per_row: float) -> np.ndarray:
    """Log share of each class in the near neighbourhood, (class, row, col): the simple score."""
    share = densities(classes, n_class, DENSITY_REACH_ROWS, columns_per_row) + DENSITY_LEAST
    return np.log(share / share.sum(axis=0))


def learned_log_p(kind: np.ndarray, classes: np.ndarray, columns_per_row: float, learner: Learner = USUAL) -> np.ndarray:
    """Log probability of each class at each cell with data, float32 (n_cell, class), at least log `LEAST_P`.

    Args:
        kind: (row, col) finer classes that serve as features.  classes: (row, col) what is predicted; NO_DATA in both where there is none.
    """
    land = classes != NO_DATA
    n_kind, n_class = int(kind[land].max()) + 1, int(classes[land].max()) + 1
    kind = np.where(land, kind, n_kind)
    features = np.concatenate([densities(kind, n_kind + 1, reach, columns_per_row)[:, land] for reach in REACHES_ROWS]).T
    chance = _cross_fitted(np.ascontiguousarray(features), classes[land], _folds(land, columns_per_row, learner), n_class, learner)
    return np.log(np.maximum(chance, LEAST_P))


def _folds(land: np.ndarray, columns_per_row: float, learner: Learner) -> np.ndarray:
    """Fold of each cell with data: square blocks, dealt so that neighbours differ; smaller ones where all cells would be of one fold."""
    row, col = np.nonzero(land)
    block = learner.block_rows
    while block:
        fold = (row // block * 2 + (col // max(round(block * columns_per_row), 1))) % learner.n_fold
        if (fold != fold[0]).any():
            return fold
        block //= 2
    raise ValueRangeError(f"The classes around cannot be learnt from a map of {len(row)} cells with data, all of one fold; take the rule by density.")


def _cross_fitted(features: np.ndarray, label: np.ndarray, fold: np.ndarray, n_class: int, learner: Learner) -> np.ndarray:
    xgboost = late_xgboost()
    chance = np.zeros((len(label), n_class), np.float32)
    options = {"objective": "multi:softprob", "num_class": n_class, "max_depth": learner.depth, "eta": learner.rate, "subsample": learner.share,
               "colsample_bytree": 0.5, "tree_method": "hist", "max_bin": 64, "nthread": 1, "seed": learner.seed}
    for k in range(learner.n_fold):
        train, asked = fold != k, fold == k
        if not asked.any():
            continue
        booster = xgboost.train(options, xgboost.DMatrix(features[train], label=label[train], nthread=1), learner.n_round)
        chance[asked] = booster.predict(xgboost.DMatrix(features[asked], nthread=1))
    return chance
