import ctypes
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.clip import cell_moments, clip
from lsbc.regrid.errors import ConfigError, GridError
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid, cell_corners
from lsbc.regrid.sphere import lon_lat_deg, polygon_area_sr, unit_vector

from shapes import box_area_sr, rotation, triangles
from shared import shared


def polygons(lon, lat, edges="greatcircle", **options):
    lon, lat = np.atleast_2d(lon), np.atleast_2d(lat)
    centre = lon_lat_deg(unit_vector(lon, lat).sum(axis=1))
    return PolygonGrid(*centre, lon, lat, edges=edges, **options)


def boxes(lon_edge, lat_edge, edges):
    return RectilinearGrid(lon_edge, lat_edge, edges=edges)


def sums(pairs, n, side="j"):
    order = np.argsort(getattr(pairs, side), kind="stable")
    ends = np.searchsorted(getattr(pairs, side)[order], np.arange(n + 1))
    area = pairs.area_sr[order]
    return np.array([math.fsum(area[a:b]) for a, b in zip(ends[:-1], ends[1:])])


def own_area(grid):
    return np.abs(polygon_area_sr(grid.vertex_lon_deg, grid.vertex_lat_deg, grid.edges))


def around(middle, x_deg, y_deg):
    """Points at tangent-plane offsets from `middle` (lon, lat)."""
    lon, lat = np.radians(middle)
    east, up = np.array([-np.sin(lon), np.cos(lon), 0.0]), unit_vector(*middle)
    x, y = np.radians(x_deg)[..., None], np.radians(y_deg)[..., None]
    return lon_lat_deg(up + x * east + y * np.cross(up, east))


def random_quads(n, size_deg, seed, middle=(10.0, 50.0)):
    """Convex quadrilaterals about `size_deg` wide whose middles lie within half a size of `middle`."""
    rng = np.random.default_rng(seed)
    angle, off = np.radians(np.arange(4) * 90 + rng.uniform(-30, 30, (n, 4))), rng.uniform(-0.5, 0.5, (2, n, 1))
    return polygons(*around(middle, size_deg * (off[0] + np.cos(angle) / 1.5), size_deg * (off[1] + np.sin(angle) / 1.5)))


def patch(middle, size_deg, n, turn_deg):
    """n x n cells of `size_deg` round `middle`, turned, with common corners."""
    x, y = np.meshgrid(*[(np.arange(n + 1) - n / 2) * size_deg] * 2)
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    corner = [cell_corners(z).reshape(-1, 4) for z in around(middle, c * x - s * y, s * x + c * y)]
    return polygons(*corner)


@pytest.mark.parametrize(("west", "south"), [(10.25, 45.5), (179.5, -60.0), (-180.0, 89.0), (359.5, -90.0)])
def test_boxes_of_meridians_and_parallels_share_closed_form_areas(west, south):
    one = boxes([west, west + 1.0], [south, south + 1.0], "latlon")
    other = boxes([west + 0.25, west + 0.5], [south + 0.25, south + 0.75], "latlon")
    grown = boxes([west + 0.5, west + 1.5], [max(south - 0.5, -90.0), south + 0.5], "latlon")
    assert clip(one, other).area_sr == approx([box_area_sr(south + 0.25, 0.25, 0.5)], rel=2e-15)
    assert clip(one, grown).area_sr == approx([box_area_sr(south, 0.5, 0.5)], rel=2e-15)


def test_planar_edges_are_straight_in_longitude_and_sine_of_latitude():
    half = math.degrees(math.asin(0.5))
    triangle = polygons([0.0, 60.0, 0.0], [0.0, 0.0, half], "planar")
    box = boxes([0.0, 30.0], [0.0, math.degrees(math.asin(0.25))], "planar")
    assert clip(triangle, box).area_sr == approx([math.radians(30) * 0.25], rel=1e-14)
    assert clip(triangle, boxes([0.0, 60.0], [0.0, half], "planar")).area_sr == approx([0.5 * math.radians(60) * 0.5], rel=1e-14)


