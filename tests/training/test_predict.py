"""lsbc.training.predict with networks that are one line of numpy."""

from dataclasses import replace

import numpy as np
import pytest

from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.emulator.classes import CLASS_NAMES, N_CLASS, NO_DATA
from lsbc.training.cases import one_prior
from lsbc.training.predict import (
    Region,
    allocated_rule,
    argmax_rule,
    coarse_argmax_map,
    majority_class,
    nearest_known_map,
    network_map,
    no_carry,
    random_rule,
    rollout_map,
)
from lsbc.training.samples import DriverTable

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
    got = network_map(copier, region, one_prior((2003, 2004), land.map_of(2003), known))
    assert (got[known & land.valid] == land.map_of(2003)[known & land.valid]).all()
    assert (got[~known & land.valid] == CLASS_NAMES.index("forest")).all()
    assert (got[~land.valid] == NO_DATA).all()


def test_a_rollout_of_a_copying_network_is_the_first_map(region, land):
    assert (rollout_map(argmax_rule(copier), region, 2003, 2006) == land.map_of(2003)).all()


def test_a_rollout_never_reads_a_later_map(region, land):
    maps = land.class_index.copy()
    maps[land.years.index(2004):] = np.where(maps[land.years.index(2004):] == NO_DATA, NO_DATA, 2)
    blind = replace(region, data=replace(land, class_index=maps))
    assert (rollout_map(argmax_rule(copier), blind, 2003, 2006) == land.map_of(2003)).all()


@pytest.mark.parametrize("rule", [allocated_rule(copier), random_rule(3)])
def test_an_allocated_map_has_the_observed_group_areas_of_every_driver_cell(region, land, rule):
    got = rule(region, (2003, 2004), no_carry(region))
    blocks = (land.shape[0] // land.ratio, land.ratio, land.shape[1] // land.ratio, land.ratio)
    assert (got[~land.valid] == NO_DATA).all()
    moved = 0
    for name in ("urban", "cropland", "pasture", "forest"):
        now, then = ((m == CLASS_NAMES.index(name)).reshape(blocks).sum((1, 3)) for m in (land.map_of(2003), land.map_of(2004)))
        made = (got == CLASS_NAMES.index(name)).reshape(blocks).sum((1, 3))
        enough = (land.valid.reshape(blocks).sum((1, 3)) >= 0.05 * land.ratio**2)
        assert np.abs(made - then)[enough].max() <= 2  # areas within a driver cell differ by up to 1 % from counts
        moved += np.abs(then - now).sum()
    assert moved > 0


def test_the_coarse_argmax_of_uniform_land_is_its_class(land):
    maps = np.full_like(land.class_index, CLASS_NAMES.index("sparse"))
    uniform = replace(land, class_index=maps)
    got = coarse_argmax_map(Region(uniform, DriverTable(uniform), 8, 4), 2004)
    assert (got == CLASS_NAMES.index("grass_shrub")).all()


def test_hidden_cells_take_the_nearest_known_class():
    prior = np.array([[1, 9, 9, 9, 4], [9, 9, 9, 9, NO_DATA]], np.uint8)
    known = np.array([[1, 0, 0, 0, 1], [0, 0, 0, 0, 0]], bool)
    got = nearest_known_map(prior, known)
    assert got[0, :2].tolist() == [1, 1] and got[0, 3:].tolist() == [4, 4]
    assert got[1].tolist() == [1, 1, got[1, 2], 4, NO_DATA]


def test_the_majority_is_counted_over_the_cells_and_years_asked_for(land):
    maps = np.full_like(land.class_index, 2)
    maps[land.years.index(2005):] = 4
    cells = np.ones(land.shape, bool)
    data = replace(land, class_index=maps)
    assert majority_class(data, cells, (2000, 2006)) == 2 and majority_class(data, cells, (2004, 2008)) == 4
