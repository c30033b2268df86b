import numpy as np
import pytest
from scipy.optimize import OptimizeResult, approx_fprime

from lsbc.regrid.errors import InternalError, ValueRangeError
from lsbc.training.change_rates import START_ALPHA, START_SLOPE, Cells, Rates, _Problem, fit_rates

CLASSES = np.arange(3)


def world(n_zone=60, n_cell=300, seed=1):
    """Cells whose chances follow known rates, and the nets expected of them: zones differ in how mixed they are."""
    rng = np.random.default_rng(seed)
    zone = np.repeat(np.arange(n_zone), n_cell)
    logit = rng.normal(size=(n_zone * n_cell, 3)) * rng.uniform(0.5, 4.0, n_zone)[zone][:, None] + rng.normal(size=(n_zone, 3))[zone]
    log_p = logit - np.log(np.exp(logit).sum(axis=1, keepdims=True))
    own = (rng.random(len(zone))[:, None] > np.cumsum(np.exp(log_p), axis=1)).sum(axis=1).clip(0, 2)
    cells = Cells(zone, own, CLASSES, log_p)
    true = Rates(np.array([[0, -3.0, -2.0], [-4.0, 0, -2.5], [-3.0, -3.5, 0]]), 0.8, 1.0)
    chance = true.chance(cells)
    net = np.stack([np.bincount(zone, weights=chance[:, c] - (own == c), minlength=n_zone) for c in CLASSES], axis=1)
    return cells, true, net


def test_chances_are_those_of_the_formula():
    cells = Cells(np.zeros(1, int), np.zeros(1, int), CLASSES, np.log([[0.5, 0.3, 0.2]]))
    odds = np.array([1.0, np.exp(-1.0) * (0.3 / 0.5) ** 2, np.exp(-2.0) * (0.2 / 0.5) ** 2])  # 0 for staying
    rates = Rates(np.array([[9.0, -1.0, -2.0]] * 3), 2.0, 1.0)
    assert rates.chance(cells)[0] == pytest.approx(odds / odds.sum())
    assert rates.scores(cells)[0] == pytest.approx(np.log(odds))


def test_rates_that_made_the_nets_are_found_again():
    cells, true, net = world()
    rates = fit_rates(cells, net)
    assert rates.explained > 0.97 and rates.slope == pytest.approx(true.slope, abs=0.25)
    told, found = true.chance(cells), rates.chance(cells)
    moves = np.arange(3) != cells.own[:, None]
    assert np.corrcoef(told[moves], found[moves])[0, 1] > 0.97


def test_zones_left_out_are_explained_too():
    cells, _, net = world()
    assert fit_rates(cells, net, np.arange(60) % 3 != 0).explained > 0.9


def test_nets_that_do_not_follow_the_places_give_no_slope():
    cells, _, net = world()
    rates = fit_rates(cells, np.random.default_rng(2).permutation(net))
    assert abs(rates.slope) < 0.3 and rates.explained < 0.8


def test_the_gradient_is_the_misfit_s():
    cells, _, net = world(5, 20)
    problem = _Problem(cells, net, np.array([True, True, False, True, True]))
    x = np.append(np.random.default_rng(3).normal(-2.0, 1.0, problem.n_alpha), 0.7)
    assert problem.misfit(x)[1] == pytest.approx(approx_fprime(x, lambda x: problem.misfit(x)[0], 1e-7), rel=1e-3, abs=1e-5)


def test_nets_that_are_not_finite_are_refused():
    cells, _, net = world(5, 20)
    net[3, 1] = np.nan
    with pytest.raises(ValueRangeError, match="net change of class 1 in zone 3 is nan"):
        fit_rates(cells, net)


def test_no_change_anywhere_leaves_the_rates_at_the_start():
    cells, _, net = world(5, 20)
    rates = fit_rates(cells, 0.0 * net)
    assert (rates.alpha == START_ALPHA).all() and rates.slope == START_SLOPE and rates.explained == 0.0


def test_zones_left_out_without_change_leave_nothing_to_explain():
    cells, _, net = world(5, 20)
    net[4] = 0.0
    assert fit_rates(cells, net, np.arange(5) < 4).explained == 0.0


def test_a_fit_that_ends_nowhere_is_told(monkeypatch):
    cells, _, net = world(5, 20)
    monkeypatch.setattr("lsbc.training.change_rates.minimize", lambda f, x, **_: OptimizeResult(x=x * np.nan, fun=np.nan, message="lost"))
    with pytest.raises(InternalError, match="5 zones ended at a misfit of nan: lost"):
        fit_rates(cells, net)
