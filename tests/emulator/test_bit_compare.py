import numpy as np
import pytest

from lsbc.emulator.bit_compare import differ


def test_the_same_bits_are_the_same_whatever_they_mean():
    assert differ(np.array([1.0, np.nan, -0.0, np.inf]), np.array([1.0, np.nan, -0.0, np.inf])) is None
    assert differ(np.zeros(0), np.zeros(0)) is None


@pytest.mark.parametrize(("found", "largest"), [(1.0 + 2.0**-52, 2.0**-52), (np.nan, np.inf), (np.inf, np.inf)])
def test_one_other_bit_is_a_difference(found, largest):
    difference = differ(np.array([3.0, 1.0, 2.0]), np.array([3.0, found, 2.0]))
    assert (difference.n_cell, difference.largest, difference.position, difference.level, difference.expected) == (1, largest, 1, 0, 1.0)


def test_the_sign_of_zero_counts_at_distance_0():
    assert differ(np.array([0.0]), np.array([-0.0])).largest == 0.0


def test_cells_come_before_levels_and_are_counted_once():
    expected = np.zeros((3, 4))
    found = expected.copy()
    found[2, 1], found[0, 3], found[1, 3] = 1.0, 2.0, 4.0
    difference = differ(expected, found)
    assert (difference.position, difference.level, difference.n_cell, difference.largest) == (1, 2, 2, 4.0)
