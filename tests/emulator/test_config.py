import pytest

from lsbc.emulator.config import load_config, read_config
from lsbc.regrid.errors import ConfigError

GOOD = '[data]\nfine = "fine.nc"\n[time]\nstart_year = 2000\n'


def write(folder, text):
    path = folder / "c.toml"
    path.write_text(text)
    return path


def test_paths_are_relative_to_the_file(tmp_path):
    config = load_config(write(tmp_path, GOOD))
    assert config.data.fine == tmp_path / "fine.nc"
    assert config.output.directory is None and config.run is None


@pytest.mark.parametrize(("text", "message"), [
    (GOOD + "[output]\ndirectroy = 'x'\n", r"unknown key output\.directroy; \[output\] has directory,"),
    (GOOD + "[ouput]\n", r"unknown section \[ouput\]"),
    ("[data]\nfine = 'f'\n", r"section \[time\] is missing"),
    ("[data]\n[time]\nstart_year = 2000\n", r"data\.fine is missing"),
    ("[data]\nfine = 3\n[time]\nstart_year = 2000\n", r"data\.fine must be a path, got 3"),
    ("[data]\nfine = 'f'\n[time]\nstart_year = true\n", r"time\.start_year must be a whole number, got True"),
    (GOOD + "[model]\nbackend = 'tensorflow'\n", r"model\.backend must be one of auto, onnxruntime, torch, got 'tensorflow'"),
    (GOOD + "[grid]\nedges = 'rhumb'\n", r"grid\.edges must be one of greatcircle, latlon, got 'rhumb'"),
    (GOOD + "[output]\nmin_coverage = 0\n", r"output\.min_coverage must lie in \(0, 1\]"),
    (GOOD + "[run]\nhost = 'h'\nfirst_year = 2003\nlast_year = 2001\n", r"run\.last_year=2001 lies before run\.first_year=2003"),
    ("[data\n", "is not valid TOML"),
])
def test_every_mistake_is_named_by_its_key(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path, text))


def test_all_problems_are_told_at_once(tmp_path):
    _, problems = read_config(write(tmp_path, "[data]\nfin = 'f'\n[tim]\n[model]\ndevice = 'tpu'\n"))
    assert len(problems) == 5
    assert [word for word in ("[tim]", "data.fin;", "data.fine", "model.device", "[time]") if not any(word in p for p in problems)] == []


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ConfigError, match="absent.toml: cannot be read"):
        load_config(tmp_path / "absent.toml")
