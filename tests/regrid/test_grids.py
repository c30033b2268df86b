import math

import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.errors import GridError
from lsbc.regrid.grid_arrays import cell_corners
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid

from shapes import boxes, rotation, triangles

GLOBE = RectilinearGrid.regular(-180, 180, 12, -90, 90, 6)


def quads(**options):
    """Four boxes of one degree at 10..12 E, 50..52 N as polygons."""
    lon, lat = boxes([10.0, 11.0, 10.0, 11.0], [50.0, 50.0, 51.0, 51.0], 1.0, 1.0)
    given = {"lon": lon.mean(axis=1), "lat": lat.mean(axis=1), "vlon": lon, "vlat": lat} | {
        k: options.pop(k) for k in ("lon", "lat", "vlon", "vlat") if k in options}
    return PolygonGrid(given["lon"], given["lat"], given["vlon"], given["vlat"], **options)


@pytest.mark.parametrize("edges", ["latlon", "greatcircle", "planar"])
def test_a_global_grid_has_the_area_of_the_sphere(edges):
    assert math.fsum(GLOBE.with_edges(edges).area_sr) == approx(4 * math.pi, rel=1e-15)


def test_boxes_have_the_area_dlon_times_the_difference_of_sines():
    grid = RectilinearGrid([10.0, 13.0, 14.0], [-30.0, 0.0, 90.0])
    expected = [math.radians(w) * h for h in (0.5, 1.0) for w in (3.0, 1.0)]
    assert grid.area_sr == approx(expected, rel=1e-15)


def test_the_order_of_cells_is_that_of_the_axes_in_either_direction():
    grid = RectilinearGrid([10.0, 11.0, 13.0], [60.0, 50.0, 45.0])
    assert grid.shape == (2, 2)
    assert grid.lat_deg.tolist() == [55.0, 55.0, 47.5, 47.5] and grid.lon_deg.tolist() == [10.5, 12.0, 10.5, 12.0]
    assert grid.vertex_lon_deg[1].tolist() == [11.0, 13.0, 13.0, 11.0] and grid.vertex_lat_deg[1].tolist() == [50.0, 50.0, 60.0, 60.0]


def test_a_grid_is_round_when_its_edges_span_the_globe_and_only_then():
    assert GLOBE.is_round and RectilinearGrid([360.0, 180.0, 0.0], [0.0, 1.0]).is_round
    assert not RectilinearGrid.regular(-180, 179.9, 12, -90, 90, 6).is_round


def test_great_circle_boxes_of_one_row_share_an_area_and_uneven_ones_do_not():
    even, uneven = RectilinearGrid.regular(0, 20, 2, 40, 50, 1), RectilinearGrid([0.0, 5.0, 20.0], [40.0, 50.0])
    for grid in (even.with_edges("greatcircle"), uneven.with_edges("greatcircle")):
        polygons = PolygonGrid(grid.lon_deg, grid.lat_deg, grid.vertex_lon_deg, grid.vertex_lat_deg)
        assert grid.area_sr == approx(polygons.area_sr, rel=1e-15)


def test_a_clockwise_cell_is_turned_round():
    grid = quads()
    turned = quads(vlon=grid.vertex_lon_deg[:, ::-1], vlat=grid.vertex_lat_deg[:, ::-1])
    assert np.array_equal(turned.vertex_lon_deg[:, ::-1], quads().vertex_lon_deg[:, ::-1])
    assert turned.area_sr == approx(grid.area_sr, rel=1e-14)


def test_curvilinear_corners_may_be_nodes_or_four_a_cell():
    lon, lat = np.meshgrid([10.0, 11.0, 12.0], [50.0, 51.0, 52.0])
    centre = np.meshgrid([10.5, 11.5], [50.5, 51.5])
    by_node = CurvilinearGrid(*centre, lon, lat)
    by_cell = CurvilinearGrid(*centre, cell_corners(lon), cell_corners(lat))
    assert by_node.shape == (2, 2) and by_node.fingerprint == by_cell.fingerprint
    assert by_node.area_sr == approx(quads().area_sr, rel=1e-14)


