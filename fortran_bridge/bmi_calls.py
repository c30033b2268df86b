"""The embedded side of BMI in Fortran and C: names and addresses to calls of `LsbcBmi`, exceptions to codes. Knows no land use.

One entry for all functions of BMI, called by bmi.c: what goes in and what comes back lies behind an address.
"""

from __future__ import annotations

import ctypes
import importlib
import os
from typing import Any

import numpy as np

from lsbc.emulator.inside_host import start_log
from lsbc.fortran_bridge.entry import describe, tidy_up
from lsbc.regrid.errors import FieldError, StartupError, StateError, Status

_GRID_SCALARS = ("get_grid_rank", "get_grid_size", "get_grid_type", "get_grid_node_count", "get_grid_edge_count", "get_grid_face_count")
_LARGEST_INT = 2**31 - 1


class BmiCalls:
    """The BMI instances of this process by their handles."""

    def __init__(self) -> None:
        self._instances: dict[int, Any] = {}

    def call(self, handle: int, function: str, name: bytes, number: int, time: float, index: tuple[int, int],
             memory: tuple[int, int, str]) -> tuple[int, bytes]:
        """Run one function of BMI; returns the status of lsbc.h and the text of a failure.

        Args:
            name: of a variable, or the path of the configuration.
            number: of a grid; for `finalize`, whether the interpreter's exit functions are due.
            index: address and count of int32 positions, from 0.
            memory: address, count and NumPy's code (S1 for characters) of what is read or filled.
        """
        try:
            self._run(handle, function, os.fsdecode(name), number, time, _view(*index, "i4"), _view(*memory))
        except BaseException as error:  # noqa: BLE001 - C cannot catch: SystemExit must not end the host
            status, text = describe(error)
            return int(status), text.encode("utf-8", "replace")
        return int(Status.OK), b""

    def _run(self, handle: int, function: str, name: str, number: int, time: float, index: np.ndarray, memory: np.ndarray) -> None:
        if function == "initialize":
            if handle in self._instances:
                raise StateError("initialize was called twice; call finalize in between.")
            self._instances[handle] = _initialized(name)
            return
        bmi = self._instances.get(handle)
        if bmi is None:
            raise StateError(f"{function} came before initialize or after finalize.")
        if function == "finalize":
            self._finalize(handle, number)
        elif function == "update":
            bmi.update()
        elif function == "update_until":
            bmi.update_until(time)
        elif function == "other_type":
            raise FieldError(f"Variable '{name}' is double precision, as all are; call the procedure for double.")
        elif "_value" in function:
            _exchange(bmi, function, name, index, memory)
        elif function.startswith("get_grid_") and function not in _GRID_SCALARS:
            getattr(bmi, function)(number, memory)
        else:
            arguments = (name,) if function.startswith("get_var_") else (number,) if function.startswith("get_grid_") else ()
            _put(function, getattr(bmi, function)(*arguments), memory)

    def _finalize(self, handle: int, run_exit_functions: int) -> None:
        bmi = self._instances.pop(handle)
        try:
            bmi.finalize()
        finally:
            del bmi
            tidy_up(run_exit_functions)


def _initialized(config_file: str) -> Any:
    start_log(0)
    try:
        face = importlib.import_module("lsbc.emulator.adapters.bmi")
    except ImportError as error:
        raise StartupError(f"BMI needs bmipy, which does not load ({error}); install it with pip install 'lsbc[bmi]'.") from error
    bmi = face.LsbcBmi()
    bmi.initialize(config_file)
    return bmi


def _exchange(bmi: Any, function: str, name: str, index: np.ndarray, memory: np.ndarray) -> None:
    if function == "get_value_ptr":
        values = bmi.get_value_ptr(name)
        memory[:] = values.ctypes.data, len(values)
    elif function == "get_value_at_indices":
        bmi.get_value_at_indices(name, memory, index)
    elif function == "set_value_at_indices":
        bmi.set_value_at_indices(name, index, memory)
    else:
        getattr(bmi, function)(name, memory)


def _put(function: str, answer: Any, memory: np.ndarray) -> None:
    """One number, one text, or texts of equal room, each padded with blanks."""
    if memory.dtype.kind != "S":
        if memory.dtype.kind == "i" and answer > _LARGEST_INT:
            raise FieldError(f"{function} gives {answer}, which an integer of BMI cannot hold.")
        memory[0] = answer
        return
    texts = (answer,) if isinstance(answer, str) else answer
    room = len(memory) // len(texts)
    longest = max(len(text) for text in texts)
    if longest > room:
        raise FieldError(f"{function} gives {longest} characters, more than the {room} of the variable.")
    memory[:] = np.frombuffer("".join(text.ljust(room) for text in texts).encode("ascii"), "S1")


def _view(address: int, count: int, kind: str) -> np.ndarray:
    """The host's memory as an array; nothing is copied."""
    if count == 0:
        return np.empty(0, kind)
    return np.frombuffer((ctypes.c_char * (count * np.dtype(kind).itemsize)).from_address(address), kind)
