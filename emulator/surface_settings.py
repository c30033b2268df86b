"""The sections [surface] and [[deliver]] of a configuration: which tables make the fields, and which hosts' files are written. Opens tables only in `build`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsbc.regrid.errors import ConfigError, FileError

TABLES = ("crosswalk", "parameters")
"""Keys of [surface] that hold the name of a shipped table or a path."""
_OWN_FILES = r"(lsbc|landuse)_.*\.nc|summary\.json|\..*"


@dataclass(frozen=True, kw_only=True)
class SurfaceConfig:
    """Tables that stand in for the shipped ones, and fields in the host's own classes. Names of shipped tables, or paths relative to the configuration."""

    class_table: Path | None = None
    """Values of lsbc's classes; None: the shipped `modis_igbp.toml`."""
    season_table: Path | None = None
    """Months of lsbc's classes; None: the shipped `seasons/lai_noahmp_modis.toml`."""
    crosswalk: str = ""
    """Adds `host_lu_frac` and `host_lu_dominant`."""
    parameters: str = ""
    """Table of the host's class parameters, a .TBL file of WRF too; adds `host_<quantity>`."""
    parameters_system: str = ""
    """Land-use system in a .TBL file."""
    parameters_season: str = ""
    """SUMMER or WINTER, for LANDUSE.TBL."""
    climate: Path | None = None
    """File with the climate of the host's cells (docs/input.md)."""
    transitions: bool = False
    """Adds `transitions`, from class by to class."""

    def build(self, base: Path) -> Any:
        """The tables, `boundary.Tables`.

        Raises:
            ConfigError, FileError: a table is missing, breaks a rule, or does not fit the crosswalk.
        """
        from lsbc.emulator.boundary import Tables
        from lsbc.emulator.host_fields import HostFields
        from lsbc.emulator.surface.crosswalk import read_crosswalk
        from lsbc.emulator.surface.parameters import read_class_table
        from lsbc.emulator.surface.season_table import read_season_table
        from lsbc.emulator.surface.tables_text import open_table

        if (self.parameters_system or self.parameters_season) and not self.parameters.lower().endswith(".tbl"):
            raise ConfigError(f"surface.parameters_system and parameters_season choose within a .TBL file of WRF; surface.parameters is '{self.parameters}'.")
        crosswalk = read_crosswalk(resolved(self.crosswalk, base)) if self.crosswalk else None
        parameters = open_table(resolved(self.parameters, base), self.parameters_system or None, self.parameters_season or None) if self.parameters else None
        return Tables(_own_table(read_class_table, self.class_table), _own_table(read_season_table, self.season_table), HostFields(crosswalk, parameters))


def resolved(name_or_path: str, base: Path) -> str:
    """A path is relative to `base`; the name of a shipped table stays."""
    is_path = name_or_path.lower().endswith((".toml", ".tbl")) or "/" in name_or_path or (base / name_or_path).is_file()
    return str(base / name_or_path) if is_path else name_or_path


def _own_table(read: Callable[[str | None], Any], path: Path | None) -> Any:
    """A table from a user's file, or the shipped one; errors name the file."""
    if path is None:
        return read(None)
    try:
        return read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"Table {path} cannot be read: {error}.") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


@dataclass(frozen=True)
class DeliverConfig:
    """One host's file that root writes each year. `options` are the writer's own."""

    to: str
    file: str
    """Name in output.directory; {year} becomes the year that the fields are valid for."""
    options: Any

    def path(self, directory: Path, year: int) -> Path:
        """Where the file of a year goes."""
        return directory / self.file.replace("{year}", f"{year:04d}")


def deliveries(entries: Any, base: Path, problems: list[str]) -> tuple[DeliverConfig, ...]:
    """The [[deliver]] tables of a configuration; what is wrong is added to `problems`."""
    from lsbc.emulator.hosts.deliver import is_series, options_of

    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        problems.append("deliver must be tables [[deliver]]")
        return ()
    found = []
    for number, entry in enumerate(entries, start=1):
        to, file = entry.get("to"), entry.get("file")
        if not isinstance(to, str) or not isinstance(file, str) or not file or "/" in file:
            problems.append(f"[[deliver]] number {number} needs to = (a writer) and file = (a name in output.directory), got {to!r} and {file!r}")
            continue
        if re.fullmatch(_OWN_FILES, file):
            problems.append(f"[[deliver]] number {number}: {file} is the name of a file of lsbc's own; give another one")
            continue
        try:
            if "{year}" not in file and not is_series(to):
                problems.append(f"[[deliver]] number {number}: every year would be written to {file}; put {{year}} into the name")
                continue
            found.append(DeliverConfig(to, file, options_of(to, {key: value for key, value in entry.items() if key not in ("to", "file")}, base)))
        except ConfigError as error:
            problems.append(f"[[deliver]] number {number}: {str(error).rstrip('.')}")
    if len({delivery.file for delivery in found}) < len(found):
        problems.append("two [[deliver]] tables write the same file")
    return tuple(found)
