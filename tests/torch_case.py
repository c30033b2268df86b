"""A torch network whose bits do not depend on the batch, tiles of a random scene, and the same tiles computed one window at a time in numpy.

The network is the 3 x 3 sum of `case`, written as shifted products and sums in one fixed order, so that numpy and torch give the same bits.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from lsbc.emulator.channels import CHANNEL_NAMES, Channel, Window, assemble_shown, shown_prior
from lsbc.emulator.classes import CLASS_GROUP, CLASS_NAMES, N_CLASS, N_GROUP, NO_DATA
from lsbc.emulator.tile_engine import Rectangle, TileStatics, TileYear

import case

RATIO, HALO = 30, 2


def stencil(planes):
    """Scores of each class, one (n, rows, columns) array a class, from planes padded by one cell, (n, channel, rows + 2, columns + 2), torch or numpy."""
    n_row, n_column = planes.shape[2] - 2, planes.shape[3] - 2

    def shifted(name, a=0, b=0):
        return planes[:, CHANNEL_NAMES.index(name), 1 + a: 1 + a + n_row, 1 + b: 1 + b + n_column]

    for name in CLASS_NAMES:
        group = CLASS_GROUP[name]
        score = shifted(f"delta.{group}") * case.CHANGE + shifted(f"coarse.{group}") * case.COARSE + shifted("static.elevation") * 0.25
        if name != "ocean":
            for a, b in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)):
                score = score + shifted(f"prior.{name}", a, b) * (case.ITSELF if a == b == 0 else case.NEIGHBOUR)
        yield score


class StencilNetwork:
    """A torch network for `DeviceTiles`."""

    backend, model_file, precision, versions, fixed_window = "torch", "none", "float32", "", None

    def __init__(self, device="cpu", dtype="float32", deterministic=True):
        import torch

        self.torch_device, self.dtype, self.device, self.deterministic = torch.device(device), getattr(torch, dtype), device, deterministic
        self.shapes: list[tuple[int, ...]] = []
        self._output = None

    def forward(self, channels):
        import torch

        assert channels.is_contiguous(memory_format=torch.channels_last) and channels.dtype == self.dtype
        self.shapes.append(tuple(channels.shape))
        padded = torch.nn.functional.pad(channels, (1, 1, 1, 1))
        return self._reused(torch.stack(list(stencil(padded)), dim=1)[:, None])

    def _reused(self, logits):
        """The next call overwrites the output, as a CUDA graph does."""
        import torch

        if self._output is None or self._output.numel() < logits.numel():
            self._output = torch.empty(logits.numel(), dtype=logits.dtype, device=logits.device)
        self._output.fill_(float("nan"))
        return self._output[: logits.numel()].view(logits.shape).copy_(logits)


class HostStencil:
    """The same network for engines that take and give arrays of the host."""

    backend, device, model_file = "numpy", "cpu", "none"

    def buffer(self, n, rows, columns):
        return np.zeros((n, len(CHANNEL_NAMES), rows, columns), np.float32)

    def __call__(self, batch):
        return np.stack(list(stencil(np.pad(batch, ((0, 0), (0, 0), (1, 1), (1, 1))))), axis=1)[:, None]


class ConvolutionNetwork:
    """A small U-Net of one pooling with weights of one seed, as matrix units compute it: the last bits depend on device and batch."""

    backend, model_file, versions, fixed_window = "torch", "none", "", None

    def __init__(self, device="cuda:0", dtype="float32", width=32):
        import torch

        self.torch_device, self.dtype, self.device, self.precision = torch.device(device), getattr(torch, dtype), device, dtype
        torch.manual_seed(7)
        layers = [torch.nn.Conv2d(len(CHANNEL_NAMES), width, 3, padding=1), torch.nn.Conv2d(width, 2 * width, 3, padding=1),
                  torch.nn.ConvTranspose2d(2 * width, width, 2, stride=2), torch.nn.Conv2d(2 * width, N_CLASS, 3, padding=1)]
        self._layers = [layer.to(self.torch_device, self.dtype, memory_format=torch.channels_last) for layer in layers]

    def forward(self, channels):
        import torch

        first, middle, up, last = self._layers
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            fine = torch.relu(first(channels))
            coarse = torch.relu(middle(torch.nn.functional.max_pool2d(fine, 2)))
            return last(torch.cat([fine, up(coarse)], dim=1))[:, None]


def artefact(scales: bool = True) -> SimpleNamespace:
    """What an engine asks of an artefact: all channels, most of them normalised in their own way."""
    channels = tuple(Channel(name, "1", *((0.3, 1.7) if scales and k % 3 == 1 else (0.0, 0.5) if scales and k % 3 == 2 else (0.0, 1.0)))
                     for k, name in enumerate(CHANNEL_NAMES))
    return SimpleNamespace(channels=channels, ratio=RATIO, halo=HALO, name="stencil")


def tile(number: int, row0: int, col0: int, window: int, windows=(), gap: float = 0.2, margin: int = 1) -> tuple[TileStatics, TileYear]:
    """One tile of noise; `gap` is the share of driver cells without data, `margin` the driver cells around those of the window."""
    rng, shape = np.random.default_rng(number), (window, window)
    first_row, first_column = row0 // RATIO - margin, col0 // RATIO - margin
    blocks = (row0 + window - 1) // RATIO + margin + 1 - first_row, (col0 + window - 1) // RATIO + margin + 1 - first_column
    statics = {"elevation": rng.normal(500, 300, shape).astype(np.float32), "slope": rng.random(shape, np.float32),
               "northness": rng.normal(size=shape).astype(np.float32), "koppen": rng.integers(1, 6, shape).astype(np.uint8),
               "land": rng.integers(0, 2, shape).astype(np.uint8),
               "human_footprint": np.where(rng.random(shape) < 0.3, np.nan, 50.0 * rng.random(shape)).astype(np.float32)}
    prior = rng.integers(0, N_CLASS, shape).astype(np.uint8)
    prior[rng.random(shape) < 0.1] = NO_DATA
    valid = rng.random(blocks) >= gap
    now, following = np.where(valid, rng.random((2, N_GROUP, *blocks)), 0.0)
    return (TileStatics(1000 + number, row0, col0, statics, first_row, first_column, tuple(windows)),
            TileYear(shown_prior(prior, rng.random(shape) < 0.8), now, following, valid))


def channels_of(channels, at: TileStatics, year: TileYear, row: int, column: int, rows: int, columns: int) -> np.ndarray:
    """float32 (channel, rows, columns) of a part of a tile's window, from the numpy code."""
    out = np.full((len(channels), rows, columns), np.nan, np.float32)
    part = slice(row, row + rows), slice(column, column + columns)
    assemble_shown(channels, Window(at.row0 + row, at.col0 + column, rows, columns), RATIO, year.now, year.following, year.valid, at.driver_row0,
                   at.driver_col0, year.shown[part], {name: values[part] for name, values in at.statics.items()}, out)
    return out


def expected_scores(channels, at: TileStatics, year: TileYear, rectangle: Rectangle) -> np.ndarray:
    """float32 (class, rows, columns) of a rectangle, one window at a time in numpy."""
    planes = channels_of(channels, at, year, rectangle.row, rectangle.column, rectangle.rows + 2 * HALO, rectangle.columns + 2 * HALO)
    scores = np.concatenate(list(stencil(np.pad(planes, ((0, 0), (1, 1), (1, 1)))[None])))
    return scores[:, HALO:-HALO, HALO:-HALO]
