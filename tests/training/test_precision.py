"""lsbc.training.precision: shares and areas by hand, gates by their numbers."""

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_NAMES, GROUPS, N_CLASS
from lsbc.training.precision import GATES, MIN_CELLS, Tiles, YearTiles, compare, complaint, random_tiles


def logits(classes):
    """(tile, 1, class, row, col): one where the class is."""
    return np.moveaxis(np.eye(N_CLASS, dtype=np.float32)[classes], -1, 1)[:, None]


@pytest.fixture
def maps():
    """Two tiles of 1000 cells: 600 of class 1 and 400 of class 2 in each."""
    classes = np.ones((2, 20, 50), int)
    classes[:, 12:] = 2
    return classes


def test_changed_cells_and_areas_are_counted_over_all_tiles(maps):
    other = maps.copy()
    other[0, 0, :30] = 2
    found = compare(logits(maps), 3 * logits(other), np.ones(maps.shape, bool))
    assert found == {"largest_logit_difference": 3.0, "changed_class_share": 30 / 2000, "worst_class_area_bias": 30 / 800,
                     "worst_class": "cropland", "tiles": 2, "cells": 2000}


def test_swapped_cells_change_classes_but_no_area(maps):
    other = maps.copy()
    other[0, 0, :5], other[1, 19, :5] = 2, 1
    found = compare(logits(maps), logits(other), np.ones(maps.shape, bool))
    assert (found["changed_class_share"], found["worst_class_area_bias"], found["worst_class"]) == (10 / 2000, 0.0, "")


def test_cells_that_are_not_counted_do_not_matter(maps):
    other, counted = maps.copy(), np.ones(maps.shape, bool)
    other[0, 0], counted[0, 0] = 2, False
    found = compare(logits(maps), logits(other), counted)
    assert (found["changed_class_share"], found["worst_class_area_bias"], found["cells"]) == (0.0, 0.0, 1950)


def test_the_area_of_a_class_with_few_cells_is_not_judged():
    few = np.ones((1, 40, 50), int)
    few.flat[:MIN_CELLS - 1] = 3
    found = compare(logits(few), logits(np.ones_like(few)), np.ones(few.shape, bool))
    assert found["worst_class"] == "urban" and found["worst_class_area_bias"] == pytest.approx((MIN_CELLS - 1) / (2000 - MIN_CELLS + 1))


def test_ocean_and_water_are_never_the_likeliest_class(maps):
    second = logits(maps)
    second[:, :, 0], second[:, :, 7] = 9.0, 9.0
    assert compare(logits(maps), second, np.ones(maps.shape, bool))["changed_class_share"] == 0.0


def test_every_step_of_several_years_is_counted(maps):
    other = maps.copy()
    other[0, 0, 0] = 2
    first = np.concatenate([logits(maps), logits(maps)], axis=1)
    second = np.concatenate([logits(maps), logits(other)], axis=1)
    found = compare(first, second, np.ones(maps.shape, bool))
    assert found["cells"] == 4000 and found["changed_class_share"] == 1 / 4000


@pytest.mark.parametrize("precision", GATES)
def test_a_gate_lets_its_own_numbers_through_and_names_what_is_more(precision):
    gate = GATES[precision]
    found = {"largest_logit_difference": 0.1, "changed_class_share": gate.changed_class_share, "worst_class_area_bias": gate.class_area_bias,
             "worst_class": "forest", "tiles": 8, "cells": 10}
    assert complaint(found, precision) == ""
    assert "of the cells change their class" in complaint(found | {"changed_class_share": 1.01 * gate.changed_class_share}, precision)
    assert "the area of forest changes by" in complaint(found | {"worst_class_area_bias": 1.01 * gate.class_area_bias}, precision)
    assert complaint(found | {"largest_logit_difference": float("nan")}, precision) == "some logits are not finite"


def test_random_tiles_are_always_the_same_and_logits_are_those_of_the_core():
    tiles = random_tiles(3, 8, 16, count=2)
    assert tiles.channels.shape == (2, 3, 32, 32) and (tiles.channels == random_tiles(3, 8, 16, count=2).channels).all()
    made = tiles.logits(lambda x: x[:, None])
    assert (made == tiles.channels[:, None, :, 8:24, 8:24]).all()
    assert Tiles(tiles.channels, tiles.counted, "").halo == 8


def test_a_coupled_year_changes_as_many_cells_as_the_driver_wants_and_names_those_that_move():
    forest, cropland = CLASS_NAMES.index("forest"), CLASS_NAMES.index("cropland")
    prior = np.full((1, 10, 10), forest, np.uint8)
    change = np.zeros((1, 1, 1, len(GROUPS)))
    change[..., GROUPS.index("forest")], change[..., GROUPS.index("cropland")] = -0.04, 0.04
    year = YearTiles(np.zeros((1, 1, 14, 14), np.float32), prior, change)

    def wants(*columns):
        def network(x):
            score = np.zeros((1, 1, N_CLASS, 14, 14), np.float32)
            score[0, 0, cropland, 2, 2 + np.array(columns)] = 1.0
            return score

        return network

    expected, got = year.maps(wants(0, 1, 2, 3)), year.maps(wants(0, 1, 2, 7))
    assert np.flatnonzero(expected[0, 0] == cropland).tolist() == [0, 1, 2, 3] and (expected == cropland).sum() == (got == cropland).sum() == 4
    assert year.compare(expected, got) == {"allocated_cells": 4, "allocated_elsewhere_share": 0.25}
    assert year.compare(prior, prior) == {"allocated_cells": 0, "allocated_elsewhere_share": 0.0}
