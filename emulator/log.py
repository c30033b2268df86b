"""How much is logged: one environment variable, read by the command line and the bridge alike. Adds no handlers."""

from __future__ import annotations

import logging
import os

from lsbc.regrid.errors import ConfigError


def log_level() -> int:
    """Level of the log lines of rank 0, from the environment variable LSBC_LOG_LEVEL; INFO without it.

    Raises:
        ConfigError: the variable names no level.
    """
    name = os.environ.get("LSBC_LOG_LEVEL") or "INFO"
    level = logging.getLevelNamesMapping().get(name.upper())
    if level is None:
        raise ConfigError(f"LSBC_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR, got {name!r}.")
    return level
