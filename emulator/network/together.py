"""Loads the network on all ranks together: one rank builds what takes long, and all are the same or none runs. Knows no tiles."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.config import ModelConfig
from lsbc.emulator.devices import Gpus, Place, cpu_instruction_sets, find_gpus, places
from lsbc.emulator.network.choose import Choice, choose, may_use_gpu, open_network
from lsbc.emulator.network.engine_cache import Engine, cache_folder
from lsbc.emulator.network.face import Network
from lsbc.emulator.windows import GPU_CELLS_A_CALL
from lsbc.regrid.comm import Comm, SerialComm, agree
from lsbc.regrid.errors import DeviceError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A rank's part of the networks of a run."""

    network: Network | None
    """None on a rank that shares the network of `place.owner`."""
    place: Place
    facts: Mapping[str, str]
    """What the bits of rank 0's logits hang on: attributes for output files, the same on all ranks."""
    lost: str = ""
    """Why the device cannot be used and `network` is one on the CPU instead, as model.cpu_fallback allows."""


def network_for(comm: Comm, artefact: Artefact, model: ModelConfig, share: bool = False) -> Loaded:
    """Choose and load the networks of all ranks (collective).

    Args:
        share: ranks that share a device (`model.ranks_per_device`) load one network between them, on the group's first rank.
    Raises:
        LsbcError: on all ranks; as `choose` and `open_network` say, and DeviceError where ranks would compute different bits though
            model.deterministic asks for the same.
    """
    gpus = agree(comm, lambda: find_gpus(may_use_gpu(artefact, model)))
    choice = agree(comm, choose, artefact, model, gpus)
    everyone = comm.allgather((comm.node, gpus.ids if choice.device == "cuda" else (), choice.backend))
    place = places([node for node, _, _ in everyone], [ids for _, ids, _ in everyone], model.ranks_per_device)[comm.rank]
    owner = not share or place.owner == comm.rank
    engine = None
    if any(backend == "tensorrt" for _, _, backend in everyone):
        engine = _same_engine(comm, artefact, model, choice, place.device if owner and choice.backend == "tensorrt" else None)
    network, lost = agree(comm, lambda: _open(artefact, choice, place.device, model, engine) if owner else (None, ""))
    facts = _facts(artefact, network, choice, gpus, place) if network is not None else None
    if model.deterministic:
        check_same_bits(comm.allgather(facts))
    if comm.rank == 0:
        logger.info("network %s: %s, %s on %s (%s)", artefact.name, facts["network_backend"], facts["network_precision"], facts["network_device"],
                    f"instead: {lost}" if lost else choice.reason)
    return Loaded(network, place, comm.bcast(facts), lost)


def _open(artefact: Artefact, choice: Choice, device_index: int, model: ModelConfig, engine: Engine | None) -> tuple[Network, str]:
    """The network, or the spare one and why."""
    try:
        return open_network(artefact, choice, device_index, model.deterministic, engine), ""
    except DeviceError as error:
        if not model.cpu_fallback or choice.device == "cpu":
            raise
        return load_spare(artefact), str(error)


def load_spare(artefact: Artefact) -> Network:
    """The network that stands in for a lost device."""
    model = ModelConfig(backend="onnxruntime", device="cpu", deterministic=False)
    return open_network(artefact, choose(artefact, model, Gpus()), 0, False, None)


def load_network(artefact: Artefact, backend: str = "auto", device: str = "auto", precision: str = "auto", deterministic: bool = True) -> Network:
    """The network of a single process; as `network_for`."""
    model = ModelConfig(backend=backend, device=device, precision=precision, deterministic=deterministic)
    return network_for(SerialComm(), artefact, model).network  # type: ignore[return-value]


def _same_engine(comm: Comm, artefact: Artefact, model: ModelConfig, choice: Choice, device_index: int | None) -> Engine | None:
    """TensorRT's engine for this rank's kind of GPU, built once and handed to all (collective); None where `device_index` is."""
    from lsbc.emulator.network import tensorrt

    device = f"cuda:{device_index}"
    batch = model.batch or max(1, GPU_CELLS_A_CALL // artefact.window**2)
    shape = (batch, len(artefact.channels), artefact.window, artefact.window)
    key = agree(comm, lambda: None if device_index is None else tensorrt.engine_key(artefact, choice.precision, shape, tensorrt.gpu_type(device)))
    keys = comm.allgather(key)
    if model.deterministic:
        check_same_bits(keys)
    mine = None
    for wanted in [found for k, found in enumerate(keys) if found is not None and found not in keys[:k]]:
        builder = keys.index(wanted)
        content = comm.bcast(agree(comm, lambda: tensorrt.kept_or_built(cache_folder(model.cache), wanted, artefact, choice.precision, shape, device)
                                   if comm.rank == builder else None), builder)
        mine = Engine(shape, content) if wanted == key else mine
    return mine


def _facts(artefact: Artefact, network: Network, choice: Choice, gpus: Gpus, place: Place) -> dict[str, str]:
    device = gpus.names[place.device] if network.device != "cpu" else " ".join(("CPU", *cpu_instruction_sets()))
    return {"network_backend": f"{network.backend} ({network.versions})", "network_precision": network.precision, "network_device": device,
            "network_file": network.model_file, "network_file_sha256": artefact.files[network.model_file]}


def check_same_bits(everyone: list[Mapping[str, str] | None]) -> None:
    """Raise the same error on all ranks where one would compute other bits than the first; None: a rank without a network.

    Raises:
        DeviceError: naming both ranks and what differs.
    """
    first = next(rank for rank, facts in enumerate(everyone) if facts is not None)
    for rank, facts in enumerate(everyone):
        for key, value in (facts or {}).items():
            mine = everyone[first][key]  # type: ignore[index]
            if value != mine:
                raise DeviceError(f"Rank {rank} has {key.replace('_', ' ')} '{value}', rank {first} has '{mine}': cells would come out with other bits on other "
                                  "ranks. Use the same backend, libraries and kind of device on all ranks (model.backend, model.device), or set "
                                  "model.deterministic = false.")
