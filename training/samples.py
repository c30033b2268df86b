"""Draws training patches: place, years, masks, target and loss weight. Builds no channel itself.

Sample number i is a function of the seed and i alone, so a resumed run sees the samples it would have seen.
"""

from __future__ import annotations

import numpy as np

from lsbc.emulator.channels import Window
from lsbc.emulator.classes import N_CLASS, NO_DATA, STATIC_CLASSES
from lsbc.regrid.errors import ConfigError
from lsbc.training.cases import one_prior, several_priors
from lsbc.training.config import LossConfig, SampleConfig, SplitConfig
from lsbc.training.data import LandData
from lsbc.training.driver import perturb
from lsbc.training.holdout import HeldOut, check_cells, training_cells, training_pairs, year_runs
from lsbc.training.masks import draw_known
from lsbc.training.patches import DriverTable, PatchInputs, channel_list, cut, patch_channels

IGNORE = 255
"""Target value of a cell that gives no loss."""
N_COUNTED = 512
"""Driver cells in which classes are counted."""
SEVERAL_PRIORS_SHARE = 1 / 3
"""How often more than one prior is shown where the configuration allows it."""


def class_weights(data: LandData, held: HeldOut, cells: np.ndarray, split: SplitConfig, loss: LossConfig) -> np.ndarray:
    """Loss weight of each class from its frequency in the training years; the most frequent has 1.

    cells: fine cells of each driver cell that may be trained on; at most `N_COUNTED` of the driver cells are counted, spread evenly.
    """
    first, last = split.train_years
    years = [k for k, year in enumerate(data.years) if first <= year <= last]
    places = np.argwhere(cells > 0)
    count, ratio = np.zeros(256), data.ratio
    for row, col in places[np.linspace(0, len(places) - 1, min(len(places), N_COUNTED)).astype(int)] * ratio:
        keep = ~held.without_loss(int(row), int(col), ratio, ratio)
        for k in years:
            count += np.bincount(np.asarray(data.class_index[k, row:row + ratio, col:col + ratio])[keep], minlength=256)
    count = count[:N_CLASS]
    weight = (count.max() / np.maximum(count, 1.0)) ** loss.class_power
    return np.minimum(weight, loss.class_weight_limit).astype(np.float32)


