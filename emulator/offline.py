"""`lsbc run` and `lsbc check`: the coupled years without a host model, its cells and states read from a host file."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import numpy as np

from lsbc.emulator.artefact import Artefact, locate, read_artefact
from lsbc.emulator.classes import LUH2_STATES
from lsbc.emulator.climate import known_climate
from lsbc.emulator.component import Component
from lsbc.emulator.config import Config, load_config, read_config
from lsbc.emulator.gate import driver_groups
from lsbc.emulator.plan import build_plan
from lsbc.emulator.reader import FineFile, HostFile, read_host_file
from lsbc.emulator.recorder import recorded_if_asked
from lsbc.emulator.seat import take_seat
from lsbc.emulator.step import first_coverage, require_coverage
from lsbc.emulator.windows import Limits
from lsbc.regrid.comm import Comm, SerialComm, agree
from lsbc.regrid.errors import ConfigError, LsbcError
from lsbc.regrid.host_cells import HostCells

logger = logging.getLogger(__name__)


def run(config_path: str | Path, comm: Comm, restart: str | Path | None = None, write_restart: str | Path | None = None) -> None:
    """Run the years of [run] (collective); cells are dealt to the ranks in contiguous blocks.

    Starts from the file `restart`, and leaves one after the last year at `write_restart`, where given.

    Raises:
        ConfigError: there is no [run] section; else as `Component` raises.
    """
    config, host = agree(comm, _host_of, config_path)
    cells = np.array_split(np.arange(len(host.global_id)), comm.size)[comm.rank]
    component = recorded_if_asked(Component).create(config_path, comm)
    try:
        component.set_grid(host.global_id[cells], host.lon_deg[cells], host.lat_deg[cells], host.vertex_lon_deg[cells],
                           host.vertex_lat_deg[cells], np.ones(len(cells), np.int32))
        values = {name: np.empty(len(cells)) for name in LUH2_STATES}
        for name, array in values.items():
            component.set_field(name, array)
        if restart is not None:
            component.read_restart(restart)
        first = config.run.first_year if component.year is None else component.year + 1
        for year in progress(range(first, config.run.last_year + 1), comm):
            for name, state in agree(comm, host.states, year + config.time.lead_years, cells).items():
                values[name][:] = state
            component.step_year(year)
        if write_restart is not None:
            component.write_restart(write_restart)
        if comm.rank == 0 and config.output.directory is not None:
            logger.info("results: %s", config.output.directory)
    except LsbcError:
        component.close()
        raise
    component.close()  # collective: not after an error that only this rank knows


def _host_of(config_path: str | Path) -> tuple[Config, HostFile]:
    config = load_config(config_path)
    if config.run is None:
        raise ConfigError(f"{config.source}: `lsbc run` needs a section [run] with host, first_year and last_year.")
    return config, read_host_file(config.run.host)


def progress(years: range, comm: Comm):
    """The years, with a progress bar on the terminal of rank 0, where there is one."""
    if comm.rank == 0 and sys.stderr.isatty():
        from tqdm import tqdm

        return tqdm(years, unit="year")
    return years


def check(config_path: str | Path) -> list[str]:
    """Everything that is wrong with a configuration short of running it; an empty list means ready to run."""
    config, problems = read_config(config_path)
    if config is None:
        return [f"{config_path}: {problem}" for problem in problems]
    _check_output(problems, config)
    artefact = _try(problems, lambda: read_artefact(locate(config.model.artefact, config.source.parent), config.model.sha256))
    _check_surface(problems, config)
    _check_deliveries(problems, config)
    fine = seat = None
    if artefact is not None:
        seat = _try(problems, lambda: take_seat(SerialComm(), config.model, artefact))
        fine = _try(problems, lambda: FineFile(config.data.fine, artefact.fine))
    if config.run is not None:
        if config.run.first_year != config.time.start_year:
            problems.append(f"run.first_year={config.run.first_year} is not time.start_year={config.time.start_year}: only `lsbc run --restart` can begin there")
        host = _try(problems, lambda: read_host_file(config.run.host))
        if host is not None:
            cells = _try(problems, lambda: HostCells(host.global_id, host.lon_deg, host.lat_deg, host.vertex_lon_deg, host.vertex_lat_deg,
                                                     np.ones(len(host.global_id), bool), config.grid.edges))
            if cells is not None:
                _try(problems, lambda: known_climate(config.surface.climate, cells))
            if cells is not None and fine is not None:
                limits = seat.limits if seat is not None else Limits.of_device("cpu", artefact.window)
                _try(problems, lambda: _check_plan(config, cells, artefact, fine, limits))
            _check_states(problems, config, host)
    if config.comin is not None and config.comin.states_file is not None:
        _try(problems, lambda: read_host_file(config.comin.states_file))
    if fine is not None:
        fine.close()
    return problems


def _check_output(problems: list[str], config: Config) -> None:
    folder = config.output.directory
    if folder is None:
        return
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        problems.append(f"output.directory {config.output.directory} cannot be written: {folder} is not a writable directory")


def _check_surface(problems: list[str], config: Config) -> None:
    tables = _try(problems, lambda: config.surface.build(config.source.parent))
    crosswalk = tables.host.crosswalk if tables is not None else None
    if crosswalk is not None and crosswalk.needs_coldest_month and config.surface.climate is None and config.run is not None:
        problems.append(f"surface.crosswalk = '{config.surface.crosswalk}' needs the coldest month of each cell: give surface.climate (`lsbc climate` makes the file)")


def _check_deliveries(problems: list[str], config: Config) -> None:
    for delivery in config.deliver:
        for name, value in vars(delivery.options).items():
            if isinstance(value, Path) and "{year}" not in value.name and not value.exists():
                problems.append(f"[[deliver]] of {delivery.file}: {name} {value} does not exist")


def _check_plan(config: Config, cells: HostCells, artefact: Artefact, fine: FineFile, limits: Limits) -> None:
    comm = SerialComm()
    plan = build_plan(comm, cells, config.grid.edges, artefact, fine, limits)
    if config.output.uncovered_cells == "error":
        require_coverage(plan, first_coverage(comm, plan), config.output.min_coverage, fine.box)


def _check_states(problems: list[str], config: Config, host: HostFile) -> None:
    everything = np.arange(len(host.global_id))
    lead = config.time.lead_years
    for year in range(config.run.first_year + lead, config.run.last_year + lead + 1):
        before = len(problems)
        groups = _try(problems, lambda: driver_groups(host.states(year, everything), everything, host.global_id, host.lon_deg, host.lat_deg))
        if groups is not None and not np.any(groups[:, :-1] > 0.0):
            problems.append("all twelve LUH2 states are zero in every cell")
        if len(problems) > before:
            problems[-1] = f"{config.run.host}, year {year}: {problems[-1]}"


def _try(problems: list[str], action):
    try:
        return action()
    except LsbcError as error:
        problems.append(str(error).removeprefix("rank 0: "))
    except Exception as error:  # a defect of lsbc must not hide the other problems
        problems.append(f"{type(error).__name__}: {error}")
    return None
