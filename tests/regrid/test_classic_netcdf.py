import struct

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.regrid.classic_netcdf import check_length
from lsbc.regrid.errors import FileError

from shared import shared

FORMATS = ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA"]


def write(path, format, n_record=0, n_record_variable=1):
    """The last bytes of the file are 7.0 in double precision, once for every column of the last variable."""
    with Dataset(path, "w", format=format) as data:
        data.title = "odd length"
        data.createDimension("x", 3)
        data.createDimension("t", None)
        data.createVariable("a", "i2", ("x",))[:] = [1, 2, 3]
        data["a"].setncatts({"units": "m", "valid_range": np.array([0, 9], "i2")})
        data.createVariable("s", "f8", ())[...] = 2.0
        data.createVariable("b", "f8", ("x",))[:] = 7.0
        for k in range(n_record_variable if n_record else 0):
            data.createVariable(f"r{k}", "i2" if k == 0 else "f8", ("t", "x"))[:] = np.full((n_record, 3), 7)
    return path


def last_byte(path, kind) -> int:
    """Where the last stored 7 ends; what follows is padding."""
    return path.read_bytes().rindex(struct.pack(">" + kind, 7)) + struct.calcsize(kind)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("n_record, n_variable, kind", [(0, 0, "d"), (4, 1, "h"), (3, 2, "d")])
def test_a_file_is_whole_up_to_its_last_value_and_cut_off_before(tmp_path, format, n_record, n_variable, kind):
    path = write(tmp_path / "g.nc", format, n_record, n_variable)
    check_length(path)
    whole, end = path.read_bytes(), last_byte(path, kind)
    path.write_bytes(whole[:end])
    check_length(path)
    for length in (*range(5, end - 1, 17), end - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(FileError, match=f"g.nc is cut off: it has {length} bytes, its header asks for {end}|damaged or cut off"):
            check_length(path)


@pytest.mark.parametrize("format", FORMATS)
def test_a_damaged_header_is_refused_or_passed_but_never_another_exception(tmp_path, format):
    path = write(tmp_path / "g.nc", format, 2)
    whole = bytearray(path.read_bytes())
    refused = 0
    for place in range(4, 200):
        for value in (0, 255):
            damaged = whole.copy()
            damaged[place] = value
            path.write_bytes(damaged)
            try:
                check_length(path)
            except FileError:
                refused += 1
    assert refused > 20


def test_other_files_and_files_that_are_not_there_pass(tmp_path):
    write(tmp_path / "g.nc", "NETCDF4")
    (tmp_path / "empty.nc").write_bytes(b"")
    for name in ("g.nc", "empty.nc", "gone.nc", "."):
        check_length(tmp_path / name)


def test_real_classic_files_are_whole():
    for name in ("data/host/icon/icon_grid_R02B03_generated.nc", "data/host/mpas/mpas_mesh_QU_1920km.nc", "data/host/wrf/geo_em.d01_kansai_30km.nc"):
        check_length(shared(name))