class Sampler:
    """Makes sample i: (channels float32, target uint8 with IGNORE (step, n, n), weight float32 (step, n, n)), n = patch."""

    def __init__(self, data: LandData, split: SplitConfig, config: SampleConfig, loss: LossConfig, seed: int) -> None:
        self.data, self.split, self.config, self.loss, self.seed = data, split, config, loss, seed
        self.channels = channel_list(config.steps)
        self.driver = DriverTable(data)
        self.held = HeldOut.of(data, split)
        self.runs = year_runs(data, split, config.steps)
        self.pairs = training_pairs(data, split)
        self._cells = self._cells_per_driver_cell()
        if not self.runs:
            raise ConfigError(f"split.train_years {split.train_years} hold no {config.steps + 1} years in a row of the data's {data.years[0]} to {data.years[-1]}.")
        if not np.where(self.held.kept_out, 0, self._cells).any():
            raise ConfigError(f"split.held_out_share = {split.held_out_share} and check_share = {split.check_share} leave no driver cell to train on.")
        self.class_weight = class_weights(data, self.held, np.where(self.held.kept_out, 0, self._cells), split, loss)

    @property
    def trainable(self) -> np.ndarray:
        """Fine cells (row, col) of the whole region that may give loss."""
        return training_cells(self.data, self.split)

    @property
    def watched(self) -> np.ndarray:
        """Fine cells (row, col) of the whole region that are watched while training."""
        return check_cells(self.data, self.split) & self.data.valid

    def _cells_per_driver_cell(self) -> np.ndarray:
        """How many fine cells with data each driver cell has, read a row of driver cells at a time."""
        ratio = self.data.ratio
        valid = self.data.valid if self.data.valid_cells is None else self.data.valid_cells
        rows, cols = (n // ratio for n in self.data.shape)
        return np.stack([np.asarray(valid[k * ratio:(k + 1) * ratio]).reshape(ratio, cols, ratio).sum(axis=(0, 2)) for k in range(rows)])

    def _place(self, rng: np.random.Generator, years: tuple[int, int]) -> tuple[int, int]:
        """First row and column of a patch: a driver cell drawn by its cells (or also by its coarse change), then a place in it."""
        weight = np.where(self.held.kept_out, 0.0, self._cells)
        if rng.random() < self.config.focus_share:
            ring = slice(self.driver.ring, -self.driver.ring)
            moved = np.abs(self.driver.fraction[years[1]] - self.driver.fraction[years[0]]).sum(axis=0)[ring, ring]
            weight = weight * (moved + 1e-6)
        total = np.cumsum(weight.ravel())
        at = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        cell = np.array(np.unravel_index(min(at, weight.size - 1), weight.shape))
        n, ratio = self.config.patch, self.data.ratio
        row, col = (cell * ratio + rng.integers(0, ratio, size=2) + rng.integers(-n // 4, n // 4 + 1, size=2) - n // 2).tolist()
        return row, col

    def _years(self, rng: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Years of the priors, newest first, and the years asked for; reversed in time for a share of the samples."""
        first, targets = self.runs[int(rng.integers(len(self.runs)))]
        backward = rng.random() < self.config.backward_share
        if backward:
            first, targets = targets[-1], (*targets[-2::-1], first)
        if rng.random() < self.config.same_year_share:
            first = int(rng.choice([first, targets[0]]))
            targets = (first,) * len(targets)
        step = 1 if backward else -1
        several = self.config.prior_years > 1 and rng.random() < SEVERAL_PRIORS_SHARE
        count = int(rng.integers(2, self.config.prior_years + 1)) if several else 1
        held = range(self.split.train_years[0], self.split.train_years[1] + 1)
        priors = tuple(year for year in range(first, first + step * count, step) if year in held and year in self.data.years)
        return priors, targets

    def _known(self, rng: np.random.Generator, year: int, row: int, col: int) -> np.ndarray:
        known = draw_known(rng, self.config.patch, self.config)
        if rng.random() < self.config.static_classes_known_share:
            known |= np.isin(cut(self.data.map_of(year), row, col, self.config.patch, NO_DATA), STATIC_CLASSES)
        return known

    def _inputs(self, rng: np.random.Generator) -> tuple[PatchInputs, tuple[int, ...]]:
        config, n = self.config, self.config.patch
        priors, targets = self._years(rng)
        row, col = self._place(rng, (priors[0], targets[0]))
        maps = [cut(self.data.map_of(year), row, col, n, NO_DATA) for year in priors]
        known = [self._known(rng, year, row, col) for year in priors]
        case = several_priors(priors, targets[0], maps, known) if len(priors) > 1 else one_prior((priors[0], targets[0]), maps[0], known[0])
        coarse = len(self.data.elevations) > 1 and rng.random() < config.coarse_elevation_share
        window = Window(self.data.row0 + row, self.data.col0 + col, n)
        blank, footprint = bool(rng.random() < 0.3), bool(rng.random() < config.human_footprint_share)
        return PatchInputs(window, case, int(coarse), blank, footprint, targets[1:]), targets

    def target(self, inputs: PatchInputs, targets: tuple[int, ...], rng: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Class of the years asked for where it may give loss, else IGNORE; and the weight of each cell; (step, n, n).

        With a generator, hidden cells may be asked for one of their sub-pixels (`soft_target_share`).
        """
        window, margin, case = inputs.window, self.config.margin, inputs.case
        row, col, n = window.row0 - self.data.row0, window.col0 - self.data.col0, window.n
        target = np.stack([cut(self.data.map_of(year), row, col, n, NO_DATA) for year in targets])
        hidden = ~case.known & (target != NO_DATA)
        if rng is not None and self.data.sub_counts is not None and rng.random() < self.config.soft_target_share:
            for step, year in enumerate(targets):
                self._draw_sub_pixels(rng, target[step], hidden[step], year, row, col)
        lossless = self.held.without_loss(row, col, n, n) | (case.prior == NO_DATA)
        if margin:
            inner = np.zeros_like(lossless)
            inner[margin:-margin, margin:-margin] = True
            lossless |= ~inner
        target[:, lossless] = IGNORE
        by_class = np.append(self.class_weight, np.zeros(256 - N_CLASS, np.float32))
        changed = case.known & (case.prior != target)
        weight = np.where(hidden, by_class[target], np.where(changed, np.float32(self.loss.change_weight), np.float32(1.0)))
        weight[target == IGNORE] = 0.0
        return target, weight

    def _draw_sub_pixels(self, rng: np.random.Generator, target: np.ndarray, hidden: np.ndarray, year: int, row: int, col: int) -> None:
        """Replace the class of hidden cells by that of one of their sub-pixels, in place."""
        layers = self.data.sub_counts[self.data.years.index(year)]
        total = np.cumsum([cut(layer, row, col, target.shape[0], 0) for layer in layers], axis=0)
        pick = rng.integers(0, np.maximum(total[-1], 1))
        drawn = (total <= pick).sum(axis=0).astype(np.uint8) + np.uint8(1)
        chosen = hidden & (total[-1] > 0)
        target[chosen] = drawn[chosen]

    def __call__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, index])
        inputs, targets = self._inputs(rng)
        fractions = self.driver.seen(inputs, self.config.steps, self.data.ratio)
        if rng.random() < self.config.coarse_noise_share:
            fractions = perturb(rng, *fractions)
        x = patch_channels(self.data, self.driver, self.channels, inputs, fractions)
        if rng.random() < self.config.elevation_jitter_share:
            plane = [channel.name for channel in self.channels].index("static.elevation")
            x[plane] = x[plane] * rng.normal(1.0, 0.1) + rng.normal(0.0, 0.1)
        target, weight = self.target(inputs, targets, rng)
        return turned(rng, [channel.name for channel in self.channels].index("static.northness"), x, target, weight)

    def check_patches(self, hidden_share: float, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Fixed (channels, target) patches of the last training pair whose target is shown on watched cells only."""
        rng = np.random.default_rng([self.seed, 2**31])
        centres, n, out = np.argwhere(self.held.watched & (self._cells > 0)), self.config.patch, []
        years = self.runs[-1][0], self.runs[-1][1]
        for centre in centres[rng.permutation(len(centres))[:count]]:
            row, col = (centre * self.data.ratio + self.data.ratio // 2 - n // 2).tolist()
            window = Window(self.data.row0 + row, self.data.col0 + col, n)
            prior = cut(self.data.map_of(years[0]), row, col, n, NO_DATA)
            inputs = PatchInputs(window, one_prior((years[0], years[1][0]), prior, rng.random((n, n)) >= hidden_share),
                                 further_years=years[1][1:])
            target = np.stack([cut(self.data.map_of(year), row, col, n, NO_DATA) for year in years[1]])
            target[:, ~self.held.watched_cells(row, col, n, n)] = IGNORE
            out.append((patch_channels(self.data, self.driver, self.channels, inputs), target))
        return out


def turned(rng: np.random.Generator, north: int, *fields: np.ndarray) -> tuple[np.ndarray, ...]:
    """The fields in one of the eight positions of a square; plane `north` of the first is a direction and follows as far as it can.

    A map turned by a quarter no longer knows north, so the plane is 0 there; upside down it changes sign.
    """
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    if turns % 2:
        fields[0][north] = 0.0
    elif turns == 2:
        fields[0][north] *= -1.0
    out = [np.rot90(field, turns, axes=(-2, -1)) for field in fields]
    if flip:
        out = [field[..., ::-1] for field in out]
    return tuple(np.ascontiguousarray(field) for field in out)
