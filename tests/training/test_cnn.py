"""The plain CNN: shape, reach, and that it can learn."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from lsbc.emulator.classes import N_CLASS, NO_DATA
from lsbc.regrid.errors import ConfigError
from lsbc.training.cases import one_prior
from lsbc.training.config import LossConfig
from lsbc.training.loop import rate_factor
from lsbc.training.models.cnn import PlainCNN, PlainNetwork, learning_rates, train_plainly
from lsbc.training.patches import channel_list
from lsbc.training.predict import Region
from lsbc.training.samples import IGNORE, Sampler


@pytest.fixture(scope="module")
def sampler(land, split, sample_config):
    return Sampler(land, split, sample_config, LossConfig(), 1)


def test_a_cell_sees_as_many_cells_around_it_as_there_are_convolutions():
    torch.manual_seed(0)
    network = PlainNetwork(3, N_CLASS, 4, 5).eval()
    x = torch.randn(1, 3, 24, 24)
    other = x.clone()
    other[:, :, 12, 12] += 1.0
    with torch.no_grad():
        differs = (network(x) != network(other)).any(dim=2)[0, 0]
    row, col = torch.nonzero(differs, as_tuple=True)
    assert network(x).shape == (1, 1, N_CLASS, 24, 24)
    assert (row.min(), row.max(), col.min(), col.max()) == (7, 17, 7, 17)


def test_the_network_learns_one_patch_by_heart(sampler):
    torch.manual_seed(0)
    x, target, weight = sampler(3)
    network = PlainNetwork(len(channel_list()), N_CLASS, 8, 5)
    train_plainly(network, lambda index: (x, target, weight), steps=40, batch=1, learning_rate=1e-2)
    with torch.no_grad():
        made = network(torch.from_numpy(x)[None])[0, 0].argmax(dim=0).numpy()
    seen = target != IGNORE
    assert (made == target)[seen].mean() > 0.97


def test_the_learning_rate_rises_stays_and_falls_to_zero():
    assert [rate_factor(step, learning_rates(100, 1e-2)) for step in (0, 9, 50, 75, 100)] == [0.1, 1.0, 1.0, 0.5, 0.0]


def test_probabilities_sum_to_one_hidden_cells_do_not_count_and_a_second_fit_loads(land, sampler, tmp_path):
    region = Region(land, sampler.driver, 0, 4)
    predictor = PlainCNN(base_width=4, depth=2, steps=2, batch=1)
    predictor.fit(sampler, tmp_path)
    known = (np.indices(land.shape).sum(axis=0) % 2).astype(bool)
    case = one_prior((2006, 2007), land.map_of(2006), known)
    made = predictor.predict_proba(region, case)
    assert made.dtype == np.float32 and made[:, land.valid].sum(axis=0) == pytest.approx(1.0, abs=1e-5)
    other = np.where((case.prior != NO_DATA) & ~known, np.uint8(1), case.prior)
    assert np.array_equal(made, predictor.predict_proba(region, one_prior(case.years, other, known)))
    again = PlainCNN(base_width=4, depth=2, steps=2, batch=1)
    again.fit(without_samples(sampler), tmp_path)
    assert np.array_equal(made, again.predict_proba(region, case))


def without_samples(sampler):
    """The sampler, but drawing a sample is an error: what a second fit must not do."""
    class Closed(Sampler):
        def __call__(self, index):
            raise AssertionError("trained again")

    closed = copy.copy(sampler)
    closed.__class__ = Closed
    return closed


@pytest.fixture(scope="module")
def fitted(sampler, tmp_path_factory):
    directory = tmp_path_factory.mktemp("cnn")
    tiny().fit(sampler, directory)
    return directory


def tiny():
    return PlainCNN(base_width=4, depth=2, steps=1, batch=1)


@pytest.mark.parametrize("change", ["elevation", "samples"])
def test_another_elevation_or_sample_setting_trains_again(fitted, sampler, change):
    other = without_samples(sampler)
    tiny().fit(other, fitted)
    if change == "elevation":
        other.data = replace(sampler.data, elevations=(sampler.data.elevations[0] + 1, *sampler.data.elevations[1:]))
    else:
        other.config = replace(sampler.config, same_year_share=0.1)
    with pytest.raises(AssertionError, match="trained again"):
        tiny().fit(other, fitted)


@pytest.mark.parametrize("kept_share", [0.0, 0.01, 0.5])
def test_a_file_that_was_cut_off_is_trained_again_and_replaced(fitted, sampler, tmp_path, caplog, kept_share):
    whole, = fitted.iterdir()
    cut_off = tmp_path / whole.name
    cut_off.write_bytes(whole.read_bytes()[:int(whole.stat().st_size * kept_share)])
    tiny().fit(sampler, tmp_path)
    assert "cannot be read" in caplog.text
    tiny().fit(without_samples(sampler), tmp_path)
    assert list(tmp_path.iterdir()) == [cut_off]


def test_it_goes_backwards_if_its_samples_did_also_when_it_is_loaded(sampler, tmp_path):
    both_ways = copy.copy(sampler)
    both_ways.config = replace(sampler.config, backward_share=0.5)
    for one, expected in ((both_ways, True), (without_samples(both_ways), True), (sampler, False)):
        predictor = tiny()
        assert predictor.backwards is False
        predictor.fit(one, tmp_path)
        assert predictor.backwards is expected


def test_an_unfitted_cnn_says_so(land, sampler):
    with pytest.raises(ConfigError, match="was not fitted"):
        PlainCNN().predict_proba(Region(land, sampler.driver, 0, 4), one_prior((2006, 2007), land.map_of(2006)))
