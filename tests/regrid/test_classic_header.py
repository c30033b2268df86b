"""The header of classic netCDF files."""

from pathlib import Path

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.regrid.classic_header import check_classic
from lsbc.regrid.errors import FileError

CLASSIC = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"]


def sample(path, file_format="NETCDF3_CLASSIC", records=0):
    """Names and attributes of lengths that need padding and that do not; the last variable ends on an odd byte."""
    with Dataset(path, "w", format=file_format) as data:
        data.createDimension("time", None)
        data.createDimension("five", 5)
        data.setncatts({"title": "abc", "numbers": np.array([1, 2, 3], np.int16), "empty": ""})
        for name, kind in (("real", "f8"), ("short", "i2"), ("letter", "S1")):
            variable = data.createVariable(name, kind, ("five",))
            variable.units = "m"
            variable[:] = np.full(5, b"x") if kind == "S1" else np.arange(5)
        for name, kind in (("r1", "f4"), ("r2", "i2")):
            data.createVariable(name, kind, ("time", "five"))[:] = np.ones((records, 5))
    return path


@pytest.mark.parametrize("records", [0, 1, 3])
@pytest.mark.parametrize("file_format", CLASSIC)
def test_whole_files_pass_and_files_without_their_last_values_do_not(tmp_path, file_format, records):
    path = sample(tmp_path / "f.nc", file_format, records)
    check_classic(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(FileError, match=r"is cut short: it has \d+ bytes, its header speaks of"):
        check_classic(path)


@pytest.mark.parametrize("kind", ["i1", "S1", "i2", "f4"])
@pytest.mark.parametrize("file_format", CLASSIC)
def test_records_of_a_single_variable_have_no_padding(tmp_path, file_format, kind):
    path = tmp_path / "f.nc"
    with Dataset(path, "w", format=file_format) as data:
        data.createDimension("time", None)
        data.createDimension("three", 3)
        data.createVariable("x", kind, ("time", "three"))[:] = np.full((5, 3), b"x") if kind == "S1" else np.ones((5, 3))
    check_classic(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    with pytest.raises(FileError, match="is cut short"):
        check_classic(path)


def test_other_files_are_left_to_their_library(tmp_path):
    with Dataset(tmp_path / "f.nc", "w"):
        pass
    check_classic(tmp_path / "f.nc")
    (tmp_path / "empty").write_bytes(b"")
    check_classic(tmp_path / "empty")


def test_every_file_of_other_programs_passes():
    for path in sorted((Path(__file__).parent / "weight_data").glob("*.nc")):
        check_classic(path)


@pytest.mark.parametrize(("at", "byte", "message"), [
    (3, 9, "of no known version"), (11, 11, "lists are out of order"), (15, 200, "."), (12, 127, "a list has"), (16, 127, "a name has"),
    (20, 0xFF, "a name is no text")])
def test_a_damaged_header_is_named(tmp_path, at, byte, message):
    path = sample(tmp_path / "f.nc")
    whole = bytearray(path.read_bytes())
    whole[at] = byte
    path.write_bytes(whole)
    with pytest.raises(FileError, match=message):
        check_classic(path)


def test_no_cut_and_no_changed_byte_ends_otherwise(tmp_path):
    whole = sample(tmp_path / "f.nc", records=2).read_bytes()
    path = tmp_path / "g.nc"
    for at in range(len(whole)):
        for content in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x81]) + whole[at + 1:]):
            path.write_bytes(content)
            try:
                check_classic(path)
            except FileError as error:
                assert str(path) in str(error)
