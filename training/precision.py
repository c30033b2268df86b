"""Compares a way of running a network with the float32 reference, and says whether it may be used. Knows arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.emulator.allocate import N_LAND_GROUP, allocate
from lsbc.emulator.classes import AFTER_DYNAMIC, CLASS_NAMES, FIRST_DYNAMIC, NO_DATA
from lsbc.training.predict import Network

MIN_CELLS = 500
"""The area of a class with fewer cells in the reference says more about chance than about the precision."""


@dataclass(frozen=True)
class Gate:
    """The most a precision may change: cells that get another likeliest class, and the area of a class, both as shares."""

    changed_class_share: float
    class_area_bias: float


GATES = {
    "float32": Gate(1e-4, 2e-3),
    "float16": Gate(2e-3, 5e-3),
    "bfloat16": Gate(5e-3, 1e-2),
    "int8": Gate(2e-2, 2e-2),
}
"""Float32 elsewhere only rounds in another order: no more than ties may change, and 0.2 % of 500 cells is one cell.

The others stand at two to five times what trained U-Nets of this kind showed in a study of their own (float16 0.04 % of the cells
and 0.09 % of the worst class's area, bfloat16 0.3 % and 0.4 to 0.8 %, int8 0.9 to 1.2 % and 1.2 to 1.7 %), bfloat16's and int8's
areas closer, for a lasting bias of an area adds up over the years where accuracy does not show it. TF32 rounds as float16 does
and is judged by float16's table. With allocation the areas are met whatever the precision, and what changes is the place of some
allocated cells: it is noted in the card and has no gate, for many places in a driver cell are nearly as good.
"""


@dataclass(frozen=True)
class YearTiles:
    """Tiles of a coupled year: the whole prior is shown and the coarse area changes are met by allocation.

    channels: (tile, channel, window, window) float32.  prior: (tile, core, core) uint8.
    change: (tile, b, b, 6) of the group fractions in the b x b driver cells of a core.
    """

    channels: np.ndarray
    prior: np.ndarray
    change: np.ndarray

    def maps(self, network: Network) -> np.ndarray:
        """The next year's classes (tile, core, core)."""
        halo = (self.channels.shape[-1] - self.prior.shape[-1]) // 2
        inner, n_block = slice(halo, self.channels.shape[-1] - halo), self.change.shape[1]
        return np.stack([allocate(network(tile[None])[0, 0, :, inner, inner], old, change, np.zeros((n_block, n_block, N_LAND_GROUP))).core
                         for tile, old, change in zip(self.channels, self.prior, self.change)])

    def compare(self, expected: np.ndarray, got: np.ndarray) -> dict[str, float | int]:
        """Of the cells that change in `expected`, how many there are and the share that does not get that class in `got`; maps as above."""
        moved = (expected != self.prior) & (self.prior != NO_DATA)
        return {"allocated_cells": int(moved.sum()), "allocated_elsewhere_share": float((got != expected)[moved].mean()) if moved.any() else 0.0}


@dataclass(frozen=True)
class Tiles:
    """What is compared on.

    channels: (tile, channel, window, window) float32.  counted: (tile, core, core) bool, the cells that classes are compared on.
    inputs: what they are, for the card.  year: tiles of a coupled year, where there are maps.
    """

    channels: np.ndarray
    counted: np.ndarray
    inputs: str
    year: YearTiles | None = None

    @property
    def halo(self) -> int:
        """Cells around the core."""
        return (self.channels.shape[-1] - self.counted.shape[-1]) // 2

    def logits(self, network: Network) -> np.ndarray:
        """Logits (tile, step, class, core, core), one tile at a time."""
        inner = slice(self.halo, self.channels.shape[-1] - self.halo)
        return np.concatenate([network(tile[None])[..., inner, inner] for tile in self.channels])


def random_tiles(n_channel: int, halo: int, core: int, count: int = 8) -> Tiles:
    """Tiles of normal random numbers, where there are no maps."""
    window = core + 2 * halo
    channels = np.random.default_rng(11).standard_normal((count, n_channel, window, window)).astype(np.float32)
    return Tiles(channels, np.ones((count, core, core), bool), "random numbers")


def _likeliest(logits: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Likeliest class that can change, of the counted cells of every step; flat."""
    best = logits[:, :, FIRST_DYNAMIC:AFTER_DYNAMIC].argmax(axis=2) + FIRST_DYNAMIC
    return np.moveaxis(best, 1, -1)[counted].ravel()


def compare(expected: np.ndarray, got: np.ndarray, counted: np.ndarray) -> dict[str, float | int | str]:
    """Largest logit difference, share of cells whose likeliest class changed, and the class whose area changed most.

    Args:
        expected, got: logits (tile, step, class, row, col).  counted: (tile, row, col) bool.
    """
    first, second = _likeliest(expected, counted), _likeliest(got, counted)
    areas = {index: int((first == index).sum()) for index in range(FIRST_DYNAMIC, AFTER_DYNAMIC)}
    bias = {index: abs(int((second == index).sum()) - area) / area for index, area in areas.items() if area >= MIN_CELLS}
    worst = max(bias, key=bias.get, default=None)
    return {"largest_logit_difference": float(np.abs(expected - got).max()), "changed_class_share": float((first != second).mean()) if first.size else 0.0,
            "worst_class_area_bias": 0.0 if worst is None else bias[worst], "worst_class": CLASS_NAMES[worst] if worst and bias[worst] else "",
            "tiles": len(counted), "cells": int(first.size)}


def complaint(found: dict[str, float | int | str], precision: str) -> str:
    """Why a comparison fails its gate, with the numbers; empty if it passes."""
    gate = GATES[precision]
    reasons = []
    if not np.isfinite(found["largest_logit_difference"]):
        reasons.append("some logits are not finite")
    if found["changed_class_share"] > gate.changed_class_share:
        reasons.append(f"{found['changed_class_share']:.3%} of the cells change their class, {gate.changed_class_share:.2%} may")
    if found["worst_class_area_bias"] > gate.class_area_bias:
        reasons.append(f"the area of {found['worst_class']} changes by {found['worst_class_area_bias']:.3%}, {gate.class_area_bias:.2%} may")
    return "; ".join(reasons)
