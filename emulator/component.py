"""The coupled component as a host sees it: create, set the grid, set fields, step years, get fields, restart, close.

Owns the life cycle and the order of calls; every stage of a year lives in `step`.
"""

from __future__ import annotations

import logging
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.artefact import Artefact, locate, read_artefact
from lsbc.emulator.boundary import Tables
from lsbc.emulator.climate import climate_of, known_climate, zone_of_cells
from lsbc.emulator.config import Config, load_config
from lsbc.emulator.engines import make_tiles
from lsbc.emulator.fields import CLIMATE_INPUTS, INPUTS, FieldInfo
from lsbc.emulator.lent import Lent, lend
from lsbc.emulator.output_folder import OutputFolder
from lsbc.emulator.plan import Plan, build_plan
from lsbc.emulator.reader import FineFile
from lsbc.emulator.restart import read_restart, write_restart
from lsbc.emulator.seasonal import level_count, month_lengths, split_name, view
from lsbc.emulator.seat import Seat, take_seat
from lsbc.emulator.share import RankTiles
from lsbc.emulator.state import State
from lsbc.emulator.step import Settings, first_coverage, publish, require_coverage, run_year, tile_statics
from lsbc.emulator.transitions import INFO as TRANSITIONS
from lsbc.emulator.windows import plan_summary
from lsbc.emulator.year_output import YearOutput, table_facts
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import FieldError, LsbcError, StateError, ValueRangeError, YearError
from lsbc.regrid.host_cells import HostCells

logger = logging.getLogger(__name__)


