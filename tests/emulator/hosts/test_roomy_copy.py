import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.hosts.roomy_copy import ROOM_BYTES, copy_with_room
from lsbc.regrid.classic_header import check_classic
from lsbc.regrid.errors import FileError

CLASSIC = ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA")


def write(path, form, records=True):
    with Dataset(path, "w", format=form) as data:
        data.createDimension("Time", None if records else 3)
        data.createDimension("cell", 5)
        data.setncatts({"TITLE": "host", "NUM": np.int32(7)})
        rng = np.random.default_rng(0)
        for name, kind, dims in (("fixed", "f8", ("cell",)), ("odd", "i1", ("cell",)), ("first", "f4", ("Time", "cell")), ("short", "i2", ("Time", "cell"))):
            variable = data.createVariable(name, kind, dims)
            variable.units = "1"
            variable[:] = rng.integers(-90, 90, (3, 5) if "Time" in dims else 5)
    return path


def content(path):
    with Dataset(path) as data:
        data.set_auto_maskandscale(False)
        return {name: (variable.dtype, variable.dimensions, variable[...].tobytes(), variable.units) for name, variable in data.variables.items()}, {
            name: data.getncattr(name) for name in data.ncattrs()}


@pytest.mark.parametrize("form", CLASSIC)
@pytest.mark.parametrize("records", [True, False])
def test_a_classic_copy_has_the_same_content_and_room(tmp_path, form, records):
    source = write(tmp_path / "host.nc", form, records)
    copy_with_room(source, tmp_path / "copy.nc")
    assert (tmp_path / "copy.nc").stat().st_size == source.stat().st_size + ROOM_BYTES
    check_classic(tmp_path / "copy.nc")
    assert content(tmp_path / "copy.nc") == content(source)


@pytest.mark.parametrize("form", CLASSIC)
def test_more_attributes_leave_the_data_where_they_are(tmp_path, form):
    source = write(tmp_path / "host.nc", form)
    copy_with_room(source, tmp_path / "copy.nc")
    before = (tmp_path / "copy.nc").read_bytes()
    with Dataset(tmp_path / "copy.nc", "r+") as data:
        data.lsbc_notes = "x" * 20_000
    after = (tmp_path / "copy.nc").read_bytes()
    assert len(after) == len(before) and after[ROOM_BYTES:] == before[ROOM_BYTES:]
    assert content(tmp_path / "copy.nc")[0] == content(source)[0] and content(tmp_path / "copy.nc")[1] == {"TITLE": "host", "NUM": 7, "lsbc_notes": "x" * 20_000}


def test_other_files_and_files_without_data_are_copied_as_they_are(tmp_path):
    write(tmp_path / "four.nc", "NETCDF4")
    with Dataset(tmp_path / "empty.nc", "w", format="NETCDF3_CLASSIC") as data:
        data.TITLE = "nothing"
    (tmp_path / "text").write_text("no netCDF")
    for name in ("four.nc", "empty.nc", "text"):
        copy_with_room(tmp_path / name, tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == (tmp_path / name).read_bytes()


def test_a_damaged_header_is_refused(tmp_path):
    source = write(tmp_path / "host.nc", "NETCDF3_CLASSIC")
    source.write_bytes(source.read_bytes()[:100])
    with pytest.raises(FileError, match="damaged netCDF header"):
        copy_with_room(source, tmp_path / "copy.nc")
