"""Change compared in blocks of cells, so that a near miss counts as one. Knows flat arrays and block numbers only.

Pontius, Peethambaram and Castella 2011 (Annals of the AAG 101(1), 45-62), equations 1 to 7. In a block with class shares
Q (before), R (observed) and S (predicted): agreement is sum_j min(R_j, S_j), correct persistence sum_j min(Q_j, R_j, S_j),
hits the difference of the two, taken from the former classes in proportion to what is left of them. What disagrees is split
as if the remainders of the three maps were independent of each other. In blocks of one cell this is the plain comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.emulator.classes import N_CLASS
from lsbc.training.change_metrics import ChangeScore

BLOCK_CELLS = (1, 2, 4, 8, 16, 30)
"""Sides of the blocks in fine cells; 30 is a driver cell."""

ROUNDING = 1e-9
"""Errors this close to each other are the same, relative to their size."""


@dataclass(frozen=True)
class BlockScore:
    """Parts of the change at one block size, and the error of persistence there, as weight sums."""

    change: ChangeScore
    persistence_error: float

    def __add__(self, other: BlockScore) -> BlockScore:
        return BlockScore(self.change + other.change, self.persistence_error + other.persistence_error)

    @property
    def error(self) -> float:
        """Weight that disagrees with what was observed, rearranged within each block as well as can be."""
        return self.change.wrong_class + self.change.misses + self.change.false_alarms


def block_numbers(shape: tuple[int, int], side: int) -> np.ndarray:
    """The block of each cell, (row, col) int; blocks are counted from the first cell, the last ones may be smaller."""
    row, col = np.arange(shape[0]) // side, np.arange(shape[1]) // side
    return row[:, None] * -(-shape[1] // side) + col


def block_score(before: np.ndarray, observed: np.ndarray, predicted: np.ndarray, weight: np.ndarray, block: np.ndarray) -> BlockScore:
    """Compare three maps in blocks; a block counts by the weight of its cells given."""
    _, number = np.unique(block, return_inverse=True)
    area = np.bincount(number, weights=weight)

    def shares(classes: np.ndarray) -> np.ndarray:
        pair = number * N_CLASS + classes
        return np.bincount(pair, weights=weight, minlength=len(area) * N_CLASS).reshape(-1, N_CLASS) / area[:, None]

    q, r, s = shares(before), shares(observed), shares(predicted)
    agreed = np.minimum(r, s)
    kept = np.minimum(q, agreed)
    wrong = np.maximum(1.0 - agreed.sum(axis=1), 0.0)
    left = q - kept
    total = left.sum(axis=1)
    q_rest = left * np.divide(wrong, total, out=np.zeros_like(total), where=total > 0)[:, None]
    r_rest, s_rest = r - agreed, s - agreed
    some = wrong > 1e-12
    false_alarms, misses = (np.divide((q_rest * rest).sum(axis=1), wrong, out=np.zeros_like(wrong), where=some) for rest in (r_rest, s_rest))
    hits = agreed.sum(axis=1) - kept.sum(axis=1)
    parts = (hits, np.where(some, wrong - false_alarms - misses, 0.0), misses, false_alarms, kept.sum(axis=1))
    persistence = 1.0 - np.minimum(q, r).sum(axis=1)
    return BlockScore(ChangeScore(*(float(area @ part) for part in parts)), float(area @ persistence))


def null_resolution(scores: dict[int, BlockScore]) -> float:
    """Side of the smallest blocks from which on the map is nearer the truth than persistence is; NaN if it never is.

    Blocks finer than this are where copying the former map would have been better (Pontius et al. 2008).
    """
    found = float("nan")
    for side in sorted(scores, reverse=True):
        if not scores[side].error < scores[side].persistence_error * (1.0 - ROUNDING):
            break
        found = float(side)
    return found
