"""Files of built engines, found again by everything they hang on. Knows bytes and hashes, no library and no ranks.

Beside each engine lies a small index file with its key and the engine's sha256. An engine whose bytes are not those is as good as none: it is never
loaded, for loading runs what is in it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from lsbc.regrid.atomic import make_folder, whole_file
from lsbc.regrid.errors import ConfigError, FileError

logger = logging.getLogger(__name__)


class Engine(NamedTuple):
    """A built engine and the one input shape it takes, (n, channel, rows, columns)."""

    shape: tuple[int, int, int, int]
    content: bytes


def cache_folder(configured: Path | None) -> Path:
    """Where engines are kept: model.cache, else `lsbc` in the user's cache directory.

    Raises:
        ConfigError: others may write there, so they could leave an engine; the superuser may.
    """
    folder = configured or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lsbc"
    if folder.is_dir():
        found = folder.stat()
        if found.st_mode & (stat.S_IWOTH | stat.S_IWGRP):
            raise ConfigError(f"model.cache = {folder} may be written by {'everybody' if found.st_mode & stat.S_IWOTH else 'its group'}, and engines are programs: "
                              "take write permission from others (chmod go-w).")
        if found.st_uid not in (0, os.geteuid()):
            raise ConfigError(f"model.cache = {folder} belongs to user {found.st_uid}, and engines are programs: name a directory of your own.")
    return folder


def read_engine(folder: Path, key: Mapping[str, str]) -> bytes | None:
    """The engine of a key; None where there is none, or where it is damaged or another's, which is logged."""
    engine, index = _paths(folder, key)
    try:
        entry, content = json.loads(index.read_text(encoding="utf-8")), engine.read_bytes()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.warning("engine %s cannot be read and is built again: %s", engine, error)
        return None
    if not isinstance(entry, dict) or entry.get("key") != dict(key) or entry.get("sha256") != hashlib.sha256(content).hexdigest():
        logger.warning("engine %s is not the one that its index names, and is built again", engine)
        return None
    return content


def write_engine(folder: Path, key: Mapping[str, str], content: bytes) -> None:
    """Keep an engine; where that fails the run goes on without, and the log says so."""
    engine, index = _paths(folder, key)
    try:
        if not folder.is_dir():
            make_folder(folder)
            folder.chmod(stat.S_IRWXU)  # whatever the umask: `cache_folder` must take it next time
        with whole_file(engine) as path:
            path.write_bytes(content)
        with whole_file(index) as path:
            path.write_text(json.dumps({"sha256": hashlib.sha256(content).hexdigest(), "key": dict(key)}, indent=1), encoding="utf-8")
    except (FileError, OSError) as error:
        logger.warning("the engine is not kept for the next run: %s", error)


def _paths(folder: Path, key: Mapping[str, str]) -> tuple[Path, Path]:
    name = hashlib.sha256(json.dumps(dict(key), sort_keys=True).encode()).hexdigest()[:32]
    return folder / f"{name}.engine", folder / f"{name}.json"
