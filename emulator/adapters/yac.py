"""lsbc's side of a YAC coupling: cells, fields, what the other side must have defined, and one exchange a model year.

Knows YAC and arrays; never the component that makes the fields. YAC itself waits for ever for a side that has ended or exchanges at
other times, hands on NaN and leaves uncovered cells unwritten: here each of these is an error that names both sides. Whatever YAC
refuses itself ends the whole job, with YAC's own words.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from lsbc.emulator.adapters.cell_mesh import mesh_of_cells
from lsbc.emulator.adapters.patience import patience
from lsbc.emulator.adapters.yac_settings import YacConfig
from lsbc.emulator.fields import BY_NAME, INPUTS, FieldInfo
from lsbc.regrid.comm import Comm, MpiComm, agree, load_mpi
from lsbc.regrid.errors import ConfigError, FieldError, GridError, StartupError, StateError, ValueRangeError, YearError
from lsbc.regrid.host_cells import HostCells

TIME_STEP = "P1Y"
NO_MEANS = ("lu_dominant", "climate_zone", "climate_coldest_month", "quality", "valid_year")
"""Outputs that are codes, or -9999 in cells that are covered: YAC takes the nearest cell's, whatever `yac.to_host` says."""
_UNWRITTEN = np.array(0x7FF8_0000_6C73_6263, np.uint64).view(np.float64)
"""A NaN that no arithmetic makes: where it is still there, YAC wrote nothing."""
_CALENDARS = {"proleptic-gregorian": "PROLEPTIC_GREGORIAN", "365-day": "YEAR_OF_365_DAYS", "360-day": "YEAR_OF_360_DAYS"}
_PAUSE_S = 0.002
_DATETIME = re.compile(r"([+-]?\d+)(-.+)")


def year_of(datetime: str) -> int:
    """Calendar year of an ISO 8601 date and time as YAC writes it.

    >>> year_of("2019-01-01T00:00:00.000")
    2019
    """
    match = _DATETIME.fullmatch(datetime)
    if match is None:
        raise YearError(f"YAC gave the time {datetime!r}, in which there is no year.")
    return int(match[1])


def last_year(start: str, end: str) -> int:
    """Year of the last yearly exchange from `start` on that is not after `end`; both as YAC writes them.

    >>> last_year("2019-06-01T00:00:00.000", "2022-01-31T00:00:00.000")
    2021
    """
    is_reached = _DATETIME.fullmatch(end)[2] >= _DATETIME.fullmatch(start)[2]
    return year_of(end) if is_reached else year_of(end) - 1


def _ranks_of(component: Any) -> Comm:
    parent = component.comp_comm
    try:
        return MpiComm(parent)
    finally:
        parent.Free()


