"""A plain convolutional network without pooling: what the published work compares its U-Net with. Knows channels, not land use.

Each output cell sees `depth` cells around it and nothing else.
"""

from __future__ import annotations

import io
import logging
import pickle
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lsbc.emulator.classes import N_CLASS, NO_DATA
from lsbc.regrid.errors import ConfigError
from lsbc.training.cases import Case
from lsbc.training.config import RunConfig
from lsbc.training.files import write_atomically
from lsbc.training.models.fingerprint import fingerprint
from lsbc.training.network_predictor import softmax
from lsbc.training.patches import channel_list
from lsbc.training.predict import Network, Region, network_logits, torch_network
from lsbc.training.samples import Sampler

log = logging.getLogger(__name__)


class PlainNetwork(nn.Module):
    """(batch, channel, row, column) -> logits (batch, 1, class, row, column): `depth` 3x3 convolutions of one width.

    The last 1x1 convolution also sees the input channels, as the U-Net's does, so that a shown prior can be copied.
    """

    def __init__(self, n_channel: int, n_class: int, base_width: int, depth: int) -> None:
        super().__init__()
        self.n_channel = n_channel
        layers: list[nn.Module] = []
        for place in range(depth):
            layers += [nn.Conv2d(n_channel if place == 0 else base_width, base_width, 3, padding=1), nn.BatchNorm2d(base_width), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(base_width + n_channel, n_class, 1)

    def forward(self, channels: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.body(channels), channels], dim=1)).unsqueeze(1)


def learning_rates(steps: int, top: float) -> RunConfig:
    """A tenth of the steps up to the top, the last half down to zero."""
    return RunConfig(steps=steps, steps_per_epoch=1, warmup_steps=max(1, steps // 10), decay_share=0.5, learning_rate=top, weight_decay=0.01)


def train_plainly(network: nn.Module, sampler: Sampler, steps: int, batch: int, learning_rate: float) -> list[float]:
    """Optimise on samples 0, 1, 2, ... in this process; returns the loss of each step and leaves evaluation mode."""
    from lsbc.training.loop import rate_factor, weighted_cross_entropy

    run = learning_rates(steps, learning_rate)
    optimiser = torch.optim.AdamW(network.parameters(), lr=run.learning_rate, weight_decay=run.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_factor(step, run))
    losses = []
    network.train()
    for step in range(steps):
        drawn = [sampler(step * batch + place) for place in range(batch)]
        x, target, weight = (torch.from_numpy(np.stack(parts)) for parts in zip(*drawn, strict=True))
        loss = weighted_cross_entropy(network(x[:, :network.n_channel])[:, 0], target[:, 0].long(), weight[:, 0])
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
    """The plain network behind the common face, trained briefly.

    backwards: whether the samples it was trained on go from a year to the one before as well; False until it is fitted.
    """

    name: str = "plain CNN"
    base_width: int = 32
    depth: int = 6
    steps: int = 1000
    batch: int = 4
    learning_rate: float = 3e-3
    threads: int = 1
    seed: int = 1
    network: Network | None = field(default=None, repr=False)
    backwards: bool = field(default=False, init=False)

    def fit(self, sampler: Sampler, directory: Path) -> None:
        """Train, or load the weights of the same settings and data."""
        path = directory / f"plain_cnn_{self._fingerprint(sampler)[:16]}.pt"
        torch.set_num_threads(self.threads)
        network = self._kept(path)
        if network is None:
            network = self._untrained()
            train_plainly(network, sampler, self.steps, self.batch, self.learning_rate)
            content = io.BytesIO()
            torch.save(network.state_dict(), content)
            write_atomically(path, content.getvalue())
        self.network = torch_network(network.eval())
        self.backwards = sampler.config.backward_share > 0

    def _untrained(self) -> PlainNetwork:
        torch.manual_seed(self.seed)
        return PlainNetwork(len(channel_list()), N_CLASS, self.base_width, self.depth)

    def _kept(self, path: Path) -> PlainNetwork | None:
        """The network of a file; None if there is no file or it cannot be read."""
        if not path.is_file():
            return None
        network = self._untrained()
        try:
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
            log.warning("%s cannot be read (%s); fitting again", path, str(error).partition("\n")[0] or type(error).__name__)
            return None
        return network

    def _fingerprint(self, sampler: Sampler) -> str:
        return fingerprint(sampler, (self.base_width, self.depth, self.steps, self.batch, self.learning_rate, self.seed))

    def predict_proba(self, region: Region, case: Case) -> np.ndarray:
        if self.network is None:
            raise ConfigError(f"Predictor {self.name!r} was not fitted before it was asked for {case.years[1]}.")
        reach = Region(region.data, region.driver, max(region.halo, self.depth), region.multiple)
        made = softmax(network_logits(self.network, reach, case))
        made[:, case.prior == NO_DATA] = 1.0 / N_CLASS
        return made
