"""Which processor a rank computes on: GPUs seen, ranks to GPUs, the CPU's instruction sets. Runs no network."""

from __future__ import annotations

import importlib.util
import platform
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_DRIVERS = ("/dev/nvidiactl", "/dev/dxg")
"""Where a node with an NVIDIA driver shows it (the second: Linux inside Windows)."""
_COUNTING_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8", "amx_tile", "asimd", "bf16", "i8mm", "sve", "sve2")
"""Instruction sets by which libraries choose their kernels, and so the last bits."""


@dataclass(frozen=True)
class Gpus:
    """The GPUs that this process may use; `problem` says why there is none."""

    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    """One for each physical device, the same in every process that sees it."""
    problem: str = ""
    driver: bool = False
    """The node has a GPU's driver, whether or not torch can use it."""


@dataclass(frozen=True)
class Place:
    """Where one rank computes."""

    device: int
    """Index among the GPUs that its owner sees; 0 on a CPU."""
    owner: int
    """The rank that holds the network of this group."""
    members: tuple[int, ...]
    """All ranks of the group, the owner first."""


def find_gpus(look: bool = True) -> Gpus:
    """GPUs visible to this process (as CUDA_VISIBLE_DEVICES has it); imports torch only where the node has an NVIDIA driver and `look` is true."""
    if not any(Path(path).exists() for path in _DRIVERS):
        return Gpus(problem="this node has no NVIDIA driver")
    if not look:
        return Gpus(problem="GPUs were not looked for", driver=True)
    if importlib.util.find_spec("torch") is None:
        return Gpus(problem="torch is not installed: pip install 'lsbc[torch]'", driver=True)
    try:
        import torch
    except (ImportError, OSError) as error:
        return Gpus(problem=f"torch does not load: {str(error).strip()}", driver=True)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        usable = torch.cuda.is_available()
    if not usable:
        return Gpus(problem=_why_unusable(torch, [str(warning.message) for warning in said]), driver=True)
    seen = [torch.cuda.get_device_properties(k) for k in range(torch.cuda.device_count())]
    return Gpus(tuple(gpu.name for gpu in seen), tuple(str(getattr(gpu, "uuid", k)) for k, gpu in enumerate(seen)), driver=True)


def _why_unusable(torch, said: list[str]) -> str:
    if torch.version.cuda is None:
        return f"torch {torch.__version__} was built without CUDA: install a CUDA build of torch"
    told = f" ({said[0].split(' (Triggered')[0].strip()})" if said else ""
    return (f"the node has an NVIDIA driver, but torch {torch.__version__} with CUDA {torch.version.cuda} finds no GPU through it{told}: the driver is too old for "
            "this CUDA, CUDA_VISIBLE_DEVICES hides the GPUs, or the container was started without them")


def group_of_local_rank(local_rank: int, local_size: int, n_gpu: int, ranks_per_device: int = 0) -> tuple[int, int]:
    """(device, local rank of the owner) of one of a node's ranks that all see the same GPUs.

    Groups are blocks of consecutive ranks, as schedulers bind them to sockets, and so are near their GPU.

    Args:
        n_gpu: 0 on a CPU.  ranks_per_device: 0: all ranks that share a GPU are one group, and on a CPU each is its own.

    >>> [group_of_local_rank(k, 5, 2) for k in range(5)]
    [(0, 0), (0, 0), (0, 0), (1, 3), (1, 3)]
    >>> [group_of_local_rank(k, 4, 1, ranks_per_device=2) for k in range(4)]
    [(0, 0), (0, 0), (0, 2), (0, 2)]
    """
    if ranks_per_device or not n_gpu:
        size = ranks_per_device or 1
        group, n_group = local_rank // size, -(-local_size // size)
        return group * n_gpu // n_group, group * size
    device = local_rank * n_gpu // local_size
    return device, -(-device * local_size // n_gpu)


def places(node_of: Sequence[int], ids: Sequence[tuple[str, ...]], ranks_per_device: int = 0) -> list[Place]:
    """The place of every rank.

    Args:
        node_of: (n_rank,) a name of each rank's node.  ids: (n_rank,) the GPUs that each rank sees; empty on a CPU.
    Ranks of one node that see other GPUs than their neighbours (a launcher gave each its own) share only among those that see the same.
    """
    out: list[Place | None] = [None] * len(node_of)
    for key in dict.fromkeys(zip(node_of, ids)):
        ranks = [rank for rank, other in enumerate(zip(node_of, ids)) if other == key]
        found = [group_of_local_rank(k, len(ranks), len(key[1]), ranks_per_device) for k in range(len(ranks))]
        for rank, (device, owner) in zip(ranks, found):
            out[rank] = Place(device, ranks[owner], tuple(other for other, (_, whose) in zip(ranks, found) if whose == owner))
    return [place for place in out if place is not None]


def cpu_instruction_sets(cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """Those of this CPU that libraries choose their kernels by; the machine's type where the system does not tell."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return (platform.machine(),)
    flags = next((line.partition(":")[2].split() for line in lines if line.split(":")[0].strip().lower() in ("flags", "features")), [])
    return (platform.machine(), *(flag for flag in _COUNTING_FLAGS if flag in flags))
