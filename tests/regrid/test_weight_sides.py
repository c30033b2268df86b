"""The two grids as a weight file describes them."""

import numpy as np
import pytest

from lsbc.regrid.errors import WeightError
from lsbc.regrid.grids import RectilinearGrid
from lsbc.regrid.netcdf_input import opened
from lsbc.regrid.weight_layouts import COO_SIDES, SCRIP_SIDES
from lsbc.regrid.weight_sides import read_side

from weight_samples import AREA_A, DESTINATION, FRAC_B, SOURCE, coo, scrip, weight_only, write_file, xesmf

TITLE = {"title": "ESMF Offline Regridding Weight Generator"}


def side(path, given=None, names=COO_SIDES[0]):
    with opened(path) as file:
        return read_side(file, names, given)


def test_esmf_names_and_degrees(tmp_path):
    read = side(coo(tmp_path / "w.nc", TITLE), names=COO_SIDES[1])
    assert read.shape == (2, 5) and (read.lon_deg == DESTINATION.lon_deg).all() and (read.lat_deg == DESTINATION.lat_deg).all()
    assert (read.vertex_lon_deg == DESTINATION.vertex_lon_deg).all() and (read.frac == FRAC_B).all() and read.mask is None


def test_scrip_names_and_radians(tmp_path):
    read = side(scrip(tmp_path / "w.nc"), names=SCRIP_SIDES[0])
    assert read.shape == (2, 4) and np.abs(read.lon_deg - SOURCE.lon_deg).max() < 1e-13
    assert read.mask.all() and (read.area_sr == AREA_A).all() and read.vertex_lon_deg is None


def test_two_bounds_a_cell_are_boxes(tmp_path):
    """ESMF writes (west, east) and (south, north) for grids with axes."""
    unit = {"units": "degrees"}
    bounds = {"xv_a": (("n_a", "two"), SOURCE.vertex_lon_deg[:, :2], unit), "yv_a": (("n_a", "two"), SOURCE.vertex_lat_deg[:, 1:3], unit)}
    path = write_file(tmp_path / "w.nc", {"n_a": 8, "two": 2, "nv_a": 2}, bounds)
    read = side(path)
    assert (read.vertex_lon_deg == SOURCE.vertex_lon_deg).all() and (read.vertex_lat_deg == SOURCE.vertex_lat_deg).all()


def test_sizes_come_from_the_caller_where_the_file_has_none(tmp_path):
    path = weight_only(tmp_path / "w.nc")
    assert side(path, 8).shape == (8,) and side(path, (2, 4)).shape == (2, 4) and side(path, SOURCE).shape == (2, 4)


@pytest.mark.parametrize("given", [0, (2, 0), "eight", (), 2.5, 2**31])
def test_a_size_that_is_none_is_refused(tmp_path, given):
    with pytest.raises(WeightError, match="a grid, a number of cells or a shape is needed"):
        side(weight_only(tmp_path / "w.nc"), given)


def test_missing_sizes_are_asked_for(tmp_path):
    with pytest.raises(WeightError, match="does not say how many source cells there are; give the source grid"):
        side(xesmf(tmp_path / "w.nc"))


def test_a_shape_that_is_not_the_files_is_refused(tmp_path):
    with pytest.raises(WeightError, match=r"maps from a grid of shape \(2, 4\), the source grid given has \(4, 2\)"):
        side(coo(tmp_path / "w.nc", TITLE), (4, 2))


def test_a_grid_gives_its_coordinates_and_the_file_its_areas(tmp_path):
    read = side(coo(tmp_path / "w.nc", TITLE), SOURCE)
    assert read.fingerprint == SOURCE.fingerprint and (read.area_sr == AREA_A).all()


def test_a_grid_elsewhere_is_refused_by_cell_and_places(tmp_path):
    shifted = RectilinearGrid(SOURCE.lon_edge_deg + 10.0, SOURCE.lat_edge_deg, name="shifted")
    with pytest.raises(WeightError, match=r"source cell 0 lies at 5 E 15 N, in the grid 'shifted' at 15 E 15 N"):
        side(coo(tmp_path / "w.nc", TITLE), shifted)


def test_a_grid_in_another_order_is_refused(tmp_path):
    turned = RectilinearGrid(SOURCE.lon_edge_deg, SOURCE.lat_edge_deg[::-1], name="turned")
    with pytest.raises(WeightError, match="in another order"):
        side(coo(tmp_path / "w.nc", TITLE), turned)


def test_longitudes_may_differ_by_whole_turns(tmp_path):
    west = RectilinearGrid(SOURCE.lon_edge_deg - 360.0, SOURCE.lat_edge_deg)
    assert side(coo(tmp_path / "w.nc", TITLE), west).lon_deg[0] == -355.0


