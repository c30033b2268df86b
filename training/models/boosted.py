"""Gradient-boosted trees (XGBoost, Chen and Guestrin 2016) on per-cell features: one fit fills hidden cells, one places change.

Trained on the sampler's training cells and years only; looks at no hidden cell.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.classes import N_CLASS, NO_DATA, OCEAN, WATER
from lsbc.regrid.errors import ConfigError
from lsbc.training.cases import Case, one_prior, several_priors
from lsbc.training.files import write_atomically
from lsbc.training.late_xgboost import late_xgboost
from lsbc.training.masks import blocks, scattered
from lsbc.training.models.features import CLASSES, DENSITY_RADII, FAR_CELLS, MEAN_RADII, RELIEF_RADII, cell_features
from lsbc.training.models.fingerprint import fingerprint
from lsbc.training.models.neighbourhood import shown_planes, weighted_sum
from lsbc.training.models.rules import one_hot
from lsbc.training.models.step_table import step_table
from lsbc.training.predict import Region
from lsbc.training.samples import Sampler

log = logging.getLogger(__name__)
LEAST_ODDS = 1e-6
"""Odds of a change that the driver does not ask for; allocation of demand carried over orders such changes by density."""


@dataclass(frozen=True, kw_only=True)
class TreeSettings:
    """How many trees of which shape."""

    rounds: int
    depth: int
    rate: float
    column_share: float = 0.6

    def parameters(self, objective: dict[str, Any], threads: int) -> dict[str, Any]:
        """XGBoost's own names."""
        return {"max_depth": self.depth, "eta": self.rate, "subsample": 0.8, "colsample_bytree": self.column_share, "min_child_weight": 5,
                "lambda": 2.0, "tree_method": "hist", "max_bin": 128, "seed": 0, "nthread": threads, **objective}


def masked_case(sampler: Sampler, rng: np.random.Generator, hidden_share: float, kind: int) -> tuple[Case, np.ndarray]:
    """A training pair with part of its prior hidden, and the map asked for: cell by cell, or (kind 2) in squares.

    Of kind 3, the two years before are shown as well where training has them, each with its own mask of the same share.
    """
    data, n = sampler.data, max(sampler.data.shape)
    rows, cols = data.shape
    year, asked = sampler.pairs[int(rng.integers(len(sampler.pairs)))]
    first = min(min(pair) for pair in sampler.pairs)
    shown_years = [year - back for back in range(3) if back == 0 or (kind == 3 and year - back >= first and year - back in data.years)]
    known = [(blocks(rng, n) if kind == 2 else scattered(rng, n, hidden_share))[:rows, :cols] for _ in shown_years]
    priors = [data.map_of(shown_year) for shown_year in shown_years]
    case = one_prior((year, asked), priors[0], known[0]) if len(priors) == 1 else several_priors(shown_years, asked, priors, known)
    return case, data.map_of(asked)


