"""Which rank loads a network, for whom, and what all ranks must know of it. Knows no tiles and no fields."""

from __future__ import annotations

from dataclasses import dataclass

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.config import ModelConfig
from lsbc.emulator.network import Network, load_network
from lsbc.emulator.windows import Limits
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import DeviceError


@dataclass(frozen=True)
class Facts:
    """What ranks that have no network must know of the one that computes their tiles."""

    backend: str
    device: str
    model_file: str
    fixed_window: bool
    lost: str = ""
    """Why the device asked for cannot be used, where the configuration lets the CPU stand in."""

    @classmethod
    def of(cls, network: Network, lost: str = "") -> Facts:
        """Facts of a loaded network."""
        return cls(network.backend, network.device, network.model_file, bool(getattr(network, "fixed_window", False)), lost)


@dataclass
class Seat:
    """This rank's place at a network."""

    group: Comm
    """The ranks that share it; rank 0 of them owns it."""
    network: Network | None
    """On the owner only."""
    facts: Facts

    def close(self) -> None:
        """Leave the group (collective over it)."""
        self.network = None
        self.group.free()


def group_of_local_rank(local_rank: int, local_size: int, n_gpu: int, ranks_per_device: int) -> tuple[int, int]:
    """Device and owner (a local rank) of a rank of a node: consecutive ranks share.

    >>> [group_of_local_rank(k, 5, 0, 2) for k in range(5)]
    [(0, 0), (0, 0), (1, 2), (1, 2), (2, 4)]
    >>> [group_of_local_rank(k, 4, 2, 0) for k in range(4)]
    [(0, 0), (0, 0), (1, 2), (1, 2)]
    """
    n = ranks_per_device or (-(-local_size // n_gpu) if n_gpu else 1)
    return local_rank // n % max(n_gpu, local_size), local_rank // n * n


def take_seat(comm: Comm, model: ModelConfig, artefact: Artefact) -> Seat:
    """Load the networks of a node's owners (collective).

    Raises:
        ModelError, StartupError, DeviceError: on all ranks.
    """
    device, owner = agree(comm, group_of_local_rank, comm.local_rank, comm.local_size, 0, model.ranks_per_device)
    group = comm.node_group(owner, comm.local_rank)
    try:
        network, facts = agree(comm, _open, model, artefact, device if group.size > 1 else comm.local_rank, group.rank == 0)
        return Seat(group, network, group.bcast(facts))
    except BaseException:
        group.free()
        raise


def _open(model: ModelConfig, artefact: Artefact, place: int, owns: bool) -> tuple[Network | None, Facts | None]:
    if not owns:
        return None, None
    try:
        network = load_network(artefact, model.backend, model.device, place)
        return network, Facts.of(network)
    except DeviceError as error:
        if not model.cpu_fallback:
            raise
        network = load_spare(artefact)
        return network, Facts.of(network, str(error))


def load_spare(artefact: Artefact) -> Network:
    """The network that stands in for a lost device."""
    return load_network(artefact, "onnxruntime", "cpu")


def limits_of(comm: Comm, seat: Seat, model: ModelConfig, artefact: Artefact) -> Limits:
    """Limits of windows, the same on all ranks: those of the first rank whose device was not lost (collective)."""
    everyone = comm.allgather(seat.facts)
    facts = next((facts for facts in everyone if not facts.lost), everyone[0])
    return agree(comm, Limits.of_device, facts.device, artefact.window, model.window_cells, model.batch, facts.fixed_window)
