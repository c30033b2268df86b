"""lsbc.training.samples: no future, no held-out place, the same sample for the same number."""

from dataclasses import replace

import numpy as np
import pytest

from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.emulator.classes import CLASS_NAMES, GROUPS
from lsbc.regrid.errors import ConfigError
from lsbc.training.config import LossConfig, SampleConfig
from lsbc.training.data import DatedField
from lsbc.training.holdout import check_cells, held_out_cells, widen
from lsbc.training.patches import channel_list, cut, patch_statics
from lsbc.training.samples import IGNORE, Sampler, class_weights, turned

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
        inputs, targets = sampler._inputs(rng)
        (target,), (weight,) = sampler.target(inputs, targets)
        place = cut(forbidden, inputs.window.row0 - land.row0, inputs.window.col0 - land.col0, inputs.window.n, True)
        assert (target[place] == IGNORE).all() and (weight[place] == 0).all()
        assert (weight[target == IGNORE] == 0).all() and (weight[target != IGNORE] > 0).all()
        seen += int((target != IGNORE).sum())
    assert seen > 1000


def test_the_outer_margin_of_a_patch_gives_no_loss(sampler):
    (target,), _ = sampler.target(*sampler._inputs(np.random.default_rng(4)))
    m = sampler.config.margin
    inner = np.zeros(target.shape, bool)
    inner[m:-m, m:-m] = True
    assert (target[~inner] == IGNORE).all()


def test_changed_cells_weigh_more_by_the_configured_factor(land, split, sample_config):
    plain = Sampler(land, split, sample_config, LossConfig(change_weight=1.0), seed=2)
    heavy = Sampler(land, split, sample_config, LossConfig(change_weight=3.0), seed=2)
    rng, changed = np.random.default_rng(0), 0
    for _ in range(200):
        inputs, targets = plain._inputs(rng)
        (target,), (weight,) = plain.target(inputs, targets)
        place = (inputs.window.row0 - land.row0, inputs.window.col0 - land.col0, inputs.window.n)
        moved = inputs.case.known & (cut(land.map_of(inputs.case.years[0]), *place, IGNORE) != target) & (target != IGNORE)
        np.testing.assert_allclose(heavy.target(inputs, targets)[1][0], np.where(moved, 3 * weight, weight))
        changed += int(moved.sum())
    assert changed > 0


def test_years_of_a_sample_follow_each_other_or_are_the_same(sampler, split):
    rng, same = np.random.default_rng(0), 0
    for _ in range(300):
        first, second = sampler._inputs(rng)[0].case.years
        assert split.train_years[0] <= first <= second <= min(first + 1, split.train_years[1])
        same += first == second
    assert abs(same / 300 - sampler.config.same_year_share) < 4 * np.sqrt(0.2 * 0.8 / 300)


def test_class_weights_follow_frequency_up_to_the_limit(sampler, land, split):
    def weights(loss):
        return class_weights(land, sampler.held, np.where(sampler.held.kept_out, 0, sampler._cells), split, loss)

    weight = weights(LossConfig(class_power=0.5, class_weight_limit=3.0))
    assert weight.min() == 1.0 and weight.max() == 3.0
    assert (weights(LossConfig(class_power=0.0)) == 1.0).all()
    count = np.bincount(np.concatenate([land.map_of(year)[sampler.trainable] for year in range(2000, 2007)]), minlength=8)
    expected = np.sqrt(count.max() / np.maximum(count, 1))
    assert weights(LossConfig(class_power=0.5, class_weight_limit=1e9)) == pytest.approx(expected, rel=1e-6)


def test_channels_are_those_of_the_component_in_its_order():
    assert tuple(channel.name for channel in channel_list()) == CHANNEL_NAMES


def test_check_patches_have_targets_on_watched_cells_only(sampler, land, split):
    watched = int((check_cells(land, split) & land.valid).sum())
    assert watched > 0
    for x, target in sampler.check_patches(1.0, 3):
        assert x[CHANNEL_NAMES.index("prior.masked")].any() and not x[12:19].any()
        assert 0 < (target != IGNORE).sum() <= watched


def drawn(land, split, count=300, **config):
    """What many samples of a configuration show: (inputs, years asked for)."""
    sampler = Sampler(land, split, SampleConfig(patch=48, margin=4, **config), LOSS, seed=1)
    rng = np.random.default_rng(0)
    return sampler, [sampler._inputs(rng) for _ in range(count)]


def test_a_share_of_the_samples_goes_backwards_in_time(land, split):
    _, samples = drawn(land, split, backward_share=0.4, same_year_share=0.0)
    steps = np.array([targets[0] - inputs.case.years[0] for inputs, targets in samples])
    assert set(steps.tolist()) == {-1, 1}
    assert abs((steps < 0).mean() - 0.4) < 4 * np.sqrt(0.4 * 0.6 / 300)
    assert all((inputs.case.age[inputs.case.known] == step).all() for (inputs, _), step in zip(samples, steps, strict=True))


def test_several_priors_are_shown_with_their_ages(land, split):
    _, samples = drawn(land, split, prior_years=3, same_year_share=0.0, full_prior_share=0.0, no_prior_share=0.0)
    ages = set(np.unique(np.concatenate([inputs.case.age.ravel() for inputs, _ in samples])).tolist())
    assert ages == {0, 1, 2, 3}
    for inputs, _ in samples:
        window, case = inputs.window, inputs.case
        for age in (1, 2, 3):
            place = (window.row0 - land.row0, window.col0 - land.col0, window.n)
            shown = (case.age == age) & case.known
            assert not shown.any() or (case.prior[shown] == cut(land.map_of(case.years[1] - age), *place, 255)[shown]).all()