def some_cells(rng: np.random.Generator, trainable: np.ndarray, known: np.ndarray, count: int) -> np.ndarray:
    """Flat indices of at most `count` training cells, one in ten of them known."""
    hidden, seen = (np.flatnonzero(trainable & mask) for mask in (~known, known))
    chosen = [rng.permutation(part)[:share] for part, share in ((hidden, count - count // 10), (seen, count // 10))]
    return np.concatenate(chosen)


def _label(classes: np.ndarray) -> np.ndarray:
    """Place of each class in CLASSES; ocean counts as water."""
    return np.where(classes == OCEAN, WATER, classes).astype(np.int64) - CLASSES[0]


def _kept(xgboost: Any, path: Path, made_from: str) -> Any:
    """The model of a file; None if there is no file, it cannot be read, or its model was made from something else."""
    if not path.is_file():
        return None
    try:
        model = xgboost.Booster(model_file=str(path))
    except xgboost.core.XGBoostError as error:
        log.warning("%s cannot be read (%s); fitting again", path, str(error).splitlines()[0])
        return None
    if model.attr("made_from") == made_from:
        return model
    log.info("%s was made from other data or settings; fitting again", path)
    return None


@dataclass
class Boosted:
    """XGBoost behind the common face: the step model where the whole prior is known, else the reconstruction.

    draws: masked maps the reconstruction learns from; cells: how many cells of each.
    """

    name: str = "XGBoost"
    reconstruction_trees: TreeSettings = TreeSettings(rounds=120, depth=8, rate=0.15)
    step_trees: TreeSettings = TreeSettings(rounds=200, depth=3, rate=0.1)
    draws: int = 24
    cells: int = 12000
    unchanged_share: float = 0.4
    threads: int = 2
    models: dict[str, Any] = field(default_factory=dict, repr=False)
    backwards = False

    def fit(self, sampler: Sampler, directory: Path) -> None:
        """Fit both models, or load them if the files were made from the same data and settings."""
        xgboost, made_from = late_xgboost(), self._fingerprint(sampler)
        for task, make in (("reconstruction", self._fit_reconstruction), ("step", self._fit_step)):
            path = directory / f"boosted_{task}.ubj"
            model = _kept(xgboost, path, made_from)
            if model is None:
                model = make(xgboost, sampler)
                model.set_attr(made_from=made_from)
                write_atomically(path, bytes(model.save_raw("ubj")))
            self.models[task] = model

    def _fingerprint(self, sampler: Sampler) -> str:
        features = (DENSITY_RADII, RELIEF_RADII, MEAN_RADII, FAR_CELLS)
        return fingerprint(sampler, (self.reconstruction_trees, self.step_trees, self.draws, self.cells, self.unchanged_share, features))

    def _fit_reconstruction(self, xgboost: Any, sampler: Sampler) -> Any:
        region, rng = Region(sampler.data, sampler.driver, 0, 1), np.random.default_rng(0)
        rows, labels, names = [], [], []
        for draw in range(self.draws):
            case, target = masked_case(sampler, rng, draw / max(self.draws - 1, 1), kind=draw % 4)
            planes = cell_features(region, case)
            names = list(planes)
            cell = some_cells(rng, sampler.trainable, case.known, self.cells)
            rows.append(np.stack([plane.ravel()[cell] for plane in planes.values()], axis=1))
            labels.append(target.ravel()[cell])
        table = xgboost.DMatrix(np.concatenate(rows), label=_label(np.concatenate(labels)), feature_names=names)
        objective = {"objective": "multi:softprob", "num_class": len(CLASSES)}
        return xgboost.train(self.reconstruction_trees.parameters(objective, self.threads), table, self.reconstruction_trees.rounds)

    def _fit_step(self, xgboost: Any, sampler: Sampler) -> Any:
        region, rng, parts = Region(sampler.data, sampler.driver, 0, 1), np.random.default_rng(1), []
        names: tuple[str, ...] = ()
        for years in sampler.pairs:
            rows = step_table(region, region.whole_prior(years))
            names = rows.names
            changed = np.asarray(sampler.data.map_of(years[1])).ravel()[rows.cell] == rows.target
            use = sampler.trainable.ravel()[rows.cell] & (changed | (rng.random(len(changed)) < self.unchanged_share))
            parts.append((rows.features[use], changed[use]))
        label = np.concatenate([part[1] for part in parts]).astype(np.float32)
        if not label.any() or label.all():
            raise ConfigError(f"The training years {sampler.pairs[0][0]} to {sampler.pairs[-1][1]} hold no change that the driver asks for; "
                              "the step model has nothing to learn from.")
        weight = np.where(label > 0, 1.0, 1.0 / self.unchanged_share)
        table = xgboost.DMatrix(np.concatenate([part[0] for part in parts]), label=label, weight=weight, feature_names=list(names))
        objective = {"objective": "binary:logistic"}
        return xgboost.train(self.step_trees.parameters(objective, self.threads), table, self.step_trees.rounds)

    def predict_proba(self, region: Region, case: Case) -> np.ndarray:
        if not self.models:
            raise ConfigError(f"Predictor {self.name!r} was not fitted before it was asked for {case.years[1]}.")
        inside = case.prior != NO_DATA
        if case.known[inside].all() and case.years[1] > case.years[0]:
            return self._step(region, case)
        return self._reconstruction(region, case)

    def _reconstruction(self, region: Region, case: Case) -> np.ndarray:
        planes = cell_features(region, case)
        cell = np.flatnonzero((case.prior != NO_DATA).ravel())
        rows = np.stack([plane.ravel()[cell] for plane in planes.values()], axis=1)
        made = self.models["reconstruction"].predict(late_xgboost().DMatrix(rows, feature_names=list(planes)))
        out = np.full((N_CLASS, case.prior.size), 1.0 / len(CLASSES), np.float32)
        out[OCEAN] = 0.0
        out[1:, cell] = made.T
        return out.reshape(N_CLASS, *case.prior.shape)

    def _step(self, region: Region, case: Case) -> np.ndarray:
        rows = step_table(region, case)
        odds = LEAST_ODDS * (weighted_sum(shown_planes(case), 3) + 1e-3).reshape(N_CLASS, -1)
        odds[OCEAN] = 0.0
        if len(rows.cell):
            table = late_xgboost().DMatrix(rows.features, feature_names=list(rows.names))
            odds[rows.target, rows.cell] += np.exp(self.models["step"].predict(table, output_margin=True))
        own = one_hot(case.prior).reshape(N_CLASS, -1) > 0
        odds[own] = 1.0
        return (odds / odds.sum(axis=0)).reshape(N_CLASS, *case.prior.shape).astype(np.float32)
