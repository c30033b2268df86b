"""Draws training patches: channels, target and loss weight. The channels are built by the component's own code.

Sample number i is a function of the seed and i alone, so a resumed run sees the samples it would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.emulator.channels import CHANNEL_NAMES, Channel, Window, assemble
from lsbc.emulator.classes import N_CLASS, NO_DATA, STATIC_CLASSES
from lsbc.training.cases import Case, one_prior
from lsbc.training.config import LossConfig, SampleConfig, SplitConfig
from lsbc.training.data import LandData
from lsbc.training.driver import aggregate_groups, perturb, row_weights
from lsbc.training.holdout import check_cells, training_cells, training_pairs
from lsbc.training.masks import draw_known

IGNORE = 255
"""Target value of a cell that gives no loss."""


def channel_list() -> tuple[Channel, ...]:
    """The channels of the shipped network with their normalisation."""
    def one(name: str) -> Channel:
        if name.startswith("delta."):
            return Channel(name, "1", 0.0, 20.0)
        if name == "static.elevation":
            return Channel(name, "m", 500.0, 0.002)
        return Channel(name, "1")

    return tuple(one(name) for name in CHANNEL_NAMES)


def cut(field: np.ndarray, row: int, col: int, n: int, fill: int | float) -> np.ndarray:
    """The n x n cells from (row, col) of a 2-D field, which may reach outside; there `fill`."""
    out = np.full((n, n), fill, field.dtype)
    top, left = max(row, 0), max(col, 0)
    bottom, right = min(row + n, field.shape[0]), min(col + n, field.shape[1])
    if top < bottom and left < right:
        out[top - row:bottom - row, left - col:right - col] = field[top:bottom, left:right]
    return out


class DriverTable:
    """Driver fractions of every year of a region with a ring without data around, aggregated once."""

    ring = 12

    def __init__(self, data: LandData) -> None:
        weight = row_weights(data.row0, data.shape[0], data.n_lat)
        pad = ((0, 0), (self.ring, self.ring), (self.ring, self.ring))
        parts = [aggregate_groups(layer, data.ratio, weight) for layer in data.class_index]
        self.fraction = {year: np.pad(part[0], pad) for year, part in zip(data.years, parts, strict=True)}
        self.valid = np.pad(parts[0][1], self.ring)
        self.row0 = data.row0 // data.ratio - self.ring
        self.col0 = data.col0 // data.ratio - self.ring


@dataclass(frozen=True)
class PatchInputs:
    """What one window's channels are made of, beside the data themselves; the case's arrays are (n, n), cut to the window."""

    window: Window
    case: Case
    elevation: int = 0
    blank_outside: bool = False


def patch_channels(data: LandData, driver: DriverTable, channels: tuple[Channel, ...], inputs: PatchInputs,
                   fractions: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
    """Channels (channel, n, n) of a window in global indices, from the year's own driver or the fractions given."""
    window = inputs.window
    row, col, n = window.row0 - data.row0, window.col0 - data.col0, window.n
    case = inputs.case
    now, following = fractions or (driver.fraction[case.years[0]], driver.fraction[case.years[1]])
    statics = {"elevation": cut(data.elevations[inputs.elevation], row, col, n, 0.0),
               "koppen": cut(data.koppen, row, col, n, 0), "land": cut(data.land, row, col, n, 0)}
    if inputs.blank_outside:
        for field in statics.values():
            field[case.prior == NO_DATA] = 0
    out = np.empty((len(channels), n, n), np.float32)
    assemble(channels, window, data.ratio, now, following, driver.valid, driver.row0, driver.col0, case.prior,
             case.known, statics, out)
    return out


def class_weights(data: LandData, split: SplitConfig, loss: LossConfig) -> np.ndarray:
    """Loss weight of each class from its frequency in the training cells and years; the most frequent has 1."""
    first, last = split.train_years
    chosen = [layer[training_cells(data, split)] for year, layer in zip(data.years, data.class_index, strict=True)
              if first <= year <= last]
    count = np.bincount(np.concatenate(chosen), minlength=N_CLASS)[:N_CLASS].astype(np.float64)
    weight = (count.max() / np.maximum(count, 1.0)) ** loss.class_power
    return np.minimum(weight, loss.class_weight_limit).astype(np.float32)


