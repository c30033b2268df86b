"""Files that are either whole or not there: temporary name, fsync, rename. Knows no format."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lsbc.regrid.errors import FileError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; on leaving without an error it becomes `path`, otherwise it is removed.

    Raises:
        FileError: the directory is missing or cannot be written, the disk is full, or the rename fails.
    """
    if not path.name:
        raise FileError(f"'{path}' is not the name of a file.")
    if path.is_dir():
        raise FileError(f"File {path} could not be written: it is a directory.")
    if not path.parent.is_dir():
        raise FileError(f"File {path} could not be written: directory {path.parent} does not exist.")
    temporary = path.with_name(f".{path.name}.part")
    try:
        yield temporary
        with open(temporary, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except (OSError, RuntimeError) as error:
        raise FileError(f"File {path} could not be written: {error}.") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Make a directory and those above it; raises FileError where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"Directory {path} could not be made: {error.strerror or error}.") from error
