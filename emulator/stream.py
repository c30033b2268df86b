"""Bring arrays of all ranks to root, one at a time, so that nobody ever holds the whole of a field. Knows no file format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lsbc.regrid.comm import Comm, agree


def stream_to_root(comm: Comm, owners: Sequence[int], value: Callable[[int], np.ndarray], save: Callable[[Iterator[np.ndarray]], None]) -> None:
    """Call `save` on root with an iterator over items; item k is `value(k)` of rank `owners[k]` (collective).

    `value` is called on the owner only. If `save` fails half-way, root still takes what the others send, and every rank
    raises the same error.
    """
    items = (comm.point(value(k) if owner == comm.rank else None, int(owner), 0) for k, owner in enumerate(owners))
    failure: list[Exception] = []
    if comm.rank == 0:
        try:
            save(items)
        except Exception as error:  # raised again below, on all ranks together
            failure.append(error)
    for _ in items:
        pass
    agree(comm, _raise_first, failure)


def _raise_first(failure: list[Exception]) -> None:
    if failure:
        raise failure[0]
