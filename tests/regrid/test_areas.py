import math

import numpy as np
import pytest
from pytest import approx

from lsbc.regrid import _kernel
from lsbc.regrid.areas import shared_areas
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid
from lsbc.regrid.sphere import lon_lat_deg, unit_vector

from shapes import rotation, triangles

DEGREE = RectilinearGrid.regular(0, 360, 90, -90, 90, 45)


def mesh(n_split=3, seed=1, **options):
    lon, lat = triangles(n_split, rotation(seed))
    centre = lon_lat_deg(unit_vector(lon, lat).sum(axis=1))
    return PolygonGrid(*centre, lon, lat, **options)


def as_polygons(grid, **options):
    return PolygonGrid(grid.lon_deg, grid.lat_deg, grid.vertex_lon_deg, grid.vertex_lat_deg, **{"edges": grid.edges} | options)


def irregular(seed, lon=(-20.0, 340.0), lat=(-90.0, 90.0)):
    rng = np.random.default_rng(seed)
    return RectilinearGrid(np.sort([*lon, *rng.uniform(*lon, 20)]), np.sort([*lat, *rng.uniform(*lat, 12)]))


@pytest.mark.parametrize("boxes", [
    DEGREE, RectilinearGrid.regular(-180, 180, 90, -90, 90, 45), RectilinearGrid.regular(360, 0, 37, 90, -90, 11),
    irregular(1), irregular(2, (150.0, 250.0), (-70.0, -10.0)), RectilinearGrid.regular(86, 88, 20, 27, 29, 20),
    RectilinearGrid([-300.0, -10.0], [-90.0, -85.0, 3.0]), RectilinearGrid([12.3, 132.3, 372.3], [-90.0, 0.0, 90.0])])
@pytest.mark.parametrize("edges", ["latlon", "greatcircle", "planar"])
def test_cells_that_tile_the_globe_fill_every_box_and_share_with_no_other(boxes, edges):
    areas = shared_areas(mesh(edges=edges), boxes)
    assert np.abs(areas.covered_sr() / boxes.area_sr - 1).max() < 1e-13
    per_cell = np.bincount(areas.source, areas.area_sr, len(areas.source_area_sr))
    assert (per_cell <= areas.source_area_sr * (1 + 1e-13)).all()


def test_entries_are_sorted_by_destination_and_source():
    areas = shared_areas(mesh(), DEGREE)
    assert (np.diff(areas.destination * 10**6 + areas.source) > 0).all()
    assert np.array_equal(areas.offsets, np.searchsorted(areas.destination, np.arange(DEGREE.n_cell + 1)))


def test_the_transposed_areas_are_those_made_the_other_way_round():
    there, back = shared_areas(mesh(), DEGREE).transposed(), shared_areas(DEGREE, mesh())
    for name in ("source", "destination", "offsets", "area_sr", "source_area_sr", "destination_area_sr"):
        assert np.array_equal(getattr(there, name), getattr(back, name)), name


def test_boxes_share_the_product_of_widths_and_differences_of_sines():
    source, destination = RectilinearGrid([350.0, 355.0, 365.0], [0.0, 30.0]), RectilinearGrid([-8.0, 0.0], [10.0, 90.0])
    areas = shared_areas(source, destination)
    height = 0.5 - math.sin(math.radians(10))
    assert areas.source.tolist() == [0, 1]
    assert areas.area_sr == approx([math.radians(3) * height, math.radians(5) * height], rel=1e-14)


def test_a_box_that_meets_another_on_both_sides_of_the_seam_has_one_entry():
    source, destination = RectilinearGrid([0.0, 350.0, 360.0], [0.0, 30.0]), RectilinearGrid([-20.0, 340.0], [0.0, 30.0])
    areas = shared_areas(source, destination)
    assert areas.source.tolist() == [0, 1]
    assert areas.area_sr == approx([math.radians(350) / 2, math.radians(10) / 2], rel=1e-14)


@pytest.mark.parametrize("destination", [DEGREE, irregular(3), RectilinearGrid.regular(340, -20, 24, 80, -50, 13)])
def test_boxes_and_the_same_boxes_as_polygons_share_the_same_areas(destination):
    source = irregular(4)
    product, raster = shared_areas(source, destination), shared_areas(as_polygons(source), destination)
    assert np.array_equal(product.source, raster.source) and np.array_equal(product.destination, raster.destination)
    assert raster.area_sr == approx(product.area_sr, abs=1e-15)


def test_thin_and_tiny_boxes_keep_their_digits():
    source = RectilinearGrid(10.0 + 1e-4 * np.arange(11), 89.0 + 1e-4 * np.arange(11))
    destination = RectilinearGrid(10.0 + 5e-4 * np.arange(3), 89.0 + 5e-4 * np.arange(3))
    areas = shared_areas(source, destination)
    assert areas.covered_sr() == approx(destination.area_sr, rel=1e-11)  # the edges themselves are good to 1e-16 * 90 / 1e-4
    assert len(areas.area_sr) >= 100


def test_masked_cells_share_nothing():
    mask = np.arange(DEGREE.n_cell) % 3 > 0
    source = mesh(mask=np.arange(512) % 5 > 0)
    areas, whole = shared_areas(source, DEGREE.with_mask(mask)), shared_areas(mesh(), DEGREE)
    keep = source.mask[whole.source] & mask[whole.destination]
    assert np.array_equal(areas.source, whole.source[keep]) and np.array_equal(areas.area_sr, whole.area_sr[keep])
    assert len(areas.source_area_sr) == 512


