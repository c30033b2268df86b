"""Steps a predictor through years, freely or with the coarse class areas met. Shows it no map that is later than it may know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lsbc.emulator.classes import NO_DATA, STATIC_CLASSES
from lsbc.training.cases import Case, one_prior
from lsbc.training.data import LandData
from lsbc.training.face import Predictor
from lsbc.training.predict import Region, allocated_map, no_carry

SMALLEST_PROBABILITY = 1e-30
"""Zero has no logarithm; nothing that float32 softmax gives is changed by it."""


def blind(data: LandData) -> LandData:
    """The same region without any map: all cells with data say class 0. Takes no memory."""
    nothing = np.where(data.valid, np.uint8(0), np.uint8(NO_DATA))
    return replace(data, class_index=np.broadcast_to(nothing, data.class_index.shape), sub_counts=None)


def blind_region(region: Region) -> Region:
    """The same region without any map but what a case shows; the driver's fractions stay."""
    return replace(region, data=blind(region.data))


@dataclass(frozen=True)
class Step:
    """One year made: its map, and the probabilities the map comes from."""

    year: int
    made: np.ndarray
    probability: np.ndarray


def likeliest(probability: np.ndarray, region: Region) -> np.ndarray:
    """The class of the largest probability, lowest index on ties; NO_DATA where the region has none."""
    return np.where(region.data.valid, probability.argmax(axis=0).astype(np.uint8), np.uint8(NO_DATA))


def _begun(region: Region, start: int) -> Region:
    """A blind region with the statics that a run begun in `start` can have."""
    hidden = blind_region(region)
    return replace(hidden, data=hidden.data.as_of(start))


def _shown(hidden: Region, year: int, made: np.ndarray) -> Region:
    """A region that has one map."""
    maps = hidden.data.class_index.copy()
    maps[hidden.data.years.index(year)] = made
    return replace(hidden, data=replace(hidden.data, class_index=maps))


def probabilities(predictor: Predictor, hidden: Region, case: Case) -> np.ndarray:
    """Class probabilities of a case on a blind region, float32 (class, row, col)."""
    return np.asarray(predictor.predict_proba(hidden, case), np.float32)


def first_probabilities(predictor: Predictor, region: Region, start: int, way: int) -> np.ndarray:
    """Probabilities of the year after (`way` 1) or before (-1) the observed map of `start`, all of it known."""
    made = region.data.map_of(start)
    return probabilities(predictor, _shown(_begun(region, start), start, made), one_prior((start, start + way), made))


def rollout(predictor: Predictor, region: Region, start: int, steps: int, *, allocated: bool,
            first: np.ndarray | None = None) -> Iterator[Step]:
    """Make the years after `start` (before it, if `steps` is negative), each from the one made before; ocean and water stay, as in a coupled run.

    Args:
        region: must have the map of `start`; no other map is read, nor a version of a dated field that came later.
        allocated: change as much as the driver does in every driver cell, placed by the probabilities, instead of the likeliest class.
        first: probabilities of the first step, if they are known already.
    """
    hidden, carry = _begun(region, start), no_carry(region)
    made, way = region.data.map_of(start), 1 if steps > 0 else -1
    for year in range(start, start + steps, way):
        years = (year, year + way)
        if first is None:
            first = probabilities(predictor, _shown(hidden, year, made), one_prior(years, made))
        if allocated:
            score = np.log(np.maximum(first, SMALLEST_PROBABILITY))
            made = allocated_map(score, _shown(hidden, year, made), years, carry)
        else:
            made = np.where(np.isin(made, STATIC_CLASSES), made, likeliest(first, hidden))
        yield Step(years[1], made, first)
        first = None
