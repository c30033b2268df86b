import netCDF4
import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.apply import Remap
from lsbc.regrid.conserve import conservative_weights
from lsbc.regrid.errors import FieldError, FileError
from lsbc.regrid.field_files import horizontal_rank, missing_cells, remap_file
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid
from lsbc.regrid.nearest import nearest_weights
from lsbc.regrid.readers import read_grid
from lsbc.regrid.weights import Side

from shared import shared

SOURCE = RectilinearGrid([0.0, 1.0, 2.0, 3.0, 4.0], [10.0, 12.0, 14.0])
HALVES = RectilinearGrid([0.0, 2.0, 4.0], [14.0, 12.0, 10.0])
WIDER = RectilinearGrid([0.0, 4.0, 8.0], [10.0, 14.0])


@pytest.fixture
def fields(tmp_path):
    """Eight cells in two rows; two times of t, packed counts, a mask of strings, and coordinates with bounds."""
    path = tmp_path / "in.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.title = "fields"
        file.history = "made"
        file.createDimension("time", None)
        for name, n in (("lat", 2), ("lon", 4), ("bnds", 2), ("level", 3)):
            file.createDimension(name, n)
        file.createVariable("time", "f8", ("time",)).setncatts({"units": "days since 2000-01-01", "bounds": "time_bnds"})
        file["time"][:] = [0.5, 1.5]
        file.createVariable("time_bnds", "f8", ("time", "bnds"))[:] = [[0, 1], [1, 2]]
        for name, centres in (("lat", SOURCE.lat_centre_deg), ("lon", SOURCE.lon_centre_deg)):
            file.createVariable(name, "f8", (name,)).units = "degrees"
            file[name][:] = centres
        file.createVariable("level", "i4", ("level",))[:] = [7, 8, 9]
        t = file.createVariable("t", "f4", ("time", "lat", "lon"), fill_value=-1.0)
        t.setncatts({"units": "K", "standard_name": "air_temperature", "cell_methods": "time: mean", "valid_max": 400.0})
        t[:] = np.arange(16, dtype="f4").reshape(2, 2, 4)
        t[1, 0, 1] = np.ma.masked
        count = file.createVariable("count", "i2", ("level", "lat", "lon"))
        count.scale_factor = 0.5
        count[:] = np.broadcast_to(np.arange(8.0).reshape(2, 4), (3, 2, 4))
        file.createVariable("scalar", "f8", ())[:] = 3.0
        file.createVariable("gw", "f8", ("lat",))[:] = 1.0
        file.createVariable("direction", "f4", ("lat", "lon")).units = "degrees"
        file["direction"][:] = 90.0
        file.createVariable("place", "S1", ("bnds",))[:] = [b"a", b"b"]
    return path


def remapped(fields, destination, variables=None, **rules):
    weights = conservative_weights(SOURCE, destination)
    target = fields.with_name("out.nc")
    outcome = remap_file(weights, Remap(weights, **rules), fields, target, variables, history="today: a command")
    return outcome, netCDF4.Dataset(target)


def test_every_field_on_the_grid_is_remapped_and_what_has_no_place_is_copied(fields):
    outcome, out = remapped(fields, HALVES)
    assert outcome.remapped == ["t", "count", "direction"] and outcome.left_out == ["gw"] and not outcome.notices
    assert set(outcome.copied) == {"time", "time_bnds", "level", "scalar", "place"}
    assert out["scalar"][...] == 3.0 and out["place"][:].tolist() == [b"a", b"b"]
    assert out["t"].dimensions == ("time", "lat", "lon") and out["count"].dimensions == ("level", "lat", "lon")


def test_values_are_area_means_in_the_order_of_the_destination(fields):
    """Columns 0, 1 and 2, 3 of each row are averaged; the rows are turned round."""
    _, out = remapped(fields, HALVES)
    assert out["t"][0].tolist() == [[4.5, 6.5], [0.5, 2.5]]
    assert out["count"][2].tolist() == [[4.5, 6.5], [0.5, 2.5]]
    assert out["t"].dtype == np.float32 and out["count"].dtype == np.float64


