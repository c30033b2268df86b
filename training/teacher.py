"""Trained U-Nets as the beginning or the teacher of a smaller one. Knows layers and logits, no samples and no optimiser."""

from __future__ import annotations

from pathlib import Path

import torch

from lsbc.emulator.classes import N_CLASS
from lsbc.regrid.errors import ConfigError
from lsbc.training.unet import UNet

State = dict[str, torch.Tensor]


def network_state(checkpoint: Path) -> State:
    """The weights of a run's network by name."""
    if not checkpoint.is_file():
        raise ConfigError(f"Checkpoint {checkpoint} does not exist; train that run first.")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    return {key.removeprefix("network."): value for key, value in state.items()}


def depth_of(state: State) -> int:
    """How many times the U-Net of a state pools."""
    return 1 + max(int(key.split(".")[1]) for key in state if key.startswith("lift."))


def cut_to(state: State, depth: int) -> State:
    """The state of a U-Net of `depth` made from a deeper one: what its decoder got from below comes from the encoder, of the same width.

    Returns `state` itself if it is not deeper.
    """
    less = depth_of(state) - depth
    if less <= 0:
        return state
    kept = {}
    for key, value in state.items():
        part, _, rest = key.partition(".")
        place, _, name = rest.partition(".")
        if part in ("lift", "up"):
            if int(place) >= less:
                kept[f"{part}.{int(place) - less}.{name}"] = value
        elif part != "down" or int(place) <= depth:
            kept[key] = value
    return kept


def read_teacher(checkpoint: Path, n_step: int) -> UNet:
    """The U-Net of a run's checkpoint, in evaluation mode and without gradients; its shape is that of its weights."""
    state = network_state(checkpoint)
    base_width, n_channel = state["down.0.0.weight"].shape[:2]
    network = UNet(n_channel, N_CLASS, base_width, depth_of(state), n_step)
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def divergence(logits: torch.Tensor, taught: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Mean Kullback-Leibler divergence of the network's classes from the teacher's over the cells seen.

    Args:
        logits, taught: (sample, class, row, column).  seen: bool (sample, row, column).
    """
    theirs, ours = torch.log_softmax(taught, 1), torch.log_softmax(logits, 1)
    return ((theirs.exp() * (theirs - ours)).sum(dim=1) * seen).sum() / seen.sum().clamp_min(1)
