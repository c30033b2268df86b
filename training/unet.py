"""The U-Net: plain, spatially local, batch-independent in use. Knows channel counts, not land use or data.

Only 3x3 convolutions, batch norm, ReLU, 2x2 max pooling and 2x2 transposed convolutions (and dropout while training): every output cell depends
on inputs within an exact halo and on nothing else of the tile. Norms or poolings over space have no place here.
"""

from __future__ import annotations

import torch
from torch import nn


class Pair(nn.Sequential):
    """Two 3x3 convolutions, each with batch norm and ReLU."""

    def __init__(self, n_in: int, n_out: int) -> None:
        layers: list[nn.Module] = []
        for n in (n_in, n_out):
            layers += [nn.Conv2d(n, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU()]
        super().__init__(*layers)


class UNet(nn.Module):
    """(batch, channel, row, column) -> logits (batch, step, class, row, column); rows, columns multiples of 2**depth.

    The last 1x1 convolution also sees the input channels, so that a shown prior can be copied by one weight.
    """

    def __init__(self, n_channel: int, n_class: int, base_width: int, depth: int, n_step: int = 1,
                 dropout: float = 0.0) -> None:
        super().__init__()
        widths = [base_width << level for level in range(depth + 1)]
        self.n_class, self.depth, self.n_step = n_class, depth, n_step
        self.down = nn.ModuleList(Pair(n_in, n_out) for n_in, n_out in zip([n_channel, *widths], widths, strict=False))
        self.lift = nn.ModuleList(nn.ConvTranspose2d(n, n // 2, 2, stride=2) for n in widths[:0:-1])
        self.up = nn.ModuleList(Pair(n, n // 2) for n in widths[:0:-1])
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(base_width + n_channel, n_step * n_class, 1)

    def start_from_prior(self, channel_of_class: dict[int, int], logit: float = 6.0) -> None:
        """Begin training with the shown prior copied: weight `logit` from a class's prior channel to its output."""
        n_feature = self.head.in_channels - self.down[0][0].in_channels
        with torch.no_grad():
            self.head.weight[:, n_feature:] = 0.0
        self.favour_prior(channel_of_class, dict.fromkeys(channel_of_class, logit))

    def favour_prior(self, channel_of_class: dict[int, int], logit: dict[int, float]) -> None:
        """Add `logit[class]` to the output of a class wherever the shown prior has it."""
        n_feature = self.head.in_channels - self.down[0][0].in_channels
        with torch.no_grad():
            for class_index, channel in channel_of_class.items():
                self.head.weight[class_index::self.n_class, n_feature + channel] += logit[class_index]

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        x, skips = channels, []
        for level, stage in enumerate(self.down):
            x = stage(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        x = self.drop(x)
        for lift, stage in zip(self.lift, self.up, strict=True):
            x = stage(torch.cat([lift(x), skips.pop()], dim=1))
        logits = self.head(torch.cat([x, channels], dim=1))
        if self.n_step == 1:
            return logits.unsqueeze(1)
        return logits.unflatten(1, (self.n_step, self.n_class))


def fold_batch_norm(network: UNet) -> UNet:
    """A copy in evaluation mode with each batch norm multiplied into the convolution before it."""
    import copy

    from torch.nn.utils.fusion import fuse_conv_bn_eval

    folded = copy.deepcopy(network).eval()
    for stage in (*folded.down, *folded.up):
        for place, layer in enumerate(stage):
            if isinstance(layer, nn.BatchNorm2d):
                stage[place - 1] = fuse_conv_bn_eval(stage[place - 1], layer)
                stage[place] = nn.Identity()
    return folded
