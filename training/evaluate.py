"""Scores a network on years and places it never saw, beside the predictors anybody could use instead.

Two tasks. Reconstruction: part of the prior year's map is hidden and next year's whole map is asked for (accuracy,
mean IoU). Step: the whole prior is shown (accuracy beside persistence, figure of merit of the change), one year ahead
and as a free rollout. Held-out places give the honest number; all land repeats places of the training years.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES, N_CLASS
from lsbc.training.cases import one_prior
from lsbc.training.config import TrainingConfig
from lsbc.training.data import LandData
from lsbc.training.driver import row_weights
from lsbc.training.holdout import held_out_cells, test_pairs, training_cells
from lsbc.training.metrics import ChangeScore, accuracy, change_score, class_iou, confusion, mean_iou
from lsbc.training.predict import (
    Network,
    Region,
    allocated_rule,
    argmax_rule,
    coarse_argmax_map,
    majority_class,
    nearest_known_map,
    network_map,
    no_carry,
    random_rule,
    rollout_map,
)
from lsbc.training.samples import DriverTable

HIDDEN_SHARES = (0.6, 0.75, 1.0)
LATTICE = 6
"""Also scored: a prior known in one cell of 6 x 6 only, as from a map of 0.05 degree."""


@dataclass
class Tally:
    """Running sums of one predictor in one place."""

    table: np.ndarray = field(default_factory=lambda: np.zeros((N_CLASS, N_CLASS)))
    change: ChangeScore = ChangeScore(0.0, 0.0, 0.0, 0.0)

    def add(self, before: np.ndarray, observed: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> None:
        self.table += confusion(observed, predicted, weight)
        self.change += change_score(before, observed, predicted, weight)

    def reconstruction(self) -> dict[str, float]:
        """Scores of a map made from part of the prior."""
        iou = {f"iou_{name}": float(value) for name, value in zip(CLASS_NAMES, class_iou(self.table), strict=True)
               if np.isfinite(value)}
        return {"accuracy": accuracy(self.table), "mean_iou": mean_iou(self.table), **iou}

    def step(self) -> dict[str, float]:
        """Scores of a map made from the whole prior."""
        return {"accuracy": accuracy(self.table), "mean_iou": mean_iou(self.table),
                "figure_of_merit": self.change.figure_of_merit}


class Scorer:
    """Compares maps of a region in each place and remembers the sums by (place, task, predictor)."""

    def __init__(self, data: LandData, config: TrainingConfig) -> None:
        weight = np.broadcast_to(row_weights(data.row0, data.shape[0], data.n_lat)[:, None], data.shape)
        cells = {"held_out": data.valid & held_out_cells(data, config.split), "all_land": data.valid}
        self.data = data
        self.place = {name: (mask, weight[mask]) for name, mask in cells.items() if mask.any()}
        self.tally: dict[tuple[str, str, str], Tally] = {}

    def add(self, task: str, predictor: str, years: tuple[int, int], predicted: np.ndarray) -> None:
        before, observed = self.data.map_of(years[0]), self.data.map_of(years[1])
        for place, (mask, weight) in self.place.items():
            tally = self.tally.setdefault((place, task, predictor), Tally())
            tally.add(before[mask], observed[mask], predicted[mask], weight)

    def scores(self) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
        """Nested: place, task, predictor, score."""
        out: dict = {}
        for (place, task, predictor), tally in self.tally.items():
            score = tally.reconstruction() if task.startswith("hidden") else tally.step()
            out.setdefault(place, {}).setdefault(task, {})[predictor] = score
        return out


def evaluation_masks(shape: tuple[int, int], seed: int, year: int) -> dict[str, np.ndarray]:
    """The known cells of each reconstruction task; the same for every predictor and every run."""
    out = {}
    for share in HIDDEN_SHARES:
        rng = np.random.default_rng([seed, year, round(share * 100)])
        out[f"hidden_{round(share * 100)}"] = rng.random(shape) >= share
    sparse = np.zeros(shape, bool)
    sparse[LATTICE // 2::LATTICE, LATTICE // 2::LATTICE] = True
    return {**out, f"hidden_all_but_1_in_{LATTICE}x{LATTICE}": sparse}


def _score_reconstruction(network: Network, region: Region, scorer: Scorer, config: TrainingConfig) -> None:
    data = region.data
    commonest = majority_class(data, training_cells(data, config.split), config.split.train_years)
    plain = np.full(data.shape, commonest, np.uint8)
    for years in test_pairs(data, config.split):
        prior, coarse = data.map_of(years[0]), coarse_argmax_map(region, years[1])
        for task, known in evaluation_masks(plain.shape, config.run.seed, years[1]).items():
            for elevation in range(len(data.elevations)):
                name = "network" if elevation == 0 else "network_coarse_elevation"
                scorer.add(task, name, years, network_map(network, region, one_prior(years, prior, known), elevation))
            for name, trivial in (("majority", plain), ("coarse_argmax", coarse)):
                scorer.add(task, name, years, trivial)
                if known.any():
                    scorer.add(task, f"{name}_with_known", years, np.where(known, prior, trivial))
            if known.any():
                scorer.add(task, "nearest_known", years, np.minimum(nearest_known_map(prior, known), N_CLASS - 1))


def _score_steps(network: Network, region: Region, scorer: Scorer, config: TrainingConfig) -> None:
    """Full prior: one year and a free rollout, with and without the coarse class-area changes met exactly."""
    pairs = test_pairs(region.data, config.split)
    rules = {"network": argmax_rule(network), "network_with_allocation": allocated_rule(network),
             "random_with_allocation": random_rule(config.run.seed), "persistence": lambda made, years, _: made.data.map_of(years[0])}
    first, last = pairs[0][0], pairs[-1][1]
    for name, rule in rules.items():
        for years in pairs:
            scorer.add("one_year", name, years, rule(region, years, no_carry(region)))
        scorer.add(f"rollout_{first}_{last}", name, (first, last), rollout_map(rule, region, first, last))


def score_network(network: Network, data: LandData, config: TrainingConfig, halo: int) -> dict:
    """All scores of a network, nested by place, task, predictor and score."""
    region = Region(data, DriverTable(data), halo, 1 << config.network.depth)
    scorer = Scorer(data, config)
    _score_reconstruction(network, region, scorer, config)
    _score_steps(network, region, scorer, config)
    return scorer.scores()


def markdown(scores: dict) -> str:
    """The scores as one Markdown table, a row for each place, task and predictor."""
    lines = ["| place | task | predictor | accuracy | mean IoU | figure of merit |", "|---|---|---|---|---|---|"]
    for place, tasks in scores.items():
        for task, predictors in tasks.items():
            for predictor, score in predictors.items():
                merit = f"{score['figure_of_merit']:.4f}" if "figure_of_merit" in score else ""
                lines.append(f"| {place} | {task} | {predictor} | {score['accuracy']:.4f} | {score['mean_iou']:.4f} | {merit} |")
    return "\n".join(lines) + "\n"


def as_json(scores: dict, checkpoint_sha256: str) -> str:
    """The scores with the checkpoint they belong to."""
    return json.dumps({"checkpoint_sha256": checkpoint_sha256, "scores": scores}, indent=1) + "\n"
