"""The land-use classes inside lsbc and the LUH2 states they are driven by. Knows names and codes only, no arrays of maps.

Classes are those of HILDA+ v1.0 with the forest types merged; the index is the position below.
LUH2 states are grouped because the class map cannot tell, e.g., annual from perennial crops.
"""

from __future__ import annotations

import numpy as np

CLASS_SYSTEM = "HILDA+ merged"
CLASS_VERSION = "1.0"
CLASS_CODES = (0, 11, 22, 33, 40, 55, 66, 77)
CLASS_NAMES = ("ocean", "urban", "cropland", "pasture", "forest", "grass_shrub", "sparse", "water")
N_CLASS = len(CLASS_CODES)
OCEAN, WATER = 0, 7
STATIC_CLASSES = (OCEAN, WATER)
FIRST_DYNAMIC, AFTER_DYNAMIC = OCEAN + 1, WATER
"""Classes the network may give to a cell: all between ocean (first) and water (last)."""
NO_DATA = 255
"""Marks a fine cell outside the data, in class maps of dtype uint8."""

LUH2_STATES = ("primf", "primn", "secdf", "secdn", "urban", "c3ann", "c4ann", "c3per", "c4per", "c3nfx", "pastr", "range")

GROUP_STATES = {
    "urban": ("urban",),
    "cropland": ("c3ann", "c4ann", "c3per", "c4per", "c3nfx"),
    "pasture": ("pastr", "range"),
    "forest": ("primf", "secdf"),
    "nonforest": ("primn", "secdn"),
}
"""Driver groups and the LUH2 states summed into each; `other` is what is left of 1 (water, ice, ocean)."""
GROUPS = (*GROUP_STATES, "other")
N_GROUP = len(GROUPS)

CLASS_GROUP = {"urban": "urban", "cropland": "cropland", "pasture": "pasture", "forest": "forest",
               "grass_shrub": "nonforest", "sparse": "nonforest", "water": "other", "ocean": "other"}
"""Class name -> driver group, used to aggregate a class map to driver fractions."""

FOREST_SUBTYPES = (41, 42, 43, 44, 45)
"""HILDA+ forest subtypes, read as 40. Codes 23 and 24 exist only in v2.1 and are refused."""


def index_of_codes(codes: np.ndarray) -> np.ndarray:
    """HILDA+ codes -> class index (uint8), `NO_DATA` for 99 and 255; raises ValueError naming the first unknown code."""
    table = np.full(256, 254, np.uint8)
    table[list(CLASS_CODES)] = np.arange(N_CLASS, dtype=np.uint8)
    table[list(FOREST_SUBTYPES)] = CLASS_CODES.index(40)
    table[[99, NO_DATA]] = NO_DATA
    index = table[np.asarray(codes, np.uint8)]
    if (index == 254).any():
        bad = int(np.asarray(codes)[index == 254].flat[0])
        raise ValueError(f"class code {bad} is not one of {CLASS_SYSTEM} v{CLASS_VERSION} {CLASS_CODES}")
    return index
