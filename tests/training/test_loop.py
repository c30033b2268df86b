"""lsbc.training.loop: schedule, loss, and a run that goes on where it stopped."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("lightning", reason="lightning is not installed")

from lsbc.regrid.errors import ConfigError  # noqa: E402
from lsbc.training.config import RunConfig  # noqa: E402
from lsbc.training.loop import EpochOrder, fit, new_network, rate_factor, trained_steps, watched_accuracy, weighted_cross_entropy  # noqa: E402
from lsbc.training.samples import IGNORE, Sampler  # noqa: E402
from lsbc.training.teacher import divergence  # noqa: E402


def test_the_rate_warms_up_stays_and_falls_to_zero():
    run = RunConfig(steps=1000, steps_per_epoch=100, warmup_steps=10, decay_share=0.5)
    assert [rate_factor(step, run) for step in (0, 4, 9, 500)] == [0.1, 0.5, 1.0, 1.0]
    assert rate_factor(750, run) == 0.5 and rate_factor(1000, run) == 0.0


def test_an_epoch_shows_its_own_samples_in_order():
    order = EpochOrder(4)
    assert list(order) == [0, 1, 2, 3]
    order.set_epoch(3)
    assert list(order) == [12, 13, 14, 15]


def test_several_processes_share_the_samples_of_an_epoch(monkeypatch):
    shown = []
    for rank in range(3):
        monkeypatch.setattr(EpochOrder, "_share", staticmethod(lambda rank=rank: (rank, 3)))
        order = EpochOrder(6)
        order.set_epoch(2)
        assert len(order) == 2
        shown.append(list(order))
    assert shown == [[12, 15], [13, 16], [14, 17]]


def test_the_loss_is_the_weighted_mean_over_cells_that_count():
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, :, 0, 1] = torch.tensor([0.0, np.log(3.0)])
    target = torch.tensor([[[0, 0, IGNORE]]])
    weight = torch.tensor([[[1.0, 3.0, 0.0]]])
    # cell 0: p = 1/2, cell 1: p = 1/4 with weight 3, cell 2 does not count
    assert float(weighted_cross_entropy(logits, target, weight)) == pytest.approx((np.log(2) + 3 * np.log(4)) / 4, rel=1e-6)


def test_watched_accuracy_counts_only_cells_with_a_target():
    def always_one(x):
        logits = torch.zeros(1, 1, 3, *x.shape[2:])
        logits[:, :, 1] = 1.0
        return logits

    target = np.array([[1, 1], [2, IGNORE]], np.uint8)
    assert watched_accuracy(always_one, [(np.zeros((4, 2, 2), np.float32), target[None])]) == pytest.approx(2 / 3)


def test_a_resumed_run_has_the_losses_and_weights_of_an_unbroken_one(smoke, land, tmp_path):
    base = replace(smoke.run, steps=6, steps_per_epoch=2, check_every=3)
    samples = replace(smoke.samples, patch=32, batch=2)
    sampler = Sampler(land, smoke.split, samples, smoke.loss, base.seed)
    network = replace(smoke.network, dropout=0.4)
    whole = replace(smoke, samples=samples, network=network, run=replace(base, directory=tmp_path / "whole"))
    broken = replace(smoke, samples=samples, network=network, run=replace(base, directory=tmp_path / "broken"))
    unbroken = fit(whole, sampler, progress=False)
    first = fit(broken, sampler, progress=False, last_epoch=1)
    assert trained_steps(broken) == 2
    second = fit(broken, sampler, progress=False)
    assert first.losses + second.losses == unbroken.losses and len(unbroken.losses) == 6
    for a, b in zip(unbroken.network.state_dict().values(), second.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_fresh_run_forgets_the_checkpoint(smoke, land):
    smoke = replace(smoke, run=replace(smoke.run, steps=2, steps_per_epoch=1, check_every=9),
                    samples=replace(smoke.samples, patch=16, margin=2, batch=1))
    sampler = Sampler(land, smoke.split, smoke.samples, smoke.loss, smoke.run.seed)
    fit(smoke, sampler, progress=False)
    assert len(fit(smoke, sampler, progress=False).losses) == 0
    assert len(fit(smoke, sampler, progress=False, fresh=True).losses) == 2


def test_a_run_begins_with_the_network_it_starts_from(smoke, land, tmp_path):
    smoke = replace(smoke, samples=replace(smoke.samples, patch=16, margin=2, batch=1))
    run = replace(smoke.run, steps=2, steps_per_epoch=2, check_every=9)
    sampler = Sampler(land, smoke.split, smoke.samples, smoke.loss, run.seed)
    first = fit(replace(smoke, run=run), sampler, progress=False)
    still = replace(run, directory=tmp_path / "next", learning_rate=0.0, start_from=run.directory / "last.ckpt", seed=8)
    second = fit(replace(smoke, run=still), sampler, progress=False)
    assert len(second.losses) == 2
    for a, b in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_start_from_a_checkpoint_that_is_not_there_is_refused(smoke, land, tmp_path):
    run = replace(smoke.run, steps=1, steps_per_epoch=1, start_from=tmp_path / "none.ckpt")
    sampler = Sampler(land, smoke.split, smoke.samples, smoke.loss, run.seed)
    with pytest.raises(ConfigError, match=r"none\.ckpt does not exist; train that run first"):
        fit(replace(smoke, run=run), sampler, progress=False)


def short(smoke, **run):
    return replace(smoke, samples=replace(smoke.samples, patch=32, margin=2, batch=1), run=replace(smoke.run, steps=2, steps_per_epoch=2, check_every=9, **run))


def test_a_run_of_a_shallower_network_begins_with_the_levels_the_two_share(smoke, land, tmp_path):
    deep = replace(short(smoke), network=replace(smoke.network, depth=3))
    sampler = Sampler(land, smoke.split, deep.samples, smoke.loss, deep.run.seed)
    first = fit(deep, sampler, progress=False)
    still = short(smoke, directory=tmp_path / "next", learning_rate=0.0, start_from=deep.run.directory / "last.ckpt", seed=8)
    second = fit(still, sampler, progress=False)
    assert second.network.depth == 2
    for a, b in zip(first.network.up[1:].parameters(), second.network.up.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_taught_network_comes_nearer_to_its_teacher_and_keeps_no_copy_of_it(smoke, land, tmp_path):
    deep = replace(short(smoke), network=replace(smoke.network, depth=3))
    sampler = Sampler(land, smoke.split, deep.samples, smoke.loss, deep.run.seed)
    teacher = fit(deep, sampler, progress=False).network.eval()
    taught = short(smoke, directory=tmp_path / "taught", learning_rate=1e-2)
    taught = replace(taught, loss=replace(smoke.loss, teacher=deep.run.directory / "last.ckpt", teacher_share=1.0), run=replace(taught.run, steps=12, warmup_steps=1))
    task = fit(taught, sampler, progress=False)
    x = torch.from_numpy(np.stack([sampler(k)[0] for k in range(6)]))

    def gap(network):
        with torch.no_grad():
            return float(divergence(network.eval()(x)[:, 0], teacher(x)[:, 0], torch.ones(6, 32, 32, dtype=torch.bool)))

    assert gap(task.network) < 0.5 * gap(new_network(taught))
    assert set(task.state_dict()) == {f"network.{key}" for key in new_network(taught).state_dict()}
