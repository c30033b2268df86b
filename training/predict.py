"""A region made ready for prediction, and whole-region maps from a network or from scores. Never sees a target map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from lsbc.emulator.allocate import N_LAND_GROUP, allocate
from lsbc.emulator.channels import Channel, Window
from lsbc.emulator.classes import NO_DATA
from lsbc.training.cases import Case, one_prior
from lsbc.training.data import LandData
from lsbc.training.patches import DriverTable, PatchInputs, channel_list, cut, patch_channels

Network = Callable[[np.ndarray], np.ndarray]
"""(1, channel, row, column) float32 -> logits (1, 1, class, row, column)."""


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

    def channels(self, case: Case, elevation: int = 0, human_footprint: bool = True) -> np.ndarray:
        """Channels of the window for a case whose arrays have the region's shape; nothing is known outside it."""
        window = self.window
        place = (window.row0 - self.data.row0, window.col0 - self.data.col0, window.n)
        here = Case(case.years, cut(case.prior, *place, NO_DATA), cut(case.known, *place, False), cut(case.age, *place, 0))
        return patch_channels(self.data, self.driver, self.inputs, PatchInputs(window, here, elevation, human_footprint=human_footprint))

    def whole_prior(self, years: tuple[int, int]) -> Case:
        """The case in which the whole map of the first year is known."""
        return one_prior(years, self.data.map_of(years[0]))


def network_logits(network: Network, region: Region, case: Case, elevation: int = 0, human_footprint: bool = True) -> np.ndarray:
    """Logits (class, row, col) of the year asked for on the region."""
    window, (n_row, n_col) = region.window, region.data.shape
    row, col = region.data.row0 - window.row0, region.data.col0 - window.col0
    used = min(window.n, -(-(row + n_row + region.halo) // region.multiple) * region.multiple)
    x = np.ascontiguousarray(region.channels(case, elevation, human_footprint)[None, :, :used])
    return network(x)[0, 0][:, row:row + n_row, col:col + n_col]


def allocated_map(score: np.ndarray, region: Region, years: tuple[int, int], carry: np.ndarray) -> np.ndarray:
    """The first year's map changed by the driver cells' own class-area changes, best scores first, as the component does it.

    Args:
        score: (class, row, col).  carry: (driver row, driver col, 5) demand left over, updated in place.
    """
    data, ring = region.data, region.driver.ring
    old, inner = data.map_of(years[0]), slice(ring, -ring)
    delta = np.where(region.driver.valid[inner, inner], (region.driver.fraction[years[1]] - region.driver.fraction[years[0]])[:, inner, inner], 0.0)
    done = allocate(score, old, np.moveaxis(delta, 0, -1), carry)
    carry[...] = done.carry
    return done.core


def no_carry(region: Region) -> np.ndarray:
    """Demand of a first year: nothing left over."""
    n_row, n_col = region.data.shape
    return np.zeros((n_row // region.data.ratio, n_col // region.data.ratio, N_LAND_GROUP))
