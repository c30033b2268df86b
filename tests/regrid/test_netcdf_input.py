"""Checked reading of netCDF variables."""

import numpy as np
import pytest

from lsbc.regrid import netcdf_input
from lsbc.regrid.errors import FileError, WeightError
from lsbc.regrid.netcdf_input import opened

from weight_samples import write_file


@pytest.fixture
def sample(tmp_path):
    return write_file(tmp_path / "f.nc", {"n": 5, "m": 2}, {
        "count": (("n",), np.arange(5, dtype=np.int16)),
        "big": (("n",), np.array([1, 2, 3, 4, 2**40])),
        "real": (("n", "m"), np.arange(10.0, dtype=np.float32).reshape(5, 2)),
        "packed": (("n",), np.arange(5, dtype=np.int16), {"scale_factor": 0.5}),
        "letters": (("m",), np.array([b"O", b"K"], "S1")),
    }, {"title": "t", "number": 3})


def test_values_are_the_same_in_small_blocks(sample, monkeypatch):
    monkeypatch.setattr(netcdf_input, "BLOCK", 2)
    with opened(sample) as file:
        assert file.integers("count", (5,)).tolist() == [0, 1, 2, 3, 4]
        assert (file.reals("real", (5, 2)) == np.arange(10.0).reshape(5, 2)).all()


def test_attributes_and_characters_are_text(sample):
    with opened(sample) as file:
        assert file.attributes == {"title": "t", "number": "3"} and file.text("letters") == "OK"
        assert file.dims == {"n": 5, "m": 2} and file.attribute("packed", "scale_factor") == "0.5"


@pytest.mark.parametrize(("read", "message"), [
    (lambda f: f.reals("none", (5,)), "no variable 'none'"),
    (lambda f: f.reals("count", (4,)), r"'count' has shape \(5,\), expected \(4,\)"),
    (lambda f: f.integers("real", (5, 2)), "'real' is of type float32; whole numbers are expected"),
    (lambda f: f.reals("letters", (2,)), "'letters' is of type"),
    (lambda f: f.reals("packed", (5,)), r"'packed' is packed \(scale_factor\)"),
    (lambda f: f.integers("big", (5,), np.int32), r"'big\[4\]' is 1099511627776"),
])
def test_what_cannot_be_read_is_a_sentence(sample, read, message):
    with pytest.raises(WeightError, match=message), opened(sample) as file:
        read(file)


def test_a_missing_value_is_refused_by_place(tmp_path):
    path = write_file(tmp_path / "f.nc", {"n": 2, "m": 2}, {"x": (("n", "m"), np.array([[1.0, 2.0], [3.0, 9.969209968386869e36]]))})
    with pytest.raises(WeightError, match=r"'x\[1, 1\]' is 9.96\d+e\+36, a missing value"), opened(path) as file:
        file.reals("x", (2, 2))


def test_a_file_that_is_not_there_or_no_netcdf_is_a_file_error(tmp_path):
    with pytest.raises(FileError, match="does not exist"), opened(tmp_path / "none.nc"):
        pass
    (tmp_path / "text.nc").write_text("weights")
    with pytest.raises(FileError, match="cannot be read as netCDF"), opened(tmp_path / "text.nc"):
        pass
