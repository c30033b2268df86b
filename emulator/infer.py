"""Run the network over this rank's tiles: channels in, class map out. Knows no host cells and no ranks."""

from __future__ import annotations

import time

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.channels import Window, assemble
from lsbc.emulator.classes import N_CLASS, NO_DATA, STATIC_CLASSES
from lsbc.emulator.gate import check_logits
from lsbc.emulator.network import Network
from lsbc.emulator.plan import Tile

FIRST_DYNAMIC, AFTER_DYNAMIC = 1, N_CLASS - 1
"""Classes the network may give to a cell: all between ocean (first) and water (last)."""


class TileRunner:
    """Predicts tiles in batches of the artefact's fixed size; the last batch is padded with zeros."""

    def __init__(self, artefact: Artefact, network: Network):
        self._artefact, self._network = artefact, network
        self.seconds = {"channels": 0.0, "network": 0.0, "mosaic": 0.0}

    def predict(self, tiles: list[Tile], priors: list[np.ndarray], known: list[np.ndarray], driver_now: np.ndarray,
                driver_next: np.ndarray) -> np.ndarray:
        """Class maps of the tile cores.

        Args:
            priors: last year's classes on each window.  known: where the network may see them; known
                cells are still predicted anew unless all of `known` is the first prior (see `step`).
            driver_now, driver_next: (n_driver_cell, 6).
        Returns:
            uint8 (n_tile, core, core); water, ocean and missing cells as in the prior.
        """
        art = self._artefact
        inner = slice(art.halo, art.halo + art.core)
        out = np.stack([prior[inner, inner] for prior in priors]) if tiles else np.zeros((0, art.core, art.core), np.uint8)
        todo = [k for k, tile in enumerate(tiles) if tile.has_land]
        for start in range(0, len(todo), art.batch):
            group = todo[start: start + art.batch]
            began = time.perf_counter()
            self._network.batch[len(group):] = 0.0
            for slot, k in enumerate(group):
                self._fill(tiles[k], priors[k], known[k], driver_now, driver_next, self._network.batch[slot])
            filled = time.perf_counter()
            logits = self._network.run()
            ran = time.perf_counter()
            for slot, k in enumerate(group):
                self._choose(logits[slot, 0, :, inner, inner], tiles[k].tile, out[k])
            self.seconds["channels"] += filled - began
            self.seconds["network"] += ran - filled
            self.seconds["mosaic"] += time.perf_counter() - ran
        return out

    def _fill(self, tile: Tile, prior, known, driver_now, driver_next, out) -> None:
        valid = tile.driver_index >= 0
        index = np.where(valid, tile.driver_index, 0)
        now, following = (np.moveaxis(driver[index], -1, 0) for driver in (driver_now, driver_next))
        window = Window(row0=tile.row0, col0=tile.col0, n=self._artefact.window)
        assemble(self._artefact.channels, window, self._artefact.ratio, now, following, valid, tile.driver_row0, tile.driver_col0,
                 prior, known, tile.statics, out)

    @staticmethod
    def _choose(logits: np.ndarray, tile: int, core: np.ndarray) -> None:
        """Most likely class of each cell that is neither static nor missing; lowest index on ties."""
        check_logits(logits, tile)
        dynamic = ~np.isin(core, (*STATIC_CLASSES, NO_DATA))
        best = np.argmax(logits[FIRST_DYNAMIC:AFTER_DYNAMIC], axis=0).astype(np.uint8) + np.uint8(FIRST_DYNAMIC)
        core[dynamic] = best[dynamic]
