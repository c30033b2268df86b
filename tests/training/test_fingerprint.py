"""Whatever a fit depends on changes the fingerprint; what it does not depend on leaves it alone."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from lsbc.training.config import LossConfig
from lsbc.training.data import DatedField
from lsbc.training.models.fingerprint import fingerprint
from lsbc.training.samples import Sampler


class Stored:
    """An array that is read when NumPy asks for it, as one in a file is."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return self.values.astype(dtype or self.values.dtype)


@pytest.fixture(scope="module")
def full(land):
    """The land with every kind of field there is."""
    versions = tuple(DatedField(year, np.full(land.shape, value, np.float32)) for year, value in ((2003, 1.0), (2006, 2.0)))
    counts = np.ones((len(land.years), 7, 30, 30), np.uint8)
    return replace(land, dated={"human_footprint": versions}, sub_counts=counts)


@pytest.fixture(scope="module")
def sampler(full, split, sample_config):
    return Sampler(full, split, sample_config, LossConfig(), 1)


def with_data(sampler, **fields):
    """The sampler on other data, without drawing up its tables again."""
    other = copy.copy(sampler)
    other.data = replace(sampler.data, **fields)
    return other


def plus(field, amount):
    """The field with one cell changed."""
    out = np.array(field)
    out[-1, -1] += amount
    return out


@pytest.mark.parametrize("change", [
    lambda data: {"elevations": (plus(data.elevations[0], 1), data.elevations[1])},
    lambda data: {"elevations": (data.elevations[0], plus(data.elevations[1], 1))},
    lambda data: {"elevations": data.elevations[:1]},
    lambda data: {"koppen": plus(data.koppen, 1)},
    lambda data: {"land": plus(data.land, 1)},
    lambda data: {"class_index": np.stack([*data.class_index[:-1], plus(data.class_index[-1], 1)])},
    lambda data: {"sub_counts": None},
    lambda data: {"row0": data.row0 + data.ratio},
    lambda data: {"dated": {"human_footprint": data.dated["human_footprint"][:1]}},
    lambda data: {"dated": {"human_footprint": (data.dated["human_footprint"][0], DatedField(2007, data.dated["human_footprint"][1].values))}},
    lambda data: {"dated": {"human_footprint": (data.dated["human_footprint"][0],
                                                DatedField(2006, plus(data.dated["human_footprint"][1].values, 1)))}},
], ids=["elevation", "second elevation", "one elevation", "koppen", "land", "maps", "sub-pixels", "place", "versions", "since", "values"])
def test_other_data_have_another_fingerprint(sampler, change):
    assert fingerprint(with_data(sampler, **change(sampler.data)), ()) != fingerprint(sampler, ())


@pytest.mark.parametrize(("name", "change"), [("config", {"backward_share": 0.5}), ("config", {"no_prior_share": 0.06}), ("loss", {"change_weight": 9.0}),
                                              ("split", {"seed": 4}), ("split", {"buffer_cells": 3})])
def test_other_settings_of_the_samples_have_another_fingerprint(sampler, name, change):
    other = copy.copy(sampler)
    setattr(other, name, replace(getattr(sampler, name), **change))
    assert fingerprint(other, ()) != fingerprint(sampler, ())


def test_another_seed_other_settings_and_another_driver_have_another_fingerprint(sampler):
    seeded, driven = copy.copy(sampler), copy.copy(sampler)
    seeded.seed = 2
    driven.driver = copy.copy(sampler.driver)
    driven.driver.fraction = {year: field + 0.125 for year, field in sampler.driver.fraction.items()}
    found = [fingerprint(one, settings) for one, settings in ((sampler, 1), (sampler, 2), (seeded, 1), (driven, 1))]
    assert len(set(found)) == 4


def test_equal_data_have_the_same_fingerprint_wherever_they_are_kept(sampler):
    data = sampler.data
    same = with_data(sampler, koppen=data.koppen.copy(), land=Stored(data.land), elevations=tuple(Stored(field) for field in data.elevations),
                     class_index=np.asfortranarray(data.class_index))
    assert fingerprint(same, (1, "a")) == fingerprint(sampler, (1, "a"))
