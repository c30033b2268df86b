"""Choose which cells move to which group, so that every zone's quotas are met and the summed gain is as large as can be. Knows flat arrays: no maps, no classes.

In each zone some groups lose whole numbers of cells and others gain them. Every gaining group has a price, and a losing group gives up the
cells whose best gain less the price is largest; the prices of groups that too many cells want rise until demand is met (an auction, all
zones at once). Where prices cannot decide, because gains tie, the best remaining pairs are taken in order: the
quotas are met exactly all the same, but the summed gain may then fall short of the largest. A zone depends on its own cells only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

N_PRICE_ROUND = 24
"""Rounds of price rises; zones that are not settled then, are finished in order of gain."""


@dataclass(frozen=True)
class Candidates:
    """Cells that may move: their zone, the group they leave, and the gain of each group they may join, (n, n_group); -inf where it may not."""

    zone: np.ndarray
    loser: np.ndarray
    gain: np.ndarray

    def at(self, keep: np.ndarray) -> Candidates:
        return Candidates(self.zone[keep], self.loser[keep], self.gain[keep])


def assign(cells: Candidates, quota: np.ndarray) -> np.ndarray:
    """The group each cell joins, or -1 for cells that stay.

    Args:
        cells: in the order that decides ties.  quota: int (n_zone, n_group), below 0 for groups that lose cells; sums to 0 in each zone.
    Returns:
        int (n,). Quotas are met exactly where the zone has the cells; else every cell of the short groups moves.
        The summed gain is the largest that the quotas allow, unless gains tie: then it can be a little less.
    """
    n_zone, n_group = quota.shape
    kept = np.flatnonzero(_could_move(cells, quota))
    joined = np.full(len(cells.zone), -1, np.int64)
    if not len(kept):
        return joined
    near = cells.at(kept)
    price, choice = _prices(near, quota)
    met = (_count(near.zone, choice, quota.shape) == np.maximum(quota, 0)).all(axis=1)
    choice[~met[near.zone]] = -1
    open_cells = np.flatnonzero(~met[near.zone])
    if len(open_cells):
        rest = near.at(open_cells)
        choice[open_cells] = _in_order(Candidates(rest.zone, rest.loser, rest.gain - price[rest.zone]), quota)
    joined[kept] = choice
    return joined


def order_in(part: np.ndarray, value: np.ndarray, n_part: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions sorted by part, then by falling value, then by position, and each one's rank within its part."""
    small = part.astype(np.uint16) if n_part <= 1 << 16 else part
    if value.dtype == np.float32:
        order = np.sort(_falling_key(value) | np.arange(len(value), dtype=np.uint64)).astype(np.uint32)
    else:
        order = np.argsort(-value, kind="stable")
    order = order[np.argsort(small[order], kind="stable")]
    return order, rank_in_runs(part[order], n_part)


def rank_in_runs(part: np.ndarray, n_part: int) -> np.ndarray:
    """0, 1, 2, ... within each run of equal values of a sorted array."""
    count = np.bincount(part, minlength=n_part)
    return np.arange(len(part)) - (np.cumsum(count) - count)[part]


def _falling_key(value: np.ndarray) -> np.ndarray:
    """float32 -> uint64 whose upper half falls as the value rises; the lower half is free for a position."""
    bits = (value + np.float32(0.0)).view(np.uint32)
    rising = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return (~rising).astype(np.uint64) << np.uint64(32)


def _could_move(cells: Candidates, quota: np.ndarray) -> np.ndarray:
    """Cells among the q best for some gaining group, where q is their own group's quota: no other cell can move at the optimum."""
    n_zone, n_group = quota.shape
    part = cells.zone * n_group + cells.loser
    wanted = np.maximum(-quota, 0).ravel()
    could = np.zeros(len(part), bool)
    for g in np.flatnonzero((quota > 0).any(axis=0)).tolist():
        there = np.flatnonzero(np.isfinite(cells.gain[:, g]))
        order, rank = order_in(part[there], cells.gain[there, g].astype(np.float32), n_zone * n_group)
        could[there[order[rank < wanted[part[there][order]]]]] = True
    return could