class Sampler:
    """Makes sample i: (channels float32, target uint8 with IGNORE, weight float32), each of patch x patch cells."""

    def __init__(self, data: LandData, split: SplitConfig, config: SampleConfig, loss: LossConfig, seed: int) -> None:
        self.data, self.config, self.loss, self.seed = data, config, loss, seed
        self.channels = channel_list()
        self.driver = DriverTable(data)
        self.trainable = training_cells(data, split)
        self.watched = check_cells(data, split) & data.valid
        self.centres = np.argwhere(self.trainable)
        self.pairs = training_pairs(data, split)
        self.class_weight = class_weights(data, split, loss)

    def _inputs(self, rng: np.random.Generator) -> PatchInputs:
        config, n = self.config, self.config.patch
        year, following = self.pairs[int(rng.integers(len(self.pairs)))]
        if rng.random() < config.same_year_share:
            year = following = int(rng.choice([year, following]))
        centre = self.centres[int(rng.integers(len(self.centres)))]
        row, col = (centre + rng.integers(-n // 4, n // 4 + 1, size=2) - n // 2).tolist()
        known = draw_known(rng, n, config)
        if rng.random() < config.static_classes_known_share:
            known |= np.isin(cut(self.data.map_of(year), row, col, n, NO_DATA), STATIC_CLASSES)
        coarse = len(self.data.elevations) > 1 and rng.random() < config.coarse_elevation_share
        window = Window(self.data.row0 + row, self.data.col0 + col, n)
        case = one_prior((year, following), cut(self.data.map_of(year), row, col, n, NO_DATA), known)
        return PatchInputs(window, case, int(coarse), bool(rng.random() < 0.3))

    def target(self, inputs: PatchInputs) -> tuple[np.ndarray, np.ndarray]:
        """Class of the second year where it may give loss, else IGNORE; and the weight of each cell."""
        window, margin = inputs.window, self.config.margin
        place = (window.row0 - self.data.row0, window.col0 - self.data.col0, window.n)
        before = inputs.case.prior
        target = cut(self.data.map_of(inputs.case.years[1]), *place, NO_DATA)
        lossless = ~cut(self.trainable, *place, False)
        if margin:
            inner = np.zeros_like(lossless)
            inner[margin:-margin, margin:-margin] = True
            lossless |= ~inner
        target[lossless] = IGNORE
        weight = np.append(self.class_weight, np.zeros(256 - N_CLASS, np.float32))[target]
        weight[(before != target) & (target != IGNORE)] *= self.loss.change_weight
        return target, weight

    def __call__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, index])
        inputs = self._inputs(rng)
        fractions = None
        if rng.random() < self.config.coarse_noise_share:
            fractions = perturb(rng, *(self.driver.fraction[year] for year in inputs.case.years))
        x = patch_channels(self.data, self.driver, self.channels, inputs, fractions)
        if rng.random() < self.config.elevation_jitter_share:
            plane = [channel.name for channel in self.channels].index("static.elevation")
            x[plane] = x[plane] * rng.normal(1.0, 0.1) + rng.normal(0.0, 0.1)
        target, weight = self.target(inputs)
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        turned = [np.rot90(field, turns, axes=(-2, -1)) for field in (x, target, weight)]
        if flip:
            turned = [field[..., ::-1] for field in turned]
        return tuple(np.ascontiguousarray(field) for field in turned)

    def check_patches(self, hidden_share: float, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Fixed (channels, target) patches of the last training pair whose target is shown on watched cells only."""
        rng = np.random.default_rng([self.seed, 2**31])
        centres, n, out = np.argwhere(self.watched), self.config.patch, []
        for centre in centres[rng.integers(len(centres), size=count)] if len(centres) else ():
            row, col = (centre - n // 2).tolist()
            window = Window(self.data.row0 + row, self.data.col0 + col, n)
            years = self.pairs[-1]
            case = one_prior(years, cut(self.data.map_of(years[0]), row, col, n, NO_DATA), rng.random((n, n)) >= hidden_share)
            inputs = PatchInputs(window, case)
            target = cut(self.data.map_of(years[1]), row, col, n, NO_DATA)
            target[~cut(self.watched, row, col, n, False)] = IGNORE
            out.append((patch_channels(self.data, self.driver, self.channels, inputs), target))
        return out
