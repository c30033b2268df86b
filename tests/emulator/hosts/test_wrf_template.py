from datetime import date
from pathlib import Path

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.hosts.host_file import opened
from lsbc.emulator.hosts.netcdf import open_netcdf
from lsbc.emulator.hosts.patched import patched
from lsbc.emulator.hosts.wrf_template import (
    FLOATS,
    NUMBERS,
    check_cells,
    dates,
    flat,
    put,
    put_cells,
    read_course,
    read_template,
    require_map,
)
from lsbc.emulator.hosts.year_file import open_year
from lsbc.regrid.errors import FileError

from grid_files import Var
from host_files import attribute, geo_em, set_values, without, wrflowinp
from year_files import fractions, write_year

UTC = "2031-01-01_00:00:00"


@pytest.fixture
def year(tmp_path):
    lon, lat = (geo_em().variables[name].values for name in ("XLONG_M", "XLAT_M"))
    with open_year(write_year(tmp_path / "lsbc_2031.nc", fractions(*[{40: 1}] * 12), lon, lat)) as file:
        yield file


def template_of(spec, year, folder):
    path = spec.write(folder / "template.nc")
    with open_netcdf(path) as data:
        return read_template(year, data, path)


def test_a_template_has_its_cells_in_c_order(tmp_path, year):
    spec = geo_em()
    spec.variables["LANDUSEF"].values[0, :, 1, 2] = np.arange(21) / 210
    template = template_of(spec, year, tmp_path)
    assert (template.n_class, template.lake) == (21, True)
    assert template.index.tolist() == [17, 5, 5, 5] * 3 and template.land.tolist() == [False, True, True, True] * 3
    assert template.fractions[:, 6].tolist() == (np.arange(21, dtype=np.float32) / 210).tolist()


def test_a_file_without_lakes_says_so(tmp_path, year):
    spec = geo_em()
    attribute("ISLAKE", np.int32(-1))(spec)
    assert not template_of(spec, year, tmp_path).lake


def test_a_file_with_vegetation_types_is_land_where_mask_and_class_say_so(tmp_path, year):
    spec = geo_em(True)
    set_values("LANDMASK", (0, 0, 0), 1)(spec)
    assert not template_of(spec, year, tmp_path).land[0]
    without("IVGTYP")(spec)
    assert template_of(spec, year, tmp_path).land[0]


def test_longitudes_may_differ_by_a_turn(tmp_path, year):
    spec = geo_em()
    spec.variables["XLONG_M"].values -= 360
    with opened(spec.write(tmp_path / "template.nc")) as file:
        check_cells(year, file)


def test_what_is_put_is_read_back(tmp_path):
    template = geo_em().write(tmp_path / "template.nc")
    levels = np.arange(12 * 12, dtype=np.float32).reshape(12, 12)
    with patched(template, tmp_path / "new.nc") as data:
        put(data, "GREENFRAC", levels)
        put(data, "LU_INDEX", levels[3])
    with open_netcdf(tmp_path / "new.nc") as data:
        assert np.array_equal(flat(data, "GREENFRAC"), levels) and np.array_equal(flat(data, "LU_INDEX"), levels[3])
        assert data["GREENFRAC"][0, 2, 1, 3] == 2 * 12 + 1 * 4 + 3


SIZES = {"Time": 1, "month": 12, "south_north": 3, "west_east": 4, "extra": 2}


