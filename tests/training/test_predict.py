"""lsbc.training.predict with networks that are one line of numpy."""

import numpy as np
import pytest

from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.emulator.classes import CLASS_NAMES, N_CLASS
from lsbc.training.cases import one_prior
from lsbc.training.patches import DriverTable
from lsbc.training.predict import Region, network_logits

PRIOR = [CHANNEL_NAMES.index(f"prior.{name}") for name in CLASS_NAMES[1:]]


def copier(x):
    """Logits that copy the shown prior; forest where nothing is shown."""
    logits = np.zeros((x.shape[0], 1, N_CLASS, *x.shape[2:]), np.float32)
    logits[:, 0, 1:] = x[:, PRIOR]
    logits[:, 0, CLASS_NAMES.index("forest")] += 0.5
    return logits


@pytest.fixture(scope="module")
def region(land):
    return Region(land, DriverTable(land), halo=8, multiple=4)


def test_the_window_holds_region_and_halo_and_begins_on_the_pooling_lattice(region, land):
    window = region.window
    assert window.row0 % 4 == 0 and window.col0 % 4 == 0 and window.n % 4 == 0
    assert window.row0 <= land.row0 - 8 and window.col0 <= land.col0 - 8
    assert window.row0 + window.n >= land.row0 + 150 + 8 and window.col0 + window.n >= land.col0 + 180 + 8


def test_a_copying_network_gives_the_prior_where_it_is_known(region, land):
    known = np.random.default_rng(0).random(land.shape) < 0.5
    got = network_logits(copier, region, one_prior((2003, 2004), land.map_of(2003), known)).argmax(axis=0)
    assert (got[known & land.valid] == land.map_of(2003)[known & land.valid]).all()
    assert (got[~known & land.valid] == CLASS_NAMES.index("forest")).all()
