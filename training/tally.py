"""Compares maps of a region with the truth, place by place, and sums up. Knows maps, places and tasks; no predictor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES, N_CLASS
from lsbc.training.area_error import AreaError, cell_area_km2, demanded_change, group_areas
from lsbc.training.cases import Case
from lsbc.training.change_metrics import change_score, joint_table, kappa_simulation, skill, transitions
from lsbc.training.config import SplitConfig
from lsbc.training.data import LandData
from lsbc.training.driver import row_weights
from lsbc.training.flicker import without_flicker
from lsbc.training.holdout import held_out_cells
from lsbc.training.metrics import accuracy, class_f1, class_iou, confusion, disagreement, mean_iou, mean_of_seen
from lsbc.training.multiresolution import BLOCK_CELLS, BlockScore, block_numbers, block_score, null_resolution
from lsbc.training.patches import DriverTable
from lsbc.training.reliability import Reliability, of_change, top_class

FILTERED = "_filtered"
"""Added to the name of a step task whose labels had their short reversals taken out."""
WITH_ALLOCATION = "_with_allocation"
"""Added to the name of a predictor whose maps meet the coarse class areas."""


@dataclass
class Tally:
    """Running sums of one row of one task in one place; `hidden` holds the cells whose prior was not shown."""

    joint: np.ndarray = field(default_factory=lambda: np.zeros((N_CLASS,) * 3))
    hidden: np.ndarray = field(default_factory=lambda: np.zeros((N_CLASS,) * 2))
    filtered: np.ndarray = field(default_factory=lambda: np.zeros((N_CLASS,) * 2))
    quantity: list[float] = field(default_factory=list)
    reliability: dict[str, Reliability] = field(default_factory=dict)
    blocks: dict[int, BlockScore] = field(default_factory=dict)
    area: AreaError = field(default_factory=AreaError)

    def add_joint(self, joint: np.ndarray) -> None:
        self.joint += joint
        self.quantity.append(disagreement(joint.sum(axis=0))[0])

    def add_reliability(self, what: str, found: Reliability) -> None:
        self.reliability[what] = self.reliability[what] + found if what in self.reliability else found

    def add_block(self, side: int, found: BlockScore) -> None:
        self.blocks[side] = self.blocks[side] + found if side in self.blocks else found

    def reconstruction(self) -> dict:
        """Scores of maps made from part of the prior."""
        out = {**_agreement(self.joint.sum(axis=0)), "accuracy_filtered": accuracy(self.filtered),
               "mean_iou_filtered": mean_iou(self.filtered)}
        if self.hidden.sum() > 0:
            out |= {f"hidden_{name}": value for name, value in _agreement(self.hidden).items()}
        return {**out, **self._amounts(), **self._calibration()}

    def step(self) -> dict:
        """Scores of maps made from the whole prior."""
        change = change_score(self.joint)
        out = {**_agreement(self.joint.sum(axis=0)), "figure_of_merit": change.figure_of_merit, **change.budget(),
               "producers_accuracy": change.producers_accuracy, "users_accuracy": change.users_accuracy,
               **kappa_simulation(self.joint), "skill": skill(self.joint), **self._amounts(), **self._calibration(),
               "transitions": transitions(self.joint)}
        if self.area.n_cell:
            out |= self.area.scores()
        if self.blocks:
            out["multiresolution"] = {str(side): {"figure_of_merit": score.change.figure_of_merit, **score.change.budget()}
                                      for side, score in sorted(self.blocks.items())}
            out["null_resolution_cells"] = null_resolution(self.blocks)
        return out

    def _amounts(self) -> dict[str, float]:
        quantity = float(np.mean(self.quantity))
        return {"quantity_disagreement": quantity,
                "allocation_disagreement": 1.0 - accuracy(self.joint.sum(axis=0)) - quantity}

    def _calibration(self) -> dict:
        out: dict = {}
        for what, found in self.reliability.items():
            out |= {f"{what}_calibration_error": found.calibration_error, f"{what}_brier": found.brier,
                    f"{what}_reliability": found.table()}
        return out


def _agreement(table: np.ndarray) -> dict[str, float]:
    iou, f1 = class_iou(table), class_f1(table)
    per_class = {f"{what}_{name}": float(value) for what, values in (("iou", iou), ("f1", f1))
                 for name, value in zip(CLASS_NAMES, values, strict=True) if np.isfinite(value)}
    return {"accuracy": accuracy(table), "mean_iou": mean_iou(table), "mean_f1": mean_of_seen(f1), **per_class}


class Place:
    """Part of a region as flat arrays: which cells, their weights and areas, their blocks and driver cells."""

    def __init__(self, data: LandData, cells: np.ndarray) -> None:
        n_row = data.shape[0]
        row = np.flatnonzero(cells.ravel()) // data.shape[1]
        self.cells = np.flatnonzero(cells.ravel())
        self.weight = row_weights(data.row0, n_row, data.n_lat)[row]
        self.area_km2 = cell_area_km2(data.row0, n_row, data.n_lat)[row]
        self.block = {side: self.of(block_numbers(data.shape, side)) for side in BLOCK_CELLS}
        numbers, self.driver = np.unique(self.of(block_numbers(data.shape, data.ratio)), return_inverse=True)
        n_col = -(-data.shape[1] // data.ratio)
        self.driver_row, self.driver_col = numbers // n_col, numbers % n_col
        self.driver_area_km2 = np.bincount(self.driver, weights=self.area_km2)

    def of(self, field: np.ndarray) -> np.ndarray:
        """The place's cells of a field (..., row, col)."""
        return field.reshape(*field.shape[:-2], -1)[..., self.cells]

    def change_km2(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Change of the group areas between two flat class maps, (group, driver cell)."""
        n = len(self.driver_area_km2)
        return group_areas(after, self.area_km2, self.driver, n) - group_areas(before, self.area_km2, self.driver, n)


class Scorer:
    """Sums by (place, task, row) of every map it is shown. A row is a predictor with or without allocation."""

    def __init__(self, data: LandData, split: SplitConfig, driver: DriverTable) -> None:
        self.data, self.driver = data, driver
        self.filtered = without_flicker(data.class_index)
        cells = {"held_out": data.valid & held_out_cells(data, split), "all_land": data.valid}
        self.places = {name: Place(data, mask) for name, mask in cells.items() if mask.any()}
        self.reconstruction: dict[tuple[str, str, str], Tally] = {}
        self.step: dict[tuple[str, str, str], Tally] = {}

    def add_reconstruction(self, task: str, row: str, case: Case, predicted: np.ndarray, probability: np.ndarray) -> None:
        before, observed = (self.data.map_of(year) for year in case.years)
        clean = self.filtered[self.data.years.index(case.years[1])]
        for name, place in self.places.items():
            tally = self.reconstruction.setdefault((name, task, row), Tally())
            truth, made, weight = place.of(observed), place.of(predicted), place.weight
            tally.add_joint(joint_table(place.of(before), truth, made, weight))
            tally.filtered += confusion(place.of(clean), made, weight)
            unseen = ~place.of(case.known)
            tally.hidden += confusion(truth[unseen], made[unseen], weight[unseen])
            tally.add_reliability("class", top_class(place.of(probability), truth, weight))

    def add_step(self, task: str, row: str, years: tuple[int, int], predicted: np.ndarray, probability: np.ndarray | None = None) -> None:
        """`years`: of the observed map the way began with and of the map made; probabilities only if they span the same years."""
        before, observed = (self.data.map_of(year) for year in years)
        clean = [self.filtered[self.data.years.index(year)] for year in years]
        for name, place in self.places.items():
            tally = self.step.setdefault((name, task, row), Tally())
            old, truth, made, weight = place.of(before), place.of(observed), place.of(predicted), place.weight
            tally.add_joint(joint_table(old, truth, made, weight))
            for side, block in place.block.items():
                tally.add_block(side, block_score(old, truth, made, weight, block))
            tally.area.add(place.change_km2(old, made), self._demand(place, years))
            if probability is not None:
                here = place.of(probability)
                tally.add_reliability("class", top_class(here, truth, weight))
                tally.add_reliability("change", of_change(here, old, truth, weight))
            old_clean, truth_clean = (place.of(layer) for layer in clean)
            made_clean = np.where(made == old, old_clean, made)
            self.step.setdefault((name, task + FILTERED, row), Tally()).add_joint(joint_table(old_clean, truth_clean, made_clean, weight))

    def _demand(self, place: Place, years: tuple[int, int]) -> np.ndarray:
        ring = self.driver.ring
        fraction = [self.driver.fraction[year][:, ring + place.driver_row, ring + place.driver_col] for year in years]
        return demanded_change(fraction, place.driver_area_km2)

    def scores(self) -> dict[str, dict[str, dict[str, dict]]]:
        """Nested: place, task, row, score."""
        out: dict = {place: {} for place in self.places}
        for kind in ("reconstruction", "step"):
            for (place, task, row), tally in getattr(self, kind).items():
                out[place].setdefault(task, {})[row] = getattr(tally, kind)()
        return out
