"""Everything that is worked out once when the host's cells are known: domain, tiles, owners, routes, weights.

Built collectively; afterwards a year only moves data along these routes. Knows no network and no fields.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.classes import NO_DATA, STATIC_CLASSES
from lsbc.emulator.domain import Domain, find_domain, first_prior
from lsbc.emulator.reader import FineFile
from lsbc.emulator.terrain import slope_and_northness
from lsbc.emulator.tile_engine import Rectangle
from lsbc.emulator.tiles import TileLattice, assign_owners
from lsbc.emulator.windows import Limits, computed_cells
from lsbc.regrid.aggregate import FractionPlan
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.host_cells import HostCells
from lsbc.regrid.lattice_means import LatticeMeans
from lsbc.regrid.overlap import overlap_polygons
from lsbc.regrid.route import Router

LOWEST_M, HIGHEST_M = -500.0, 9000.0
"""Elevations on Earth; fill values lie outside."""


@dataclass
class Tile:
    """One tile of this rank: statics and first prior on its window, and where its halo comes from."""

    tile: int
    row0: int
    col0: int
    prior: np.ndarray
    """First prior, class index on the window (window, window); `NO_DATA` outside the domain."""
    known: np.ndarray
    """Where the first prior is known, bool (window, window)."""
    statics: dict[str, np.ndarray]
    """Empty where nothing is computed."""
    halo_flat: np.ndarray
    """Window positions that other cores fill each year."""
    halo_rows: slice
    """Rows of the halo exchange that belong to this tile."""
    driver_row0: int
    driver_col0: int
    driver_index: np.ndarray
    """Row of the driver field for each driver cell around the window, -1 where there is none."""
    driver_index_core: np.ndarray
    """The same for the driver cells of the core alone."""
    windows: tuple[Rectangle, ...]
    """What the network computes of the core; empty where no class may change."""


@dataclass
class Plan:
    """Routes and weights of one rank."""

    cells: HostCells
    owned: np.ndarray
    """Positions of this rank's own cells among those it passed."""
    domain: Domain
    ratio: int
    """Fine cells along one side of a driver cell."""
    owner: np.ndarray
    """The rank of every tile of the domain, the same on all ranks."""
    local: list[Tile]
    driver_map: LatticeMeans
    driver_cell: np.ndarray
    """Global ids of the driver cells this rank's tiles look at."""
    halo: Router
    to_host: Router
    fractions: FractionPlan
    to_all_cells: Router
    fingerprint: str
    """Names the grid of cells whatever their order and owners."""

    @property
    def tiles(self) -> TileLattice:
        """The lattice of the tiles."""
        return self.domain.tiles

    @property
    def all_tiles(self) -> np.ndarray:
        """Every tile of the domain, sorted, the same on all ranks."""
        return self.domain.all_tiles

    @property
    def has_land(self) -> bool:
        """Whether the class of any cell of any rank may change."""
        return self.domain.cells_wanted > 0


@dataclass(frozen=True)
class Pieces:
    """Where each of the card's tiles lies."""

    rank: np.ndarray
    """Who owns it."""
    local: np.ndarray
    """Position among this rank's tiles of the one that it lies in, -1 on other ranks."""
    row: np.ndarray
    col: np.ndarray
    """First cell in that tile's core."""
    core: int

    def cells(self, k: int) -> tuple[slice, slice]:
        """Rows and columns in that tile's core."""
        return slice(self.row[k], self.row[k] + self.core), slice(self.col[k], self.col[k] + self.core)


def card_pieces(plan: Plan) -> Pieces:
    """Each of the card's tiles, sorted, as a part of the plan's: files are the same whatever size these have."""
    position, row, col = plan.domain.card_places()
    local = np.full(len(plan.all_tiles), -1, np.int64)
    local[np.searchsorted(plan.all_tiles, np.array([tile.tile for tile in plan.local], np.int64))] = np.arange(len(plan.local))
    return Pieces(plan.owner[position], local[position], row, col, plan.domain.card.core)


