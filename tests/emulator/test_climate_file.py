import shutil

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.cli import main
from lsbc.emulator.climate import known_climate
from lsbc.emulator.climate_file import read_cells, write_climate
from lsbc.regrid.errors import FieldError, FileError, GridError, Status, ValueRangeError
from lsbc.regrid.host_cells import HostCells

import grid_files
from grid_files import Spec, Var
from shared import shared

MONTH = np.arange(12.0)
LON, LAT = np.arange(9.0), np.array([-41.0, -40.0, 40.0, 41.0])
"""Edges of boxes: two rows of the south and of the north, with a gap of 80 degrees as a third."""


def monthly(path, kelvin, lon_edge_deg=LON, lat_edge_deg=LAT, name="t2m", units="K", time=None, **attrs):
    """A file with kelvin (month, lat, lon) on boxes."""
    spec = grid_files.cf_boxes(lon_edge_deg, lat_edge_deg)
    shape = (len(kelvin), len(lat_edge_deg) - 1, len(lon_edge_deg) - 1)
    units = {} if units is None else {"units": units}
    spec.variables[name] = Var(("time", "lat", "lon"), np.broadcast_to(kelvin, shape), {**units, **attrs})
    del spec.variables["z"]
    if time is not None:
        spec.variables["time"] = time
    return spec.write(path)


def host(path, boxes, ids=None):
    """A host file of boxes (west, east, south, north), without the states."""
    west, east, south, north = np.array(boxes, float).T
    lon, lat = np.stack([west, east, east, west], axis=1), np.stack([south, south, north, north], axis=1)
    return Spec({"global_id": Var(("cell",), np.arange(len(boxes)) + 70 if ids is None else np.array(ids)), "clon": Var(("cell",), lon.mean(axis=1)),
                 "clat": Var(("cell",), lat.mean(axis=1)), "clon_vertices": Var(("cell", "nv"), lon), "clat_vertices": Var(("cell", "nv"), lat)}).write(path)


def coldest(path):
    with Dataset(path) as data:
        data.set_auto_mask(False)
        return data["coldest_month_temperature"][:]


def written(folder, source, cells, **how):
    outcome = write_climate(source, str(cells), folder / "climate.nc", **how)
    return coldest(folder / "climate.nc"), outcome


def by_month(value):
    """(12, 1, 1)"""
    return np.asarray(value, float).reshape(-1, 1, 1)


WAVE = by_month(10.0 * np.cos(2.0 * np.pi * MONTH / 12.0))


def test_a_field_linear_in_longitude_has_the_value_at_the_middle_of_the_cell(tmp_path):
    kelvin = 280.0 + 0.5 * (LON[:-1] + 0.5) + by_month(np.abs(MONTH - 2.0) - 5.0)
    values, outcome = written(tmp_path, monthly(tmp_path / "m.nc", kelvin), host(tmp_path / "host.nc", [(1, 3, 40, 41), (2, 8, 40, 41)]))
    assert values == pytest.approx([280.0 + 1.0 - 5.0, 280.0 + 2.5 - 5.0], rel=1e-14)
    assert outcome.text.endswith("coldest month of 2 cells, 276.00 .. 277.50 K, from 12 months of 't2m'")


def test_each_hemisphere_has_its_own_winter(tmp_path):
    north = np.array([-1.0, 0.0, 1.0])[:, None]
    values, _ = written(tmp_path, monthly(tmp_path / "m.nc", 285.0 - north * WAVE + 0.1 * by_month(MONTH)),
                        host(tmp_path / "host.nc", [(1, 2, 40, 41), (1, 2, -41, -40)]))
    assert values == pytest.approx([285.0 - 10.0, 285.0 - 10.0 + 0.6], rel=1e-14)


def test_the_lowest_month_of_the_mean_is_taken_not_the_mean_of_the_lowest_months(tmp_path):
    kelvin = np.tile(np.array([280.0, 290.0]), (12, 1, 1))
    kelvin[0, 0, 0], kelvin[6, 0, 1] = 270.0, 260.0
    values, _ = written(tmp_path, monthly(tmp_path / "m.nc", kelvin, [0, 1, 2], [40, 41]), host(tmp_path / "host.nc", [(0, 2, 40, 41)]))
    assert values == pytest.approx([(280.0 + 260.0) / 2.0], rel=1e-14)


