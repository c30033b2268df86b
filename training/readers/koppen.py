"""Koeppen-Geiger maps of Beck et al. (30 classes) or of main classes, as main class 1 to 5. Knows no periods: `since` is the store's."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.classes import NO_DATA
from lsbc.training.readers.legends import KOPPEN_BECK, KOPPEN_MAIN, decoder
from lsbc.training.readers.raster import Raster
from lsbc.training.readers.resample import majority_codes
from lsbc.training.readers.window import Window

LEGENDS = {"beck30": KOPPEN_BECK, "main": KOPPEN_MAIN}


def main_class(raster: Raster, window: Window, legend: str = "beck30") -> np.ndarray:
    """Main class (uint8) with the largest share of each cell: 1 A, 2 B, 3 C, 4 D, 5 E, 0 none."""
    code = majority_codes(raster, window, decoder(LEGENDS[legend], f"Koeppen-Geiger, legend '{legend}'"))
    code[code == NO_DATA] = 0
    return code