class Coupling:
    """This rank's part of lsbc as a component of YAC. Every method is collective over lsbc's ranks, and raises the same on all of them."""

    def __init__(self, settings: YacConfig, yac: Any, instance: Any, component: Any, comm: Comm) -> None:
        self._yac, self._instance, self._component, self._set = yac, instance, component, settings
        self.comm = comm
        """lsbc's ranks, and they alone."""
        self._lsbc = f"component '{settings.component}'"
        self._host = f"component '{settings.host_component}'"
        self._in: dict[str, Any] = {}
        self._out: dict[str, Any] = {}

    @classmethod
    def join(cls, settings: YacConfig) -> Coupling:
        """Start MPI and YAC, with all other programs of the job.

        Raises:
            StartupError: YAC is not installed here; MPI does not run then.
        """
        sentence = (f"lsbc: StateError: component '{settings.component}' waited {settings.wait_s:g} s (yac.wait_s) for all programs of the job to start YAC; "
                    f"one of them has ended or does not use it. Component '{settings.host_component}' is expected.")
        with patience(settings.wait_s, sentence):
            load_mpi()
            try:
                import yac
            except ImportError as error:
                raise StartupError(f"YAC cannot be loaded ({error}); install it with 'pip install lsbc[yac]' beside Debian's Open MPI.") from error
            yac.def_calendar(yac.Calendar[_CALENDARS[settings.calendar]])
            instance = yac.YAC()
            component = instance.def_comp(settings.component)
            return cls(settings, yac, instance, component, _ranks_of(component))

    def new_comm(self) -> Comm:
        """Another communicator of lsbc's ranks for whoever asks, who frees it."""
        return _ranks_of(self._component)

    def define(self, cells: HostCells, position: np.ndarray, first: int, last: int) -> None:
        """Define lsbc's cells and fields, compare them with the other side's, and have YAC make its weights.

        Args:
            cells: this rank's own.  position: (n_cell,) of each among all of lsbc's cells, from 0.
            first, last: years of the first and the last exchange.
        Raises:
            GridError, ConfigError, FieldError, YearError: what does not fit, with both sides' names.
        """
        agree(self.comm, self._define_fields, cells, position)
        with self._patience("to define its fields"):
            self._instance.sync_def()
        agree(self.comm, self._check_host)
        agree(self.comm, self._check_clock, first, last)
        if self._set.couples == "lsbc":
            self._define_couples()
        with self._patience("to end its definitions, or for the weights"):
            self._instance.enddef()
        agree(self.comm, self._check_couples)
        self._cells = cells

    def receive(self, year: int) -> dict[str, np.ndarray]:
        """The twelve states of a year on this rank's cells, (n_cell,).

        Raises:
            YearError: YAC's clock is not at `year`, or nothing is exchanged then.  StateError: they have not come within
            `yac.wait_s`.  ValueRangeError: NaN, or a cell that YAC wrote nothing to.
        """
        return agree(self.comm, self._receive, year)

    def send(self, year: int, values: dict[str, np.ndarray]) -> None:
        """Send outputs, (n_cell,) or (n_level, n_cell), and wait until the other side has taken them; raises as `receive`."""
        agree(self.comm, self._send, year, values)

    def close(self) -> None:
        """Leave YAC."""
        self._instance.cleanup()
        self.comm.free()

    def _patience(self, what: str):
        return patience(self._set.wait_s, f"lsbc: StateError: rank {self.comm.rank}: {self._lsbc} waited {self._set.wait_s:g} s (yac.wait_s) for {self._host} "
                                          f"{what}; it has ended, or it needs longer.")

    # --- definitions --------------------------------------------------------------------------------------------

    def _define_fields(self, cells: HostCells, position: np.ndarray) -> None:
        if cells.n_cell == 0:
            raise GridError(f"Rank {self.comm.rank} of {self._lsbc} has no cells, which YAC does not allow; start lsbc on fewer ranks.")
        yac, mesh = self._yac, mesh_of_cells(cells)
        grid = yac.UnstructuredGrid(self._set.grid, mesh.nodes_per_face, np.radians(mesh.node_lon_deg), np.radians(mesh.node_lat_deg),
                                    mesh.face_nodes, use_ll_edges=cells.edges == "latlon")
        grid.set_global_index(position, yac.Location.CELL)
        points = grid.def_points(yac.Location.CELL, np.radians(cells.lon_deg), np.radians(cells.lat_deg))

        def fields(infos: Iterable[FieldInfo]) -> dict[str, Any]:
            return {info.name: yac.Field.create(info.name, self._component, points, info.n_level, TIME_STEP, yac.TimeUnit.ISO_FORMAT) for info in infos}

        self._in, self._out = fields(INPUTS), fields(BY_NAME[name] for name in self._set.fields)

    def _check_host(self) -> None:
        """Compare the other side's definitions with what lsbc needs."""
        instance, component, grid = self._instance, self._set.host_component, self._set.host_grid
        if component not in instance.component_names:
            raise ConfigError(f"yac.host_component '{component}' is not a component of this job; beside '{self._set.component}' there is "
                              f"{', '.join(name for name in instance.component_names if name != self._set.component) or 'none'}.")
        if grid not in instance.get_comp_grid_names(component):
            raise ConfigError(f"yac.host_grid '{grid}' is not a grid of {self._host}; it has {', '.join(instance.get_comp_grid_names(component)) or 'none'}.")
        defined = instance.get_field_names(component, grid)
        missing = [name for name in (*self._in, *self._out) if name not in defined]
        if missing:
            raise FieldError(f"Field {', '.join(map(repr, missing))} of {self._lsbc} is not defined by {self._host} on grid '{grid}'; "
                             f"it defines {', '.join(defined) or 'none'}.")
        for name in (*self._in, *self._out):
            step, size = instance.get_field_timestep(component, grid, name), instance.get_field_collection_size(component, grid, name)
            if step != self._set.host_time_step:
                raise YearError(f"Field '{name}' of {self._host} has the time step {step}; {self._lsbc} expects {self._set.host_time_step} (yac.host_time_step).")
            if size != BY_NAME[name].n_level:
                raise FieldError(f"Field '{name}' of {self._host} has collection size {size}; that of {self._lsbc} has {BY_NAME[name].n_level}.")

    def _check_clock(self, first: int, last: int) -> None:
        start, end = self._instance.start_datetime, self._instance.end_datetime
        years = year_of(start), last_year(start, end)
        if years != (first, last):
            raise YearError(f"YAC's clock runs from {start} to {end}, as {self._host} or a coupling file set it: exchanges of {years[0]}..{years[1]}; "
                            f"{self._lsbc} is to make {first}..{last} ([run], or what follows the restart).")

    def _define_couples(self) -> None:
        """Every field once a year, with all arithmetic on lsbc's ranks."""
        yac, here = self._yac, (self._set.component, self._set.grid)
        there = self._set.host_component, self._set.host_grid
        for name in self._in:
            self._instance.def_couple(*there, name, *here, name, TIME_STEP, yac.TimeUnit.ISO_FORMAT, yac.Reduction.TIME_NONE,
                                      self._stack(self._set.to_lsbc), mapping_on_source=0)
        for name in self._out:
            self._instance.def_couple(*here, name, *there, name, TIME_STEP, yac.TimeUnit.ISO_FORMAT, yac.Reduction.TIME_NONE,
                                      self._stack("nearest" if name in NO_MEANS else self._set.to_host), mapping_on_source=1)

    def _stack(self, method: str) -> Any:
        stack = self._yac.InterpolationStack()
        if method == "nearest":
            stack.add_nnn(self._yac.NNNReductionType.AVG, n=1, max_search_distance=np.radians(self._set.nearest_within_deg))
        else:
            stack.add_conservative(1, enforced_conserv=False, partial_coverage=True, normalisation=self._yac.ConservNormalizationType.FRACAREA)
        return stack

    def _check_couples(self) -> None:
        role = self._yac.ExchangeType
        for fields, wanted, way in ((self._in, role.TARGET, "from"), (self._out, role.SOURCE, "to")):
            for name, field in fields.items():
                if field.role != wanted:
                    raise FieldError(f"Field '{name}' of {self._lsbc} is not coupled {way} {self._host}; define the couple there, or set yac.couples = 'lsbc'.")

    # --- exchanges ----------------------------------------------------------------------------------------------

    def _receive(self, year: int) -> dict[str, np.ndarray]:
        self._check_year(self._in, year)
        buffers = {name: np.full((1, field.size), _UNWRITTEN) for name, field in self._in.items()}
        for name, field in self._in.items():
            field.get(buffers[name], asyn=True)
        self._wait(self._in, lambda late: f"{self._lsbc} waited {self._set.wait_s:g} s (yac.wait_s) for {late} of year {year} from {self._host}")
        for name, buffer in buffers.items():
            self._check_values(name, buffer[0], year)
        return {name: buffer[0] for name, buffer in buffers.items()}

    def _send(self, year: int, values: dict[str, np.ndarray]) -> None:
        self._check_year(self._out, year)
        for name, field in self._out.items():
            field.put(values[name])
        self._wait(self._out, lambda late: f"{self._host} has not taken {late} of year {year} from {self._lsbc} within {self._set.wait_s:g} s (yac.wait_s)")

    def _check_year(self, fields: dict[str, Any], year: int) -> None:
        action = self._yac.Action
        for name, field in fields.items():
            if year_of(field.datetime) != year:
                raise YearError(f"Field '{name}' of {self._lsbc} is at {field.datetime} on YAC's clock; the next year with {self._host} is {year}.")
            if field.action not in (action.COUPLING, action.GET_FOR_RESTART, action.PUT_FOR_RESTART):
                raise YearError(f"Field '{name}' of {self._lsbc} is not exchanged with {self._host} in {year} ({field.action.name} at {field.datetime}): "
                                f"the coupling period must be {TIME_STEP} and the clock must reach {year}.")

    def _wait(self, fields: dict[str, Any], sentence: Callable[[str], str]) -> None:
        """Return when YAC has moved the values of all fields."""
        deadline = time.monotonic() + self._set.wait_s
        late = list(fields)
        while late := [name for name in late if not fields[name].test()]:
            if time.monotonic() > deadline:
                more = f" and {len(late) - 1} more" if len(late) > 1 else ""
                raise StateError(sentence(f"field '{late[0]}'{more}") + ": it has ended, exchanges at other times, or needs longer.")
            time.sleep(_PAUSE_S)

    def _check_values(self, name: str, values: np.ndarray, year: int) -> None:
        bad = ~np.isfinite(values)
        if not bad.any():
            return
        k, cells = int(np.argmax(bad)), self._cells
        place = f"cell {cells.global_id[k]} ({cells.lon_deg[k]:.4f} E, {cells.lat_deg[k]:.4f} N) of {self._lsbc} in {year}"
        if values[k:k + 1].view(np.uint64)[0] == _UNWRITTEN.view(np.uint64):
            raise ValueRangeError(f"Field '{name}' was not written in {place}: no cell of grid '{self._set.host_grid}' of {self._host} that YAC may use covers it.")
        raise ValueRangeError(f"Field '{name}' from {self._host} is {values[k]} in {place}.")