def test_calendar_months_are_averaged_over_the_years_before_the_coldest_is_taken(tmp_path):
    first, second = np.full(12, 285.0), np.full(12, 285.0)
    first[0], second[0], second[1] = 270.0, 276.0, 269.0  # means of January 273 and of February 277
    days = np.array([15, 45, 74, 105, 135, 166, 196, 227, 258, 288, 319, 349, 380, 410, 439, 470, 500, 531, 561, 592, 623, 653, 684, 714.0])
    order = np.random.default_rng(1).permutation(24)
    time = Var(("time",), days[order], {"units": "days since 2001-01-01", "calendar": "365_day"})
    source = monthly(tmp_path / "m.nc", by_month(np.concatenate([first, second])[order]), time=time)
    values, outcome = written(tmp_path, source, host(tmp_path / "host.nc", [(1, 3, 40, 41)]))
    assert values == pytest.approx([273.0], rel=1e-14) and outcome.notes == ()
    assert "12 months of 't2m', means of 2 years" in outcome.text


@pytest.mark.parametrize("units", ["degC", "degrees Celsius", "Celsius", "°C", "C"])
def test_degrees_celsius_become_kelvin(tmp_path, units):
    values, _ = written(tmp_path, monthly(tmp_path / "m.nc", by_month(MONTH - 5.0), name="tmp", units=units), host(tmp_path / "host.nc", [(1, 3, 40, 41)]))
    assert values == pytest.approx([268.15], rel=1e-14)


def test_packed_values_are_unpacked(tmp_path):
    packed = np.arange(12, dtype=np.int16).reshape(-1, 1, 1) * 100 - 500
    source = monthly(tmp_path / "m.nc", packed, scale_factor=0.01, add_offset=280.0)
    assert written(tmp_path, source, host(tmp_path / "host.nc", [(1, 3, 40, 41)]))[0] == pytest.approx([275.0], rel=1e-14)


def test_the_sea_is_left_out_of_means_and_cells_of_sea_alone_are_missing(tmp_path):
    kelvin = 270.0 + MONTH[:, None, None] + np.zeros((12, 3, 8))
    kelvin[:, :, 2], kelvin[:, :, 3:] = 276.0 + MONTH[:, None], -999.0
    cells = host(tmp_path / "host.nc", [(1, 3, 40, 41), (2, 4, 40, 41), (4, 6, 40, 41), (30, 31, 40, 41)])
    values, outcome = written(tmp_path, monthly(tmp_path / "m.nc", kelvin, units="kelvin", _FillValue=-999.0), cells)
    assert values == pytest.approx([273.0, 276.0, -9999.0, -9999.0], rel=1e-14)
    assert len(outcome.notes) == 2 and "has no time axis" in outcome.notes[0]
    assert outcome.notes[1] == "2 of 4 cells lie over no data and are missing, the first is cell 72 (5.0000 E, 40.5000 N)"


def test_a_place_that_lacks_a_month_is_left_out_altogether_and_counted(tmp_path):
    kelvin = 270.0 + MONTH[:, None, None] + np.zeros((12, 3, 8))
    kelvin[:, 2, 1], kelvin[5, 2, 1] = 200.0, np.nan
    values, outcome = written(tmp_path, monthly(tmp_path / "m.nc", kelvin), host(tmp_path / "host.nc", [(0, 3, 40, 41)]))
    assert values == pytest.approx([270.0], rel=1e-14)
    assert any(note.startswith("1 cells of ") and "lack 't2m' in some of the months" in note for note in outcome.notes)


