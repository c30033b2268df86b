"""What every network of the emulator has: its lattice, its last layer and the shown prior in it. Knows no other layer."""

from __future__ import annotations

import torch
from torch import nn


class MapNetwork(nn.Module):
    """(batch, channel, row, column) -> logits (batch, step, class, row, column); rows, columns multiples of 2**depth.

    depth: log2 of the lattice on which windows must lie: how often the finest cells are halved, by pooling or by a stem.
    The last 1x1 convolution sees the features of a cell and its input channels, so that a shown prior can be copied by one weight.
    """

    head: nn.Conv2d

    def __init__(self, n_channel: int, n_class: int, depth: int, n_step: int) -> None:
        super().__init__()
        self.n_channel, self.n_class, self.depth, self.n_step = n_channel, n_class, depth, n_step

    def make_head(self, n_feature: int) -> nn.Conv2d:
        """The last layer, for `head`; made after all others, so that layers keep their order and random beginnings."""
        return nn.Conv2d(n_feature + self.n_channel, self.n_step * self.n_class, 1)

    def start_from_prior(self, channel_of_class: dict[int, int], logit: float = 6.0) -> None:
        """Begin training with the shown prior copied: weight `logit` from a class's prior channel to its output."""
        with torch.no_grad():
            self.head.weight[:, -self.n_channel:] = 0.0
        self.favour_prior(channel_of_class, dict.fromkeys(channel_of_class, logit))

    def favour_prior(self, channel_of_class: dict[int, int], logit: dict[int, float]) -> None:
        """Add `logit[class]` to the output of a class wherever the shown prior has it."""
        n_feature = self.head.in_channels - self.n_channel
        with torch.no_grad():
            for class_index, channel in channel_of_class.items():
                self.head.weight[class_index::self.n_class, n_feature + channel] += logit[class_index]

    def features(self, channels: torch.Tensor) -> torch.Tensor:
        """(batch, channel, row, column) -> (batch, feature, row, column)."""
        raise NotImplementedError

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        logits = self.head(torch.cat([self.features(channels), channels], dim=1))
        if self.n_step == 1:
            return logits.unsqueeze(1)
        return logits.unflatten(1, (self.n_step, self.n_class))
