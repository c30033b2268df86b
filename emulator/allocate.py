"""Turn class scores into a map whose class areas change as coarse areas do. Knows one tile or one list of cells at a time, no ranks or files.

Within each zone (a driver cell) the change of every group's area becomes a whole number of fine cells; the cells that move are those that
together gain most score by it (`assign`). What whole cells cannot express is carried to the next year. A zone depends on nothing outside it,
so the result depends on no tile order or rank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.emulator.assign import Candidates, assign
from lsbc.emulator.classes import CLASS_GROUP, CLASS_NAMES, GROUPS, NO_DATA
from lsbc.regrid.errors import InternalError

N_LAND_GROUP = len(GROUPS) - 1
"""Groups that can change: all but `other` (water, ice, ocean)."""
MAX_CARRY_CELLS = 1.0
"""More than one cell of unmet demand is not a remainder: the map lacks the class that should shrink. It is dropped and reported."""

MOVABLE_GROUP = np.full(256, -1, np.int64)
MOVABLE_GROUP[: len(CLASS_NAMES)] = [GROUPS.index(CLASS_GROUP[name]) for name in CLASS_NAMES]
MOVABLE_GROUP[MOVABLE_GROUP == N_LAND_GROUP] = -1
"""Group of each class index, -1 for classes that never change and for indices beyond the classes."""


@dataclass(frozen=True)
class Allocated:
    """A tile's new map, the demand carried on, and the part of the demand that was dropped, in fine cells."""

    core: np.ndarray
    carry: np.ndarray
    dropped: np.ndarray


def allocate(score: np.ndarray, old: np.ndarray, delta: np.ndarray, carry: np.ndarray) -> Allocated:
    """Allocate one tile, or any rectangle of whole driver cells.

    Args:
        score: (8, n, m) log-probabilities or logits.  old: last year's class index, uint8 (n, m), `NO_DATA` where missing.
        delta: (b, c, 6) change of the group fractions in the b x c driver cells of the tile; 0 where there is no data.
        carry: (b, c, 5) demand in fine cells left over from earlier years.
    Returns:
        the new map; changes of each land group in each driver cell differ from demand by less than one cell, unless
        the map holds too few cells of the shrinking groups (then `dropped` says how many were missing).
    Raises:
        InternalError: the map does not divide into the driver cells of `delta`.
    """
    if any(n % n_block for n, n_block in zip(old.shape, delta.shape[:2], strict=True)):
        raise InternalError(f"A map of shape {old.shape} does not divide into driver cells of shape {delta.shape[:2]}.")
    rows, cols = (np.arange(n) // (n // n_block) for n, n_block in zip(old.shape, delta.shape[:2]))
    zone = (rows[:, None] * delta.shape[1] + cols).ravel()
    n_valid = np.bincount(zone[old.ravel() != NO_DATA], minlength=delta.shape[0] * delta.shape[1])
    demand = balanced(delta[..., :N_LAND_GROUP].reshape(-1, N_LAND_GROUP) * n_valid[:, None] + carry.reshape(-1, N_LAND_GROUP))
    new = allocate_zones(score.reshape(len(score), -1), old.ravel(), zone, demand)
    left = demand - (group_counts(new, zone, demand.shape) - group_counts(old.ravel(), zone, demand.shape))
    kept = np.clip(left, -MAX_CARRY_CELLS, MAX_CARRY_CELLS)
    dropped = np.abs(left - kept).sum(axis=-1) / 2.0
    return Allocated(new.reshape(old.shape), kept.reshape(carry.shape), dropped.reshape(delta.shape[:2]))


def allocate_zones(score: np.ndarray, old: np.ndarray, zone: np.ndarray, demand: np.ndarray,
                   group_of_class: np.ndarray = MOVABLE_GROUP) -> np.ndarray:
    """Change the classes of cells so that each zone's groups change by the demand, rounded to whole cells.

    Args:
        score: (class, n_cell) log-probabilities, logits or any other gain in one unit.  old: class index, uint8 (n_cell,).
        zone: int (n_cell,), below 0 for cells outside all zones: they stay.
        demand: cells by which each group is to change, (n_zone, n_group), summing to 0 in each zone.
        group_of_class: (256,) the group of each class, -1 for classes that never change.
    Returns:
        the new classes; within a group the class of the highest score, the lowest index on ties.
    """
    quota = whole_cells(demand)
    group = np.where(zone >= 0, group_of_class[old], -1)
    losing = np.flatnonzero((group >= 0) & (quota[np.maximum(zone, 0), np.maximum(group, 0)] < 0))
    new = old.copy()
    gain = _gains(score, old, group_of_class, losing, quota.shape[1])
    gain[quota[zone[losing]] <= 0] = -np.inf
    joined = assign(Candidates(zone[losing], group[losing], gain), quota)
    _move(new, score, group_of_class, losing, joined)
    return new


def group_counts(classes: np.ndarray, zone: np.ndarray, shape: tuple[int, int], group_of_class: np.ndarray = MOVABLE_GROUP) -> np.ndarray:
    """Cells of each group in each zone, int (n_zone, n_group)."""
    group = np.where(zone >= 0, group_of_class[classes], -1)
    inside = group >= 0
    return np.bincount(zone[inside] * shape[1] + group[inside], minlength=shape[0] * shape[1]).reshape(shape)


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


def balanced(demand: np.ndarray) -> np.ndarray:
    """Take off what demands (..., group) do not sum to 0 by (water cannot change), in proportion to each group's change."""
    size = np.abs(demand)
    total = size.sum(axis=-1, keepdims=True)
    return demand - demand.sum(axis=-1, keepdims=True) * size / np.where(total > 0.0, total, 1.0)


def _gains(score: np.ndarray, old: np.ndarray, group_of_class: np.ndarray, cells: np.ndarray, n_group: int) -> np.ndarray:
    """Score of each group's best class less that of the cell's own class, (n, n_group); -inf for the cell's own group and groups without classes."""
    own = old[cells]
    of_class = score[:, cells]
    best = np.full((len(cells), n_group), -np.inf)
    for c, g in enumerate(group_of_class[: len(score)].tolist()):
        if g >= 0:
            np.maximum(best[:, g], of_class[c], out=best[:, g])
    best -= of_class[own, np.arange(len(cells))][:, None]
    best[np.arange(len(cells)), group_of_class[own]] = -np.inf
    return best


def _move(new: np.ndarray, score: np.ndarray, group_of_class: np.ndarray, cells: np.ndarray, joined: np.ndarray) -> None:
    """Give the cells that join a group the best class of it, in place."""
    cells, joined = cells[joined >= 0], joined[joined >= 0]
    allowed = group_of_class[: len(score), None] == joined
    new[cells] = np.argmax(np.where(allowed, score[:, cells], -np.inf), axis=0)