def build_plan(comm: Comm, cells: HostCells, edges: str, artefact: Artefact, fine_file: FineFile, limits: Limits) -> Plan:
    """Work out domain, tiles and routes (collective); `limits` are those of the device that computes, the same on all ranks.

    Raises:
        GridError: a cell id is owned twice or by nobody, or ranks differ in the number of corners.
        FileError: bad values in the fine-grid file.  ConfigError: windows that are too small for the network.
    """
    cells.refuse_radians(comm)
    _same_corners(comm, cells)
    owned = np.flatnonzero(cells.owned)
    to_all_cells = Router.build(comm, cells.global_id[owned], cells.global_id, what="host cell")
    on_driver, on_fine = agree(comm, _overlaps, cells, owned, edges, artefact)
    domain = find_domain(comm, on_driver.cell, artefact, fine_file, limits)
    tiles = domain.tiles
    weight = np.array([computed_cells(windows, tiles.halo) for windows in domain.windows], np.int64)
    owner = assign_owners(tiles, domain.all_tiles, weight, comm.size)
    mine = np.flatnonzero(owner == comm.rank)
    local, driver_cell = agree(comm, _read_tiles, mine, domain, artefact, fine_file)
    halo = _halo_router(comm, tiles, local, domain.all_tiles)
    fractions = agree(comm, FractionPlan.from_overlap, on_fine, len(owned))
    to_host = Router.build(comm, _core_cells(tiles, domain.all_tiles[mine]), fractions.need, what="fine cell")
    driver_map = LatticeMeans.build(comm, on_driver, cells.global_id[owned], driver_cell)
    return Plan(cells, owned, domain, artefact.ratio, owner, local, driver_map, driver_cell, halo, to_host, fractions, to_all_cells,
                _fingerprint(comm, cells, owned))


def _overlaps(cells: HostCells, owned: np.ndarray, edges: str, artefact: Artefact):
    corners = cells.vertex_lon_deg[owned], cells.vertex_lat_deg[owned]
    return overlap_polygons(*corners, artefact.driver, edges), overlap_polygons(*corners, artefact.fine, edges)


def _same_corners(comm: Comm, cells: HostCells) -> None:
    n_vertex = cells.vertex_lon_deg.shape[1] if cells.n_cell else 0
    most, fewest = comm.allreduce_max(n_vertex), -comm.allreduce_max(-n_vertex if cells.n_cell else -(2**31))
    if most and most != fewest:
        raise GridError(f"Cells have {fewest} corners on one rank and {most} on another; repeat the last corner to make them equal.")


