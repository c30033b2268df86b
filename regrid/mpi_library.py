"""Whether mpi4py is built for the MPI library that this process already has. Loads neither, and calls nothing of MPI.

The loader gives mpi4py the calls of the library that is there, whatever mpi4py was built for; with the handles of another kind they crash.
"""

from __future__ import annotations

import ctypes
import importlib.util
import mmap
import sys

from lsbc.regrid.errors import StartupError

OPEN_MPI, MPICH = "Open MPI", "MPICH or a library of its kind (Cray, Intel, MVAPICH)"
_MARK_OF_OPEN_MPI = "ompi_mpi_comm_world"
"""The symbol behind MPI_COMM_WORLD: Open MPI has it, and what is compiled for Open MPI asks for it."""


def check_mpi4py(name: str = "mpi4py.MPI") -> None:
    """Refuse an extension module of another kind than the MPI library of this process.

    Args:
        name: of the extension module.
    Raises:
        StartupError: names both.
        ImportError, RuntimeError: mpi4py, or an MPI library for it, is not there.
    """
    running = None if name in sys.modules else kind_in_process()
    if running is None:
        return  # loaded already, or nothing there that could disagree: mpi4py brings its own library
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.origin:
        return  # the import says what is wrong
    built = kind_of_extension(spec.origin)
    if built != running:
        raise StartupError(f"mpi4py ({spec.origin}) is built for {built}, but the host runs {running}; build it with the host's MPI "
                           "(MPICC=mpicc pip install --no-binary mpi4py mpi4py), and leave MPI4PY_MPIABI unset.")


def kind_in_process() -> str | None:
    """OPEN_MPI or MPICH; None where this process shows no MPI library."""
    process = ctypes.CDLL(None)
    if not hasattr(process, "MPI_Initialized"):
        return None
    return OPEN_MPI if hasattr(process, _MARK_OF_OPEN_MPI) else MPICH


def kind_of_extension(path: str) -> str:
    """OPEN_MPI or MPICH, from the symbols that the file asks for."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return OPEN_MPI if content.find(_MARK_OF_OPEN_MPI.encode() + b"\0") >= 0 else MPICH
