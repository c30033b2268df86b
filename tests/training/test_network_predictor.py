"""lsbc.training.network_predictor: the face of the network."""

import numpy as np
import pytest

from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.emulator.classes import N_CLASS
from lsbc.training.network_predictor import NetworkPredictor, softmax
from lsbc.training.patches import DriverTable
from lsbc.training.predict import Region


def test_softmax_by_hand_and_without_overflow():
    logits = np.log(np.array([1.0, 3.0]))[:, None] + np.array([0.0, 1e4])
    assert softmax(logits) == pytest.approx(np.array([[0.25, 0.25], [0.75, 0.75]]), rel=1e-3)


def test_probabilities_sum_to_one_and_the_elevation_is_the_one_asked_for(land):
    seen = []

    def network(x):
        seen.append(x[0, CHANNEL_NAMES.index("static.elevation")].max())
        return np.ones((1, 1, N_CLASS, *x.shape[2:]), np.float32)

    region = Region(land, DriverTable(land), 8, 4)
    for k in (0, 1):
        found = NetworkPredictor(network, elevation=k).predict_proba(region, region.whole_prior((2006, 2007)))
        assert found.dtype == np.float32 and found.shape == (N_CLASS, *land.shape) and np.allclose(found, 0.125)
    assert seen == pytest.approx([(field.max() - 500) * 0.002 for field in land.elevations])
    assert not NetworkPredictor(network).backwards