def test_a_run_reads_the_file_back_for_its_cells_in_any_order(tmp_path):
    kelvin = 270.0 + MONTH[:, None, None] + LON[:-1]
    kelvin[:, 0, 5] = np.nan
    boxes, ids = [(float(k), k + 1.0, 40.0, 41.0) for k in range(4)] + [(20.0, 21.0, 40.0, 41.0)], [907, 3, 44, 12, 5]
    written(tmp_path, monthly(tmp_path / "m.nc", kelvin), host(tmp_path / "host.nc", boxes, ids))
    with Dataset(tmp_path / "climate.nc") as data:
        assert data["global_id"][:].tolist() == ids
        field = data["coldest_month_temperature"]
        assert (field.units, field.standard_name, field._FillValue) == ("K", "air_temperature", -9999.0)
        assert field.cell_methods == "time: mean (of each calendar month over the years) area: mean time: minimum (of the twelve months)"
        assert data.Conventions == "CF-1.11" and data.source == "12 months of 't2m'"
    order = [3, 0, 4, 2]
    west, east, south, north = np.array(boxes)[order].T
    cells = HostCells(np.array(ids)[order], (west + east) / 2, (south + north) / 2, np.stack([west, east, east, west], axis=1),
                      np.stack([south, south, north, north], axis=1), np.ones(4, bool))
    known = known_climate(tmp_path / "climate.nc", cells)
    assert list(known) == ["coldest_month_temperature"]
    assert known["coldest_month_temperature"] == pytest.approx([273.0, 270.0, np.nan, 272.0], rel=1e-14, nan_ok=True)


def test_wrfs_cells_have_the_ids_that_its_module_gives_them(tmp_path):
    grid_files.SOUND["wrf"]().write(tmp_path / "geo_em.d01.nc")
    source = monthly(tmp_path / "m.nc", 280.0 + MONTH[:, None, None], np.arange(99.0, 111.0), np.arange(28.0, 37.0))
    written(tmp_path, source, tmp_path / "geo_em.d01.nc")
    with Dataset(tmp_path / "geo_em.d01.nc") as geo, Dataset(tmp_path / "climate.nc") as data:
        data.set_auto_mask(False)
        ids, lon = data["global_id"][:], data["lon"][:]
        for i in (1, 2, 3):
            for j in (1, 2, 3):
                assert lon[ids == i + (j - 1) * 3] == pytest.approx([float(geo["XLONG_M"][0, j - 1, i - 1])])


@pytest.mark.parametrize("name, n", [("icon", 8), ("icon_connected", 8), ("ugrid", 4), ("scrip_boxes", 12), ("mpas", 4)])
def test_cells_of_a_grid_file_are_numbered_from_1_in_its_order(tmp_path, name, n):
    assert read_cells(str(grid_files.SOUND[name]().write(tmp_path / "grid.nc")))[1].tolist() == list(range(1, n + 1))


def test_a_yearly_file_of_lsbc_names_its_cells_itself(tmp_path):
    spec = grid_files.SOUND["ugrid"]()
    spec.variables["global_id"] = Var(("face",), np.array([40, 30, 20, 10]))
    grid, ids = read_cells(str(spec.write(tmp_path / "lsbc_2000.nc")))
    assert ids.tolist() == [40, 30, 20, 10] and grid.n_cell == 4


@pytest.mark.parametrize("ids, told", [([5, 6, 5, 7], "has the global_id 5 twice"), ([1, 2, 3], "has 4 cells and 3 values of global_id"),
                                       ([1.0, 2.0, 3.0, 4.0], "global_id is of type float64")])
def test_ids_that_are_none_are_refused(tmp_path, ids, told):
    spec = grid_files.SOUND["ugrid"]()
    spec.variables["global_id"] = Var(("id",), np.array(ids))
    with pytest.raises(GridError, match=told):
        read_cells(str(spec.write(tmp_path / "grid.nc")))


def extpar(lon_shift_deg=0.0):
    """Fields on the octants' own cells without corners, as EXTPAR writes them."""
    spec = grid_files.icon()
    cells = {name: Var(("cell",), spec.variables[name].values + np.radians(lon_shift_deg), {"units": "radian"}) for name in ("clon", "clat")}
    time = Var(("time",), 11110011.0 + 100.0 * np.arange(1, 13), {"units": "day as %Y%m%d.%f"})
    values = 270.0 + np.arange(8.0) + MONTH[:, None]
    return Spec({**cells, "time": time, "T_CL": Var(("cell",), values[0], {"units": "K"}), "T_SEA": Var(("time", "cell"), values + 5.0, {"units": "K"}),
                 "T_2M_CLIM": Var(("time", "cell"), values, {"units": "K"})})


