"""Writes a host's own file from a yearly file of lsbc: which writers there are, their options, and their call. Knows no format of any host.

Each writer is a module with a docstring, a frozen dataclass `Options` and `write(year, out, options) -> notes`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from lsbc.emulator.hosts.options import OptionsError, read_options
from lsbc.emulator.hosts.year_file import open_year
from lsbc.regrid.errors import ConfigError

WRITERS = {
    "geo_em": "write_wrf_geo", "wrfinput": "write_wrf_input", "wrflowinp": "write_wrf_lowinp", "wrfrst": "write_wrf_restart",
    "extpar": "write_extpar", "jsbach": "write_jsbach", "surfclim": "write_surfclim",
    "fsurdat": "write_ctsm_surface", "landuse_timeseries": "write_ctsm_series", "fraclut": "write_fraclut", "healpix": "write_healpix",
}
"""What a host's file is called -> the module of `emulator.hosts` that writes it."""


def writer(target: str) -> Any:
    """The module that writes `target`; ConfigError where there is none."""
    if target not in WRITERS:
        raise ConfigError(f"There is no writer of '{target}'; there are {', '.join(WRITERS)}.")
    return import_module(f"lsbc.emulator.hosts.{WRITERS[target]}")


def options_of(target: str, given: Mapping[str, Any], base: Path) -> Any:
    """The options of a writer from a TOML table or a command line; paths are relative to `base`.

    Raises:
        ConfigError: an unknown, missing or impossible option.
    """
    try:
        return read_options(writer(target).Options, given, base)
    except OptionsError as error:
        raise ConfigError(f"Writer '{target}': {error}.") from error


def deliver(target: str, year_path: Path, out: Path, options: Any) -> tuple[str, ...]:
    """Write one host file from one yearly file; returns the writer's notes.

    Raises:
        FileError, ConfigError, ValueRangeError: nothing was written, and a file that was there before is as it was.
    """
    with open_year(year_path) as year:
        return tuple(writer(target).write(year, out, options))


def describe(target: str) -> list[tuple[str, str]]:
    """(option, help) of a writer."""
    return [(field.name, str(field.metadata.get("help", ""))) for field in dataclasses.fields(writer(target).Options)]
