import numpy as np
import pytest

from lsbc.emulator.tiles import TileLattice, assign_owners, hilbert_index
from lsbc.regrid.lattice import Lattice

TILES = TileLattice(Lattice(n_lat=180, n_lon=360), core=30, halo=4)


def test_the_cores_cover_the_globe_once():
    seen = np.concatenate([TILES.core_cells(tile).ravel() for tile in range(TILES.n_row * TILES.n_col)])
    assert np.array_equal(np.sort(seen), np.arange(180 * 360))


def test_every_core_cell_belongs_to_its_tile():
    for tile in (0, 7, 71):
        assert set(TILES.tile_of_cell(TILES.core_cells(tile)).ravel().tolist()) == {tile}


def test_a_window_wraps_at_the_date_line_and_ends_at_the_pole():
    cells = TILES.window_cells(0)
    assert cells.shape == (38, 38)
    assert (cells[:4] == -1).all()
    assert cells[4, 0] == 356 and cells[4, 4] == 0


def test_windows_agree_with_their_cores():
    for tile in (13, 40):
        assert np.array_equal(TILES.window_cells(tile)[4:34, 4:34], TILES.core_cells(tile))


def test_the_hilbert_curve_visits_every_cell_and_steps_to_a_neighbour():
    y, x = np.divmod(np.arange(256), 16)
    position = hilbert_index(4, x, y)
    assert np.array_equal(np.sort(position), np.arange(256))
    order = np.argsort(position)
    assert (np.abs(np.diff(x[order])) + np.abs(np.diff(y[order])) == 1).all()


@pytest.mark.parametrize("n_rank", [1, 2, 3, 7])
def test_owners_are_runs_along_the_curve_with_about_equal_weight(n_rank):
    tile = np.arange(TILES.n_row * TILES.n_col)
    weight = 1 + tile % 5 * 100
    owner = assign_owners(TILES, tile, weight, n_rank)
    row, col = np.divmod(tile, TILES.n_col)
    along = owner[np.argsort(hilbert_index(4, col, row))]
    assert (np.diff(along) >= 0).all() and along[0] == 0 and along[-1] == n_rank - 1
    load = np.bincount(owner, weights=weight + 1.0, minlength=n_rank)
    assert load.max() - load.min() <= 2 * (weight.max() + 1)


def test_more_ranks_than_tiles_leave_some_without():
    owner = assign_owners(TILES, np.array([3]), np.array([10]), 4)
    assert owner.shape == (1,) and 0 <= owner[0] < 4
