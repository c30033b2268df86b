"""`lsbc yac`: the years of [run] with states from a host component and fields to it. Knows the component and the coupling, not YAC itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.emulator.adapters.yac import Coupling
from lsbc.emulator.classes import LUH2_STATES
from lsbc.emulator.component import Component
from lsbc.emulator.config import Config, load_config
from lsbc.emulator.fields import BY_NAME
from lsbc.emulator.offline import progress
from lsbc.emulator.reader import HostFile, read_host_file
from lsbc.emulator.recorder import recorded_if_asked
from lsbc.regrid.comm import agree
from lsbc.regrid.errors import ConfigError
from lsbc.regrid.host_cells import HostCells


def read_settings(config_path: str | Path) -> Config:
    """The configuration, with the sections that `lsbc yac` needs; MPI need not run.

    Raises:
        ConfigError: the file is wrong, or [yac] or [run] is missing.
    """
    config = load_config(config_path)
    missing = [f"[{name}]" for name in ("yac", "run") if getattr(config, name) is None]
    if missing:
        raise ConfigError(f"{config.source}: `lsbc yac` needs the section {' and '.join(missing)}.")
    return config


def run(config: Config, coupling: Coupling, restart: str | Path | None = None, write_restart: str | Path | None = None) -> None:
    """Make every year from the states that the host sends at it, and send the fields back at the same time (collective).

    The cells are those of `run.host`, dealt to lsbc's ranks in contiguous blocks. Starts from the file `restart`, and leaves one
    after the last year at `write_restart`, where given.

    Raises:
        LsbcError: on all of lsbc's ranks, as `Component` and `Coupling` raise; other programs of the job then wait for lsbc in vain.
    """
    comm = coupling.comm
    host = agree(comm, read_host_file, config.run.host)
    position = np.array_split(np.arange(len(host.global_id)), comm.size)[comm.rank]
    component = recorded_if_asked(Component).create(config.source, coupling.new_comm())
    component.set_grid(*_arguments(host, position), np.ones(len(position), np.int32))
    states = {name: np.empty(len(position)) for name in LUH2_STATES}
    for name, array in states.items():
        component.set_field(name, array)
    if restart is not None:
        component.read_restart(restart)
    first = config.run.first_year if component.year is None else component.year + 1
    cells = HostCells(*_arguments(host, position), np.ones(len(position), bool), config.grid.edges)
    coupling.define(cells, position, first, config.run.last_year)
    _couple(coupling, component, states, config.yac.fields, range(first, config.run.last_year + 1))
    if write_restart is not None:
        component.write_restart(write_restart)
    component.close()
    coupling.close()


def _arguments(host: HostFile, position: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(array[position] for array in (host.global_id, host.lon_deg, host.lat_deg, host.vertex_lon_deg, host.vertex_lat_deg))


def _couple(coupling: Coupling, component: Component, states: dict[str, np.ndarray], fields: tuple[str, ...], years: range) -> None:
    n_cell = len(next(iter(states.values())))
    results = {name: np.empty((BY_NAME[name].n_level, n_cell)) for name in fields}
    for year in progress(years, coupling.comm):
        for name, values in coupling.receive(year).items():
            states[name][:] = values
        component.step_year(year)
        for name, values in results.items():
            component.get_field(name, values)
        coupling.send(year, results)
