"""lsbc.training.readers.soilgrids: depths and stored units."""

import numpy as np
import pytest

from lsbc.regrid.errors import FileError, ValueRangeError
from lsbc.regrid.lattice import Lattice
from lsbc.training.readers.soilgrids import open_depths, root_zone_mean
from lsbc.training.readers.window import Window

from product_files import write_tif

pytest.importorskip("rasterio")
WINDOW = Window(Lattice(21600, 43200), 140 * 120, 190 * 120, 1, 2)
DEPTHS = {"0-5cm": 100, "5-15cm": 200, "15-30cm": 300, "30-60cm": 400, "60-100cm": 500}


def write(folder, name="clay", stored=DEPTHS, gap=None):
    for depth, value in stored.items():
        values = np.full((4, 8), value, np.int16)
        if gap == depth:
            values[:, 4:] = -32768
        write_tif(folder / f"{name}_{depth}_mean.tif", values, 10.0, 50.0 + 1 / 120, 1 / 480, nodata=-32768)
    return folder / f"{name}_{{depth}}_mean.tif"


def test_depths_are_weighted_by_their_thickness_and_g_per_kg_become_fractions(tmp_path):
    # (5 * 100 + 10 * 200 + 15 * 300 + 30 * 400 + 40 * 500) / 100 = 390 g/kg
    got = root_zone_mean(open_depths(write(tmp_path)), "clay", WINDOW)
    np.testing.assert_allclose(got, 0.390, rtol=1e-12)


def test_organic_carbon_is_stored_in_dg_per_kg(tmp_path):
    # 390 dg/kg = 39 g/kg
    np.testing.assert_allclose(root_zone_mean(open_depths(write(tmp_path, "soc")), "soc", WINDOW), 0.039, rtol=1e-12)


def test_a_gap_in_one_depth_is_no_data(tmp_path):
    got = root_zone_mean(open_depths(write(tmp_path, gap="15-30cm")), "clay", WINDOW)
    assert np.isfinite(got).tolist() == [[True, False]]


def test_missing_depths_are_named(tmp_path):
    pattern = write(tmp_path, stored={depth: 1 for depth in DEPTHS if depth != "30-60cm"})
    with pytest.raises(FileError, match=r"missing: clay_30-60cm_mean\.tif"):
        open_depths(pattern)


def test_a_value_beyond_the_property_is_refused_with_its_stored_number(tmp_path):
    with pytest.raises(ValueRangeError, match=r"clay_5-15cm_mean\.tif: band 1 is 1200 at 50\.00104 N 10\.00104 E: clay is 1\.2 1, 0\.\.1 is expected"):
        root_zone_mean(open_depths(write(tmp_path, stored={**DEPTHS, "5-15cm": 1200})), "clay", WINDOW)


def test_one_undeclared_fill_among_good_cells_is_refused_though_the_mean_looks_right(tmp_path):
    pattern = write(tmp_path)
    values = np.full((4, 8), 300, np.int16)
    values[3, 2] = -1
    write_tif(tmp_path / "clay_15-30cm_mean.tif", values, 10.0, 50.0 + 1 / 120, 1 / 480)
    # the last row is the southern one, 50 N + half a cell of 1/480; column 2 is 2.5 cells east of 10 E; the mean of 16 cells is 281
    with pytest.raises(ValueRangeError, match=r"clay_15-30cm_mean\.tif: band 1 is -1 at 50\.00104 N 10\.00521 E: clay is -0\.001 1"):
        root_zone_mean(open_depths(pattern), "clay", WINDOW)
