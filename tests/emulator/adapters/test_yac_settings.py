import pytest

from lsbc.emulator.config import load_config
from lsbc.regrid.errors import ConfigError

GOOD = '[data]\nfine = "fine.nc"\n[time]\nstart_year = 2000\n'
YAC = "[yac]\nhost_component = 'icon'\nhost_grid = 'icon_cells'\nfields = ['lai', 'lu_frac']\n"


def write(folder, text):
    path = folder / "c.toml"
    path.write_text(text)
    return path


def test_what_is_not_said_has_its_usual_value(tmp_path):
    yac = load_config(write(tmp_path, GOOD + YAC)).yac
    assert (yac.host_component, yac.host_grid, yac.fields) == ("icon", "icon_cells", ("lai", "lu_frac"))
    assert (yac.component, yac.grid, yac.host_time_step, yac.calendar, yac.couples) == ("lsbc", "lsbc_cells", "P1Y", "proleptic-gregorian", "lsbc")
    assert (yac.to_lsbc, yac.to_host, yac.nearest_within_deg, yac.wait_s) == ("conservative", "conservative", 1.0, 3600.0)
    assert load_config(write(tmp_path, GOOD)).yac is None


@pytest.mark.parametrize(("text", "message"), [
    ("[yac]\n", r"yac\.host_component is missing; yac\.host_grid is missing; yac\.fields is missing"),
    (YAC + "period = 'P1Y'\n", r"unknown key yac\.period; \[yac\] has host_component,"),
    (YAC.replace("['lai', 'lu_frac']", "'lai'"), r"yac\.fields must be a list of strings, got 'lai'"),
    (YAC.replace("'lai'", "3"), r"yac\.fields must be a list of strings, got \[3, 'lu_frac'\]"),
    (YAC.replace("'lai', 'lu_frac'", ""), r"yac\.fields must name some of lu_frac, .*, each once, got \[\]"),
    (YAC.replace("'lu_frac'", "'urban'"), r"yac\.fields must name some of .* got \['lai', 'urban'\]"),
    (YAC.replace("'lu_frac'", "'lai'"), r"each once, got \['lai', 'lai'\]"),
    (YAC + "component = 'icon'\n", r"yac\.component and yac\.host_component are both 'icon'"),
    (YAC + "grid = 'icon_cells'\n", r"yac\.grid and yac\.host_grid are both 'icon_cells'"),
    (YAC + "wait_s = 0\n", r"yac\.wait_s must be more than 0, got 0\.0"),
    (YAC + "wait_s = nan\n", r"yac\.wait_s must be more than 0, got nan"),
    (YAC + "nearest_within_deg = -1.0\n", r"yac\.nearest_within_deg must be more than 0"),
    (YAC + "calendar = 'julian'\n", r"yac\.calendar must be one of proleptic-gregorian, 365-day, 360-day, got 'julian'"),
    (YAC + "to_host = 'bilinear'\n", r"yac\.to_host must be one of conservative, nearest, got 'bilinear'"),
    (YAC + "couples = 'icon'\n", r"yac\.couples must be one of lsbc, host, got 'icon'"),
    (YAC + "[output]\nuncovered_cells = 'fill'\n", r"output\.uncovered_cells = 'fill' needs yac\.to_host = 'nearest'"),
])
def test_every_mistake_is_named_by_its_key(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path, GOOD + text))


@pytest.mark.parametrize("text", ["to_host = 'nearest'\n", "couples = 'host'\n"])
def test_fill_values_may_go_where_no_mean_is_taken_of_them(tmp_path, text):
    assert load_config(write(tmp_path, GOOD + YAC + text + "[output]\nuncovered_cells = 'fill'\n")).output.uncovered_cells == "fill"
