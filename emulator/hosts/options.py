"""Options of a writer: a frozen dataclass, filled from a TOML table or a command line, unknown and missing ones refused. Knows no writer.

    @dataclass(frozen=True, kw_only=True)
    class Options:
        template: Path = option("the geo_em file to update")
        fold_lakes: bool = option("write lakes as class 17", default=False)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

_WORDS = {Path: "a path", str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


class OptionsError(Exception):
    """What is wrong with the options, without the writer's name."""


def option(help_text: str, default: Any = dataclasses.MISSING, choices: tuple[str, ...] = ()) -> Any:
    """A field of `Options`; without a default it must be given."""
    return dataclasses.field(default=default, metadata={"help": help_text, "choices": choices})


def kind_of(options: type, name: str) -> type:
    """Type of one option, that of `Path | None` being Path."""
    hint = get_type_hints(options)[name]
    return hint if hint in _WORDS else next(kind for kind in hint.__args__ if kind is not type(None))


def read_options(options: type, given: Mapping[str, Any], base: Path) -> Any:
    """An instance of `options`; raises OptionsError telling all that is wrong. Paths, and texts that end in .toml (a table of one's own), are relative to `base`."""
    fields = {field.name: field for field in dataclasses.fields(options)}
    problems = [f"unknown option {name}; there are {', '.join(fields)}" for name in given if name not in fields]
    values = {}
    for name, field in fields.items():
        if name in given:
            kind, value = kind_of(options, name), given[name]
            if kind is Path and isinstance(value, (str, Path)) and str(value):
                value = base / value
            elif kind is str and isinstance(value, str) and value.endswith(".toml"):
                value = str(base / value)
            elif kind is float and type(value) is int:
                value = float(value)
            if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
                problems.append(f"{name} must be {_WORDS[kind]}, got {given[name]!r}")
            elif (choices := field.metadata.get("choices")) and value not in choices:
                problems.append(f"{name} must be one of {', '.join(choices)}, got {value!r}")
            values[name] = value
        elif field.default is dataclasses.MISSING:
            problems.append(f"{name} is missing ({field.metadata.get('help', '')})")
    if problems:
        raise OptionsError("; ".join(problems))
    return options(**values)
