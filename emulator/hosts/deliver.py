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


_COPIED = ("template", "host_frac")
_YEARS_OF_THEIR_OWN = ("previous",)
"""Path options whose {year} the writer itself fills in, with another year."""


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
        options = _of_year(options, year.year)
        _refuse_inputs(target, year_path, out, options)
        return tuple(writer(target).write(year, out, options))


def is_series(target: str) -> bool:
    """Whether one file holds several years, so that its name need not hold one."""
    return bool(getattr(writer(target), "SERIES", False))


def _of_year(options: Any, year: int) -> Any:
    """The options with {year} in their paths filled in."""
    filled = {name: value.with_name(value.name.replace("{year}", f"{year:04d}")) for name, value in vars(options).items()
              if isinstance(value, Path) and "{year}" in value.name and name not in _YEARS_OF_THEIR_OWN}
    return dataclasses.replace(options, **filled)


def _refuse_inputs(target: str, year_path: Path, out: Path, options: Any) -> None:
    """An output may take the place of the file that it is a changed copy of, of no other that it is made from."""
    inputs = {"the yearly file": Path(year_path)} | {name: value for name, value in vars(options).items() if isinstance(value, Path) and name not in _COPIED}
    for name, path in inputs.items():
        if path.exists() and out.exists() and path.samefile(out):
            raise ConfigError(f"Writer '{target}' would write to {out}, which is {name}, one of its inputs; give the output another name.")
