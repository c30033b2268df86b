"""One coupled year, stage by stage, in the order the data flow. Changes no state: returns the next one."""

from __future__ import annotations

import time

import numpy as np

from lsbc.emulator.fields import boundary_fields
from lsbc.emulator.gate import check_map, driver_groups
from lsbc.emulator.classes import N_CLASS, NO_DATA, STATIC_CLASSES
from lsbc.emulator.infer import TileRunner
from lsbc.emulator.plan import Plan, border_mask
from lsbc.emulator.state import State
from lsbc.emulator.surface.parameters import ClassTable
from lsbc.regrid.comm import Comm, agree


class Stopwatch:
    """Seconds of each stage of one year on this rank."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Book the time since the last lap under `stage`."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now


def run_year(comm: Comm, plan: Plan, runner: TileRunner, table: ClassTable, min_coverage: float, previous: State | None,
             states: dict[str, np.ndarray], year: int) -> tuple[State, dict[str, float]]:
    """Predict one year (collective); without a previous state, make the first map from the first prior.

    Returns:
        the next state, and this rank's seconds by stage.
    """
    watch = Stopwatch()
    driver = coarse_to_driver(comm, plan, states)
    watch.lap("regrid to driver grid")
    priors, known = first_priors(plan) if previous is None else priors_with_halo(comm, plan, previous)
    watch.lap("halo exchange")
    before = driver if previous is None else previous.driver
    core = agree(comm, predict, plan, runner, priors, known, before, driver, previous is None)
    watch.lap("tiles")
    fields = publish(comm, plan, table, min_coverage, core, year)
    watch.lap("regrid to host cells")
    for stage, seconds in runner.seconds.items():
        watch.seconds[f"tiles: {stage}"] = seconds
    return State(year, core, driver, fields), watch.seconds


def coarse_to_driver(comm: Comm, plan: Plan, states: dict[str, np.ndarray]) -> np.ndarray:
    """Host cells' LUH2 states -> group fractions on the driver cells of this rank's tiles, (n_driver_cell, 6)."""
    cells = plan.cells
    groups = agree(comm, driver_groups, states, plan.owned, cells.global_id, cells.lon_deg, cells.lat_deg)
    return plan.driver_map.apply(groups)


def first_priors(plan: Plan) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The first prior and where it is known, on each window."""
    return [tile.prior for tile in plan.local], [tile.known for tile in plan.local]


def priors_with_halo(comm: Comm, plan: Plan, previous: State) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Last year's classes on each window: own core, halo from the neighbours' cores."""
    border = border_mask(plan.tiles)
    sent = np.concatenate([np.zeros(0, np.uint8), *(core[border] for core in previous.core)])
    received = plan.halo.exchange(sent)
    inner = slice(plan.tiles.halo, plan.tiles.halo + plan.tiles.core)
    priors = []
    for tile, core in zip(plan.local, previous.core):
        prior = np.full((plan.tiles.window, plan.tiles.window), NO_DATA, np.uint8)
        prior[inner, inner] = core
        prior.ravel()[tile.halo_flat] = received[tile.halo_rows]
        priors.append(prior)
    everything = np.ones((plan.tiles.window, plan.tiles.window), bool)
    return priors, [everything] * len(priors)


def predict(plan: Plan, runner: TileRunner, priors, known, before, after, is_first: bool) -> np.ndarray:
    """This year's class index on the tile cores; in the first year known cells keep their class."""
    runner.seconds = dict.fromkeys(runner.seconds, 0.0)
    none = (0, plan.tiles.core, plan.tiles.core)
    old = np.stack([core_of(plan, prior) for prior in priors]) if priors else np.zeros(none, np.uint8)
    keep = np.stack([core_of(plan, k) for k in known]) if known else np.zeros(none, bool)
    if is_first and keep.all():
        return old
    core = runner.predict(plan.local, priors, known, before, after)
    if is_first:
        core[keep] = old[keep]
    check_map(core, old, STATIC_CLASSES)
    return core


def first_coverage(plan: Plan) -> np.ndarray:
    """Share of each owned host cell that lies over fine-grid data, (n_owned,) (collective)."""
    core = [core_of(plan, tile.prior) for tile in plan.local]
    fine = plan.to_host.exchange(np.concatenate([np.zeros(0, np.uint8), *(block.ravel() for block in core)]))
    return plan.fractions.fractions(fine, N_CLASS, NO_DATA)[1]


def core_of(plan: Plan, window: np.ndarray) -> np.ndarray:
    """The core of a window."""
    inner = slice(plan.tiles.halo, plan.tiles.halo + plan.tiles.core)
    return window[inner, inner]


def publish(comm: Comm, plan: Plan, table: ClassTable, min_coverage: float, core: np.ndarray, year: int) -> dict[str, np.ndarray]:
    """Boundary fields on all host cells of this rank from the class maps on the tile cores."""
    fine = plan.to_host.exchange(core.reshape(-1))
    fraction, coverage = plan.fractions.fractions(fine, N_CLASS, NO_DATA)
    both = plan.to_all_cells.exchange(np.column_stack([fraction, coverage]))
    return agree(comm, boundary_fields, np.ascontiguousarray(both[:, :-1]), np.ascontiguousarray(both[:, -1]), min_coverage, year, table)
