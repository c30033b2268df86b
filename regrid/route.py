"""Moves rows of fields from the ranks that hold them to the ranks that need them. Knows ids only: no geometry, no files.

The plan is made through a directory spread over all ranks by blocks of ids, so that no rank ever holds a global array;
afterwards ranks talk only to their partners, one message each.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import FieldError, GridError

BLOCK = 4096
"""Ids next to each other share a directory rank: neighbours in space ask the same one."""


def directory_rank(ids: np.ndarray, size: int) -> np.ndarray:
    """The rank that keeps the record of each id."""
    return ids // BLOCK % size


def ship(comm: Comm, dest: np.ndarray, *columns: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Send items of some columns to the ranks in `dest`, keeping the order among items of one pair of ranks. Collective.

    Returns:
        columns as received, sorted by source; items from each source; the order in which ours were sent.
    """
    order = np.argsort(dest, kind="stable")
    send_count = np.bincount(dest, minlength=comm.size)
    received = [comm.alltoallv(column[order], send_count) for column in columns]
    return [rows for rows, _ in received], received[0][1], order


class Router:
    """A fixed plan that brings rows from `have` to `need`; build once, exchange often."""

    def __init__(self, comm: Comm, n_have: int, send: tuple[np.ndarray, np.ndarray],
                 receive: tuple[np.ndarray, np.ndarray]) -> None:
        self._comm = comm
        self.n_have = n_have
        self._send_index, self._send_count = send
        self._place, self._count = receive
        self._buffers = {"send": np.empty(0, np.uint8), "receive": np.empty(0, np.uint8)}

    @property
    def n_need(self) -> int:
        return len(self._place)

    @property
    def traffic(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows that one exchange brings from this rank to each (n_rank,), and from each to this one; 0: no message."""
        return self._send_count.copy(), self._count.copy()

    @classmethod
    def build(cls, comm: Comm, have: np.ndarray, need: np.ndarray, what: str = "cell") -> Router:
        """Plan from the global ids this rank holds and those it needs, in any order; `need` may repeat ids. Collective.

        Raises:
            GridError: on all ranks, when an id is negative, held twice, or needed but held by no rank.
        """
        have, need = agree(comm, lambda: (_checked_ids(have, what), _checked_ids(need, what)))
        (held_id, held_row), held_count, _ = ship(comm, directory_rank(have, comm.size), have, np.arange(len(have)))
        (asked_id,), asked_count, asked_order = ship(comm, directory_rank(need, comm.size), need)
        held_by = np.repeat(np.arange(comm.size), held_count)
        asked_by = np.repeat(np.arange(comm.size), asked_count)
        at = agree(comm, _look_up, held_id, held_by, asked_id, asked_by, what)
        answer = np.stack([held_by[at], held_row[at]], axis=1)
        holder_and_row = np.empty((len(need), 2), np.int64)
        holder_and_row[asked_order] = comm.alltoallv(answer, asked_count)[0]
        holder, row = holder_and_row.T
        (send_index,), send_count, place = ship(comm, holder, row)
        return cls(comm, len(have), (send_index, send_count), (place, np.bincount(holder, minlength=comm.size)))

    def exchange(self, values: np.ndarray) -> np.ndarray:
        """Rows (n_have, ...) of this rank in, rows (n_need, ...) in the order of `need` out. Collective.

        Same dtype and row shape on every rank, also where n_have is 0. The result is the caller's to keep.

        Raises:
            FieldError: on all ranks, when the rows of some rank are not those the plan was made for.
        """
        values = agree(self._comm, self._checked_values, values)
        tail = values.shape[1:]
        send = self._buffer("send", len(self._send_index), values)
        np.take(values, self._send_index, axis=0, out=send, mode="clip")
        received = self._buffer("receive", self.n_need, values)
        self._comm.exchange_rows(send, self._send_count, received, self._count)
        out = np.empty((self.n_need, *tail), values.dtype)
        out[self._place] = received
        return out

    def _checked_values(self, values: np.ndarray) -> np.ndarray:
        values = np.asarray(values)
        if values.ndim == 0 or len(values) != self.n_have:
            raise FieldError(f"An exchange got values of shape {values.shape}; this rank holds {self.n_have} rows.")
        if values.dtype.hasobject:
            raise FieldError("An exchange moves numbers, not Python objects.")
        return values

    def _buffer(self, name: str, n_row: int, like: np.ndarray) -> np.ndarray:
        """Kept memory, seen as `n_row` rows of the given kind."""
        n_byte = n_row * int(np.prod(like.shape[1:], dtype=np.int64)) * like.dtype.itemsize
        if len(self._buffers[name]) < n_byte:
            self._buffers[name] = np.empty(n_byte, np.uint8)
        return self._buffers[name][:n_byte].view(like.dtype).reshape(n_row, *like.shape[1:])


def _checked_ids(ids: np.ndarray, what: str) -> np.ndarray:
    ids = np.ascontiguousarray(ids, np.int64)
    if ids.ndim != 1:
        raise GridError(f"The {what} ids must be a list, got an array of shape {ids.shape}.")
    if len(ids) and ids.min() < 0:
        raise GridError(f"The {what} id {ids.min()} is negative.")
    return ids


def _look_up(held_id: np.ndarray, held_by: np.ndarray, asked_id: np.ndarray, asked_by: np.ndarray, what: str) -> np.ndarray:
    """Position of each asked id among the held ones."""
    order = np.argsort(held_id, kind="stable")
    ordered = held_id[order]
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(twice):
        first, second = order[twice[0]], order[twice[0] + 1]
        other = "twice" if held_by[first] == held_by[second] else f"and so does rank {held_by[second]}"
        raise GridError(f"rank {held_by[first]}: holds the {what} id {held_id[first]}, {other}.")
    if len(held_id) == 0 and len(asked_id):
        raise GridError(f"rank {asked_by[0]}: needs the {what} id {asked_id[0]}, which no rank holds.")
    at = np.minimum(np.searchsorted(ordered, asked_id), max(len(ordered) - 1, 0))
    missing = np.flatnonzero(ordered[at] != asked_id)
    if len(missing):
        raise GridError(f"rank {asked_by[missing[0]]}: needs the {what} id {asked_id[missing[0]]}, which no rank holds.")
    return order[at]
