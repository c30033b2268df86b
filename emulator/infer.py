"""Run the network over this rank's tiles: channels in, class map out. Knows no host cells and no ranks."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.channels import Window, assemble
from lsbc.emulator.classes import AFTER_DYNAMIC, FIRST_DYNAMIC, NO_DATA, STATIC_CLASSES
from lsbc.emulator.gate import check_logits
from lsbc.emulator.network import Network
from lsbc.emulator.plan import Tile

Choose = Callable[[int, np.ndarray, np.ndarray], np.ndarray]
"""(position of the tile, logits (8, core, core), last year's classes (core, core)) -> this year's classes."""


class TileRunner:
    """Predicts tiles in batches of the artefact's fixed size; the last batch is padded with zeros."""

    def __init__(self, artefact: Artefact, network: Network):
        self._artefact, self._network = artefact, network
        self.seconds = {"channels": 0.0, "network": 0.0, "classes": 0.0}

    def predict(self, tiles: list[Tile], priors: list[np.ndarray], known: list[np.ndarray], driver_now: np.ndarray,
                driver_next: np.ndarray, choose: Choose) -> np.ndarray:
        """Class maps of the tile cores.

        Args:
            priors: last year's classes on each window.  known: where the network may see them.
            driver_now, driver_next: (n_driver_cell, 6).
            choose: makes a core's new map from its logits.
        Returns:
            uint8 (n_tile, core, core); tiles without land as in the prior.
        """
        art = self._artefact
        inner = slice(art.halo, art.halo + art.core)
        out = np.stack([prior[inner, inner] for prior in priors]) if tiles else np.zeros((0, art.core, art.core), np.uint8)
        todo = [k for k, tile in enumerate(tiles) if tile.has_land]
        for start in range(0, len(todo), art.batch):
            group = todo[start: start + art.batch]
            began = time.perf_counter()
            batch = self._network.buffer(art.batch, art.window, art.window)
            batch[len(group):] = 0.0
            for slot, k in enumerate(group):
                self._fill(tiles[k], priors[k], known[k], driver_now, driver_next, batch[slot])
            filled = time.perf_counter()
            logits = self._network(batch)
            ran = time.perf_counter()
            for slot, k in enumerate(group):
                score = logits[slot, 0, :, inner, inner]
                check_logits(score, tiles[k].tile)
                out[k] = choose(k, score, out[k])
            self.seconds["channels"] += filled - began
            self.seconds["network"] += ran - filled
            self.seconds["classes"] += time.perf_counter() - ran
        return out

    def _fill(self, tile: Tile, prior, known, driver_now, driver_next, out) -> None:
        valid = tile.driver_index >= 0
        index = np.where(valid, tile.driver_index, 0)
        now, following = (np.moveaxis(driver[index], -1, 0) for driver in (driver_now, driver_next))
        window = Window(row0=tile.row0, col0=tile.col0, n=self._artefact.window)
        assemble(self._artefact.channels, window, self._artefact.ratio, now, following, valid, tile.driver_row0, tile.driver_col0,
                 prior, known, tile.statics, out)


def most_likely(_tile: int, logits: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Most likely class of each cell that is neither static nor missing; lowest index on ties."""
    dynamic = ~np.isin(old, (*STATIC_CLASSES, NO_DATA))
    best = np.argmax(logits[FIRST_DYNAMIC:AFTER_DYNAMIC], axis=0).astype(np.uint8) + np.uint8(FIRST_DYNAMIC)
    return np.where(dynamic, best, old)
