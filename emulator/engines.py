"""Makes what computes this rank's tiles: an engine around its network, a spare one, and the sharing with other ranks. Computes nothing itself."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.config import ModelConfig
from lsbc.emulator.host_tiles import HostTiles
from lsbc.emulator.network import load_spare
from lsbc.emulator.plan import Plan
from lsbc.emulator.safe_tiles import Makers, SafeTiles
from lsbc.emulator.seat import Seat
from lsbc.emulator.share import RankTiles, share, slot_type
from lsbc.emulator.tile_engine import TileEngine
from lsbc.emulator.windows import CPU_WINDOW, GPU_CELLS_A_CALL
from lsbc.regrid.comm import Comm, agree

FROM_FREE_MEMORY = 0
"""Cells of a call that `DeviceTiles` works out from the memory that is free; only where bits need not be the same (`model.deterministic = false`)."""


def make_tiles(comm: Comm, seat: Seat, model: ModelConfig, artefact: Artefact, plan: Plan, scores: bool) -> RankTiles:
    """The engine of this rank's tiles, or its share of one (collective).

    Args:
        scores: whether scores will be asked for, or classes alone.
    """
    shape = artefact.channels, plan.ratio, plan.tiles.core, plan.tiles.halo
    usual = plan.domain.cut.limits.cells_a_call

    def on_device(cells_a_call: int) -> TileEngine:
        if seat.network.device == "cpu":
            return HostTiles(seat.network, *shape, cells_a_call)
        free = not model.deterministic and model.batch == 0 and cells_a_call == usual
        return on_gpu(seat.network, *shape, FROM_FREE_MEMORY if free else cells_a_call)

    def on_spare() -> TileEngine:
        network = seat.network if seat.lost else load_spare(artefact)  # where the device was lost from the beginning the seat has the spare one
        return HostTiles(network, *shape, longest_window=max(CPU_WINDOW, artefact.window), lattice=2**artefact.depth)

    def engine() -> SafeTiles | None:
        if seat.network is None:
            return None
        least = (plan.domain.cut.block + 2 * plan.tiles.halo) ** 2
        makers = Makers(on_device, least, on_spare if model.cpu_fallback else None)
        return SafeTiles(makers, usual, model.deterministic, seat.lost, f"rank {comm.rank}")

    slot = slot_type(plan.tiles.window, plan.tiles.core, plan.tiles.window // plan.ratio + 4, scores)
    most_tiles = int(np.bincount(plan.owner).max()) if usual > 1 else 0
    return share(comm, seat.group, agree(comm, engine), slot, most_tiles)


def on_gpu(network, channels, ratio: int, core: int, halo: int, cells_a_call: int) -> TileEngine:
    """An engine that keeps its tiles on the GPU, for a network that takes tensors there; else one on the host."""
    if not hasattr(network, "forward"):
        return HostTiles(network, channels, ratio, core, halo, cells_a_call or GPU_CELLS_A_CALL)
    from lsbc.emulator.network.device_tiles import DeviceTiles

    return DeviceTiles(network, channels, ratio, core, halo, cells_a_call)
