import numpy as np
import pytest

from lsbc.emulator.classes import GROUP_STATES, LUH2_STATES, NO_DATA, index_of_codes


def test_codes_become_indices_and_forest_types_are_merged():
    assert index_of_codes(np.array([0, 11, 22, 33, 40, 41, 45, 55, 66, 77])).tolist() == [0, 1, 2, 3, 4, 4, 4, 5, 6, 7]


def test_missing_codes_become_no_data():
    assert index_of_codes(np.array([99, 255])).tolist() == [NO_DATA, NO_DATA]


@pytest.mark.parametrize("code", [23, 24, 1, 254])
def test_codes_of_another_class_version_are_refused(code):
    with pytest.raises(ValueError, match=f"class code {code} is not one of"):
        index_of_codes(np.array([11, code]))


def test_every_luh2_state_drives_exactly_one_group():
    assert sorted(name for states in GROUP_STATES.values() for name in states) == sorted(LUH2_STATES)