def test_missing_values_stay_missing_or_are_left_out_of_the_mean(fields):
    _, out = remapped(fields, HALVES)
    assert out["t"][1].mask.tolist() == [[False, False], [True, False]] and out["t"]._FillValue == -1.0
    out.close()
    _, out = remapped(fields, HALVES, missing="skip")
    assert out["t"][1].tolist() == [[12.5, 14.5], [8.0, 10.5]]


def test_cells_that_nothing_reaches_are_missing(fields):
    _, out = remapped(fields, WIDER)
    assert out["t"][0].mask.tolist() == [[False, True]]


def test_coordinates_bounds_and_attributes_follow_cf(fields):
    _, out = remapped(fields, HALVES)
    assert out["lat"][:].tolist() == [13.0, 11.0] and out["lat_bnds"][:].tolist() == [[14.0, 12.0], [12.0, 10.0]]
    assert out["lon_bnds"][:].tolist() == [[0.0, 2.0], [2.0, 4.0]] and out["lon"].units == "degrees_east"
    assert out["t"].units == "K" and out["t"].cell_methods == "time: mean area: mean" and "valid_max" not in out["t"].ncattrs()
    assert out["time"][:].tolist() == [0.5, 1.5] and out["time_bnds"][:].tolist() == [[0, 1], [1, 2]] and out.dimensions["time"].isunlimited()
    assert out["level"][:].tolist() == [7, 8, 9]
    assert (out.title, out.history, out.regrid_method) == ("fields", "today: a command\nmade", "conserve")


def test_unstructured_cells_get_a_list_of_coordinates_and_corners(fields):
    cells = PolygonGrid([1.0, 3.0], [12.0, 12.0], [[0.0, 2.0, 2.0, 0.0], [2.0, 4.0, 4.0, 2.0]], [[10.0, 10.0, 14.0, 14.0]] * 2, edges="latlon")
    _, out = remapped(fields, cells)
    assert out["t"].dimensions == ("time", "cell") and out["t"].coordinates == "lat lon" and out["lon"].bounds == "lon_vertices"
    north, south = (np.sin(np.radians(b)) - np.sin(np.radians(a)) for a, b in ((12, 14), (10, 12)))
    assert out["t"][0].tolist() == approx([(0.5 * south + 4.5 * north) / (south + north), (2.5 * south + 6.5 * north) / (south + north)], rel=1e-6)


def test_only_the_fields_asked_for_are_written(fields):
    outcome, out = remapped(fields, HALVES, ["count", "count"])
    assert outcome.remapped == ["count"] and "t" not in out.variables and "t" in outcome.left_out


@pytest.mark.parametrize(("variables", "message"), [
    (["snow"], "has no variable 'snow'; it has time, time_bnds"),
    (["level"], r"Variable 'level' of .* has shape \(3,\) and type int32; the weights map numbers from \(2, 4\) cells"),
    (["place"], r"has shape \(2,\) and type \|S1"),
])
def test_fields_that_do_not_exist_or_fit_are_refused_by_name(fields, variables, message):
    with pytest.raises(FieldError, match=message):
        remapped(fields, HALVES, variables)


def test_a_file_without_fitting_fields_is_refused(fields):
    weights = conservative_weights(RectilinearGrid.regular(0, 10, 5, 10, 20, 1), HALVES)
    with pytest.raises(FieldError, match=r"No variable of .* ends in the \(1, 5\) cells"):
        remap_file(weights, Remap(weights), fields, fields.with_name("out.nc"))
    assert not fields.with_name("out.nc").exists()


def test_the_input_is_never_written_over(fields):
    weights = conservative_weights(SOURCE, HALVES)
    with pytest.raises(FileError, match="is the file to be read"):
        remap_file(weights, Remap(weights), fields, fields)


