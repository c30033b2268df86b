import numpy as np
import pytest

from lsbc.emulator.hosts.check import check_host
from lsbc.regrid.errors import FileError

from grid_files import Var
from host_files import attribute, extpar, icon_grid, set_values, without


def found(folder, spec, grid=None):
    second = None if grid is None else grid.write(folder / "grid.nc")
    return check_host("icon", spec.write(folder / "extpar.nc"), second).findings


def test_a_sound_file_has_nothing_to_find(tmp_path):
    assert found(tmp_path, extpar()) == ()
    assert found(tmp_path, extpar(), icon_grid()) == ()


def test_a_file_without_land_use_is_refused(tmp_path):
    spec = extpar()
    without("LU_CLASS_FRACTION")(spec)
    with pytest.raises(FileError, match="has no LU_CLASS_FRACTION"):
        found(tmp_path, spec)


def both(*changes):
    def change(spec):
        for one in changes:
            one(spec)

    return change


def twenty_classes(spec):
    spec.variables["LU_CLASS_FRACTION"] = Var(("nclass_lu", "cell"), spec.variables["LU_CLASS_FRACTION"].values[:22])


@pytest.mark.parametrize(("change", "rule", "count", "severity"), [
    *((set_values(name, 1, np.nan), "Every value is finite", 1, "error") for name in (
        "FR_LAND", "FR_LAKE", "FR_OCEAN", "PLCOV_MX", "LAI_MX", "ROOTDP", "Z0", "EMIS_RAD")),
    (set_values("LU_CLASS_FRACTION", (3, 0), np.nan), "Every value is finite", 1, "error"),
    (set_values("LU_CLASS_FRACTION", (5, 0), 0.50002), "LU_CLASS_FRACTION sums to 1 within 1e-05 on land", 1, "error"),
    (set_values("LU_CLASS_FRACTION", (20, 2), 0), "LU_CLASS_FRACTION sums to 1 within 1e-05 elsewhere", 1, "note"),
    (set_values("LU_CLASS_FRACTION", ([5, 13], 0), [1.25, -0.25]), "LU_CLASS_FRACTION is in 0..1", 2, "error"),
    (twenty_classes, "LU_CLASS_FRACTION has 23 classes", 0, "error"),
    (set_values("FR_OCEAN", 3, 0.4999), "FR_LAND + FR_LAKE + FR_OCEAN = 1", 1, "error"),
    (both(without("FR_OCEAN"), set_values("FR_LAKE", 1, 0.5)), "FR_LAND + FR_LAKE is at most 1", 1, "error"),
    (both(set_values("FR_LAND", 3, 1.5), set_values("FR_OCEAN", 3, -0.5)), "FR_", 1, "error"),
    (both(set_values("FR_LAKE", 3, 0.25), set_values("FR_OCEAN", 3, 0.25)), "Lake and sea do not share a cell", 1, "error"),
    (without("FR_LAKE"), "The file has the variables that the host reads", 0, "error"),
    (without("PLCOV_MX"), "The file has the variables that the host reads", 0, "note"),
    (without("Z0"), "The file has the variables that the host reads", 0, "note"),
    (without("EMIS_RAD"), "The file has the variables that the host reads", 0, "note"),
    (set_values("PLCOV_MX", 0, 75), "PLCOV_MX is a fraction", 1, "error"),
    (set_values("LAI_MX", 0, -1), "LAI_MX is in 0..10", 1, "error"),
    (set_values("ROOTDP", 0, 100), "ROOTDP is in 0..10 m", 1, "error"),
    (set_values("Z0", 0, 0), "Z0 is above 0 m", 1, "error"),
    (set_values("EMIS_RAD", 0, 99), "EMIS_RAD is in 0.5..1", 1, "error"),
    (attribute("rawdata", "ECCI"), "The global attribute rawdata names", 0, "error"),
    (without("rawdata"), "The global attribute rawdata names", 0, "error"),
    (without("uuidOfHGrid"), "The file names its grid by uuidOfHGrid", 0, "error"),
])
def test_a_broken_rule_is_found_and_nothing_else(tmp_path, change, rule, count, severity):
    spec = extpar()
    change(spec)
    *others, finding = found(tmp_path, spec)
    assert finding.rule.text.startswith(rule)
    assert (finding.count, finding.rule.severity) == (count, severity)
    assert finding.rule.source and finding.rule.advice
    assert [other.rule.text for other in others] == (["FR_LAND is in 0..1"] if rule == "FR_" else [])


def test_the_worst_cell_is_named_with_its_place_in_degrees(tmp_path):
    spec = extpar()
    spec.variables["ROOTDP"].values[[0, 1]] = 100, 75
    finding, = found(tmp_path, spec)
    assert finding.count == 2
    assert "worst 100 at [cell=0], lat 50, lon 1" in finding.text


def test_a_file_of_another_grid_is_found(tmp_path):
    grid = icon_grid()
    attribute("uuidOfHGrid", "ffff")(grid)
    finding, = found(tmp_path, extpar(), grid)
    assert finding.rule.text == "The file belongs to the grid file"
    grid = icon_grid()
    grid.variables["clon"] = Var(("cell",), np.zeros(5))
    finding, = found(tmp_path, extpar(), grid)
    assert "4 cells, the grid file 5" in finding.text
