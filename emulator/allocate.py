"""Turn class scores into a map whose class areas change as the coarse fractions do. Knows one tile at a time, no ranks or files.

Within each driver cell the change of every group's fraction becomes a whole number of fine cells; the cells that move
are those whose score for a gaining class exceeds that of their own class by most. What whole cells cannot express is
carried to the next year. A driver cell depends on nothing outside it, so the result depends on no tile order or rank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.emulator.classes import CLASS_GROUP, CLASS_NAMES, GROUPS, NO_DATA

N_LAND_GROUP = len(GROUPS) - 1
"""Groups that can change: all but `other` (water, ice, ocean)."""
MAX_CARRY_CELLS = 1.0
"""More than one cell of unmet demand is not a remainder: the map lacks the class that should shrink. It is dropped and reported."""

GROUP_OF_CLASS = np.full(256, -1, np.int64)
GROUP_OF_CLASS[: len(CLASS_NAMES)] = [GROUPS.index(CLASS_GROUP[name]) for name in CLASS_NAMES]
GROUP_OF_CLASS[GROUP_OF_CLASS == N_LAND_GROUP] = -1
_CLASSES_OF_GROUP = [np.flatnonzero(GROUP_OF_CLASS == g) for g in range(N_LAND_GROUP)]


@dataclass(frozen=True)
class Allocated:
    """A tile's new map, the demand carried on, and the part of the demand that was dropped, in fine cells."""

    core: np.ndarray
    carry: np.ndarray
    dropped: np.ndarray


def allocate(score: np.ndarray, old: np.ndarray, delta: np.ndarray, carry: np.ndarray) -> Allocated:
    """Allocate one tile.

    Args:
        score: (8, n, n) log-probabilities or logits.  old: last year's class index, uint8 (n, n), `NO_DATA` where missing.
        delta: (b, b, 6) change of the group fractions in the b x b driver cells of the tile; 0 where there is no data.
        carry: (b, b, 5) demand in fine cells left over from earlier years.
    Returns:
        the new map; changes of each land group in each driver cell differ from demand by less than one cell, unless
        the map holds too few cells of the shrinking groups (then `dropped` says how many were missing).
    """
    n_block = delta.shape[0]
    side = old.shape[0] // n_block
    blocks = _blocks(old, n_block, side)
    scores = np.stack([_blocks(plane, n_block, side) for plane in score], axis=-1)
    n_valid = (blocks != NO_DATA).sum(axis=-1)
    demand = _balanced(delta[..., :N_LAND_GROUP] * n_valid[..., None] + carry)
    quota = whole_cells(demand)
    new = blocks.copy()
    for i, j in np.argwhere(quota.any(axis=-1)).tolist():
        _move(new[i, j], scores[i, j], quota[i, j])
    left = demand - (_group_counts(new) - _group_counts(blocks))
    kept = np.clip(left, -MAX_CARRY_CELLS, MAX_CARRY_CELLS)
    core = new.reshape(n_block, n_block, side, side).swapaxes(1, 2).reshape(old.shape)
    return Allocated(core, kept, np.abs(left - kept).sum(axis=-1) / 2.0)


def whole_cells(demand: np.ndarray) -> np.ndarray:
    """Round demands (..., group) that sum to 0 to whole numbers that sum to 0, each off by less than 1 (largest remainders).

    >>> whole_cells(np.array([1.6, -0.7, -0.9])).tolist()
    [2, -1, -1]
    """
    low = np.floor(demand)
    missing = -np.rint(low.sum(axis=-1)).astype(np.int64)
    order = np.argsort(-(demand - low), axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1, kind="stable")
    return low.astype(np.int64) + (rank < missing[..., None])


def _balanced(demand: np.ndarray) -> np.ndarray:
    """Take off what does not sum to 0 (water cannot change), in proportion to each group's change."""
    size = np.abs(demand)
    total = size.sum(axis=-1, keepdims=True)
    return demand - demand.sum(axis=-1, keepdims=True) * size / np.where(total > 0.0, total, 1.0)


def _blocks(plane: np.ndarray, n_block: int, side: int) -> np.ndarray:
    """(n, n) -> (b, b, side * side), the cells of each driver cell together."""
    return np.ascontiguousarray(plane.reshape(n_block, side, n_block, side).swapaxes(1, 2)).reshape(n_block, n_block, side * side)


def _group_counts(blocks: np.ndarray) -> np.ndarray:
    group = GROUP_OF_CLASS[blocks]
    return np.stack([(group == g).sum(axis=-1) for g in range(N_LAND_GROUP)], axis=-1)


def _move(cells: np.ndarray, score: np.ndarray, quota: np.ndarray) -> None:
    """Change the classes of one driver cell in place, best gains first, until the quotas are used up."""
    group = GROUP_OF_CLASS[cells]
    source = np.flatnonzero((group >= 0) & (np.where(group >= 0, quota[group], 0) < 0))
    gaining = np.flatnonzero(quota > 0)
    if not len(source):
        return
    best = np.stack([_CLASSES_OF_GROUP[g][np.argmax(score[source][:, _CLASSES_OF_GROUP[g]], axis=1)] for g in gaining])
    own = score[source, cells[source]]
    gain = score[source[None, :], best] - own[None, :]
    left, moved = np.abs(quota), np.zeros(len(source), bool)
    wanted = int(quota[gaining].sum())
    for pair in np.argsort(-gain, axis=None, kind="stable").tolist():
        g, k = divmod(pair, len(source))
        loser = group[source[k]]
        if moved[k] or left[gaining[g]] == 0 or left[loser] == 0:
            continue
        cells[source[k]] = best[g, k]
        moved[k] = True
        left[gaining[g]] -= 1
        left[loser] -= 1
        wanted -= 1
        if wanted == 0:
            return
