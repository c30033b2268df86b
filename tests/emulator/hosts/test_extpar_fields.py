import math

import numpy as np
import pytest

from lsbc.emulator.hosts.extpar_fields import FIELDS, ExtparClasses, Shares
from lsbc.emulator.surface.crosswalk import read_crosswalk
from lsbc.regrid.errors import ConfigError

# GlobCover code: index, z0, plant cover min and max, LAI min and max, root depth, skin conductivity, emissivity, stomatal resistance (EXTPAR's table 'extpar').
PIXEL = {
    14: (2, 0.07, 0.5, 0.9, 0.7, 3.3, 1.0, 30.0, 0.99, 120.0), 40: (5, 1.0, 0.8, 0.8, 1.4, 5.0, 1.0, 50.0, 0.996, 250.0),
    60: (7, 0.15, 0.7, 0.8, 1.0, 4.0, 2.0, 30.0, 0.993, 150.0), 70: (8, 1.0, 0.8, 0.8, 1.3, 5.0, 0.6, 50.0, 0.996, 150.0),
    100: (10, 1.0, 0.75, 0.9, 1.0, 5.0, 0.8, 50.0, 0.993, 150.0), 140: (14, 0.03, 0.75, 0.9, 1.0, 3.1, 0.6, 30.0, 0.993, 40.0),
    150: (15, 0.05, 0.5, 0.5, 0.4, 0.6, 0.3, 10.0, 0.95, 40.0), 190: (19, 1.0, 0.02, 0.2, 0.1, 1.6, 0.6, 200.0, 0.96, 120.0),
    200: (20, 0.05, 0.0, 0.05, 0.4, 0.6, 0.3, 200.0, 0.95, 120.0), 210: (21, 0.0002, 0.0, 0.0, 0.0, 0.0, 0.0, 200.0, 0.991, 120.0),
    220: (22, 0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 200.0, 0.9999, 120.0),
}
DECIDUOUS, EVERGREEN = {50: 1, 60: 1, 100: 0.5}, {40: 1, 70: 1, 90: 1, 100: 0.5}


def from_pixels(codes):
    """What EXTPAR makes of the raw pixels of one cell, written down once more, pixel by pixel."""
    names = ("PLCOV_MN", "PLCOV_MX", "LAI_MN", "LAI_MX", "ROOTDP", "SKC", "RSMIN", "FOR_D", "FOR_E", "URBAN", "EMIS_RAD", "drag")
    total = dict.fromkeys(names, 0.0)
    land = 0
    for code in codes:
        _, z0, low, high, lai_low, lai_high, root, skin, emissivity, rs = PIXEL[code]
        total["EMIS_RAD"] += emissivity
        if code == 210:
            continue
        land += 1
        total["drag"] += 1.0 / (math.log(30.0) - math.log(z0))
        for name, value in (("PLCOV_MN", low), ("PLCOV_MX", high), ("SKC", skin), ("URBAN", code == 190), ("LAI_MN", high * lai_low), ("LAI_MX", high * lai_high),
                            ("ROOTDP", high * root), ("RSMIN", high * rs), ("FOR_D", high * DECIDUOUS.get(code, 0)), ("FOR_E", high * EVERGREEN.get(code, 0))):
            total[name] += value
    fields = {name: total[name] / land for name in ("PLCOV_MN", "PLCOV_MX", "SKC", "URBAN", "FOR_D", "FOR_E")}
    fields |= {name: total[name] / total["PLCOV_MX"] for name in ("LAI_MN", "LAI_MX", "ROOTDP", "RSMIN")}
    return fields | {"EMIS_RAD": total["EMIS_RAD"] / len(codes), "z0": 30.0 * math.exp(-land / total["drag"])}


def as_fractions(codes):
    """(23, 1)."""
    out = np.zeros((23, 1))
    for code in codes:
        out[PIXEL[code][0] - 1] += 1 / len(codes)
    return out


CELLS = {
    "field and town": [14, 14, 14, 190],
    "lake shore with a glacier": [150, 150, 140, 140, 140, 210, 210, 210, 210, 220],
    "forests": [40, 60, 60, 70, 70, 70, 100, 100, 100, 100],
    "desert": [200],
    "all": list(PIXEL),
}


def classes(target="globcover"):
    return ExtparClasses.of(read_crosswalk(target))


@pytest.mark.parametrize("codes", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_what_extpar_makes_of_the_pixels(name, codes):
    known, fraction = classes(), as_fractions(codes)
    assert known.value(name, Shares.of(fraction), known.land(fraction))[0] == pytest.approx(from_pixels(codes)[name], rel=1e-14, abs=1e-16)


@pytest.mark.parametrize("codes", CELLS.values(), ids=CELLS)
def test_the_roughness_length_is_what_extpar_makes_of_the_pixels(codes):
    known = classes()
    assert known.roughness(known.land(as_fractions(codes)))[0] == pytest.approx(from_pixels(codes)["z0"], rel=1e-14)


def test_half_forest_of_1_m_half_grass_of_3_cm_has_the_roughness_of_a_hand_sum():
    # ln(30) = 3.401197, ln(1000) = 6.907755: the mean of 0.294014 and 0.144765 is 0.219389; 30 exp(-1 / 0.219389) = 0.31446 m
    known, fraction = classes(), np.zeros((23, 1))
    fraction[[4, 13]] = 0.5
    assert known.roughness(known.land(fraction))[0] == pytest.approx(0.31446, abs=1e-5)


def test_a_cell_without_land_has_no_roughness_and_zeros_elsewhere():
    known, fraction = classes(), np.zeros((23, 1))
    fraction[20] = 1.0
    land = known.land(fraction)
    assert known.roughness(land)[0] == 0.0
    assert {name: float(known.value(name, Shares.of(fraction), land)[0]) for name in FIELDS} == {**dict.fromkeys(FIELDS, 0.0), "EMIS_RAD": 0.991}


def test_esa_cci_forest_is_counted_as_extpar_does_code_100_for_code_90():
    known, fraction = classes("esacci"), np.zeros((38, 2))
    fraction[17, 0] = fraction[18, 1] = 1.0  # codes 90 and 100
    assert [known.value(name, Shares.of(fraction), known.land(fraction)).tolist() for name in ("FOR_D", "FOR_E")] == [[0.0, 0.4], [0.0, 0.4]]
    assert any("code 90" in note for note in known.notes) and any("lai_min 0.4 is above" in note for note in known.notes)


def test_another_crosswalk_is_refused():
    with pytest.raises(ConfigError, match="Crosswalk 'modis' does not lead to EXTPAR's classes; its target must be globcover or esacci"):
        classes("modis")
