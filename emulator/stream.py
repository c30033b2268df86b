"""Bring arrays of all ranks to root, one at a time, so that nobody ever holds the whole of a field. Knows no file format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lsbc.regrid.comm import Comm, agree


class _OwnerFailed(Exception):
    """An owner could not make its item; its own error is the one that is reported."""


def stream_to_root(comm: Comm, owners: Sequence[int], value: Callable[[int], np.ndarray], save: Callable[[Iterator[np.ndarray]], None]) -> None:
    """Call `save` on root with an iterator over items; item k is `value(k)` of rank `owners[k]` (collective).

    `value` is called on the owner only. If `save` fails half-way, or an owner cannot make an item, the rest is still sent and
    taken, and every rank raises the same error.
    """
    owners = [int(owner) for owner in owners]
    failure: list[Exception] = []
    taken = 0

    def move(k: int) -> np.ndarray | None:
        item = None
        if owners[k] == comm.rank:
            try:
                item = value(k)
            except Exception as error:  # the others wait for the item: send nothing in its place, and report below
                failure.append(error)
        return comm.point(item, owners[k], 0)

    def items() -> Iterator[np.ndarray]:
        nonlocal taken
        while taken < len(owners):
            taken += 1
            item = move(taken - 1)
            if item is None:
                raise _OwnerFailed
            yield item

    if comm.rank == 0:
        try:
            save(items())
        except _OwnerFailed:
            pass
        except Exception as error:  # raised again below, on all ranks together
            failure.append(error)
        for k in range(taken, len(owners)):
            move(k)
    else:
        for k in np.flatnonzero(np.array(owners) == comm.rank).tolist():
            move(k)
    agree(comm, _raise_first, failure)


def _raise_first(failure: list[Exception]) -> None:
    if failure:
        raise failure[0]
