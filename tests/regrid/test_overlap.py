import ctypes
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.errors import GridError
from lsbc.regrid.lattice import Lattice
from lsbc.regrid.overlap import overlap_polygons

from shapes import box_area_sr, boxes, rotation, triangles

DRIVER = Lattice(720, 1440)
FINE = DRIVER.refine(30)
REFERENCE = Path(__file__).parents[3] / "shared" / "esmf_reference"


def polygon_sums(overlap):
    """Exact sums: the rounding of a plain sum over 1e5 entries would hide the kernel's."""
    ends = np.searchsorted(overlap.polygon, np.arange(overlap.n_polygon + 1))
    return np.array([math.fsum(overlap.area_sr[a:b]) for a, b in zip(ends[:-1], ends[1:])])


def cell_sums(overlap):
    return np.bincount(overlap.cell, overlap.area_sr, overlap.lattice.n_cell).reshape(overlap.lattice.n_lat, -1)


def cell_areas(lattice):
    return lattice.cell_area_sr(np.arange(lattice.n_lat))[:, None]


def test_a_box_shares_closed_form_areas_with_the_cells_it_cuts():
    lattice = Lattice(180, 360)
    overlap = overlap_polygons(*boxes([10.25], [45.5], 1.5, 0.75), lattice, "latlon")
    lower, upper = box_area_sr(45.5, 0.75, 0.5), box_area_sr(46.0, 0.75, 0.25)
    assert overlap.cell.tolist() == [135 * 360 + 190, 135 * 360 + 191, 136 * 360 + 190, 136 * 360 + 191]
    assert overlap.area_sr.tolist() == approx([lower, lower, upper, upper], rel=1e-14)
    assert overlap.polygon_area_sr[0] == approx(box_area_sr(45.5, 1.5, 0.75), rel=1e-14)


def test_boxes_that_are_lattice_cells_overlap_themselves_only():
    row, col = np.array([0, 300, 719]), np.array([1439, 0, 700])
    overlap = overlap_polygons(*boxes(DRIVER.lon_edge_deg(col), DRIVER.lat_edge_deg(row), 0.25, 0.25), DRIVER, "latlon")
    assert overlap.cell.tolist() == DRIVER.cell_id(row, col).tolist()
    assert overlap.area_sr == approx(DRIVER.cell_area_sr(row), rel=1e-13)


def test_a_driver_cell_holds_900_whole_fine_cells():
    overlap = overlap_polygons(*boxes([11.25], [47.75], 0.25, 0.25), FINE, "latlon")
    row, _ = FINE.row_col(overlap.cell)
    assert len(overlap.cell) == 900
    assert overlap.area_sr == approx(FINE.cell_area_sr(row), rel=1e-12)


def test_an_eighth_of_the_sphere_covers_its_cells_whole():
    lattice = Lattice(18, 36)
    overlap = overlap_polygons([[0.0, 90.0, 17.0]], [[0.0, 0.0, 90.0]], lattice)
    row, col = lattice.row_col(overlap.cell)
    assert set(zip(row.tolist(), col.tolist())) == {(j, i) for j in range(9, 18) for i in range(18, 27)}
    assert overlap.area_sr == approx(lattice.cell_area_sr(row), rel=1e-14)
    assert overlap.polygon_area_sr[0] == approx(math.pi / 2, rel=1e-14)


@pytest.mark.parametrize(("n_split", "lattice"), [(0, Lattice(4, 8)), (0, Lattice(180, 360)), (3, Lattice(17, 35)), (4, Lattice(180, 360)), (4, DRIVER)])
@pytest.mark.parametrize("turn", [np.eye(3), rotation(3)], ids=["vertices on the poles", "turned"])
def test_a_tiling_of_the_globe_fills_every_cell_and_every_polygon(n_split, lattice, turn):
    overlap = overlap_polygons(*triangles(n_split, turn), lattice)
    assert np.abs(cell_sums(overlap) / cell_areas(lattice) - 1).max() < 1e-12
    assert np.abs(polygon_sums(overlap) / overlap.polygon_area_sr - 1).max() < 1e-13
    assert math.fsum(overlap.polygon_area_sr) == approx(4 * math.pi, rel=1e-14)


def test_a_tiling_fills_fine_cells_too():
    lon, lat = triangles(6, rotation(5))
    near = (np.abs(lat - 48).min(axis=1) < 3) & (np.abs(lon - 11).min(axis=1) < 4)
    overlap = overlap_polygons(lon[near], lat[near], FINE)
    cell, inverse = np.unique(overlap.cell, return_inverse=True)
    row, col = FINE.row_col(cell)
    inside = (np.abs(FINE.lat_centre_deg(row) - 48) < 0.5) & (np.abs(FINE.lon_centre_deg(col) - 11) < 0.5)
    assert inside.sum() == 120 * 120
    assert np.abs(np.bincount(inverse, overlap.area_sr)[inside] / FINE.cell_area_sr(row[inside]) - 1).max() < 1e-12


