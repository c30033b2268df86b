"""This rank's place at a network: its own, or one that it shares with others of its node. Knows no tiles and no fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.config import ModelConfig
from lsbc.emulator.network import Network, network_for
from lsbc.emulator.windows import Limits
from lsbc.regrid.comm import Comm, agree


@dataclass
class Seat:
    """Who computes this rank's tiles."""

    group: Comm
    """The ranks that share the network; rank 0 of them owns it."""
    network: Network | None
    """On the owner only."""
    lost: str
    """Why the device asked for cannot be used, where the CPU stands in from the beginning (on the owner)."""
    facts: Mapping[str, str]
    """What the bits hang on, attributes for output files; the same on all ranks."""
    limits: Limits
    """Limits of windows, the same on all ranks."""

    def close(self) -> None:
        """Leave the group (collective over it)."""
        self.network = None
        self.group.free()


def take_seat(comm: Comm, model: ModelConfig, artefact: Artefact) -> Seat:
    """Load the networks of all ranks, one for those that share (collective).

    Raises:
        LsbcError: on all ranks; as `network_for`, and ConfigError for windows that do not suit the network.
    """
    loaded = network_for(comm, artefact, model, share=True)
    network = loaded.network
    seen = None if network is None else (bool(loaded.lost), network.device, network.fixed_window is not None)
    _, device, fixed = min(one for one in comm.allgather(seen) if one is not None)  # of a network whose device was not lost, if there is one
    limits = agree(comm, Limits.of_device, device, artefact.window, model.window_cells, model.batch, fixed)
    return Seat(comm.node_group(loaded.place.owner, comm.rank), network, loaded.lost, loaded.facts, limits)