def test_fields_on_the_hosts_own_cells_stay_as_they_are(tmp_path):
    grid_files.icon().write(tmp_path / "grid.nc")
    values, outcome = written(tmp_path, extpar().write(tmp_path / "extpar.nc"), tmp_path / "grid.nc", variable="T_2M_CLIM")
    assert values.tolist() == [270.0 + k for k in range(8)] and outcome.notes == ()
    with pytest.raises(FieldError, match=r"must name it; in K or degC it has T_CL\(cell = 8\), T_SEA\(time = 12, cell = 8\), T_2M_CLIM"):
        written(tmp_path, tmp_path / "extpar.nc", tmp_path / "grid.nc")
    with pytest.raises(FieldError, match=r"'T_CL' of .* has dimensions \(cell = 8\); one of months is needed"):
        written(tmp_path, tmp_path / "extpar.nc", tmp_path / "grid.nc", variable="T_CL")


def test_fields_without_corners_on_other_cells_are_refused(tmp_path):
    grid_files.icon().write(tmp_path / "grid.nc")
    spec = extpar(90.0)
    spec.variables["clon"].attrs, spec.variables["clat"].attrs = {**grid_files.RADIANS, "standard_name": "longitude"}, {**grid_files.RADIANS, "standard_name": "latitude"}
    spec.variables["clat"].values -= np.radians(90.0)
    with pytest.raises(GridError, match="has cell centres only"):
        written(tmp_path, spec.write(tmp_path / "extpar.nc"), tmp_path / "grid.nc", variable="T_2M_CLIM")


SOUND = 280.0 + MONTH[:, None, None] + np.zeros((12, 3, 8))


@pytest.mark.parametrize("units, shown", [(None, ""), ("degF", "degF"), ("m", "m")])
def test_units_are_not_guessed(tmp_path, units, shown):
    source, cells = monthly(tmp_path / "m.nc", SOUND, units=units), host(tmp_path / "host.nc", [(1, 3, 40, 41)])
    with pytest.raises(FieldError, match=f"'t2m' of .* has the units '{shown}'; a temperature has K or degC in its units attribute"):
        written(tmp_path, source, cells, variable="t2m")
    with pytest.raises(FieldError, match="must have one variable of months and cells in K or degC, .* it has none among lon, "):
        written(tmp_path, source, cells)


@pytest.mark.parametrize("value, units, told", [
    (12.0, "K", r"is 12 at step 4, 2.5000 E, 40.5000 N; a monthly mean of air must be 173.15..333.15 K, missing values need _FillValue"),
    (12.0, "K", r"\(its units are 'K'; if they are degC, correct them: ncatted -a units,t2m,o,c,degC .*m.nc\)"),
    (280.0, "degC", r"is 280 at step 4, .* 'degC'; if they are K, correct them: ncatted -a units,t2m,o,c,K"),
    (-9999.0, "K", r"is -9999 at step 4, .* need _FillValue \(its units are 'K'\)"),
    (np.inf, "K", "is inf at step 4")])
def test_what_is_no_temperature_of_air_is_refused_with_its_place(tmp_path, value, units, told):
    kelvin = np.full((12, 3, 8), 280.0 if units == "K" else 7.0)
    kelvin[3, 2, 2] = value
    with pytest.raises(ValueRangeError, match=told):
        written(tmp_path, monthly(tmp_path / "m.nc", kelvin, units=units), host(tmp_path / "host.nc", [(6, 7, 40, 41)]))