@pytest.mark.parametrize("side", [1, -1], ids=["north", "south"])
@pytest.mark.parametrize("turn", [1, -1], ids=["eastwards", "westwards"])
def test_a_ring_of_corners_round_a_pole_holds_the_cap(side, turn):
    lattice = Lattice(90, 180)
    lon, lat = np.arange(-180.0, 180.0, 30.0)[None, ::turn], np.full((1, 12), side * 75.0)
    overlap = overlap_polygons(lon, lat, lattice, "latlon")
    assert overlap.polygon_area_sr[0] == approx(2 * math.pi * 2 * math.sin(math.radians(7.5)) ** 2, rel=1e-14)
    assert polygon_sums(overlap)[0] == approx(overlap.polygon_area_sr[0], rel=1e-13)
    whole = np.abs(lattice.lat_centre_deg(lattice.row_col(overlap.cell)[0])) > 76
    assert whole.sum() == 7 * 180
    assert overlap.area_sr[whole] == approx(lattice.cell_area_sr(lattice.row_col(overlap.cell[whole])[0]), rel=1e-13)


def test_a_great_circle_cap_is_twelve_triangles():
    """Each triangle between the pole and two corners 30 degrees apart: tan(E/2) = k sin 30 / (1 + k cos 30), k = tan^2(c/2)."""
    k = math.tan(math.radians(7.5)) ** 2
    excess = 2 * math.atan2(k * 0.5, 1 + k * math.cos(math.radians(30)))
    overlap = overlap_polygons(np.arange(5.0, 365.0, 30.0)[None], np.full((1, 12), 75.0), DRIVER)
    assert overlap.polygon_area_sr[0] == approx(12 * excess, rel=1e-14)
    assert polygon_sums(overlap)[0] == approx(12 * excess, rel=1e-13)


def test_an_edge_over_the_pole_is_two_meridians():
    overlap = overlap_polygons([[0.0, 90.0, 180.0]], [[60.0, 60.0, 60.0]], Lattice(90, 180))
    both = overlap_polygons([[0.0, 90.0, 0.0], [90.0, 180.0, 0.0]], [[60.0, 60.0, 90.0], [60.0, 60.0, 90.0]], Lattice(90, 180))
    assert polygon_sums(overlap)[0] == approx(polygon_sums(both).sum(), rel=1e-13)
    assert np.array_equal(overlap.cell, np.unique(both.cell))


@pytest.mark.parametrize("edges", ["greatcircle", "latlon"])
def test_a_polygon_across_the_date_line_is_the_same_polygon_moved(edges):
    lon, lat = np.array([[-1.7, 2.1, 2.3, -1.1]]), np.array([[40.3, 39.9, 42.2, 42.7]])
    here, there = overlap_polygons(lon, lat, DRIVER, edges), overlap_polygons(lon + 180, lat, DRIVER, edges)
    row, col = DRIVER.row_col(here.cell)
    order = np.argsort(DRIVER.cell_id(row, col + 720))
    assert np.array_equal(there.cell, DRIVER.cell_id(row, col + 720)[order])
    assert there.area_sr == approx(here.area_sr[order], rel=1e-9, abs=1e-20)
    assert polygon_sums(there)[0] == approx(there.polygon_area_sr[0], rel=1e-13)


def test_longitudes_of_any_turn_give_the_same_bits():
    lon, lat = np.array([[170.5, 190.25, 181.0]]), np.array([[10.0, 12.0, 21.0]])
    first, second = overlap_polygons(lon, lat, DRIVER), overlap_polygons(np.where(lon >= 180, lon - 360, lon), lat, DRIVER)
    assert np.array_equal(first.cell, second.cell) and np.array_equal(first.area_sr, second.area_sr)


@pytest.mark.parametrize("lattice", [DRIVER, FINE], ids=["0.25 deg", "30 arc seconds"])
@pytest.mark.parametrize("size_deg", [1e-4, 1e-2, 0.07])
@pytest.mark.parametrize("edges", ["greatcircle", "latlon"])
def test_small_cells_keep_all_digits_of_their_area(lattice, size_deg, edges):
    random = np.random.default_rng(0)
    lat = random.uniform(-89.8, 89.8, 100)[:, None] + size_deg * np.array([-0.5, -0.45, 0.5, 0.55])
    stretch = size_deg / np.cos(np.radians(lat[:, :1]))
    lon = random.uniform(-180, 180, 100)[:, None] + stretch * np.array([-0.5, 0.5, 0.6, -0.4])
    overlap = overlap_polygons(lon, lat, lattice, edges)
    assert np.abs(polygon_sums(overlap) / overlap.polygon_area_sr - 1).max() < 1e-13


