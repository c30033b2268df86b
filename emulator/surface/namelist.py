"""Fortran namelist groups as they stand in hosts' table files: numbers, strings and the comments above them. Knows no quantities and no classes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from lsbc.regrid.errors import FileError

_ASSIGNMENT = re.compile(r"\s*([A-Za-z]\w*(?:\([^)]*\))?)\s*=(.*)")
_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|[^\s,]+|,")


@dataclass
class Entry:
    """One assignment: its 1-based line, values as written (strings without quotes), and the comment of its own line."""

    line: int
    values: list[str]
    comment: str = ""


@dataclass
class Group:
    """One `&name ... /` group; `comments` are (line, text) of lines that hold nothing else. Names are upper case."""

    name: str
    line: int
    entries: dict[str, Entry] = field(default_factory=dict)
    comments: list[tuple[int, str]] = field(default_factory=list)


def read_groups(path: str | Path) -> dict[str, Group]:
    """All groups of a file, by lower-case name.

    Raises:
        FileError: the file cannot be read, a group is not closed, or a line is neither assignment nor continuation; with the line.
    """
    groups: dict[str, Group] = {}
    group, entry = None, None
    for number, line in enumerate(lines_of(path), start=1):
        text, comment = _split_comment(line)
        stripped = text.strip()
        if group is None:
            if stripped.startswith("&"):
                group, entry = Group(stripped[1:].lower(), number), None
                if not re.fullmatch(r"[a-z]\w*", group.name):
                    raise FileError(f"{path}, line {number}: a group must start with its name alone, got '{stripped[:40]}'.")
            continue
        if stripped in ("/", "&end", "&END"):
            groups[group.name] = group
            group = None
        elif stripped.endswith("/"):
            raise FileError(f"{path}, group &{group.name}, line {number}: the closing '/' must stand in a line of its own.")
        elif not stripped:
            if comment:
                group.comments.append((number, comment))
        elif match := _ASSIGNMENT.fullmatch(text):
            entry = group.entries[match.group(1).upper()] = Entry(number, _values(match.group(2), path, number), comment)
        elif entry is not None:
            entry.values += _values(text, path, number)
        else:
            raise FileError(f"{path}, group &{group.name}, line {number}: expected NAME = values, got '{stripped[:40]}'.")
    if group is not None:
        raise FileError(f"{path}: group &{group.name}, begun in line {group.line}, is not closed by '/'.")
    return groups


def lines_of(path: str | Path) -> list[str]:
    """Lines of a host's table file; FileError where it cannot be read or is no text."""
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"Table file {path} cannot be read: {error}.")


def number_of(token: str) -> float | None:
    """A Fortran number (also 1.d3, 3.E4, .5), or None where `token` is none."""
    try:
        value = float(re.sub("[dD]", "e", token))
    except ValueError:
        return None
    return value if value - value == 0.0 else None  # neither nan nor inf


def _split_comment(line: str) -> tuple[str, str]:
    quote = ""
    for place, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "!":
            return line[:place], line[place + 1:].strip()
    return line, ""


def _values(text: str, path: str | Path, number: int) -> list[str]:
    values, after_value = [], False
    for token in _TOKEN.findall(text):
        if token == ",":
            if not after_value:
                raise FileError(f"{path}, line {number}: two commas without a value between them (a null value keeps what the host had; lsbc has nothing).")
            after_value = False
            continue
        count, star, value = token.partition("*")
        repeats = int(count) if star and count.isdigit() else 1
        values += [value if star and count.isdigit() else token.strip("'\"")] * repeats
        after_value = True
    return values