def test_an_unreadable_file_is_named(tmp_path):
    weights = conservative_weights(SOURCE, HALVES)
    with pytest.raises(FileError, match="none.nc could not be read: No such file"):
        remap_file(weights, Remap(weights), tmp_path / "none.nc", tmp_path / "out.nc")


@pytest.mark.parametrize(("shape", "cells", "rank"), [
    ((5, 3, 4), (3, 4), 2), ((5, 12), (3, 4), 1), ((5, 3, 4), (12,), 2), ((12,), (12,), 1), ((5, 4, 4), (3, 4), 0), ((), (3, 4), 0),
    ((4, 3), (3, 4), 0), ((5, 4, 3), (3, 4), 0)])
def test_the_cells_are_the_last_dimensions_as_a_list_or_as_a_table(shape, cells, rank):
    assert horizontal_rank(shape, Side(shape=cells)) == rank


def turned(fields, name, values):
    """The same file with other values of a coordinate."""
    with netCDF4.Dataset(fields, "a") as file:
        file[name][:] = values
    return fields


@pytest.mark.parametrize(("name", "values", "message"), [
    ("lat", [13.0, 11.0], r"'t' of .* lies on other cells than the weights map from, or in another order: cell 0 is at 0.5 E 13 N, for the weights at 0.5 E 11 N"),
    ("lon", [180.5, 181.5, 182.5, 183.5], "cell 0 is at 180.5 E 11 N, for the weights at 0.5 E 11 N"),
])
def test_fields_on_other_cells_of_the_same_number_are_refused(fields, name, values, message):
    with pytest.raises(FieldError, match=message):
        remapped(turned(fields, name, values), HALVES)


def test_the_comparison_can_be_left_out(fields):
    weights = conservative_weights(SOURCE, HALVES)
    target = fields.with_name("out.nc")
    assert "t" in remap_file(weights, Remap(weights), turned(fields, "lat", [13.0, 11.0]), target, is_checked=False).remapped


def test_longitudes_of_another_turn_are_the_same_cells(fields):
    outcome, _ = remapped(turned(fields, "lon", SOURCE.lon_centre_deg + 360.0), HALVES)
    assert "t" in outcome.remapped


def test_a_file_without_coordinates_is_taken_by_its_shape_and_says_so(tmp_path):
    path = tmp_path / "in.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("j", 2)
        file.createDimension("i", 4)
        file.createVariable("x", "f8", ("j", "i"))[:] = 1.0
    outcome, out = remapped(path, HALVES)
    assert "by its shape alone" in outcome.notices[0] and out["x"][:].tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_a_turned_field_is_not_taken_for_a_list_of_cells(fields):
    with netCDF4.Dataset(fields, "a") as file:
        file.createVariable("turned", "f8", ("lon", "lat"))[:] = 1.0
    outcome, _ = remapped(fields, HALVES)
    assert "turned" in outcome.left_out
    with pytest.raises(FieldError, match=r"Variable 'turned' of .* has shape \(4, 2\)"):
        remapped(fields, HALVES, ["turned"])


def test_coordinates_without_units_are_replaced_too(fields):
    with netCDF4.Dataset(fields, "a") as file:
        for name in ("lat", "lon"):
            file[name].delncattr("units")
            file.renameVariable(name, f"{name}itude")
    outcome, _ = remapped(fields, HALVES)
    assert "latitude" not in outcome.remapped + outcome.copied + outcome.left_out


def test_a_file_that_was_cut_short_is_refused(tmp_path):
    path = tmp_path / "in.nc"
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
        file.createDimension("j", 2)
        file.createDimension("i", 4)
        file.createVariable("x", "f8", ("j", "i"))[:] = 1.0
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileError, match="is cut short"):
        remapped(path, HALVES)


