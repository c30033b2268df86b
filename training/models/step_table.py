"""One row for each change the driver asks for: a cell, and a class it could become. Knows no model and no target map.

A driver cell whose forest shrinks while its cropland grows makes a row of every forest cell and the class cropland;
a model then says which of them change. Where nothing is asked for there are no rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES, GROUPS, N_CLASS, NO_DATA, OCEAN, STATIC_CLASSES
from lsbc.training.cases import Case
from lsbc.training.driver import GROUP_OF_CLASS
from lsbc.training.models.features import CLASSES, DENSITY_RADII, static_features, surroundings
from lsbc.training.models.neighbourhood import shown_planes, weighted_sum
from lsbc.training.predict import Region

TARGETS = tuple(index for index in CLASSES if index not in STATIC_CLASSES)
LEAST_DEMAND_CELLS = 0.25
"""A driver cell that asks for less change of a group than this asks for none."""
_PLAIN_RADII = (1, 3, 15)


@dataclass(frozen=True)
class StepTable:
    """features (row, feature) float32 with their names; cell: flat index of each row's cell; own, target: its classes."""

    names: tuple[str, ...]
    features: np.ndarray
    cell: np.ndarray
    own: np.ndarray
    target: np.ndarray


def wanted_cells(region: Region, years: tuple[int, int]) -> np.ndarray:
    """Fine cells each group shall gain in each driver cell of the region, float64 (group, driver row, driver col)."""
    data, driver = region.data, region.driver
    n_row, n_col = data.shape[0] // data.ratio, data.shape[1] // data.ratio
    row, col = data.row0 // data.ratio - driver.row0, data.col0 // data.ratio - driver.col0
    place = (slice(row, row + n_row), slice(col, col + n_col))
    delta = np.where(driver.valid, driver.fraction[years[1]] - driver.fraction[years[0]], 0.0)[:, *place]
    count = data.valid.reshape(n_row, data.ratio, n_col, data.ratio).sum(axis=(1, 3))
    return delta * count


def _candidates(prior: np.ndarray, asked: np.ndarray, block: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(cell, own class, target class) of every change asked for; `asked` is (group, driver cell), `block` a cell's driver cell."""
    flat = prior.ravel()
    inside = np.flatnonzero(flat != NO_DATA)
    own = flat[inside]
    movable = inside[(asked[GROUP_OF_CLASS[own], block[inside]] < -LEAST_DEMAND_CELLS) & ~np.isin(own, STATIC_CLASSES)]
    cells = [movable[asked[GROUP_OF_CLASS[target], block[movable]] > LEAST_DEMAND_CELLS] for target in TARGETS]
    cell = np.concatenate(cells)
    return cell, flat[cell].astype(np.int64), np.repeat(TARGETS, [len(part) for part in cells])


def _demand_features(asked: np.ndarray, prior: np.ndarray, block: np.ndarray,
                     rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """How much is asked for, against how much there is, in the driver cell of each row (cell, own class, target class)."""
    cell, own, target = rows
    here = block[cell]
    flat = prior.ravel()
    inside = flat != NO_DATA
    count = np.bincount(block[inside] * N_CLASS + flat[inside], minlength=asked.shape[1] * N_CLASS).reshape(-1, N_CLASS)
    gain, loss = asked[GROUP_OF_CLASS[target], here], -asked[GROUP_OF_CLASS[own], here]
    return {"gain": gain, "loss": loss, "own_cells": count[here, own], "target_cells": count[here, target],
            "rate": np.minimum(gain, loss) / np.maximum(count[here, own], 1),
            "growth": gain / np.maximum(count[here, target], 1),
            "groups_gaining": (asked[:, here] > LEAST_DEMAND_CELLS).sum(axis=0),
            "groups_losing": (asked[:, here] < -LEAST_DEMAND_CELLS).sum(axis=0)}


def step_table(region: Region, case: Case) -> StepTable:
    """The table of a case whose whole prior is known."""
    data = region.data
    n_block = data.shape[1] // data.ratio
    block = ((np.arange(data.shape[0]) // data.ratio)[:, None] * n_block + np.arange(data.shape[1]) // data.ratio).ravel()
    asked = wanted_cells(region, case.years).reshape(len(GROUPS), -1)
    cell, own, target = _candidates(case.prior, asked, block)
    near = surroundings(case)
    planes = shown_planes(case)
    columns: dict[str, np.ndarray] = {"own": own, "target": target}
    for name, field in (("weighted2", weighted_sum(planes, 2)), *((f"near{radius}", _of_classes(near, f"near{radius}"))
                                                                for radius in DENSITY_RADII)):
        columns |= {f"{name}.of_target": field.reshape(N_CLASS, -1)[target, cell], f"{name}.of_own": field.reshape(N_CLASS, -1)[own, cell]}
    columns["distance.of_target"] = _of_classes(near, "distance").reshape(N_CLASS, -1)[target, cell]
    plain = {name: near[name] for name in near if name.split(".")[0] in (*(f"near{r}" for r in _PLAIN_RADII), "distance")}
    columns |= {name: field.ravel()[cell] for name, field in {**plain, **static_features(data, min(case.years))}.items()}
    columns |= _demand_features(asked, case.prior, block, (cell, own, target))
    features = np.stack([np.asarray(column, np.float32) for column in columns.values()], axis=1)
    return StepTable(tuple(columns), features, cell, own, target)


def _of_classes(near: dict[str, np.ndarray], family: str) -> np.ndarray:
    """The planes of one family for every class, (class, row, col); ocean, which counts as water, has 0."""
    planes = [near.get(f"{family}.{name}") for name in CLASS_NAMES]
    return np.stack([np.zeros_like(planes[OCEAN + 1]) if plane is None else plane for plane in planes])
