"""Whole-region class maps from a network and from the trivial predictors it is judged against.

Plain argmax, lowest code on ties: no allocation, no correction after the network. Never sees a target map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lsbc.emulator.channels import Window
from lsbc.emulator.classes import CLASS_NAMES, GROUPS, N_CLASS, NO_DATA
from lsbc.training.data import LandData
from lsbc.training.samples import DriverTable, PatchInputs, channel_list, patch_channels

Network = Callable[[np.ndarray], np.ndarray]
"""(1, channel, row, column) float32 -> logits (1, 1, class, row, column)."""

CLASS_OF_GROUP = {"urban": "urban", "cropland": "cropland", "pasture": "pasture", "forest": "forest",
                  "nonforest": "grass_shrub", "other": "water"}
"""The one class a driver group is read as when nothing finer is known."""


def torch_network(network: object) -> Network:
    """A torch module as a function of numpy arrays, without gradients."""
    import torch

    def run(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(x)).numpy()

    return run


@dataclass(frozen=True)
class Region:
    """A region's data made ready for prediction; `halo` cells are computed around it and thrown away."""

    data: LandData
    driver: DriverTable
    halo: int
    multiple: int

    @property
    def window(self) -> Window:
        """The square window that holds the region and its halo, its first cell on the pooling lattice."""
        row0 = (self.data.row0 - self.halo) // self.multiple * self.multiple
        col0 = (self.data.col0 - self.halo) // self.multiple * self.multiple
        n_row, n_col = self.data.koppen.shape
        reach = max(self.data.row0 + n_row - row0, self.data.col0 + n_col - col0) + self.halo
        return Window(row0, col0, -(-reach // self.multiple) * self.multiple)

    def channels(self, years: tuple[int, int], known: np.ndarray, elevation: int = 0) -> np.ndarray:
        """Channels of the window for a (row, col) mask of the region; nothing is known outside it."""
        window = self.window
        row, col = self.data.row0 - window.row0, self.data.col0 - window.col0
        shown = np.zeros((window.n, window.n), bool)
        shown[row:row + known.shape[0], col:col + known.shape[1]] = known
        return patch_channels(self.data, self.driver, channel_list(), PatchInputs(window, years, shown, elevation))


def network_map(network: Network, region: Region, years: tuple[int, int], known: np.ndarray,
                elevation: int = 0) -> np.ndarray:
    """Class map of the second year from the first; NO_DATA where the region has none."""
    window, (n_row, n_col) = region.window, region.data.koppen.shape
    row, col = region.data.row0 - window.row0, region.data.col0 - window.col0
    used = min(window.n, -(-(row + n_row + region.halo) // region.multiple) * region.multiple)
    x = np.ascontiguousarray(region.channels(years, known, elevation)[None, :, :used])
    best = network(x)[0, 0].argmax(axis=0).astype(np.uint8)
    return np.where(region.data.valid, best[row:row + n_row, col:col + n_col], np.uint8(NO_DATA))


def rollout_map(network: Network, region: Region, first_year: int, last_year: int) -> np.ndarray:
    """Class map of `last_year` from the observed map of `first_year`, each year made from the one made before."""
    from dataclasses import replace

    maps = region.data.class_index.copy()
    made = replace(region, data=replace(region.data, class_index=maps))
    for year in range(first_year, last_year):
        following = network_map(network, made, (year, year + 1), np.ones(region.data.koppen.shape, bool))
        maps[region.data.years.index(year + 1)] = following
    return maps[region.data.years.index(last_year)]


def coarse_argmax_map(region: Region, year: int) -> np.ndarray:
    """The class of the largest interpolated driver fraction at each cell; knows no prior and no statics."""
    window, (n_row, n_col) = region.window, region.data.koppen.shape
    x = region.channels((year, year), np.zeros((n_row, n_col), bool))
    row, col = region.data.row0 - window.row0, region.data.col0 - window.col0
    largest = x[:len(GROUPS), row:row + n_row, col:col + n_col].argmax(axis=0)
    class_of = np.array([CLASS_NAMES.index(CLASS_OF_GROUP[group]) for group in GROUPS], np.uint8)
    return class_of[largest]


def nearest_known_map(prior: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Each hidden cell takes the class of a known cell near it, ring by ring: edge neighbours before corner ones.

    Knows no driver and no statics; cells that no known cell reaches through data stay NO_DATA.
    """
    made = np.where(known, prior, np.uint8(NO_DATA))
    shifts = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
    while True:
        before = np.pad(made, 1, constant_values=NO_DATA)
        for row, col in shifts:
            moved = before[1 + row:1 + row + made.shape[0], 1 + col:1 + col + made.shape[1]]
            made = np.where((made == NO_DATA) & (prior != NO_DATA), moved, made)
        if (made == before[1:-1, 1:-1]).all():
            return made


def majority_class(data: LandData, cells: np.ndarray, years: tuple[int, int]) -> int:
    """The most frequent class of the cells over the years, both ends included."""
    chosen = [layer[cells] for year, layer in zip(data.years, data.class_index, strict=True) if years[0] <= year <= years[1]]
    return int(np.bincount(np.concatenate(chosen), minlength=N_CLASS)[:N_CLASS].argmax())
