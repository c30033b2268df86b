"""Makes a trained network leave cells alone where it should, judged on the watched cells. Never sees reported cells or test years.

Training weighs changed cells up, which tells the network that change is commoner than it is. That is undone by offsets of the
logits that depend on the shown prior's class alone, so they go into the last layer's weights and cost nothing to run. A margin on
top makes the likeliest class leave a cell alone where it was ever wrong about a change on the watched cells; it makes change look
rarer than it is, on purpose: the order of cells, by which allocation goes, is not touched.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from lsbc.emulator.classes import N_CLASS, OCEAN, STATIC_CLASSES
from lsbc.regrid.errors import ConfigError
from lsbc.training.cases import one_prior
from lsbc.training.config import TrainingConfig
from lsbc.training.files import sha256_of, write_atomically
from lsbc.training.loop import prior_channels, trained_network
from lsbc.training.predict import Region, network_logits, torch_network
from lsbc.training.samples import Sampler
from lsbc.training.unet import UNet, fold_batch_norm

FILE = "calibration.json"
MARGIN_FACTOR = 2.0
"""The watched cells are few, and a free rollout asks many times: the margin is this much larger than they ask for."""


@dataclass(frozen=True)
class Calibration:
    """`stay[c]` is added to the logit of class c where the prior shows c, in the network of the checkpoint that is named."""

    stay: tuple[float, ...]
    checkpoint_sha256: str = ""

    def applied(self, network: UNet) -> UNet:
        """The network with the offsets in its last layer, changed in place."""
        network.favour_prior(prior_channels(), dict(enumerate(self.stay)))
        return network

    def write(self, directory: Path) -> None:
        """Keep the offsets beside the checkpoint they belong to."""
        write_atomically(directory / FILE, (json.dumps(asdict(self)) + "\n").encode())


def read_calibration(directory: Path) -> Calibration | None:
    """The offsets kept in a run's directory; None if there are none."""
    path = directory / FILE
    if not path.is_file():
        return None
    found = json.loads(path.read_text())
    return Calibration(tuple(found["stay"]), found["checkpoint_sha256"])


def best_offsets(logits: np.ndarray, target: np.ndarray, shown: np.ndarray, spread: float = 2.0) -> tuple[float, ...]:
    """Offsets (class,) of staying that make the observed classes likeliest, with a Gaussian prior of width `spread` around 0.

    Args:
        logits: (cell, class).  target: (cell,) observed class.  shown: (cell,) class of the prior, whose logit gets the offset.
    """
    score, seen = torch.from_numpy(logits.astype(np.float64)), torch.from_numpy(target.astype(np.int64))
    offset = torch.zeros(N_CLASS, dtype=torch.float64, requires_grad=True)
    mask = torch.nn.functional.one_hot(torch.from_numpy(shown.astype(np.int64)), N_CLASS).double()
    optimiser = torch.optim.LBFGS([offset], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(score + mask * offset, seen, reduction="sum") + (offset**2).sum() / (2 * spread**2)
        value.backward()
        return value

    optimiser.step(loss)
    return tuple(0.0 if index == OCEAN else float(value) for index, value in enumerate(offset.detach()))


def safe_margin(logits: np.ndarray, target: np.ndarray, shown: np.ndarray, step: float = 0.5) -> float:
    """The smallest multiple of `step` which, added to the logit of staying, leaves no cell changed to a class it does not get, not by a tie either.

    Args:
        logits: (cell, class), calibrated.  target, shown: as in `best_offsets`.
    """
    rows = np.arange(len(shown))
    others = logits.astype(np.float64)
    own = others[rows, shown]
    others[rows, shown] = -np.inf
    lead, to = others.max(axis=1) - own, others.argmax(axis=1)
    wrong = (lead >= 0) & (to != target)
    return float(step * (np.floor(lead[wrong].max() / step) + 1.0)) if wrong.any() else 0.0


def calibrate(network: UNet, sampler: Sampler, halo: int, latest: int = 8) -> Calibration:
    """Fit the offsets on the watched cells of the latest training pairs, for change is rarer in some decades than in others, and the margin on all."""
    region = Region(sampler.data, sampler.driver, halo, 1 << network.depth, sampler.channels)
    run, cells = torch_network(fold_batch_norm(network)), sampler.watched
    if not cells.any():
        return Calibration((0.0,) * N_CLASS)
    parts = []
    for years in sampler.pairs:
        prior, target = (sampler.data.map_of(year) for year in years)
        here = cells & ~np.isin(prior, STATIC_CLASSES)
        parts.append((network_logits(run, region, one_prior(years, prior))[:, here].T, target[here], prior[here]))
    offsets = np.array(best_offsets(*(np.concatenate(part) for part in zip(*parts[-latest:], strict=True))))
    logits, target, shown = (np.concatenate(part) for part in zip(*parts, strict=True))
    logits = logits.astype(np.float64)
    logits[np.arange(len(shown)), shown] += offsets[shown]
    margin = MARGIN_FACTOR * safe_margin(logits, target, shown)
    return Calibration(tuple(float(offset) + margin * (index != OCEAN) for index, offset in enumerate(offsets)))


def calibrated_network(config: TrainingConfig) -> UNet:
    """The network of the checkpoint in `run.directory` with its calibration, in evaluation mode.

    Raises:
        ConfigError: there is no calibration of this checkpoint, as after a run that was stopped.
    """
    kept = read_calibration(config.run.directory)
    if kept is None or kept.checkpoint_sha256 != sha256_of(config.run.directory / "last.ckpt"):
        raise ConfigError(f"run.directory = {config.run.directory} holds no calibration of its last.ckpt; `lsbc train` again finishes the run and makes it.")
    return kept.applied(trained_network(config))
