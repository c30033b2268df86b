"""What a replay is asked for: its years, and its configuration, which is the recorded one or another, with single keys changed.

Opens nothing that a configuration names.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from datetime import date, time
from pathlib import Path
from typing import Any, get_args, get_type_hints

from lsbc.emulator.config import SHIPPED, Config
from lsbc.emulator.record_file import Header
from lsbc.emulator.surface_settings import TABLES, resolved
from lsbc.regrid.errors import ConfigError


def replay_config(header: Header, config: Path | None, settings: list[str], folder: Path) -> Path:
    """Path of the configuration to replay with, written into `folder` where it is not `config` itself.

    Relative paths of the recorded configuration count from where it was, those in `settings` from the working directory.
    The recorded `output.directory` is left out, so that a replay writes no files, and `[[deliver]]` of any configuration that is changed.

    Args:
        config: takes the place of the recorded configuration.  settings: words "section.key=value".
    Raises:
        ConfigError: `config` cannot be read, or a word of `settings` is not of that form.
    """
    if config is not None and not settings:
        return config.absolute()
    source = config.absolute() if config else Path(header.config_path)
    text = header.config_text if config is None else _text_of(source)
    path = folder / "replay.toml"
    table = _table_of(text)
    if table is None:
        if settings:
            raise ConfigError(f"--set cannot change {source}: it is not valid TOML; give a mended one with --config.")
        path.write_text(text, encoding="utf-8")
        return path
    _make_absolute(table, source.parent)
    table.pop("deliver", None)
    if config is None and isinstance(table.get("output"), dict):
        table["output"].pop("directory", None)
    for word in settings:
        section, key, value = _setting(word)
        changed = {section: {key: value}}
        _make_absolute(changed, Path.cwd())
        if not isinstance(table.setdefault(section, {}), dict):
            raise ConfigError(f"--set cannot change {section}.{key}: {source} has '{section}' as a single value.")
        table[section][key] = changed[section][key]
    path.write_text(_toml(table), encoding="utf-8")
    return path


def parse_years(text: str) -> tuple[int | None, int | None]:
    """First and last year of "A:B", "A:", ":B" or "A"."""
    match = re.fullmatch(r"(-?\d+)?(:)?(-?\d+)?", text)
    if not match or not text or (match[3] and not match[2]):
        raise ConfigError(f"--years takes FIRST:LAST, either may be left out, got '{text}'.")
    first = int(match[1]) if match[1] else None
    last = int(match[3]) if match[3] else (None if match[2] else first)
    if first is not None and last is not None and last < first:
        raise ConfigError(f"--years takes FIRST:LAST, the last not before the first, got '{text}'.")
    return first, last


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}).") from error


def _table_of(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def path_keys() -> set[tuple[str, str]]:
    """Section and key of everything in a configuration that is a path."""
    found = {("model", "artefact")}  # or the name of a shipped one
    for section, hint in get_type_hints(Config).items():
        for kind in filter(dataclasses.is_dataclass, get_args(hint) or (hint,)):
            found |= {(section, key) for key, inner in get_type_hints(kind).items() if Path in (get_args(inner) or (inner,))}
    return found


def _make_absolute(table: dict[str, Any], base: Path) -> None:
    for section, key in path_keys():
        values = table.get(section)
        value = values.get(key) if isinstance(values, dict) else None
        if isinstance(value, str) and value and not value.startswith(SHIPPED):
            values[key] = str(base / value)
    surface = table.get("surface")
    for key in TABLES if isinstance(surface, dict) else ():
        if isinstance(surface.get(key), str):
            surface[key] = resolved(surface[key], base)


def _setting(word: str) -> tuple[str, str, Any]:
    name, equals, value = word.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise ConfigError(f"--set takes section.key=value, such as data.fine=fine.nc, got '{word}'.")
    try:
        parsed = tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        parsed = value
    return section, key, parsed


def _toml(table: dict[str, Any]) -> str:
    lines = [f"{json.dumps(key)} = {_value(value)}" for key, value in table.items() if not isinstance(value, dict)]
    for section, values in table.items():
        if isinstance(values, dict):
            lines += [f"[{json.dumps(section)}]", *(f"{json.dumps(key)} = {_value(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """A value as TOML writes it, arrays and tables on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {_value(inner)}' for key, inner in value.items())}}}"
    if isinstance(value, (date, time)):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
