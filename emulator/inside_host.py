"""What Python code needs inside the process of a host program: file libraries beside the host's, a log, and the host's state given back.

Read by the bridge and by faces that a host runs as Python. Knows no host, no handles and no arrays.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lsbc.emulator.log import log_level
from lsbc.regrid.errors import StartupError

logger = logging.getLogger("lsbc")

_MATHS = "libm.so.6"
"""Of glibc; other C libraries hold it themselves, as the process then does."""
_ENVIRONMENT_BYTES = 512
"""More than any C library's `fenv_t`."""


def load_file_libraries() -> None:
    """Import netCDF4 so that a host's own libnetcdf and libhdf5 do not take the place of those it brings.

    Nearly every host links both. Their symbols are global and come first, so that the package would call another
    release than it was built with, which crashes while it is imported. RTLD_DEEPBIND makes it look at its own first.
    """
    host = ctypes.CDLL(None)
    has_own = any(hasattr(host, symbol) for symbol in ("nc_open", "H5open"))
    flags = sys.getdlopenflags()
    try:
        sys.setdlopenflags(flags | (getattr(os, "RTLD_DEEPBIND", 0) if has_own else 0))
        importlib.import_module("netCDF4")
    except ImportError as error:
        raise StartupError(f"netCDF4 cannot be loaded: {error}") from error
    finally:
        sys.setdlopenflags(flags)


def start_log(rank: int) -> None:
    """Send the log to the standard error stream: of rank 0 from LSBC_LOG_LEVEL on, of the others only warnings and worse."""
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("lsbc: %(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
    logger.setLevel(log_level() if rank == 0 else max(log_level(), logging.WARNING))


@contextmanager
def host_guard() -> Iterator[None]:
    """Run the body with floating-point traps masked, and leave the thread's floating-point state and OpenMP's thread count as they were.

    For callers other than the C shim, which does the same in C and for OpenMP's other threads as well.
    """
    process = ctypes.CDLL(None)
    maths = process if hasattr(process, "feholdexcept") else ctypes.CDLL(_MATHS)
    environment = ctypes.create_string_buffer(_ENVIRONMENT_BYTES)
    maths.feholdexcept(environment)
    n_thread = process.omp_get_max_threads() if hasattr(process, "omp_get_max_threads") else 0
    try:
        yield
    finally:
        if n_thread:
            process.omp_set_num_threads(n_thread)
        maths.fesetenv(environment)
