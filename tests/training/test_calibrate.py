"""Offsets of logits that make probabilities honest."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lsbc.emulator.classes import N_CLASS  # noqa: E402
from lsbc.training.calibrate import Calibration, best_offsets, read_calibration, safe_margin  # noqa: E402
from lsbc.training.loop import new_network, prior_channels  # noqa: E402
from lsbc.training.samples import channel_list  # noqa: E402


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
    kept = Calibration((0.0, 0.125) * 4)
    assert read_calibration(tmp_path) is None
    kept.write(tmp_path)
    assert read_calibration(tmp_path) == kept
