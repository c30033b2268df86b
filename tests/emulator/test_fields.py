import numpy as np
import pytest

from lsbc.emulator.fields import FIELDS, FILL, OUTPUTS, boundary_fields
from lsbc.emulator.surface.parameters import read_class_table
from lsbc.regrid.errors import InternalError

TABLE = read_class_table()


def test_the_dominant_class_is_the_lowest_code_on_a_tie():
    fraction = np.zeros((3, 8))
    fraction[0, [2, 4]] = 0.5
    fraction[1, [1, 3, 6]] = 0.25, 0.375, 0.375
    fraction[2, 7] = 1.0
    assert boundary_fields(fraction, np.ones(3), np.zeros(3), 0.5, 2000, TABLE)["lu_dominant"].tolist() == [22.0, 33.0, 77.0]


def test_uncovered_cells_hold_the_fill_value_and_say_how_much_is_covered():
    fraction = np.zeros((2, 8))
    fraction[0, 4] = 1.0
    got = boundary_fields(fraction, np.array([1.0, 0.2]), np.array([0.0, 2.0]), 0.5, 2000, TABLE)
    for name in ("lai", "albedo", "lu_dominant", "forest_frac"):
        assert got[name][0] > 0 and got[name][1] == FILL
    assert got["lu_frac"][:, 1].tolist() == [FILL] * 8
    assert got["coverage"].tolist() == [1.0, 0.2] and got["valid_year"].tolist() == [2000.0, 2000.0]
    assert got["quality"].tolist() == [0.0, 2.0]


def test_fractions_that_do_not_close_are_stopped():
    with pytest.raises(InternalError, match="sum to 1 only within"):
        boundary_fields(np.full((1, 8), 0.12), np.ones(1), np.zeros(1), 0.5, 2000, TABLE)


def test_a_rank_without_cells_gets_empty_fields():
    got = boundary_fields(np.zeros((0, 8)), np.zeros(0), np.zeros(0), 0.5, 2000, TABLE)
    assert got["lu_frac"].shape == (8, 0) and all(got[info.name].shape[-1] == 0 for info in OUTPUTS)


def test_names_are_unique():
    assert len({info.name for info in FIELDS}) == len(FIELDS)
