"""One coupled year, stage by stage, in the order the data flow. Changes no state: returns the next one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from lsbc.emulator.allocate import N_LAND_GROUP, allocate
from lsbc.emulator.boundary import CellState, Tables, boundary_fields
from lsbc.emulator.channels import shown_prior
from lsbc.emulator.classes import N_CLASS, NO_DATA, STATIC_CLASSES
from lsbc.emulator.climate import HostClimate
from lsbc.emulator.fields import QUALITY_SPARE
from lsbc.emulator.gate import check_map, driver_groups
from lsbc.emulator.plan import Plan, Tile, border_mask
from lsbc.emulator.share import RankTiles
from lsbc.emulator.state import State
from lsbc.emulator.tile_engine import TileStatics, TileYear, Want
from lsbc.emulator.transitions import N_PAIR, pairs, transition_field, unknown
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import GridError, ValueRangeError

Choose = Callable[[int, np.ndarray, np.ndarray], np.ndarray]
"""(position of the tile, what its engine delivered, last year's classes (core, core)) -> this year's classes."""


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

    tables: Tables
    min_coverage: float
    allocation: bool
    transitions: bool


def run_year(comm: Comm, plan: Plan, tiles: RankTiles, settings: Settings, previous: State | None, states: dict[str, np.ndarray],
             climate: HostClimate, year: int) -> tuple[State, dict[str, float]]:
    """Predict one year (collective); without a previous state, make the first map from the first prior.

    Returns:
        the next state, and this rank's seconds by stage.
    """
    watch = Stopwatch()
    tiles.seconds.update(dict.fromkeys(tiles.seconds, 0.0))
    driver = coarse_to_driver(comm, plan, states)
    watch.lap("regrid to driver grid")
    priors, known = first_priors(plan) if previous is None else priors_with_halo(comm, plan, previous)
    watch.lap("halo exchange")
    dropped = 0.0
    if previous is None:
        core, carry, by_spare = first_map(comm, plan, tiles, priors, known, driver)
    else:
        core, carry, by_spare, dropped = next_map(comm, plan, tiles, priors, known, previous, driver, settings.allocation)
    watch.lap("tiles")
    before = previous.core if settings.transitions and previous is not None else None
    state = publish(comm, plan, settings, climate, State(year, core, driver, carry, {}, by_spare, before, dropped))
    watch.lap("regrid to host cells")
    for stage, seconds in tiles.seconds.items():
        watch.seconds[f"tiles: {stage}"] = seconds
    return state, watch.seconds


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


def tile_statics(plan: Plan) -> list[TileStatics]:
    """What an engine must know of this rank's tiles."""
    return [TileStatics(tile.tile, tile.row0, tile.col0, tile.statics, tile.driver_row0, tile.driver_col0, tile.windows) for tile in plan.local]


def first_map(comm: Comm, plan: Plan, tiles: RankTiles, priors, known, driver: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first year's classes on the tile cores: the prior where it is known, the network's where it is hidden; no demand carried (collective).

    Returns:
        as `next_map`, without the last.
    """
    keep = agree(comm, _cores, plan, known).astype(bool)
    hidden = [k for k in range(len(plan.local)) if not keep[k].all()]
    core, by_spare = predict(comm, plan, tiles, hidden, (priors, known), (driver, driver), "classes",
                             lambda k, best, old: np.where(keep[k], old, dynamic_only(best, old)))
    n_block = plan.tiles.core // plan.ratio
    return core, np.zeros((len(plan.local), n_block, n_block, N_LAND_GROUP)), by_spare


def next_map(comm: Comm, plan: Plan, tiles: RankTiles, priors, known, previous: State, driver: np.ndarray,
             allocation: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """This year's classes on the tile cores, the demand carried on, which tiles a spare engine computed, and how many cells of demand were not met (collective)."""
    carry, dropped = previous.carry.copy(), []

    def meet_demand(k: int, score: np.ndarray, old: np.ndarray) -> np.ndarray:
        index = plan.local[k].driver_index_core
        delta = np.where((index >= 0)[..., None], driver[index] - previous.driver[index], 0.0)
        result = allocate(score, old, delta, carry[k])
        carry[k] = result.carry
        dropped.append(float(result.dropped.sum()))
        return result.core

    everything = range(len(plan.local))
    if allocation:
        core, by_spare = predict(comm, plan, tiles, everything, (priors, known), (previous.driver, driver), "scores", meet_demand)
    else:
        core, by_spare = predict(comm, plan, tiles, everything, (priors, known), (previous.driver, driver), "classes",
                                 lambda _, best, old: dynamic_only(best, old))
    return core, carry, by_spare, math.fsum(dropped)


def predict(comm: Comm, plan: Plan, tiles: RankTiles, positions, priors, driver, want: Want, choose: Choose) -> tuple[np.ndarray, np.ndarray]:
    """Class maps of the tile cores (collective); tiles that are not asked for, or hold nothing to compute, as in the prior.

    Args:
        positions: this rank's tiles to compute.  priors: last year's classes on each window, and where the network may see them.
        driver: this year's and next year's group fractions, (n_driver_cell, 6) each.
        want: what `choose` takes to make a core's new map.
    Returns:
        uint8 (n_tile, core, core); which tiles a spare engine computed, bool (n_tile,).
    Raises:
        InternalError, DeviceError: on all ranks.
    """

    def inputs() -> tuple[np.ndarray, np.ndarray, dict[int, TileYear]]:
        old = _cores(plan, priors[0])
        return old, old.copy(), {k: tile_year(plan.local[k], priors[0][k], priors[1][k], *driver) for k in positions if plan.local[k].windows}

    def deliver(k: int, result: np.ndarray) -> None:
        core[k] = choose(k, result, old[k])

    old, core, years = agree(comm, inputs)
    by_spare = np.zeros(len(core), bool)
    by_spare[list(tiles.run(years, want, deliver))] = True
    agree(comm, check_map, core, old, STATIC_CLASSES)
    return core, by_spare


def tile_year(tile: Tile, prior: np.ndarray, known: np.ndarray, driver_now: np.ndarray, driver_next: np.ndarray) -> TileYear:
    """One tile's inputs of one year."""
    valid = tile.driver_index >= 0
    index = np.where(valid, tile.driver_index, 0)
    now, following = (np.ascontiguousarray(np.where(valid, np.moveaxis(driver[index], -1, 0), 0.0)) for driver in (driver_now, driver_next))
    return TileYear(shown_prior(prior, known), now, following, valid)


def dynamic_only(best: np.ndarray, old: np.ndarray) -> np.ndarray:
    """The network's class for each cell that is neither static nor missing."""
    return np.where(np.isin(old, (*STATIC_CLASSES, NO_DATA)), old, best)


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


def publish(comm: Comm, plan: Plan, settings: Settings, climate: HostClimate, state: State) -> State:
    """The state with its boundary fields on all host cells of this rank, from its class maps on the tile cores (collective)."""
    fine = plan.to_host.exchange(state.core.reshape(-1))
    fraction, coverage = agree(comm, plan.fractions.fractions, fine, N_CLASS, NO_DATA)
    quality = QUALITY_SPARE * _touched(comm, plan, state.by_spare)
    both = plan.to_all_cells.exchange(np.column_stack([fraction, coverage, quality]))
    cells = CellState(*(np.ascontiguousarray(part) for part in (both[:, :-2], both[:, -2], both[:, -1])))
    fields = agree(comm, boundary_fields, cells, climate, settings.min_coverage, state.year, settings.tables)
    if settings.transitions:
        fields["transitions"] = _transitions(comm, plan, settings, state, cells)
    return replace(state, fields=fields)


def _transitions(comm: Comm, plan: Plan, settings: Settings, state: State, cells: CellState) -> np.ndarray:
    """The field `transitions`, (64, n_cell) (collective)."""
    if state.before is None:
        return unknown(len(cells.coverage))
    fine = plan.to_host.exchange(pairs(state.before, state.core).reshape(-1))
    fraction = plan.to_all_cells.exchange(agree(comm, plan.fractions.fractions, fine, N_PAIR, NO_DATA)[0])
    return agree(comm, transition_field, fraction, cells.fraction.T, cells.coverage >= settings.min_coverage)


def _touched(comm: Comm, plan: Plan, marked: np.ndarray) -> np.ndarray:
    """1.0 for each owned host cell over any fine cell of a marked tile, else 0.0, (n_owned,) (collective)."""
    if not comm.allreduce_max(int(marked.any())):
        return np.zeros(len(plan.owned))
    fine = plan.to_host.exchange(np.repeat(marked.astype(np.uint8), plan.tiles.core**2))
    return (agree(comm, plan.fractions.fractions, fine, 2, NO_DATA)[0][:, 1] > 0.0).astype(np.float64)
