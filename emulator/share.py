"""Tiles of this rank, whoever computes them: an engine of its own, or one that several ranks of a node share. Knows no land use.

Ranks that share an engine hand their tiles to its owner, and take the results, through memory of the node. They go in rounds, a few tiles of each
rank at a time, in two halves of that memory: while the owner computes one round, the others work on the results of the one before.

Every call is collective over all ranks of the run and ends in one agreement, so that an error on any rank is the same error on all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from lsbc.emulator.classes import N_CLASS, N_GROUP
from lsbc.emulator.safe_tiles import SafeTiles
from lsbc.emulator.tile_engine import Deliver, TileStatics, TileYear, Want, seconds_of_engine
from lsbc.regrid.comm import Comm, SharedMemory, agree
from lsbc.regrid.errors import LsbcError, StartupError

TILES_A_ROUND = 8
"""Tiles of all ranks together in one round where calls hold one window, but at least one of each rank."""
MOST_BYTES = 4 << 30
"""Memory of a group's two halves where calls hold several windows: every round ends with calls that are not full, so they are to be few."""
_NOBODY = -1


class RankTiles(Protocol):
    """The tiles of this rank."""

    seconds: dict[str, float]
    """Of the engine, where this rank has one."""

    def load(self, statics: Sequence[TileStatics]) -> None:
        """Take this rank's tiles (collective)."""
        ...

    def run(self, years: Mapping[int, TileYear], want: Want, deliver: Deliver) -> set[int]:
        """`TileEngine.run` for this rank's tiles (collective); ranks may pass any number of tiles, but the same `want`.

        Returns:
            the positions that a spare engine computed.
        """
        ...

    def close(self) -> None:
        """Give everything back (collective)."""
        ...


class OwnTiles:
    """This rank has its own engine."""

    def __init__(self, comm: Comm, engine: SafeTiles):
        self._comm, self._engine = comm, engine
        self.seconds = engine.seconds

    def load(self, statics: Sequence[TileStatics]) -> None:
        """Take this rank's tiles (collective)."""
        agree(self._comm, self._engine.load, statics)

    def run(self, years: Mapping[int, TileYear], want: Want, deliver: Deliver) -> set[int]:
        """Compute this rank's tiles (collective)."""
        agree(self._comm, self._engine.run, years, want, deliver)
        return self._engine.by_spare

    def close(self) -> None:
        """Nothing is shared."""


def slot_type(window: int, core: int, n_driver: int, scores: bool) -> np.dtype:
    """What one tile of one round takes in the shared memory; `n_driver` driver cells along an edge at most."""
    return np.dtype([("position", np.int64), ("n_row", np.int64), ("n_column", np.int64), ("by_spare", np.int64),
                     ("now", np.float64, (N_GROUP, n_driver, n_driver)), ("following", np.float64, (N_GROUP, n_driver, n_driver)),
                     ("scores", np.float32, (N_CLASS, core, core) if scores else (0,)), ("classes", np.uint8, (core, core)),
                     ("shown", np.uint8, (window, window)), ("valid", bool, (n_driver, n_driver))], align=True)


