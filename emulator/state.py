"""The only state of a coupled run: last year's 1 km map and the driver fractions it was made with. Holds arrays, computes nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class State:
    """Result of one year on one rank; replaced whole when a year is committed, never changed in place."""

    year: int
    core: np.ndarray
    """Class index on this rank's tile cores, uint8 (n_tile, core, core), in the order of the plan's tiles."""
    driver: np.ndarray
    """Driver group fractions of `year`, float64 (n_driver_cell, 6), rows as in the plan's `driver_cell`."""
    carry: np.ndarray
    """Change demanded by the coarse fractions that whole fine cells could not express, in fine cells, float64
    (n_tile, b, b, 5) for the b x b driver cells of each core; zero without allocation."""
    fields: dict[str, np.ndarray]
    """Boundary fields on all cells the host passed, as `boundary_fields` returns them."""
    by_spare: np.ndarray
    """Which of this rank's tiles were computed this year by the device that stands in for a lost one, bool (n_tile,)."""
    before: np.ndarray | None = None
    """Last year's `core`, where transitions are wanted and there was a last year."""
    dropped_cells: float = 0.0
    """Change demanded this year that the map could not make on this rank's tiles, in fine cells."""
