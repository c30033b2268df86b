import numpy as np
from numpy.testing import assert_array_equal

from lsbc.regrid.readers.boxes import as_rectilinear

from grid_files import quad_corners, sheared_nodes


def boxes(lon_edge, lat_edge):
    """Centres (n_j, n_i) and corners (n_j, n_i, 4)."""
    lon, lat = np.meshgrid(lon_edge, lat_edge)
    corner_lon, corner_lat = quad_corners(lon), quad_corners(lat)
    return corner_lon.mean(-1), corner_lat.mean(-1), corner_lon, corner_lat


def test_boxes_are_recognised_whatever_corner_comes_first_and_whichever_way_round():
    cells = boxes([10.0, 12, 15], [40.0, 41, 43])
    for shift in range(4):
        for turn in (1, -1):
            corners = (np.roll(x, shift, -1)[..., ::turn] for x in cells[2:])
            lon_edge, lat_edge, lon, lat = as_rectilinear(*cells[:2], *corners)
            assert_array_equal(lon_edge, [10, 12, 15])
            assert_array_equal(lat_edge, [40, 41, 43])
            assert_array_equal(lon, [11, 13.5])
            assert_array_equal(lat, [40.5, 42])


def test_falling_rows_and_columns_over_greenwich():
    lon, lat, corner_lon, corner_lat = boxes([4.0, 2, 0, -2], [50.0, 49, 48])
    lon_edge, lat_edge, *_ = as_rectilinear(lon % 360, lat, corner_lon % 360, corner_lat)
    assert_array_equal(lon_edge, [4, 2, 0, -2])
    assert_array_equal(lat_edge, [50, 49, 48])


def test_cells_that_are_not_quite_boxes_are_not_taken_for_boxes():
    lon_node, lat_node = sheared_nodes()
    lon, lat = quad_corners(lon_node), quad_corners(lat_node)
    assert as_rectilinear(lon.mean(-1), lat.mean(-1), lon, lat) is None
    for array in range(4):
        cells = [x.copy() for x in boxes([10.0, 12, 15], [40.0, 41, 43])]
        cells[array].flat[1] += 1e-9
        assert as_rectilinear(*cells) is None


def test_gaps_bowties_and_missing_corners_are_no_boxes():
    lon, lat, corner_lon, corner_lat = boxes([10.0, 12, 15], [40.0, 41, 43])
    assert as_rectilinear(lon, lat, 0.9 * (corner_lon - lon[..., None]) + lon[..., None], corner_lat) is None
    assert as_rectilinear(lon, lat, corner_lon[..., [0, 2, 1, 3]], corner_lat[..., [0, 2, 1, 3]]) is None
    assert as_rectilinear(lon, lat, np.where(corner_lon == 12, np.nan, corner_lon), corner_lat) is None
    assert as_rectilinear(lon, lat, corner_lon[..., :3], corner_lat[..., :3]) is None
