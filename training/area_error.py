"""Change of class areas a map makes beside the change the driver asks for, per driver cell, in km2. Knows no predictor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lsbc.emulator.classes import GROUPS, N_GROUP
from lsbc.training.driver import GROUP_OF_CLASS

EARTH_RADIUS_KM = 6371.0


def cell_area_km2(row0: int, n_row: int, n_lat: int) -> np.ndarray:
    """Area of a cell of each global fine row on a sphere, (row,)."""
    edge = np.deg2rad(-90.0 + (row0 + np.arange(n_row + 1)) * (180.0 / n_lat))
    return EARTH_RADIUS_KM**2 * np.deg2rad(180.0 / n_lat) * np.diff(np.sin(edge))


def group_areas(class_index: np.ndarray, area: np.ndarray, driver: np.ndarray, n_driver: int) -> np.ndarray:
    """Area of each group in each driver cell, (group, driver cell); flat arrays, `driver` numbers each cell's driver cell."""
    pair = GROUP_OF_CLASS[class_index] * n_driver + driver
    return np.bincount(pair, weights=area, minlength=N_GROUP * n_driver).reshape(N_GROUP, n_driver)


@dataclass
class AreaError:
    """Running maximum and mean of |made change - demanded change| over driver cells and maps."""

    largest: np.ndarray = field(default_factory=lambda: np.zeros(N_GROUP))
    total: np.ndarray = field(default_factory=lambda: np.zeros(N_GROUP))
    n_cell: int = 0

    def add(self, made: np.ndarray, demanded: np.ndarray) -> None:
        """Both (group, driver cell), km2."""
        off = np.abs(made - demanded)
        self.largest = np.maximum(self.largest, off.max(axis=1, initial=0.0))
        self.total += off.sum(axis=1)
        self.n_cell += off.shape[1]

    def scores(self) -> dict[str, float]:
        """Over the groups: the largest error and the mean; then the two of each group."""
        mean = self.total / self.n_cell if self.n_cell else np.full(N_GROUP, np.nan)

        def named(values: np.ndarray, what: str) -> dict[str, float]:
            return {f"area_error_{what}_km2_{group}": float(value) for group, value in zip(GROUPS, values, strict=True)}

        return {"area_error_max_km2": float(self.largest.max()), "area_error_mean_km2": float(mean.mean()),
                **named(self.largest, "max"), **named(mean, "mean")}


def demanded_change(fraction: Sequence[np.ndarray], area: np.ndarray) -> np.ndarray:
    """Change of area between the driver's fractions (group, driver cell) of two years, given the area with data (driver cell,)."""
    return (fraction[1] - fraction[0]) * area
