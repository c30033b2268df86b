"""A plain convolutional network without pooling: what the published work compares its U-Net with. Knows channels, not land use.

Each output cell sees `depth` cells around it and nothing else.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lsbc.emulator.classes import N_CLASS, NO_DATA
from lsbc.regrid.errors import ConfigError
from lsbc.training.cases import Case
from lsbc.training.predict import Network, Region, network_logits, torch_network
from lsbc.training.samples import IGNORE, Sampler, channel_list

log = logging.getLogger(__name__)


class PlainNetwork(nn.Module):
    """(batch, channel, row, column) -> logits (batch, 1, class, row, column): `depth` 3x3 convolutions of one width.

    The last 1x1 convolution also sees the input channels, as the U-Net's does, so that a shown prior can be copied.
    """

    def __init__(self, n_channel: int, n_class: int, base_width: int, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for place in range(depth):
            layers += [nn.Conv2d(n_channel if place == 0 else base_width, base_width, 3, padding=1), nn.BatchNorm2d(base_width), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(base_width + n_channel, n_class, 1)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.body(channels), channels], dim=1)).unsqueeze(1)


def rate_factor(step: int, steps: int) -> float:
    """Learning rate relative to its top: a tenth of the steps up, the last half down to zero."""
    return max(0.0, min(1.0, (step + 1) / max(1, steps // 10), (steps - step) / max(1, steps // 2)))


def train_plainly(network: nn.Module, sampler: Sampler, steps: int, batch: int, learning_rate: float) -> list[float]:
    """Optimise on samples 0, 1, 2, ... in this process; returns the loss of each step and leaves evaluation mode."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_factor(step, steps))
    losses = []
    network.train()
    for step in range(steps):
        drawn = [sampler(step * batch + place) for place in range(batch)]
        x, target, weight = (torch.from_numpy(np.stack(parts)) for parts in zip(*drawn, strict=True))
        cell_loss = nn.functional.cross_entropy(network(x)[:, 0], target[:, 0].long(), ignore_index=IGNORE, reduction="none")
        loss = (cell_loss * weight[:, 0]).sum() / weight.sum().clamp_min(1e-6)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if (step + 1) % 100 == 0:
            log.info("plain CNN, step %d of %d: loss %.4f", step + 1, steps, float(np.mean(losses[-100:])))
    network.eval()
    return losses


@dataclass
class PlainCNN:
    """The plain network behind the common face, trained briefly."""

    name: str = "plain CNN"
    base_width: int = 32
    depth: int = 6
    steps: int = 1500
    batch: int = 4
    learning_rate: float = 3e-3
    threads: int = 1
    seed: int = 1
    network: Network | None = field(default=None, repr=False)

    def fit(self, sampler: Sampler, directory: Path) -> None:
        """Train, or load the weights of the same settings, maps and cells."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"plain_cnn_{self._fingerprint(sampler)}.pt"
        torch.set_num_threads(self.threads)
        torch.manual_seed(self.seed)
        network = PlainNetwork(len(channel_list()), N_CLASS, self.base_width, self.depth)
        if path.is_file():
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        else:
            train_plainly(network, sampler, self.steps, self.batch, self.learning_rate)
            torch.save(network.state_dict(), path)
        self.network = torch_network(network.eval())

    def _fingerprint(self, sampler: Sampler) -> str:
        settings = (self.base_width, self.depth, self.steps, self.batch, self.learning_rate, self.seed, sampler.pairs,
                    [channel.name for channel in channel_list()])
        digest = hashlib.sha256(repr(settings).encode())
        digest.update(np.ascontiguousarray(sampler.trainable).tobytes())
        digest.update(np.ascontiguousarray(sampler.data.class_index).tobytes())
        return digest.hexdigest()[:16]

    def predict_proba(self, region: Region, case: Case) -> np.ndarray:
        if self.network is None:
            raise ConfigError(f"Predictor {self.name!r} was not fitted before it was asked for {case.years[1]}.")
        reach = Region(region.data, region.driver, max(region.halo, self.depth), region.multiple)
        logits = network_logits(self.network, reach, case).astype(np.float64)
        made = np.exp(logits - logits.max(axis=0))
        made /= made.sum(axis=0)
        made[:, case.prior == NO_DATA] = 1.0 / N_CLASS
        return made.astype(np.float32)
