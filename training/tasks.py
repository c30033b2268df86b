"""What is asked of every predictor: the cases with part of the prior hidden, and the years to step through. Knows no predictor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lsbc.emulator.classes import STATIC_CLASSES
from lsbc.training.cases import Case, one_prior, several_priors
from lsbc.training.config import SplitConfig
from lsbc.training.data import LandData

LATTICE = 6
"""One cell of 6 x 6 known, as from a map of 0.05 degree."""
BLOCK = 16
"""Side of the hidden blocks in fine cells."""
SHARES = (0.6, 0.75)
N_PRIOR = 3
EVERY_YEARS = 2
"""Reconstruction is asked for in every second test year, counted from the last."""
HORIZONS = (1, 5, 10, 14)
BACK_HORIZONS = (1, 5)
WINDOWS = 2
"""Free rollouts of each horizon over more than one year: to the last test year and to the one WINDOW_YEARS before."""
WINDOW_YEARS = 4

RECONSTRUCTION = {
    **{f"hidden_{round(share * 100)}": f"one prior year, {share:.0%} of its cells hidden at random" for share in SHARES},
    "hidden_100": "the prior year hidden altogether",
    "hidden_100_water_known": "the prior year hidden but for its water and ocean, which do not change",
    f"hidden_all_but_1_in_{LATTICE}x{LATTICE}": f"one cell of {LATTICE} x {LATTICE} of the prior year known",
    **{f"blocks_hidden_{round(share * 100)}": f"{share:.0%} of the {BLOCK} x {BLOCK} cell blocks of the prior year hidden" for share in SHARES},
    **{f"three_priors_{round(share * 100)}": f"three prior years, {share:.0%} of each hidden at random" for share in SHARES},
}
"""Name of each reconstruction task and what it is."""


def step_task(horizon: int) -> str:
    """Name of the task of a horizon in years, negative backwards.

    >>> step_task(1), step_task(14), step_task(-5)
    ('one_year', 'rollout_14', 'rollout_5_back')
    """
    return ("one_year" if abs(horizon) == 1 else f"rollout_{abs(horizon)}") + ("_back" if horizon < 0 else "")


@dataclass(frozen=True)
class Reconstruction:
    """A case with the name of its task."""

    task: str
    case: Case


def target_years(data: LandData, split: SplitConfig) -> list[int]:
    """Test years the data have, oldest first."""
    return [year for year in data.years if split.test_years[0] <= year <= split.test_years[1]]


def _rng(seed: int, year: int, task: str) -> np.random.Generator:
    return np.random.default_rng([seed, year, *task.encode()])


def scattered_mask(shape: tuple[int, int], share: float, seed: int, year: int, what: str) -> np.ndarray:
    """Each cell hidden on its own; True is known. A function of its arguments alone."""
    return _rng(seed, year, what).random(shape) >= share


def block_mask(shape: tuple[int, int], share: float, seed: int, year: int) -> np.ndarray:
    """Whole blocks hidden; True is known."""
    count = [-(-n // BLOCK) for n in shape]
    coarse = _rng(seed, year, f"blocks_{round(100 * share)}").random(count) >= share
    return np.kron(coarse, np.ones((BLOCK, BLOCK), bool))[:shape[0], :shape[1]]


def known_masks(data: LandData, prior: np.ndarray, seed: int, year: int) -> dict[str, np.ndarray]:
    """The known cells of each task with one prior; the same for every predictor and every run."""
    shape = data.shape
    sparse = np.zeros(shape, bool)
    sparse[LATTICE // 2::LATTICE, LATTICE // 2::LATTICE] = True
    return {
        **{f"hidden_{round(share * 100)}": scattered_mask(shape, share, seed, year, f"hidden_{round(share * 100)}") for share in SHARES},
        "hidden_100": np.zeros(shape, bool),
        "hidden_100_water_known": np.isin(prior, STATIC_CLASSES),
        f"hidden_all_but_1_in_{LATTICE}x{LATTICE}": sparse,
        **{f"blocks_hidden_{round(share * 100)}": block_mask(shape, share, seed, year) for share in SHARES},
    }


def reconstructions(data: LandData, split: SplitConfig, seed: int) -> Iterator[Reconstruction]:
    """Every reconstruction case of the test years, one at a time."""
    for year in target_years(data, split)[::-EVERY_YEARS][::-1]:
        if year - 1 not in data.years:
            continue
        prior = data.map_of(year - 1)
        for task, known in known_masks(data, prior, seed, year).items():
            yield Reconstruction(task, one_prior((year - 1, year), prior, known))
        earlier = [year - back for back in range(1, N_PRIOR + 1)]
        if earlier[-1] not in data.years:
            continue
        for share in SHARES:
            masks = [scattered_mask(data.shape, share, seed, before, f"prior_of_{year}_{round(100 * share)}") for before in earlier]
            yield Reconstruction(f"three_priors_{round(share * 100)}", several_priors(earlier, year, [data.map_of(y) for y in earlier], masks))


def step_plan(data: LandData, split: SplitConfig, *, backwards: bool = False) -> dict[int, tuple[int, ...]]:
    """Start year -> horizons whose target, a test year, is reached from it; negative horizons backwards.

    One year to every test year; longer horizons to the last WINDOWS targets, WINDOW_YEARS apart. Horizons that the data are
    too short for are left out. Backwards the start is a test year too, so neither map was trained on.
    """
    targets = target_years(data, split)
    plan: dict[int, list[int]] = {}
    for horizon in BACK_HORIZONS if backwards else HORIZONS:
        signed = -horizon if backwards else horizon
        starts = [year - signed for year in targets if year - signed in (targets if backwards else data.years)]
        chosen = starts if horizon == 1 else starts[::-1][::WINDOW_YEARS][:WINDOWS]
        for start in chosen:
            plan.setdefault(start, []).append(signed)
    return {start: tuple(sorted(plan[start], key=abs)) for start in sorted(plan)}
