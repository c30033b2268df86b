import numpy as np
import pytest

from lsbc.emulator.classes import GROUPS, LUH2_STATES
from lsbc.emulator.gate import check_fractions, check_logits, check_map, check_range, driver_groups
from lsbc.regrid.errors import FieldError, InternalError, ValueRangeError

ID, LON, LAT = np.array([70, 71, 72]), np.array([8.0, 9.0, 10.0]), np.array([47.0, 48.0, 49.0])


def states(**changed):
    values = {name: np.zeros(3) for name in LUH2_STATES}
    values |= {"urban": np.array([0.1, 0.2, 0.3]), "c3ann": np.array([0.2, 0.2, 0.2]), "c4per": np.array([0.1, 0.0, 0.0]), "primn": np.array([0.5, 0.0, 0.0])}
    for name, (cell, value) in changed.items():
        values[name][cell] = value
    return values


def groups(values, owned=(0, 1, 2)):
    return driver_groups(values, np.array(owned), ID, LON, LAT)


def test_states_are_summed_into_groups_and_the_rest_is_other():
    got = groups(states())
    assert got[0] == pytest.approx([0.1, 0.3, 0.0, 0.0, 0.5, 0.1], abs=1e-15)
    assert got[1] == pytest.approx([0.2, 0.2, 0.0, 0.0, 0.0, 0.6], abs=1e-15)
    assert GROUPS == ("urban", "cropland", "pasture", "forest", "nonforest", "other")


def test_only_owned_cells_are_looked_at():
    assert groups(states(urban=(1, np.nan)), owned=(0, 2)).shape == (2, 6)


@pytest.mark.parametrize(("changed", "message"), [
    ({"secdf": (1, np.nan)}, r"Field 'secdf' is nan in cell 71 \(9\.0000 E, 48\.0000 N\)"),
    ({"secdf": (2, np.inf)}, r"Field 'secdf' is inf in cell 72"),
    ({"urban": (2, 30.0)}, r"Field 'urban' is 30 in cell 72 .*looks like percent"),
    ({"urban": (2, 1e20)}, r"Field 'urban' is 1e\+20 in cell 72 .*looks like a fill value"),
    ({"pastr": (0, -0.01)}, r"Field 'pastr' is -0\.01 in cell 70"),
    ({"secdf": (2, 0.52)}, r"sum to 1\.02 in cell 72"),
    ({"secdf": (2, 1.2)}, r"Field 'secdf' is 1\.2 in cell 72 .*at most 1"),
])
def test_bad_states_are_refused_with_field_value_and_place(changed, message):
    with pytest.raises(ValueRangeError, match=message):
        groups(states(**changed))


def test_a_missing_state_is_named():
    values = states()
    del values["range"]
    with pytest.raises(FieldError, match="Fields range were never set"):
        groups(values)


def test_the_tolerance_of_luh2_is_accepted_and_scaled_to_one():
    got = groups(states(secdf=(2, 0.50005)))
    assert got[2].sum() == pytest.approx(1.0, abs=1e-15) and got[2, -1] == 0.0


@pytest.mark.parametrize("row", [[0.5, 0.6], [np.nan, 1.0], [-0.1, 1.1], [0.5, 0.5 - 1e-9]])
def test_the_output_gate_stops_bad_fractions(row):
    with pytest.raises(InternalError):
        check_fractions(np.array([row]), np.array([True]))


def test_the_output_gate_ignores_uncovered_cells():
    check_fractions(np.array([[0.0, 0.0], [0.25, 0.75]]), np.array([False, True]))


def test_nan_fails_the_range_check():
    with pytest.raises(InternalError, match="'lai' left"):
        check_range("lai", np.array([1.0, np.nan]), 0.0, 10.0)


def test_logits_that_are_not_finite_are_stopped():
    with pytest.raises(InternalError, match="1 values that are not finite in tile 5"):
        check_logits(np.array([0.0, np.nan]), 5)


def test_a_map_that_moves_water_is_stopped():
    old = np.array([7, 1, 255, 0], np.uint8)
    check_map(np.array([7, 3, 255, 0], np.uint8), old, (0, 7))
    for bad in ([3, 1, 255, 0], [7, 1, 1, 0], [7, 9, 255, 0]):
        with pytest.raises(InternalError):
            check_map(np.array(bad, np.uint8), old, (0, 7))
