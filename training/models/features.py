"""What a table-based model is told of each cell: the network's channels, and what surrounds the cell. Knows no model.

Every number of a cell is computed from the case's shown cells, the driver and the statics; hidden cells are left out.
"""

from __future__ import annotations

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES, N_CLASS, OCEAN
from lsbc.training.cases import Case
from lsbc.training.data import LandData
from lsbc.training.models.inputs import region_channels
from lsbc.training.models.neighbourhood import box_sum, shown_planes
from lsbc.training.predict import Region

DENSITY_RADII = (1, 3, 7, 15)
RELIEF_RADII = (3, 7, 15, 31)
MEAN_RADII = (3, 7, 15)
FAR_CELLS = 200.0
"""Distance given where no cell of a class is known, or the nearest is farther."""
CLASSES = tuple(index for index in range(N_CLASS) if index != OCEAN)


def around(planes: np.ndarray, radius: int) -> np.ndarray:
    """Sum over the neighbours within `radius` rows and columns, the cell itself left out."""
    return box_sum(planes, radius) - planes


def mean_around(field: np.ndarray, radius: int) -> np.ndarray:
    """Mean over the (2 radius + 1)^2 cells around each cell that have a number; NaN where none has."""
    there = np.isfinite(field)
    count = box_sum(there.astype(np.float32), radius)
    total = box_sum(np.where(there, field, 0.0), radius)
    return np.where(count > 0.5, total / np.maximum(count, 1.0), np.nan).astype(np.float32)


def shown_densities(planes: np.ndarray, radius: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of each class among the known neighbours (class, row, col), 0 where none is known; and the number of those."""
    near = around(planes, radius)
    count = near.sum(axis=0)
    return near / np.maximum(count, 1.0), count


def distances(planes: np.ndarray) -> np.ndarray:
    """Cells to the nearest known cell of each class (class, row, col), at most FAR_CELLS."""
    from scipy.ndimage import distance_transform_edt

    far = np.full(planes.shape[1:], FAR_CELLS, np.float32)
    return np.stack([np.minimum(distance_transform_edt(plane == 0), FAR_CELLS).astype(np.float32) if plane.any() else far
                     for plane in planes])


def static_features(data: LandData, year: int) -> dict[str, np.ndarray]:
    """Terrain and dated fields of a year with their means around each cell; NaN where unknown."""
    height = np.asarray(data.elevations[0], np.float32)
    slope = np.hypot(*np.gradient(height)).astype(np.float32)
    out = {"elevation": height, "slope": slope, "koppen": np.asarray(data.koppen, np.float32),
           **{f"relief{radius}": height - mean_around(height, radius) for radius in RELIEF_RADII},
           **{f"slope{radius}": mean_around(slope, radius) for radius in MEAN_RADII}}
    for name in data.dated:
        field = data.dated_field(name, year)
        field = np.full(data.shape, np.nan, np.float32) if field is None else np.asarray(field, np.float32)
        out[name] = field
        out |= {f"{name}{radius}": mean_around(field, radius) for radius in MEAN_RADII}
    return out


def surroundings(case: Case) -> dict[str, np.ndarray]:
    """Densities, known cells and distances around each cell, by name: near1.forest, known1, distance.forest."""
    planes = shown_planes(case)
    out: dict[str, np.ndarray] = {}
    for radius in DENSITY_RADII:
        near, count = shown_densities(planes, radius)
        out |= {f"near{radius}.{CLASS_NAMES[index]}": near[index] for index in CLASSES}
        out[f"known{radius}"] = count / ((2 * radius + 1) ** 2 - 1)
    apart = distances(planes)
    return out | {f"distance.{CLASS_NAMES[index]}": apart[index] for index in CLASSES}


def cell_features(region: Region, case: Case) -> dict[str, np.ndarray]:
    """Everything, by name, each float32 (row, col); the network's channels keep their names."""
    return {**region_channels(region, case), **surroundings(case), **static_features(region.data, min(case.years))}
