"""Cuts the tiles an export is measured on, of test years, and those that set the ranges of int8, of training years. Runs no network."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.channels import Window
from lsbc.emulator.classes import NO_DATA, STATIC_CLASSES
from lsbc.regrid.errors import ConfigError
from lsbc.training.cases import one_prior
from lsbc.training.config import TrainingConfig
from lsbc.training.data import LandData
from lsbc.training.holdout import test_pairs, training_cells, training_pairs
from lsbc.training.patches import DriverTable, PatchInputs, channel_list, cut, patch_channels
from lsbc.training.precision import Tiles, YearTiles

HIDDEN_SHARE = 0.6
CALIBRATION_HIDDEN = (0.0, 0.6, 0.6, 1.0)
"""Hidden shares of the calibration tiles in turn: int8 must hold values with the whole prior shown, some of it and none."""


def _window(data: LandData, centre: np.ndarray, n: int, multiple: int) -> Window:
    row0, col0 = ((first + int(at) - n // 2) // multiple * multiple for first, at in zip((data.row0, data.col0), centre))
    return Window(row0, col0, n)


def real_tiles(data: LandData, config: TrainingConfig, halo: int, count: int = 12) -> Tiles:
    """Tiles spread over the region and the test years, with 60 % of the prior hidden; cells with data that can change are counted. Also `year_tiles`.

    Raises:
        ConfigError: the data hold no test year, or tiles would cut driver cells.
    """
    pairs = test_pairs(data, config.split)
    if not pairs:
        raise ConfigError(f"split.test_years {config.split.test_years} are not in the data, which hold {data.years[0]} to {data.years[-1]}.")
    rng, driver, valid = np.random.default_rng(config.run.seed), DriverTable(data), data.valid
    core, cells = config.network.core, np.argwhere(valid)
    n, channels, counted = core + 2 * halo, [], []
    for k, centre in enumerate(cells[np.linspace(0, len(cells) - 1, count + 2).astype(int)[1:-1]]):
        years = pairs[-1 - k % len(pairs)]
        window = _window(data, centre, n, 1 << config.network.depth)
        place = (window.row0 - data.row0, window.col0 - data.col0, n)
        prior = cut(data.map_of(years[0]), *place, NO_DATA)
        case = one_prior(years, prior, rng.random((n, n)) >= HIDDEN_SHARE)
        channels.append(patch_channels(data, driver, channel_list(config.samples.steps), PatchInputs(window, case)))
        counted.append((cut(valid, *place, False) & ~np.isin(prior, STATIC_CLASSES))[halo:n - halo, halo:n - halo])
    return Tiles(np.stack(channels), np.stack(counted), f"test years, {HIDDEN_SHARE:.0%} of the prior hidden", year_tiles(data, config, halo))


def year_tiles(data: LandData, config: TrainingConfig, halo: int, count: int = 6) -> YearTiles:
    """Tiles of whole driver cells with the whole prior shown, one test year after the other, as a coupled run has them."""
    pairs, driver, valid = test_pairs(data, config.split), DriverTable(data), data.valid
    if config.network.core % data.ratio:
        raise ConfigError(f"network.core = {config.network.core} must be a multiple of the {data.ratio} fine cells of a driver cell.")
    core, cells, ratio = config.network.core, np.argwhere(data.valid), data.ratio
    n, channels, priors, changes = core + 2 * halo, [], [], []
    for k, centre in enumerate(cells[np.linspace(0, len(cells) - 1, count + 2).astype(int)[1:-1]]):
        years = pairs[-1 - k % len(pairs)]
        row, col = ((first + int(at) - core // 2) // ratio for first, at in zip((data.row0, data.col0), centre))
        window = Window(row * ratio - halo, col * ratio - halo, n)
        place = (window.row0 - data.row0, window.col0 - data.col0, n)
        prior = cut(data.map_of(years[0]), *place, NO_DATA)
        channels.append(patch_channels(data, driver, channel_list(config.samples.steps), PatchInputs(window, one_prior(years, prior))))
        priors.append(np.where(cut(valid, *place, False), prior, np.uint8(NO_DATA))[halo:n - halo, halo:n - halo])
        here = (slice(row - driver.row0, row - driver.row0 + core // ratio), slice(col - driver.col0, col - driver.col0 + core // ratio))
        changes.append(np.moveaxis(np.where(driver.valid[here], (driver.fraction[years[1]] - driver.fraction[years[0]])[:, *here], 0.0), 0, -1))
    return YearTiles(np.stack(channels), np.stack(priors), np.stack(changes))


def calibration_tiles(data: LandData, config: TrainingConfig, count: int = 32) -> np.ndarray:
    """(count, channel, n, n) float32: tiles around training cells in training years, drawn with a fixed seed."""
    rng, driver = np.random.default_rng(config.run.seed + 1), DriverTable(data)
    multiple = 1 << config.network.depth
    n = -(-config.samples.patch // multiple) * multiple
    cells, pairs, out = np.argwhere(training_cells(data, config.split)), training_pairs(data, config.split), []
    for k in range(count):
        years = pairs[rng.integers(len(pairs))]
        window = _window(data, cells[rng.integers(len(cells))], n, multiple)
        prior = cut(data.map_of(years[0]), window.row0 - data.row0, window.col0 - data.col0, n, NO_DATA)
        case = one_prior(years, prior, rng.random((n, n)) >= CALIBRATION_HIDDEN[k % len(CALIBRATION_HIDDEN)])
        out.append(patch_channels(data, driver, channel_list(config.samples.steps), PatchInputs(window, case)))
    return np.stack(out)
