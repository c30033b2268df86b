"""One coupled year, stage by stage, in the order the data flow. Changes no state: returns the next one."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from lsbc.emulator.allocate import N_LAND_GROUP, allocate
from lsbc.emulator.classes import N_CLASS, NO_DATA, STATIC_CLASSES
from lsbc.emulator.fields import boundary_fields
from lsbc.emulator.gate import check_map, driver_groups
from lsbc.emulator.infer import TileRunner, most_likely
from lsbc.emulator.plan import Plan, border_mask
from lsbc.emulator.state import State
from lsbc.emulator.surface.parameters import ClassTable
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import GridError, ValueRangeError


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


@dataclass(frozen=True)
class Settings:
    """What a year needs besides plan, network and state."""

    table: ClassTable
    min_coverage: float
    allocation: bool


def run_year(comm: Comm, plan: Plan, runner: TileRunner, settings: Settings, previous: State | None, states: dict[str, np.ndarray],
             year: int) -> tuple[State, dict[str, float]]:
    """Predict one year (collective); without a previous state, make the first map from the first prior.

    Returns:
        the next state, and this rank's seconds by stage.
    """
    watch = Stopwatch()
    runner.seconds = dict.fromkeys(runner.seconds, 0.0)
    driver = coarse_to_driver(comm, plan, states)
    watch.lap("regrid to driver grid")
    priors, known = first_priors(plan) if previous is None else priors_with_halo(comm, plan, previous)
    watch.lap("halo exchange")
    dropped = 0.0
    if previous is None:
        core, carry = agree(comm, first_map, plan, runner, priors, known, driver)
    else:
        core, carry, dropped = agree(comm, next_map, plan, runner, priors, known, previous, driver, settings.allocation)
    watch.lap("tiles")
    fields = publish(comm, plan, settings, core, year)
    watch.lap("regrid to host cells")
    for stage, seconds in runner.seconds.items():
        watch.seconds[f"tiles: {stage}"] = seconds
    return State(year, core, driver, carry, fields, dropped), watch.seconds


def coarse_to_driver(comm: Comm, plan: Plan, states: dict[str, np.ndarray]) -> np.ndarray:
    """Host cells' LUH2 states -> group fractions on the driver cells of this rank's tiles, (n_driver_cell, 6)."""
    cells = plan.cells
    groups = agree(comm, driver_groups, states, plan.owned, cells.global_id, cells.lon_deg, cells.lat_deg)
    if plan.has_land and not comm.allreduce_max(int(np.any(groups[:, :-1] > 0.0))):
        raise ValueRangeError("All twelve LUH2 states are zero in every cell of every rank, but the fine-grid file has land there: "
                              "were the arrays filled before step_year?")
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


def first_map(plan: Plan, runner: TileRunner, priors, known, driver: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first year's classes on the tile cores: the prior where it is known, the network's where it is hidden; no demand carried."""
    old, keep = _cores(plan, priors), _cores(plan, known).astype(bool)
    core = old
    if not keep.all():
        core = np.where(keep, old, runner.predict(plan.local, priors, known, driver, driver, most_likely))
    check_map(core, old, STATIC_CLASSES)
    n_block = plan.tiles.core // plan.ratio
    return core, np.zeros((len(plan.local), n_block, n_block, N_LAND_GROUP))


def next_map(plan: Plan, runner: TileRunner, priors, known, previous: State, driver: np.ndarray, allocation: bool) -> tuple[np.ndarray, np.ndarray, float]:
    """This year's classes on the tile cores, the demand carried on, and how many cells of it could not be met."""
    carry, dropped = previous.carry.copy(), []

    def meet_demand(k: int, logits: np.ndarray, old: np.ndarray) -> np.ndarray:
        index = plan.local[k].driver_index_core
        delta = np.where((index >= 0)[..., None], driver[index] - previous.driver[index], 0.0)
        result = allocate(logits, old, delta, carry[k])
        carry[k] = result.carry
        dropped.append(float(result.dropped.sum()))
        return result.core

    core = runner.predict(plan.local, priors, known, previous.driver, driver, meet_demand if allocation else most_likely)
    check_map(core, _cores(plan, priors), STATIC_CLASSES)
    return core, carry, sum(dropped)


def _cores(plan: Plan, windows: list[np.ndarray]) -> np.ndarray:
    if not windows:
        return np.zeros((0, plan.tiles.core, plan.tiles.core), np.uint8)
    return np.stack([core_of(plan, window) for window in windows])


def first_coverage(comm: Comm, plan: Plan) -> np.ndarray:
    """Share of each owned host cell that lies over fine-grid data, (n_owned,) (collective)."""
    core = [core_of(plan, tile.prior) for tile in plan.local]
    fine = plan.to_host.exchange(np.concatenate([np.zeros(0, np.uint8), *(block.ravel() for block in core)]))
    return agree(comm, plan.fractions.fractions, fine, N_CLASS, NO_DATA)[1]


def require_coverage(plan: Plan, coverage: np.ndarray, min_coverage: float, box: str) -> None:
    """Refuse a grid with a cell of which less than `min_coverage` lies over fine-grid data; raises GridError naming the worst.

    `box` says in words what the fine-grid file covers.
    """
    if not len(coverage):
        return
    k = int(np.argmin(coverage))
    if not coverage[k] >= min_coverage:
        cell = plan.owned[k]
        raise GridError(
            f"Cell {int(plan.cells.global_id[cell])} ({plan.cells.lon_deg[cell]:.4f} E, {plan.cells.lat_deg[cell]:.4f} N) lies over fine-grid data "
            f"with {100 * coverage[k]:.1f} % of its area, less than output.min_coverage = {min_coverage:g}; the file holds {box}. Give a data.fine that covers the grid "
            "(or are longitude and latitude swapped?), or set output.uncovered_cells = 'fill'.")


def core_of(plan: Plan, window: np.ndarray) -> np.ndarray:
    """The core of a window."""
    inner = slice(plan.tiles.halo, plan.tiles.halo + plan.tiles.core)
    return window[inner, inner]


def publish(comm: Comm, plan: Plan, settings: Settings, core: np.ndarray, year: int) -> dict[str, np.ndarray]:
    """Boundary fields on all host cells of this rank from the class maps on the tile cores."""
    fine = plan.to_host.exchange(core.reshape(-1))
    fraction, coverage = agree(comm, plan.fractions.fractions, fine, N_CLASS, NO_DATA)
    both = plan.to_all_cells.exchange(np.column_stack([fraction, coverage]))
    return agree(comm, boundary_fields, np.ascontiguousarray(both[:, :-1]), np.ascontiguousarray(both[:, -1]), settings.min_coverage, year, settings.table)