def _read_tiles(mine: np.ndarray, domain: Domain, artefact: Artefact, fine_file: FineFile) -> tuple[list[Tile], np.ndarray]:
    """The tiles at positions `mine` among those of the domain, and the driver cells they look at."""
    local, wanted = [], []
    tiles, n = domain.tiles, domain.tiles.window
    for k in mine.tolist():
        tile = int(domain.all_tiles[k])
        row0, col0 = tiles.window_origin(tile)
        prior = first_prior(fine_file, artefact, domain.active, row0, col0, n)
        known = fine_file.window("known", row0, col0, n, n).astype(bool) | np.isin(prior, (*STATIC_CLASSES, NO_DATA))
        statics = _statics(fine_file, artefact, domain.active, prior, row0, col0) if domain.windows[k] else {}
        driver_row0, driver_col0, ids = _driver_cells_around(artefact, row0, col0, n)
        wanted.append(np.where((ids >= 0) & domain.active[ids], ids, -1))
        local.append(Tile(tile, row0, col0, prior, known, statics, np.zeros(0, np.int64), slice(0, 0),
                          driver_row0, driver_col0, wanted[-1], wanted[-1], domain.windows[k]))
    driver_cell = np.unique(np.concatenate([np.zeros(0, np.int64), *(w.ravel() for w in wanted)]))
    driver_cell = driver_cell[driver_cell >= 0]
    for tile in local:
        ids = tile.driver_index
        tile.driver_index = np.where(ids >= 0, np.searchsorted(driver_cell, ids), -1)
        first_row, first_col = ((at + tiles.halo) // artefact.ratio for at in (tile.row0, tile.col0))
        n_block = tiles.core // artefact.ratio
        tile.driver_index_core = tile.driver_index[first_row - tile.driver_row0:, first_col - tile.driver_col0:][:n_block, :n_block]
    return local, driver_cell


def _statics(fine_file: FineFile, artefact: Artefact, active, prior: np.ndarray, row0: int, col0: int) -> dict[str, np.ndarray]:
    """Static fields on a window, 0 (human footprint: NaN) where there is no class."""
    n = len(prior)
    statics = {name: fine_file.window(name, row0, col0, n, n) for name in ("koppen", "land", "human_footprint")}
    wide = fine_file.window("elevation", row0 - 1, col0 - 1, n + 2, n + 2)
    statics["elevation"] = wide[1:-1, 1:-1].copy()
    _check_elevation(fine_file, artefact, statics["elevation"], prior, row0, col0)
    valid = first_prior(fine_file, artefact, active, row0 - 1, col0 - 1, n + 2) != NO_DATA
    statics["slope"], statics["northness"] = slope_and_northness(wide, valid, row0, artefact.fine.n_lat)
    for name, values in statics.items():
        values[prior == NO_DATA] = np.nan if name == "human_footprint" else 0
    return statics


def _check_elevation(fine_file: FineFile, artefact: Artefact, elevation, prior, row0: int, col0: int) -> None:
    bad = ~((elevation >= LOWEST_M) & (elevation <= HIGHEST_M)) & (prior != NO_DATA)
    if bad.any():
        r, c = np.argwhere(bad)[0]
        raise FileError(f"Fine-grid file {fine_file.path}: elevation is {elevation[r, c]} at "
                        f"{artefact.fine.lon_centre_deg(col0 + int(c)):.4f} E, {artefact.fine.lat_centre_deg(row0 + int(r)):.4f} N, where lu has a class; "
                        f"it must lie in {LOWEST_M:g}..{HIGHEST_M:g} m.")


def _driver_cells_around(artefact: Artefact, row0: int, col0: int, n: int) -> tuple[int, int, np.ndarray]:
    """First driver row and column around a window, one ring included, and the global ids there (-1 beyond a pole)."""
    first_row, first_col = row0 // artefact.ratio - 1, col0 // artefact.ratio - 1
    rows = np.arange(first_row, (row0 + n - 1) // artefact.ratio + 2, dtype=np.int64)
    cols = np.arange(first_col, (col0 + n - 1) // artefact.ratio + 2, dtype=np.int64) % artefact.driver.n_lon
    ids = rows[:, None] * artefact.driver.n_lon + cols[None, :]
    ids[(rows < 0) | (rows >= artefact.driver.n_lat)] = -1
    return first_row, first_col, ids


def _core_cells(tiles: TileLattice, mine: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *(tiles.core_cells(tile).ravel() for tile in mine)])


def border_mask(tiles: TileLattice) -> np.ndarray:
    """Cells of a core that lie in some neighbour's halo, bool (core, core)."""
    edge = np.minimum(np.arange(tiles.core), np.arange(tiles.core)[::-1]) < tiles.halo
    return edge[:, None] | edge[None, :]


def _halo_router(comm: Comm, tiles: TileLattice, local: list[Tile], all_tiles: np.ndarray) -> Router:
    """Route last year's classes from the cores' borders to the halos of the tiles around."""
    border = border_mask(tiles)
    have = np.concatenate([np.zeros(0, np.int64), *(tiles.core_cells(tile.tile)[border] for tile in local)])
    need, start = [np.zeros(0, np.int64)], 0
    for tile in local:
        cells = tiles.window_cells(tile.tile).ravel()
        inner = np.zeros((tiles.window, tiles.window), bool)
        inner[tiles.halo: tiles.halo + tiles.core, tiles.halo: tiles.halo + tiles.core] = True
        wanted = (cells >= 0) & ~inner.ravel() & (tile.prior.ravel() != NO_DATA)
        wanted[wanted] = np.isin(tiles.tile_of_cell(cells[wanted]), all_tiles)
        tile.halo_flat = np.flatnonzero(wanted)
        tile.halo_rows = slice(start, start + len(tile.halo_flat))
        start += len(tile.halo_flat)
        need.append(cells[tile.halo_flat])
    return Router.build(comm, have, np.concatenate(need), what="fine cell")


def _fingerprint(comm: Comm, cells: HostCells, owned: np.ndarray) -> str:
    """Sum over owned cells of a 64-bit mix of id and corners: the same for any order and ownership."""
    words = np.column_stack([cells.global_id[owned].astype(np.uint64), np.ascontiguousarray(cells.vertex_lon_deg[owned]).view(np.uint64),
                             np.ascontiguousarray(cells.vertex_lat_deg[owned]).view(np.uint64)])
    mixed = np.full(len(owned), 0x9E3779B97F4A7C15, np.uint64)
    for column in words.T:
        mixed = (mixed ^ column) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(29)
    total = sum(comm.allgather(int(mixed.sum(dtype=np.uint64)))) % 2**64
    return f"{total:016x}-{sum(comm.allgather(len(owned)))}"
