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

import numpy as np

from lsbc.emulator.artefact import Artefact, locate, read_artefact
from lsbc.emulator.config import Config, load_config
from lsbc.emulator.fields import BY_NAME, FIELDS, FieldInfo
from lsbc.emulator.infer import TileRunner
from lsbc.emulator.network import Network, load_network
from lsbc.emulator.output import write_host_fields, write_landuse_map, write_summary
from lsbc.emulator.plan import Plan, build_plan
from lsbc.emulator.reader import FineFile
from lsbc.emulator.restart import read_restart, write_restart
from lsbc.emulator.state import State
from lsbc.emulator.step import Settings, first_coverage, publish, run_year
from lsbc.emulator.surface.parameters import read_class_table
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import FieldError, GridError, StateError, YearError
from lsbc.regrid.grids import HostCells

logger = logging.getLogger(__name__)


class Component:
    """One instance of lsbc on one rank; instances share nothing.

    `create`, `set_grid`, `step_year`, `write_restart`, `read_restart` and `close` are collective: all ranks
    call them together and get the same result or the same error. `set_field` and `get_field` are local.
    """

    def __init__(self, comm: Comm, config: Config, artefact: Artefact, network: Network):
        self._comm, self._config, self._artefact = comm, config, artefact
        self._runner = TileRunner(artefact, network)
        self._network = network
        self._settings = Settings(read_class_table(), config.output.min_coverage, config.allocation)
        self._states: dict[str, np.ndarray] = {}
        self._plan: Plan | None = None
        self._state: State | None = None
        self._history: list[dict] = []
        self.last_seconds: dict[str, float] = {}
        """This rank's seconds by stage in the last year."""
        self._closed = False

    @classmethod
    def create(cls, config_path: str | Path, comm: Comm) -> Component:
        """Read the configuration and load the model on this rank's device (collective).

        The instance owns `comm` and frees it in `close`.

        Raises:
            ConfigError, ModelError, StartupError, DeviceError: on all ranks.
        """

        def load() -> tuple[Config, Artefact, Network]:
            config = load_config(config_path)
            artefact = read_artefact(locate(config.model.artefact, config.source.parent))
            return config, artefact, load_network(artefact, config.model.backend, config.model.device, comm.rank)

        return cls(comm, *agree(comm, load))

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
            cells = HostCells(global_id=np.array(global_id, np.int64), lon_deg=np.array(lon_deg, np.float64), lat_deg=np.array(lat_deg, np.float64),
                              vertex_lon_deg=np.array(vertex_lon_deg, np.float64), vertex_lat_deg=np.array(vertex_lat_deg, np.float64),
                              owned=np.array(owned) != 0)
            return cells, FineFile(self._config.data.fine, self._artefact.fine)

        cells, fine_file = agree(comm, prepare)
        try:
            plan = build_plan(comm, cells, self._config.grid.edges, self._artefact, fine_file)
        finally:
            fine_file.close()
        agree(comm, self._check_coverage, plan, first_coverage(plan))
        self._plan = plan
        logger.info("grid: %d cells, %d tiles on %d ranks", sum(comm.allgather(len(plan.owned))), len(plan.all_tiles), comm.size)

    def _check_coverage(self, plan: Plan, coverage: np.ndarray) -> None:
        if self._config.output.uncovered_cells == "fill" or not len(plan.owned):
            return
        k = int(np.argmin(coverage))
        if not coverage[k] >= self._config.output.min_coverage:
            cell = plan.owned[k]
            raise GridError(
                f"Cell {int(plan.cells.global_id[cell])} ({plan.cells.lon_deg[cell]:.4f} E, {plan.cells.lat_deg[cell]:.4f} N) lies over fine-grid data "
                f"with {100 * coverage[k]:.1f} % of its area, less than output.min_coverage; give a larger data.fine or set output.uncovered_cells = 'fill'.")

    def set_field(self, name: str, values: np.ndarray) -> None:
        """Register one LUH2 state on all cells passed to `set_grid`; the array itself is kept and read at each `step_year`."""
        plan = self._require("set_field")
        info = BY_NAME.get(name)
        if info is None or info.direction != "in":
            raise FieldError(f"Field '{name}' is not an input; inputs are {', '.join(i.name for i in FIELDS if i.direction == 'in')}.")
        if values.shape != (len(plan.cells.global_id),):
            raise FieldError(f"Field '{name}' has shape {values.shape} on rank {self._comm.rank}; the grid has {len(plan.cells.global_id)} cells there.")
        self._states[name] = values

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
        state, seconds = run_year(self._comm, plan, self._runner, self._settings, self._state, self._states, year)
        before_output = time.perf_counter()
        self._write_year(plan, state)
        seconds["output"] = time.perf_counter() - before_output
        seconds["total"] = time.perf_counter() - began
        self._state, self.last_seconds = state, seconds
        self._summarise(plan, state, seconds)

    def _check_year(self, year: int) -> None:
        if self._state is None:
            if year != self._config.time.start_year:
                raise YearError(f"The first year is {self._config.time.start_year} (time.start_year), got {year}.")
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
            "source": f"lsbc {version('lsbc')}", "model": self._artefact.name, "model_sha256": self._artefact.fingerprint,
            "config_sha256": hashlib.sha256(self._config.text.encode()).hexdigest(), "host_grid": plan.fingerprint,
            "network_backend": f"{self._network.backend} {self._network.device}", "class_parameters": self._settings.table.source,
            "training_data": str(training.get("data", "")), "attribution": "; ".join(training.get("attribution", [])),
        }

    def _summarise(self, plan: Plan, state: State, seconds: dict[str, float]) -> None:
        slowest = {stage: max(times) for stage, times in _transpose(self._comm.allgather(seconds)).items()}
        cells = self._comm.allgather((len(plan.owned), len(plan.local)))
        dropped = sum(self._comm.allgather(state.dropped_cells))
        if self._comm.rank != 0:
            return
        if dropped > 0.0:
            logger.warning("year %d: the map lacks the classes to shrink for %.1f of the demanded fine cells of change", state.year, dropped)
        self._history.append({"year": state.year, "demand_dropped_fine_cells": round(dropped, 3), "seconds": {stage: round(value, 6) for stage, value in slowest.items()}})
        logger.info("year %d: %s", state.year, ", ".join(f"{stage} {value:.3f} s" for stage, value in slowest.items()))
        if self._config.output.directory is not None:
            write_summary(self._config.output.directory / "summary.json", {
                **self.provenance(plan), "ranks": self._comm.size, "cells": sum(n for n, _ in cells), "cells_per_rank": [n for n, _ in cells],
                "tiles": len(plan.all_tiles), "tiles_per_rank": [n for _, n in cells], "years": self._history,
                "checks": {"fractions_sum_to_one_within": 1e-12, "water_and_ocean_unchanged": True, "all_values_finite_and_in_range": True},
            })

    def get_field(self, name: str, out: np.ndarray) -> None:
        """Fill `out`, (n_cell,) or (n_level, n_cell), with an output field of the last committed year."""
        plan = self._require("get_field")
        info = BY_NAME.get(name)
        if info is None or info.direction != "out":
            raise FieldError(f"Field '{name}' is not an output; outputs are {', '.join(i.name for i in FIELDS if i.direction == 'out')}.")
        if self._state is None:
            raise StateError(f"Field '{name}' is not there before the first step_year.")
        values = self._state.fields[name]
        if out.shape != values.shape and out.shape != (1, *values.shape):
            raise FieldError(f"Field '{name}' has shape {values.shape} (levels, cells) on rank {self._comm.rank}, the host asks for {out.shape}; "
                             f"the grid has {len(plan.cells.global_id)} cells there.")
        out[...] = values

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
        self._state = replace(saved, fields=publish(self._comm, plan, self._settings, saved.core, saved.year))

    def close(self) -> None:
        """Give everything back (collective); closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._plan, self._state, self._states = None, None, {}
            self._comm.free()

    def _require(self, call: str | None) -> Plan:
        if self._closed:
            raise StateError("This instance was closed.")
        if call is not None and self._plan is None:
            raise StateError(f"{call} came before set_grid.")
        return self._plan  # type: ignore[return-value]


def _transpose(per_rank: list[dict[str, float]]) -> dict[str, list[float]]:
    return {stage: [seconds[stage] for seconds in per_rank] for stage in per_rank[0]}
