"""First land-use map, coarse states and their change in the demonstration. Knows class codes and fractions, no files or host grids."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.classes import LUH2_STATES, NO_DATA
from lsbc.training.readers.legends import IGBP_TO_HILDA

FINE_PER_IGBP = 6
"""30 arc second cells along one side of a 0.05 degree cell."""

CODE_TO_STATE = {11: "urban", 22: "c3ann", 33: "pastr", 40: "secdf", 55: "secdn", 66: "primn"}
"""HILDA+ code -> LUH2 state. Water and ocean have none: they are what the states leave of 1."""

URBAN_GROWTH_PER_YEAR = 0.02
FOREST_GROWTH_PER_YEAR = 0.001


def hilda_codes(igbp: np.ndarray) -> np.ndarray:
    """IGBP classes -> HILDA+ codes (uint8); 255 stays no data; raises ValueError naming a class without a row."""
    table = np.zeros(256, np.uint8)
    table[NO_DATA] = NO_DATA
    for igbp_class, (code, _) in IGBP_TO_HILDA.items():
        table[igbp_class] = code
    unknown = np.setdiff1d(igbp, [*IGBP_TO_HILDA, NO_DATA])
    if unknown.size:
        raise ValueError(f"IGBP class {int(unknown[0])} has no HILDA+ code")
    return table[igbp]


def first_prior(codes_igbp_grid: np.ndarray, land_fine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Land use and its `known` mask on the 30 arc second lattice from a 0.05 degree map.

    Each fine cell takes the code of the 0.05 degree cell it lies in; where the land mask says sea it is 0.
    Known are the 3 x 3 cells in the middle of each 0.05 degree cell (a quarter), water and ocean. The rest is for the network.
    """
    codes = np.repeat(np.repeat(codes_igbp_grid, FINE_PER_IGBP, axis=0), FINE_PER_IGBP, axis=1)
    codes[land_fine == 0] = 0
    known = np.isin(codes, (0, 77)).astype(np.uint8)
    inside = np.abs(np.arange(FINE_PER_IGBP) - FINE_PER_IGBP // 2) <= 1
    known[np.tile(np.outer(inside, inside), codes_igbp_grid.shape)] = 1
    return codes, known


def states_of_map(codes: np.ndarray, lat_deg: np.ndarray, block: int) -> np.ndarray:
    """LUH2 states of driver cells from a class map: (12, rows, columns), area fractions of the cells with data; NaN where none has.

    A lattice cell's area goes with the cosine of its centre latitude (exact within one lattice).
    """
    area = np.broadcast_to(np.cos(np.radians(lat_deg))[:, None], codes.shape)
    valid = _block_sum(area * (codes != NO_DATA), block)
    states = np.zeros((len(LUH2_STATES), *valid.shape))
    with np.errstate(invalid="ignore", divide="ignore"):
        for code, state in CODE_TO_STATE.items():
            states[LUH2_STATES.index(state)] = _block_sum(area * (codes == code), block) / valid
    states[:, valid == 0] = np.nan
    return states


def _block_sum(values: np.ndarray, block: int) -> np.ndarray:
    n_row, n_col = values.shape
    return values.reshape(n_row // block, block, n_col // block, block).sum(axis=(1, 3))


def next_year(states: np.ndarray) -> np.ndarray:
    """States (12, ...) one year on, a simple extrapolation that keeps their sum.

    Urban land u grows by 2 % of u (1 - u), out of cropland first and pasture after that; forest grows by 0.1 %
    of itself out of pasture. No state goes below 0: growth stops where nothing is left to take.
    """
    after = states.copy()
    urban, crop, pasture, forest = (LUH2_STATES.index(name) for name in ("urban", "c3ann", "pastr", "secdf"))
    wanted = URBAN_GROWTH_PER_YEAR * after[urban] * (1 - after[urban])
    from_crop = np.minimum(wanted, after[crop])
    from_pasture = np.minimum(wanted - from_crop, after[pasture])
    after[urban] += from_crop + from_pasture
    after[crop] -= from_crop
    after[pasture] -= from_pasture
    regrown = np.minimum(FOREST_GROWTH_PER_YEAR * after[forest], after[pasture])
    after[forest] += regrown
    after[pasture] -= regrown
    return after


def scenario(first: np.ndarray, n_year: int) -> np.ndarray:
    """States of `n_year` years, (n_year, 12, ...), the first as given."""
    years = [first]
    while len(years) < n_year:
        years.append(next_year(years[-1]))
    return np.stack(years)