@pytest.mark.parametrize("n_step, time, told", [
    (1, None, r"has dimensions \(time = 1, lat = 3, lon = 8\); one of months is needed"), (13, None, "which has no time axis, has 13 steps"),
    (24, Var(("time",), np.arange(24.0), {"units": "hours since 2001-01-01"}), "Time axis 'time' of .*: steps 1 and 2 lie in the same month"),
    (12, Var(("time",), np.arange(12.0), {"units": "weeks"}), "Time axis 'time' of .* cannot be read as months")])
def test_what_is_not_monthly_is_refused(tmp_path, n_step, time, told):
    with pytest.raises(FieldError, match=told):
        written(tmp_path, monthly(tmp_path / "m.nc", np.full((n_step, 3, 8), 280.0), time=time), host(tmp_path / "host.nc", [(1, 3, 40, 41)]))


def test_an_axis_of_dates_goes_before_bare_numbers_and_its_absence_is_noted(tmp_path):
    source, cells = monthly(tmp_path / "m.nc", SOUND), host(tmp_path / "host.nc", [(1, 3, 40, 41)])
    assert any("has no time axis; its steps are taken for months" in note for note in written(tmp_path, source, cells)[1].notes)
    with Dataset(source, "a") as data:
        hours = data.createVariable("XTIME", "f8", ("time",))
        hours.units = "hours since 2001-01-01"
        hours[:] = np.arange(12.0)
        data.createVariable("time", "i4", ("time",))[:] = np.arange(1, 13)
    with pytest.raises(FieldError, match="Time axis 'XTIME' of .*: steps 1 and 2 lie in the same month"):
        written(tmp_path, source, cells)


def test_a_second_dimension_of_versions_is_refused_and_one_of_length_1_is_not(tmp_path):
    spec, cells = grid_files.cf_boxes(LON, LAT), host(tmp_path / "host.nc", [(1, 3, 40, 41)])
    spec.variables["t"] = Var(("time", "height", "lat", "lon"), SOUND[:, None], {"units": "K"})
    assert written(tmp_path, spec.write(tmp_path / "one.nc"), cells)[0] == pytest.approx([280.0], rel=1e-14)
    spec.variables["t"] = Var(("time", "expver", "lat", "lon"), np.repeat(SOUND[:, None], 2, axis=1), {"units": "K"})
    with pytest.raises(FieldError, match=r"\(time = 12, expver = 2, lat = 3, lon = 8\); one of months is needed"):
        written(tmp_path, spec.write(tmp_path / "two.nc"), cells)


def test_a_name_that_is_not_there_and_two_that_might_be_meant_are_refused(tmp_path):
    source, cells = monthly(tmp_path / "m.nc", SOUND), host(tmp_path / "host.nc", [(1, 3, 40, 41)])
    with pytest.raises(FieldError, match="has no variable 'tas'; it has lon, .*t2m"):
        written(tmp_path, source, cells, variable="tas")
    with Dataset(source, "a") as data:
        data.createVariable("tx", "f4", ("time", "lat", "lon")).units = "K"
        data["tx"][:] = 300.0
    with pytest.raises(FieldError, match=r"must name it; in K or degC it has t2m\(time = 12, lat = 3, lon = 8\), tx"):
        written(tmp_path, source, cells)
    assert written(tmp_path, source, cells, variable="tx")[0] == pytest.approx([300.0], rel=1e-14)


def test_cells_elsewhere_are_refused_and_the_file_before_stays(tmp_path):
    source = monthly(tmp_path / "m.nc", SOUND)
    written(tmp_path, source, host(tmp_path / "host.nc", [(1, 3, 40, 41)]))
    before = (tmp_path / "climate.nc").read_bytes()
    with pytest.raises(GridError, match="None of the 1 cells of .*away.nc lies over data of 't2m' in .*m.nc"):
        written(tmp_path, source, host(tmp_path / "away.nc", [(100, 101, 40, 41)]))
    assert (tmp_path / "climate.nc").read_bytes() == before and sorted(path.name for path in tmp_path.iterdir()) == ["away.nc", "climate.nc", "host.nc", "m.nc"]


