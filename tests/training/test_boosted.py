"""Boosted trees learn a rule that a formula made, on land small enough for seconds."""

import copy
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("xgboost")

from lsbc.emulator.classes import CLASS_NAMES, NO_DATA  # noqa: E402
from lsbc.regrid.errors import ConfigError  # noqa: E402
from lsbc.training.cases import one_prior  # noqa: E402
from lsbc.training.config import LossConfig  # noqa: E402
from lsbc.training.models.boosted import Boosted, TreeSettings, masked_case, some_cells  # noqa: E402
from lsbc.training.predict import Region, allocated_map, no_carry  # noqa: E402
from lsbc.training.samples import Sampler  # noqa: E402

URBAN = CLASS_NAMES.index("urban")
SMALL = {"reconstruction_trees": TreeSettings(rounds=10, depth=4, rate=0.4), "step_trees": TreeSettings(rounds=20, depth=3, rate=0.3),
         "draws": 4, "cells": 3000, "threads": 1}


@pytest.fixture(scope="module")
def sampler(land, split, sample_config):
    return Sampler(land, split, sample_config, LossConfig(), 1)


@pytest.fixture(scope="module")
def region(land, sampler):
    return Region(land, sampler.driver, 0, 4)


@pytest.fixture(scope="module")
def fitted(sampler, tmp_path_factory):
    directory = tmp_path_factory.mktemp("boosted")
    made = Boosted(**SMALL)
    made.fit(sampler, directory)
    return made, directory


def test_hidden_cells_are_filled_by_the_rule_that_made_the_land(fitted, region):
    """Forest above 600 m, pasture below 330 m: height alone decides, so hiding everything costs little."""
    years = (2006, 2007)
    nothing = one_prior(years, region.data.map_of(years[0]), np.zeros(region.data.shape, bool))
    made = fitted[0].predict_proba(region, nothing).argmax(axis=0)
    rural = region.data.valid & np.isin(region.data.map_of(years[1]), [CLASS_NAMES.index(name) for name in ("forest", "pasture", "cropland")])
    assert (made == region.data.map_of(years[1]))[rural].mean() > 0.93


def test_towns_grow_at_their_edge_by_the_number_of_cells_asked_for(fitted, region):
    years = (2007, 2008)
    score = np.log(np.maximum(fitted[0].predict_proba(region, region.whole_prior(years)), 1e-12))
    made = allocated_map(score, region, years, no_carry(region))
    before, after = region.data.map_of(years[0]), region.data.map_of(years[1])
    new, asked = (made == URBAN) & (before != URBAN), (after == URBAN) & (before != URBAN)
    assert asked.sum() > 50
    assert (new & asked).sum() / (new | asked).sum() > 0.5, "at random it would be one in a hundred"


def test_without_demand_every_class_stays(fitted, region):
    years = (2006, 2007)
    assert not (region.data.map_of(years[0]) != region.data.map_of(years[1])).any(), "towns grow every other year"
    made = fitted[0].predict_proba(region, region.whole_prior(years))
    stays = np.take_along_axis(made, np.minimum(region.data.map_of(years[0]), 7)[None].astype(int), axis=0)[0]
    assert stays[region.data.valid].min() > 0.999


@pytest.mark.parametrize("hidden_share", [0.0, 0.5])
def test_probabilities_sum_to_one_and_hidden_cells_are_never_looked_at(fitted, region, hidden_share):
    known = np.random.default_rng(0).random(region.data.shape) >= hidden_share
    case = one_prior((2007, 2008), region.data.map_of(2007), known)
    made = fitted[0].predict_proba(region, case)
    assert made.dtype == np.float32 and made.min() >= 0.0
    assert made[:, region.data.valid].sum(axis=0) == pytest.approx(1.0, abs=1e-5)
    other = np.where((case.prior != NO_DATA) & ~known, np.uint8(URBAN), case.prior)
    assert np.array_equal(made, fitted[0].predict_proba(region, one_prior(case.years, other, known)))


