"""What the network sees of a case, cut to the region and by channel name, for models that are not networks. Knows no model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lsbc.emulator.classes import GROUPS, NO_DATA
from lsbc.training.cases import Case, one_prior
from lsbc.training.patches import channel_list
from lsbc.training.predict import Region


def region_channels(region: Region, case: Case) -> dict[str, np.ndarray]:
    """Every channel of `channel_list()` on the region's cells, float32 (row, col), normalised as the network gets it."""
    window, (n_row, n_col) = region.window, region.data.shape
    row, col = region.data.row0 - window.row0, region.data.col0 - window.col0
    planes = replace(region, inputs=channel_list()).channels(case)[:, row:row + n_row, col:col + n_col]
    return {channel.name: plane for channel, plane in zip(channel_list(), planes, strict=True)}


def coarse_fractions(region: Region, year: int) -> np.ndarray:
    """The driver's group fractions of one year brought to the fine cells, (group, row, col)."""
    nothing = np.zeros(region.data.shape, bool)
    seen = region_channels(region, one_prior((year, year), np.where(region.data.valid, np.uint8(0), np.uint8(NO_DATA)), nothing))
    raw = {channel.name: seen[channel.name] / np.float32(channel.scale) + np.float32(channel.offset) for channel in channel_list()
           if channel.name.startswith("coarse.")}
    return np.stack([raw[f"coarse.{group}"] for group in GROUPS])
