"""Which class became which within a year, on host cells. Knows class maps and their fractions; no ranks and no files."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES, N_CLASS, NO_DATA
from lsbc.emulator.fields import FILL, FieldInfo
from lsbc.emulator.gate import CLOSURE_TOLERANCE
from lsbc.regrid.errors import InternalError

N_PAIR = N_CLASS * N_CLASS
INFO = FieldInfo("transitions", "area_fraction", "area that changed class, share of the cell by last year's class and this year's; unchanged on the diagonal", "1", "out",
                 levels=tuple(f"{old}.{new}" for old in CLASS_NAMES for new in CLASS_NAMES), axes=(("from_class", N_CLASS), ("to_class", N_CLASS)))
"""Level 8 i + j is the area that went from class i to class j."""


def pairs(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """8 * last year's class + this year's, uint8 in any shape; `NO_DATA` where there is none."""
    return np.where((before == NO_DATA) | (now == NO_DATA), NO_DATA, before * N_CLASS + now).astype(np.uint8)


def transition_field(fraction_of_pair: np.ndarray, by_class: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """The field, (64, n_cell), `FILL` in cells that are not covered.

    Args:
        fraction_of_pair: (n_cell, 64) of the covered area, by `pairs`.  by_class: this year's class fractions, (8, n_cell).
    Raises:
        InternalError: what came to a class and stayed in it is not its area this year (the output gate).
    """
    out = np.ascontiguousarray(fraction_of_pair.T)
    arrived = out.reshape(N_CLASS, N_CLASS, -1).sum(axis=0)
    off = np.abs(arrived - by_class)[:, covered]
    if not (off <= CLOSURE_TOLERANCE).all():
        raise InternalError(f"Transitions give this year's class fractions only within {off.max():.3g}.")
    out[:, ~covered] = FILL
    return out


def unknown(n_cell: int) -> np.ndarray:
    """The field in a year without a year before it."""
    return np.full((N_PAIR, n_cell), FILL)