def test_several_years_can_be_asked_for_at_once(land, split):
    sampler, samples = drawn(land, split, steps=3, same_year_share=0.0)
    assert all(targets == tuple(inputs.case.years[0] + k for k in (1, 2, 3)) for inputs, targets in samples)
    x, target, weight = sampler(0)
    assert x.shape[0] == len(CHANNEL_NAMES) + 12 and target.shape == weight.shape == (3, 48, 48)
    names = [channel.name for channel in sampler.channels]
    assert names[-12:] == [f"delta{k}.{group}" for k in (2, 3) for group in GROUPS]


def test_a_static_field_is_never_seen_before_its_time(land, split):
    early = np.full(land.shape, 10, np.float32)
    dated = {"human_footprint": (DatedField(2003, early), DatedField(2005, early + 5))}
    sampler, samples = drawn(replace(land, dated=dated), split, backward_share=0.5, human_footprint_share=1.0)
    for inputs, _ in samples:
        year = min(inputs.case.years)
        seen = patch_statics(sampler.data, inputs)["human_footprint"]
        values = set(seen[np.isfinite(seen)].tolist())
        assert values <= ({15.0} if year >= 2005 else {10.0} if year >= 2003 else set())


def test_of_several_years_asked_for_the_earliest_decides_what_is_seen(land, split):
    dated = {"human_footprint": tuple(DatedField(since, np.full(land.shape, since, np.float32)) for since in range(2000, 2007))}
    sampler, samples = drawn(replace(land, dated=dated), split, steps=3, backward_share=1.0, same_year_share=0.0, human_footprint_share=1.0)
    for inputs, targets in samples:
        seen = patch_statics(sampler.data, inputs)["human_footprint"]
        assert targets[-1] < targets[0] < inputs.case.years[0]
        assert set(seen[np.isfinite(seen)].tolist()) <= {float(targets[-1])}


@pytest.mark.parametrize(("change", "message"), [
    ({"train_years": (2006, 2007), "test_years": (2008, 2010)}, None),
    ({"train_years": (1990, 1995), "test_years": (2008, 2010)}, r"split.train_years \(1990, 1995\) hold no 2 years in a row of the data's 2000 to 2010"),
    ({"held_out_share": 0.99, "check_share": 0.009}, "leave no driver cell to train on"),
])
def test_a_split_without_anything_to_train_on_is_refused(land, split, sample_config, change, message):
    def make():
        return Sampler(land, replace(split, **change), sample_config, LOSS, seed=1)

    if message is None:
        assert make().pairs == [(2006, 2007)]
    else:
        with pytest.raises(ConfigError, match=message):
            make()


def test_cells_without_a_prior_give_no_loss(sampler, land):
    inputs, targets = sampler._inputs(np.random.default_rng(1))
    case = inputs.case
    prior = case.prior.copy()
    prior[20:30, 20:30] = 255
    target, weight = sampler.target(replace(inputs, case=replace(case, prior=prior)), targets)
    assert (target[0, 20:30, 20:30] == IGNORE).all() and (weight[0, 20:30, 20:30] == 0).all()


def test_focused_patches_lie_where_the_driver_changes(land, split):
    def changed_share(focus):
        sampler, samples = drawn(land, split, focus_share=focus, same_year_share=0.0)
        first = [land.row0 // land.ratio, land.col0 // land.ratio]
        towns = {tuple(np.array(town) // land.ratio) for town in ((30, 30), (75, 120), (120, 90))}
        middle = [((i.window.row0 + 24) // 30 - first[0], (i.window.col0 + 24) // 30 - first[1]) for i, _ in samples]
        return np.mean([any(abs(r - a) <= 1 and abs(c - b) <= 1 for a, b in towns) for r, c in middle])
    assert changed_share(1.0) > changed_share(0.0)


def test_a_hidden_cell_may_be_asked_for_one_of_its_sub_pixels(land, split):
    counts = np.zeros((len(land.years), 7, *land.shape), np.uint8)
    counts[:, CLASS_NAMES.index("urban") - 1] = 3
    counts[:, CLASS_NAMES.index("sparse") - 1] = 6
    sampler, samples = drawn(replace(land, sub_counts=counts), split, soft_target_share=1.0, no_prior_share=1.0, full_prior_share=0.0,
                             lattice_share=0.0, block_share=0.0, static_classes_known_share=0.0, count=40)
    rng, seen = np.random.default_rng(5), np.zeros(8)
    for inputs, targets in samples:
        target, _ = sampler.target(inputs, targets, rng)
        seen += np.bincount(target[target != IGNORE], minlength=8)[:8]
    urban, sparse = seen[CLASS_NAMES.index("urban")], seen[CLASS_NAMES.index("sparse")]
    assert seen.sum() == urban + sparse
    assert urban / seen.sum() == pytest.approx(1 / 3, abs=0.02)


def test_only_a_turn_upside_down_changes_which_way_is_north():
    class Turns:
        def __init__(self, turns):
            self.draws = [turns, 0]

        def integers(self, _):
            return self.draws.pop(0)

    for turns, expected in ((0, 0.5), (1, 0.0), (2, -0.5), (3, 0.0)):
        got, = turned(Turns(turns), 1, np.full((2, 2, 2), 0.5, np.float32))
        assert (got[1] == expected).all() and (got[0] == 0.5).all()
