"""Bring tile cores of all ranks to root, one at a time, so that nobody ever holds the whole map. Knows no file format."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from lsbc.emulator.plan import Plan
from lsbc.regrid.comm import Comm, agree


def stream_to_root(comm: Comm, plan: Plan, core: np.ndarray, save: Callable[[Iterator[np.ndarray]], None]) -> None:
    """Call `save` on root with an iterator over all tile cores in the order of `plan.all_tiles` (collective).

    If `save` fails half-way, root still takes what the others send, and every rank raises the same error.
    """
    position = {tile.tile: k for k, tile in enumerate(plan.local)}
    blocks = (comm.point(core[position[tile]] if owner == comm.rank else None, int(owner), 0)
              for tile, owner in zip(plan.all_tiles.tolist(), plan.owner.tolist()))
    failure: list[Exception] = []
    if comm.rank == 0:
        try:
            save(blocks)
        except Exception as error:  # raised again below, on all ranks together
            failure.append(error)
    for _ in blocks:
        pass
    agree(comm, _raise_first, failure)


def _raise_first(failure: list[Exception]) -> None:
    if failure:
        raise failure[0]
