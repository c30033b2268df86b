import subprocess
import sys

import netCDF4
import numpy as np
import pytest

from lsbc.emulator.cli import main
from lsbc.regrid.cli import grid_of
from lsbc.regrid.errors import FileError
from lsbc.regrid.weight_files import read_weights


def run(capsys, *arguments):
    status = main(["regrid", *map(str, arguments)])
    printed = capsys.readouterr()
    return status, printed.out + printed.err


@pytest.fixture
def regional(tmp_path):
    """A CF grid of 4 x 2 boxes at 0..4 E, 10..14 N with a field that is its longitude."""
    path = tmp_path / "regional.nc"
    with netCDF4.Dataset(path, "w") as file:
        for name, edge, units in (("lat", [10.0, 12.0, 14.0], "degrees_north"), ("lon", [0.0, 1.0, 2.0, 3.0, 4.0], "degrees_east")):
            edge = np.array(edge)
            file.createDimension(name, len(edge) - 1)
            file.createVariable(name, "f8", (name,)).setncatts({"units": units, "bounds": f"{name}_bnds"})
            file[name][:] = 0.5 * (edge[1:] + edge[:-1])
            if "bnds" not in file.dimensions:
                file.createDimension("bnds", 2)
            file.createVariable(f"{name}_bnds", "f8", (name, "bnds"))[:] = np.stack([edge[:-1], edge[1:]], axis=1)
        file.createVariable("x", "f8", ("lat", "lon"))[:] = file["lon"][:]
    return path


def test_weights_are_made_checked_and_applied(capsys, tmp_path, regional):
    w, out = tmp_path / "w.nc", tmp_path / "out.nc"
    status, text = run(capsys, "weights", regional, "r180x90", "-o", w)
    assert status == 0 and "conserve (dstarea), latlon edges: 8 -> 16200 cells" in text and "not reached" in text
    status, text = run(capsys, "check", w)
    assert status == 0 and "sound" in text
    assert run(capsys, "apply", w, regional, out)[0] == 0
    with netCDF4.Dataset(out) as file:  # columns -1..1, 1..3, 3..5 E: 0.5 (of the half that data cover), 2, 3.5
        row = file["x"][50]
        assert file["lat"][50] == 11.0 and row[:3].tolist() == pytest.approx([0.25, 2.0, 1.75]) and row.mask[3]


def test_every_method_by_its_short_name(capsys, tmp_path, regional):
    for method, kept in (("conserve2nd", "conserve2nd"), ("bilinear", "bilinear"), ("nearest", "neareststod"), ("nearestdtos", "nearestdtos")):
        w = tmp_path / f"{method}.nc"
        assert run(capsys, "weights", regional, regional, "-m", method, "--edges", "greatcircle", "-o", w)[0] == 0
        assert read_weights(w).method == kept


def test_masks_and_fractions_follow_the_options(capsys, tmp_path, regional):
    with netCDF4.Dataset(regional, "a") as file:
        file.createVariable("land", "i4", ("lat", "lon"))[:] = [[1, 0, 1, 1], [1, 1, 1, 1]]
    w = tmp_path / "w.nc"
    assert run(capsys, "weights", regional, "r180x90", "--src-mask", "land", "--norm", "fracarea", "-o", w)[0] == 0
    weights = read_weights(w)
    assert weights.normalization == "fracarea" and not weights.source.mask[1] and 1 not in weights.column


def test_unmapped_cells_can_be_made_an_error(capsys, tmp_path, regional):
    status, text = run(capsys, "weights", regional, "r180x90", "--unmapped", "error", "-o", tmp_path / "w.nc")
    assert status == 4 and "16194 of 16200 destination cells are unmapped, the first is 0 at (lon, lat) = (0, -89)" in text
    assert not (tmp_path / "w.nc").exists()


def test_a_grid_is_described(capsys, regional):
    status, text = run(capsys, "grid", regional)
    assert status == 0 and "boxes of meridians and parallels, 2 x 4 cells, 8 of them take part" in text and "latlon edges" in text


def test_a_global_grid_by_name_has_its_first_centre_at_zero_east():
    grid = grid_of("r360x180")
    assert grid.shape == (180, 360) and grid.lon_centre_deg[0] == 0.0 and grid.lat_centre_deg[0] == -89.5 and grid.is_round


