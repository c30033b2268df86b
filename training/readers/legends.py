"""What the class codes of each product mean in HILDA+ codes, one table a product. Knows numbers only, no files."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import ValueRangeError
from lsbc.training.readers.raster import Piece

_UNKNOWN = 254

_HILDA_1 = {0: 0, 11: 11, 22: 22, 33: 33, **{code: 40 for code in range(40, 46)}, 55: 55, 66: 66, 77: 77, 99: NO_DATA}
HILDA = {
    "1.0": _HILDA_1,
    "2.0": _HILDA_1,
    "2.1": {**_HILDA_1, 23: 22, 24: 22},
}
"""HILDA+ version -> its codes. v2.1 splits cropland into annual crops (22), tree crops (23) and agroforestry (24): all three are
cropland again here, as in the other versions and as in LUH2's c3per and c4per. Forest subtypes 41 to 45 are forest."""

_ESA_LEVEL_1 = {0: NO_DATA, 10: 22, 20: 22, 30: 22, 40: 55, 50: 40, 60: 40, 70: 40, 80: 40, 90: 40, 100: 40, 110: 33, 120: 55, 130: 33,
                140: 55, 150: 66, 160: 40, 170: 40, 180: 55, 190: 11, 200: 66, 210: 77, 220: 66}
_ESA_LEVEL_2 = (11, 12, 61, 62, 71, 72, 81, 82, 121, 122, 151, 152, 153, 201, 202)
ESA_CCI = {**_ESA_LEVEL_1, **{code: _ESA_LEVEL_1[code // 10 * 10] for code in _ESA_LEVEL_2}}
"""ESA CCI / C3S land cover (LCCS) -> HILDA+ code; a level 2 code means what its level 1 code does. Grassland and herbaceous mosaics
are taken for pasture, crop mosaics for cropland: a cover map does not know use. 210 is all water, the ocean too."""

IGBP_TO_HILDA = {
    0: (77, "water bodies (MCD12C1 codes water as 0)"),
    1: (40, "evergreen needleleaf forest"),
    2: (40, "evergreen broadleaf forest"),
    3: (40, "deciduous needleleaf forest"),
    4: (40, "deciduous broadleaf forest"),
    5: (40, "mixed forest"),
    6: (55, "closed shrubland"),
    7: (55, "open shrubland"),
    8: (40, "woody savanna: 30-60 % tree cover, over the 10 % from which forest is counted in land-use statistics"),
    9: (33, "savanna: 10-30 % tree cover over grass; meadows and pastures with trees and hedges in Europe"),
    10: (33, "grassland: in Europe meadow and alpine pasture, hardly any of it unused"),
    11: (55, "permanent wetland: herbaceous, unused"),
    12: (22, "cropland"),
    13: (11, "urban and built-up land"),
    14: (22, "cropland and natural vegetation mosaic: 40-60 % small-scale cultivation"),
    15: (66, "permanent snow and ice: HILDA+ keeps it with sparse and bare land"),
    16: (66, "barren, under 10 % vegetation"),
    17: (77, "water bodies (code of MCD12Q1)"),
}
"""IGBP class -> HILDA+ code and the reason. 255 (unclassified) has no row: it is no data."""
IGBP = {**{igbp: code for igbp, (code, _) in IGBP_TO_HILDA.items()}, 255: NO_DATA}

KOPPEN_BECK = {0: 0, **{code: main for main, codes in ((1, range(1, 4)), (2, range(4, 8)), (3, range(8, 17)), (4, range(17, 29)),
                                                       (5, range(29, 31))) for code in codes}}
"""Beck's 30 classes (1 Af ... 30 EF) -> main class 1 A tropical, 2 B arid, 3 C temperate, 4 D cold, 5 E polar; 0 none."""
KOPPEN_MAIN = {code: code for code in range(6)}
MASK = {0: 0, 1: 1}


def decoder(legend: Mapping[int, int], what: str) -> Callable[[Piece], np.ndarray]:
    """Turns a file's codes (whole numbers of any type, floats with NaN, signed bytes) into the legend's; others are an error.

    A value the legend does not hold is NO_DATA if the file declares it missing.
    """
    base = np.full(256, _UNKNOWN, np.uint8)
    for code, meaning in legend.items():
        base[code] = meaning

    def decode(piece: Piece) -> np.ndarray:
        table = base.copy()
        for fill in piece.raster.missing:
            if fill in range(-128, 256) and table[int(fill) % 256] == _UNKNOWN:
                table[int(fill) % 256] = NO_DATA
        raw = piece.values
        if raw.dtype == np.int8:
            out = table[raw.view(np.uint8)]
        elif raw.dtype == np.uint8:
            out = table[raw]
        else:
            none = np.isnan(raw) if raw.dtype.kind == "f" else np.zeros(raw.shape, bool)
            for fill in piece.raster.missing:
                none |= (raw == fill) & (fill not in legend)
            whole = np.where(none, 0, raw)
            odd = (whole != np.floor(whole)) | (whole < 0) | (whole > 255)
            out = np.where(none, NO_DATA, np.where(odd, _UNKNOWN, table[np.where(odd, 0, whole).astype(np.uint8)]))
        if (out == _UNKNOWN).any():
            known = ", ".join(str(code) for code in sorted(legend))
            raise ValueRangeError(f"{piece.place(out == _UNKNOWN)}, which is no code of {what}: {known}.")
        return out.astype(np.uint8)

    return decode