def tiles_a_round(n_rank: int, n_byte: int, most_tiles: int) -> int:
    """Tiles of each rank in one round: few, or as many as leave two rounds (one to compute while the other is used) and fit `MOST_BYTES`.

    Args:
        n_rank: that share.  n_byte: of a tile in the shared memory.  most_tiles: of any rank; 0 where a call holds one window and is always full.

    >>> [tiles_a_round(4, 10**6, most) for most in (0, 9, 10**6)]
    [2, 5, 536]
    """
    few = max(1, TILES_A_ROUND // n_rank)
    return max(few, min(-(-most_tiles // 2), MOST_BYTES // (2 * n_rank * n_byte)))


class SharedTiles:
    """This rank shares an engine with others of its node; rank 0 of `group` owns it.

    Args:
        comm: all ranks of the run.  group: those that share.  engine: on the owner only.
        slot: from `slot_type`.  most_tiles: as in `tiles_a_round`.  Both are the same on all ranks of the group.
    """

    def __init__(self, comm: Comm, group: Comm, engine: SafeTiles | None, slot: np.dtype, most_tiles: int = 0):
        self._comm, self._group, self._engine = comm, group, engine
        self.seconds = seconds_of_engine() if engine is None else engine.seconds
        self._first = [0]
        """Position in the engine of each rank's first tile (owner only)."""
        self._n_a_round = tiles_a_round(group.size, slot.itemsize, most_tiles)
        n_flag = -(-8 * group.size // 64) * 64
        self._memory = self._largest_memory(n_flag, slot.itemsize)
        self._failed = self._memory.array[: 8 * group.size].view(np.int64)
        """Nonzero where a rank of the group has failed in this run."""
        self._slots = self._memory.array[n_flag:].view(slot).reshape(2, group.size, self._n_a_round)
        self._failure: list[Exception] = []

    def _largest_memory(self, n_flag: int, n_byte: int) -> SharedMemory:
        """Memory for two rounds, smaller ones where the node has no more; the same on all ranks of the group."""
        n_group = -(-self._comm.local_size // self._group.size)
        while True:
            try:
                return self._group.shared_memory(n_flag + 2 * self._group.size * self._n_a_round * n_byte, n_group)
            except StartupError:
                few = tiles_a_round(self._group.size, n_byte, 0)
                if self._n_a_round == few:
                    raise
                self._n_a_round = max(few, self._n_a_round // 2)

    def load(self, statics: Sequence[TileStatics]) -> None:
        """Hand this rank's tiles to the owner (collective)."""
        counts = self._group.allgather(len(statics))
        self._first = [0, *np.cumsum(counts).tolist()]
        everything = []
        for source, n in enumerate(counts):
            for k in range(n):
                everything.append(self._group.point(statics[k] if source == self._group.rank else None, source, 0))
        agree(self._comm, self._engine.load if self._engine else _nothing, everything)

    def run(self, years: Mapping[int, TileYear], want: Want, deliver: Deliver) -> set[int]:
        """Have this rank's tiles computed (collective)."""
        positions, by_spare = list(years), set()
        self._failure, self._failed[self._group.rank] = [], 0
        self._memory.meet()
        n_round = -(-max(self._group.allgather(len(positions))) // self._n_a_round)

        def tiles_of(turn: int) -> list[int]:
            return positions[turn * self._n_a_round: (turn + 1) * self._n_a_round]

        self._unless_failed(lambda: self._put(0, tiles_of(0), years))
        self._memory.meet()
        for turn in range(n_round + 1):
            if self._engine and turn < n_round:
                self._unless_failed(lambda turn=turn: self._compute(turn % 2, want))
            if turn > 0:
                self._unless_failed(lambda turn=turn: by_spare.update(self._take((turn - 1) % 2, len(tiles_of(turn - 1)), want, deliver)))
            self._unless_failed(lambda turn=turn: self._put((turn + 1) % 2, tiles_of(turn + 1), years))
            self._memory.meet()
        agree(self._comm, _raise_first, self._failure)
        return by_spare

    def close(self) -> None:
        """Give the shared memory back (collective)."""
        del self._failed, self._slots
        self._memory.free()

    def _unless_failed(self, action: Callable[[], None]) -> None:
        """Do it, unless some rank of the group has failed: then the rounds go by without work, so that nobody waits in vain."""
        if self._failed.any():
            return
        try:
            action()
        except Exception as error:  # raised when all ranks have met for the last time
            self._failure.append(error)
            self._failed[self._group.rank] = 1

    def _put(self, half: int, positions: list[int], years: Mapping[int, TileYear]) -> None:
        """Write the inputs of some tiles where the owner reads them."""
        slots = self._slots[half, self._group.rank]
        slots["position"] = _NOBODY
        for slot, k in zip(slots, positions):
            year = years[k]
            n_row, n_column = year.valid.shape
            slot["n_row"], slot["n_column"] = n_row, n_column
            slot["shown"][...] = year.shown
            slot["valid"][:n_row, :n_column] = year.valid
            slot["now"][:, :n_row, :n_column], slot["following"][:, :n_row, :n_column] = year.now, year.following
            slot["position"] = k

    def _compute(self, half: int, want: Want) -> None:
        """Compute the tiles of all ranks of one round, on the owner."""
        years, place = {}, {}
        for member, slots in enumerate(self._slots[half]):
            for slot in slots:
                if slot["position"] != _NOBODY:
                    k = self._first[member] + int(slot["position"])
                    n_row, n_column = int(slot["n_row"]), int(slot["n_column"])
                    years[k], place[k] = TileYear(slot["shown"], slot["now"][:, :n_row, :n_column], slot["following"][:, :n_row, :n_column],
                                                  slot["valid"][:n_row, :n_column]), slot

        def keep(k: int, result: np.ndarray) -> None:
            place[k][want][...] = result
            place[k]["by_spare"] = k in self._engine.by_spare

        self._engine.run(years, want, keep)

    def _take(self, half: int, n: int, want: Want, deliver: Deliver) -> list[int]:
        """Hand over what the owner computed for this rank; returns what a spare engine computed of it."""
        slots = self._slots[half, self._group.rank][:n]
        for slot in slots:
            deliver(int(slot["position"]), slot[want])
        return slots["position"][slots["by_spare"] != 0].tolist()


def share(comm: Comm, group: Comm, engine: SafeTiles | None, slot: np.dtype, most_tiles: int = 0) -> RankTiles:
    """`SharedTiles` where the group has several ranks, else `OwnTiles`; the same error on all ranks (collective over `comm`)."""
    tiles, failure = None, []
    try:
        tiles = SharedTiles(comm, group, engine, slot, most_tiles) if group.size > 1 else OwnTiles(comm, engine)
    except LsbcError as error:  # the same on all ranks of the group, and told to the others
        failure.append(error)
    try:
        agree(comm, _raise_first, failure)
    except LsbcError:
        if tiles is not None:
            tiles.close()  # another group's memory failed
        raise
    return tiles


def _raise_first(failure: list[Exception]) -> None:
    if failure:
        raise failure[0]


def _nothing(_statics: Sequence[TileStatics]) -> None:
    """What a rank without an engine does with tiles."""
