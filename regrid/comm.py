"""Communicators: one rank or many behind the same few calls. The only module that imports mpi4py; knows no grids or fields.

A serial run is a communicator of one rank, not a second path through the code.
"""

from __future__ import annotations

import atexit
import re
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from lsbc.regrid.errors import LsbcError, StartupError, Status, error_for

_RANK_PREFIX = re.compile(r"^rank \d+: ")
_TAG_ROWS, _TAG_OBJECT = 17, 18


class Comm(Protocol):
    """What the rest of lsbc may ask of a communicator. Every call but `free` is collective unless it says otherwise."""

    rank: int
    size: int
    local_rank: int
    """This rank's place among the ranks of its node."""

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

    def free(self) -> None:
        """Give the communicator back; more than once does no harm."""


class SerialComm:
    """The communicator of a single rank; needs no MPI."""

    rank = 0
    size = 1
    local_rank = 0

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

    def free(self) -> None:
        pass


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
        self.local_rank = node.rank
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
    Exceptions that are not LsbcErrors become InternalError with the type's name.
    """
    value, status, text, cause = None, Status.OK, "", None
    try:
        value = fn(*args)
    except LsbcError as error:
        status, text, cause = error.status, str(error), error
    except Exception as error:
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


def _mpi() -> Any:
    """mpi4py.MPI, imported so that it neither starts nor ends MPI behind the host's back."""
    try:
        import mpi4py

        if not hasattr(mpi4py, "MPI"):
            mpi4py.rc.initialize = False
            mpi4py.rc.finalize = False
        from mpi4py import MPI
    except ImportError as error:
        raise StartupError(f"mpi4py cannot be loaded: {error}") from error
    return MPI


def _finalize() -> None:
    mpi = _mpi()
    if not mpi.Is_finalized():
        mpi.Finalize()
