
import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import GridError
from lsbc.regrid.host_cells import HostCells
from lsbc.regrid.sphere import polygon_area_sr

from shapes import boxes, triangles


def cells(**changes):
    """Two quarter-degree cells, ids 7 and 9, at 11 E and 12 E, 48 N."""
    lon, lat = boxes([11.0, 12.0], [48.0, 48.0], 0.25, 0.25)
    given = {"global_id": np.array([7, 9]), "lon_deg": lon.mean(axis=1), "lat_deg": lat.mean(axis=1),
             "vertex_lon_deg": lon, "vertex_lat_deg": lat, "owned": np.array([True, False])}
    return HostCells(**{**given, **changes})


def test_good_cells_pass_unchanged():
    host = cells()
    assert host.n_cell == 2 and host.owned.tolist() == [True, False] and host.vertex_lon_deg[1].tolist() == [12.0, 12.25, 12.25, 12.0]


def test_a_rank_may_have_no_cells():
    none = np.empty(0)
    host = HostCells(none, none, none, np.empty((0, 3)), np.empty((0, 3)), none)
    assert host.n_cell == 0 and host.global_id.dtype == np.int64


def test_clockwise_corners_are_turned_round():
    host = cells()
    turned = cells(vertex_lon_deg=host.vertex_lon_deg[:, ::-1], vertex_lat_deg=host.vertex_lat_deg[:, ::-1])
    assert (polygon_area_sr(turned.vertex_lon_deg, turned.vertex_lat_deg) > 0).all()


def test_the_arrays_of_the_caller_are_left_alone():
    lat = cells().vertex_lat_deg.copy()
    lat[0, 0] = 90.0 + 1e-12
    given = lat.copy()
    with pytest.raises(GridError):
        cells(vertex_lat_deg=given, lat_deg=np.array([np.nan, 48.0]))
    assert np.array_equal(given, lat)


def test_a_corner_past_the_pole_by_rounding_is_cut_back():
    lon, lat = boxes([11.0], [89.75], 0.25, 0.25)
    host = HostCells([1], [11.125], [89.875], lon, np.where(lat == 90.0, 90.0 + 1e-12, lat), [True])
    assert host.vertex_lat_deg.max() == 90.0


@pytest.mark.parametrize("tiling", [triangles(4, np.eye(3)), boxes(*(g.ravel() for g in np.meshgrid(np.arange(-180, 180, 5.0), np.arange(-90, 90, 5.0))), 5.0, 5.0)])
def test_global_grids_with_cells_at_the_poles_and_the_date_line_pass(tiling):
    lon, lat = tiling
    middle = np.stack([np.cos(np.radians(lat)) * np.cos(np.radians(lon)), np.cos(np.radians(lat)) * np.sin(np.radians(lon)),
                       np.sin(np.radians(lat))], axis=-1).sum(axis=1)
    centre_lon = np.degrees(np.arctan2(middle[:, 1], middle[:, 0]))
    centre_lat = np.degrees(np.arctan2(middle[:, 2], np.hypot(middle[:, 0], middle[:, 1])))
    host = HostCells(np.arange(len(lon)), centre_lon, centre_lat, lon, lat, np.ones(len(lon), bool))
    assert polygon_area_sr(host.vertex_lon_deg, host.vertex_lat_deg).sum() == approx(4 * np.pi, rel=1e-13)


@pytest.mark.parametrize(("changes", "message"), [
    ({"lat_deg": np.array([48.125, np.nan])}, r"Host cell 9, .*\(12.125, nan\).* the centre is not finite"),
    ({"lat_deg": np.array([48.125, 91.0])}, "Host cell 9, .* the centre's latitude is beyond 90"),
    ({"lon_deg": np.array([1e20, 12.125])}, "Host cell 7, .* the centre's longitude is beyond 720"),
    ({"global_id": np.array([7, 7])}, "Host cell 7, .* more than one cell"),
    ({"global_id": np.array([-7, 7])}, "Host cell -7, .* negative"),
    ({"lon_deg": np.array([48.125, 48.125]), "lat_deg": np.array([11.125, 12.125])}, "Host cell 7, .* swapped"),
    ({"lon_deg": np.array([11.125])}, r"'lon_deg' has shape \(1,\)"),
    ({"vertex_lon_deg": np.zeros((2, 3))}, r"shapes \(2, 3\) and \(2, 4\)"),
    ({"vertex_lat_deg": np.array([[48.0, 48, 48.25, 48.25], [48, 48, np.inf, 48]])}, "Host cell 9, .* the corner is not finite"),
    ({"vertex_lat_deg": np.array([[48.0, 48, 48.25, 48.25], [48, 48, 98, 48]])}, "Host cell 9, .* the corner's latitude"),
])
def test_a_bad_cell_is_named_with_its_id_and_place(changes, message):
    with pytest.raises(GridError, match=message):
        cells(**changes)


def test_a_cell_without_area_is_refused():
    lat = np.array([[48.0, 48.0, 48.25, 48.25], [48.0, 48.1, 48.2, 48.25]])
    with pytest.raises(GridError, match="Host cell 9, .* enclose no area"):
        cells(vertex_lon_deg=np.array([[11.0, 11.25, 11.25, 11.0], [12.0, 12.0, 12.0, 12.0]]), vertex_lat_deg=lat)


def test_a_global_grid_in_radians_is_refused():
    lon, lat = (np.radians(x) for x in boxes(*(g.ravel() for g in np.meshgrid(np.arange(-180, 180, 2.5), np.arange(-90, 90, 2.5))), 2.5, 2.5))
    host = HostCells(np.arange(len(lon)), lon.mean(axis=1), lat.mean(axis=1), lon, lat, np.ones(len(lon), bool))
    with pytest.raises(GridError, match="in radians"):
        host.refuse_radians(SerialComm())


def test_a_patch_in_the_gulf_of_guinea_passes_when_another_rank_is_elsewhere():
    lon, lat = boxes([5.0], [1.0], 0.01, 0.01)
    host = HostCells([1], lon.mean(axis=1), lat.mean(axis=1), lon, lat, [True])

    class WithAnotherRank(SerialComm):
        def allreduce_max(self, value):
            return max(value, 1)

    host.refuse_radians(WithAnotherRank())
    with pytest.raises(GridError, match="in radians"):
        host.refuse_radians(SerialComm())


def test_large_cells_near_the_origin_are_taken_for_degrees():
    lon, lat = boxes([0.0, 1.0], [0.0, 0.0], 1.0, 1.0)
    HostCells([1, 2], lon.mean(axis=1), lat.mean(axis=1), lon, lat, [True, True]).refuse_radians(SerialComm())