def test_a_tiny_box_has_the_closed_form_area():
    lon, lat = boxes([11.125], [48.125], 2.0**-13, 2.0**-13)
    overlap = overlap_polygons(lon, lat, FINE, "latlon")
    assert polygon_sums(overlap)[0] == approx(box_area_sr(48.125, 2.0**-13, 2.0**-13), rel=1e-13)


def great_circle_sine(lon1, lat1, lon2, lat2, lon):
    """sin(latitude) at `lon`, from the normal of the plane through both ends; all radians."""
    a, b = (np.array([math.cos(y) * math.cos(x), math.cos(y) * math.sin(x), math.sin(y)]) for x, y in ((lon1, lat1), (lon2, lat2)))
    n = np.cross(a, b)
    tangent = -(n[0] * np.cos(lon) + n[1] * np.sin(lon)) / n[2]
    return tangent / np.sqrt(1 + tangent**2)


@pytest.mark.parametrize("lat_deg", [(47.1, 48.6, 50.2, 49.3), (-86.2, -87.1, -84.1, -83.2), (-0.9, 0.4, 1.3, 0.8), (88.6, 88.9, 89.4, 89.1)])
def test_partial_overlaps_agree_with_many_point_quadrature(lat_deg):
    """Corners (w, a), (e, b), (e, c), (w, d): the upper edge clamped to the row minus the lower edge clamped to it."""
    west, east, lattice = 9.37, 12.61, Lattice(180, 360)
    a, b, c, d = lat_deg
    overlap = overlap_polygons([[west, east, east, west]], [[a, b, c, d]], lattice)
    n = 100_000
    for cell, area in zip(overlap.cell, overlap.area_sr):
        row, col = lattice.row_col(int(cell))
        low, high = max(west, lattice.lon_edge_deg(col)), min(east, lattice.lon_edge_deg(col + 1))
        lon = np.radians(low + (high - low) * (np.arange(n) + 0.5) / n)
        clamp = np.sin(np.radians([lattice.lat_edge_deg(row), lattice.lat_edge_deg(row + 1)]))
        ends = np.radians([west, east])
        lower, upper = (np.clip(great_circle_sine(ends[0], math.radians(p), ends[1], math.radians(q), lon), *clamp) for p, q in ((a, b), (d, c)))
        expected = (upper - lower).mean() * math.radians(high - low)
        assert area == approx(expected, rel=1e-8, abs=1e-10 * overlap.polygon_area_sr[0])


def test_repeated_corners_change_no_bit():
    lon, lat = np.array([[10.0, 12.0, 11.0]]), np.array([[47.0, 47.5, 49.0]])
    plain = overlap_polygons(lon, lat, DRIVER)
    padded = overlap_polygons(lon[:, [0, 1, 1, 2, 2, 2]], lat[:, [0, 1, 1, 2, 2, 2]], DRIVER)
    assert np.array_equal(plain.area_sr, padded.area_sr) and np.array_equal(plain.cell, padded.cell)


def test_either_orientation_gives_the_same_areas():
    lon, lat = triangles(2, rotation(7))
    here, there = overlap_polygons(lon, lat, DRIVER), overlap_polygons(lon[:, ::-1], lat[:, ::-1], DRIVER)
    assert np.array_equal(here.cell, there.cell) and np.abs(here.area_sr - there.area_sr).max() < 1e-18


def test_entries_are_sorted_by_polygon_and_cell():
    overlap = overlap_polygons(*triangles(3, rotation(3)), DRIVER)
    assert (np.diff(overlap.polygon * DRIVER.n_cell + overlap.cell) > 0).all()


def test_a_polygon_without_area_has_no_entries_and_no_polygons_give_none():
    flat = overlap_polygons([[10.0, 10.0, 10.0]], [[1.0, 2.0, 3.0]], DRIVER)
    none = overlap_polygons(np.empty((0, 3)), np.empty((0, 3)), DRIVER)
    assert (len(flat.cell), flat.polygon_area_sr.tolist(), len(none.cell), none.n_polygon) == (0, [0.0], 0, 0)