def test_files_that_cannot_be_read_or_must_not_be_written_are_named(tmp_path):
    source, cells = monthly(tmp_path / "m.nc", SOUND), host(tmp_path / "host.nc", [(1, 3, 40, 41)])
    (tmp_path / "text.nc").write_text("no netCDF at all")
    for out in (source, cells):
        with pytest.raises(FileError, match="is a file to be read; write the result to another one"):
            write_climate(source, str(cells), out)
    with pytest.raises(FileError, match="gone.nc does not exist"):
        written(tmp_path, tmp_path / "gone.nc", cells)
    for given in ((tmp_path / "text.nc", cells), (source, tmp_path / "text.nc")):
        with pytest.raises(FileError, match="text.nc cannot be read"):
            written(tmp_path, *given)
    with pytest.raises(FileError, match="nowhere does not exist"):
        write_climate(source, str(cells), tmp_path / "nowhere" / "climate.nc")


def test_the_command_writes_the_file_and_says_what_it_did(tmp_path, capsys):
    source, cells, out = monthly(tmp_path / "m.nc", SOUND), host(tmp_path / "host.nc", [(1, 3, 40, 41), (50, 51, 40, 41)]), tmp_path / "climate.nc"
    assert main(["climate", str(source), str(cells), "-o", str(out)]) == 0
    told = capsys.readouterr()
    assert f"{out}: coldest month of 1 cells, 280.00 .. 280.00 K, from 12 months of 't2m'" in told.out
    assert "note: 1 of 2 cells lie over no data and are missing, the first is cell 71" in told.err
    with Dataset(out) as data:
        assert data.history.endswith(f"Z: lsbc climate {source} {cells} -o {out}")
    assert main(["climate", str(source), str(cells), "-o", str(out), "--variable", "tas"]) == int(Status.FIELD)
    assert "lsbc: FieldError: File" in capsys.readouterr().err


ERA5 = "data/europe/europe_era5_climatology_0p25deg_monthly.nc"


@pytest.fixture
def era5(tmp_path):
    """ERA5's climatology with the units that its numbers have: the file says K and holds degrees Celsius."""
    path = shutil.copyfile(shared(ERA5), tmp_path / "era5.nc")
    with Dataset(path, "a") as data:
        data["t2m"].units = "degC"
    return path


def area_mean(path, west, east, south, north):
    """Mean of each month over a box, by overlaps in longitude and in the sine of latitude."""
    with Dataset(path) as data:
        lon, lat, t2m = (np.asarray(data[name][:], float) for name in ("longitude", "latitude", "t2m"))
    width = np.clip(np.minimum(lon + 0.125, east) - np.maximum(lon - 0.125, west), 0.0, None)
    low, high = np.maximum(lat - 0.125, south), np.minimum(lat + 0.125, north)
    height = np.where(high > low, np.sin(np.radians(high)) - np.sin(np.radians(low)), 0.0)
    return np.einsum("mij,i,j->m", t2m, height, width) / (height.sum() * width.sum())


def test_real_climatology_gives_the_area_means_of_another_program(era5, tmp_path):
    boxes = [(10.1, 10.7, 46.2, 46.9), (10.7, 11.45, 46.2, 46.9)]
    expected = [area_mean(era5, *box).min() + 273.15 for box in boxes]
    grid_files.cf_boxes([10.1, 10.7, 11.45], [46.2, 46.9]).write(tmp_path / "boxes.nc")
    values, outcome = written(tmp_path, era5, tmp_path / "boxes.nc", variable="t2m")
    assert values == pytest.approx(expected, rel=1e-12) and outcome.notes == ()
    assert abs(values[0] - values[1]) > 0.5
    values, _ = written(tmp_path, era5, host(tmp_path / "host.nc", boxes))  # edges are great circles: at most 70 m north of the parallel
    assert values == pytest.approx(expected, abs=0.02)


def test_a_real_file_with_false_units_is_refused(tmp_path):
    with pytest.raises(ValueRangeError, match="is -4.22263 at step 1, -12.0000 E, 72.0000 N; .* if they are degC, correct them"):
        written(tmp_path, shared(ERA5), host(tmp_path / "host.nc", [(10, 11, 46, 47)]))
