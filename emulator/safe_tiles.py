"""An engine that outlives its device: smaller calls when memory runs out, then the processor, where the configuration allows either.

Knows engines and how to make them: no ranks, no configuration file, no land use.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lsbc.emulator.tile_engine import Deliver, TileEngine, TileStatics, TileYear, Want, seconds_of_engine
from lsbc.regrid.errors import DeviceError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Makers:
    """How to make engines.

    `device` takes the cells of one call (see `windows.batch_of`), and `smallest_window` is the fewest that makes a difference;
    `spare` makes an engine on the processor, if the configuration has one.
    """

    device: Callable[[int], TileEngine]
    smallest_window: int
    spare: Callable[[], TileEngine] | None = None


class SafeTiles:
    """A `TileEngine` that makes, and where it must replaces, another one.

    Args:
        cells_a_call: what to begin with.  deterministic: never go on in another way than was asked for.
        lost: why the device cannot be used at all, if that is known; the spare engine then begins.
        where: names this rank in the log.
    """

    def __init__(self, makers: Makers, cells_a_call: int, deterministic: bool, lost: str = "", where: str = "this rank"):
        self._makers, self._cells, self._deterministic, self._where = makers, cells_a_call, deterministic, where
        self._statics: tuple[TileStatics, ...] = ()
        self._engine: TileEngine | None = None
        self._on_spare = False
        self.by_spare: set[int] = set()
        """Positions that the spare engine computed in the last run."""
        self.seconds = seconds_of_engine()
        if lost:
            self._go_to_spare(DeviceError(lost))

    def load(self, statics: Sequence[TileStatics]) -> None:
        """Take the tiles of a grid."""
        self._statics, self._engine = tuple(statics), None
        self._until_it_works(lambda engine: None)

    def run(self, years: Mapping[int, TileYear], want: Want, deliver: Deliver) -> None:
        """Compute the tiles at these positions (see `TileEngine`); those delivered before the device failed are not computed again."""
        done: set[int] = set()
        self.by_spare = set()

        def hand_over(k: int, result: np.ndarray) -> None:
            if self._on_spare:
                self.by_spare.add(k)
            done.add(k)
            deliver(k, result)

        self._until_it_works(lambda engine: engine.run({k: year for k, year in years.items() if k not in done}, want, hand_over))

    def _until_it_works(self, action: Callable[[TileEngine], None]) -> None:
        while True:
            try:
                if self._engine is None:
                    engine = self._makers.spare() if self._on_spare and self._makers.spare else self._makers.device(self._cells)
                    engine.seconds = self.seconds
                    engine.load(self._statics)
                    self._engine = engine
                action(self._engine)
                return
            except DeviceError as error:
                self._engine = engine = None  # gives its memory back before the next one is made
                self._retreat(error)

    def _retreat(self, error: DeviceError) -> None:
        """Smaller calls, then the spare engine; raises where neither is left."""
        if self._deterministic:
            advice = "" if "model.window_cells" in str(error) else " Lower model.batch or model.window_cells, or set model.deterministic = false."
            raise DeviceError(_sentence(error) + advice) from error
        if not self._on_spare and self._cells > self._makers.smallest_window:
            self._cells //= 2
            logger.warning("%s: %s Going on with calls of half the size, %d cells.", self._where, _sentence(error), self._cells)
        else:
            self._go_to_spare(error)

    def _go_to_spare(self, error: DeviceError) -> None:
        if self._on_spare or self._makers.spare is None:
            raise DeviceError(f"{_sentence(error)} One window a call is too much, too: lower model.window_cells, use more devices, or set "
                              "model.cpu_fallback = true.") from error
        self._on_spare = True
        logger.warning("%s: %s Going on with onnxruntime on the CPU; the output field 'quality' says where.", self._where, _sentence(error))


def _sentence(error: Exception) -> str:
    text = str(error).strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