@pytest.mark.parametrize(("dims", "levels", "words"), [
    ((), False, r"\(none\)"), (("Time",), False, "Time"), (("south_north", "west_east"), False, "south_north, west_east"),
    (("Time", "west_east", "south_north"), False, "Time, west_east, south_north"),
    (("extra", "Time", "south_north", "west_east"), False, "extra, Time, south_north, west_east"),
    (("Time", "month", "south_north", "west_east"), False, "Time, month, south_north, west_east"),
    (("Time", "south_north", "west_east"), True, "Time, south_north, west_east"),
    (("month", "Time", "south_north", "west_east"), True, "month, Time, south_north, west_east"),
    (("Time", "extra", "month", "south_north", "west_east"), True, "Time, extra, month, south_north, west_east"),
])
def test_a_variable_of_other_dimensions_is_no_map(tmp_path, dims, levels, words):
    spec = geo_em()
    spec.variables["ODD"] = Var(dims, np.ones([SIZES[dim] for dim in dims], np.float32))
    expected = f"Time, {'one of levels, ' if levels else ''}south_north, west_east are expected"
    with open_netcdf(spec.write(tmp_path / "t.nc")) as data, pytest.raises(FileError, match=rf"File t.nc: ODD has the dimensions {words}; {expected}"):
        require_map(data, "ODD", Path("t.nc"), levels=levels)


@pytest.mark.parametrize(("values", "kinds", "match"), [
    (np.full((1, 3, 4), "a", "S1"), NUMBERS, r"'ODD' is of type \|S1; numbers are expected"),
    (np.ones((1, 3, 4), np.int32), FLOATS, "'ODD' is of type int32; floating-point numbers are expected"),
])
def test_a_map_of_other_values_is_refused(tmp_path, values, kinds, match):
    spec = geo_em()
    spec.variables["ODD"] = Var(("Time", "south_north", "west_east"), values)
    with open_netcdf(spec.write(tmp_path / "t.nc")) as data, pytest.raises(FileError, match=match):
        require_map(data, "ODD", Path("t.nc"), kinds=kinds)


def test_class_numbers_may_be_whole_numbers(tmp_path):
    with open_netcdf(geo_em(True).write(tmp_path / "t.nc")) as data:
        require_map(data, "IVGTYP", Path("t.nc"), kinds=NUMBERS)
        require_map(data, "GREENFRAC", Path("t.nc"), levels=True)


@pytest.mark.parametrize("name", ["LU_INDEX", "LANDMASK", "IVGTYP", "XLAT_M", "XLONG_M"])
def test_a_template_whose_maps_are_not_maps_is_refused(tmp_path, year, name):
    for dims in (("Time", "west_east", "south_north"), ("south_north", "west_east"), ("extra", "Time", "south_north", "west_east"), ()):
        spec = geo_em(True)
        spec.variables[name] = Var(dims, np.ones([SIZES[dim] for dim in dims], np.float32))
        with pytest.raises(FileError, match=f"{name} has the dimensions .*; Time, south_north, west_east are expected"):
            template_of(spec, year, tmp_path)


def test_fractions_in_whole_numbers_are_refused(tmp_path, year):
    spec = geo_em()
    spec.variables["LANDUSEF"].values = spec.variables["LANDUSEF"].values.astype(np.int32)
    with pytest.raises(FileError, match="'LANDUSEF' is of type int32; floating-point numbers"):
        template_of(spec, year, tmp_path)


@pytest.mark.parametrize(("name", "fill", "index"), [("LU_INDEX", 17, 17), ("LANDMASK", 0, 17), ("LU_INDEX", -9, -9)])
def test_numbers_are_read_bare_as_wrf_reads_them(tmp_path, year, name, fill, index):
    """Whatever the file calls missing: the first cell is water."""
    spec = geo_em()
    spec.variables[name].attrs["_FillValue"] = np.float32(fill)
    spec.variables[name].values[0, 0, 0] = fill
    template = template_of(spec, year, tmp_path)
    assert template.index[0] == index and not template.land[0] and template.land[1]


