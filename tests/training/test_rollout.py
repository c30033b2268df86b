"""lsbc.training.rollout with predictors whose way is known."""

from dataclasses import replace

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_NAMES, NO_DATA
from lsbc.training.data import DatedField
from lsbc.training.patches import DriverTable
from lsbc.training.predict import Region
from lsbc.training.rollout import blind_region, first_probabilities, likeliest, rollout

from stub_predictors import Copier, Dice, Spy


@pytest.fixture(scope="module")
def region(land):
    return Region(land, DriverTable(land), halo=8, multiple=4)


def test_a_free_rollout_of_a_copier_is_the_first_map_in_both_directions(region, land):
    for steps, years in ((3, [2004, 2005, 2006]), (-2, [2002, 2001])):
        made = list(rollout(Copier(), region, 2003, steps, allocated=False))
        assert [step.year for step in made] == years
        start = np.where(land.valid, land.map_of(2003), NO_DATA)
        assert all((step.made == start).all() for step in made)


@pytest.mark.parametrize("allocated", [False, True])
def test_a_rollout_shows_no_map_but_the_one_made_before(region, land, allocated):
    spy = Spy()
    made = {step.year: step.made for step in rollout(spy, region, 2003, 3, allocated=allocated)}
    assert [case.years for case in spy.cases] == [(2003, 2004), (2004, 2005), (2005, 2006)]
    for case, maps in zip(spy.cases, spy.maps, strict=True):
        before = land.map_of(2003) if case.years[0] == 2003 else made[case.years[0]]
        assert (case.prior == before).all() and case.known.all()
        assert all((field[land.valid] == 0).all() for year, field in maps.items() if year != case.years[0])


def test_a_blind_region_says_where_data_are_and_nothing_else(region, land):
    hidden = blind_region(region).data
    assert (hidden.valid == land.valid).all() and set(np.unique(hidden.class_index)) == {0, NO_DATA}


@pytest.mark.parametrize(("predictor", "steps"), [(Copier(), 1), (Dice(), 1), (Dice(), 4), (Dice(), -2)])
def test_an_allocated_rollout_has_the_observed_group_areas_of_every_driver_cell(region, land, predictor, steps):
    *_, last = rollout(predictor, region, 2003, steps, allocated=True)
    assert last.year == 2003 + steps and (last.made[~land.valid] == NO_DATA).all()
    blocks = (land.shape[0] // land.ratio, land.ratio, land.shape[1] // land.ratio, land.ratio)
    enough = land.valid.reshape(blocks).sum((1, 3)) >= 0.05 * land.ratio**2
    changed = 0
    for name in ("urban", "cropland", "pasture", "forest"):
        start, then, made = ((m == CLASS_NAMES.index(name)).reshape(blocks).sum((1, 3))
                             for m in (land.map_of(2003), land.map_of(2003 + steps), last.made))
        assert np.abs(made - then)[enough].max() <= 2  # areas within a driver cell differ by up to 1 % from counts
        changed += np.abs(then - start).sum()
    assert changed > 0


def test_the_first_probabilities_may_be_given(region):
    first = first_probabilities(Dice(), region, 2003, 1)
    spy = Spy()
    made, = rollout(spy, region, 2003, 1, allocated=False, first=first)
    dynamic = region.data.map_of(2003) != CLASS_NAMES.index("water")
    assert not spy.cases and (made.made == likeliest(first, region))[dynamic & region.data.valid].all()


def test_the_lowest_class_wins_a_tie(region, land):
    even = np.full((8, *land.shape), 0.125, np.float32)
    assert (likeliest(even, region)[land.valid] == 0).all()


def test_a_rollout_keeps_the_statics_of_the_year_it_began_in(region, land):
    dated = {"human_footprint": tuple(DatedField(since, np.full(land.shape, since, np.float32)) for since in (2002, 2005))}
    seen = []

    class Watch(Copier):
        def predict_proba(self, region, case):
            seen.append(float(region.data.dated_field("human_footprint", case.years[0])[0, 0]))
            return super().predict_proba(region, case)

    list(rollout(Watch(), replace(region, data=replace(land, dated=dated)), 2003, 5, allocated=False))
    assert seen == [2002.0] * 5


def test_ocean_and_water_stay_in_a_free_rollout(region, land):
    class AllForest(Copier):
        def predict_proba(self, region, case):
            return np.repeat(np.eye(8, dtype=np.float32)[CLASS_NAMES.index("forest")][:, None, None], case.prior.size, axis=2).reshape(8, *case.prior.shape)

    step, = rollout(AllForest(), region, 2003, 1, allocated=False)
    water = land.map_of(2003) == CLASS_NAMES.index("water")
    assert water.any() and (step.made[water] == CLASS_NAMES.index("water")).all()
    assert (step.made[land.valid & ~water] == CLASS_NAMES.index("forest")).all()
