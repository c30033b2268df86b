"""lsbc.training.tasks: masks, cases and years."""

from dataclasses import replace

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_NAMES
from lsbc.training.config import SplitConfig
from lsbc.training.tasks import RECONSTRUCTION, block_mask, known_masks, reconstructions, scattered_mask, step_plan, step_task

WATER = CLASS_NAMES.index("water")


@pytest.fixture(scope="module")
def cases(land, split):
    return [item for item in reconstructions(land, split, seed=1)]


def test_masks_hide_the_share_of_their_name_and_repeat_exactly(land):
    prior = land.map_of(2008)
    masks, again = (known_masks(land, prior, 1, 2009) for _ in range(2))
    for share in (0.6, 0.75):
        hidden = 1 - masks[f"hidden_{round(100 * share)}"].mean()
        assert abs(hidden - share) < 4 * np.sqrt(share * (1 - share) / prior.size)
    assert not masks["hidden_100"].any()
    assert (masks["hidden_100_water_known"] == (prior == WATER)).all()
    assert masks["hidden_all_but_1_in_6x6"].sum() == 25 * 30
    assert all((masks[name] == again[name]).all() for name in masks)
    assert (masks["hidden_60"] != known_masks(land, prior, 1, 2010)["hidden_60"]).any()
    assert (masks["hidden_60"] != known_masks(land, prior, 2, 2009)["hidden_60"]).any()


def test_blocks_are_hidden_whole():
    known = block_mask((40, 50), 0.75, 1, 2009)
    assert known.shape == (40, 50)
    for r in range(0, 40, 16):
        for c in range(0, 50, 16):
            assert len(np.unique(known[r:r + 16, c:c + 16])) == 1
    assert abs(1 - block_mask((1600, 1600), 0.6, 1, 2009).mean() - 0.6) < 4 * np.sqrt(0.24 / 100**2)


def test_every_task_is_asked_for_in_every_second_test_year(cases):
    asked = {task: [item.case.years for item in cases if item.task == task] for task in RECONSTRUCTION}
    assert all(years == [(2007, 2008), (2009, 2010)] for years in asked.values())
    assert {item.task for item in cases} == set(RECONSTRUCTION)


def test_three_priors_are_masked_independently_and_leave_the_product_hidden(cases, land):
    item = next(item for item in cases if item.task == "three_priors_60" and item.case.years == (2009, 2010))
    assert set(np.unique(item.case.age[item.case.known])) == {1, 2, 3}
    assert abs((~item.case.known).mean() - 0.6**3) < 4 * np.sqrt(0.216 * 0.784 / land.map_of(2009).size)
    for age in (1, 2, 3):
        here = item.case.known & (item.case.age == age)
        assert (item.case.prior[here] == land.map_of(2010 - age)[here]).all()


def test_three_priors_need_three_years(land, split):
    short = replace(land, years=land.years[-3:], class_index=land.class_index[-3:])
    tasks = {item.task for item in reconstructions(short, split, 1)}
    assert "hidden_60" in tasks and "three_priors_60" not in tasks


def test_masks_of_different_tasks_differ():
    assert (scattered_mask((50, 50), 0.6, 1, 2009, "a") != scattered_mask((50, 50), 0.6, 1, 2009, "b")).any()


def test_every_target_is_a_test_year_and_short_data_leave_long_horizons_out(land, split):
    plan = step_plan(land, split)       # 2000 to 2010, test 2007 to 2010
    assert plan == {2000: (10,), 2005: (5,), 2006: (1,), 2007: (1,), 2008: (1,), 2009: (1,)}


def test_long_horizons_have_two_windows_where_the_data_allow_it(land):
    years = tuple(range(1992, 2021))
    long = replace(land, years=years, class_index=np.broadcast_to(land.class_index[:1], (29, *land.shape)))
    plan = step_plan(long, SplitConfig())
    ends = {h: sorted(start + h for start, horizons in plan.items() if h in horizons) for h in (1, 5, 10, 14)}
    assert ends == {1: list(range(2013, 2021)), 5: [2016, 2020], 10: [2016, 2020], 14: [2016, 2020]}
    back = step_plan(long, SplitConfig(), backwards=True)
    ends = {h: sorted(start + h for start, horizons in back.items() if h in horizons) for h in (-1, -5)}
    assert ends == {-1: list(range(2013, 2020)), -5: [2015]}


def test_tasks_are_named_by_horizon_and_direction():
    assert [step_task(h) for h in (1, 5, -1, -5)] == ["one_year", "rollout_5", "one_year_back", "rollout_5_back"]
