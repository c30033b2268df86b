"""What the embedded interpreter loads and sets before the first collective call. Knows no handles and no arrays.

All of it can fail on one rank alone, so all of it comes before the ranks meet. Nothing here imports torch.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import os
import sys
from typing import Any

from lsbc.emulator.inside_host import load_file_libraries
from lsbc.regrid.errors import StartupError

logger = logging.getLogger("lsbc")


def component_class() -> Any:
    """The class behind the handles: `lsbc.emulator.component.Component`.

    The environment variable LSBC_COMPONENT = module:Class puts another in its place; that is a hook for tests.
    LSBC_RECORD = folder records what the host exchanges with it.
    """
    importlib.import_module("lsbc.regrid.comm").leave_mpi_to_host()  # whatever is imported from here on
    place = os.environ.get("LSBC_COMPONENT") or "lsbc.emulator.component:Component"
    module, _, name = place.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise StartupError(f"Cannot load {place}: {error}") from error
    return importlib.import_module("lsbc.emulator.recorder").recorded_if_asked(found)


def check_library_version(version: str) -> None:
    """Refuse a liblsbc of another version than this package: what they say to each other may change with every version.

    Args:
        version: what `lsbc_version` of the library returns.
    Raises:
        StartupError: the package has another version, or is not installed.
    """
    try:
        own = importlib.metadata.version("lsbc")
    except importlib.metadata.PackageNotFoundError as error:
        raise StartupError(f"liblsbc is version {version}, but no Python package lsbc is installed in {sys.prefix}; install that version.") from error
    if own != version:
        raise StartupError(f"liblsbc is version {version}, the Python package lsbc in {sys.prefix} is version {own}; install both of one version.")


EARLY = (load_file_libraries, component_class)
"""Loaded before the ranks meet, in this order. Ranks that share imports do one while rank 0 does the next."""


def try_network(config_path: str) -> None:
    """Load the configured network once, so that all modules it needs are there; what fails here fails again where it is told."""
    if os.environ.get("LSBC_COMPONENT"):
        return
    try:
        importlib.import_module("lsbc.emulator.network.rehearsal").rehearse(config_path)
    except Exception as error:  # whatever a library raises
        logger.debug("The network was not tried before the others: %s", error)
