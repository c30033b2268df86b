"""lsbc as a plugin of ICON through its Community Interface (ComIn): the script that ComIn's Python adapter runs.

In ICON's namelist: plugin_library = "libpython_adapter.so", options = "<this file> lsbc.toml". Thin over `Component`; what can be
worked out without ComIn is in `icon_cells`. ICON asks for nothing and calls at entry points:

    the script itself          read the configuration, ask for the variables lsbc_*
    SECONDARY_CONSTRUCTOR      make the component, tell it ICON's cells, find variables and states, read the restart of a resumed run
    ATM_INIT_FINALIZE          the start year, before ICON's first output (only with a states file)
    ATM_TIMELOOP_START         a new year at the first step that begins in it; ICON's own variables at every step
    ATM_CHECKPOINT_BEFORE      write a restart file next to ICON's
    DESTRUCTOR                 give everything back

An error is the same sentence on all ranks and goes to ICON's own `finish`, which ends the run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.adapters.icon_cells import PREFIX, IconCells, cell_row, find_cells, model_date, parse_date, read_cells, restart_name, surfaces
from lsbc.emulator.component import Component
from lsbc.emulator.config import Config, load_config
from lsbc.emulator.fields import FILL
from lsbc.emulator.inside_host import host_guard, load_file_libraries, start_log
from lsbc.emulator.reader import HostFile, read_host_file
from lsbc.emulator.recorder import recorded_if_asked
from lsbc.regrid.atomic import make_folder
from lsbc.regrid.comm import MpiComm, agree
from lsbc.regrid.errors import ConfigError, FieldError, LsbcError


class LandPlugin:
    """One plugin entry of ICON's namelist: one domain, one component. Its methods are collective over ICON's worker ranks."""

    def __init__(self, comin: Any, arguments: list[str]) -> None:
        """Read the configuration; `arguments` are those after the script's name in the plugin's options.

        Raises:
            ConfigError, StartupError: on all ranks.
        """
        self._comin, self._surfaces = comin, surfaces()
        self._comm = MpiComm.from_fortran(comin.parallel_get_host_mpi_comm())
        start_log(self._comm.rank)
        agree(self._comm, load_file_libraries)
        config = agree(self._comm, self._read_config, arguments)
        self._path, self._config, self._lead = config.source, config.comin, config.time.lead_years
        self._component: Component | None = None
        self._cells: IconCells | None = None
        self._n_place = 0
        self._states: HostFile | None = None
        self._positions = np.zeros(0, np.int64)
        self._variables: dict[str, Any] = {}
        self._shown_year: int | None = None
        self._held: dict[str, np.ndarray] = {}

    def _read_config(self, arguments: list[str]) -> Config:
        if len(arguments) != 1:
            raise ConfigError(f"The plugin's options name the script and then lsbc's configuration file, got the arguments {arguments}.")
        config = load_config(arguments[0])
        if config.comin is None:
            raise ConfigError(f"{arguments[0]}: ICON's plugin needs a section [comin].")
        unknown = [name for name in config.comin.write if name not in self._surfaces]
        if unknown:
            raise ConfigError(f"{arguments[0]}: [comin.write] has {', '.join(unknown)}; lsbc gives {', '.join(self._surfaces)}.")
        return config

    def request_variables(self) -> None:
        """Ask ICON for one surface variable a field, and for calls at the entry points."""
        comin = self._comin
        for surface in self._surfaces.values():
            descriptor = (PREFIX + surface.name, self._config.domain)
            comin.var_request_add(descriptor, True)
            names = {"standard_name": surface.field.standard_name} if surface.field.standard_name else {}
            # No restart variables: lsbc makes them from its own restart file, and ICON can resume runs that had no plugin.
            comin.metadata_set(descriptor, zaxis_id=comin.COMIN_ZAXIS_2D, units=surface.field.units, long_name=surface.long_name, restart=False, **names)
        self._at(comin.EP_SECONDARY_CONSTRUCTOR, self.start)
        for entry_point in self._update_points():
            self._at(entry_point, self.update)
        self._at(comin.EP_ATM_CHECKPOINT_BEFORE, self.checkpoint)
        self._at(comin.EP_DESTRUCTOR, self.close)

    def _update_points(self) -> list:
        """Both lie outside the stretch from advection to surface in which ICON's pointers to land fields are outdated."""
        comin = self._comin
        early = [comin.EP_ATM_INIT_FINALIZE] if self._config.states_file is not None else []  # no other plugin has filled its variables by then
        return [*early, comin.EP_ATM_TIMELOOP_START]

    def _at(self, entry_point: Any, action: Callable[[], None]) -> None:
        def callback() -> None:
            finish_on_error(self._comin, action)

        register = getattr(self._comin, "register_callback", None)
        (register(entry_point) if register else entry_point)(callback)

    def start(self) -> None:
        """Make the component on ICON's cells and get hold of every variable, the only time ComIn allows it."""
        comin, config = self._comin, self._config
        domain = comin.descrdata_get_domain(config.domain)
        self._cells = agree(self._comm, read_cells, domain, self._comm.rank)
        self._n_place = np.asarray(domain.cells.clon).size
        self._component = recorded_if_asked(Component).create(self._path, MpiComm.from_fortran(comin.parallel_get_host_mpi_comm()))
        self._component.set_grid(*self._cells.arguments())
        agree(self._comm, self._find_states)
        self._get_variables()
        if comin.descrdata_get_global().lrestartrun:
            self._component.read_restart(self._restart_path(parse_date(comin.descrdata_get_simulation_interval().run_start)))

    def _find_states(self) -> None:
        if self._config.restart_directory is not None and self._comm.rank == 0:
            make_folder(self._config.restart_directory)
        if self._config.states_file is not None:
            self._states = read_host_file(self._config.states_file)
            self._positions = find_cells(self._states, self._cells, self._comm.rank)

    def _get_variables(self) -> None:
        comin, domain = self._comin, self._config.domain
        exposed = {(name, number) for name, number in comin.var_descr_list()}
        flags = {PREFIX + name: comin.COMIN_FLAG_WRITE for name in self._surfaces}
        flags |= dict.fromkeys(self._config.states.values(), comin.COMIN_FLAG_READ)
        flags |= dict.fromkeys(self._config.write.values(), comin.COMIN_FLAG_READ | comin.COMIN_FLAG_WRITE)
        missing = [name for name in flags if (name, domain) not in exposed]
        if missing:
            raise FieldError(f"ICON exposes no variable {', '.join(missing)} in domain {domain}; see [comin] in {self._path}.")
        self._variables = {name: comin.var_get(self._update_points(), (name, domain), flag) for name, flag in flags.items()}

    def _row(self, name: str) -> np.ndarray:
        """This rank's cells of a variable of ICON, as a view that is good until the entry point ends."""
        return cell_row(np.asarray(self._variables[name]), self._n_place, len(self._cells.global_id), name)

    def _date(self) -> tuple[int, ...]:
        return model_date(self._comin.current_get_datetime(), self._comin.descrdata_get_simulation_interval().run_start)

    def update(self) -> None:
        """Make the year of the model's date, if that is a new one, and show it to ICON."""
        year = self._date()[0]
        if year != self._component.year:
            for name, values in agree(self._comm, self._states_of, year + self._lead).items():
                self._component.set_field(name, values)
            self._component.step_year(year)
        if year != self._shown_year:
            self._show()
            self._shown_year = year
        for name, values in self._held.items():
            np.copyto(self._row(name), values, where=values != FILL, casting="same_kind")

    def _states_of(self, valid_year: int) -> dict[str, np.ndarray]:
        if self._states is not None:
            return self._states.states(valid_year, self._positions)
        return {state: self._row(name) for state, name in self._config.states.items()}

    def _show(self) -> None:
        """Fill lsbc's variables, and keep what ICON's own are to be."""
        values: dict[str, np.ndarray] = {}
        for name, surface in self._surfaces.items():
            if surface.field.name not in values:
                values[surface.field.name] = np.empty((surface.field.n_level, len(self._cells.global_id)))
                self._component.get_field(surface.field.name, values[surface.field.name])
            self._row(PREFIX + name)[:] = values[surface.field.name][surface.level]
        self._held = {variable: values[self._surfaces[name].field.name][self._surfaces[name].level].copy() for name, variable in self._config.write.items()}

    def checkpoint(self) -> None:
        """Write lsbc's state for a run that ICON resumes from now."""
        self._component.write_restart(self._restart_path(self._date()))

    def _restart_path(self, date: tuple[int, ...]) -> Path:
        return (self._config.restart_directory or Path.cwd()) / restart_name(self._config.domain, date)

    def close(self) -> None:
        """Give everything back; ICON ends MPI afterwards."""
        if self._component is not None:
            self._component.close()
        self._comm.free()


def finish_on_error(comin: Any, action: Callable[[], None]) -> None:
    """Run `action` with ICON's floating-point traps masked; an error of lsbc ends the run through ICON."""
    try:
        with host_guard():
            action()
    except LsbcError as error:
        comin.finish("lsbc", str(error))
        raise  # a host whose finish returns must not go on


def main() -> None:
    """What the script does when ComIn's adapter runs it, on every rank."""
    import comin

    def register() -> None:
        LandPlugin(comin, comin.current_get_plugin_info().args).request_variables()

    finish_on_error(comin, register)


if __name__ != "lsbc.emulator.adapters.comin":  # run as a script, with names of its own that no import sees
    from lsbc.emulator.adapters import comin as plugin

    plugin.main()
