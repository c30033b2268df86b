"""lsbc.training.samples: no future, no held-out place, the same sample for the same number."""

from dataclasses import replace

import numpy as np
import pytest

from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.training.config import LossConfig
from lsbc.training.holdout import check_cells, held_out_cells, widen
from lsbc.training.samples import IGNORE, Sampler, channel_list, class_weights, cut

LOSS = LossConfig()


@pytest.fixture(scope="module")
def sampler(land, split, sample_config):
    return Sampler(land, split, sample_config, LOSS, seed=11)


def test_a_cut_that_reaches_outside_is_filled():
    field = np.arange(6).reshape(2, 3)
    assert cut(field, -1, 1, 3, 9).tolist() == [[9, 9, 9], [1, 2, 9], [4, 5, 9]]
    assert cut(field, 5, 5, 2, 9).tolist() == [[9, 9], [9, 9]]


def test_a_sample_depends_on_its_number_only(sampler, land, split, sample_config):
    forward = [sampler(i) for i in (3, 4, 5)]
    again = [Sampler(land, split, sample_config, LOSS, seed=11)(i) for i in (5, 3, 4)]
    for a, b in zip(forward, (again[1], again[2], again[0]), strict=True):
        assert all(x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))
    assert sampler(3)[0].tobytes() != sampler(4)[0].tobytes()


def test_nothing_after_the_last_training_year_reaches_a_sample(sampler, land, split, sample_config):
    maps = land.class_index.copy()
    later = [i for i, year in enumerate(land.years) if year > split.train_years[1]]
    maps[later] = np.where(maps[later] == 255, 255, 1)
    other = Sampler(replace(land, class_index=maps), split, sample_config, LOSS, seed=11)
    for i in range(40):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(sampler(i), other(i), strict=True))


def test_held_out_cells_and_their_buffer_never_give_loss(sampler, land, split):
    forbidden = widen(held_out_cells(land, split) | check_cells(land, split), split.buffer_cells)
    rng, seen = np.random.default_rng(0), 0
    for _ in range(60):
        inputs = sampler._inputs(rng)
        target, weight = sampler.target(inputs)
        place = cut(forbidden, inputs.window.row0 - land.row0, inputs.window.col0 - land.col0, inputs.window.n, True)
        assert (target[place] == IGNORE).all() and (weight[place] == 0).all()
        assert (weight[target == IGNORE] == 0).all() and (weight[target != IGNORE] > 0).all()
        seen += int((target != IGNORE).sum())
    assert seen > 1000


def test_the_outer_margin_of_a_patch_gives_no_loss(sampler):
    target, _ = sampler.target(sampler._inputs(np.random.default_rng(4)))
    m = sampler.config.margin
    inner = np.zeros(target.shape, bool)
    inner[m:-m, m:-m] = True
    assert (target[~inner] == IGNORE).all()


def test_changed_cells_weigh_more_by_the_configured_factor(land, split, sample_config):
    plain = Sampler(land, split, sample_config, LossConfig(change_weight=1.0), seed=2)
    heavy = Sampler(land, split, sample_config, LossConfig(change_weight=3.0), seed=2)
    rng, changed = np.random.default_rng(0), 0
    for _ in range(200):
        inputs = plain._inputs(rng)
        target, weight = plain.target(inputs)
        place = (inputs.window.row0 - land.row0, inputs.window.col0 - land.col0, inputs.window.n)
        moved = (cut(land.map_of(inputs.case.years[0]), *place, IGNORE) != target) & (target != IGNORE)
        np.testing.assert_allclose(heavy.target(inputs)[1], np.where(moved, 3 * weight, weight))
        changed += int(moved.sum())
    assert changed > 0


def test_years_of_a_sample_follow_each_other_or_are_the_same(sampler, split):
    rng, same = np.random.default_rng(0), 0
    for _ in range(300):
        first, second = sampler._inputs(rng).case.years
        assert split.train_years[0] <= first <= second <= min(first + 1, split.train_years[1])
        same += first == second
    assert abs(same / 300 - sampler.config.same_year_share) < 4 * np.sqrt(0.2 * 0.8 / 300)


def test_class_weights_follow_frequency_up_to_the_limit(land, split):
    weight = class_weights(land, split, LossConfig(class_power=0.5, class_weight_limit=3.0))
    assert weight.min() == 1.0 and weight.max() == 3.0
    assert (class_weights(land, split, LossConfig(class_power=0.0)) == 1.0).all()


def test_channels_are_those_of_the_component_in_its_order():
    assert tuple(channel.name for channel in channel_list()) == CHANNEL_NAMES


def test_check_patches_have_targets_on_watched_cells_only(sampler, land, split):
    watched = int((check_cells(land, split) & land.valid).sum())
    assert watched > 0
    for x, target in sampler.check_patches(1.0, 3):
        assert x[CHANNEL_NAMES.index("prior.masked")].any() and not x[12:19].any()
        assert 0 < (target != IGNORE).sum() <= watched
