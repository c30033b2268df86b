"""The writer of weight files."""

import shutil
import subprocess

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.regrid import weight_writer
from lsbc.regrid.errors import FileError, WeightError
from lsbc.regrid.weight_writer import write_weights

from weight_samples import COLUMN, FRAC_B, ROW, VALUE, conservative, write_file


def test_the_file_has_the_names_and_words_of_esmf(tmp_path):
    write_weights(tmp_path / "w.nc", conservative())
    with Dataset(tmp_path / "w.nc") as data:
        assert {name: len(dim) for name, dim in data.dimensions.items()} == {
            "n_a": 8, "n_b": 10, "n_s": 14, "nv_a": 4, "nv_b": 4, "num_wgts": 1, "src_grid_rank": 2, "dst_grid_rank": 2}
        assert data["src_grid_dims"][:].tolist() == [4, 2] and data["dst_grid_dims"][:].tolist() == [5, 2]
        assert (data["row"][:] - 1).tolist() == ROW.tolist() and (data["col"][:] - 1).tolist() == COLUMN.tolist()
        assert (data["S"][:] == VALUE).all() and (data["frac_b"][:] == FRAC_B).all()
        assert data["yc_b"].units == "degrees" and data["area_a"].units == "square radians"
        assert (data.normalization, data.map_method, data.ESMF_regrid_method) == ("destarea", "Conservative remapping", "First-order Conservative")
        assert "ESMF Offline Regridding Weight Generator" in data.title
        assert data["S"].filters()["zlib"] and data["S"].chunking() == [14]


def test_many_blocks_hold_the_same_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(weight_writer, "BLOCK", 3)
    write_weights(tmp_path / "w.nc", conservative())
    with Dataset(tmp_path / "w.nc") as data:
        assert (data["row"][:] - 1).tolist() == ROW.tolist() and (data["S"][:] == VALUE).all()


@pytest.mark.parametrize("normalization", ["dstarea", "fracarea"])
def test_the_map_checker_of_nco_takes_the_file(tmp_path, normalization):
    if shutil.which("ncks") is None:
        pytest.skip("needs ncks of the netCDF operators")
    write_weights(tmp_path / "w.nc", conservative(normalization=normalization))
    done = subprocess.run(["ncks", "--chk_map", str(tmp_path / "w.nc")], capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "ERROR" not in said
    assert "Sparse-matrix size n_s: 14" in said and "mask_a S errors: 0" in said
    if normalization == "dstarea":
        assert "frac_b min: 0.5000000000000000" in said and "frac_a min: 0.6" in said


def test_nco_remaps_with_the_file(tmp_path):
    """Longitude index 0..3 of the source boxes, by hand: 0.25, 1, 2, 2.75 and half of 3."""
    if shutil.which("ncremap") is None:
        pytest.skip("needs ncremap of the netCDF operators")
    write_weights(tmp_path / "w.nc", conservative())
    field = {"x": (("lat", "lon"), np.tile(np.arange(4.0), (2, 1)))}
    write_file(tmp_path / "in.nc", {"lat": 2, "lon": 4}, field, {}, "NETCDF3_CLASSIC")
    command = ["ncremap", "-m", str(tmp_path / "w.nc"), str(tmp_path / "in.nc"), str(tmp_path / "out.nc")]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    with Dataset(tmp_path / "out.nc") as data:
        assert data["x"][:].tolist() == [[0.25, 1.0, 2.0, 2.75, 1.5]] * 2


def test_xarray_reads_what_xesmf_asks_for(tmp_path):
    xarray = pytest.importorskip("xarray")
    write_weights(tmp_path / "w.nc", conservative())
    with xarray.open_dataset(tmp_path / "w.nc") as data:
        dense = np.zeros((10, 8))
        dense[data["row"].values - 1, data["col"].values - 1] = data["S"].values
    assert (dense.sum(axis=1) == FRAC_B).all()


def test_weights_without_an_entry_are_not_written(tmp_path):
    nothing = np.empty(0)
    with pytest.raises(WeightError, match=r"w.nc is not written: none of the 8 source cells reaches one of the 10 destination cells; do the grids overlap\?"):
        write_weights(tmp_path / "w.nc", conservative().replace(offsets=np.zeros(11), column=nothing, value=nothing))
    assert not list(tmp_path.iterdir())


def test_a_missing_directory_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileError, match=r"nowhere does not exist"):
        write_weights(tmp_path / "nowhere" / "w.nc", conservative())


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "w.nc"
    write_weights(path, conservative())
    before = path.read_bytes()
    with pytest.raises(FileError, match="could not be written"):
        write_weights(path, conservative(attributes={"bad/name": "x"}))
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["w.nc"]
