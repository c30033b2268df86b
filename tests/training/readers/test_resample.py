"""lsbc.training.readers.resample: nearest, majority, area mean."""

import numpy as np
import pytest

from lsbc.regrid.lattice import Lattice
from lsbc.training.readers.raster import open_raster
from lsbc.training.readers.resample import Overlap, area_mean, majority_codes, nearest_codes
from lsbc.training.readers.window import Window

from product_files import write_tif

pytest.importorskip("rasterio")
DEGREE = Lattice(180, 360)


def plain(piece):
    return piece.values.astype(np.uint8)


def raster(tmp_path, values, west, north, step):
    return open_raster(write_tif(tmp_path / "a.tif", np.asarray(values), west, north, step))


def test_shares_of_a_coarser_axis_lie_in_one_cell_or_two():
    overlap = Overlap.of(np.array([0.0, 0.75, 1.5]))
    assert overlap.first.tolist() == [0, 0] and overlap.weight.tolist() == [[0.75, 0.0], [0.25, 0.5]]


def test_majority_takes_the_largest_share_and_of_equal_ones_the_lowest_code(tmp_path):
    # one degree cell = 3 x 3 cells; west: 5 x 44, 4 x 22; east: 4 x 33, 4 x 22, 1 without data
    west = [[44, 44, 44], [44, 44, 22], [22, 22, 22]]
    east = [[33, 33, 33], [33, 255, 22], [22, 22, 22]]
    source = raster(tmp_path, np.hstack([west, east]).astype(np.uint8), 0.0, 1.0, 1 / 3)
    assert majority_codes(source, Window(DEGREE, 90, 180, 1, 2), plain).tolist() == [[44, 22]]


def test_a_cell_has_a_majority_only_if_more_than_half_of_it_has_data(tmp_path):
    west = [[44, 44], [255, 255]]
    east = [[44, 44], [44, 255]]
    source = raster(tmp_path, np.hstack([west, east]).astype(np.uint8), 0.0, 1.0, 0.5)
    assert majority_codes(source, Window(DEGREE, 90, 180, 1, 2), plain).tolist() == [[255, 44]]


def test_majority_counts_shares_of_cells_that_do_not_nest(tmp_path):
    # cells of 0.8 degrees: the first degree is 0.8 of code 1 and 0.2 of code 2, the second 0.6 of 2 and 0.4 of 3
    source = raster(tmp_path, np.array([[1, 2, 3]], np.uint8).repeat(2, axis=0), 0.0, 1.6, 0.8)
    assert majority_codes(source, Window(DEGREE, 90, 180, 1, 2), plain).tolist() == [[1, 2]]


def test_nearest_takes_the_cell_that_holds_the_centre(tmp_path):
    # centres 0.5, 1.5, 2.5 in cells [0, 0.8), [0.8, 1.6), [1.6, 2.4), [2.4, 3.2)
    source = raster(tmp_path, np.array([[1, 2, 3, 4]], np.uint8).repeat(2, axis=0), 0.0, 1.6, 0.8)
    assert nearest_codes(source, Window(DEGREE, 90, 180, 1, 3), plain).tolist() == [[1, 2, 4]]


def test_outside_the_raster_there_is_no_data(tmp_path):
    source = raster(tmp_path, np.full((2, 2), 22, np.uint8), 0.0, 1.0, 0.5)
    assert majority_codes(source, Window(DEGREE, 89, 180, 2, 2), plain).tolist() == [[255, 255], [22, 255]]
    assert nearest_codes(source, Window(DEGREE, 89, 180, 2, 2), plain).tolist() == [[255, 255], [22, 255]]


def test_the_mean_weighs_rows_with_their_area(tmp_path):
    # cells of half a degree at 60..60.5 N and 60.5..61 N; areas go with the sine differences
    source = raster(tmp_path, np.array([[300.0, 300.0], [100.0, 100.0]]), 0.0, 61.0, 0.5)
    sine = np.sin(np.deg2rad([60.0, 60.5, 61.0]))
    south, north = np.diff(sine)
    expected = (100 * south + 300 * north) / (south + north)
    assert area_mean(source, Window(DEGREE, 150, 180, 1, 1))[0, 0] == pytest.approx(expected, rel=1e-12)


def test_the_mean_leaves_cells_without_data_out(tmp_path):
    source = raster(tmp_path, np.array([[np.nan, 8.0], [np.nan, 8.0]]), 0.0, 1.0, 0.5)
    assert area_mean(source, Window(DEGREE, 90, 180, 1, 1)).tolist() == [[8.0]]
    assert np.isnan(area_mean(source, Window(DEGREE, 95, 180, 1, 1))).all()


def test_the_integral_over_the_area_is_kept_where_cells_do_not_nest(tmp_path):
    # 30 arc second heights on the 0.01 degree lattice: 120 and 100 cells a degree
    height = np.random.default_rng(5).uniform(0, 1000, (120, 120))
    source = raster(tmp_path, height, 8.0, 48.0, 1 / 120)
    got = area_mean(source, Window(Lattice(18000, 36000), 13700, 18800, 100, 100))
    fine, coarse = (np.cos(np.deg2rad(47 + (np.arange(n) + 0.5) / n))[:, None] / n**2 for n in (120, 100))
    assert (got * coarse).sum() == pytest.approx((height[::-1] * fine).sum(), rel=1e-5)
