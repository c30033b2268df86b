"""Stands between a host and its component and records what they exchange, one file a rank and instance.

A record never changes a run: nothing here is collective, results and errors pass through, and a file that cannot be
written ends the recording of its rank with a warning. Knows no NetCDF and no land use.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.lent import lend
from lsbc.emulator.record_file import GRID_ARRAYS, NO_YEAR, Call, Header, RecordError, RecordWriter, entry, file_name, listed_names, restart_content
from lsbc.emulator.seasonal import level_count
from lsbc.regrid.comm import Comm
from lsbc.regrid.errors import LsbcError, Status

logger = logging.getLogger(__name__)

VARIABLE = "LSBC_RECORD"
"""Environment variable with the folder; the bridge and the adapters then record every instance."""
_NEW_STATE = ("create", "set_grid", "step_year", "read_restart")
"""Calls after which the outputs are others."""


class Recorded:
    """Stands for a component class whose instances are recorded: `Recorded(Component, "rec").create("lsbc.toml", comm)`."""

    def __init__(self, component_class: Any, folder: str | Path) -> None:
        self._class, self._folder = component_class, Path(folder).absolute()

    def create(self, config_path: str | Path, comm: Comm) -> Recorder:
        """As of the class."""
        notes = Notes(comm.rank)
        notes.keep(lambda: notes.start(self._folder, Path(config_path).absolute(), comm))
        with notes.call(Call("create")):
            component = self._class.create(config_path, comm)
        return Recorder(component, notes)


def recorded_if_asked(component_class: Any) -> Any:
    """The class itself, or what stands for it where LSBC_RECORD names a folder."""
    folder = os.environ.get(VARIABLE)
    return Recorded(component_class, folder) if folder else component_class


class Notes:
    """What is written about one instance on one rank; the only place where writing may fail."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self._writer: RecordWriter | None = None
        self._state_call, self._state_number = Call("create"), 0
        """The call that left the state which the outputs show."""

    def start(self, folder: Path, config: Path, comm: Comm) -> None:
        """Claim a file for this instance: the first number that is free for this rank of these ranks of the job."""
        folder.mkdir(parents=True, exist_ok=True)
        ranks = comm.job_ranks()
        label = "" if ranks is None else "_" + hashlib.sha256(repr(ranks).encode()).hexdigest()[:6]
        for number in itertools.count(1):
            path = folder / file_name(f"{number}{label}", comm.rank)
            try:
                path.open("x").close()
                break
            except FileExistsError:
                continue
        text = config.read_text(encoding="utf-8", errors="replace") if config.is_file() else ""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        self._writer = RecordWriter(path, Header(version("lsbc"), f"{number}{label}", comm.rank, comm.size, created, str(config), text))

    def keep(self, write: Callable[[], Any]) -> Any:
        """Run something that writes or is to be written; after a failure nothing is written any more, and the run goes on."""
        try:
            return write()
        except Exception as error:
            place = f" to {self._writer.path}" if self._writer else ""
            logger.warning("rank %d: %s: recording%s has ended (%s: %s); the run goes on without it.",
                           self.rank, RecordError.__name__, place, type(error).__name__, error)
            self._writer = None
        return None

    @contextmanager
    def call(self, call: Call, states: Callable[[], dict[str, np.ndarray]] = dict, grid: Callable[[], dict[str, np.ndarray]] = dict,
             after: Callable[[Call], dict[str, np.ndarray]] | None = None) -> Iterator[None]:
        """Note a collective call before it is made, and what came of it.

        Args:
            states, grid: give what is written before.  after: amends the call that went well and gives the outputs.
        """
        number = self.keep(lambda: self._begin(call, states(), grid())) if self._writer else None
        try:
            yield
        except BaseException as error:
            call.status = int(error.status) if isinstance(error, LsbcError) else int(Status.INTERNAL)
            call.text = str(error) if isinstance(error, LsbcError) else f"{type(error).__name__}: {error}"
            self._end(number, call, None)
            raise
        call.status = int(Status.OK)
        self._end(number, call, after)

    def _begin(self, call: Call, states: dict[str, np.ndarray], grid: dict[str, np.ndarray]) -> int:
        call.states = " ".join(entry(name, array) for name, array in states.items())
        return self._writer.begin(call, states, grid)

    def _end(self, number: int | None, call: Call, after: Callable[[Call], dict[str, np.ndarray]] | None) -> None:
        def write() -> None:
            outputs = after(call) if after else {}
            call.outputs = " ".join(entry(name, array) for name, array in outputs.items())
            self._writer.end(number, call, outputs)

        if self._writer is None or number is None:
            return
        self.keep(write)
        if call.status == Status.OK and call.kind in _NEW_STATE:
            self._state_call, self._state_number = call, number

    def output(self, name: str, values: Callable[[], np.ndarray]) -> None:
        """Note a field of the state as it is now, once."""
        def write() -> None:
            array = values()
            self._state_call.outputs = f"{self._state_call.outputs} {entry(name, array)}".strip()
            self._writer.end(self._state_number, self._state_call, {name: array})

        if self._writer and name not in listed_names(self._state_call.outputs):
            self.keep(write)

    def remark(self, text: str) -> None:
        """Note a refused local call, once a year."""
        def write() -> None:
            self._state_call.remarks = f"{self._state_call.remarks}\n{text}".strip()
            self._writer.end(self._state_number, self._state_call, {})

        if self._writer and text not in self._state_call.remarks.splitlines():
            self.keep(write)

    def copy_restart(self, call: Call, path: str | Path) -> None:
        """Root keeps a copy of a restart that is about to be read: a replay needs it."""
        source = Path(path)
        if self.rank != 0 or self._writer is None or not source.is_file():
            return
        call.copy = f"{self._writer.path.stem.partition('_rank')[0]}_call{self._writer.n_call:04d}_restart.nc"
        target = self._writer.path.with_name(call.copy)
        shutil.copyfile(source, target)
        call.sha256 = file_sha256(target)

    def written_restart(self, call: Call) -> None:
        if self.rank == 0:
            call.sha256 = restart_content(call.path)


