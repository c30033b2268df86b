import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.hosts.template import mark
from lsbc.emulator.hosts.told_years import by_year, with_former_years


@pytest.fixture
def data(tmp_path):
    with Dataset(tmp_path / "several.nc", "w") as file:
        yield file


def told(data, year, sha256, *notes):
    mark(data, *with_former_years(data, {"model": "net", "model_sha256": sha256}, year, notes))
    return np.ravel(data.lsbc_valid_year).tolist(), data.lsbc_model, data.lsbc_model_sha256, data.lsbc_notes


def test_the_first_year_is_told_plainly(data):
    assert told(data, 2031, "ab", "one", "two") == ([2031], "net", "ab", "one; two")
    assert data.lsbc_valid_year.dtype == np.int32


def test_years_are_a_list_and_what_differs_has_a_line_for_each(data):
    told(data, 2032, "cd", "two")
    assert told(data, 2031, "ab", "one", "more") == ([2031, 2032], "net", "2031: ab\n2032: cd", "2031: one; more\n2032: two")
    assert told(data, 2033, "ab") == ([2031, 2032, 2033], "net", "2031: ab\n2032: cd\n2033: ab", "2031: one; more\n2032: two\n2033: ")


def test_a_year_that_is_written_again_takes_its_own_place(data):
    for year in (2031, 2032):
        told(data, year, "ab", f"note of {year}")
    assert told(data, 2031, "cd", "new") == ([2031, 2032], "net", "2031: cd\n2032: ab", "2031: new\n2032: note of 2032")


def test_what_becomes_alike_again_is_one_text(data):
    told(data, 2031, "ab", "one")
    told(data, 2032, "cd", "one")
    assert told(data, 2032, "ab", "one") == ([2031, 2032], "net", "ab", "one")


def test_what_only_former_years_had_stays_theirs(data):
    mark(data, *with_former_years(data, {"model": "net", "extra": "x"}, 2031, []))
    mark(data, *with_former_years(data, {"model": "net"}, 2032, []))
    assert data.lsbc_extra == "2031: x\n2032: " and data.lsbc_model == "net"


def test_attributes_of_others_are_left_alone(data):
    data.setncatts({"lsbc_of_old": "no year beside it", "title": "host's"})
    told(data, 2031, "ab")
    assert data.lsbc_of_old == "no year beside it" and data.title == "host's"


@pytest.mark.parametrize(("former", "years", "expected"), [
    ("2031: looks like a line", [2031], "2031: 2031: looks like a line\n2032: new"),
    ("two\nlines", [2031], "2031: two lines\n2032: new"),
    ("", [], "new"),
    ("same", [2030, 2031], "2030: same\n2031: same\n2032: new"),
])
def test_former_texts_of_any_form_are_kept(former, years, expected):
    assert by_year(former, years, 2032, "new") == expected
