import sys

import numpy as np
import pytest

from lsbc.emulator.hosts.healpix_cells import HealpixGrid
from lsbc.regrid.errors import ConfigError, StartupError

pytest.importorskip("healpix")


@pytest.mark.parametrize(("order", "chunk", "south", "north"), [
    ("nest", 4, [0, 0, 0, 0, -2 / 3, -2 / 3, -2 / 3, -2 / 3, -1, -1, -1, -1], [1, 1, 1, 1, 2 / 3, 2 / 3, 2 / 3, 2 / 3, 0, 0, 0, 0]),
    ("ring", 4, [2 / 3, 1 / 3, 1 / 3, 0, 0, -1 / 3, -1 / 3, -2 / 3, -2 / 3, -11 / 12, -11 / 12, -1],
     [1, 11 / 12, 11 / 12, 2 / 3, 2 / 3, 1 / 3, 1 / 3, 0, 0, -1 / 3, -1 / 3, -2 / 3]),
])
def test_chunks_reach_as_far_as_the_corners_of_their_cells(order, chunk, south, north):
    """Rings of nside = 2: 11/12, 2/3, 1/3, 0, ...; a cell's corners lie on the rings beside its own."""
    found = HealpixGrid(2, order).latitudes_of_chunks(chunk)
    assert found[0] == pytest.approx(south, abs=1e-15)
    assert found[1] == pytest.approx(north, abs=1e-15)


def test_levels_count_halvings_of_the_base_cells():
    grid = HealpixGrid(1024)
    assert (grid.level, grid.n_cell) == (10, 12582912)


@pytest.mark.parametrize("nside", [0, -4, 3, 12, 2**14])
def test_other_than_powers_of_two_are_refused(nside):
    with pytest.raises(ConfigError, match=rf"power of two from 1 to 8192, got {nside}\."):
        HealpixGrid(nside)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "healpix", None)
    with pytest.raises(StartupError, match=r"pip install 'lsbc\[healpix\]'"):
        HealpixGrid(2).centres_deg(np.arange(3))
