"""Which tiles the host's cells lie on, how large they are, and what the network computes of each; the same on all ranks.

Knows the first prior and the lattices: no owners of tiles, no routes, no fields.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.classes import NO_DATA, STATIC_CLASSES, index_of_codes
from lsbc.emulator.reader import FineFile
from lsbc.emulator.tile_engine import Rectangle
from lsbc.emulator.tiles import TileLattice
from lsbc.emulator.windows import Cut, Limits, block_cells, core_multiple, cover, merge_blocks
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import FileError, GridError


@dataclass(frozen=True)
class Domain:
    """The tiles of all ranks."""

    active: np.ndarray
    """bool (n_driver_cell,), driver cells that some host cell overlaps."""
    card: TileLattice
    """Tiles of the size the network's card names; files are written in these."""
    card_tiles: np.ndarray
    """Ids of those that hold an active driver cell, sorted."""
    tiles: TileLattice
    """Tiles that are owned and computed; their cores consist of whole ones of the card's."""
    all_tiles: np.ndarray
    """Their ids, sorted."""
    cut: Cut
    windows: list[tuple[Rectangle, ...]]
    """What is computed of each tile; empty where nothing is."""
    cells_wanted: int
    """Fine cells whose class may change."""

    def card_places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each of the card's tiles: the position of the tile it lies in, and the row and column of its first cell in that one's core."""
        multiple = self.tiles.core // self.card.core
        row, col = np.divmod(self.card_tiles, self.card.n_col)
        parent = row // multiple * self.tiles.n_col + col // multiple
        return np.searchsorted(self.all_tiles, parent), row % multiple * self.card.core, col % multiple * self.card.core


def find_domain(comm: Comm, driver_cells: np.ndarray, artefact: Artefact, fine_file: FineFile, limits: Limits) -> Domain:
    """The domain of the driver cells that the ranks' host cells overlap (collective).

    Args:
        driver_cells: ids of those that this rank's cells overlap, any order.
    Raises:
        GridError: no rank has any.  FileError: bad classes in the fine-grid file.  ConfigError: windows that are too small.
    """
    bits = np.zeros(artefact.driver.n_cell, np.uint8)
    bits[driver_cells] = 1
    active = comm.allreduce_or(bits).astype(bool)
    if not active.any():
        raise GridError("No rank passed any owned cell: there is nothing to couple to.")
    card = TileLattice(artefact.fine, artefact.core, artefact.halo)
    row, col = np.divmod(np.flatnonzero(active), artefact.driver.n_lon)
    per_tile = card.core // artefact.ratio
    card_tiles = np.unique(row // per_tile * card.n_col + col // per_tile)
    block = block_cells(card.core, card.halo, artefact.depth)
    needed, wanted = _needed_blocks(comm, card, card_tiles, artefact, fine_file, active, block)
    multiple = core_multiple(card.core, card.halo, block, card.n_row, card.n_col, int(needed.any(axis=(1, 2)).sum()), limits)
    tiles = TileLattice(artefact.fine, card.core * multiple, card.halo)
    all_tiles, needed = merge_blocks(card_tiles, needed, card.n_col, multiple)
    cut = agree(comm, Cut, tiles.core, tiles.halo, block, limits)
    return Domain(active, card, card_tiles, tiles, all_tiles, cut, _cover_together(comm, needed, cut), wanted)


def _needed_blocks(comm: Comm, card: TileLattice, card_tiles: np.ndarray, artefact: Artefact, fine_file: FineFile, active: np.ndarray,
                   block: int) -> tuple[np.ndarray, int]:
    """Blocks of each of the card's tiles that hold a cell whose class may change, and how many such cells there are; each rank reads its share."""
    n = card.core // block

    def count() -> np.ndarray:
        found = np.zeros((len(range(comm.rank, len(card_tiles), comm.size)), n, n), np.int64)
        for counts, k in zip(found, range(comm.rank, len(card_tiles), comm.size)):
            row0, col0 = (at + card.halo for at in card.window_origin(card_tiles[k]))
            prior = first_prior(fine_file, artefact, active, row0, col0, card.core)
            counts[...] = (~np.isin(prior, (*STATIC_CLASSES, NO_DATA))).reshape(n, block, n, block).sum(axis=(1, 3))
        return found

    total = np.zeros((len(card_tiles), n, n), np.int64)
    for rank, found in enumerate(comm.allgather(agree(comm, count))):
        total[rank::comm.size] = found
    return total > 0, int(total.sum())


def _cover_together(comm: Comm, needed: np.ndarray, cut: Cut) -> list[tuple[Rectangle, ...]]:
    """`cover`, each rank a share of the tiles."""
    out: list[tuple[Rectangle, ...]] = [()] * len(needed)
    for rank, found in enumerate(comm.allgather(agree(comm, cover, needed[comm.rank::comm.size], cut))):
        out[rank::comm.size] = found
    return out


def first_prior(fine_file: FineFile, artefact: Artefact, active: np.ndarray, row0: int, col0: int, n: int) -> np.ndarray:
    """First prior as class index on a square, `NO_DATA` outside the active driver cells."""
    codes = fine_file.window("lu", row0, col0, n, n)
    try:
        prior = index_of_codes(codes)
    except ValueError as error:
        raise FileError(f"Fine-grid file {fine_file.path}, variable lu: {error}.") from error
    row = np.floor_divide(np.arange(row0, row0 + n), artefact.ratio)
    col = np.floor_divide(np.arange(col0, col0 + n), artefact.ratio) % artefact.driver.n_lon
    inside = (row >= 0) & (row < artefact.driver.n_lat)
    grid = active.reshape(artefact.driver.n_lat, artefact.driver.n_lon)
    prior[~(grid[np.where(inside, row, 0)][:, col] & inside[:, None])] = NO_DATA
    return prior
