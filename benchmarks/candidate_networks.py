"""The shapes that `networks.py` compares. Knows layers only: no data, no scores.

Every one is spatially local and batch-independent in use. Only the plain U-Net earned a place in lsbc.training; the others live here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from lsbc.training.unet import Pair, UNet


class MapNetwork(nn.Module):
    """(batch, channel, row, column) -> logits (batch, 1, class, row, column); rows, columns multiples of 2**depth.

    depth: log2 of the lattice on which windows must lie: how often the finest cells are halved, by pooling or by a stem.
    The last 1x1 convolution sees the features of a cell and its input channels, as the U-Net's does.
    """

    head: nn.Conv2d

    def __init__(self, n_channel: int, n_class: int, depth: int) -> None:
        super().__init__()
        self.n_channel, self.n_class, self.depth = n_channel, n_class, depth

    def make_head(self, n_feature: int) -> nn.Conv2d:
        """The last layer, for `head`."""
        return nn.Conv2d(n_feature + self.n_channel, self.n_class, 1)

    def start_from_prior(self, channel_of_class: dict[int, int], logit: float = 6.0) -> None:
        """As in the U-Net."""
        with torch.no_grad():
            self.head.weight[:, -self.n_channel:] = 0.0
        self.favour_prior(channel_of_class, dict.fromkeys(channel_of_class, logit))

    def favour_prior(self, channel_of_class: dict[int, int], logit: dict[int, float]) -> None:
        """As in the U-Net."""
        n_feature = self.head.in_channels - self.n_channel
        with torch.no_grad():
            for class_index, channel in channel_of_class.items():
                self.head.weight[class_index, n_feature + channel] += logit[class_index]

    def features(self, channels: torch.Tensor) -> torch.Tensor:
        """(batch, channel, row, column) -> (batch, feature, row, column)."""
        raise NotImplementedError

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.features(channels), channels], dim=1)).unsqueeze(1)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each cell alone."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        off = x - x.mean(dim=1, keepdim=True)
        spread = torch.rsqrt((off * off).mean(dim=1, keepdim=True) + 1e-6)
        return off * spread * self.weight[:, None, None] + self.bias[:, None, None]


class WideBlock(nn.Module):
    """ConvNeXt's block: depthwise kernel x kernel convolution, norm, two 1x1 convolutions, added to the input."""

    def __init__(self, n: int, norm: str, kernel: int = 7, expansion: int = 2) -> None:
        super().__init__()
        batch = norm == "batch"
        self.mix = nn.Sequential(
            nn.Conv2d(n, n, kernel, padding=kernel // 2, groups=n), nn.BatchNorm2d(n) if batch else ChannelNorm(n),
            nn.Conv2d(n, expansion * n, 1), nn.ReLU() if batch else nn.GELU(), nn.Conv2d(expansion * n, n, 1))
        self.scale = nn.Parameter(torch.full((n, 1, 1), 0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.scale * self.mix(x)


class Candidate(MapNetwork):
    """A U-Net whose stages are pairs of 3x3 convolutions or ConvNeXt blocks, after a stem that folds `fold` x `fold` cells into channels."""

    def __init__(self, n_channel: int, n_class: int, base_width: int, levels: int, *,
                 fold: int = 1, block: str = "pair", n_block: int = 2) -> None:
        n_out = max(16, base_width // fold) if fold > 1 else base_width
        super().__init__(n_channel, n_class, levels + fold.bit_length() - 1)
        widths = [base_width << level for level in range(levels + 1)]
        self.fold, pairs = fold, block == "pair"

        def stage(n_in: int, n: int) -> nn.Module:
            if pairs:
                return Pair(n_in, n)
            first = [] if n_in == n else [nn.Conv2d(n_in, n, 1)]
            return nn.Sequential(*first, *(WideBlock(n, block) for _ in range(n_block)))

        self.down = nn.ModuleList(stage(n_in, n) for n_in, n in zip([n_channel, *widths], widths, strict=False))
        if fold > 1:  # what folding the cells into channels before the first convolution comes to
            kernel = 3 * fold if pairs else fold
            self.down[0][0] = nn.Conv2d(n_channel, base_width, kernel, stride=fold, padding=(kernel - fold) // 2)
        if pairs:
            self.pool: nn.ModuleList = nn.ModuleList(nn.MaxPool2d(2) for _ in range(levels))
        else:
            self.pool = nn.ModuleList(nn.Conv2d(n, n, 2, stride=2) for n in widths[:-1])
        self.lift = nn.ModuleList(nn.ConvTranspose2d(n, n // 2, 2, stride=2) for n in widths[:0:-1])
        self.up = nn.ModuleList(stage(n, n // 2) for n in widths[:0:-1])
        self.spread = nn.Sequential(nn.ConvTranspose2d(base_width, n_out, fold, stride=fold), nn.ReLU()) if fold > 1 else None
        self.head = self.make_head(n_out)

    def features(self, channels: torch.Tensor) -> torch.Tensor:
        x, skips = channels, []
        for level, stage in enumerate(self.down):
            x = stage(x if level == 0 else self.pool[level - 1](x))
            skips.append(x)
        skips.pop()
        for lift, stage in zip(self.lift, self.up, strict=True):
            x = stage(torch.cat([lift(x), skips.pop()], dim=1))
        return x if self.spread is None else self.spread(x)


class Monai(MapNetwork):
    """MONAI's DynUNet with batch norm."""

    def __init__(self, n_channel: int, n_class: int, base_width: int, levels: int) -> None:
        from monai.networks.nets import DynUNet

        super().__init__(n_channel, n_class, levels)
        steps = [1] + [2] * levels
        self.net = DynUNet(2, n_channel, n_class, [3] * (levels + 1), steps, steps[1:],
                           filters=[base_width << level for level in range(levels + 1)], norm_name="batch")
        self.head = self.make_head(n_class)

    def features(self, channels: torch.Tensor) -> torch.Tensor:
        return self.net(channels)


REFERENCE = "unet d3 w32"
CANDIDATES: dict[str, Callable[[int, int], UNet | MapNetwork]] = {
    REFERENCE: partial(UNet, base_width=32, depth=3),
    "unet d2 w32": partial(UNet, base_width=32, depth=2),
    "fold2 w64 l2": partial(Candidate, base_width=64, levels=2, fold=2),
    "fold2 convnext-bn w64 l2": partial(Candidate, base_width=64, levels=2, fold=2, block="batch"),
    "unet d2 w24": partial(UNet, base_width=24, depth=2),
    "fold2 w64 l1": partial(Candidate, base_width=64, levels=1, fold=2),
    "fold2 convnext w64 l2": partial(Candidate, base_width=64, levels=2, fold=2, block="layer"),
    "unet d4 w16": partial(UNet, base_width=16, depth=4),
    "unet d2 w16": partial(UNet, base_width=16, depth=2),
    "unet d3 w24": partial(UNet, base_width=24, depth=3),
    "unet d3 w16": partial(UNet, base_width=16, depth=3),
    "fold2 w48 l2": partial(Candidate, base_width=48, levels=2, fold=2),
    "fold2 convnext-bn w64 l1": partial(Candidate, base_width=64, levels=1, fold=2, block="batch"),
    "unet d1 w32": partial(UNet, base_width=32, depth=1),
    "monai d3 w32": partial(Monai, base_width=32, levels=3),
    "convnext-bn w48 l2": partial(Candidate, base_width=48, levels=2, block="batch", n_block=1),
}
