from datetime import date

import numpy as np
import pytest

from lsbc.emulator.hosts.host_file import opened
from lsbc.emulator.hosts.patched import patched
from lsbc.emulator.hosts.wrf_template import check_cells, dates, flat, opened_data, put, read_course, read_template
from lsbc.emulator.hosts.year_file import open_year
from lsbc.regrid.errors import FileError

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
    with opened_data(path) as data:
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
    with opened_data(tmp_path / "new.nc") as data:
        assert np.array_equal(flat(data, "GREENFRAC"), levels) and np.array_equal(flat(data, "LU_INDEX"), levels[3])
        assert data["GREENFRAC"][0, 2, 1, 3] == 2 * 12 + 1 * 4 + 3


def test_a_text_is_no_field(tmp_path):
    with opened_data(wrflowinp(UTC).write(tmp_path / "low.nc")) as data, pytest.raises(FileError, match="'Times' is of type"):
        flat(data, "Times")


def test_times_are_days(tmp_path):
    with opened_data(wrflowinp(UTC, "2032-02-29_18:00:00").write(tmp_path / "low.nc")) as data:
        assert dates(data, tmp_path / "low.nc") == [date(2031, 1, 1), date(2032, 2, 29)]


@pytest.mark.parametrize("text", ["2031-02-29_00:00:00", "2031-13-01_00:00:00", "not a date at all  "])
def test_times_that_are_no_days_are_refused(tmp_path, text):
    with opened_data(wrflowinp(text).write(tmp_path / "low.nc")) as data, pytest.raises(FileError, match="in Times is no date like 2031-01-01_00:00:00"):
        dates(data, tmp_path / "low.nc")


def test_without_a_file_there_is_no_course(year):
    assert read_course(year, None) is None


def test_a_course_is_read_in_percent(tmp_path, year):
    course = read_course(year, geo_em().write(tmp_path / "geo_em.d01.nc"))
    assert course.shape == (12, 12) and (course == 15).all()


def test_damage_is_a_file_error(tmp_path):
    (tmp_path / "text.nc").write_text("no netCDF")
    for name, match in (("text.nc", "cannot be read as netCDF"), ("none.nc", "does not exist or is no regular file")):
        with pytest.raises(FileError, match=match), opened_data(tmp_path / name):
            pass
