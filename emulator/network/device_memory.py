"""Queues, pinned memory and memory errors of one torch device; on the CPU everything happens at once and in order. Knows no tiles and no network."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsbc.regrid.errors import DeviceError

WORD = 8
"""Bytes of a word."""
QUEUES = ("to device", "compute", "to host")
_MEMORY_WORDS = ("out of memory", "alloc_failed", "allocate memory", "not enough memory")
"""What CUDA, cuBLAS, cuDNN and torch's CPU allocator say, in lower case, where they raise no class of their own."""


@dataclass(frozen=True)
class Layout:
    """Named arrays one after the other in one piece of memory: name -> (first byte, bytes, dtype, shape). Wide types come first."""

    fields: Mapping[str, tuple[int, int, str, tuple[int, ...]]]
    n_byte: int

    @classmethod
    def of(cls, **fields: tuple[str, tuple[int, ...]]) -> Layout:
        """From name = (dtype as numpy and torch both call it, shape), in order.

        >>> Layout.of(a=("float64", (2,)), b=("uint8", (3,))).fields["b"]
        (16, 3, 'uint8', (3,))
        """
        placed, at = {}, 0
        for name, (dtype, shape) in fields.items():
            n = math.prod(shape) * _BYTES[dtype]
            placed[name] = (at, n, dtype, shape)
            at += -(-n // WORD) * WORD
        return cls(placed, at)

    def arrays(self, memory: np.ndarray) -> dict[str, np.ndarray]:
        """Views of host memory, uint8, at least `n_byte` long."""
        return {name: memory[at: at + n].view(dtype).reshape(shape) for name, (at, n, dtype, shape) in self.fields.items()}

    def tensors(self, memory: Any) -> dict[str, Any]:
        """The same views of a torch tensor of bytes."""
        import torch

        return {name: memory[at: at + n].view(getattr(torch, dtype)).view(shape) for name, (at, n, dtype, shape) in self.fields.items()}


_BYTES = {"float64": 8, "int64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "uint8": 1}


class Queues:
    """Three queues of one device: work in one goes on in order, and waits for the others only where it is told to."""

    def __init__(self, device: Any) -> None:
        import torch

        self.device, self._cuda = device, torch.cuda if device.type == "cuda" else None
        self._streams = {name: self._cuda.Stream(device) for name in QUEUES} if self._cuda else {}

    @contextlib.contextmanager
    def queue(self, name: str) -> Iterator[None]:
        """What is started inside goes to this queue."""
        if self._cuda:
            with self._cuda.stream(self._streams[name]):
                yield
        else:
            yield

    def mark(self, name: str) -> Any:
        """A point in a queue: everything given to it so far."""
        if not self._cuda:
            return None
        mark = self._cuda.Event()
        mark.record(self._streams[name])
        return mark

    def after(self, name: str, mark: Any) -> None:
        """What is given to this queue from now on waits for `mark`."""
        if self._cuda:
            self._streams[name].wait_event(mark)

    def wait(self, mark: Any) -> None:
        """Wait on the host until `mark` is reached."""
        if self._cuda:
            mark.synchronize()

    def drain(self) -> None:
        """Wait until the device has nothing left to do."""
        if self._cuda:
            self._cuda.synchronize(self.device)

    def host_bytes(self, n: int) -> Any:
        """Zeros in host memory the device can reach by itself, a torch tensor of bytes."""
        import torch

        if not self._cuda:
            return torch.zeros(n, dtype=torch.uint8, device="cpu")
        with self._cuda.device(self.device):  # pinning makes a context on the current device
            return torch.zeros(n, dtype=torch.uint8, device="cpu", pin_memory=True)

    def free_bytes(self) -> int | None:
        """Free memory of the device, or None: it has the host's."""
        if not self._cuda:
            return None
        self._cuda.empty_cache()
        return self._cuda.mem_get_info(self.device)[0]

    def peak_bytes(self, work: Callable[[], object]) -> int:
        """Memory of the device that `work` takes at its height."""
        if not self._cuda:
            return 0
        self.drain()
        before = self._cuda.memory_allocated(self.device)
        self._cuda.reset_peak_memory_stats(self.device)
        work()
        self.drain()
        return self._cuda.max_memory_allocated(self.device) - before


class Twin:
    """The same bytes in the host's pinned memory and on the device."""

    def __init__(self, queues: Queues) -> None:
        self._queues, self.host, self.device = queues, queues.host_bytes(0), None

    def grow(self, n: int) -> None:
        """Have at least `n` bytes on both sides; memory that is large enough stays where it is."""
        import torch

        if n > len(self.host):
            self.host, self.device = self._queues.host_bytes(n), torch.zeros(n, dtype=torch.uint8, device=self._queues.device)
            self._queues.drain()

    def send(self, n: int) -> None:
        """Copy the first `n` bytes to the device, in its queue, before anything is computed from then on."""
        with self._queues.queue("to device"):
            self.device[:n].copy_(self.host[:n], non_blocking=True)
        self._queues.after("compute", self._queues.mark("to device"))

    def fetch(self, n: int) -> Any:
        """Copy the first `n` bytes to the host once all that is computed so far is done; returns the mark to wait for."""
        self._queues.after("to host", self._queues.mark("compute"))
        with self._queues.queue("to host"):
            self.host[:n].copy_(self.device[:n], non_blocking=True)
        return self._queues.mark("to host")


def is_memory_error(error: BaseException) -> bool:
    """Whether a library ran out of memory on the device or the host: torch and CUDA have no one class for it."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _MEMORY_WORDS)


@contextlib.contextmanager
def named(device: Any, doing: str) -> Iterator[None]:
    """Turn the device's errors into lsbc's own, with the device and what it was doing.

    Raises:
        DeviceError: out of memory, or the device failed otherwise.
    """
    import torch

    try:
        yield
    except (RuntimeError, MemoryError) as error:
        first = str(error).partition("\n")[0].rstrip(".")
        if is_memory_error(error):
            raise DeviceError(f"{device} is out of memory for {doing}: {first}.") from error
        if isinstance(error, getattr(torch, "AcceleratorError", ())):
            raise DeviceError(f"{device} failed at {doing}: {first}.") from error
        raise
