"""Probabilities from the shown cells around a cell: the classical kernel-density rule. Looks at nothing that is hidden or later.

For a shown cell it answers what surrounds it, which is the score the open allocation programs place change by;
for a hidden cell it answers what it probably is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import GROUPS, N_CLASS, OCEAN, WATER
from lsbc.regrid.errors import ConfigError
from lsbc.training.cases import Case
from lsbc.training.data import LandData
from lsbc.training.driver import GROUP_OF_CLASS
from lsbc.training.models.inputs import coarse_fractions
from lsbc.training.predict import Region
from lsbc.training.samples import Sampler


def shown_planes(case: Case) -> np.ndarray:
    """1 where a class is shown, else 0: float32 (class, row, col). Ocean counts as water, as in the network's channels."""
    shown = np.where(case.known & (case.prior < N_CLASS), case.prior, np.uint8(N_CLASS))
    shown[shown == OCEAN] = WATER
    return (shown == np.arange(N_CLASS)[:, None, None]).astype(np.float32)


def box_sum(planes: np.ndarray, radius: int) -> np.ndarray:
    """Sum over the (2 radius + 1)^2 cells around each cell; outside counts as 0. (..., row, col) -> float32, same shape.

    >>> box_sum(np.ones((2, 3)), 1).tolist()
    [[4.0, 6.0, 4.0], [4.0, 6.0, 4.0]]
    """
    out = planes.astype(np.float64)
    for axis in (-2, -1):
        n = out.shape[axis]
        pad = [(0, 0)] * out.ndim
        pad[axis] = (1, 0)
        total = np.pad(out, pad).cumsum(axis=axis)
        place = np.arange(n)
        out = (total.take(np.minimum(place + radius + 1, n), axis=axis) - total.take(np.maximum(place - radius, 0), axis=axis))
    return out.astype(np.float32)


def kernel(radius: int) -> np.ndarray:
    """Weight 1 / distance of each cell of a (2 radius + 1)^2 window, 0 at its centre.

    >>> kernel(1)[1].tolist()
    [1.0, 0.0, 1.0]
    """
    row, col = np.mgrid[-radius:radius + 1, -radius:radius + 1]
    distance = np.hypot(row, col)
    return np.divide(1.0, distance, out=np.zeros_like(distance), where=distance > 0)


def weighted_sum(planes: np.ndarray, radius: int) -> np.ndarray:
    """Sum of `planes` (class, row, col) around each cell, weighted by `kernel`; outside counts as 0."""
    from scipy.ndimage import correlate

    weight = kernel(radius).astype(np.float32)
    return np.stack([correlate(plane, weight, mode="constant") if plane.any() else np.zeros_like(plane) for plane in planes])


def class_given_group(data: LandData, cells: np.ndarray, years: tuple[int, int]) -> np.ndarray:
    """Share of each class in its driver group over the cells and years; a class alone in its group has 1."""
    count = np.zeros(N_CLASS)
    for year, layer in zip(data.years, data.class_index, strict=True):
        if years[0] <= year <= years[1]:
            count += np.bincount(layer[cells], minlength=256)[:N_CLASS]
    count[OCEAN] = 0.0
    total = np.bincount(GROUP_OF_CLASS, count)[GROUP_OF_CLASS]
    alone = np.bincount(GROUP_OF_CLASS[OCEAN + 1:], minlength=len(GROUPS))[GROUP_OF_CLASS] == 1
    even = np.where(np.arange(N_CLASS) == OCEAN, 0.0, np.where(alone, 1.0, 0.5))
    return np.where(total > 0, count / np.where(total > 0, total, 1.0), even)


def coarse_class_share(region: Region, case: Case, given_group: np.ndarray) -> np.ndarray:
    """Class shares (class, row, col) that the interpolated driver fractions of the year asked for stand for."""
    fraction = coarse_fractions(region, case.years[1])
    share = fraction[GROUP_OF_CLASS] * given_group[:, None, None]
    total = share.sum(axis=0)
    return np.divide(share, total, out=np.broadcast_to(given_group[:, None, None] / given_group.sum(), share.shape).copy(), where=total > 0)


@dataclass
class Neighbourhood:
    """Distance-weighted density of each class among the shown cells within `radius` rows and columns.

    A hidden cell's probabilities are the densities; the driver's fractions count as much as `coarse_weight` shown
    neighbours at distance 1. A shown cell keeps its class with probability `stay`; the rest goes to the other classes by
    density, so that allocation places a gaining class where most of it is near.
    """

    radius: int = 3
    coarse_weight: float = 0.05
    stay: float = 0.99
    backwards = True

    def __post_init__(self) -> None:
        if self.radius < 1:
            raise ConfigError(f"Neighbourhood radius must be at least 1 cell, got {self.radius}.")
        self.name = f"neighbourhood {2 * self.radius + 1}x{2 * self.radius + 1}"
        self.given_group: np.ndarray | None = None

    def fit(self, sampler: Sampler, directory: Path) -> None:
        """Only the shares of classes within a driver group are learnt."""
        years = sorted({year for pair in sampler.pairs for year in pair})
        self.given_group = class_given_group(sampler.data, sampler.trainable, (years[0], years[-1]))

    def predict_proba(self, region: Region, case: Case) -> np.ndarray:
        if self.given_group is None:
            raise ConfigError(f"Predictor {self.name!r} was not fitted before it was asked for {case.years[1]}.")
        own = shown_planes(case)
        score = weighted_sum(own, self.radius) + self.coarse_weight * coarse_class_share(region, case, self.given_group)
        kept = own.sum(axis=0) > 0
        score[own > 0] = 0.0
        total = score.sum(axis=0)
        rest = np.where(total > 0, score / np.where(total > 0, total, 1.0), 1.0 / N_CLASS)
        return np.where(kept, self.stay * own + (1.0 - self.stay) * rest, rest).astype(np.float32)
