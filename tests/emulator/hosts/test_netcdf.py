import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.hosts.netcdf import open_netcdf
from lsbc.regrid.errors import FileError


def write(path, form="NETCDF3_CLASSIC"):
    with Dataset(path, "w", format=form) as data:
        data.createDimension("cell", 10_000)
        variable = data.createVariable("packed", "i2", ("cell",), fill_value=-1)
        variable.scale_factor = 0.1
        variable.set_auto_maskandscale(False)
        variable[:] = np.arange(10_000) - 1
    return path


def test_numbers_are_as_they_lie_in_the_file(tmp_path):
    with open_netcdf(write(tmp_path / "a.nc")) as data:
        assert data["packed"][:3].tolist() == [-1, 0, 1] and not isinstance(data["packed"][:3], np.ma.MaskedArray)


@pytest.mark.parametrize("form", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA", "NETCDF4"])
def test_a_file_that_was_cut_short_is_refused(tmp_path, form):
    path = write(tmp_path / "a.nc", form)
    path.write_bytes(path.read_bytes()[:15_000])
    with pytest.raises(FileError, match="a.nc (is cut short|cannot be read as netCDF)"), open_netcdf(path):
        pass


def test_other_files_and_missing_ones_are_refused(tmp_path):
    (tmp_path / "text.nc").write_text("no netCDF")
    for name, told in (("text.nc", "text.nc cannot be read as netCDF"), ("none.nc", "none.nc does not exist or is no regular file"), ("", "does not exist")):
        with pytest.raises(FileError, match=told), open_netcdf(tmp_path / name):
            pass


def test_errors_of_the_caller_are_the_callers(tmp_path):
    with pytest.raises(RuntimeError, match="mine"), open_netcdf(write(tmp_path / "a.nc")):
        raise RuntimeError("mine")
