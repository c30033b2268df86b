"""The embedded side of the bridge: turn addresses into arrays, exceptions into status codes. Knows no land use.

Every call takes its handle first and leaves +1 for done or minus the public status, with a text kept by the shim
(see inner.h). Nothing is raised into C. Nothing here imports torch: before Python 3.12 cffi must start before it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import logging
import os
import sys
import traceback
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsbc.emulator.inside_host import load_file_libraries, start_log
from lsbc.emulator.log import log_level
from lsbc.fortran_bridge.host_array import host_array
from lsbc.fortran_bridge.startup import component_class
from lsbc.regrid.errors import FieldError, GridError, InternalError, LsbcError, StateError, Status

logger = logging.getLogger("lsbc")

DONE = 1
COMM_SERIAL = -1
DIRECTION = {"in": 1, "out": 2}


def describe(error: BaseException) -> tuple[Status, str]:
    """Public status and one-line text of an exception; what is not ours is a defect and names its place."""
    if isinstance(error, LsbcError):
        return Status(error.status), str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    return Status.INTERNAL, f"{type(error).__name__}: {error}{place}"


@dataclass
class Instance:
    """What one handle stands for; `component` is None while it is being made, `n_cell` before the grid is set.

    A component that was made owns the communicator and frees it in `close`.
    """

    comm: Any
    component: Any = None
    n_cell: int | None = None
    inputs: frozenset[str] = frozenset()
    """Names of the fields that lsbc never writes to."""


class Bridge:
    """The calls of build_ffi.py, one method each, on the instances of this process; each returns DONE or raises.

    Args:
        ffi, lib: of the cffi library, or in a test a plain FFI and an object with `lsbc_inner_text`.
        find_class: gives the component class; called when an instance is made.
    """

    def __init__(self, ffi: Any, lib: Any, find_class: Callable[[], Any] = component_class) -> None:
        self._ffi = ffi
        self._lib = lib
        self._find_class = find_class
        self._instances: dict[int, Instance] = {}

    # --- failures -----------------------------------------------------------------------------------------------

    def failed(self, _kind: Any, error: BaseException, trace: Any) -> int:
        """Status of a call that raised, its text kept. cffi asks for it: no exception, SystemExit neither, may reach C.

        Args:
            trace: begins in the frame of the call, the first argument of which is its handle.
        """
        handle = trace.tb_frame.f_locals.get("handle", 0) if trace is not None else 0
        status, text = describe(error)
        self.keep_text(handle, text)
        logger.log(logging.ERROR if status is Status.INTERNAL else logging.DEBUG, "%s", text, exc_info=error)
        return -int(status)

    def keep_text(self, handle: int, text: str) -> None:
        self._lib.lsbc_inner_text(handle, text.encode("utf-8", "replace"))

    # --- what C hands over --------------------------------------------------------------------------------------

    def _instance(self, handle: int) -> Instance:
        instance = self._instances.get(handle)
        if instance is None or instance.component is None:
            raise StateError(f"Handle {handle} is unknown or destroyed.")
        return instance

    def _name(self, pointer: Any, instance: Instance) -> str:
        if pointer == self._ffi.NULL:
            raise FieldError(f"The name of a field is NULL on rank {instance.comm.rank}.")
        return self._ffi.string(pointer).decode("utf-8", "replace")

    def _path(self, pointer: Any, instance: Instance) -> str:
        if pointer == self._ffi.NULL:
            raise StateError(f"The path of a restart file is NULL on rank {instance.comm.rank}.")
        return os.fsdecode(self._ffi.string(pointer))

    def _view(self, pointer: Any, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """The host's own memory as an array; nothing is copied."""
        n_byte = int(np.dtype(dtype).itemsize)
        for length in shape:
            n_byte *= length
        if n_byte == 0:
            return np.empty(shape, dtype)
        return np.frombuffer(self._ffi.buffer(pointer, n_byte), dtype).reshape(shape)

    def _array(self, name: str, array: Any, instance: Instance) -> tuple[Any, dict[str, int]]:
        if instance.n_cell is None:
            raise StateError(f"Field '{name}' came before the grid on rank {instance.comm.rank}; call lsbc_set_grid first.")
        return host_array(self._ffi, name, array, instance.comm.rank)

    # --- calls --------------------------------------------------------------------------------------------------

    def prepare(self, handle: int, self_comm: int) -> int:
        """Load all that `create` needs, so that what can fail on one rank alone fails before a collective call.

        Args:
            self_comm: Fortran handle of a communicator of this rank alone, to try MPI on; or COMM_SERIAL.
        """
        load_file_libraries()
        self._find_class()
        log_level()
        _open_comm(self_comm).free()
        return DONE

    def create(self, handle: int, config_path: Any, fortran_comm: int) -> int:
        """Make an instance. After a failure on any rank the shim calls `drop` on every rank."""
        instance = Instance(_open_comm(fortran_comm))
        self._instances[handle] = instance
        start_log(instance.comm.rank)
        instance.component = self._find_class().create(os.fsdecode(self._ffi.string(config_path)), instance.comm)
        return DONE

    def drop(self, handle: int) -> int:
        """Forget an instance that some rank could not make. Collective, but the component is not asked to close."""
        instance = self._instances.pop(handle, None)
        if instance is not None:
            instance.component = None
            instance.comm.free()
        return DONE

    def set_grid(self, handle: int, n_cell: int, *arrays: Any) -> int:
        """Copy the grid and hand it on. A bad argument on one rank becomes an error of all of them."""
        instance = self._instance(handle)
        grid = _agree(instance.comm, self._copy_grid, instance.comm.rank, n_cell, *arrays)
        instance.component.set_grid(*grid)
        instance.inputs = frozenset(field.name for field in instance.component.fields if field.direction == "in")
        instance.n_cell = n_cell
        return DONE

    def _copy_grid(self, rank: int, n_cell: int, global_id: Any, lon_deg: Any, lat_deg: Any, n_vertex: int,
                   vertex_lon_deg: Any, vertex_lat_deg: Any, owned: Any) -> list[np.ndarray]:
        if n_cell < 0:
            raise GridError(f"n_cell must be 0 or more, got {n_cell} on rank {rank} (-1 from Fortran: array sizes differ).")
        if n_vertex < 3 and not (n_cell == 0 and n_vertex == 0):
            raise GridError(f"n_vertex must be 3 or more, got {n_vertex} on rank {rank}.")
        cells, corners = (n_cell,), (n_cell, n_vertex)
        copies = []
        for name, pointer, shape, dtype in (
            ("global_id", global_id, cells, np.int64),
            ("lon_deg", lon_deg, cells, np.float64),
            ("lat_deg", lat_deg, cells, np.float64),
            ("vertex_lon_deg", vertex_lon_deg, corners, np.float64),
            ("vertex_lat_deg", vertex_lat_deg, corners, np.float64),
            ("owned", owned, cells, np.int32),
        ):
            if n_cell > 0 and pointer == self._ffi.NULL:
                raise GridError(f"{name} is NULL on rank {rank}, with n_cell = {n_cell}.")
            copies.append(self._view(pointer, shape, dtype).copy())
        return copies

    def set_array(self, handle: int, name: Any, array: Any) -> int:
        """Hand a view of the host's array to the component, which keeps it; inputs cannot be written."""
        instance = self._instance(handle)
        field = self._name(name, instance)
        try:
            memory, layout = self._array(field, array, instance)
        except Exception:
            instance.component.forget_field(field)  # an array lent before must not stand in for this one
            raise
        if isinstance(memory, np.ndarray) and field in instance.inputs:
            memory.flags.writeable = False
        instance.component.set_field(field, memory, **layout)
        return DONE

    def step_year(self, handle: int, year: int) -> int:
        self._instance(handle).component.step_year(year)
        return DONE

    def get_array(self, handle: int, name: Any, array: Any) -> int:
        """Let the component fill the host's array in place."""
        instance = self._instance(handle)
        field = self._name(name, instance)
        memory, layout = self._array(field, array, instance)
        instance.component.get_field(field, memory, **layout)
        return DONE

    def field_count(self, handle: int, count: Any) -> int:
        instance = self._instance(handle)
        if count == self._ffi.NULL:
            raise FieldError(f"lsbc_field_count: count is NULL on rank {instance.comm.rank}.")
        count[0] = len(instance.component.fields)
        return DONE

    def field_info(self, handle: int, index: int, info: Any) -> int:
        instance = self._instance(handle)
        fields = instance.component.fields
        if info == self._ffi.NULL or not 0 <= index < len(fields):
            raise FieldError(f"lsbc_field_info: index must be 0..{len(fields) - 1} and info not NULL, got index {index}.")
        field = fields[index]
        for name in ("name", "standard_name", "units"):
            memory = self._ffi.buffer(getattr(info, name))
            text = (getattr(field, name) or "").encode()
            if len(text) >= len(memory):
                raise InternalError(f"{name} of field '{field.name}' is longer than {len(memory) - 1} bytes.")
            memory[:] = text.ljust(len(memory), b"\0")
        info.n_level = field.n_level
        info.direction = DIRECTION[field.direction]
        return DONE

    def write_restart(self, handle: int, path: Any) -> int:
        instance = self._instance(handle)
        instance.component.write_restart(_agree(instance.comm, self._path, path, instance))
        return DONE

    def read_restart(self, handle: int, path: Any) -> int:
        instance = self._instance(handle)
        instance.component.read_restart(_agree(instance.comm, self._path, path, instance))
        return DONE

    def destroy(self, handle: int, run_exit_functions: int) -> int:
        """Close, which frees the communicator, and flush: Python never ends in this process, so nothing else would.

        Args:
            run_exit_functions: whether this is the last user of the interpreter, so that what was registered for its end is due.
        """
        instance = self._instance(handle)
        del self._instances[handle]
        try:
            instance.component.close()
        finally:
            instance.component = None
            tidy_up(run_exit_functions)
        return DONE