@pytest.mark.parametrize(("lon", "lat", "edges", "message"), [
    ([[0.0, 1.0, np.nan]], [[0.0, 0.0, 1.0]], "latlon", r"Corner 2 of polygon 0 is at \(lon, lat\) = \(nan, 1.0\)"),
    ([[0.0, 1.0, 1.0]], [[0.0, 0.0, 91.0]], "latlon", "Corner 2 of polygon 0"),
    ([[0.0, 1.0, 1.0]], [[0.0, 0.0]], "latlon", r"\(1, 3\) and \(1, 2\)"),
    ([[0.0, 1.0, 1.0]], [[0.0, 0.0, 1.0]], "rhumb", "'rhumb'"),
])
def test_bad_polygons_are_named(lon, lat, edges, message):
    with pytest.raises(GridError, match=message):
        overlap_polygons(lon, lat, DRIVER, edges)


@pytest.mark.skipif(sys.platform != "linux", reason="floating-point traps are armed with glibc's feenableexcept")
def test_the_kernel_raises_no_floating_point_exception_in_a_host_that_traps_them():
    """Poles, equator, date line, flat, tiny and huge polygons with division by zero, invalid and overflow armed."""
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])})
    assert (done.returncode, done.stdout.strip()) == (0, "survived"), done.stderr


def run_with_traps_armed():
    from lsbc.regrid import _kernel

    tilings = [triangles(n, turn) for n in (0, 3) for turn in (np.eye(3), rotation(3))]
    odd = [(np.array([[0.0, 90.0, 180.0, 270.0]]), np.zeros((1, 4))), (np.zeros((1, 3)), np.zeros((1, 3))),
           (np.array([[0.0, 180.0, 90.0]]), np.array([[0.0, 0.0, 90.0]])), (np.array([[1.0, 2.0, 3.0]]), np.full((1, 3), 90.0)),
           boxes([0.0], [0.0], 1e-9, 1e-9), (np.array([[0.0, 179.9999999999, 90.0]]), np.array([[1e-13, -1e-13, 5.0]]))]
    libm, trapped = ctypes.CDLL("libm.so.6"), 0x01 | 0x04 | 0x08
    inputs = [(np.ascontiguousarray(x), np.ascontiguousarray(y), gc, n) for x, y in tilings + odd for gc in (True, False) for n in (4, 720)]
    libm.feclearexcept(trapped)
    if libm.feenableexcept(trapped) == -1:
        raise OSError("traps cannot be armed on this machine")
    for lon, lat, great_circle, n_lat in inputs:
        _kernel.overlap_lattice(lon, lat, lon.shape[1], n_lat, 2 * n_lat, great_circle)
        _kernel.polygon_areas(lon, lat, lon.shape[1], great_circle)
    libm.fedisableexcept(trapped)


@pytest.mark.skipif(not (REFERENCE / "weights" / "c_R02B03_to_ll1deg_conserve.nc").exists(), reason="no ESMF reference weights here")
def test_weights_differ_from_esmf_by_the_edge_convention_only():
    """ESMF draws parallels as great circles, which moves up to 7.4e-4 of a 1-degree cell."""
    netcdf4 = pytest.importorskip("netCDF4")
    with netcdf4.Dataset(REFERENCE / "weights" / "c_R02B03_to_ll1deg_conserve.nc") as file:
        row, col, weight = (np.asarray(file[name][:]) for name in ("row", "col", "S"))
    with netcdf4.Dataset(REFERENCE / "grids" / "icosa_R02B03_scrip.nc") as file:
        corners = [np.asarray(file[f"grid_corner_{axis}"][:], float) for axis in ("lon", "lat")]
        if file["grid_corner_lon"].units.startswith("rad"):
            corners = [np.degrees(x) for x in corners]
    with netcdf4.Dataset(REFERENCE / "grids" / "ll_1deg.nc") as file:
        first_lon = float(np.asarray(file["lon"][:])[0])
    lattice = Lattice(180, 360)
    overlap = overlap_polygons(*corners, lattice)
    their_row, their_col = divmod(row.astype(np.int64) - 1, 360)
    their_cell = lattice.cell_id(their_row, their_col + round(first_lon + 179.5))
    key, entry = np.unique(np.concatenate([overlap.cell * 10_000 + overlap.polygon, their_cell * 10_000 + col - 1]), return_inverse=True)
    ours = overlap.area_sr / lattice.cell_area_sr(overlap.cell // 360)
    difference = np.bincount(entry, np.concatenate([ours, -weight]), len(key))
    assert 1e-5 < np.abs(difference).max() < 7.4e-4


if __name__ == "__main__":
    run_with_traps_armed()
    print("survived")
