"""Tiles of this rank, whoever computes them: an engine of its own, or one that several ranks of a node share. Knows no land use.

Every call is collective over all ranks of the run and ends in one agreement, so that an error on any rank is the same error on all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from lsbc.emulator.tile_engine import Deliver, TileEngine, TileStatics, TileYear, Want
from lsbc.regrid.comm import Comm, agree


class RankTiles(Protocol):
    """The tiles of this rank."""

    seconds: dict[str, float]
    """Of the engine, where this rank has one."""

    def load(self, statics: Sequence[TileStatics]) -> None:
        """Take this rank's tiles (collective)."""
        ...

    def run(self, years: Mapping[int, TileYear], want: Want, deliver: Deliver) -> None:
        """`TileEngine.run` for this rank's tiles (collective); ranks may pass any number of tiles, but the same `want`."""
        ...


class OwnTiles:
    """This rank has its own engine."""

    def __init__(self, comm: Comm, engine: TileEngine):
        self._comm, self._engine = comm, engine

    @property
    def seconds(self) -> dict[str, float]:
        """Of the engine."""
        return self._engine.seconds

    def load(self, statics: Sequence[TileStatics]) -> None:
        """Take this rank's tiles (collective)."""
        agree(self._comm, self._engine.load, statics)

    def run(self, years: Mapping[int, TileYear], want: Want, deliver: Deliver) -> None:
        """Compute this rank's tiles (collective)."""
        agree(self._comm, self._engine.run, years, want, deliver)