def test_the_fingerprint_tells_places_and_order_but_not_name_mask_and_edges():
    grid = quads()
    for same in (quads(name="other"), quads(edges="latlon"), quads(mask=[True, True, True, False]), grid.with_edges("planar")):
        assert grid.fingerprint == same.fingerprint
    moved = grid.vertex_lon_deg + np.array([[0.0, 1e-9, 0.0, 0.0]])
    others = [quads(vlon=moved), quads(lon=grid.lon_deg + 1e-9), quads(global_id=[1, 2, 3, 4]), grid.take(np.array([1, 0, 2, 3]))]
    assert len({grid.fingerprint, *(other.fingerprint for other in others)}) == 5
    boxes = GLOBE.with_mask(np.arange(72) > 5)
    assert GLOBE.fingerprint == boxes.fingerprint == boxes.with_edges("greatcircle").fingerprint != RectilinearGrid.regular(-180, 180, 12, -90, 89, 6).fingerprint


def test_the_fingerprint_of_clockwise_cells_does_not_tell_which_of_them_are_masked():
    """Live cells are turned round, masked ones stay as they are given."""
    lon, lat = quads().vertex_lon_deg[:, ::-1], quads().vertex_lat_deg[:, ::-1]
    assert quads().fingerprint == quads(vlon=lon, vlat=lat, mask=[True, False, True, False]).fingerprint


def test_some_cells_keep_ids_corners_and_mask():
    some = GLOBE.take(np.array([13, 0]))
    assert some.global_id.tolist() == [13, 0] and some.edges == "latlon"
    assert some.vertex_lon_deg[0].tolist() == [-150.0, -120.0, -120.0, -150.0] and some.vertex_lat_deg[0].tolist() == [-60.0, -60.0, -30.0, -30.0]
    assert quads().take(np.array([2])).lat_deg.tolist() == [51.5]


def test_points_have_no_area():
    points = PolygonGrid([1.0, 2.0], [3.0, 4.0], name="stations")
    assert not points.has_corners
    with pytest.raises(GridError, match="'stations' has cell centres only; areas need its corners"):
        _ = points.area_sr


def test_masked_cells_may_be_degenerate():
    lon, lat = boxes([10.0, 11.0], [50.0, 50.0], 1.0, 1.0)
    lon[1], lat[0, 0] = 11.0, 50.0
    grid = PolygonGrid(lon.mean(axis=1), lat.mean(axis=1), lon, lat, mask=[True, False])
    assert grid.area_sr[1] == 0.0
    lon[1] = np.nan
    assert PolygonGrid([10.5, np.nan], [50.5, np.nan], lon, lat, mask=[True, False]).area_sr[1] == 0.0


def test_the_arrays_are_read_only_and_the_callers_stay_as_they_are():
    lon, lat = boxes([10.0], [50.0], 1.0, 1.0)
    given = lon[:, ::-1].copy()
    grid = PolygonGrid([10.5], [50.5], given, lat[:, ::-1])
    assert np.array_equal(given, lon[:, ::-1])
    with pytest.raises(ValueError, match="read-only"):
        grid.vertex_lon_deg[0, 0] = 0.0


CROSSED = boxes([10.0, 11.0, 10.0, 11.0], [50.0, 50.0, 51.0, 51.0], 1.0, 1.0)


@pytest.mark.parametrize(("changes", "message"), [
    ({"vlon": np.array([[10.0, 11.0, 10.0, 11.0]] * 4)}, r"'grid', cell 0, centre .* enclose no area|edges cross"),
    ({"vlon": np.full((4, 4), np.nan)}, "cell 0.* the corner is not finite"),
    ({"lat": np.array([50.5, 95.0, 51.5, 51.5])}, "cell 1.* the centre's latitude is beyond 90 degrees"),
    ({"vlat": np.tile([50.0, 50.0, 91.0, 91.0], (4, 1))}, "cell 0.* the corner's latitude is beyond 90"),
    ({"vlat": np.tile([50.0, 50.0, 50.0, 50.0], (4, 1))}, "enclose no area"),
    ({"lon": np.array([50.5] * 4), "lat": np.array([10.5] * 4)}, "are longitude and latitude swapped"),
    ({"global_id": [3, 3, 4, 5]}, "cell 3.* the global id is used by more than one cell"),
    ({"global_id": [-1, 3, 4, 5]}, "global ids must not be negative"),
    ({"mask": [True, False]}, "mask has 2 values, the grid 4 cells"),
    ({"edges": "rhumb"}, "got 'rhumb'"),
    ({"vlon": np.zeros((4, 2))}, "3 or more corners"),
    ({"lat": np.zeros(3)}, "4 longitudes and 3 latitudes"),
])
def test_a_bad_cell_is_refused_with_its_number_and_place(changes, message):
    with pytest.raises(GridError, match=message):
        quads(**changes)