class Component:
    """One instance of lsbc on one rank; instances share nothing.

    `create`, `set_grid`, `step_year`, `write_restart`, `read_restart` and `close` are collective: all ranks
    call them together and get the same result or the same error. `set_field` and `get_field` are local.
    """

    def __init__(self, comm: Comm, config: Config, artefact: Artefact, seat: Seat, tables: Tables, folder: OutputFolder | None):
        self._comm, self._config, self._artefact = comm, config, artefact
        self._folder = folder
        self._tiles: RankTiles | None = None
        self._seat = seat
        self._settings = Settings(tables, config.output.min_coverage, config.allocation.enabled, config.surface.transitions)
        self._outputs = (*tables.outputs, *([TRANSITIONS] if config.surface.transitions else []))
        self._infos = {info.name: info for info in (*INPUTS, *CLIMATE_INPUTS, *self._outputs)}
        self._files = YearOutput(comm, config, artefact, {"source": f"lsbc {version('lsbc')}", **seat.facts, **table_facts(tables.classes, tables)})
        self._lent: dict[str, Lent] = {}
        self._plan: Plan | None = None
        self._zone, self._known_climate = np.zeros(0, np.int64), {}
        self._state: State | None = None
        self.last_seconds: dict[str, float] = {}
        """This rank's seconds by stage in the last year."""
        self._closed = False

    @classmethod
    def create(cls, config_path: str | Path, comm: Comm) -> Component:
        """Read the configuration and load the model on this rank's device (collective).

        The instance owns `comm` and frees it in `close`.

        Raises:
            ConfigError (also where another instance writes to output.directory), ModelError, StartupError, DeviceError, FileError: on all ranks.
        """

        def load() -> tuple[Config, Artefact, Tables]:
            config = load_config(config_path)
            artefact = read_artefact(locate(config.model.artefact, config.source.parent), config.model.sha256)
            FineFile(config.data.fine, artefact.fine).close()  # a wrong path or lattice shows here, not after the host has made its grid
            tables = config.surface.build(config.source.parent)
            if config.output.directory is not None and comm.rank == 0:
                folders.append(OutputFolder(config.output.directory))
            return config, artefact, tables

        folders: list[OutputFolder] = []
        try:
            config, artefact, tables = agree(comm, load)
            return cls(comm, config, artefact, take_seat(comm, config.model, artefact), tables, *(folders or [None]))
        except LsbcError:
            for folder in folders:
                folder.close()
            comm.free()
            raise

    @property
    def fields(self) -> tuple[FieldInfo, ...]:
        """The field contract, inputs first."""
        return tuple(self._infos.values())

    @property
    def year(self) -> int | None:
        """The host's last year that was committed, None before the first."""
        return self._state.year - self._config.time.lead_years if self._state else None

    def set_grid(self, global_id: np.ndarray, lon_deg: np.ndarray, lat_deg: np.ndarray, vertex_lon_deg: np.ndarray,
                 vertex_lat_deg: np.ndarray, owned: np.ndarray) -> None:
        """Tell lsbc this rank's cells, owned and halo (collective, once).

        Args:
            global_id: (n_cell,) unique over all ranks' owned cells.  lon_deg, lat_deg: centres.
            vertex_lon_deg, vertex_lat_deg: (n_cell, n_vertex) corners; edges as in the
                configuration's grid.edges, great circles by default.
            owned: nonzero where the cell is this rank's own; halo cells must be owned by another rank.
        Raises:
            StateError, GridError, FileError: on all ranks.
        """
        self._require(None)
        comm = self._comm

        def prepare() -> tuple[HostCells, FineFile]:
            if self._plan is not None:
                raise StateError("set_grid was called twice; make a new instance for a new grid.")
            cells = HostCells(global_id, lon_deg, lat_deg, vertex_lon_deg, vertex_lat_deg, np.asarray(owned) != 0, self._config.grid.edges)
            return cells, FineFile(self._config.data.fine, self._artefact.fine)

        cells, fine_file = agree(comm, prepare)
        try:
            plan = build_plan(comm, cells, self._config.grid.edges, self._artefact, fine_file, self._seat.limits)
            zone = zone_of_cells(comm, plan, fine_file)
        finally:
            fine_file.close()
        known = agree(comm, known_climate, self._config.surface.climate, cells)
        coverage = first_coverage(comm, plan)
        if self._config.output.uncovered_cells == "error":
            agree(comm, require_coverage, plan, coverage, self._config.output.min_coverage, fine_file.box)
        tiles = make_tiles(comm, self._seat, self._config.model, self._artefact, plan, self._settings.allocation)
        try:
            tiles.load(tile_statics(plan))
        except LsbcError:
            tiles.close()
            raise
        self._plan, self._tiles, self._zone, self._known_climate = plan, tiles, zone, known
        network_of_rank = np.array(comm.allgather(self._seat.group.bcast(comm.rank)))
        work = plan_summary(plan.domain.windows, plan.domain.cells_wanted, plan.domain.cut, network_of_rank[plan.owner])
        logger.info("grid: %d cells, %d tiles of %d x %d on %d ranks; the network computes %.2f cells in %d windows of %d sizes for each that may change",
                    sum(comm.allgather(len(plan.owned))), len(plan.all_tiles), plan.tiles.core, plan.tiles.core, comm.size, work.ratio, work.n_window, work.n_shape)

    def set_field(self, name: str, values: Any, npromz: int = 0, level_axis: int | None = None) -> None:
        """Lend an array to lsbc, on all cells passed to `set_grid`; the array itself is kept.

        An input is read at each `step_year` (a climate also by `read_restart`); an output is filled, in its own floating-point type, at once if
        there is a good year, and by each `step_year` and `read_restart` that succeeds. A refused array also forgets the one lent before, so that
        no year is made from old values. Fields of months may be lent as 12 months, 52 weeks, or `name@day` (`seasonal`).

        Args:
            values, npromz, level_axis: as in `lent.lend`.
        Raises:
            FieldError, DeviceError, StateError: on this rank.  ValueRangeError: the last good year has no such day, or no such weeks.
        """
        plan = self._require("set_field")
        self.forget_field(name)
        info, lent = self._lend(plan, name, "", values, npromz, level_axis)
        if info.direction == "out" and self._state is not None:
            lent.fill(self._view(name, lent.n_level, self._state))
        self._lent[name] = lent

    def _lend(self, plan: Plan, name: str, direction: str, values: Any, npromz: int, level_axis: int | None) -> tuple[FieldInfo, Lent]:
        info, day = self._info(name, direction)
        n_level = level_count(info, tuple(values.shape) if hasattr(values, "shape") else np.shape(values), day is not None, npromz, level_axis)
        lent = lend(name, values, n_level, len(plan.cells.global_id), self._comm.rank, npromz, level_axis)
        if info.direction == "out" and not lent.is_writable:
            raise FieldError(f"Field '{name}' is an output, but the array lent for it on rank {self._comm.rank} cannot be written.")
        return info, lent

    def forget_field(self, name: str) -> None:
        """Drop a lent array; for an input `step_year` then says that it was never set."""
        self._lent.pop(name, None)

    def _info(self, name: str, direction: str = "") -> tuple[FieldInfo, int | None]:
        base, day = split_name(name, self._config.time.calendar)
        info = self._infos.get(base)
        if info is None or direction not in ("", info.direction):
            names = ", ".join(i.name for i in self._infos.values() if direction in ("", i.direction))
            raise FieldError(f"Field '{name}' is not an {'output' if direction else 'input or output'}; there are {names}.")
        return info, day

    def _view(self, name: str, n_level: int, state: State) -> np.ndarray:
        """An output as an array of the host's wants it; ValueRangeError where the year has no such day or weeks."""
        base, day = split_name(name)
        try:
            return view(base, state.fields[base], n_level, day, month_lengths(self._config.time.calendar, state.year))
        except ValueRangeError as error:
            raise ValueRangeError(f"Field '{name}', year {state.year}, calendar '{self._config.time.calendar}', rank {self._comm.rank}: {error}") from error

    def step_year(self, year: int) -> None:
        """Advance to `year` (collective): the start year first, then one year at a time; the year already reached is a no-op.

        Raises:
            YearError, FieldError, ValueRangeError, FileError, InternalError: on all ranks, and the last year stays valid.
        """
        lead = self._config.time.lead_years
        if self._state is not None and year + lead == self._state.year and not self._closed:
            return
        plan = self._require("step_year")
        agree(self._comm, self._check_year, year)
        began = time.perf_counter()
        inputs = agree(self._comm, self._read_inputs, (*INPUTS, *CLIMATE_INPUTS))
        climate = climate_of(self._comm, plan, self._zone, self._known_climate, inputs)
        state, seconds = run_year(self._comm, plan, self._tiles, self._settings, self._state, inputs, climate, year + lead)
        views = agree(self._comm, self._views, state)  # before any file: a year whose outputs cannot be made leaves none
        before_output = time.perf_counter()
        self._files.write(plan, state, self._outputs)
        seconds["output"] = time.perf_counter() - before_output
        seconds["total"] = time.perf_counter() - began
        self._files.summarise(plan, state, seconds, len(plan.local))
        self._commit(state, views)
        self.last_seconds = seconds

    def _read_inputs(self, infos: tuple[FieldInfo, ...]) -> dict[str, np.ndarray]:
        return {info.name: self._lent[info.name].read() for info in infos if info.name in self._lent}

    def _views(self, state: State) -> dict[str, np.ndarray]:
        return {name: self._view(name, lent.n_level, state) for name, lent in self._lent.items() if self._info(name)[0].direction == "out"}

    def _commit(self, state: State, views: dict[str, np.ndarray]) -> None:
        """Fill the lent outputs and make `state` the last good year (collective); devices come first, because only they can fail."""
        for in_host_memory in (False, True):
            agree(self._comm, self._fill_outputs, views, in_host_memory)
        self._state = state

    def _fill_outputs(self, views: dict[str, np.ndarray], in_host_memory: bool) -> None:
        for name, values in views.items():
            if isinstance(self._lent[name].memory, np.ndarray) is in_host_memory:
                self._lent[name].fill(values)

    def _check_year(self, year: int) -> None:
        if self.year is None:
            if year != self._config.time.start_year:
                raise YearError(f"The first year is {self._config.time.start_year} (time.start_year), got {year}; any other needs a restart to be read first.")
        elif year != self.year + 1:
            raise YearError(f"Year {self.year} was the last; the next is {self.year + 1}, got {year}.")

    def get_field(self, name: str, out: Any, npromz: int = 0, level_axis: int | None = None) -> None:
        """Fill an array with an output field of the last committed year; it is not kept.

        Args:
            out, npromz, level_axis: as in `lent.lend`.
        Raises:
            FieldError, DeviceError, StateError: on this rank; `out` is untouched.  ValueRangeError: the year has no such day, or no such weeks.
        """
        plan = self._require("get_field")
        self._info(name, "out")
        if self._state is None:
            raise StateError(f"Field '{name}' is not there before the first step_year.")
        lent = self._lend(plan, name, "out", out, npromz, level_axis)[1]
        lent.fill(self._view(name, lent.n_level, self._state))

    def write_restart(self, path: str | Path) -> None:
        """Write the state to one file (collective); reading it back gives the same bits on any number of ranks."""
        plan = self._require("write_restart")
        if self._state is None:
            raise StateError("There is no state to write before the first step_year.")
        write_restart(self._comm, plan, self._artefact, self._state, Path(path))

    def read_restart(self, path: str | Path) -> None:
        """Take the state from a file (collective); the next year is the file's year + 1. A climate that the fields need must be lent before.

        Raises:
            RestartError, ValueRangeError: on all ranks; the state stays what it was.
        """
        plan = self._require("read_restart")
        saved = read_restart(self._comm, plan, self._artefact, Path(path))
        climate = climate_of(self._comm, plan, self._zone, self._known_climate, agree(self._comm, self._read_inputs, CLIMATE_INPUTS))
        state = publish(self._comm, plan, self._settings, climate, saved)
        self._commit(state, agree(self._comm, self._views, state))
        self._files.restarted()

    def close(self) -> None:
        """Give everything back (collective); closing twice is harmless."""
        if not self._closed:
            self._closed = True
            if self._tiles is not None:
                self._tiles.close()
            self._seat.close()
            if self._folder is not None:
                self._folder.close()
            self._plan, self._tiles, self._state, self._lent = None, None, None, {}
            self._comm.free()

    def _require(self, call: str | None) -> Plan:
        if self._closed:
            raise StateError("This instance was closed.")
        if call is not None and self._plan is None:
            raise StateError(f"{call} came before set_grid.")
        return self._plan  # type: ignore[return-value]
