import numpy as np
import pytest

from lsbc.emulator.hosts.check import check_host
from lsbc.regrid.errors import FileError

from grid_files import Var
from host_files import jsbach, set_values, without

YEAR = "bc_land_frac_11pfts_2015.nc"


def found(folder, spec, later=None, name=YEAR):
    second = None if later is None else later.write(folder / "bc_land_frac_11pfts_2016.nc")
    return check_host("jsbach", spec.write(folder / name), second).findings


def test_a_sound_file_has_nothing_to_find(tmp_path):
    assert found(tmp_path, jsbach()) == ()
    assert found(tmp_path, jsbach(), jsbach()) == ()


def test_a_file_without_fractions_is_refused(tmp_path):
    spec = jsbach()
    spec.variables = {"fract_veg": spec.variables["fract_veg"]}
    with pytest.raises(FileError, match="none of fract_pft01..fract_pft11"):
        found(tmp_path, spec)


def transposed(spec):
    spec.variables["fract_pft02"] = Var(("cell", "one"), np.zeros((3, 1)))


def with_time(spec):
    for name, var in list(spec.variables.items()):
        if name.startswith("fract"):
            spec.variables[name] = Var(("time", "cell"), var.values[None])


def single_precision(spec):
    spec.variables["fract_pft01"].values = spec.variables["fract_pft01"].values.astype(np.float32)


def a_twelfth(spec):
    spec.variables["fract_pft12"] = Var(("cell",), np.zeros(3))


@pytest.mark.parametrize(("change", "rule", "count", "severity"), [
    (set_values("fract_pft03", 1, np.nan), "Every value is finite", 1, "error"),
    (set_values("fract_veg", 1, np.nan), "Every value is finite", 1, "error"),
    (set_values("fract_pft03", 2, -1e-17), "Each fraction is 0 or more", 1, "error"),
    (set_values("fract_pft11", 0, 0.25 + 2e-11), "The fractions sum to 1 + 1e-11 at most", 1, "error"),
    (set_values("fract_pft11", 0, 0.25 - 2e-11), "The fractions sum to 1 where there is vegetation", 1, "note"),
    (set_values("fract_veg", 0, 1.5), "fract_veg is in 0..1", 1, "error"),
    (without("fract_pft05"), "The file has the variables that the host reads", 0, "error"),
    (a_twelfth, "The file has 11 plant types", 0, "note"),
    (transposed, "All fractions have the same dimensions", 0, "error"),
    (with_time, "The fractions have no time axis", 0, "note"),
    (single_precision, "Fractions are double precision", 0, "note"),
])
def test_a_broken_rule_is_found_and_nothing_else(tmp_path, change, rule, count, severity):
    spec = jsbach()
    change(spec)
    finding, = found(tmp_path, spec)
    assert finding.rule.text.startswith(rule)
    assert (finding.count, finding.rule.severity) == (count, severity)
    assert finding.rule.source and finding.rule.advice


def test_a_fraction_above_one_is_found_beside_the_sum_that_it_breaks(tmp_path):
    spec = jsbach()
    spec.variables["fract_pft01"].values[2] = 1 + 4 * np.finfo(float).eps
    finding, = found(tmp_path, spec)
    assert finding.rule.text.startswith("Each fraction is at most 1") and "1.0000000000000009 at [cell=2], lat 42, lon 7" in finding.text


def test_a_sum_within_the_hosts_tolerance_is_no_error(tmp_path):
    spec = jsbach()
    spec.variables["fract_pft11"].values[0] += 5e-12
    assert found(tmp_path, spec) == ()


def test_fractions_rounded_to_float32_break_the_sum_that_float64_keeps(tmp_path):
    """Nine of 3/30 and two of 1/20 sum to 1; 0.1 in float32 is 1.5e-9 too large, 0.05 is 0.7e-9."""
    spec = jsbach()
    for k in range(11):
        spec.variables[f"fract_pft{k + 1:02d}"].values[:] = 0.1 if k < 9 else 0.05
    assert found(tmp_path, spec) == ()
    for k in range(11):
        var = spec.variables[f"fract_pft{k + 1:02d}"]
        spec.variables[f"fract_pft{k + 1:02d}"] = Var(var.dims, var.values.astype(np.float32))
    precision, total = found(tmp_path, spec)
    assert precision.rule.severity == "note" and total.rule.severity == "error" and total.count == 3
    assert total.worst.startswith(f"worst {1 + 9 * (float(np.float32(0.1)) - 0.1) + 2 * (float(np.float32(0.05)) - 0.05):.12g}")


def test_a_name_without_its_year_is_noted(tmp_path):
    finding, = found(tmp_path, jsbach(), name="bc_land_frac.nc")
    assert finding.rule.text.startswith("The file's name ends in its year") and finding.rule.severity == "note"


@pytest.mark.parametrize(("change", "rule"), [(2e-11, "Gained area is no more than lost area"), (-2e-11, "Lost area is no more than gained area")])
def test_gains_and_losses_are_balanced_both_ways(tmp_path, change, rule):
    spec, later = jsbach(), jsbach()
    for one in (spec, later):
        one.variables.pop("fract_veg")
        one.variables["fract_pft01"].values[1] = 0.125  # room below a sum of 1
    later.variables["fract_pft07"].values[1] += 0.0625 + change
    later.variables["fract_pft11"].values[1] -= 0.0625
    finding, = found(tmp_path, spec, later)
    assert finding.rule.text.startswith(rule) and finding.rule.severity == "error" and "[cell=1], lat 41" in finding.text


def test_a_change_that_only_moves_area_is_no_finding(tmp_path):
    later = jsbach()
    later.variables["fract_pft07"].values[1] += 0.0625
    later.variables["fract_pft11"].values[1] -= 0.0625
    assert found(tmp_path, jsbach(), later) == ()


def test_nan_in_the_next_year_is_found(tmp_path):
    later = jsbach()
    later.variables["fract_pft07"].values[1] = np.nan
    finding, = found(tmp_path, jsbach(), later)
    assert finding.rule.text == "Every value of the next year is finite" and "1 values are not" in finding.text


def test_years_of_other_plant_types_or_cells_are_not_compared(tmp_path):
    later = jsbach()
    without("fract_pft07")(later)
    finding, = found(tmp_path, jsbach(), later)
    assert finding.rule.text == "Both years have the same plant types and cells" and "10 plant types in both" in finding.text
