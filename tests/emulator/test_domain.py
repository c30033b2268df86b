import numpy as np

from lsbc.emulator import windows
from lsbc.emulator.artefact import read_artefact
from lsbc.emulator.domain import find_domain
from lsbc.emulator.reader import FineFile
from lsbc.emulator.windows import Limits, computed_cells
from lsbc.regrid.comm import SerialComm

import case


def domain_of(tmp_path, classes, longest_window=576):
    artefact = read_artefact(case.write_artefact(tmp_path / "model"))
    fine = FineFile(case.write_fine_file(tmp_path / "fine.nc", classes), artefact.fine)
    row, col = (case.LAT0 + 90) * 4 + np.arange(8), (case.LON0 + 180) * 4 + np.arange(8)
    try:
        return find_domain(SerialComm(), (row[:, None] * artefact.driver.n_lon + col).ravel(), artefact, fine, Limits(longest_window))
    finally:
        fine.close()


def test_water_and_missing_cells_are_not_computed(tmp_path):
    classes = np.full((240, 240), 7, np.uint8)
    classes[120:, :] = 255
    classes[65, 70] = 4
    classes[0, 239] = 1
    domain = domain_of(tmp_path, classes)
    assert domain.cells_wanted == 2 and len(domain.all_tiles) == 16
    found = {int(tile): rectangles for tile, rectangles in zip(domain.all_tiles, domain.windows) if rectangles}
    first = int(domain.all_tiles[0])
    assert found.keys() == {first + 3, first + domain.tiles.n_col + 1}
    assert [(r.row, r.column, r.rows, r.columns) for r in found[first + 3]] == [(0, 40, 20, 20)]
    assert [(r.row, r.column, r.rows, r.columns) for r in found[first + domain.tiles.n_col + 1]] == [(0, 0, 20, 20)]


def test_all_land_is_one_window_a_tile(tmp_path):
    domain = domain_of(tmp_path, np.ones((240, 240), np.uint8))
    assert domain.cells_wanted == 240 * 240 and {len(w) for w in domain.windows} == {1}
    assert computed_cells(domain.windows[0], case.HALO) == 64 * 64


def test_the_cards_tiles_lie_in_the_larger_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(windows, "TILES_LEFT", 0)
    domain = domain_of(tmp_path, case.first_map(), 4 * 60 + 4)
    assert domain.tiles.core == 240 and domain.card.core == 60 and len(domain.card_tiles) == 16
    position, row, col = domain.card_places()
    cells = [domain.tiles.core_cells(domain.all_tiles[p])[r: r + 60, c: c + 60] for p, r, c in zip(position, row, col)]
    assert all(np.array_equal(a, domain.card.core_cells(tile)) for a, tile in zip(cells, domain.card_tiles))
