"""The directory that an instance writes its files to: its own as long as the instance lives. Knows nothing of what is written."""

from __future__ import annotations

import fcntl
import logging
from pathlib import Path

from lsbc.regrid.atomic import make_folder
from lsbc.regrid.errors import ConfigError, FileError

logger = logging.getLogger(__name__)

MARK = ".lsbc_in_use"
"""Locked while an instance writes here; the system frees it when the process ends, however it ends."""


class OutputFolder:
    """A directory, made where it is not there, and locked against other instances of this or another process.

    Raises:
        ConfigError: another instance writes there.  FileError: it cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        make_folder(path)
        self._mark = path / MARK
        try:
            self._file = self._mark.open("a")
        except OSError as error:
            raise FileError(f"Directory {path} cannot be written: {error.strerror or error}.") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise ConfigError(f"output.directory {path} is in use by another instance of lsbc, whose files this one would overwrite; "
                              "give each instance a directory of its own.") from error
        except OSError as error:  # a file system without locks
            logger.debug("%s cannot be locked: %s", path, error)

    def close(self) -> None:
        """Give the directory free; more than once does no harm."""
        if not self._file.closed:
            self._mark.unlink(missing_ok=True)
            self._file.close()
