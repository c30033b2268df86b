"""Predictors that need no training, or only a count: what a score has to be compared with. Never look at a hidden cell or a later map."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES, GROUPS, N_CLASS, NO_DATA, OCEAN
from lsbc.training.cases import Case
from lsbc.training.models.inputs import coarse_fractions
from lsbc.training.predict import Region
from lsbc.training.samples import Sampler

CLASS_OF_GROUP = {"urban": "urban", "cropland": "cropland", "pasture": "pasture", "forest": "forest",
                  "nonforest": "grass_shrub", "other": "water"}
"""The one class a driver group is read as when nothing finer is known."""


def one_hot(classes: np.ndarray) -> np.ndarray:
    """(row, col) -> float32 (class, row, col), 1 at the cell's class; NO_DATA has no class at all."""
    return (classes == np.arange(N_CLASS)[:, None, None]).astype(np.float32)


def shown(case: Case) -> np.ndarray:
    """Cells whose class may be seen."""
    return case.known & (case.prior < N_CLASS)


def majority_class(sampler: Sampler) -> int:
    """The most frequent class of the training cells over the training years."""
    years = sorted({year for pair in sampler.pairs for year in pair})
    count = sum(np.bincount(sampler.data.map_of(year)[sampler.trainable], minlength=256)[:N_CLASS] for year in years)
    return int(np.argmax(count))


def nearest_known_map(prior: np.ndarray, known: np.ndarray, otherwise: int) -> np.ndarray:
    """The class of the nearest known cell, in cells; `otherwise` everywhere if no cell is known."""
    from scipy.ndimage import distance_transform_edt

    if not known.any():
        return np.full(prior.shape, otherwise, np.uint8)
    row, col = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return prior[row, col]


class _Rule:
    """What the rules share: they work in both directions of time and learn the majority class at most."""

    name = "rule"
    backwards = True
    majority = int(CLASS_NAMES.index("cropland"))

    def fit(self, sampler: Sampler, directory: Path) -> None:
        self.majority = majority_class(sampler)

    def classes(self, region: Region, case: Case) -> np.ndarray:
        """The class map the rule stands for."""
        raise NotImplementedError

    def predict_proba(self, region: Region, case: Case) -> np.ndarray:
        return one_hot(np.where(case.prior == NO_DATA, np.uint8(self.majority), self.classes(region, case)))


class Persistence(_Rule):
    """Nothing changes: every cell keeps the class last seen there, a hidden cell takes the nearest one seen."""

    name = "persistence (hidden: nearest known)"

    def classes(self, region: Region, case: Case) -> np.ndarray:
        return nearest_known_map(case.prior, shown(case), self.majority)


class Majority(_Rule):
    """Known cells keep their class, hidden ones take the most frequent class of the training cells."""

    name = "majority (known kept)"

    def classes(self, region: Region, case: Case) -> np.ndarray:
        return np.where(shown(case), case.prior, np.uint8(self.majority))


class CoarseArgmax(_Rule):
    """Known cells keep their class, hidden ones take the class of the largest interpolated driver fraction."""

    name = "coarse argmax (known kept)"

    def classes(self, region: Region, case: Case) -> np.ndarray:
        class_of = np.array([CLASS_NAMES.index(CLASS_OF_GROUP[group]) for group in GROUPS], np.uint8)
        return np.where(shown(case), case.prior, class_of[coarse_fractions(region, case.years[1]).argmax(axis=0)])


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Each 64-bit number turned into another that looks random (splitmix64, Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        state = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))


class RandomScores:
    """Uniform random scores: with allocation, the coarse change met exactly and placed at random.

    A cell's scores are a function of the year asked for and its global row and column alone.
    """

    name = "random"
    backwards = True

    def fit(self, sampler: Sampler, directory: Path) -> None:
        return None

    def predict_proba(self, region: Region, case: Case) -> np.ndarray:
        n_row, n_col = region.data.shape
        row = (region.data.row0 + np.arange(n_row, dtype=np.int64)).astype(np.uint64)[:, None]
        col = (region.data.col0 + np.arange(n_col, dtype=np.int64)).astype(np.uint64)[None, :]
        place = mixed(mixed(np.full((1, 1), case.years[1])) ^ mixed(row << np.uint64(32) | col))
        bits = np.stack([mixed(place ^ np.uint64(index)) for index in range(N_CLASS)])
        score = (bits >> np.uint64(11)).astype(np.float64) / 2.0**53 + 1e-9
        score[OCEAN] = 0.0
        return (score / score.sum(axis=0)).astype(np.float32)
