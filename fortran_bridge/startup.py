"""What the embedded interpreter loads and sets before the first collective call. Knows no handles and no arrays.

All of it can fail on one rank alone, so all of it comes before the ranks meet. Nothing here imports torch.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import sys
from typing import Any

from lsbc.emulator.log import log_level
from lsbc.regrid.errors import StartupError

logger = logging.getLogger("lsbc")


def component_class() -> Any:
    """The class behind the handles: `lsbc.emulator.component.Component`.

    The environment variable LSBC_COMPONENT = module:Class puts another in its place; that is a hook for tests.
    """
    place = os.environ.get("LSBC_COMPONENT") or "lsbc.emulator.component:Component"
    module, _, name = place.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise StartupError(f"Cannot load {place}: {error}") from error


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