def test_a_pair_shares_the_same_bits_whatever_else_the_grids_hold():
    whole = shared_areas(mesh(), DEGREE)
    some = np.arange(0, 512, 7)
    part = shared_areas(mesh().take(some), DEGREE)
    at = np.isin(whole.source, some)
    assert np.array_equal(some[part.source], whole.source[at]) and np.array_equal(part.area_sr, whole.area_sr[at])


def test_curvilinear_boxes_over_boxes_are_exact_in_their_own_convention():
    lon, lat = np.meshgrid(np.linspace(5, 15, 11), np.linspace(40, 50, 11))
    source = CurvilinearGrid(0.25 * (lon[:-1, :-1] + lon[1:, 1:]) * 2, 0.25 * (lat[:-1, :-1] + lat[1:, 1:]) * 2, lon, lat, edges="latlon")
    areas = shared_areas(source, RectilinearGrid([5.0, 15.0], [40.0, 50.0]))
    assert areas.area_sr == approx(source.area_sr, rel=1e-13)


def test_different_edges_of_two_kinds_of_polygons_are_refused():
    with pytest.raises(GridError, match=r"'grid' has latlon edges and grid 'grid' greatcircle ones"):
        shared_areas(mesh(edges="latlon"), mesh())


def test_grids_of_points_are_refused():
    with pytest.raises(GridError, match="shared areas need its corners"):
        shared_areas(PolygonGrid([0.0], [0.0]), DEGREE)


def test_entries_are_grouped_in_their_order():
    made = _kernel.group_entries(np.arange(5), np.array([2, 0, 2, 1, 0]), 0.5 * np.arange(5), 4)
    offsets, source, destination = (np.frombuffer(x, np.int64).tolist() for x in made[:3])
    assert (offsets, source, destination) == ([0, 2, 3, 5, 5], [1, 4, 3, 0, 2], [0, 0, 1, 2, 2])
    assert np.frombuffer(made[3]).tolist() == [0.5, 2.0, 1.5, 0.0, 1.0]
    with pytest.raises(ValueError, match="entry 1 is of destination 4 of 4"):
        _kernel.group_entries(np.arange(2), np.array([0, 4]), np.zeros(2), 4)


def test_a_cell_across_the_gap_of_a_region_beside_the_date_line_covers_it_once():
    """The cell reaches from the west of the region through it and back into the longitudes that no box holds."""
    source = PolygonGrid([180.0], [0.5], [[179.5, 180.5, 180.5, 179.5]], [[0.0, 0.0, 1.0, 1.0]], edges="latlon", is_part=True)
    destination = RectilinearGrid([-179.9, -179.8, -179.7], [0.2, 0.3])
    assert shared_areas(source, destination).covered_sr() == approx(destination.area_sr, rel=1e-12)


@pytest.mark.parametrize("west", [179.99, -180.0, -179.9, -179.0, 180.0, 540.0])
def test_wide_cells_over_a_small_region_anywhere_near_the_date_line(west):
    source = PolygonGrid([-170.0], [1.0], [[160.0, -140.0, -170.0]], [[-20.0, -20.0, 40.0]], edges="latlon")
    destination = RectilinearGrid(west + 0.01 * np.arange(4), 0.01 * np.arange(3))
    assert shared_areas(source, destination).covered_sr() == approx(destination.area_sr, rel=1e-9)


def test_lines_that_differ_in_the_last_bit_are_one_line():
    x = 46.56697368929446
    y = np.nextafter(x, 90.0)
    for a, b in (([x, x + 1, x + 3], [x - 2, y, x + 1.5]), ([x - 2, y, x + 1.5], [x, x + 1, x + 3])):
        areas = shared_areas(RectilinearGrid(a, [0.0, 1.0, 2.0]), RectilinearGrid(b, [0.0, 1.0, 2.0]))
        assert areas.source.min() >= 0 and len(areas.area_sr) == 4
    shifted = shared_areas(RectilinearGrid(np.arange(3601) / 10, [0.0, 0.1]), RectilinearGrid(np.arange(-1800, 1801) / 10, [0.0, 0.1]))
    assert len(shifted.area_sr) == 3600


def test_a_cell_that_runs_back_on_itself_shares_what_it_encloses():
    corners = [[1.0, 1.0, -1.0, 0.0, -1.0, 0.0]], [[-38.0, -37.0, -38.0, -38.0, -38.0, -38.0]]
    spiked = PolygonGrid([0.3], [-37.8], *corners, edges="latlon", is_part=True)
    box = RectilinearGrid([0.1, 0.5], [-37.7, -37.6])
    by_raster, by_clip = shared_areas(spiked, box), shared_areas(spiked, as_polygons(box, is_part=True))
    assert by_clip.area_sr == approx(by_raster.area_sr, rel=1e-11) and len(by_clip.area_sr) == 1


def test_the_kernel_refuses_what_it_takes_for_granted():
    with pytest.raises(ValueError, match="n_destination must not be negative"):
        _kernel.group_entries(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), -5)
    with pytest.raises(ValueError, match="offsets must rise"):
        _kernel.conservative_rows(np.array([0, 3, 2]), np.zeros(2), np.ones(2), False, 0.0)
    corners = np.array([[0.0, 1.0, 1.0]]), np.array([[0.0, 0.0, 1.0]])
    with pytest.raises(ValueError, match="span a turn at most"):
        _kernel.overlap_boxes(*corners, 3, np.array([-700.0, 0.0, 700.0]), np.array([0.0, 1.0]), 0)