CALLS = (
    "prepare", "create", "drop", "set_grid", "set_array", "step_year", "get_array",
    "field_count", "field_info", "write_restart", "read_restart", "destroy",
)


def _open_comm(fortran_comm: int) -> Any:
    comm = importlib.import_module("lsbc.regrid.comm")
    return comm.SerialComm() if fortran_comm == COMM_SERIAL else comm.MpiComm.from_fortran(fortran_comm)


def _agree(comm: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    return importlib.import_module("lsbc.regrid.comm").agree(comm, function, *arguments)


def tidy_up(run_exit_functions: int) -> None:
    """What follows the end of an instance of any kind.

    Args:
        run_exit_functions: as in `Bridge.destroy`.
    """
    gc.collect()
    if run_exit_functions:
        _run_exit_functions()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _run_exit_functions() -> None:
    """What Python code has registered for the end, but for `weakref.finalize`: its objects are alive, and another instance may need them, as it
    needs torch's operators. Those of an instance that is closed have been finalised already."""
    finalise_the_living = weakref.finalize._exitfunc
    atexit.unregister(finalise_the_living)
    atexit._run_exitfuncs()
    atexit.register(finalise_the_living)


def register(ffi: Any, lib: Any) -> Bridge:
    """Put the calls behind the C functions of the cffi library. Run once, by the start code of build_ffi.py."""
    bridge = Bridge(ffi, lib)
    for name in CALLS:
        ffi.def_extern(name=f"lsbc_inner_{name}", error=-int(Status.INTERNAL), onerror=bridge.failed)(getattr(bridge, name))
    return bridge
