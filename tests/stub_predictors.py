"""Predictors whose scores are known, behind the face of all predictors."""

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES, N_CLASS

CROPLAND = CLASS_NAMES.index("cropland")


def one_hot(classes):
    return (np.arange(N_CLASS)[:, None, None] == classes).astype(np.float32)


class Copier:
    """Repeats what is shown; cropland where nothing is."""

    name, backwards = "persistence", True

    def fit(self, sampler, directory):
        (directory / "fitted").touch()

    def predict_proba(self, region, case):
        return one_hot(np.where(case.known, case.prior, CROPLAND))


class Dice:
    """Random scores that depend on the years alone."""

    name = "random"

    def fit(self, sampler, directory):
        pass

    def predict_proba(self, region, case):
        noise = np.random.default_rng([1, *case.years]).random((N_CLASS, *case.prior.shape), np.float32)
        return noise / noise.sum(axis=0)


class Spy(Copier):
    """A copier that remembers the cases and the maps it could have looked at."""

    name, backwards = "spy", False

    def __init__(self):
        self.cases, self.maps = [], []

    def predict_proba(self, region, case):
        self.cases.append(case)
        self.maps.append({year: region.data.map_of(year) for year in region.data.years})
        return super().predict_proba(region, case)
