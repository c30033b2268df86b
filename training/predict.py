"""Whole-region class maps from a network and from the trivial predictors it is judged against.

Plain argmax, lowest code on ties, unless a function says that the map is allocated. Never sees a target map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from lsbc.emulator.allocate import N_LAND_GROUP, allocate
from lsbc.emulator.channels import Channel, Window
from lsbc.emulator.classes import CLASS_NAMES, GROUPS, N_CLASS, NO_DATA
from lsbc.training.cases import Case, one_prior
from lsbc.training.data import LandData
from lsbc.training.samples import DriverTable, PatchInputs, channel_list, cut, patch_channels

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
    inputs: tuple[Channel, ...] = field(default_factory=channel_list)
    """Channels of the network that is asked."""

    @property
    def window(self) -> Window:
        """The square window that holds the region and its halo, its first cell on the pooling lattice."""
        row0 = (self.data.row0 - self.halo) // self.multiple * self.multiple
        col0 = (self.data.col0 - self.halo) // self.multiple * self.multiple
        n_row, n_col = self.data.shape
        reach = max(self.data.row0 + n_row - row0, self.data.col0 + n_col - col0) + self.halo
        return Window(row0, col0, -(-reach // self.multiple) * self.multiple)

    def channels(self, case: Case, elevation: int = 0) -> np.ndarray:
        """Channels of the window for a case whose arrays have the region's shape; nothing is known outside it."""
        window = self.window
        place = (window.row0 - self.data.row0, window.col0 - self.data.col0, window.n)
        here = Case(case.years, cut(case.prior, *place, NO_DATA), cut(case.known, *place, False), cut(case.age, *place, 0))
        return patch_channels(self.data, self.driver, self.inputs, PatchInputs(window, here, elevation))

    def whole_prior(self, years: tuple[int, int]) -> Case:
        """The case in which the whole map of the first year is known."""
        return one_prior(years, self.data.map_of(years[0]))


def network_logits(network: Network, region: Region, case: Case, elevation: int = 0) -> np.ndarray:
    """Logits (class, row, col) of the year asked for on the region."""
    window, (n_row, n_col) = region.window, region.data.shape
    row, col = region.data.row0 - window.row0, region.data.col0 - window.col0
    used = min(window.n, -(-(row + n_row + region.halo) // region.multiple) * region.multiple)
    x = np.ascontiguousarray(region.channels(case, elevation)[None, :, :used])
    return network(x)[0, 0][:, row:row + n_row, col:col + n_col]


def network_map(network: Network, region: Region, case: Case, elevation: int = 0) -> np.ndarray:
    """Class map of the year asked for; NO_DATA where the region has none."""
    best = network_logits(network, region, case, elevation).argmax(axis=0).astype(np.uint8)
    return np.where(region.data.valid, best, np.uint8(NO_DATA))


def allocated_map(score: np.ndarray, region: Region, years: tuple[int, int], carry: np.ndarray) -> np.ndarray:
    """The first year's map changed by the driver cells' own class-area changes, best scores first, as the component does it.

    Args:
        score: (class, row, col).  carry: (driver row, driver col, 5) demand left over, updated in place.
    """
    data, ring = region.data, region.driver.ring
    old, side = data.map_of(years[0]), data.ratio
    new = old.copy()
    delta = region.driver.fraction[years[1]] - region.driver.fraction[years[0]]
    for i, j in np.argwhere(region.driver.valid[ring:-ring, ring:-ring]):
        part = (slice(i * side, (i + 1) * side), slice(j * side, (j + 1) * side))
        done = allocate(score[:, *part], old[part], delta[None, None, :, ring + i, ring + j], carry[None, None, i, j])
        new[part], carry[i, j] = done.core, done.carry[0, 0]
    return new


StepRule = Callable[[Region, tuple[int, int], np.ndarray], np.ndarray]
"""(region, years, carry) -> class map of the second year; `carry` may be updated."""


def argmax_rule(network: Network) -> StepRule:
    """The network's most likely class."""
    return lambda region, years, _: network_map(network, region, region.whole_prior(years))


def allocated_rule(network: Network) -> StepRule:
    """Exact coarse change, placed by the network's scores."""
    return lambda region, years, carry: allocated_map(
        network_logits(network, region, region.whole_prior(years)), region, years, carry)


def random_rule(seed: int) -> StepRule:
    """Exact coarse change, placed at random."""
    return lambda region, years, carry: allocated_map(
        np.random.default_rng([seed, years[1]]).random((N_CLASS, *region.data.shape)), region, years, carry)


def no_carry(region: Region) -> np.ndarray:
    """Demand of a first year: nothing left over."""
    n_row, n_col = region.data.shape
    return np.zeros((n_row // region.data.ratio, n_col // region.data.ratio, N_LAND_GROUP))


def rollout_map(rule: StepRule, region: Region, first_year: int, last_year: int) -> np.ndarray:
    """Class map of `last_year` from the observed map of `first_year`, each year made from the one made before."""
    maps = region.data.class_index.copy()
    made, carry = replace(region, data=replace(region.data, class_index=maps)), no_carry(region)
    for year in range(first_year, last_year):
        maps[region.data.years.index(year + 1)] = rule(made, (year, year + 1), carry)
    return maps[region.data.years.index(last_year)]


def coarse_argmax_map(region: Region, year: int) -> np.ndarray:
    """The class of the largest interpolated driver fraction at each cell; knows no prior and no statics."""
    window, (n_row, n_col) = region.window, region.data.shape
    nothing = np.zeros((n_row, n_col), bool)
    x = region.channels(one_prior((year, year), region.data.map_of(year), nothing))
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