def test_a_second_fit_loads_and_other_settings_fit_again(fitted, sampler, region, monkeypatch):
    import xgboost

    case = one_prior((2007, 2008), region.data.map_of(2007))
    made = fitted[0].predict_proba(region, case)

    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(xgboost, "train", refuse)
    again = Boosted(**SMALL)
    again.fit(sampler, fitted[1])
    assert np.array_equal(made, again.predict_proba(region, case))
    with pytest.raises(AssertionError, match="trained again"):
        Boosted(**{**SMALL, "draws": 3}).fit(sampler, fitted[1])


@pytest.mark.parametrize("change", ["elevation", "samples"])
def test_another_elevation_or_sample_setting_fits_again(fitted, sampler, monkeypatch, change):
    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(Boosted, "_fit_reconstruction", refuse)
    Boosted(**SMALL).fit(sampler, fitted[1])
    other = copy.copy(sampler)
    if change == "elevation":
        other.data = replace(sampler.data, elevations=(sampler.data.elevations[0] + 1, *sampler.data.elevations[1:]))
    else:
        other.config = replace(sampler.config, same_year_share=0.1)
    with pytest.raises(AssertionError, match="trained again"):
        Boosted(**SMALL).fit(other, fitted[1])


@pytest.mark.parametrize("kept_share", [0.0, 0.5])
def test_a_file_that_was_cut_off_is_fitted_again_and_replaced(fitted, sampler, tmp_path, monkeypatch, caplog, kept_share):
    for task in ("reconstruction", "step"):
        whole = (fitted[1] / f"boosted_{task}.ubj").read_bytes()
        (tmp_path / f"boosted_{task}.ubj").write_bytes(whole[:int(len(whole) * kept_share)])
        monkeypatch.setattr(Boosted, f"_fit_{task}", lambda *_, task=task: fitted[0].models[task].copy())
    Boosted(**SMALL).fit(sampler, tmp_path)
    assert caplog.text.count("cannot be read") == 2
    for task in ("reconstruction", "step"):
        assert (tmp_path / f"boosted_{task}.ubj").read_bytes() == (fitted[1] / f"boosted_{task}.ubj").read_bytes()


def test_a_fit_that_is_killed_while_it_writes_leaves_the_old_file(fitted, sampler, tmp_path, monkeypatch):
    import os

    old = fitted[1] / "boosted_reconstruction.ubj"
    (tmp_path / old.name).write_bytes(old.read_bytes())

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Boosted, "_fit_reconstruction", lambda *_: fitted[0].models["reconstruction"].copy())
    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        Boosted(**{**SMALL, "draws": 3}).fit(sampler, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [old.name] and (tmp_path / old.name).read_bytes() == old.read_bytes()


def test_masked_cases_hide_the_share_asked_for_and_ask_for_a_training_year(sampler):
    case, target = masked_case(sampler, np.random.default_rng(0), 0.75, kind=0)
    assert case.known.mean() == pytest.approx(0.25, abs=0.02)
    assert case.years in sampler.pairs and np.array_equal(target, sampler.data.map_of(case.years[1]))


def test_three_shown_years_know_what_at_least_one_of_them_knows(sampler):
    shares = {round(float(masked_case(sampler, np.random.default_rng(seed), 0.5, kind=3)[0].known.mean()), 1) for seed in range(20)}
    assert shares <= {0.5, 0.8, 0.9} and 0.9 in shares, "1 - 0.5 ** k for one, two and three years"


def test_one_cell_in_ten_is_a_known_one():
    known = np.zeros((40, 40), bool)
    known[:20] = True
    cells = some_cells(np.random.default_rng(0), np.ones((40, 40), bool), known, 200)
    assert len(set(cells.tolist())) == 200 and known.ravel()[cells].sum() == 20


def test_years_without_change_are_an_error_for_the_step_model(sampler, tmp_path):
    still = copy.copy(sampler)
    still.pairs = [(2000, 2001)]
    with pytest.raises(ConfigError, match="hold no change"):
        Boosted(**SMALL).fit(still, tmp_path)


def test_unfitted_trees_say_so(region):
    with pytest.raises(ConfigError, match="was not fitted"):
        Boosted().predict_proba(region, region.whole_prior((2006, 2007)))
