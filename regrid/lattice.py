"""Global longitude-latitude lattices: regular cells, numbered. Knows no ranks, no files and no land use.

Rows run from the south pole to the north, columns eastwards from -180 degrees; a cell's global id is row * n_lon + col.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid.errors import GridError


@dataclass(frozen=True)
class Lattice:
    """Regular cells over the whole globe.

    >>> Lattice(720, 1440).row_col(1441)
    (1, 1)
    """

    n_lat: int
    n_lon: int

    def __post_init__(self) -> None:
        if self.n_lat < 1 or self.n_lon < 1:
            raise GridError(f"A lattice needs one cell or more each way, got {self.n_lat} x {self.n_lon}.")

    @property
    def spacing_deg(self) -> float:
        return 180.0 / self.n_lat

    @property
    def n_cell(self) -> int:
        return self.n_lat * self.n_lon

    def cell_id(self, row, col):
        """Global id, int64 for arrays; `col` may run past either edge of the map."""
        if np.isscalar(row) and np.isscalar(col):
            return int(row) * self.n_lon + int(col) % self.n_lon
        return np.asarray(row, np.int64) * self.n_lon + np.asarray(col, np.int64) % self.n_lon

    def row_col(self, cell_id):
        """(row, column) of global ids."""
        return divmod(int(cell_id), self.n_lon) if np.isscalar(cell_id) else divmod(np.asarray(cell_id, np.int64), self.n_lon)

    def lon_edge_deg(self, col):
        """Western edge of a column; the same double for the same meridian in every lattice, exact at multiples of spacing."""
        return (2 * np.asarray(col, np.int64) - self.n_lon) * 180 / self.n_lon

    def lat_edge_deg(self, row):
        """Southern edge of a row."""
        return (2 * np.asarray(row, np.int64) - self.n_lat) * 90 / self.n_lat

    def lon_centre_deg(self, col):
        return (2 * np.asarray(col, np.int64) + 1 - self.n_lon) * 180 / self.n_lon

    def lat_centre_deg(self, row):
        return (2 * np.asarray(row, np.int64) + 1 - self.n_lat) * 90 / self.n_lat

    def cell_area_sr(self, row):
        """dlon (sin north - sin south), as 2 dlon sin(colatitude) sin(dlat / 2) so that small cells keep all digits."""
        half_row = 2 * np.asarray(row, np.int64) + 1
        colat = np.minimum(half_row, 2 * self.n_lat - half_row) * (np.pi / (2 * self.n_lat))
        return (4 * np.pi / self.n_lon) * np.sin(colat) * np.sin(np.pi / (2 * self.n_lat))

    def refine(self, k: int) -> Lattice:
        """The lattice with k x k cells in each of these."""
        if k < 1:
            raise GridError(f"A lattice is refined by 1 or more, got {k}.")
        return Lattice(self.n_lat * k, self.n_lon * k)
