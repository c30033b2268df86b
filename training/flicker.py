"""Takes short reversals (A -> B -> A) out of yearly class maps. Looks at the maps alone, never at a prediction.

A visit is a run of years of one class B with the same other class A in the year before and the year after. Visits shorter
than `years` become A: those of one year first, then those of two, and so on; within a length from the earliest on, each on
what the earlier ones left. A run that touches the first or the last year is no visit, because nobody knows what surrounds
it; a run between two different classes is a change that lasted. Cells without data in some year stay as they are.
"""

from __future__ import annotations

import numpy as np

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import ConfigError

YEARS = 3
"""A visit must last this long to count as a change: 2 of 3 changes in HILDA+ over Europe are reversals of at most 2 years."""


def without_flicker(class_index: np.ndarray, years: int = YEARS) -> np.ndarray:
    """The maps (year, row, col) with every visit shorter than `years` removed; the input is left as it is.

    >>> without_flicker(np.array([2, 4, 4, 2, 2, 4], np.uint8)[:, None, None]).ravel().tolist()
    [2, 2, 2, 2, 2, 4]
    """
    if years < 1:
        raise ConfigError(f"A visit must be allowed at least 1 year, got years = {years}.")
    out = class_index.copy()
    complete = (class_index != NO_DATA).all(axis=0)
    for length in range(1, years):
        for start in range(1, len(out) - length):
            around, inside = out[start - 1], out[start]
            visit = complete & (around == out[start + length]) & (inside != around)
            for later in range(start + 1, start + length):
                visit &= out[later] == inside
            out[start:start + length, visit] = around[visit]
    return out
