"""Rows of weights on their way from the rank that holds them to the ranks that need them. Knows a matrix: no fields, no grids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.route import ship
from lsbc.regrid.weights import Side, Weights

ENTRIES_AT_ONCE = 1 << 24
"""Rank 0 ships its rows in batches of about this many entries (200 MB), so that it never holds them twice."""


@dataclass(frozen=True)
class LocalRows:
    """Rows of some destination cells.

    n_entry, frac (n_row,): entries in each, and the share of the cell that takes part; source_id int64 (n_source,): the
    source cells in use, ascending; column (n,): positions among them; value (n,).
    """

    n_entry: np.ndarray
    frac: np.ndarray
    source_id: np.ndarray
    column: np.ndarray
    value: np.ndarray

    @classmethod
    def empty(cls, n_row: int) -> LocalRows:
        return cls(np.zeros(n_row, np.int64), np.zeros(n_row), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def fetch_rows(comm: Comm, weights: Weights | None, n_source: int, need: np.ndarray) -> LocalRows:
    """The rows of `need` from the weights of rank 0, in that order; the others pass None. Collective."""
    held = _nothing() if weights is None else weights
    (asked,), asked_count, _ = ship(comm, np.zeros(len(need), np.int64), need)
    n_asked = np.diff(held.offsets)[asked]
    n_entry, frac = (comm.alltoallv(x, asked_count)[0] for x in (n_asked, _frac(held)[asked]))
    ends = np.concatenate([[0], np.cumsum(asked_count)])
    to_each = np.diff(np.concatenate([[0], np.cumsum(n_asked)])[ends])
    column, value = np.empty(0, np.int32), np.empty(0)
    for first, last in comm.bcast(list(_batches(to_each))):
        now, count = slice(ends[first], ends[last]), np.zeros(comm.size, np.int64)
        count[first:last] = to_each[first:last]
        sent = agree(comm, _entries_of, held, asked[now], n_asked[now])
        parts = [comm.alltoallv(x, count)[0] for x in sent]
        if first <= comm.rank < last:
            column, value = parts
    return LocalRows(n_entry, frac, *_in_use(column, n_source), value)


def _entries_of(weights: Weights, row: np.ndarray, n_entry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = runs(weights.offsets[row], n_entry)
    return weights.column[at], weights.value[at]


def rows_of(weights: Weights, source_id: np.ndarray) -> LocalRows:
    """All rows of weights whose source cells have the ids (n_source,), ascending."""
    used, column = _in_use(weights.column, weights.n_source)
    return LocalRows(np.diff(weights.offsets), _frac(weights), source_id[used], column, weights.value)


def _in_use(column: np.ndarray, n_column: int) -> tuple[np.ndarray, np.ndarray]:
    """The columns that occur, ascending, and the place of each entry's column among them."""
    if n_column > 8 * len(column):
        return np.unique(column.astype(np.int64), return_inverse=True)
    is_used = np.zeros(n_column, bool)
    is_used[column] = True
    return np.flatnonzero(is_used), (np.cumsum(is_used, dtype=np.int32) - 1)[column]


def _frac(weights: Weights) -> np.ndarray:
    """frac_b, or where the weights do not say, 1 for mapped cells."""
    frac = weights.destination.frac
    return weights.is_mapped.astype(np.float64) if frac is None else np.asarray(frac, np.float64)


def _batches(n_entry: np.ndarray) -> Iterator[tuple[int, int]]:
    """Runs [first, last) of ranks whose entries are about ENTRIES_AT_ONCE together, or one rank."""
    first, total = 0, 0
    for rank, n in enumerate(n_entry):
        if n and total and total + n > ENTRIES_AT_ONCE:
            yield first, rank
            first, total = rank, 0
        total += int(n)
    yield first, len(n_entry)


def _nothing() -> Weights:
    return Weights(offsets=np.zeros(1, np.int64), column=np.empty(0), value=np.empty(0), source=Side(shape=(0,)), destination=Side(shape=(0,)))


def runs(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The indices start, start + 1, ... of every run, one run after another.

    >>> runs(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(length)
    return np.arange(int(length.sum())) + np.repeat(start - (ends - length), length)
