import math

import numpy as np
import pytest

from lsbc.emulator.surface.parameters import BLENDING_HEIGHT_M, read_class_table, surface_parameters
from lsbc.regrid.errors import ConfigError

TABLE = read_class_table()
URBAN, CROP, FOREST, WATER = 1, 2, 4, 7


def mixed(**shares):
    fraction = np.zeros((1, 8))
    for name, share in shares.items():
        fraction[0, {"urban": URBAN, "crop": CROP, "forest": FOREST, "water": WATER}[name]] = share
    return {name: float(value[0]) for name, value in surface_parameters(fraction, TABLE).items()}


def test_a_pure_cell_has_the_parameters_of_its_class():
    got = mixed(forest=1.0)
    assert got == pytest.approx({"albedo": 0.13, "emissivity": 0.97, "z0m": 0.5, "lai": 4.15, "veg_frac": 0.8, "root_depth": 2.0}, rel=1e-14)


def test_albedo_and_emissivity_are_area_means():
    got = mixed(crop=0.25, water=0.75)
    assert got["albedo"] == pytest.approx(0.25 * 0.17 + 0.75 * 0.08)
    assert got["emissivity"] == pytest.approx(0.25 * 0.985 + 0.75 * 0.98)


def test_lai_and_root_depth_are_means_over_the_vegetated_area():
    got = mixed(forest=0.5, urban=0.25, water=0.25)
    vegetated = 0.5 * 0.8 + 0.25 * 0.1
    assert got["veg_frac"] == pytest.approx(vegetated)
    assert got["lai"] == pytest.approx((0.5 * 0.8 * 4.15 + 0.25 * 0.1 * 1.0) / vegetated)
    assert got["root_depth"] == pytest.approx((0.5 * 0.8 * 2.0 + 0.25 * 0.1 * 0.1) / vegetated)


def test_open_water_has_neither_leaves_nor_roots():
    got = mixed(water=1.0)
    assert got["lai"] == got["root_depth"] == got["veg_frac"] == 0.0


def test_roughness_is_the_mean_drag_at_the_blending_height():
    drag = [1 / math.log(BLENDING_HEIGHT_M / z0) ** 2 for z0 in (0.5, 0.15)]
    assert mixed(forest=0.5, crop=0.5)["z0m"] == pytest.approx(BLENDING_HEIGHT_M * math.exp(-1 / math.sqrt(sum(drag) / 2)))


def test_a_table_without_a_class_or_a_number_is_refused():
    with pytest.raises(ConfigError, match="needs"):
        read_class_table('[[class]]\nname = "urban"\n')
    from importlib import resources
    text = resources.files("lsbc.emulator.surface").joinpath("modis_igbp.toml").read_text().replace("z0m = 0.50", 'z0m = "high"')
    with pytest.raises(ConfigError, match="z0m of class 'forest'"):
        read_class_table(text)
