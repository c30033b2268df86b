"""Writes years of a Zarr store, each as a whole: chunks are prepared beside the store and moved in. Knows files and renames; no grid and no land use.

Beside STORE is `.STORE.part` while a year is being written:
    chunks/        a store of that one year; `progress.json` lists the chunks that are finished, and what they are for
    objects/       the metadata as they will be; `store/` the whole store where there is none yet
    commit.json    the renames still to be done; once it is there, the next run does them before anything else
Readers see a year when the consolidated metadata of the root say so: theirs is the last of the renames.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.hosts.zarr_plan import StorePlan, create_arrays, metadata, years_of, zarr_library
from lsbc.regrid.atomic import make_folder, whole_file
from lsbc.regrid.errors import FileError, YearError

logger = logging.getLogger(__name__)


class YearWriter:
    """The writing of one year, from the first chunk to the renames. Use `writing_year`."""

    def __init__(self, path: Path, plan: StorePlan, record: dict[str, Any]) -> None:
        self.path, self.plan, self._part = path, plan, part_of(path)
        records = years_of(path, plan)
        years = [entry["year"] for entry in records]
        if record["year"] not in years and years and record["year"] < years[-1]:
            raise YearError(f"Store {path} ends with {years[-1]}; year {record['year']} is not in it and cannot be put before: write years in their order, "
                            "or to another store.")
        self._position = years.index(record["year"]) if record["year"] in years else len(years)
        self._records = [*records[:self._position], record, *records[self._position + 1:]]
        self._request = json.loads(json.dumps({"layout": plan.layout, "record": record, "position": self._position}))
        self._begin()

    def _begin(self) -> None:
        """Go on with what a stopped run left, if that was to become the same."""
        self.done: list[int] = []
        self.counts: dict[str, int] = {}
        chunks, filled = self._part / "chunks", [array for array in self.plan.arrays if array.filled]
        with suppress(OSError, ValueError, KeyError, TypeError):
            state = json.loads((self._part / "progress.json").read_text(encoding="utf-8"))
            if state["request"] == self._request:
                group = zarr_library().open_group(str(chunks), mode="r+", zarr_format=self.plan.zarr_format)
                self._arrays = {array.name: group[array.name] for array in filled}
                self.done, self.counts = state["done"], state["counts"]
        if self.done:
            for torn in chunks.rglob("*.partial"):
                torn.unlink()
            return
        _empty(self._part)
        group = zarr_library().open_group(str(chunks), mode="w", zarr_format=self.plan.zarr_format)
        create_arrays(group, self.plan, 1, filled)
        self._arrays = {array.name: group[array.name] for array in filled}

    def put(self, chunk: int, values: Mapping[str, np.ndarray] | None, counts: Mapping[str, int]) -> None:
        """Write one chunk of cells of every array, (..., n_cell of the chunk) each, and note it as finished; None: it has no data."""
        for name, added in counts.items():
            self.counts[name] = self.counts.get(name, 0) + added
        self.done.append(chunk)
        if values is None:
            return
        for array in self.plan.arrays:
            if array.filled:
                n_cell = array.chunks[-1]
                self._arrays[array.name][0, ..., chunk * n_cell: (chunk + 1) * n_cell] = values[array.name]
                _sync(self._part / "chunks" / self.plan.year_folder(array, 0) / "/".join(["0"] * (len(array.shape) - 1) + [str(chunk)]))
        with whole_file(self._part / "progress.json") as temporary:
            temporary.write_text(json.dumps({"request": self._request, "done": self.done, "counts": self.counts}), encoding="utf-8")

    def discard(self) -> None:
        """Forget what was written: it is not to become a year."""
        (self._part / "progress.json").unlink(missing_ok=True)

    def commit(self) -> None:
        """Move the year into the store."""
        objects = self._part / "objects"
        shutil.rmtree(objects, ignore_errors=True)
        if not self.path.exists():
            self._make_store()
        renames: list[list[str | None]] = []
        for array in self.plan.arrays:
            if array.filled:
                chunks = f"chunks/{self.plan.year_folder(array, 0)}"
                renames.append([chunks if (self._part / chunks).is_dir() else None, self.plan.year_folder(array, self._position)])
        for key, content in metadata(self.plan, self._records):
            (objects / key).parent.mkdir(parents=True, exist_ok=True)
            (objects / key).write_bytes(content)
            _sync(objects / key)
            renames.append([f"objects/{key}", key])
        with whole_file(self._part / "commit.json") as temporary:
            temporary.write_text(json.dumps(renames), encoding="utf-8")
        finish_commit(self.path)

    def _make_store(self) -> None:
        """The fixed arrays of a new store."""
        store = self._part / "store"
        shutil.rmtree(store, ignore_errors=True)
        group = zarr_library().open_group(str(store), mode="w", zarr_format=self.plan.zarr_format)
        create_arrays(group, self.plan, 0, self.plan.arrays)
        for array in self.plan.arrays:
            if array.values is not None:
                group[array.name][...] = array.values()
        for file in store.rglob("*"):
            _sync(file)


@contextmanager
def writing_year(path: Path, plan: StorePlan, record: dict[str, Any]) -> Iterator[YearWriter]:
    """A writer of the year `record["year"]`; the record names all that decides its content. What is finished stays for the next run after a failure.

    Raises:
        FileError: the folder cannot be written (disk full), or another process writes this store.  ConfigError, YearError: the store does not take the year.
    """
    part = part_of(path)
    if not path.parent.is_dir():
        raise FileError(f"Store {path} could not be written: directory {path.parent} does not exist.")
    make_folder(part)
    try:
        with _locked(part, path), _cleared_up(part):
            if (part / "commit.json").exists():
                finish_commit(path)
            yield YearWriter(path, plan, record)
    except OSError as error:
        raise FileError(f"Store {path} could not be written: {error}. What is finished of year {record['year']} is kept in {part}.") from error


@contextmanager
def _cleared_up(part: Path) -> Iterator[None]:
    """Leave the folder only where there is something to go on with."""
    try:
        yield
    finally:
        if not any((part / name).exists() for name in ("progress.json", "commit.json")):
            shutil.rmtree(part, ignore_errors=True)


def part_of(path: Path) -> Path:
    """The folder in which a year of the store is prepared."""
    return path.with_name(f".{path.name}.part")


def finish_commit(path: Path) -> None:
    """Do the renames of `commit.json` that are not done yet, in its order, and clear up; what was to change a store that is gone is dropped."""
    part = part_of(path)
    target = path if path.exists() else part / "store"
    if target.is_dir():
        renames = json.loads((part / "commit.json").read_text(encoding="utf-8"))
        (part / "progress.json").unlink(missing_ok=True)
        n_chunk = sum(source is None or source.startswith("chunks/") for source, _ in renames)
        for some in (renames[:n_chunk], renames[n_chunk:]):  # all chunks are on the disk before the metadata tell of them
            for source, name in some:
                _rename(None if source is None else part / source, target / name, part / "old" / name)
            for folder in {(target / name).parent for _, name in some}:
                _sync(folder)
        if target != path:
            os.rename(target, path)
        _sync(path.parent)
    _empty(part)


def _empty(part: Path) -> None:
    """What says that there is something to go on with goes first."""
    for name in ("progress.json", "commit.json"):
        (part / name).unlink(missing_ok=True)
    for left in part.iterdir():
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink()


def _rename(source: Path | None, target: Path, aside: Path) -> None:
    """Rename a file or a folder over what is there, unless it has been done; with no source, only put the folder aside that is there."""
    if source is not None and not source.exists():
        return
    if target.is_dir():
        shutil.rmtree(aside, ignore_errors=True)
        aside.parent.mkdir(parents=True, exist_ok=True)
        os.rename(target, aside)
    if source is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)


def _sync(path: Path) -> None:
    """Bring a file or the entries of a folder to the disk; nothing where it does not exist (a chunk without values)."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(part: Path, path: Path) -> Iterator[None]:
    """Hold the folder against other processes; the system frees it when this one ends, however it ends."""
    handle = os.open(part, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileError(f"Store {path} is being written by another process: write its years one after the other.") from error
        except OSError as error:  # a file system without locks
            logger.debug("%s cannot be locked: %s", part, error)
        yield
    finally:
        os.close(handle)
