import itertools

import numpy as np
import pytest

from lsbc.emulator.hosts.healpix_areas import class_areas, strips_of
from lsbc.regrid.errors import ConfigError
from lsbc.regrid.lattice import Lattice

healpix = pytest.importorskip("healpix")
FINE = Lattice(21600, 43200)


def areas_of(classes, lattice, nside, n_class=8, block=64):
    """(n_class, 12 nside^2) from a map of the whole lattice, block by block."""
    strips, quarter = strips_of(lattice, nside), lattice.n_lon // 4
    out = np.zeros((n_class, 12 * nside**2))
    for zone, facet in itertools.product((-1, 0, 1), range(4)):
        there = np.flatnonzero(strips.zone == zone)
        for first, col in itertools.product(there[::block], range(facet * quarter, (facet + 1) * quarter, block)):
            strip = strips[first: min(first + block, there[-1] + 1)]
            cells, area = class_areas(classes[strip.row][:, col: min(col + block, (facet + 1) * quarter)], strip, col, n_class)
            assert len(np.unique(cells)) == len(cells)
            out[:, cells] += area
    return out


def _one(strip, col):
    """Cells and areas of one cell of the 30 arc second lattice."""
    cells, area = class_areas(np.zeros((1, 1), np.uint8), strip, col, 1)
    return cells, area[0]


@pytest.mark.parametrize(("n_lat", "nside"), [(90, 1), (36, 2), (36, 4), (180, 8), (181, 16), (360, 32)])
def test_a_map_of_one_class_fills_every_cell_once(n_lat, nside):
    lattice = Lattice(n_lat, 4 * ((n_lat + 1) // 2))
    area = areas_of(np.full((lattice.n_lat, lattice.n_lon), 3, np.uint8), lattice, nside)
    assert np.abs(area[3] - 1.0).max() < 1e-13
    assert not np.delete(area, 3, axis=0).any()


def test_bands_of_latitude_have_the_shares_of_base_cells_that_their_edges_give():
    """With z = sin lat, base cell 0 is pi / 2 wide for z > 2/3 and (pi / 2) (3 z / 2) below, base cell 5 (pi / 2) (1 - 3 |z| / 2); each covers pi / 3."""
    lattice = Lattice(6, 12)
    area = areas_of(np.arange(6, dtype=np.uint8)[:, None].repeat(12, axis=1), lattice, 1)[:6]
    north_of_60, north_of_30 = 1.5 * (1.0 - np.sqrt(3.0) / 2.0), 1.0 - 9.0 / 8.0 * 0.25
    in_the_north = [0.0, 0.0, 0.0, 1.0 - north_of_30, north_of_30 - north_of_60, north_of_60]
    assert area[:, 0] == pytest.approx(in_the_north, abs=1e-14)
    assert area[:, 8] == pytest.approx(in_the_north[::-1], abs=1e-14)
    assert area[:, 5] == pytest.approx([0.0, 1 / 32, 15 / 32, 15 / 32, 1 / 32, 0.0], abs=1e-14)


def test_a_step_at_the_equator_halves_the_cells_that_lie_on_it():
    lattice, nside = Lattice(60, 120), 4
    classes = np.where(np.arange(60) < 30, 1, 2).astype(np.uint8)[:, None].repeat(120, axis=1)
    area = areas_of(classes, lattice, nside)
    lat = healpix.pix2ang(nside, np.arange(192), nest=True, lonlat=True)[1]
    assert area[2] == pytest.approx(np.where(np.abs(lat) < 1e-9, 0.5, lat > 0.0), abs=1e-14)
    assert (np.abs(lat) < 1e-9).sum() == 4 * nside


def test_a_step_at_the_meridian_of_0_halves_base_cell_4_and_none_of_the_caps():
    lattice = Lattice(18, 36)
    classes = np.where(np.arange(36) < 18, 1, 2).astype(np.uint8)[None].repeat(18, axis=0)
    area = areas_of(classes, lattice, 1)
    assert area[2] == pytest.approx([1, 1, 0, 0, 0.5, 1, 0.5, 0, 1, 1, 0, 0], abs=1e-14)


@pytest.mark.parametrize("nside", [512, 1024, 2048])
def test_one_cell_of_the_30_arc_second_map_has_its_area_in_the_cells_that_its_corners_lie_in(nside):
    rng = np.random.default_rng(nside)
    strips = strips_of(FINE, nside)
    corners = np.array([[0.01, 0.01], [0.01, 0.99], [0.99, 0.01], [0.99, 0.99], [0.5, 0.5]])
    for row, col in zip([*rng.integers(0, FINE.n_lat, 60), 0, FINE.n_lat - 1, 15818], [*rng.integers(0, FINE.n_lon, 60), 5, 43199, 21600]):
        area = {}
        for k in np.flatnonzero(strips.row == row):
            for cell, part in zip(*_one(strips[k: k + 1], int(col))):
                area[int(cell)] = area.get(int(cell), 0.0) + part
        at_lat, at_lon = (FINE.lat_edge_deg(int(row)) + corners[:, 0] / 120, FINE.lon_edge_deg(int(col)) + corners[:, 1] / 120)
        assert set(healpix.ang2pix(nside, at_lon, at_lat, nest=True, lonlat=True).tolist()) <= set(area)
        assert sum(area.values()) * 4 * np.pi / (12 * nside**2) == pytest.approx(FINE.cell_area_sr(int(row)), rel=1e-9)
        assert len([part for part in area.values() if part > 1e-3 * sum(area.values())]) <= 4


@pytest.mark.parametrize(("n_lat", "nside"), [(36, 4), (20, 2)])
def test_shares_agree_with_many_points_of_a_finer_grid(n_lat, nside):
    lattice, finer = Lattice(n_lat, 2 * n_lat), 128
    classes = np.random.default_rng(1).integers(0, 8, (n_lat, 2 * n_lat)).astype(np.uint8)
    lon, lat = healpix.pix2ang(nside * finer, np.arange(12 * (nside * finer) ** 2), nest=True, lonlat=True)
    points = classes[np.minimum((lat + 90.0) / 180.0 * n_lat, n_lat - 1).astype(int), ((lon + 180.0) % 360.0 / 360.0 * 2 * n_lat).astype(int) % (2 * n_lat)]
    counted = np.stack([(points.reshape(-1, finer**2) == k).mean(axis=1) for k in range(8)])
    assert np.abs(areas_of(classes, lattice, nside) - counted).max() < 6e-3


def test_bits_do_not_depend_on_the_blocks_that_the_map_is_cut_into():
    lattice = Lattice(180, 360)
    classes = np.random.default_rng(2).integers(0, 9, (180, 360)).astype(np.uint8)
    assert np.array_equal(areas_of(classes, lattice, 16, block=64), areas_of(classes, lattice, 16, block=7))


def test_cells_without_data_have_no_area():
    lattice = Lattice(18, 36)
    classes = np.full((18, 36), 255, np.uint8)
    classes[:9] = 0
    area = areas_of(classes, lattice, 1)
    assert area[0] == pytest.approx([0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1], abs=1e-14)


def test_cells_hardly_larger_than_those_of_the_map_are_refused():
    strips_of(FINE, 2048)
    with pytest.raises(ConfigError, match=r"nside=4096 is too fine for a map of 30 arc seconds: .* Use 2048 or less\."):
        strips_of(FINE, 4096)


def test_a_lattice_without_edges_at_quarters_of_the_globe_is_refused():
    with pytest.raises(ConfigError, match="has 90 columns around the globe; HEALPix output needs a multiple of four"):
        strips_of(Lattice(45, 90), 1)