class Recorder:
    """A component that is recorded; everything but the recorded calls is the component's own."""

    def __init__(self, component: Any, notes: Notes) -> None:
        self._component, self._notes = component, notes
        self._n_cell = 0
        self._lent: dict[str, Any] = {}
        """Inputs by name."""
        self._views: dict[str, int] = {}
        """Levels of the outputs that are lent as weeks or for one day, by the name asked for: a year may fail for them alone."""
        self._wanted: list[str] = []
        """Outputs that the host has asked for or lent an array for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._component, name)

    def set_grid(self, *arrays: Any, **named: Any) -> None:
        given = dict(zip(GRID_ARRAYS, arrays)) | named
        with self._notes.call(Call("set_grid"), grid=lambda: {name: np.asarray(given[name]) for name in GRID_ARRAYS}):
            self._component.set_grid(*arrays, **named)
        self._n_cell = len(given["global_id"])

    def set_field(self, name: str, values: Any, npromz: int = 0, level_axis: int | None = None) -> None:
        """Note which array is lent; what it holds counts when a year is stepped."""
        def note() -> None:
            info = self._info(name)
            if info.direction == "in":
                self._lent[name] = lend(name, values, info.n_level, self._n_cell, self._notes.rank, npromz, level_axis)
                return
            n_level = level_count(info, tuple(values.shape) if hasattr(values, "shape") else np.shape(values), "@" in name, npromz, level_axis)
            if n_level != info.n_level:
                self._views[name] = n_level
            if info.name not in self._wanted:
                self._wanted.append(info.name)

        self._forget(name)
        self._local(f"set_field {name}", lambda: self._component.set_field(name, values, npromz, level_axis))
        self._notes.keep(note)

    def forget_field(self, name: str) -> None:
        self._forget(name)
        self._component.forget_field(name)

    def _forget(self, name: str) -> None:
        self._lent.pop(name, None)
        self._views.pop(name, None)

    def step_year(self, year: int) -> None:
        if year == self._component.year:
            self._component.step_year(year)  # nothing happens, however often a host asks
            return
        with self._notes.call(Call("step_year", year, lent=self._lent_views), states=self._states, after=self._all_wanted):
            self._component.step_year(year)

    def get_field(self, name: str, out: Any, npromz: int = 0, level_axis: int | None = None) -> None:
        self._local(f"get_field {name}", lambda: self._component.get_field(name, out, npromz, level_axis))
        field = self._info(name).name
        if field not in self._wanted:
            self._wanted.append(field)
        self._notes.output(field, lambda: self._values(field))

    def write_restart(self, path: str | Path) -> None:
        def after(call: Call) -> dict[str, np.ndarray]:
            self._notes.written_restart(call)
            return {}

        with self._notes.call(Call("write_restart", self._year, path=str(path)), after=after):
            self._component.write_restart(path)

    def read_restart(self, path: str | Path) -> None:
        call = Call("read_restart", self._year, path=str(path), lent=self._lent_views)
        self._notes.keep(lambda: self._notes.copy_restart(call, path))
        with self._notes.call(call, states=lambda: self._states(optional=True), after=self._all_wanted):
            self._component.read_restart(path)

    def close(self) -> None:
        with self._notes.call(Call("close", self._year)):
            self._component.close()

    @property
    def _year(self) -> int:
        year = self._component.year
        return NO_YEAR if year is None else year

    @property
    def _lent_views(self) -> str:
        return " ".join(f"{name}:{n_level}" for name, n_level in self._views.items())

    def _info(self, name: str) -> Any:
        """The field that is asked for; one of months stands for its weeks and days, which are made from it."""
        return next(info for info in self._component.fields if info.name == name.partition("@")[0])

    def _states(self, optional: bool = False) -> dict[str, np.ndarray]:
        """The lent inputs; `optional`: only those that need not be set, the climate, which a restart is read with."""
        return {name: lent.read().reshape(-1) for name, lent in self._lent.items() if not optional or getattr(self._info(name), "optional", False)}

    def _values(self, name: str) -> np.ndarray:
        """A field as the component has it, before it is rounded to the host's type."""
        n_level = self._info(name).n_level
        values = np.empty((n_level, self._n_cell) if n_level > 1 else self._n_cell)
        self._component.get_field(name, values)
        return values

    def _all_wanted(self, _call: Call) -> dict[str, np.ndarray]:
        return {name: self._values(name) for name in self._wanted}

    def _local(self, what: str, call: Callable[[], None]) -> None:
        try:
            call()
        except LsbcError as error:
            self._notes.remark(f"{what}: {error}")
            raise


def file_sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def run_recorded(folder: str | Path, command: list[str]) -> None:
    """Become `command`, with every instance of lsbc in it recorded in `folder`.

    Raises:
        RecordError: the folder cannot be made, holds a recording already, or the command cannot be run.
    """
    folder = Path(folder).absolute()
    if not command:
        raise RecordError("There is nothing to record: give the command that runs the host, as in lsbc record FOLDER -- mpirun -n 2 host.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.glob("instance*_rank*.nc")):
            raise RecordError(f"Folder {folder} holds a recording already; give another one, or remove it.")
        os.execvpe(command[0], command, {**os.environ, VARIABLE: str(folder)})
    except OSError as error:
        raise RecordError(f"Cannot record `{' '.join(command)}` in {folder}: {error}.") from error
