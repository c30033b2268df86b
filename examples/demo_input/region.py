"""A box of whole driver cells and where it lies in global rasters. Knows degrees and indices only, no data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRIVER_CELLS_PER_DEG = 4
FINE_CELLS_PER_DEG = 120


@dataclass(frozen=True)
class Region:
    """Edges in degrees, each on a line of the 0.25 degree driver lattice.

    >>> Region(8.0, 14.0, 46.0, 50.0).shape(FINE_CELLS_PER_DEG)
    (480, 720)
    """

    west_deg: float
    east_deg: float
    south_deg: float
    north_deg: float

    def __post_init__(self) -> None:
        edges = (self.west_deg, self.east_deg, self.south_deg, self.north_deg)
        if any(edge * DRIVER_CELLS_PER_DEG != round(edge * DRIVER_CELLS_PER_DEG) for edge in edges):
            raise ValueError(f"region edges must be multiples of 0.25 degrees, got {edges}")
        if not (-180 <= self.west_deg < self.east_deg <= 180 and -90 <= self.south_deg < self.north_deg <= 90):
            raise ValueError(f"region edges must run west < east and south < north, got {edges}")

    def shape(self, cells_per_deg: int) -> tuple[int, int]:
        """Rows and columns of the region on a lattice with so many cells a degree."""
        return (
            round((self.north_deg - self.south_deg) * cells_per_deg),
            round((self.east_deg - self.west_deg) * cells_per_deg),
        )

    def window(self, cells_per_deg: int) -> tuple[slice, slice]:
        """Rows and columns inside a global raster whose first row lies at the north pole."""
        n_row, n_col = self.shape(cells_per_deg)
        row = round((90 - self.north_deg) * cells_per_deg)
        col = round((self.west_deg + 180) * cells_per_deg)
        return slice(row, row + n_row), slice(col, col + n_col)

    def lat_deg(self, cells_per_deg: int) -> np.ndarray:
        """Cell centres, south to north."""
        return self.south_deg + (np.arange(self.shape(cells_per_deg)[0]) + 0.5) / cells_per_deg

    def lon_deg(self, cells_per_deg: int) -> np.ndarray:
        """Cell centres, west to east."""
        return self.west_deg + (np.arange(self.shape(cells_per_deg)[1]) + 0.5) / cells_per_deg

    def cell_ids(self, cells_per_deg: int) -> np.ndarray:
        """Global ids of the region's cells, in its own shape: row * columns + column, rows from the south pole."""
        n_row, n_col = self.shape(cells_per_deg)
        rows = np.arange(n_row, dtype=np.int64) + round((self.south_deg + 90) * cells_per_deg)
        cols = np.arange(n_col, dtype=np.int64) + round((self.west_deg + 180) * cells_per_deg)
        return rows[:, None] * (360 * cells_per_deg) + cols
