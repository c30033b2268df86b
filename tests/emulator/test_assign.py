import numpy as np
import pytest
from scipy.optimize import linprog

from lsbc.emulator.assign import Candidates, assign, order_in

N_GROUP = 5


def case_of(seed, n=120):
    """One zone: cells of five groups with random gains, and quotas that it can meet."""
    rng = np.random.default_rng(seed)
    loser, gain = np.arange(n) % N_GROUP, rng.normal(size=(n, N_GROUP))
    quota = np.rint(rng.normal(size=N_GROUP) * 4).astype(int)
    quota[seed % N_GROUP] -= quota.sum()
    gain[:, quota <= 0] = -np.inf
    losing = quota[loser] < 0
    return Candidates(np.zeros(losing.sum(), int), loser[losing], gain[losing]), quota[None]


def total(cells, joined):
    moved = joined >= 0
    return cells.gain[moved, joined[moved]].sum()


def best_total(cells, quota):
    """The largest total gain, by linear programming: its corners are whole numbers (a transport problem)."""
    winners, losers = np.flatnonzero(quota[0] > 0), np.flatnonzero(quota[0] < 0)
    n, k = len(cells.zone), len(winners)
    once = np.kron(np.eye(n), np.ones(k))
    meets = [np.tile(winners == g, n) for g in winners] + [np.repeat(cells.loser == g, k) for g in losers]
    wanted = np.append(quota[0][winners], -quota[0][losers])
    return -linprog(-cells.gain[:, winners].ravel(), once, np.ones(n), np.array(meets, float), wanted, bounds=(0, 1)).fun


@pytest.mark.parametrize("seed", range(5))
def test_quotas_are_met_with_the_largest_gain_that_linear_programming_finds(seed):
    cells, quota = case_of(seed)
    joined = assign(cells, quota)
    moved = joined >= 0
    assert np.array_equal(np.bincount(joined[moved], minlength=N_GROUP), np.maximum(quota[0], 0))
    assert np.array_equal(np.bincount(cells.loser[moved], minlength=N_GROUP), np.maximum(-quota[0], 0))
    assert total(cells, joined) == pytest.approx(best_total(cells, quota), abs=1e-9)


@pytest.mark.parametrize("step", [0.1, 0.5, 1.0])
def test_tied_gains_meet_the_quotas_and_cost_less_than_one_step_of_rounding_a_moved_cell(step):
    for seed in range(30):
        cells, quota = case_of(seed)
        cells = Candidates(cells.zone, cells.loser, np.round(cells.gain / step) * step)
        joined = assign(cells, quota)
        moved = joined >= 0
        assert np.array_equal(np.bincount(joined[moved], minlength=N_GROUP), np.maximum(quota[0], 0))
        if moved.any():
            best = best_total(cells, quota)
            assert best - step * moved.sum() < total(cells, joined) <= best + 1e-9


def test_equal_gains_meet_the_quotas_in_the_order_of_the_cells():
    gain = np.full((10, 3), -np.inf)
    gain[:, 1:] = 0.0
    joined = assign(Candidates(np.zeros(10, int), np.zeros(10, int), gain), np.array([[-5, 3, 2]]))
    assert joined.tolist() == [1, 1, 1, 2, 2, -1, -1, -1, -1, -1]


def test_a_zone_does_not_depend_on_the_others():
    parts = [case_of(seed) for seed in range(6)]
    whole = Candidates(np.concatenate([np.full(len(c.zone), k) for k, (c, _) in enumerate(parts)]), np.concatenate([c.loser for c, _ in parts]),
                       np.concatenate([c.gain for c, _ in parts]))
    together = assign(whole, np.concatenate([quota for _, quota in parts]))
    assert np.array_equal(together, np.concatenate([assign(c, quota) for c, quota in parts]))


def test_short_groups_give_all_their_cells_to_the_best_takers():
    gain = np.array([[-np.inf, 1.0, 5.0], [-np.inf, 2.0, 1.0]])
    joined = assign(Candidates(np.zeros(2, int), np.zeros(2, int), gain), np.array([[-9, 4, 5]]))
    assert joined.tolist() == [2, 1]


def test_no_cells_join_nothing():
    nothing = Candidates(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 3)))
    assert len(assign(nothing, np.zeros((2, 3), int))) == 0


def test_order_is_by_part_then_falling_value_then_position():
    part = np.array([1, 0, 1, 0, 1])
    for dtype in (np.float32, np.float64):
        order, rank = order_in(part, np.array([-1.0, 2.0, 3.0, 2.0, 0.0], dtype), 2)
        assert order.tolist() == [1, 3, 2, 4, 0] and rank.tolist() == [0, 1, 0, 1, 2]