def test_another_mask_than_the_files_is_refused(tmp_path):
    mask = {"mask_a": (("n_a",), np.array([1, 0, 1, 1, 1, 1, 1, 1], np.int32))}
    path = coo(tmp_path / "w.nc", TITLE, extra=mask)
    with pytest.raises(WeightError, match="source cell 2 takes part there, but not so"):
        side(path, SOURCE.with_mask(np.array([1, 0, 0, 1, 1, 1, 1, 1], bool)))
    with pytest.raises(WeightError, match="source cell 1 is masked there"):
        side(path, SOURCE.with_mask(np.array([1, 1, 1, 1, 1, 1, 1, 0], bool)))


def test_a_grid_without_masked_cells_is_taken_with_the_mask_of_the_file(tmp_path):
    mask = {"mask_a": (("n_a",), np.array([1, 0, 1, 1, 1, 1, 1, 1], np.int32))}
    assert SOURCE.mask.all()
    assert side(coo(tmp_path / "w.nc", TITLE, extra=mask), SOURCE).mask.tolist() == [True, False, True, True, True, True, True, True]


def test_the_mask_of_a_grid_holds_where_the_file_has_none(tmp_path):
    masked = SOURCE.with_mask(np.arange(8) != 3)
    assert (side(coo(tmp_path / "w.nc", TITLE), masked).mask == masked.mask).all()


def test_another_fingerprint_is_refused(tmp_path):
    with pytest.raises(WeightError, match="fingerprints differ"):
        side(coo(tmp_path / "w.nc", {**TITLE, "lsbc_fingerprint_a": "other"}), SOURCE)


N_A = ("n_a",)


@pytest.mark.parametrize(("extra", "message"), [
    ({"src_grid_dims": (("src_grid_rank",), np.array([4, 3], np.int32))}, r"'src_grid_dims' says \(4, 3\), which is not the 8 cells"),
    ({"src_grid_dims": (("src_grid_rank",), np.array([-4, -2], np.int32))}, "which is not the 8 cells"),
    ({"mask_a": (N_A, np.full(8, 2, np.int32))}, r"'mask_a\[0\]' is 2"),
    ({"area_a": (N_A, -AREA_A)}, r"'area_a\[0\]' is -0.08\d+; it must be 0 or more"),
    ({"area_a": (N_A, AREA_A, {"units": "m2"})}, "'area_a' is in 'm2'"),
    ({"frac_a": (N_A, np.full(8, np.nan))}, r"'frac_a\[0\]' is nan"),
    ({"yc_a": (N_A, SOURCE.lat_deg, {"units": "metres"})}, "'yc_a' has the units 'metres'"),
    ({"yc_a": (N_A, SOURCE.lat_deg)}, "'yc_a' has the units ''"),
    ({"yc_a": (N_A, SOURCE.lat_deg + 60.0, {"units": "degrees"})}, "'yc_a' of cell 4 is 120.0 degrees, beyond 90"),
    ({"yc_a": (N_A, SOURCE.lat_deg, {"units": "radians"})}, "'yc_a' of cell 0 is 15.0 radians, beyond 90 degrees"),
    ({"xc_a": (N_A, np.full(8, np.nan), {"units": "degrees"})}, "'xc_a' of cell 0 is nan degrees"),
])
def test_each_damage_is_named(tmp_path, extra, message):
    with pytest.raises(WeightError, match=message):
        side(coo(tmp_path / "w.nc", TITLE, extra=extra))


def test_masked_cells_need_no_place(tmp_path):
    lon = SOURCE.lon_deg.copy()
    lon[3] = np.nan
    mask = np.array([1, 1, 1, 0, 1, 1, 1, 1], np.int32)
    read = side(coo(tmp_path / "w.nc", TITLE, extra={"xc_a": (N_A, lon, {"units": "degrees"}), "mask_a": (N_A, mask)}))
    assert read.mask.tolist() == mask.astype(bool).tolist()


def test_signals_of_the_processor_are_not_raised_by_damaged_places(tmp_path):
    """Hosts run with floating-point traps: a signalling NaN of the file must not meet arithmetic."""
    lon = SOURCE.lon_deg.copy()
    lon.view(np.int64)[3] = 0x7FF0000000000001
    with np.errstate(all="raise"), pytest.raises(WeightError, match="'xc_a' of cell 3 is nan degrees"):
        side(coo(tmp_path / "w.nc", TITLE, extra={"xc_a": (N_A, lon, {"units": "degrees"})}))
