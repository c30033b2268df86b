import pytest

from lsbc.emulator.classes import LUH2_STATES
from lsbc.emulator.config import load_config, read_config
from lsbc.regrid.errors import ConfigError

GOOD = '[data]\nfine = "fine.nc"\n[time]\nstart_year = 2000\n'
AHEAD = GOOD + "lead_years = 1\n"


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
    (GOOD + "[model]\nbackend = 'tensorflow'\n", r"model\.backend must be one of auto, onnxruntime, torch, torchscript, tensorrt, openvino, got 'tensorflow'"),
    (GOOD + "[model]\nprecision = 'float64'\n", r"model\.precision must be one of auto, float32, tf32, float16, bfloat16, int8, got 'float64'"),
    (GOOD + "[model]\nbatch = -1\n", r"model\.batch must be 0 or more, got -1"),
    (GOOD + "[model]\nwindow_cells = -8\n", r"model\.window_cells must be 0 or more, got -8"),
    (GOOD + "[model]\nranks_per_device = 1.5\n", r"model\.ranks_per_device must be a whole number, got 1\.5"),
    (GOOD + "[model]\nsha256 = '0123456789abcde'\n", r"model\.sha256 must be 16 to 64 hex digits \(0-9, a-f\), got '0123456789abcde'"),
    (GOOD + "[model]\nsha256 = '0123456789ABCDEF'\n", r"model\.sha256 must be 16 to 64 hex digits"),
    (GOOD + "[model]\ncpu_fallback = true\n", r"model\.cpu_fallback = true needs model\.deterministic = false"),
    (GOOD + "[model]\nprecision = 'tf32'\n", r"model\.precision = 'tf32' needs model\.deterministic = false"),
    (GOOD + "[model]\nbackend = 'onnxruntime'\nprecision = 'bfloat16'\n",
     r"model\.backend = 'onnxruntime' has no model\.precision = 'bfloat16' \(cpu: float32, int8\)"),
    (GOOD + "[model]\nbackend = 'torch'\ndevice = 'cpu'\nprecision = 'float16'\n", r"'torch' has no model\.precision = 'float16' \(cpu: float32, bfloat16\)"),
    (GOOD + "[model]\nbackend = 'openvino'\ndevice = 'cuda'\n", r"model\.backend = 'openvino' runs on cpu, not on model\.device = 'cuda'"),
    (GOOD + "[model]\nbackend = 'tensorrt'\ndevice = 'cpu'\n", r"model\.backend = 'tensorrt' runs on cuda, not on model\.device = 'cpu'"),
    (GOOD + "[grid]\nedges = 'rhumb'\n", r"grid\.edges must be one of greatcircle, latlon, got 'rhumb'"),
    (GOOD + "[output]\nmin_coverage = 0\n", r"output\.min_coverage must lie in \(0, 1\]"),
    (GOOD + "[run]\nhost = 'h'\nfirst_year = 2003\nlast_year = 2001\n", r"run\.last_year=2001 lies before run\.first_year=2003"),
    (GOOD + "[comin]\n", r"\[comin\] needs one of states_file and \[comin\.states\]"),
    (GOOD + "[comin]\nstates_file = 's.nc'\ndomain = 0\n", r"comin\.domain must be 1 or more, got 0"),
    (GOOD + "[comin]\nstates_file = 's.nc'\n[comin.write]\nlai = 3\n", r"comin\.write must be a table of strings, got \{'lai': 3\}"),
    (GOOD + "[comin.states]\nurban = 'u'\nicwtr = 'i'\n", r"missing: c3ann, .*; unknown: icwtr"),
    (AHEAD + "[yac]\nhost_component = 'h'\nhost_grid = 'g'\nfields = ['lai']\n", r"time\.lead_years = 1 cannot be had with \[yac\]"),
    (AHEAD + "[comin.states]\n" + "".join(f"{name} = 'x_{name}'\n" for name in LUH2_STATES), r"time\.lead_years = 1 cannot be had with \[comin\.states\]"),
    ("[data\n", "is not valid TOML"),
])
def test_every_mistake_is_named_by_its_key(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path, text))


def test_a_year_ahead_goes_with_states_from_a_file(tmp_path):
    config = load_config(write(tmp_path, AHEAD + "[comin]\nstates_file = 's.nc'\n"))
    assert config.time.lead_years == 1 and config.comin.states_file == tmp_path / "s.nc"


def test_what_determinism_forbids_is_allowed_without_it(tmp_path):
    text = "[model]\nbackend = 'torch'\nprecision = 'tf32'\ncpu_fallback = true\ndeterministic = false\nsha256 = '0123456789abcdef'\ncache = 'engines'\n"
    model = load_config(write(tmp_path, GOOD + text)).model
    assert (model.precision, model.cpu_fallback, model.deterministic, model.cache) == ("tf32", True, False, tmp_path / "engines")


def test_nothing_said_of_the_model_leaves_every_choice_to_the_machine(tmp_path):
    model = load_config(write(tmp_path, GOOD)).model
    assert (model.backend, model.device, model.precision, model.deterministic, model.cache) == ("auto", "auto", "auto", True, None)
    assert (model.batch, model.window_cells, model.ranks_per_device, model.cpu_fallback, model.sha256) == (0, 0, 0, False, "")


def test_all_problems_are_told_at_once(tmp_path):
    _, problems = read_config(write(tmp_path, "[data]\nfin = 'f'\n[tim]\n[model]\ndevice = 'tpu'\n"))
    assert len(problems) == 5
    assert [word for word in ("[tim]", "data.fin;", "data.fine", "model.device", "[time]") if not any(word in p for p in problems)] == []


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ConfigError, match="absent.toml: cannot be read"):
        load_config(tmp_path / "absent.toml")
