"""lsbc's land in a host's own classes, where water and ice stay the host's own. Knows no file format and no grid."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.classes import CLASS_CODES, STATIC_CLASSES
from lsbc.emulator.hosts.blocks import rows_sum
from lsbc.emulator.hosts.host_classes import LEAST_LAND
from lsbc.emulator.hosts.year_file import Cells, YearFile

_SPARSE = CLASS_CODES.index(66)


def land_shares(year: YearFile, cells: Cells, ice_of_land: np.ndarray) -> np.ndarray:
    """Shares of lsbc's classes in the part of a cell that is neither water nor the host's ice.

    HILDA+ counts ice among class 66, so the host's ice is taken from that class first. What is left must be `LEAST_LAND` of the cell: less decides nothing.

    Args:
        ice_of_land: (n,), share of the host's land that is ice, not negative.
    Returns:
        (8, n) in the order of `classes.CLASS_CODES`; columns sum to 1, or are all 0 where lsbc has no such land or does not cover the cell.
    """
    share = year.lu_frac(cells)
    share[list(STATIC_CLASSES)] = 0.0
    land = rows_sum(share)
    share = relative(share)
    share[_SPARSE] = np.maximum(share[_SPARSE] - ice_of_land, 0.0)
    share[:, rows_sum(share) * land < LEAST_LAND] = 0.0
    return relative(share)


def relative(parts: np.ndarray) -> np.ndarray:
    """Columns of (n_part, n), not negative, divided by their sums; all 0 where there is nothing; a cell's bits are its own."""
    total = rows_sum(parts)
    return parts / np.where(total > 0.0, total, 1.0)
