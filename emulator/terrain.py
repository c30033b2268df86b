"""Slope and aspect from elevation on the fine lattice. Knows arrays only; a cell's values depend on its four neighbours alone."""

from __future__ import annotations

import numpy as np

METRES_PER_DEGREE = 6_371_229.0 * np.pi / 180.0


def slope_and_northness(elevation_m: np.ndarray, valid: np.ndarray, row0: int, n_lat: int) -> tuple[np.ndarray, np.ndarray]:
    """Steepness of each cell and how far it faces north, from central differences (Horn 1981 without the corners).

    Args:
        elevation_m, valid: (row + 2, col + 2), one cell more than asked for on every side, rows south to north.
        row0: global row of the first cell asked for.  n_lat: rows of the globe.
    Returns:
        slope [m m-1] and cosine of the aspect (1 north, -1 south, 0 flat), float32 (row, col). A neighbour that is not
        valid counts as level with the cell; cells that are not valid get 0.
    """
    centre = elevation_m[1:-1, 1:-1].astype(np.float64)
    here = valid[1:-1, 1:-1]

    def neighbour(rows: slice, cols: slice) -> np.ndarray:
        return np.where(valid[rows, cols], elevation_m[rows, cols], centre)

    inner, spacing_deg = slice(1, -1), 180.0 / n_lat
    lat_rad = np.deg2rad(-90.0 + (row0 + np.arange(centre.shape[0]) + 0.5) * spacing_deg)
    step_m = spacing_deg * METRES_PER_DEGREE
    north = (neighbour(slice(2, None), inner) - neighbour(slice(None, -2), inner)) / (2.0 * step_m)
    east = (neighbour(inner, slice(2, None)) - neighbour(inner, slice(None, -2))) / (2.0 * step_m * np.cos(lat_rad))[:, None]
    north, east = np.where(here, north, 0.0), np.where(here, east, 0.0)
    slope = np.sqrt(north * north + east * east)
    northness = np.divide(-north, slope, out=np.zeros_like(slope), where=slope > 0.0)
    return slope.astype(np.float32), northness.astype(np.float32)