def test_octants_turned_by_45_degrees_share_a_sixteenth_of_the_sphere():
    lon, lat = np.array([0.0, 90.0, 17.0]), np.array([0.0, 0.0, 90.0])
    pairs = clip(polygons(lon, lat), polygons(lon + 45.0, lat), moments=True)
    assert pairs.area_sr == approx([math.pi / 4], rel=1e-14)
    whole = clip(polygons(lon, lat), polygons(lon, lat), moments=True)
    assert whole.area_sr == approx([math.pi / 2], rel=1e-14)
    assert whole.moment[0] == approx([math.pi / 4] * 3, rel=1e-14)


@pytest.mark.parametrize("edges", ["greatcircle", "latlon"])
@pytest.mark.parametrize("turn", [np.eye(3), rotation(3)], ids=["corners on the poles", "turned"])
def test_a_tiling_fills_the_cells_of_another(edges, turn):
    if edges == "latlon" and np.array_equal(turn, np.eye(3)):
        pytest.skip("a corner at a pole is a run along it in longitude and latitude")
    tiling, lattice = polygons(*triangles(4, turn), edges), RectilinearGrid.regular(0, 360, 120, -90, 90, 60, edges=edges)
    pairs = clip(tiling, lattice)
    assert np.abs(sums(pairs, lattice.n_cell) / own_area(lattice) - 1).max() < 1e-14
    assert np.abs(sums(pairs, tiling.n_cell, "i") / own_area(tiling) - 1).max() < 5e-14


