"""The coupled component as a host sees it: create, set the grid, set fields, step years, get fields, restart, close.

Owns the life cycle and the order of calls; every stage of a year lives in `step`.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.artefact import Artefact, locate, read_artefact
from lsbc.emulator.config import Config, load_config
from lsbc.emulator.engines import make_tiles
from lsbc.emulator.fields import BY_NAME, FIELDS, FILL, FieldInfo
from lsbc.emulator.lent import Lent, lend
from lsbc.emulator.output import read_history, write_host_fields, write_landuse_map, write_summary
from lsbc.emulator.output_folder import OutputFolder
from lsbc.emulator.plan import Plan, build_plan
from lsbc.emulator.reader import FineFile
from lsbc.emulator.restart import read_restart, write_restart
from lsbc.emulator.seat import Seat, take_seat
from lsbc.emulator.share import RankTiles
from lsbc.emulator.state import State
from lsbc.emulator.step import Settings, first_coverage, publish, require_coverage, run_year, tile_statics
from lsbc.emulator.surface.parameters import ClassTable, read_class_table
from lsbc.emulator.windows import plan_summary
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import FieldError, LsbcError, StateError, YearError
from lsbc.regrid.host_cells import HostCells

logger = logging.getLogger(__name__)


class Component:
    """One instance of lsbc on one rank; instances share nothing.

    `create`, `set_grid`, `step_year`, `write_restart`, `read_restart` and `close` are collective: all ranks
    call them together and get the same result or the same error. `set_field` and `get_field` are local.
    """

    def __init__(self, comm: Comm, config: Config, artefact: Artefact, seat: Seat, table: ClassTable, folder: OutputFolder | None):
        self._comm, self._config, self._artefact = comm, config, artefact
        self._folder = folder
        self._tiles: RankTiles | None = None
        self._seat = seat
        self._version = version("lsbc")
        self._settings = Settings(table, config.output.min_coverage, config.allocation.enabled)
        self._lent: dict[str, Lent] = {}
        self._plan: Plan | None = None
        self._state: State | None = None
        self._history: list[dict] | None = []
        """Years in `summary.json`; None after a restart, until the file of the part before is read."""
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

        def load() -> tuple[Config, Artefact, ClassTable]:
            config = load_config(config_path)
            artefact = read_artefact(locate(config.model.artefact, config.source.parent), config.model.sha256)
            FineFile(config.data.fine, artefact.fine).close()  # a wrong path or lattice shows here, not after the host has made its grid
            table = read_class_table()
            if config.output.directory is not None and comm.rank == 0:
                folders.append(OutputFolder(config.output.directory))
            return config, artefact, table

        folders: list[OutputFolder] = []
        try:
            config, artefact, table = agree(comm, load)
            return cls(comm, config, artefact, take_seat(comm, config.model, artefact), table, *(folders or [None]))
        except LsbcError:
            for folder in folders:
                folder.close()
            comm.free()
            raise

    @property
    def fields(self) -> tuple[FieldInfo, ...]:
        """The field contract, inputs first."""
        return FIELDS

    @property
    def year(self) -> int | None:
        """The last year that was committed, None before the first."""
        return self._state.year if self._state else None

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
        finally:
            fine_file.close()
        coverage = first_coverage(comm, plan)
        if self._config.output.uncovered_cells == "error":
            agree(comm, require_coverage, plan, coverage, self._config.output.min_coverage, fine_file.box)
        tiles = make_tiles(comm, self._seat, self._config.model, self._artefact, plan, self._settings.allocation)
        try:
            tiles.load(tile_statics(plan))
        except LsbcError:
            tiles.close()
            raise
        self._plan, self._tiles = plan, tiles
        network_of_rank = np.array(comm.allgather(self._seat.group.bcast(comm.rank)))
        work = plan_summary(plan.domain.windows, plan.domain.cells_wanted, plan.domain.cut, network_of_rank[plan.owner])
        logger.info("grid: %d cells, %d tiles of %d x %d on %d ranks; the network computes %.2f cells in %d windows of %d sizes for each that may change",
                    sum(comm.allgather(len(plan.owned))), len(plan.all_tiles), plan.tiles.core, plan.tiles.core, comm.size, work.ratio, work.n_window, work.n_shape)

    def set_field(self, name: str, values: Any, npromz: int = 0, level_axis: int | None = None) -> None:
        """Lend an array to lsbc, on all cells passed to `set_grid`; the array itself is kept.

        An input is read at each `step_year`; an output is filled, in its own floating-point type, at once if there is a good year, and by
        each `step_year` and `read_restart` that succeeds. A refused array also forgets the one lent before, so that no year is made from old values.

        Args:
            values, npromz, level_axis: as in `lent.lend`.
        Raises:
            FieldError, DeviceError, StateError: on this rank.
        """
        plan = self._require("set_field")
        self.forget_field(name)
        info = self._info(name)
        lent = self._lend(plan, info, values, npromz, level_axis)
        if info.direction == "out" and self._state is not None:
            lent.fill(self._state.fields[name])
        self._lent[name] = lent

    def _lend(self, plan: Plan, info: FieldInfo, values: Any, npromz: int, level_axis: int | None) -> Lent:
        lent = lend(info.name, values, info.n_level, len(plan.cells.global_id), self._comm.rank, npromz, level_axis)
        if info.direction == "out" and not lent.is_writable:
            raise FieldError(f"Field '{info.name}' is an output, but the array lent for it on rank {self._comm.rank} cannot be written.")
        return lent

    def forget_field(self, name: str) -> None:
        """Drop a lent array; for an input `step_year` then says that it was never set."""
        self._lent.pop(name, None)

    def _info(self, name: str, direction: str = "") -> FieldInfo:
        info = BY_NAME.get(name)
        if info is None or direction not in ("", info.direction):
            names = ", ".join(i.name for i in FIELDS if direction in ("", i.direction))
            raise FieldError(f"Field '{name}' is not an {'output' if direction else 'input or output'}; there are {names}.")
        return info

    def step_year(self, year: int) -> None:
        """Advance to `year` (collective): the start year first, then one year at a time; the year already reached is a no-op.

        Raises:
            YearError, FieldError, ValueRangeError, FileError, InternalError: on all ranks, and the last year stays valid.
        """
        if self._state is not None and year == self._state.year and not self._closed:
            return
        plan = self._require("step_year")
        agree(self._comm, self._check_year, year)
        began = time.perf_counter()
        state, seconds = run_year(self._comm, plan, self._tiles, self._settings, self._state, agree(self._comm, self._read_states), year)
        before_output = time.perf_counter()
        self._write_year(plan, state)
        seconds["output"] = time.perf_counter() - before_output
        seconds["total"] = time.perf_counter() - began
        everyone = self._comm.gather({"seconds": seconds, "cells": len(plan.owned), "tiles": len(plan.local), "dropped": state.dropped_cells,
                                      "closure": _closure_error(state.fields, plan.owned)})
        agree(self._comm, self._summarise, plan, state.year, everyone)
        self._commit(state)
        self.last_seconds = seconds

    def _read_states(self) -> dict[str, np.ndarray]:
        return {name: lent.read() for name, lent in self._lent.items() if BY_NAME[name].direction == "in"}

    def _commit(self, state: State) -> None:
        """Fill the lent outputs and make `state` the last good year (collective); devices come first, because only they can fail."""
        for in_host_memory in (False, True):
            agree(self._comm, self._fill_outputs, state, in_host_memory)
        self._state = state

    def _fill_outputs(self, state: State, in_host_memory: bool) -> None:
        for name, lent in self._lent.items():
            if BY_NAME[name].direction == "out" and isinstance(lent.memory, np.ndarray) is in_host_memory:
                lent.fill(state.fields[name])

    def _check_year(self, year: int) -> None:
        if self._state is None:
            if year != self._config.time.start_year:
                raise YearError(f"The first year is {self._config.time.start_year} (time.start_year), got {year}; any other needs a restart to be read first.")
        elif year != self._state.year + 1:
            raise YearError(f"Year {self._state.year} was the last; the next is {self._state.year + 1}, got {year}.")

    def _write_year(self, plan: Plan, state: State) -> None:
        output = self._config.output
        if output.directory is None:
            return
        provenance = self.provenance(plan)
        if output.host_fields:
            write_host_fields(self._comm, plan, state.fields, state.year, output.directory / f"lsbc_{state.year}.nc", provenance)
        if output.landuse_map:
            write_landuse_map(self._comm, plan, state.core, state.year, output.directory / f"landuse_{state.year}.nc", provenance)

    def provenance(self, plan: Plan) -> dict[str, str]:
        """Attributes that say where a file came from."""
        training = self._artefact.card.get("training", {})
        return {
            "source": f"lsbc {self._version}", "model": self._artefact.name, "model_sha256": self._artefact.fingerprint,
            "config_sha256": hashlib.sha256(self._config.text.encode()).hexdigest(), "host_grid": plan.fingerprint,
            **self._seat.facts, "class_parameters": self._settings.table.source,
            "training_data": str(training.get("data", "")), "attribution": "; ".join(training.get("attribution", [])),
        }

    def _summarise(self, plan: Plan, year: int, everyone: list[dict] | None) -> None:
        """Log the year and rewrite `summary.json`, on root."""
        if everyone is None:
            return
        slowest = {stage: max(rank["seconds"][stage] for rank in everyone) for stage in everyone[0]["seconds"]}
        dropped = sum(rank["dropped"] for rank in everyone)
        logger.info("year %d: %s", year, ", ".join(f"{stage} {value:.3f} s" for stage, value in slowest.items()))
        if dropped > 0.0:
            logger.warning("year %d: the map lacks the classes to shrink for %.1f of the demanded fine cells of change", year, dropped)
        if self._config.output.directory is None:
            return
        path = self._config.output.directory / "summary.json"
        history = read_history(path, year) if self._history is None else [entry for entry in self._history if entry["year"] < year]
        history.append({"year": year, "seconds": {stage: round(value, 6) for stage, value in slowest.items()},
                        "demand_dropped_fine_cells": round(dropped, 3), "largest_error_of_fraction_sums": max(rank["closure"] for rank in everyone)})
        write_summary(path, {
            **self.provenance(plan), "ranks": self._comm.size, "cells": sum(rank["cells"] for rank in everyone),
            "cells_per_rank": [rank["cells"] for rank in everyone], "tiles": len(plan.all_tiles),
            "tiles_per_rank": [rank["tiles"] for rank in everyone], "years": history,
            "checks_passed": ["inputs finite, in range, sums at most 1.0001", "class map: water, ocean and missing cells unchanged, known classes only",
                              "fractions in 0..1, sums 1 within 1e-12", "all boundary fields finite and in range"],
        })
        self._history = history

    def get_field(self, name: str, out: Any, npromz: int = 0, level_axis: int | None = None) -> None:
        """Fill an array with an output field of the last committed year; it is not kept.

        Args:
            out, npromz, level_axis: as in `lent.lend`.
        Raises:
            FieldError, DeviceError, StateError: on this rank; `out` is untouched.
        """
        plan = self._require("get_field")
        info = self._info(name, "out")
        if self._state is None:
            raise StateError(f"Field '{name}' is not there before the first step_year.")
        self._lend(plan, info, out, npromz, level_axis).fill(self._state.fields[name])

    def write_restart(self, path: str | Path) -> None:
        """Write the state to one file (collective); reading it back gives the same bits on any number of ranks."""
        plan = self._require("write_restart")
        if self._state is None:
            raise StateError("There is no state to write before the first step_year.")
        write_restart(self._comm, plan, self._artefact, self._state, Path(path))

    def read_restart(self, path: str | Path) -> None:
        """Take the state from a file (collective); the next year is the file's year + 1.

        Raises:
            RestartError: on all ranks; the state stays what it was.
        """
        plan = self._require("read_restart")
        saved = read_restart(self._comm, plan, self._artefact, Path(path))
        fields = publish(self._comm, plan, self._settings, saved.core, saved.by_spare, saved.year)
        self._commit(replace(saved, fields=fields))
        self._history = None

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


def _closure_error(fields: dict[str, np.ndarray], owned: np.ndarray) -> float:
    """Largest distance of the sum of a covered cell's fractions from 1."""
    fraction = fields["lu_frac"][:, owned]
    covered = fraction[0] != FILL if fraction.size else np.zeros(0, bool)
    return float(np.abs(fraction[:, covered].sum(axis=0) - 1.0).max(initial=0.0))
