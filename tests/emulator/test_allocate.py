import numpy as np
import pytest

from lsbc.emulator.allocate import N_LAND_GROUP, allocate, allocate_zones, balanced, group_counts, whole_cells
from lsbc.emulator.classes import GROUPS
from lsbc.regrid.errors import InternalError

URBAN, CROP, PASTURE, FOREST, GRASS, SPARSE, WATER = range(1, 8)
RNG = np.random.default_rng(3)
NO_CARRY = np.zeros((2, 2, N_LAND_GROUP))


def delta(**changes):
    out = np.zeros((2, 2, len(GROUPS)))
    for name, value in changes.items():
        out[..., GROUPS.index(name)] = value
    return out


def case_of(seed=0, n=20):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(8, n, n)).astype(np.float32), rng.integers(1, 8, (n, n)).astype(np.uint8)


def counts(core, group_classes):
    return np.isin(core, group_classes).reshape(2, 10, 2, 10).sum((1, 3))


def test_the_areas_change_by_the_demand_to_within_one_cell():
    score, old = case_of()
    new = allocate(score, old, delta(urban=0.034, cropland=-0.051, forest=0.017), NO_CARRY)
    for name, classes, cells in (("urban", [URBAN], 3.4), ("cropland", [CROP], -5.1), ("forest", [FOREST], 1.7), ("pasture", [PASTURE], 0.0)):
        change = counts(new.core, classes) - counts(old, classes)
        assert (np.abs(change - cells) < 1.0).all(), name
    assert np.array_equal(new.core == WATER, old == WATER) and (new.dropped == 0).all()


def test_the_remainder_is_carried_until_it_fills_a_cell():
    score, old = case_of()
    carry, core = NO_CARRY, old
    for _ in range(10):  # ten years of 0.3 cells are three cells
        step = allocate(score, core, delta(urban=0.003, cropland=-0.003), carry)
        core, carry = step.core, step.carry
    assert (counts(core, [URBAN]) - counts(old, [URBAN]) == 3).all()


def test_the_cells_with_the_largest_gain_move_first():
    score, old = np.zeros((8, 20, 20), np.float32), np.full((20, 20), CROP, np.uint8)
    score[URBAN, 3, 4], score[URBAN, 5, 5], score[CROP, 5, 5], score[URBAN, 8, 8] = 2.0, 5.0, 4.5, 1.0
    new = allocate(score, old, delta(urban=0.02, cropland=-0.02), NO_CARRY).core
    assert np.argwhere(new[:10, :10] == URBAN).tolist() == [[3, 4], [8, 8]]


def test_within_a_group_the_likelier_class_is_taken():
    score, old = np.zeros((8, 20, 20), np.float32), np.full((20, 20), FOREST, np.uint8)
    score[SPARSE, 2, 2], score[GRASS, 2, 2] = 3.0, 2.0
    new = allocate(score, old, delta(nonforest=0.01, forest=-0.01), NO_CARRY).core
    assert new[2, 2] == SPARSE


def test_no_demand_changes_nothing_whatever_the_scores():
    score, old = case_of()
    assert np.array_equal(allocate(score, old, delta(), NO_CARRY).core, old)


def test_missing_cells_and_water_stay_and_demand_refers_to_the_cells_with_data():
    score, old = case_of()
    old[:10, :5] = 255
    new = allocate(score, old, delta(urban=0.04, cropland=-0.04), NO_CARRY).core
    assert (new[:10, :5] == 255).all()
    assert (counts(new, [URBAN]) - counts(old, [URBAN])).tolist() == [[2, 4], [4, 4]]


def test_demand_without_cells_to_give_is_dropped_and_told():
    score, old = np.zeros((8, 20, 20), np.float32), np.full((20, 20), FOREST, np.uint8)
    result = allocate(score, old, delta(urban=0.05, cropland=-0.05), NO_CARRY)
    assert np.array_equal(result.core, old)
    assert (np.abs(result.carry) <= 1.0).all() and result.dropped == pytest.approx(np.full((2, 2), 4.0))


def test_a_driver_cell_does_not_depend_on_the_others():
    score, old = case_of()
    change = RNG.normal(0, 0.03, (2, 2, len(GROUPS)))
    change[..., :N_LAND_GROUP] -= change[..., :N_LAND_GROUP].mean(axis=-1, keepdims=True)
    whole = allocate(score, old, change, NO_CARRY).core
    for i in range(2):
        for j in range(2):
            part = (slice(10 * i, 10 * i + 10), slice(10 * j, 10 * j + 10))
            alone = allocate(score[:, *part], old[part], change[i: i + 1, j: j + 1], NO_CARRY[:1, :1]).core
            assert np.array_equal(alone, whole[part])


def test_whole_cells_sum_to_zero_and_are_off_by_less_than_one():
    demand = RNG.normal(0, 5, (200, 5))
    demand -= demand.mean(axis=1, keepdims=True)
    quota = whole_cells(demand)
    assert (quota.sum(axis=1) == 0).all() and (np.abs(quota - demand) < 1.0).all()


def test_a_rectangle_of_driver_cells_is_settled_cell_by_cell():
    score, old = case_of(n=30)
    change = np.random.default_rng(8).normal(0.0, 0.03, (2, 3, len(GROUPS)))
    change -= change.mean(axis=-1, keepdims=True)
    whole = allocate(score[:, :20], old[:20], change, np.zeros((2, 3, N_LAND_GROUP)))
    for i in range(2):
        for j in range(3):
            part = (slice(10 * i, 10 * i + 10), slice(10 * j, 10 * j + 10))
            one = allocate(score[:, *part], old[part], change[i:i + 1, j:j + 1], np.zeros((1, 1, N_LAND_GROUP)))
            assert np.array_equal(whole.core[part], one.core)
            assert np.array_equal(whole.carry[i, j], one.carry[0, 0])


def test_any_zoning_is_met_and_cells_outside_all_zones_stay():
    rng = np.random.default_rng(5)
    old, zone = rng.integers(1, 6, 3000).astype(np.uint8), rng.integers(-1, 4, 3000)
    demand = np.zeros((4, N_LAND_GROUP))
    demand[:, :3] = [(7, -4, -3), (0, 0, 0), (-2, 1, 1), (-5.4, 5.4, 0)]
    new = allocate_zones(rng.normal(size=(8, 3000)), old, zone, demand)
    change = group_counts(new, zone, demand.shape) - group_counts(old, zone, demand.shape)
    assert (np.abs(change - demand) < 1.0).all() and np.array_equal(new[zone < 0], old[zone < 0])


def test_a_map_that_does_not_divide_into_driver_cells_is_refused():
    score, old = case_of(n=21)
    with pytest.raises(InternalError, match=r"A map of shape \(21, 21\) does not divide into driver cells of shape \(2, 2\)"):
        allocate(score, old, delta(), NO_CARRY)


def test_what_does_not_sum_to_zero_is_taken_off_in_proportion():
    assert balanced(np.array([[6.0, -2.0, 0.0], [0.0, 0.0, 0.0]])) == pytest.approx(np.array([[3.0, -3.0, 0.0], [0.0, 0.0, 0.0]]))  # 4 too much on 8
