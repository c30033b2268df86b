import numpy as np
import pytest

from lsbc.emulator.hosts.host_file import opened
from lsbc.regrid.errors import FileError

from grid_files import Spec, Var


def test_missing_values_are_nan_and_precision_is_kept(tmp_path):
    spec = Spec({"single": Var(("x",), np.float32([1, -9, 3]), {"missing_value": np.float32(-9)}),
                 "whole": Var(("x",), np.int32([1, -1, 2]), {"missing_value": np.int32(-1)}),
                 "unwritten": Var(("x",), np.array([1, 9.969209968386869e+36, 3]))})
    with opened(spec.write(tmp_path / "a.nc")) as file:
        assert file.values("single").dtype == np.float32
        for name, last in (("single", 3), ("whole", 2), ("unwritten", 3)):
            np.testing.assert_array_equal(file.values(name), [1, np.nan, last])


def test_attributes_are_text_and_whole_numbers_or_nothing(tmp_path):
    spec = Spec({"a": Var(("x",), np.zeros(2))}, {"word": "MODIS \0", "number": np.int32(17), "list": np.array([1, 2])})
    with opened(spec.write(tmp_path / "a.nc")) as file:
        assert (file.text("word"), file.text("none")) == ("MODIS", "")
        assert (file.whole("number"), file.whole("list"), file.whole("word"), file.whole("none")) == (17, None, None, None)


def test_a_place_has_degrees_where_the_file_has_coordinates(tmp_path):
    spec = Spec({"a": Var(("y", "x"), np.zeros((2, 3))), "lat": Var(("y",), np.array([50.0, 51.0])), "lon": Var(("x",), np.array([7.0, 8.0, 9.0]))})
    with opened(spec.write(tmp_path / "a.nc")) as file:
        assert file.place(("y", "x"), (1, 2)) == "[y=1, x=2], lat 51, lon 9"
        assert file.place(("x",), (2,)) == "[x=2]"


def test_packed_and_text_variables_are_refused(tmp_path):
    spec = Spec({"packed": Var(("x",), np.zeros(2), {"scale_factor": 0.1}), "letters": Var(("x",), np.array([b"a", b"b"], "S1"))})
    with opened(spec.write(tmp_path / "a.nc")) as file:
        with pytest.raises(FileError, match=r"'packed' is packed \(scale_factor\)"):
            file.values("packed")
        with pytest.raises(FileError, match="'letters' is of type"):
            file.values("letters")


def test_an_unreadable_file_is_named(tmp_path):
    (tmp_path / "a.nc").write_bytes(b"no netCDF")
    with pytest.raises(FileError, match="a.nc cannot be read as netCDF"), opened(tmp_path / "a.nc"):
        pass
    with pytest.raises(FileError, match="b.nc does not exist"), opened(tmp_path / "b.nc"):
        pass


def test_a_classic_file_that_was_cut_short_is_refused_instead_of_read_as_zeros(tmp_path):
    path = Spec({"last": Var(("x",), np.arange(1e4))}).write(tmp_path / "a.nc", "NETCDF3_CLASSIC")
    path.write_bytes(path.read_bytes()[:40_000])
    with pytest.raises(FileError, match="is cut short"), opened(path):
        pass
