"""lsbc.training.flicker on single cells, year by year."""

import numpy as np
import pytest

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import ConfigError
from lsbc.training.flicker import without_flicker


def cell(classes, years=3):
    return without_flicker(np.array(classes, np.uint8)[:, None, None], years).ravel().tolist()


@pytest.mark.parametrize(("classes", "expected"), [
    ([2, 4, 2, 2, 2], [2, 2, 2, 2, 2]),
    ([2, 4, 4, 2, 2], [2, 2, 2, 2, 2]),
    ([2, 4, 4, 4, 2], [2, 4, 4, 4, 2]),      # 3 years count as a change
    ([2, 4, 3, 2, 2], [2, 4, 3, 2, 2]),      # not one visit
    ([2, 2, 4, 4, 4], [2, 2, 4, 4, 4]),      # a lasting change
    ([4, 2, 2, 2, 4], [4, 2, 2, 2, 4]),      # runs at the ends are no visits
    ([2, 4, 2, 4, 2], [2, 2, 2, 2, 2]),
    ([2, 4, 2, 4, 4], [2, 2, 2, 4, 4]),      # from the earliest on: the 4 goes, then the 2 is no visit any more
    ([2, 4, 4, 3, 4, 2], [2, 4, 4, 4, 4, 2]),  # the visit of 1 year goes first; 4 years are left, which count
])
def test_reversals_shorter_than_three_years_become_what_surrounds_them(classes, expected):
    assert cell(classes) == expected


def test_the_length_is_a_choice_and_one_year_changes_nothing():
    assert cell([2, 4, 4, 4, 2], years=4) == [2] * 5
    assert cell([2, 4, 2], years=1) == [2, 4, 2]
    with pytest.raises(ConfigError, match="years = 0"):
        cell([2, 4, 2], years=0)


def test_cells_without_data_in_some_year_and_the_input_stay():
    maps = np.array([[2, 2], [4, 4], [2, 2], [2, NO_DATA]], np.uint8)[:, None]
    got = without_flicker(maps)
    assert got[:, 0, 0].tolist() == [2, 2, 2, 2] and got[:, 0, 1].tolist() == [2, 4, 2, NO_DATA]
    assert maps[1, 0, 0] == 4


def test_cells_do_not_look_at_each_other():
    rng = np.random.default_rng(0)
    maps = rng.integers(1, 4, (9, 3, 4)).astype(np.uint8)
    got = without_flicker(maps)
    for r in range(3):
        for c in range(4):
            assert got[:, r, c].tolist() == cell(maps[:, r, c])