@pytest.mark.parametrize("size_deg", [1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("middle", [(11.3, 47.9), (180.0, 0.0), (33.0, 89.9), (-70.0, -90.0)])
def test_cells_of_any_size_are_filled_to_rounding(size_deg, middle):
    inner, outer = patch(middle, size_deg, 13, 33.0), patch(middle, 1.7 * size_deg, 15, 0.0)
    pairs = clip(outer, inner)
    assert np.abs(sums(pairs, inner.n_cell) / own_area(inner) - 1).max() < 2e-15
    filled = sums(pairs, outer.n_cell, "i") / own_area(outer)
    assert np.abs(filled[np.abs(filled - 1) < 1e-9] - 1).max() < 2e-15
    assert (np.abs(filled - 1) < 1e-9).sum() > 20


@pytest.mark.parametrize("ratio", [1, 3, 40])
def test_cells_with_common_edges_share_whole_cells_only(ratio):
    coarse = RectilinearGrid.regular(84.0, 85.0, 4, 25.0, 26.0, 4, edges="planar")
    fine = RectilinearGrid.regular(84.0, 85.0, 4 * ratio, 25.0, 26.0, 4 * ratio, edges="planar")
    pairs = clip(coarse, fine)
    row, column = np.divmod(pairs.j, 4 * ratio)
    assert np.array_equal(pairs.j, np.arange(fine.n_cell)) and np.array_equal(pairs.i, row // ratio * 4 + column // ratio)


def test_cells_sixty_degrees_wide_are_filled():
    coarse, fine = RectilinearGrid.regular(-180, 180, 6, -90, 90, 3, edges="greatcircle"), polygons(*triangles(2, rotation(7)))
    pairs = clip(coarse, fine)
    assert np.abs(sums(pairs, coarse.n_cell, "i") / own_area(coarse) - 1).max() < 1e-14
    assert np.abs(sums(pairs, fine.n_cell) / own_area(fine) - 1).max() < 1e-14


@pytest.mark.parametrize("edges", ["greatcircle", "latlon", "planar"])
def test_a_concave_cell_and_what_fills_its_notch_make_the_whole(edges):
    arrow = polygons([0.0, 4.0, 1.0, 0.0], [0.0, 0.0, 1.0, 4.0], edges)
    notch = polygons([4.0, 0.0, 1.0], [0.0, 4.0, 1.0], edges)
    whole = polygons([0.0, 4.0, 0.0], [0.0, 0.0, 4.0], edges)
    lattice = RectilinearGrid.regular(-1, 5, 12, -1, 5, 12, edges=edges)
    part, rest, both = (np.bincount(p.j, p.area_sr, lattice.n_cell) for p in (clip(g, lattice) for g in (arrow, notch, whole)))
    assert part + rest == approx(both, rel=1e-13, abs=1e-19)
    assert math.fsum(clip(arrow, whole).area_sr) == approx(math.fsum(part), rel=1e-14)
    assert len(clip(arrow, notch).i) == 0


def test_a_cell_round_the_pole_covers_the_cap():
    lon = np.arange(0, 360, 40.0)
    cap = polygons(lon, np.full(9, 60.0), "latlon")
    lattice = RectilinearGrid.regular(-180, 180, 24, -90, 90, 18, edges="latlon")
    assert clip(cap, lattice).area_sr.sum() == approx(2 * math.pi * (1 - math.sin(math.radians(60))), rel=1e-13)
    south = polygons(lon[::-1], np.full(9, -60.0), "latlon")
    assert clip(lattice, south).area_sr.sum() == approx(2 * math.pi * (1 - math.sin(math.radians(60))), rel=1e-13)
    round_pole = polygons(lon, np.full(9, 60.0))
    pairs = clip(round_pole, RectilinearGrid.regular(-180, 180, 24, -90, 90, 18, edges="greatcircle"))
    assert pairs.area_sr.sum() == approx(own_area(round_pole)[0], rel=1e-13)


def exact_vectors(mp, grid, cell):
    corners = dict.fromkeys(zip(grid.vertex_lon_deg[cell], grid.vertex_lat_deg[cell]))
    angles = [(mp.radians(mp.mpf(x)), mp.radians(mp.mpf(y))) for x, y in corners]
    return [mp.matrix([mp.cos(y) * mp.cos(x), mp.cos(y) * mp.sin(x), mp.sin(y)]) for x, y in angles]


def exact_cross(mp, a, b):
    return mp.matrix([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def exact_dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def exact_piece(mp, one, other):
    """Corners of the intersection of two convex polygons of great circles, cut in space."""
    for a, b in zip(other, other[1:] + other[:1]):
        normal, kept = exact_cross(mp, a, b), []
        for p, q in zip(one[-1:] + one[:-1], one):
            at, to = exact_dot(normal, p), exact_dot(normal, q)
            if (at > 0) != (to > 0):
                kept.append(p * to - q * at if to > 0 else q * at - p * to)
            if to > 0:
                kept.append(q)
        one = [p / mp.norm(p) for p in kept]
    return one


def exact_area_and_moment(mp, piece):
    """Girard's sum of angles, and half the sum of the arcs times their unit normals."""
    n, angles, moment = len(piece), [], mp.matrix([0, 0, 0])
    for k in range(n):
        a, b, c = piece[k - 1], piece[k], piece[(k + 1) % n]
        u, v = exact_cross(mp, b, a), exact_cross(mp, b, c)
        angles.append(mp.acos(exact_dot(u, v) / mp.norm(u) / mp.norm(v)))
        length = mp.norm(exact_cross(mp, a, b))
        moment += exact_cross(mp, a, b) / length * mp.atan2(length, exact_dot(a, b)) / 2
    return sum(angles) - (n - 2) * mp.pi, moment


@pytest.mark.parametrize("middle", [(10.0, 50.0), (179.9, 0.1), (60.0, 89.9)])
@pytest.mark.parametrize("sizes", [(1e-4, 1e-4), (0.02, 0.3), (10.0, 0.5), (20.0, 25.0)])
def test_partial_overlaps_have_the_areas_of_50_digits(sizes, middle):
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 50
    a, b = (random_quads(3, s, k, middle) for k, s in enumerate(sizes))
    pairs = clip(a, b, moments=True)
    assert len(pairs.i) >= 4
    smaller = np.minimum(own_area(a)[pairs.i], own_area(b)[pairs.j])
    for k in range(len(pairs.i)):
        piece = exact_piece(mp, exact_vectors(mp, a, pairs.i[k]), exact_vectors(mp, b, pairs.j[k]))
        area, moment = exact_area_and_moment(mp, piece)
        assert abs(float(pairs.area_sr[k] - area)) < 1e-14 * smaller[k]
        drift = mp.norm(mp.matrix(pairs.moment[k].tolist()) - moment)
        assert float(drift) < 1e-15 * smaller[k] * max(1.0, max(sizes))


def test_tiny_cells_with_a_corner_at_the_pole_have_the_areas_of_50_digits():
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.dps = 50
    cells = patch((-70.0, -90.0), 1e-4, 2, 33.0)
    assert (cells.vertex_lat_deg == -90.0).sum() == 4
    for cell, area in enumerate(clip(cells, cells).area_sr):
        assert area == approx(float(exact_area_and_moment(mp, exact_vectors(mp, cells, cell))[0]), rel=2e-15)


def test_either_grid_may_come_first():
    a, b = random_quads(40, 0.4, 1), random_quads(7, 0.6, 2)
    there, back = clip(a, b, moments=True), clip(b, a, moments=True)
    order = np.lexsort((back.j, back.i))
    for name, other in (("i", "j"), ("j", "i"), ("area_sr", "area_sr"), ("moment", "moment")):
        assert np.array_equal(getattr(there, name), getattr(back, other)[order])


def test_pairs_are_sorted_and_have_the_same_bits_in_any_batch():
    a, b = random_quads(30, 0.4, 1), random_quads(50, 0.4, 2)
    whole = clip(a, b)
    assert (np.diff(whole.j * 30 + whole.i) > 0).all()
    for cells in (np.arange(7), np.arange(49, 20, -1)):
        part = clip(a, b.take(cells))
        where = {(i, j): area for i, j, area in zip(whole.i, whole.j, whole.area_sr)}
        assert [where[i, j] for i, j in zip(part.i, cells[part.j])] == part.area_sr.tolist()
        assert len(part.i) == np.isin(whole.j, cells).sum()


def test_masked_cells_share_nothing():
    a, b = random_quads(5, 0.4, 1), random_quads(5, 0.4, 2)
    all_pairs, live = clip(a, b), np.array([True, False, True, True, False])
    some = clip(a.with_mask(live), b.with_mask(~live))
    assert sorted(zip(some.i, some.j)) == [(i, j) for i, j in sorted(zip(all_pairs.i, all_pairs.j)) if live[i] and not live[j]]
    assert len(clip(a.with_mask(np.zeros(5, bool)), b).i) == 0


def test_cells_that_only_touch_share_nothing():
    lattice = RectilinearGrid.regular(84.0, 90.0, 24, 25.0, 31.0, 24, edges="greatcircle")
    pairs = clip(lattice, lattice)
    assert np.array_equal(pairs.i, np.arange(576)) and np.array_equal(pairs.i, pairs.j)


def test_edges_of_two_kinds_are_refused():
    a, b = random_quads(1, 1.0, 1), random_quads(1, 1.0, 2)
    with pytest.raises(GridError, match="by 'greatcircle' and 'latlon' edges"):
        clip(a, b.with_edges("latlon"))
    with pytest.raises(GridError, match="'greatcircle' edges only, got 'planar'"):
        clip(a.with_edges("planar"), b.with_edges("planar"), moments=True)
    with pytest.raises(GridError, match="centres only; shared areas need its corners"):
        clip(PolygonGrid([1.0], [2.0]), b)


def test_a_cell_too_large_to_be_clipped_is_named():
    large = RectilinearGrid([0.0, 120.0, 121.0], [-80.0, 80.0], edges="greatcircle", name="host")
    with pytest.raises(GridError, match=r"Grid 'host', cell 0, corners .*\(120, -80\).* within 80 degrees of their middle"):
        clip(random_quads(1, 1.0, 1), large)
    with pytest.raises(GridError, match=r"no edge may span 180 degrees"):
        clip(RectilinearGrid([0.0, 180.0, 360.0], [-80.0, 80.0]), random_quads(1, 1.0, 1).with_edges("latlon"))


def esmf_side(file, side):
    lon, lat = file[f"xv_{side}"][:].data, file[f"yv_{side}"][:].data
    if lon.shape[1] == 2:
        lon, lat = lon[:, [0, 1, 1, 0]], lat[:, [0, 0, 1, 1]]
    return PolygonGrid(file[f"xc_{side}"][:].data, file[f"yc_{side}"][:].data, lon, lat, mask=file[f"mask_{side}"][:].data != 0)


@pytest.mark.parametrize("case", [
    "a_0p25r_to_tile0p01_conserve", "b_lcc9km_to_ll0p05_conserve", "b_lcc9km_to_ll0p05overhang_conserve_dstarea",
    "b_lcc9km_to_ll0p05overhang_conserve_fracarea", "c_R02B03_to_ll1deg_conserve", "c_ll1deg_to_R02B03_conserve",
    "d_ll1mask_to_ll2p5_conserve_dstarea", "d_ll1mask_to_ll2p5_conserve_fracarea", "e_tile0p01_to_0p25r_conserve_dstarea",
    "e_tile0p01_to_lcc9km_conserve_fracarea"])
def test_great_circle_weights_are_esmfs(case):
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(shared(f"esmf_reference/weights/{case}.nc")) as file:
        a, b = esmf_side(file, "a"), esmf_side(file, "b")
        row, column, weight = file["row"][:].data - 1, file["col"][:].data - 1, file["S"][:].data
    pairs = clip(a, b)
    total = np.bincount(pairs.j, pairs.area_sr, b.n_cell) if "fracarea" in case else own_area(b)
    order = np.lexsort((column, row))
    assert np.array_equal(pairs.j, row[order]) and np.array_equal(pairs.i, column[order])
    assert np.abs(pairs.area_sr / total[pairs.j] - weight[order]).max() < 2e-11


def test_moments_of_cells_are_those_of_their_triangles():
    one, two = ([0.0, 10.0, 4.0], [40.0, 41.0, 48.0]), ([10.0, 14.0, 4.0], [41.0, 47.0, 48.0])
    three = ([0.0, 10.0, 14.0, 4.0], [40.0, 41.0, 47.0, 48.0])
    parts, whole = cell_moments(polygons(*np.array([one, two]).swapaxes(0, 1))), cell_moments(polygons(*three))
    assert parts[0].sum() == approx(whole[0][0], rel=1e-14)
    assert parts[1].sum(axis=0) == approx(whole[1][0], rel=1e-14)


def test_centroids_by_corners_are_their_mean_whatever_rounding_adds():
    coarse = RectilinearGrid.regular(84.0, 85.0, 4, 25.0, 26.0, 4, edges="greatcircle")
    fine = RectilinearGrid.regular(84.0, 85.0, 100, 25.0, 26.0, 100, edges="greatcircle")
    pairs = clip(coarse, fine, moments=True, centroids="corners")
    inner = np.isclose(pairs.area_sr, own_area(fine)[pairs.j], rtol=1e-9, atol=0.0)
    corner = unit_vector(fine.vertex_lon_deg, fine.vertex_lat_deg).sum(axis=1)
    mean = corner / np.linalg.norm(corner, axis=1, keepdims=True)
    assert inner.sum() > 9000
    assert np.abs(pairs.moment / pairs.area_sr[:, None] - mean[pairs.j])[inner].max() < 1e-15


def test_an_unknown_centroid_is_refused():
    with pytest.raises(ConfigError, match="centroids must be one of area, corners, got 'middle'"):
        clip(random_quads(1, 1.0, 1), random_quads(1, 1.0, 2), moments=True, centroids="middle")
    with pytest.raises(GridError, match="'greatcircle' edges only, got 'latlon'"):
        cell_moments(random_quads(1, 1.0, 1).with_edges("latlon"))


@pytest.mark.skipif(sys.platform != "linux", reason="floating-point traps are armed with glibc's feenableexcept")
def test_the_kernel_raises_no_floating_point_exception_in_a_host_that_traps_them():
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])})
    assert (done.returncode, done.stdout.strip()) == (0, "survived"), done.stderr


def run_with_traps_armed():
    shapes = [polygons(*triangles(2, turn)) for turn in (np.eye(3), rotation(3))]
    shapes += [RectilinearGrid.regular(0, 360, 36, -90, 90, 18, edges="greatcircle"), patch((-70.0, -90.0), 1e-4, 3, 33.0),
               polygons([0.0, 4.0, 1.0, 0.0], [0.0, 0.0, 1.0, 4.0]),
               polygons([0.0, 1.0, 2.0, 2.0, 0.0], [0.0, 0.0, 0.0, 2.0, 2.0])]
    calls = [(a.with_edges(e), b.with_edges(e), e) for a in shapes for b in shapes
             for e in ("greatcircle", "latlon", "planar")
             if e == "greatcircle" or shapes[0] not in (a, b)]      # corners at its poles
    for a, b, _ in calls:
        clip(a, b)
    libm, trapped = ctypes.CDLL("libm.so.6"), 0x01 | 0x04 | 0x08
    libm.feclearexcept(trapped)
    if libm.feenableexcept(trapped) == -1:
        raise OSError("traps cannot be armed on this machine")
    for a, b, edges in calls:
        for centroids in ("area", "corners"):
            clip(a, b, moments=edges == "greatcircle", centroids=centroids)
    libm.fedisableexcept(trapped)


if __name__ == "__main__":
    run_with_traps_armed()
    print("survived")