def test_many_slabs_are_remapped_a_few_at_a_time(fields, monkeypatch):
    whole = remapped(fields, HALVES)[1]["count"][:]
    monkeypatch.setattr("lsbc.regrid.field_files.BATCH_BYTES", 8 * 12)
    assert np.array_equal(remapped(fields, HALVES)[1]["count"][:], whole)


def test_missing_cells_are_those_of_the_first_slab(fields):
    with netCDF4.Dataset(fields, "a") as file:
        file["t"][0, 1, 2] = np.ma.masked
    assert np.flatnonzero(missing_cells(fields, "t", Side(shape=(2, 4)))).tolist() == [6]


def test_flags_lose_their_meanings_in_means_and_keep_them_in_nearest_cells(fields):
    with netCDF4.Dataset(fields, "a") as file:
        file["count"].flag_meanings = "few many"
    assert "flag_meanings" not in remapped(fields, HALVES)[1]["count"].ncattrs()
    weights = nearest_weights(SOURCE, HALVES)
    remap_file(weights, Remap(weights), fields, fields.with_name("near.nc"))
    with netCDF4.Dataset(fields.with_name("near.nc")) as out:
        assert out["count"].flag_meanings == "few many" and "area" not in out["t"].cell_methods


def test_a_dimension_with_as_many_values_as_a_table_has_cells_is_not_taken_for_it(fields):
    weights = conservative_weights(WIDER, HALVES)
    with pytest.raises(FieldError, match=r"ends in \('lat',\), the weights map from \(1, 2\) cells, and nothing tells"):
        remap_file(weights, Remap(weights), fields, fields.with_name("out.nc"), ["gw"])


def test_what_describes_the_source_grid_is_not_said_of_the_result(fields):
    """Attributes of WRF's grid, and corners on dimensions that no field has."""
    with netCDF4.Dataset(fields, "a") as file:
        file.setncatts({"MAP_PROJ": 1, "DX": 30000.0, "WEST-EAST_GRID_DIMENSION": 5})
        file["t"].stagger = "M"
        file.createDimension("corner_lat", 3)
        file.createDimension("corner_lon", 5)
        file.createVariable("XLAT_C", "f4", ("corner_lat", "corner_lon"))[:] = 0.0
    outcome, out = remapped(fields, HALVES)
    assert not {"MAP_PROJ", "DX", "WEST-EAST_GRID_DIMENSION"} & set(out.ncattrs()) and out.title == "fields"
    assert "stagger" not in out["t"].ncattrs() and "XLAT_C" in outcome.left_out


def test_means_of_categories_are_mentioned(fields):
    with netCDF4.Dataset(fields, "a") as file:
        file["count"].units = "category"
    assert remapped(fields, HALVES)[0].notices == ["count hold categories, whose means mean nothing; remap them with weights of method nearest"]


def test_a_misspelt_name_brings_the_nearest_ones(fields):
    with pytest.raises(FieldError, match="has no variable 'counts'; it has count"):
        remapped(fields, HALVES, ["counts"])


def test_a_wrf_file_becomes_a_file_on_the_new_grid_that_can_be_read_back(tmp_path):
    path, target = shared("data/host/wrf/geo_em.d01_kansai_30km.nc"), tmp_path / "out.nc"
    weights = conservative_weights(read_grid(path), RectilinearGrid.regular(133, 137, 16, 33, 36, 12))
    outcome = remap_file(weights, Remap(weights), path, target)
    assert {"HGT_M", "LANDUSEF", "LU_INDEX"} <= set(outcome.remapped) and not {"XLAT_M", "XLONG_M", "CLAT"} & set(outcome.remapped)
    assert outcome.notices == ["LU_INDEX, SCT_DOM, SCB_DOM hold categories, whose means mean nothing; remap them with weights of method nearest"]
    assert read_grid(target).shape == (12, 16)
    with netCDF4.Dataset(target) as file:
        assert np.abs(file["LANDUSEF"][0].sum(axis=0) - 1.0).max() < 1e-6
