"""The U-Net: plain, spatially local, batch-independent in use. Knows channel counts, not land use or data.

Only 3x3 convolutions, batch norm, ReLU, 2x2 max pooling and 2x2 transposed convolutions (and dropout while training): every output cell depends
on inputs within an exact halo and on nothing else of the tile. Norms or poolings over space have no place here.
"""

from __future__ import annotations

import torch
from torch import nn

from lsbc.training.map_network import MapNetwork


class Pair(nn.Sequential):
    """Two 3x3 convolutions, each with batch norm and ReLU."""

    def __init__(self, n_in: int, n_out: int) -> None:
        layers: list[nn.Module] = []
        for n in (n_in, n_out):
            layers += [nn.Conv2d(n, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU()]
        super().__init__(*layers)


class UNet(MapNetwork):
    """`depth` max poolings; stages of 3x3 pairs whose width doubles at each, from `base_width`."""

    def __init__(self, n_channel: int, n_class: int, base_width: int, depth: int, n_step: int = 1,
                 dropout: float = 0.0) -> None:
        super().__init__(n_channel, n_class, depth, n_step)
        widths = [base_width << level for level in range(depth + 1)]
        self.down = nn.ModuleList(Pair(n_in, n_out) for n_in, n_out in zip([n_channel, *widths], widths, strict=False))
        self.lift = nn.ModuleList(nn.ConvTranspose2d(n, n // 2, 2, stride=2) for n in widths[:0:-1])
        self.up = nn.ModuleList(Pair(n, n // 2) for n in widths[:0:-1])
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout2d(dropout)
        self.head = self.make_head(base_width)

    def features(self, channels: torch.Tensor) -> torch.Tensor:
        x, skips = channels, []
        for level, stage in enumerate(self.down):
            x = stage(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        x = self.drop(x)
        for lift, stage in zip(self.lift, self.up, strict=True):
            x = stage(torch.cat([lift(x), skips.pop()], dim=1))
        return x


def fold_batch_norm(network: MapNetwork) -> MapNetwork:
    """A copy in evaluation mode with each batch norm multiplied into the convolution before it."""
    import copy

    from torch.nn.utils.fusion import fuse_conv_bn_eval

    folded = copy.deepcopy(network).eval()
    for stage in folded.modules():
        if isinstance(stage, nn.Sequential):
            for place, layer in enumerate(stage):
                if isinstance(layer, nn.BatchNorm2d):
                    stage[place - 1] = fuse_conv_bn_eval(stage[place - 1], layer)
                    stage[place] = nn.Identity()
    return folded
