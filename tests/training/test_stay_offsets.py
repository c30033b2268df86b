"""Offsets of logits that make probabilities honest."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lsbc.emulator.classes import N_CLASS  # noqa: E402
from lsbc.regrid.errors import ConfigError  # noqa: E402
from lsbc.training.loop import new_network, prior_channels  # noqa: E402
from lsbc.training.patches import channel_list  # noqa: E402
from lsbc.training.samples import Sampler  # noqa: E402
from lsbc.training.stay_offsets import Calibration, best_offsets, calibrate, calibrated_network, read_calibration, safe_margin  # noqa: E402


def test_staying_is_made_as_likely_as_it_was_seen():
    # 1000 cells of class 2, all with equal odds of 1 and 2; 10 changed: the offset that fits is log(990 / 10)
    logits = np.full((1000, N_CLASS), -50.0)
    logits[:, [1, 2]] = 0.0
    target = np.where(np.arange(1000) < 10, 1, 2)
    offset = best_offsets(logits, target, np.full(1000, 2), spread=1e6)
    assert offset[2] == pytest.approx(np.log(99), abs=1e-4)
    assert offset[1] == 0.0


def test_the_margin_leaves_no_wrong_change_and_is_no_larger_than_it_must():
    logits = np.full((3, N_CLASS), -9.0)
    logits[:, 2] = 0.0
    logits[0, 1], logits[1, 1], logits[2, 4] = 3.0, 0.7, -1.0  # right by 3.0, wrong by 0.7, stays
    assert safe_margin(logits, np.array([1, 2, 2]), np.array([2, 2, 2])) == 1.0
    assert safe_margin(logits, np.array([1, 1, 2]), np.array([2, 2, 2])) == 0.0
    logits[1, 1] = 1.0  # a margin of 1 would leave a tie, which the lower class wins
    assert safe_margin(logits, np.array([1, 2, 2]), np.array([2, 2, 2])) == 1.5


def test_a_calibrated_network_has_the_offsets_where_they_belong(smoke):
    network = new_network(smoke).eval()
    x = torch.zeros(1, len(channel_list()), 8, 8)
    x[0, prior_channels()[4], 0, 0] = 1.0
    with torch.no_grad():
        before = network(x)
        after = Calibration((0, 0, 0, 0, 2.5, 0, 0, 0)).applied(network)(x)
    expected = torch.zeros(1, 1, N_CLASS, 8, 8)
    expected[0, 0, 4, 0, 0] = 2.5
    torch.testing.assert_close(after - before, expected, atol=1e-5, rtol=0)


def test_a_calibration_is_read_back_as_it_was_written(tmp_path):
    kept = Calibration((0.0, 0.125) * 4, "ab12")
    assert read_calibration(tmp_path) is None
    kept.write(tmp_path)
    assert read_calibration(tmp_path) == kept


def calibrated(smoke, land, network):
    sampler = Sampler(land, smoke.split, smoke.samples, smoke.loss, 1)
    return calibrate(network, sampler, halo=32)


def test_a_copier_of_steady_land_gets_a_larger_offset_of_staying_and_no_margin(smoke, land):
    steady = replace(land, class_index=np.repeat(land.class_index[:1], len(land.years), axis=0))
    network = new_network(smoke).eval()
    found = calibrated(smoke, steady, network)
    watched = np.unique(steady.map_of(2000)[Sampler(steady, smoke.split, smoke.samples, smoke.loss, 1).watched])
    dynamic = [index for index in watched.tolist() if 0 < index < 7]
    assert dynamic and all(found.stay[index] > 0 for index in dynamic)
    assert all(found.stay[index] == 0 for index in range(N_CLASS) if index not in dynamic)


def test_cells_that_cannot_change_do_not_raise_the_margin(smoke, land):
    maps = np.where(land.class_index == 255, 255, 0).astype(np.uint8)  # ocean, which the channels show as water
    assert calibrated(smoke, replace(land, class_index=maps), new_network(smoke).eval()).stay == (0.0,) * N_CLASS


def test_offsets_of_another_checkpoint_are_refused(smoke):
    smoke.run.directory.mkdir(parents=True)
    (smoke.run.directory / "last.ckpt").write_bytes(b"new")
    with pytest.raises(ConfigError, match="holds no calibration of its last.ckpt"):
        calibrated_network(smoke)
    Calibration((0.0,) * N_CLASS, "of the old one").write(smoke.run.directory)
    with pytest.raises(ConfigError, match="holds no calibration of its last.ckpt"):
        calibrated_network(smoke)
