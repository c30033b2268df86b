"""The recorded configuration works in another place, writes nothing, and single keys can be changed."""

import tomllib
from pathlib import Path

import pytest

from lsbc.emulator.config import load_config
from lsbc.emulator.record_file import Header
from lsbc.emulator.replay_config import parse_years, path_keys, replay_config
from lsbc.regrid.errors import ConfigError

TEXT = '[model]\nartefact = "shipped:bavaria30"\n[data]\nfine = "in/fine.nc"\n[time]\nstart_year = 2019\n[output]\ndirectory = "out"\nmin_coverage = 0.25\n'


def header(text=TEXT):
    return Header("1", "1", 0, 1, "2031-01-01T00:00:00+00:00", "/scratch/run/lsbc.toml", text)


def test_paths_count_from_the_recorded_folder_and_no_output_is_written(tmp_path):
    config = load_config(replay_config(header(), None, [], tmp_path))
    assert config.data.fine == Path("/scratch/run/in/fine.nc") and config.output.directory is None
    assert config.model.artefact == "shipped:bavaria30" and config.output.min_coverage == 0.25


def test_tables_count_from_the_recorded_folder_and_no_hosts_file_is_written(tmp_path):
    text = TEXT + "[surface]\nclimate = 'c.nc'\ncrosswalk = 'mine.toml'\nparameters = 'extpar_globcover'\n[[deliver]]\nto = 'jsbach'\nfile = 'a.nc'\n"
    config = load_config(replay_config(header(text), None, [], tmp_path))
    assert (config.surface.climate, config.surface.crosswalk) == (Path("/scratch/run/c.nc"), "/scratch/run/mine.toml")
    assert config.surface.parameters == "extpar_globcover" and config.deliver == ()


def test_a_given_configuration_that_is_changed_writes_no_hosts_file(tmp_path):
    given = tmp_path / "mine.toml"
    given.write_text(TEXT + "[[deliver]]\nto = 'geo_em'\nfile = 'a{year}.nc'\ntemplate = 'geo_em.nc'\n")
    config = load_config(replay_config(header(), given, ["time.start_year=2020"], tmp_path))
    assert config.deliver == () and config.output.directory == tmp_path / "out"


def test_keys_are_changed_by_their_type_and_paths_count_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["data.fine=mine.nc", "output.min_coverage=0.75", "allocation.enabled=false", "model.backend=onnxruntime", 'output.directory="res"']
    config = load_config(replay_config(header(), None, words, tmp_path))
    assert config.data.fine == tmp_path / "mine.nc" and config.output.directory == tmp_path / "res"
    assert config.output.min_coverage == 0.75 and config.allocation.enabled is False and config.model.backend == "onnxruntime"


def test_a_given_configuration_is_taken_as_it_is_unless_keys_change(tmp_path):
    given = tmp_path / "mine.toml"
    given.write_text(TEXT)
    assert replay_config(header("broken ["), given, [], tmp_path) == given
    config = load_config(replay_config(header("broken ["), given, ["time.start_year=2020"], tmp_path))
    assert config.time.start_year == 2020 and config.output.directory == tmp_path / "out" and config.data.fine == tmp_path / "in" / "fine.nc"


def test_a_configuration_that_was_no_toml_stays_as_it_was(tmp_path):
    assert replay_config(header("broken ["), None, [], tmp_path).read_text() == "broken ["
    with pytest.raises(ConfigError, match="--set cannot change /scratch/run/lsbc.toml: it is not valid TOML"):
        replay_config(header("broken ["), None, ["a.b=1"], tmp_path)


def test_values_of_every_kind_come_through(tmp_path):
    text = 'x = 1\n[a]\n"b c" = "q\\"\\\\ \u00fc"\nl = [1, 2.5, [true]]\nt = {u = 1, "v w" = ["x"]}\nd = 2020-01-02\nh = 12:30:00\nf = inf\nn = 1e300\n'
    assert tomllib.loads(replay_config(header(text), None, [], tmp_path).read_text()) == tomllib.loads(text)
    with pytest.raises(ConfigError, match="--set cannot change x.y: .*'x' as a single value"):
        replay_config(header(text), None, ["x.y=1"], tmp_path)


@pytest.mark.parametrize("word", ["fine=x", "data.fine", ".fine=x"])
def test_a_setting_of_another_form_is_refused(tmp_path, word):
    with pytest.raises(ConfigError, match="--set takes section.key=value"):
        replay_config(header(), None, [word], tmp_path)


def test_a_configuration_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="absent.toml: cannot be read"):
        replay_config(header(), tmp_path / "absent.toml", ["a.b=1"], tmp_path)


def test_every_path_of_a_configuration_is_known_and_nothing_else():
    paths = {("model", "artefact"), ("model", "cache"), ("data", "fine"), ("output", "directory"), ("run", "host")}
    assert paths <= path_keys() and not path_keys() & {("model", "backend"), ("time", "start_year"), ("grid", "edges")}


@pytest.mark.parametrize(("text", "years"), [(":", (None, None)), ("2019:2021", (2019, 2021)), ("2019:", (2019, None)), (":2021", (None, 2021)), ("2019", (2019, 2019))])
def test_years_are_a_range_either_end_of_which_may_be_open(text, years):
    assert parse_years(text) == years


@pytest.mark.parametrize("text", ["", "x", "2019-2020", "2021:2020"])
def test_other_words_are_no_years(text):
    with pytest.raises(ConfigError, match="--years takes FIRST:LAST"):
        parse_years(text)