def test_corners_in_the_wrong_order_are_named_as_crossing_edges():
    """A slanted quad whose last two corners are exchanged has an area, but its edges cross."""
    lon, lat = np.array([[10.0, 12.0, 10.5, 11.5]]), np.array([[50.0, 50.0, 51.5, 51.0]])
    with pytest.raises(GridError, match=r"cell 0, centre \(lon, lat\) = \(11, 50.6\).* edges cross"):
        PolygonGrid([11.0], [50.6], lon, lat)


@pytest.mark.parametrize("turn", [np.eye(3), rotation(2)])
def test_a_concave_cell_and_cells_round_the_poles_are_no_crossings(turn):
    lon, lat = triangles(2, turn)
    PolygonGrid(*(np.degrees(np.arctan2(*x)) for x in _middles(lon, lat)), lon, lat)
    PolygonGrid([0.0], [90.0], [[0.0, 72.0, 144.0, 216.0, 288.0]], [[80.0] * 5])
    PolygonGrid([10.5], [50.2], [[10.0, 11.0, 11.0, 10.5, 10.0]], [[50.0, 50.0, 51.0, 50.2, 51.0]])


def _middles(lon, lat):
    x = (np.cos(np.radians(lat)) * np.cos(np.radians(lon))).mean(axis=1)
    y = (np.cos(np.radians(lat)) * np.sin(np.radians(lon))).mean(axis=1)
    return (y, x), (np.sin(np.radians(lat)).mean(axis=1), np.hypot(x, y))


def test_a_grid_in_radians_is_refused():
    lon, lat = (np.radians(x) for x in triangles(5, rotation(1)))
    with pytest.raises(GridError, match="in radians, degrees are expected"):
        PolygonGrid(lon.mean(axis=1), lat.mean(axis=1), lon, lat)


@pytest.mark.parametrize(("lon", "lat", "options", "message"), [
    ([0.0, 1.0, 1.0], [0.0, 1.0], {}, "longitude edges must rise or fall throughout, but go 1.0, 1.0 at 1"),
    ([0.0, 1.0], [0.0, 2.0, 1.0], {}, "latitude edges must rise or fall throughout"),
    ([0.0, 1.0], [0.0, 91.0], {}, "latitude edge 1 is 91.0 degrees, beyond 90"),
    ([0.0, 1.0, np.nan], [0.0, 1.0], {}, "longitude edge 2 is not finite"),
    ([0.0, 180.0, 361.0], [0.0, 1.0], {}, "cover part of the globe twice"),
    ([0.0], [0.0, 1.0], {}, "a longitude axis needs two edges or more"),
    ([0.0, 1.0], [0.0, 1.0], {"lon_centre_deg": [1.5]}, "longitude centre 0 at 1.5 lies outside its cell 0.0 .. 1.0"),
    ([0.0, 1.0], [0.0, 1.0], {"lat_centre_deg": [0.1, 0.2]}, "2 latitude centres for 1 cells"),
    ([0.0, 1.0, 2.0], [0.0, 1.0], {"global_id": [4, 4]}, "global ids must be unique"),
])
def test_bad_axes_are_refused_with_the_place(lon, lat, options, message):
    with pytest.raises(GridError, match=message):
        RectilinearGrid(lon, lat, **options)


def test_a_grid_without_cells_is_refused():
    with pytest.raises(GridError, match="has no cells"):
        PolygonGrid([], [])


def test_fill_values_in_the_corners_of_masked_cells_do_no_harm():
    lon, lat = boxes([10.0, 11.0], [50.0, 50.0], 1.0, 1.0)
    lon[1] = lat[1] = 9.96921e36
    assert PolygonGrid([10.5, 11.5], [50.5, 50.5], lon, lat, mask=[True, False]).area_sr[1] == 0.0
