"""What a predictor may look at: which years, which driver, and which cells of which earlier maps. Knows arrays only.

A case never holds the map that is asked for, so a predictor cannot see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import ConfigError


@dataclass(frozen=True)
class Case:
    """One map to be predicted on a region.

    years: (year of the newest earlier map, year asked for); the second is smaller when going backwards.
    prior: (row, col) uint8, the newest class shown of each cell, NO_DATA outside.
    known: (row, col) bool, where `prior` may be seen.
    age: (row, col) int16, years from the shown class to the year asked for, negative backwards; 0 where nothing is known.
    """

    years: tuple[int, int]
    prior: np.ndarray
    known: np.ndarray
    age: np.ndarray


def one_prior(years: tuple[int, int], prior: np.ndarray, known: np.ndarray | None = None) -> Case:
    """The case of a single earlier map, all of it known unless a mask says otherwise."""
    known = np.ones(prior.shape, bool) if known is None else known
    return Case(years, prior, known, np.where(known, np.int16(years[1] - years[0]), np.int16(0)))


def several_priors(prior_years: Sequence[int], target_year: int, priors: Sequence[np.ndarray], known: Sequence[np.ndarray]) -> Case:
    """Several earlier maps, each with its own mask, as one: every cell shows the map nearest in time that knows it.

    Raises:
        ConfigError: the years do not move away from the target year, or the three lists differ in length.
    """
    if not len(prior_years) == len(priors) == len(known) > 0:
        raise ConfigError(f"Several priors need as many years, maps and masks; got {len(prior_years)}, {len(priors)} and {len(known)}.")
    distance = [abs(target_year - year) for year in prior_years]
    if any(later <= earlier for earlier, later in zip(distance, distance[1:])):
        raise ConfigError(f"Prior years {list(prior_years)} must move away from the target year {target_year}, nearest first.")
    shown = np.full(priors[0].shape, NO_DATA, np.uint8)
    age = np.zeros(shown.shape, np.int16)
    seen = np.zeros(shown.shape, bool)
    for year, prior, mask in zip(prior_years, priors, known, strict=True):
        new = mask & ~seen
        shown[new], age[new] = prior[new], target_year - year
        seen |= mask
    shown[~seen] = priors[0][~seen]
    return Case((prior_years[0], target_year), shown, seen, age)