@pytest.mark.parametrize("format", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET"])
def test_a_file_that_was_cut_short_is_refused(tmp_path, format):
    """The library would read zeros in its missing part."""
    path = geo_em().write(tmp_path / "geo_em.d01.nc", format=format)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(FileError, match="geo_em.d01.nc is cut short"), open_netcdf(path):
        pass


@pytest.mark.parametrize("cells", [np.array([5, 7]), np.isin(np.arange(12), [5, 7])])
def test_cells_that_are_not_put_keep_their_bits(tmp_path, cells):
    spec = geo_em()
    spec.variables["GREENFRAC"].values[0, :, 0, 0] = np.nan
    with patched(spec.write(tmp_path / "template.nc"), tmp_path / "new.nc") as data:
        before = flat(data, "GREENFRAC")
        put_cells(data, "GREENFRAC", np.array([2.0, 3.0]), cells)
        after = flat(data, "GREENFRAC")
    assert after[:, [5, 7]].tolist() == [[2, 3]] * 12 and np.delete(after, [5, 7], 1).tobytes() == np.delete(before, [5, 7], 1).tobytes()


def test_times_are_days(tmp_path):
    with open_netcdf(wrflowinp(UTC, "2032-02-29_18:00:00").write(tmp_path / "low.nc")) as data:
        assert dates(data, tmp_path / "low.nc") == [date(2031, 1, 1), date(2032, 2, 29)]


@pytest.mark.parametrize("var", [
    Var((), np.array("2", "S1")), Var(("Time", "DateStrLen"), np.ones((1, 19), np.float32)), Var(("DateStrLen",), np.array(list(UTC), "S1")),
    Var(("extra", "Time", "DateStrLen"), np.array([[list(UTC)]] * 2, "S1")), Var(("DateStrLen", "Time"), np.array([list(UTC)], "S1").T),
    Var(("Time",), np.array([UTC], object)),
])
def test_times_that_are_no_characters_are_refused(tmp_path, var):
    spec = wrflowinp(UTC)
    spec.variables["Times"] = var
    if var.values.dtype == object:
        with Dataset(without_times(spec).write(tmp_path / "low.nc"), "r+") as data:
            data.createVariable("Times", str, ("Time",))[0] = UTC
    else:
        spec.write(tmp_path / "low.nc")
    with open_netcdf(tmp_path / "low.nc") as data, pytest.raises(FileError, match="Times has the dimensions .* and is of type .*; Time, DateStrLen and characters"):
        dates(data, tmp_path / "low.nc")


def without_times(spec):
    without("Times")(spec)
    return spec


@pytest.mark.parametrize("text", ["2031-02-29_00:00:00", "2031-13-01_00:00:00", "not a date at all  "])
def test_times_that_are_no_days_are_refused(tmp_path, text):
    with open_netcdf(wrflowinp(text).write(tmp_path / "low.nc")) as data, pytest.raises(FileError, match="in Times is no date like 2031-01-01_00:00:00"):
        dates(data, tmp_path / "low.nc")


def test_without_a_file_there_is_no_course(year):
    assert read_course(year, None) is None


def test_a_course_is_read_in_percent(tmp_path, year):
    course = read_course(year, geo_em().write(tmp_path / "geo_em.d01.nc"))
    assert course.shape == (12, 12) and (course == 15).all()


@pytest.mark.parametrize(("change", "match"), [
    (lambda var: Var(("Time", "month", "west_east", "south_north"), np.swapaxes(var.values, 2, 3)), "ALBEDO12M has the dimensions Time, month, west_east, south_north"),
    (lambda var: Var(var.dims, var.values[:, :11]), "has 1 times of 11 months of ALBEDO12M"),
    (lambda var: Var((), 1.0), r"ALBEDO12M has the dimensions \(none\)"),
])
def test_a_course_of_other_dimensions_is_refused(tmp_path, year, change, match):
    spec = geo_em()
    for name in ("GREENFRAC", "LAI12M"):
        without(name)(spec)
    spec.variables["ALBEDO12M"] = change(spec.variables["ALBEDO12M"])
    with pytest.raises(FileError, match=match):
        read_course(year, spec.write(tmp_path / "geo_em.d01.nc"))


def test_damage_is_a_file_error(tmp_path):
    (tmp_path / "text.nc").write_text("no netCDF")
    for name, match in (("text.nc", "cannot be read as netCDF"), ("none.nc", "does not exist or is no regular file")):
        with pytest.raises(FileError, match=match), open_netcdf(tmp_path / name):
            pass
