"""lsbc behind the Basic Model Interface 2.0 of CSDMS, as bmipy spells it: the same component, the same bits.

The cells, the years and, where it holds them, the states come from the configuration's [run]. `initialize` makes the map
of `run.first_year`, which is time 0.0; each `update` makes the next year. A unit of time is one calendar year, however
many days it has.

Inputs. After `initialize` and after each `update` the input arrays hold what the host file has for the *next* year, and
NaN where it has none (with `time.lead_years` = 1 those of the year after: a year is made from the states of the year its
fields are valid for). The caller may write over them, through `set_value` or the array of `get_value_ptr`. `update`
takes what is in them and refuses NaN, so that no year is made from the states of another.

On several ranks `initialize`, `update`, `update_until` and `finalize` are collective; everything else is local, and the
grid is that of the rank's own cells. Numbers of nodes, edges and faces start at 0.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

try:
    from bmipy import Bmi
except ImportError as error:
    raise ImportError("LsbcBmi needs bmipy: pip install 'lsbc[bmi]'.") from error

from lsbc.emulator.adapters.bmi_arrays import fill, numbers, places
from lsbc.emulator.adapters.bmi_grid import GRID, GridAnswers
from lsbc.emulator.adapters.bmi_names import VARIABLES, Variable, variable_of
from lsbc.emulator.component import Component
from lsbc.emulator.config import Config, load_config
from lsbc.emulator.fields import FILL, INPUTS, OUTPUTS
from lsbc.emulator.reader import HostFile, read_host_file
from lsbc.emulator.recorder import recorded_if_asked
from lsbc.regrid.comm import Comm, MpiComm, SerialComm, agree
from lsbc.regrid.errors import ConfigError, FieldError, LsbcError, StateError, YearError
from lsbc.regrid.host_cells import HostCells

_WHOLE_YEAR = 1e-6
"""A time this close to a whole number of years is that number."""


class LsbcBmi(GridAnswers, Bmi):
    """One instance of lsbc; every failure is an LsbcError.

    Args:
        comm: an mpi4py communicator, of which each `initialize` takes a duplicate; None: this process alone.
    """

    def __init__(self, comm: Any = None) -> None:
        if comm is not None and not hasattr(comm, "Dup"):
            raise StateError(f"LsbcBmi takes a communicator of mpi4py or None, got {type(comm).__name__}.")
        self._parent = comm
        self._component: Component | None = None

    # --- control ------------------------------------------------------------------------------------------------

    def initialize(self, config_file: str) -> None:
        """Load the model, set the cells of run.host and make the first year (collective).

        Raises:
            ConfigError: there is no [run], or it does not begin at time.start_year; else as `Component` raises. On all ranks.
        """
        if self._component is not None:
            raise StateError("initialize was called twice; call finalize in between.")
        comm = SerialComm() if self._parent is None else MpiComm(self._parent)
        try:
            config, host = agree(comm, _read_run, config_file)
        except LsbcError:
            comm.free()
            raise
        component = recorded_if_asked(Component).create(config_file, comm)
        try:
            self._begin(comm, component, config, host)
        except LsbcError:
            component.close()
            raise
        self._component = component

    def _begin(self, comm: Comm, component: Component, config: Config, host: HostFile) -> None:
        here = np.array_split(np.arange(len(host.global_id)), comm.size)[comm.rank]
        self._comm, self._run, self._host, self._here, self._edges = comm, config.run, host, here, config.grid.edges
        self._lead = config.time.lead_years
        self._forget_mesh()
        component.set_grid(*self._cell_arrays())
        agree(comm, self._lend, component)
        for name, state in agree(comm, host.states, self._run.first_year + self._lead, here).items():
            self._inputs[name][:] = state
        self._make_year(component, self._run.first_year)

    def _lend(self, component: Component) -> None:
        n = len(self._here)
        self._inputs = {info.name: np.full(n, np.nan) for info in INPUTS}
        self._outputs = {info.name: np.full(n if info.n_level == 1 else (info.n_level, n), FILL) for info in OUTPUTS}
        for name, values in self._inputs.items():
            component.set_field(name, values)

    def _cell_arrays(self) -> tuple[np.ndarray, ...]:
        host, here = self._host, self._here
        return (host.global_id[here], host.lon_deg[here], host.lat_deg[here], host.vertex_lon_deg[here], host.vertex_lat_deg[here],
                np.ones(len(here), np.int32))

    def _make_year(self, component: Component, year: int) -> None:
        following = agree(self._comm, self._states_held, year + 1)  # read first: a damaged file must not leave old states behind
        component.step_year(year)
        agree(self._comm, self._fetch, component, following)

    def _fetch(self, component: Component, following: dict[str, np.ndarray]) -> None:
        for name, values in self._outputs.items():
            component.get_field(name, values)
        for name, values in self._inputs.items():
            values[:] = following.get(name, np.nan)

    def _states_held(self, year: int) -> dict[str, np.ndarray]:
        """The host file's states from which a year of the run is made; empty where it holds none."""
        valid_year = year + self._lead
        if year > self._run.last_year or not np.any(self._host.year == valid_year):
            return {}
        return self._host.states(valid_year, self._here)

    def update(self) -> None:
        """Make the next year from what is in the input arrays (collective).

        Raises:
            FieldError: an input is NaN.  YearError: run.last_year is reached.  Else as `Component.step_year`: on all ranks,
            and arrays and time stay what they were.
        """
        component = self._ready("update")
        if component.year == self._run.last_year:
            raise YearError(f"Year {component.year} is run.last_year; there is no update beyond the end time {self.get_end_time():g}.")
        agree(self._comm, self._check_inputs, component.year + 1 + self._lead)
        self._make_year(component, component.year + 1)

    def _check_inputs(self, valid_year: int) -> None:
        for name, values in self._inputs.items():
            absent = np.isnan(values)
            if absent.any():
                cell = self._host.global_id[self._here[np.argmax(absent)]]
                raise FieldError(f"Input '{name}' is NaN for year {valid_year} in cell {cell} ({absent.sum()} of {len(values)} cells): set it before update, "
                                 f"or give a host file that holds the year ({self._host.path}).")

    def update_until(self, time: float) -> None:
        """Update until a time that is a whole number of years (collective); the current time does nothing.

        Raises:
            YearError: the time is no whole year, lies before the current or after the end time; nothing was done.
            Else as `update`; the years before the one that failed stay made.
        """
        self._ready("update_until")
        now, end = self.get_current_time(), self.get_end_time()
        if not math.isfinite(time) or abs(time - round(time)) > _WHOLE_YEAR:
            raise YearError(f"Time {time} is not a whole number of years; lsbc makes whole years.")
        if not now <= round(time) <= end:
            raise YearError(f"Time {time:g} lies outside {now:g}, which is reached, to {end:g}, the end time.")
        for _ in range(round(time - now)):
            self.update()

    def finalize(self) -> None:
        """Give everything back (collective); without `initialize` it does nothing. Arrays handed out keep their last values."""
        if self._component is not None:
            component, self._component = self._component, None
            self._inputs, self._outputs = {}, {}
            self._forget_mesh()
            component.close()

    def _ready(self, call: str) -> Component:
        if self._component is None:
            raise StateError(f"{call} came before initialize or after finalize.")
        return self._component

    # --- names and kinds ----------------------------------------------------------------------------------------

    def get_component_name(self) -> str:
        return "lsbc"

    def get_input_item_count(self) -> int:
        return len(self.get_input_var_names())

    def get_output_item_count(self) -> int:
        return len(self.get_output_var_names())

    def get_input_var_names(self) -> tuple[str, ...]:
        return tuple(variable.name for variable in VARIABLES if variable.is_input)

    def get_output_var_names(self) -> tuple[str, ...]:
        return tuple(variable.name for variable in VARIABLES if not variable.is_input)

    def get_var_grid(self, name: str) -> int:
        variable_of(name)
        return GRID

    def get_var_type(self, name: str) -> str:
        variable_of(name)
        return "float64"

    def get_var_units(self, name: str) -> str:
        return variable_of(name).field.units

    def get_var_itemsize(self, name: str) -> int:
        variable_of(name)
        return np.dtype(np.float64).itemsize

    def get_var_nbytes(self, name: str) -> int:
        return self._values("get_var_nbytes", variable_of(name)).nbytes

    def get_var_location(self, name: str) -> str:
        variable_of(name)
        return "face"

    # --- time ---------------------------------------------------------------------------------------------------

    def get_current_time(self) -> float:
        """Years since run.first_year, of the outputs; the output `valid_year` has the calendar year."""
        return float(self._ready("get_current_time").year - self._run.first_year)

    def get_start_time(self) -> float:
        return 0.0

    def get_end_time(self) -> float:
        self._ready("get_end_time")
        return float(self._run.last_year - self._run.first_year)

    def get_time_units(self) -> str:
        return "year"

    def get_time_step(self) -> float:
        return 1.0

    # --- values -------------------------------------------------------------------------------------------------

    def get_value(self, name: str, dest: np.ndarray) -> np.ndarray:
        return fill(f"get_value of '{name}'", dest, self._values("get_value", variable_of(name)))

    def get_value_ptr(self, name: str) -> np.ndarray:
        """The array itself, (n_face,): the same memory until `finalize`, with new values after each update. Outputs are read-only."""
        variable = variable_of(name)
        view = self._values("get_value_ptr", variable).view()
        view.flags.writeable = variable.is_input
        return view

    def get_value_at_indices(self, name: str, dest: np.ndarray, inds: np.ndarray) -> np.ndarray:
        values = self._values("get_value_at_indices", variable_of(name))
        return fill(f"get_value_at_indices of '{name}'", dest, values[places(name, inds, len(values))])

    def set_value(self, name: str, src: np.ndarray) -> None:
        values = self._input("set_value", name)
        values[:] = numbers(name, src, len(values))

    def set_value_at_indices(self, name: str, inds: np.ndarray, src: np.ndarray) -> None:
        values = self._input("set_value_at_indices", name)
        where = places(name, inds, len(values))
        values[where] = numbers(name, src, len(where))

    def _values(self, call: str, variable: Variable) -> np.ndarray:
        self._ready(call)
        values = (self._inputs if variable.is_input else self._outputs)[variable.field.name]
        return values if values.ndim == 1 else values[variable.level]

    def _input(self, call: str, name: str) -> np.ndarray:
        variable = variable_of(name)
        if not variable.is_input:
            raise FieldError(f"Variable '{name}' is an output; only the names of get_input_var_names can be set.")
        return self._values(call, variable)

    def _n_face(self) -> int:
        self._ready("A question about the grid")
        return len(self._here)

    def _host_cells(self) -> HostCells:
        self._ready("A question about the grid")
        return HostCells(*self._cell_arrays(), self._edges)


def _read_run(config_file: str | Path) -> tuple[Config, HostFile]:
    config = load_config(config_file)
    if config.run is None:
        raise ConfigError(f"{config.source}: BMI needs a section [run] with host, first_year and last_year.")
    if config.run.first_year != config.time.start_year:
        raise ConfigError(f"{config.source}: run.first_year={config.run.first_year} is not time.start_year={config.time.start_year}; "
                          "BMI knows no restart, so that a run begins there.")
    return config, read_host_file(config.run.host)
