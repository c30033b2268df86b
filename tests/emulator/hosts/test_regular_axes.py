import numpy as np
import pytest

from lsbc.emulator.hosts.regular_axes import regular_axes


def boxes(lon_edge, lat_edge):
    """Centres and corners of a map, flattened."""
    lon_edge, lat_edge = np.asarray(lon_edge, float), np.asarray(lat_edge, float)
    lon, lat = np.meshgrid((lon_edge[1:] + lon_edge[:-1]) / 2, (lat_edge[1:] + lat_edge[:-1]) / 2)
    west, south = np.meshgrid(lon_edge[:-1], lat_edge[:-1])
    east, north = np.meshgrid(lon_edge[1:], lat_edge[1:])
    corners = tuple(np.stack(parts, axis=-1).reshape(-1, 4) for parts in ((west, east, east, west), (south, south, north, north)))
    return lon.ravel(), lat.ravel(), corners


def test_a_map_has_axes_with_bounds():
    lat, lon = regular_axes(*boxes([10, 12, 14, 18], [40, 41, 43]))
    assert lat.centre.tolist() == [40.5, 42] and lat.bounds.tolist() == [[40, 41], [41, 43]]
    assert lon.centre.tolist() == [11, 13, 16] and lon.bounds.tolist() == [[10, 12], [12, 14], [14, 18]]


def test_longitudes_run_on_over_the_date_line_and_latitudes_may_run_south():
    lon, lat, (lon_corner, lat_corner) = boxes([178, 180, 182, 184], [43, 41, 40])
    lat_axis, lon_axis = regular_axes((lon + 180) % 360 - 180, lat, ((lon_corner + 180) % 360 - 180, lat_corner))
    assert lon_axis.centre.tolist() == [179, 181, 183] and lon_axis.bounds.tolist() == [[178, 180], [180, 182], [182, 184]]
    assert lat_axis.centre.tolist() == [42, 40.5]


def test_without_corners_or_with_corners_that_are_no_boxes_there_are_no_bounds():
    lon, lat, corners = boxes([10, 12, 14, 18], [40, 41, 43])
    assert [axis.bounds for axis in regular_axes(lon, lat, None)] == [None, None]
    corners[1][2, 0] -= 0.1
    lat_axis, lon_axis = regular_axes(lon, lat, corners)
    assert lat_axis.bounds is None and lon_axis.bounds is not None


@pytest.mark.parametrize("change", [
    lambda lon, lat: (lon[:-1], lat[:-1]),
    lambda lon, lat: (lon + 0.01 * lat, lat),
    lambda lon, lat: (lon, lat + 0.01 * lon),
    lambda lon, lat: (lon[[0, 2, 1, 3, 5, 4]], lat),
    lambda lon, lat: (lon[:3], lat[:3]),
    lambda lon, lat: (lon[::3], lat[::3]),
    lambda lon, lat: (lon, np.full(6, 40.0)),
    lambda lon, lat: (lon[:1], lat[:1]),
    lambda lon, lat: (lon[:0], lat[:0]),
])
def test_other_cells_have_no_axes(change):
    lon, lat, _ = boxes([10, 12, 14, 18], [40, 41, 43])
    assert regular_axes(*change(lon, lat), None) is None


def test_rows_around_the_globe_twice_have_no_axes():
    lon, lat, _ = boxes(np.arange(0, 730, 90), [40, 41, 43])
    assert regular_axes(lon, lat, None) is None