def _prices(cells: Candidates, quota: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prices (n_zone, n_group) that spread the cells over the gaining groups, and each cell's choice at them (-1 for not moving)."""
    price = np.zeros(quota.shape)
    limit = np.maximum(quota, 0)
    choice = np.full(len(cells.zone), -1, np.int64)
    active = np.arange(len(cells.zone))
    for _ in range(N_PRICE_ROUND):
        now = cells.at(active)
        chosen, margin = _choices(now, quota, price)
        choice[active] = chosen
        excess = _count(now.zone, chosen, quota.shape) - limit
        most = np.argmax(excess, axis=1)
        excess = np.maximum(excess[np.arange(len(most)), most], 0)
        leaving = chosen == most[now.zone]
        leaving &= excess[now.zone] > 0
        if not leaving.any():
            break
        price[np.arange(len(most)), most] += _rise(now.zone[leaving], margin[leaving], excess)
        active = active[(excess > 0)[now.zone]]
    return price, choice


def _choices(cells: Candidates, quota: np.ndarray, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each cell's best group if it is among the best of the group it leaves, else -1; and by how much it prefers that to its next choice."""
    n_zone, n_group = quota.shape
    value = cells.gain - price[cells.zone]
    rows = np.arange(len(value))
    best = np.argmax(value, axis=1)
    top = value[rows, best]
    value[rows, best] = -np.inf
    second = value.max(axis=1)
    part = cells.zone * n_group + cells.loser
    order, rank = order_in(part, top, n_zone * n_group)
    wanted = np.maximum(-quota, 0).ravel()
    moves = np.zeros(len(rows), bool)
    moves[order] = rank < wanted[part[order]]
    next_in_line = np.full(n_zone * n_group, -np.inf)
    waits = order[rank == wanted[part[order]]]
    next_in_line[part[waits]] = top[waits]
    return np.where(moves, best, -1), top - np.maximum(second, next_in_line[part])


def _rise(zone: np.ndarray, margin: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """By how much a price must rise in each zone for `excess` cells to leave: half way between the margins of the last to go and the first to stay."""
    order, rank = order_in(zone, -margin, len(excess))
    at_last, at_first = rank == (excess - 1)[zone[order]], rank == excess[zone[order]]
    last, first = np.zeros(len(excess)), np.full(len(excess), np.inf)
    last[zone[order[at_last]]] = margin[order[at_last]]
    first[zone[order[at_first]]] = margin[order[at_first]]
    return np.where(np.isfinite(first), 0.5 * (last + np.where(np.isfinite(first), first, 0.0)), last + 1.0)


def _count(zone: np.ndarray, group: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Cells of each zone that joined each group."""
    joined = group >= 0
    return np.bincount(zone[joined] * shape[1] + group[joined], minlength=shape[0] * shape[1]).reshape(shape)


def _in_order(cells: Candidates, quota: np.ndarray) -> np.ndarray:
    """Take the (cell, group) pairs in order of gain until the quotas are used up; each round goes on until a gaining group of a zone is full."""
    n_zone, n_group = quota.shape
    left = quota.copy()
    joined = np.full(len(cells.zone), -1, np.int64)
    waiting = np.arange(len(cells.zone))
    for _ in range(n_group):
        zone, loser = cells.zone[waiting], cells.loser[waiting]
        gain = np.where(left[zone] > 0, cells.gain[waiting], -np.inf)
        best = np.argmax(gain, axis=1)
        gain = gain[np.arange(len(best)), best]
        useful = np.isfinite(gain) & (left[zone, loser] < 0)
        waiting, zone, loser, best, gain = (a[useful] for a in (waiting, zone, loser, best, gain))
        if not len(waiting):
            break
        order, _ = order_in(zone, gain, n_zone)
        zone, loser, best = zone[order], loser[order], best[order]
        wanted = _rank(zone * n_group + loser, n_zone * n_group) < -left[zone, loser]
        fits = np.ones(len(zone), bool)
        fits[wanted] = _rank((zone * n_group + best)[wanted], n_zone * n_group) < left[zone, best][wanted]
        full = np.full(n_zone, len(zone))
        np.minimum.at(full, zone[~fits], np.flatnonzero(~fits))
        taken = wanted & (np.arange(len(zone)) < full[zone])
        joined[waiting[order[taken]]] = best[taken]
        np.subtract.at(left, (zone[taken], best[taken]), 1)
        np.add.at(left, (zone[taken], loser[taken]), 1)
        waiting = np.sort(waiting[order[~taken]])
    return joined


def _rank(part: np.ndarray, n_part: int) -> np.ndarray:
    """How many earlier entries belong to the same part."""
    order = np.argsort(part, kind="stable")
    rank = np.empty(len(part), np.int64)
    rank[order] = rank_in_runs(part[order], n_part)
    return rank
