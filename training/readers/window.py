"""A window of a global lattice, the place every reader delivers to. Knows degrees and indices, no files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid.lattice import Lattice


@dataclass(frozen=True)
class Window:
    """n_row x n_col cells of a lattice from (row0, col0); rows run south to north."""

    lattice: Lattice
    row0: int
    col0: int
    n_row: int
    n_col: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.n_row, self.n_col

    @property
    def lat_edges_deg(self) -> np.ndarray:
        """The n_row + 1 cell edges from the south."""
        return self.lattice.lat_edge_deg(self.row0 + np.arange(self.n_row + 1))

    @property
    def lon_edges_deg(self) -> np.ndarray:
        """The n_col + 1 cell edges from the west."""
        return self.lattice.lon_edge_deg(self.col0 + np.arange(self.n_col + 1))
