"""lsbc.training.config: what is refused, and how paths are read."""

import pytest

from lsbc.regrid.errors import ConfigError
from lsbc.training.config import read_config


def write(tmp_path, text):
    path = tmp_path / "train.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file(tmp_path):
    config = read_config(write(tmp_path, '[data]\ndirectory = "maps"\n[run]\ndirectory = "a/b"\n'))
    assert config.data.directory == tmp_path / "maps" and config.run.directory == tmp_path / "a" / "b"


def test_the_teacher_is_a_path_relative_to_the_file(tmp_path):
    config = read_config(write(tmp_path, '[loss]\nteacher = "out/last.ckpt"\n'))
    assert config.loss.teacher == tmp_path / "out" / "last.ckpt"


def test_a_data_directory_from_outside_replaces_the_one_in_the_file(tmp_path):
    config = read_config(write(tmp_path, '[data]\ndirectory = "maps"\n')).with_data("elsewhere", None)
    assert str(config.data.directory) == "elsewhere" and config.data.coarse_elevation is None


@pytest.mark.parametrize(("text", "message"), [
    ("[dta]\n", r"Section \[dta\] of .*train\.toml is unknown; sections are data, split"),
    ("[run]\nstep = 5\n", r"Key run\.step is unknown; section \[run\] takes accelerator"),
    ("[split]\ntrain_years = [1992, 2013]\n", r"split\.test_years must be after the training years, which end in 2013"),
    ("[split]\nheld_out_share = 1.5\n", r"split\.held_out_share must be in \[0, 1\), got 1\.5"),
    ("[samples]\npatch = 92\n", r"samples\.patch must be a multiple of 8 .*got 92"),
    ("[samples]\nlattice_share = 0.9\n", r"four mask shares must be at most 1 together"),
    ("[samples]\ncoarse_noise_share = -0.1\n", r"samples\.coarse_noise_share must be in \[0, 1\], got -0\.1"),
    ("[run]\nsteps = 150\n", r"run\.steps must be a positive multiple of steps_per_epoch=100, got 150"),
    ("[network]\ncore = 242\n", r"network\.core must be a multiple of 4, got 242"),
    ("[loss]\nchange_weight = 0.5\n", r"loss\.change_weight must be >= 1, got 0\.5"),
    ("[loss]\nteacher_share = 1.5\n", r"loss\.teacher_share must be in \[0, 1\], got 1\.5"),
    ('[export]\nformats = ["onnx3"]\n', r"export\.formats must be of 'int8', 'torchscript' \(ONNX and pt2 are always written\), got \['onnx3'\]"),
    ("[run\n", r"is not TOML"),
])
def test_a_wrong_entry_is_refused_by_name(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        read_config(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read"):
        read_config(tmp_path / "none.toml")
