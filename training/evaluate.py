"""Scores predictors on years and places they never saw, all in the same table. Knows the face of a predictor only.

Two parts. Reconstruction: part of the prior years' maps is hidden and next year's whole map is asked for. Steps: the whole
prior is shown, one year ahead and as a free rollout, with and without the coarse class areas met. Held-out places give the
honest number; all land repeats places of the training years. The rows are predictor x rule; none is left out.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from lsbc.regrid.errors import ConfigError
from lsbc.training.cases import Case
from lsbc.training.config import TrainingConfig
from lsbc.training.face import Predictor
from lsbc.training.predict import Region
from lsbc.training.rollout import blind_region, first_probabilities, likeliest, probabilities, rollout
from lsbc.training.tally import WITH_ALLOCATION, Scorer
from lsbc.training.tasks import reconstructions, step_plan, step_task

log = logging.getLogger(__name__)

PARTS = ("reconstruction", "steps")
PICTURED = "hidden_75"


@dataclass
class Gallery:
    """Maps kept for pictures: of the last test year, by task and row; the case is that of the reconstruction."""

    years: dict[str, tuple[int, int]] = field(default_factory=dict)
    case: Case | None = None
    made: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)

    def keep(self, task: str, row: str, years: tuple[int, int], made: np.ndarray) -> None:
        """Remember the map of the latest year only."""
        if years[1] >= self.years.get(task, years)[1]:
            self.years[task] = years
            self.made.setdefault(task, {})[row] = made


@dataclass
class Evaluation:
    """What came out: all scores (place, task, row, score), maps for pictures, and seconds by predictor."""

    scores: dict[str, dict[str, dict[str, dict]]]
    gallery: Gallery
    seconds: dict[str, float]


def chosen(predictors: Sequence[Predictor], wanted: Sequence[str] | None) -> list[Predictor]:
    """The predictors asked for, by name or by the beginning of one; all without a wish.

    Raises:
        ConfigError: two predictors have the same name, or a wish fits none.
    """
    names = [predictor.name for predictor in predictors]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"Predictor {twice[0]!r} exists twice; every row of the table needs its own name.")
    if wanted is None:
        return list(predictors)
    for wish in wanted:
        if not any(name.startswith(wish) for name in names):
            raise ConfigError(f"Predictor {wish!r} is unknown; there are {', '.join(names)}.")
    return [predictor for predictor in predictors if any(predictor.name.startswith(wish) for wish in wanted)]


class _Progress:
    """A bar on a terminal, a log line a predictor otherwise."""

    def __init__(self, total: int) -> None:
        self.bar = tqdm(total=total, unit="map", disable=not sys.stderr.isatty(), leave=False)

    def start(self, name: str) -> None:
        self.bar.set_description(name)

    def tick(self) -> None:
        self.bar.update()

    def done(self, name: str, seconds: float) -> None:
        if self.bar.disable:
            log.info("scored %s: %.1f s", name, seconds)


def _plans(predictor: Predictor, region: Region, config: TrainingConfig) -> list[dict[int, tuple[int, ...]]]:
    ways = (False, True) if getattr(predictor, "backwards", False) else (False,)
    return [step_plan(region.data, config.split, backwards=way) for way in ways]


def _count(predictors: Sequence[Predictor], region: Region, config: TrainingConfig, parts: Sequence[str]) -> int:
    """Maps that will be made."""
    n = 0
    if "reconstruction" in parts:
        n += len(predictors) * sum(1 for _ in reconstructions(region.data, config.split, config.run.seed))
    if "steps" in parts:
        n += sum(2 * max(map(abs, horizons)) for predictor in predictors
                 for plan in _plans(predictor, region, config) for horizons in plan.values())
    return n


@dataclass(frozen=True)
class _Work:
    """What every predictor is scored with."""

    region: Region
    config: TrainingConfig
    scorer: Scorer
    gallery: Gallery
    progress: _Progress


def _reconstruct(predictor: Predictor, work: _Work) -> None:
    hidden = blind_region(work.region)
    for item in reconstructions(work.region.data, work.config.split, work.config.run.seed):
        probability = probabilities(predictor, hidden, item.case)
        made = likeliest(probability, hidden)
        work.scorer.add_reconstruction(item.task, predictor.name, item.case, made, probability)
        if item.task == PICTURED:
            work.gallery.case = item.case
            work.gallery.keep(item.task, predictor.name, item.case.years, made)
        work.progress.tick()


def _walk(predictor: Predictor, work: _Work) -> None:
    """Every start year and rule; the first year's probabilities are the same for both rules and computed once."""
    for plan in _plans(predictor, work.region, work.config):
        for start, horizons in plan.items():
            furthest = max(horizons, key=abs)
            first = first_probabilities(predictor, work.region, start, 1 if furthest > 0 else -1)
            for allocated, row in ((False, predictor.name), (True, predictor.name + WITH_ALLOCATION)):
                for step in rollout(predictor, work.region, start, furthest, allocated=allocated, first=first):
                    work.progress.tick()
                    horizon = step.year - start
                    if horizon not in horizons:
                        continue
                    spans = abs(horizon) == 1 and not allocated
                    work.scorer.add_step(step_task(horizon), row, (start, step.year), step.made, first if spans else None)
                    if horizon > 0:
                        work.gallery.keep(step_task(horizon), row, (start, step.year), step.made)


def evaluate(predictors: Sequence[Predictor], region: Region, config: TrainingConfig, parts: Sequence[str] = PARTS) -> Evaluation:
    """Score fitted predictors on every task; each predictor's probabilities of a case are computed once for all scores."""
    progress, seconds = _Progress(_count(predictors, region, config, parts)), {}
    work = _Work(region, config, Scorer(region.data, config.split, region.driver), Gallery(), progress)
    for predictor in predictors:
        progress.start(predictor.name)
        begun = time.perf_counter()
        if "reconstruction" in parts:
            _reconstruct(predictor, work)
        if "steps" in parts:
            _walk(predictor, work)
        seconds[predictor.name] = time.perf_counter() - begun
        progress.done(predictor.name, seconds[predictor.name])
    progress.bar.close()
    return Evaluation(work.scorer.scores(), work.gallery, seconds)
