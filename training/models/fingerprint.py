"""A digest of all that a fit depends on, so that a kept file is only used for what it was made from. Knows no model and no file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from lsbc.training.patches import channel_list
from lsbc.training.samples import Sampler


def _arrays(sampler: Sampler) -> Iterator[tuple[str, Any]]:
    """Every array a fit may look at, by name; yearly ones a year at a time, as they may lie in a file."""
    data, driver = sampler.data, sampler.driver
    yield "trainable", sampler.trainable
    yield from ((f"classes {year}", layer) for year, layer in zip(data.years, data.class_index, strict=True))
    yield from ((f"elevation {place}", field) for place, field in enumerate(data.elevations))
    yield from (("koppen", data.koppen), ("land", data.land))
    yield from ((f"{name} since {version.since}", version.values) for name in sorted(data.dated) for version in data.dated[name])
    yield "driver valid", driver.valid
    yield from ((f"driver {year}", driver.fraction[year]) for year in sorted(driver.fraction))
    if data.sub_counts is not None:
        yield from ((f"sub-pixels {year}", layer) for year, layer in zip(data.years, data.sub_counts, strict=True))


def fingerprint(sampler: Sampler, settings: object) -> str:
    """Hexadecimal SHA-256 of the sampler's maps, fields, driver, cells, years and settings, and of `settings`, which must have a full repr."""
    data, driver = sampler.data, sampler.driver
    place = (data.row0, data.col0, data.ratio, data.n_lat, driver.row0, driver.col0)
    told = (settings, place, sampler.pairs, sampler.config, sampler.loss, sampler.split, sampler.seed, sorted(data.dated), channel_list())
    digest = hashlib.sha256(repr(told).encode())
    for name, stored in _arrays(sampler):
        values = np.asarray(stored)
        digest.update(f"{name} {values.dtype.str} {values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
