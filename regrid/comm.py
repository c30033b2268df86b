"""Communicators: one rank or many behind the same few calls. The only module that imports mpi4py; knows no grids or fields.

A serial run is a communicator of one rank, not a second path through the code.
"""

from __future__ import annotations

import atexit
import os
import re
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from lsbc.regrid.errors import LsbcError, StartupError, Status, error_for
from lsbc.regrid.mpi_library import check_mpi4py

_RANK_PREFIX = re.compile(r"^rank \d+: ")
_TAG_ROWS, _TAG_OBJECT = 17, 18
_SHARED_FOLDER = "/dev/shm"
"""Where MPI libraries take the memory from that ranks of a node share."""
_PAUSE_S = 5e-5
"""Between looks whether the others have come: the core is free for whoever computes."""


class Comm(Protocol):
    """What the rest of lsbc may ask of a communicator. Every call but `free` is collective unless it says otherwise."""

    rank: int
    size: int
    local_rank: int
    """This rank's place among the ranks of its node."""
    local_size: int
    """Ranks of its node."""
    node: int
    """The lowest rank of this rank's node: names the node."""

    def job_ranks(self) -> tuple[int, ...] | None:
        """Its ranks as the whole job numbers them, None where they are the whole job. Local."""

    def allreduce_max(self, value: int) -> int: ...

    def allreduce_or(self, flags: np.ndarray) -> np.ndarray:
        """Bitwise or over the ranks, element by element; uint8 of the same length everywhere."""

    def bcast(self, obj: Any, root: int = 0) -> Any: ...

    def allgather(self, obj: Any) -> list: ...

    def gather(self, obj: Any, root: int = 0) -> list | None: ...

    def point(self, obj: Any, source: int, dest: int) -> Any:
        """Move an object from `source` to `dest`, for these two ranks only; None on `source` unless it is also `dest`."""

    def alltoallv(self, rows: np.ndarray, send_count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Send rows (n, ...), sorted by destination, send_count[rank] of them to each; returns (rows, count by source).

        Same dtype and row shape on every rank, also where n is 0. Fewer than 2**31 rows a rank, of any size.
        """

    def exchange_rows(self, send: np.ndarray, send_count: np.ndarray, received: np.ndarray, count: np.ndarray) -> None:
        """As `alltoallv` with both counts known: one message to each rank that has a count, into `received`."""

    def barrier(self) -> None: ...

    def node_group(self, color: int, key: int) -> Comm:
        """The ranks of this node that give the same `color`, in the order of `key`; the caller frees it."""

    def shared_memory(self, n_byte: int, n_group: int = 1) -> SharedMemory:
        """Memory that every rank of this communicator sees; they must all be on one node. Zero at first; `n_byte` and `n_group` of rank 0 count.

        Args:
            n_group: communicators of the node that ask for as much at the same time.
        Raises:
            StartupError: on all ranks, when the node has no such memory left.
        """

    def free(self) -> None:
        """Give the communicator back; more than once does no harm."""


class SharedMemory(Protocol):
    """Memory of a node that several ranks read and write; freed before its communicator."""

    array: np.ndarray
    """uint8 (n_byte,)."""

    def meet(self) -> None:
        """Wait for all ranks (collective); what any of them wrote before is what all of them read after."""

    def free(self) -> None:
        """Give it back (collective); `array` is not to be used again. More than once does no harm."""


class OwnMemory:
    """Shared memory of a single rank."""

    def __init__(self, n_byte: int) -> None:
        self.array = np.zeros(n_byte, np.uint8)

    def meet(self) -> None:
        pass

    def free(self) -> None:
        self.array = np.zeros(0, np.uint8)


class SerialComm:
    """The communicator of a single rank; needs no MPI."""

    rank = 0
    size = 1
    local_rank = 0
    local_size = 1
    node = 0

    def job_ranks(self) -> tuple[int, ...] | None:
        return None

    def allreduce_max(self, value: int) -> int:
        return int(value)

    def allreduce_or(self, flags: np.ndarray) -> np.ndarray:
        return np.array(flags, np.uint8)

    def bcast(self, obj: Any, root: int = 0) -> Any:
        return obj

    def allgather(self, obj: Any) -> list:
        return [obj]

    def gather(self, obj: Any, root: int = 0) -> list:
        return [obj]

    def point(self, obj: Any, source: int, dest: int) -> Any:
        return obj

    def alltoallv(self, rows: np.ndarray, send_count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _check_counts(rows, send_count)
        return np.array(rows), np.array(send_count, np.int64)

    def exchange_rows(self, send: np.ndarray, send_count: np.ndarray, received: np.ndarray, count: np.ndarray) -> None:
        received[:] = send

    def barrier(self) -> None:
        pass

    def node_group(self, color: int, key: int) -> SerialComm:
        return SerialComm()

    def shared_memory(self, n_byte: int, n_group: int = 1) -> OwnMemory:
        return OwnMemory(n_byte)

    def free(self) -> None:
        pass


class NodeMemory:
    """A window of MPI that rank 0 of a node's communicator allocates and all map."""

    def __init__(self, mpi: Any, comm: Any, n_byte: int, n_group: int) -> None:
        self._mpi, self._comm = mpi, comm
        self._window, failure = None, ""
        n_byte, n_group, left = comm.bcast((n_byte, n_group, _shared_bytes_left()))
        if n_byte * n_group > left:  # asked first: Open MPI fails on one rank and leaves the others waiting for it
            raise StartupError(f"Memory of {n_group} x {n_byte / 2**20:.0f} MiB that ranks of a node share cannot be had: {_SHARED_FOLDER} has "
                               f"{left / 2**20:.0f} MiB left. Make it larger (in a container: --shm-size), or share less.")
        try:
            self._window = mpi.Win.Allocate_shared(n_byte if comm.rank == 0 else 0, 1, comm=comm)
            buffer, _ = self._window.Shared_query(0)
            self.array = np.frombuffer(buffer, np.uint8)
            self._window.Lock_all(mpi.MODE_NOCHECK)
        except mpi.Exception as error:
            failure = str(error)
        if comm.allreduce(bool(failure), op=mpi.LOR):
            raise StartupError(f"Memory of {n_byte / 2**20:.0f} MiB that the ranks of a node share cannot be had{': ' + failure if failure else ''}.")
        if comm.rank == 0:
            self.array[:] = 0
        self.meet()

    def meet(self) -> None:
        self._window.Sync()
        arrived = self._comm.Ibarrier()
        while not arrived.Test():
            time.sleep(_PAUSE_S)
        self._window.Sync()

    def free(self) -> None:
        if self._window is not None and not self._mpi.Is_finalized():
            self.array = np.zeros(0, np.uint8)
            self._window.Unlock_all()
            self._window.Free()
        self._window = None


def _shared_bytes_left() -> float:
    """Infinite where the node does not tell."""
    try:
        room = os.statvfs(_SHARED_FOLDER)
    except OSError:
        return float("inf")
    return float(room.f_bavail * room.f_frsize)


class MpiComm:
    """A private duplicate of an MPI communicator; errors come back as exceptions, never as MPI_Abort."""

    def __init__(self, parent: Any) -> None:
        self._mpi = _mpi()
        self._comm = parent.Dup()
        self._comm.Set_errhandler(self._mpi.ERRORS_RETURN)
        self._row_types: dict[int, Any] = {}
        self.rank = self._comm.rank
        self.size = self._comm.size
        node = self._comm.Split_type(self._mpi.COMM_TYPE_SHARED)
        self.local_rank, self.local_size, self.node = node.rank, node.size, node.bcast(self.rank)
        node.Free()

    @classmethod
    def from_fortran(cls, handle: int) -> MpiComm:
        """Duplicate the host's communicator, given as the integer Fortran knows it by. Collective over it."""
        mpi = _mpi()
        if not mpi.Is_initialized() or mpi.Is_finalized():
            raise StartupError(f"The host passed communicator {handle}, but MPI is not running in this process: "
                               "MPI_Init has not been called, or mpi4py uses another MPI library than the host.")
        return cls(mpi.Comm.f2py(handle))

    @classmethod
    def world(cls) -> MpiComm:
        """All ranks of the job; starts MPI if nobody did, and then ends it when the process exits."""
        mpi = _mpi()
        if not mpi.Is_initialized():
            mpi.Init_thread(mpi.THREAD_SERIALIZED)
            atexit.register(_finalize)
        return cls(mpi.COMM_WORLD)

    def job_ranks(self) -> tuple[int, ...] | None:
        world, mine = self._mpi.COMM_WORLD.Get_group(), self._comm.Get_group()
        try:
            ranks = tuple(mine.Translate_ranks(range(mine.size), world))
            return None if ranks == tuple(range(world.size)) else ranks
        finally:
            mine.Free()
            world.Free()

    def allreduce_max(self, value: int) -> int:
        return self._comm.allreduce(int(value), op=self._mpi.MAX)

    def allreduce_or(self, flags: np.ndarray) -> np.ndarray:
        out = np.array(flags, np.uint8)
        self._comm.Allreduce(self._mpi.IN_PLACE, [out, self._mpi.UINT8_T], op=self._mpi.BOR)
        return out

    def bcast(self, obj: Any, root: int = 0) -> Any:
        return self._comm.bcast(obj, root)

    def allgather(self, obj: Any) -> list:
        return self._comm.allgather(obj)

    def gather(self, obj: Any, root: int = 0) -> list | None:
        return self._comm.gather(obj, root)

    def point(self, obj: Any, source: int, dest: int) -> Any:
        if source == dest:
            return obj if self.rank == source else None
        if self.rank == source:
            self._comm.send(obj, dest, _TAG_OBJECT)
        return self._comm.recv(source=source, tag=_TAG_OBJECT) if self.rank == dest else None

    def alltoallv(self, rows: np.ndarray, send_count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _check_counts(rows, send_count)
        send_count = np.ascontiguousarray(send_count, np.int64)
        count = np.empty(self.size, np.int64)
        self._comm.Alltoall([send_count, self._mpi.INT64_T], [count, self._mpi.INT64_T])
        received = np.empty((int(count.sum()), *rows.shape[1:]), rows.dtype)
        self.exchange_rows(np.ascontiguousarray(rows), send_count, received, count)
        return received, count

    def exchange_rows(self, send: np.ndarray, send_count: np.ndarray, received: np.ndarray, count: np.ndarray) -> None:
        row_bytes = int(send.dtype.itemsize * np.prod(send.shape[1:], dtype=np.int64))
        if row_bytes == 0:
            return
        row_type, requests = self._row_type(row_bytes), []
        start, stop = _bounds(count), _bounds(send_count)
        for source in np.flatnonzero(count):
            if source != self.rank:
                part = received[start[source]:start[source + 1]]
                requests.append(self._comm.Irecv([part, len(part), row_type], int(source), _TAG_ROWS))
        for dest in np.flatnonzero(send_count):
            part = send[stop[dest]:stop[dest + 1]]
            if dest == self.rank:
                received[start[dest]:start[dest + 1]] = part
            else:
                requests.append(self._comm.Isend([part, len(part), row_type], int(dest), _TAG_ROWS))
        self._mpi.Request.Waitall(requests)

    def barrier(self) -> None:
        self._comm.Barrier()

    def node_group(self, color: int, key: int) -> MpiComm:
        node = self._comm.Split_type(self._mpi.COMM_TYPE_SHARED, key=key)
        part = node.Split(color, key)
        try:
            return MpiComm(part)
        finally:
            part.Free()
            node.Free()

    def shared_memory(self, n_byte: int, n_group: int = 1) -> NodeMemory:
        return NodeMemory(self._mpi, self._comm, n_byte, n_group)

    def free(self) -> None:
        if self._comm is not None and not self._mpi.Is_finalized():
            for row_type in self._row_types.values():
                row_type.Free()
            self._comm.Free()
        self._row_types, self._comm = {}, None

    def abort(self, code: int) -> None:
        """End the whole job; only for a program that owns it, such as the command line, never inside a host."""
        self._mpi.COMM_WORLD.Abort(code)

    def _row_type(self, row_bytes: int) -> Any:
        """One MPI item a row, so that counts stay far below 2**31 however wide the rows are."""
        if row_bytes not in self._row_types:
            self._row_types[row_bytes] = self._mpi.BYTE.Create_contiguous(row_bytes).Commit()
        return self._row_types[row_bytes]


def agree(comm: Comm, fn: Callable[..., Any], *args: Any) -> Any:
    """Run `fn(*args)` on every rank and return its value, or raise on all ranks what the lowest failing rank raised.

    `fn` must be local: a collective call inside would leave the other ranks waiting when one rank fails before it.
    Exceptions that are not LsbcErrors become InternalError with the type's name; where there are other ranks SystemExit and KeyboardInterrupt, too.
    """
    value, status, text, cause = None, Status.OK, "", None
    try:
        value = fn(*args)
    except LsbcError as error:
        status, text, cause = error.status, str(error), error
    except BaseException as error:  # whatever it is, the other ranks wait for this one
        if comm.size == 1 and not isinstance(error, Exception):
            raise
        status, text, cause = Status.INTERNAL, f"{type(error).__name__}: {error}", error
    if comm.allreduce_max(int(status)) == Status.OK:
        return value
    outcomes = comm.allgather((int(status), text))
    rank = next(k for k, (code, _) in enumerate(outcomes) if code != Status.OK)
    code, text = outcomes[rank]
    raise error_for(code, text if _RANK_PREFIX.match(text) else f"rank {rank}: {text}") from cause


def _check_counts(rows: np.ndarray, send_count: np.ndarray) -> None:
    if len(rows) != np.sum(send_count):
        raise ValueError(f"send_count sums to {np.sum(send_count)}, but there are {len(rows)} rows.")


def _bounds(count: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(count)])


def load_mpi() -> None:
    """Load mpi4py before another library that brings MPI: Open MPI's wheel is found by those that come after. Starts nothing."""
    _mpi()


def leave_mpi_to_host() -> None:
    """Keep whoever imports mpi4py from now on from starting or ending MPI behind the host's back. Loads no MPI library."""
    try:
        import mpi4py
    except ImportError:
        return
    if not hasattr(mpi4py, "MPI"):
        mpi4py.rc.initialize = False
        mpi4py.rc.finalize = False


def _mpi() -> Any:
    """mpi4py.MPI, imported so that it neither starts nor ends MPI behind the host's back."""
    leave_mpi_to_host()
    try:
        check_mpi4py()
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: it finds no MPI library
        raise StartupError(f"mpi4py cannot be loaded: {error}; build it with the host's MPI (MPICC=mpicc pip install --no-binary mpi4py mpi4py).") from error
    return MPI


def _finalize() -> None:
    mpi = _mpi()
    if not mpi.Is_finalized():
        mpi.Finalize()