def test_mistakes_are_one_sentence_and_a_status(capsys, tmp_path, regional):
    text = "no netCDF"
    (tmp_path / "text.nc").write_text(text)
    assert run(capsys, "weights", tmp_path / "none.nc", regional, "-o", tmp_path / "w.nc") == (
        10, f"lsbc: FileError: Grid file {tmp_path / 'none.nc'} cannot be opened: No such file or directory.\n")
    for arguments in (("check", tmp_path / "text.nc"), ("grid", tmp_path / "text.nc"), ("apply", regional, regional, tmp_path / "out.nc")):
        status, text = run(capsys, *arguments)
        assert status != 0 and text.startswith("lsbc: ") and text.count("\n") == 1, text
    with pytest.raises(FileError, match="names a grid without cells"):
        grid_of("r0x10")


def test_a_missing_engine_is_named(capsys, tmp_path, regional, monkeypatch):
    monkeypatch.delenv("LSBC_ESMF_PYTHON", raising=False)
    try:
        import esmpy  # noqa: F401
    except ImportError:
        status, text = run(capsys, "weights", regional, regional, "--backend", "esmf", "--edges", "greatcircle", "-o", tmp_path / "w.nc")
        assert status == 1 and "esmpy" in text and not (tmp_path / "w.nc").exists()
    else:
        pytest.skip("esmpy is installed here")


def test_cells_where_a_variable_is_missing_take_no_part_and_zeros_do(capsys, tmp_path, regional):
    with netCDF4.Dataset(regional, "a") as file:
        x = file.createVariable("sst", "f8", ("lat", "lon"), fill_value=-9.0)
        x[:] = np.ma.masked_equal([[0, 1, 0, 7], [2, 2, 2, 2]], 7)
    w = tmp_path / "w.nc"
    assert run(capsys, "weights", regional, "r180x90", "--src-missing", "sst", "-o", w)[0] == 0
    assert np.flatnonzero(~read_weights(w).source.mask).tolist() == [3]


def test_cells_covered_in_part_are_mentioned(capsys, tmp_path, regional):
    w, out = tmp_path / "w.nc", tmp_path / "out.nc"
    run(capsys, "weights", regional, "r180x90", "-o", w)
    assert "4 destination cells are covered in part and hold the sum over that part" in run(capsys, "apply", w, regional, out)[1]
    assert "in part" not in run(capsys, "apply", w, regional, out, "--missing", "skip")[1]


@pytest.mark.parametrize(("options", "message"), [
    (("-m", "bilinear", "--norm", "fracarea"), "--norm fracarea is for conservative methods"),
    (("-m", "conserve", "--gradients", "exact"), "--gradients exact is for conserve2nd"),
])
def test_options_without_effect_are_refused(capsys, tmp_path, regional, options, message):
    status, text = run(capsys, "weights", regional, "r180x90", *options, "-o", tmp_path / "w.nc")
    assert status == 4 and message in text


def test_no_input_is_written_over(capsys, tmp_path, regional):
    w = tmp_path / "w.nc"
    run(capsys, "weights", regional, "r180x90", "-o", w)
    for arguments in (("weights", regional, "r180x90", "-o", regional), ("apply", w, regional, w)):
        assert "is a file to be read; write the result to another one" in run(capsys, *arguments)[1]
    assert read_weights(w).n_entry and netCDF4.Dataset(regional)["x"].size == 8


def test_weights_take_back_the_grids_they_were_made_from(capsys, tmp_path, regional):
    w = tmp_path / "w.nc"
    run(capsys, "weights", regional, "r180x90", "--edges", "greatcircle", "-o", w)
    status, text = run(capsys, "check", w, "--src", regional, "--dst", "r180x90")
    assert status == 0, text


def test_a_pipe_that_closes_early_is_no_error(tmp_path, regional):
    command = f"{sys.executable} -m lsbc.emulator.cli regrid grid {regional} | true"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_sums_of_nearestdtos_are_mentioned(capsys, tmp_path, regional):
    w, out = tmp_path / "w.nc", tmp_path / "out.nc"
    assert run(capsys, "weights", regional, "r36x18", "-m", "nearest_d2s", "-o", w)[0] == 0
    assert "hold their sum (nearestdtos)" in run(capsys, "apply", w, regional, out)[1]


def test_weights_of_the_other_direction_are_suspected(capsys, tmp_path, regional):
    w = tmp_path / "w.nc"
    run(capsys, "weights", "r180x90", regional, "-o", w)
    status, text = run(capsys, "apply", w, regional, tmp_path / "out.nc")
    assert status == 5 and "are the weights those of another grid, or of the other direction?" in text
