import netCDF4
import numpy as np
import pytest

from demo_input import icon_grid
from demo_input.region import Region

OCTANT = np.eye(3)[None]


def test_bisecting_a_triangle_gives_four_that_fill_it():
    ids, corners = icon_grid.bisect(np.array([5]), OCTANT)
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    # Solid angle of a triangle (Van Oosterom and Strackee); an octant has pi / 2.
    volume = np.abs((a * np.cross(b, c)).sum(axis=1))
    area_sr = 2 * np.arctan2(volume, 1 + (a * b).sum(axis=1) + (b * c).sum(axis=1) + (c * a).sum(axis=1))
    assert area_sr.sum() == pytest.approx(np.pi / 2, rel=1e-14)
    assert ids.tolist() == [20, 21, 22, 23]


def test_children_keep_the_orientation_of_their_parent():
    _, corners = icon_grid.bisect(np.array([0]), OCTANT)
    assert (np.linalg.det(corners) > 0).all()


def test_neighbours_share_the_new_vertex_bit_for_bit():
    mirrored = np.array([[[0.0, 1, 0], [1, 0, 0], [0, 0, -1.0]]])
    _, corners = icon_grid.bisect(np.array([0, 1]), np.concatenate([OCTANT, mirrored]))
    upper, lower = ({tuple(v) for v in part.reshape(-1, 3)} for part in (corners[:4], corners[4:]))
    assert len(upper & lower) == 3


def test_a_cell_whose_northern_side_bulges_out_of_the_region_is_left_out():
    region = Region(0.0, 60.0, 40.0, 60.0)
    lon = np.array([[10.0, 50.0, 30.0], [10.0, 50.0, 30.0]])
    lat = np.array([[59.9, 59.9, 45.0], [50.0, 50.0, 45.0]])
    assert icon_grid.inside(region, lon, lat).tolist() == [False, True]


def test_cells_over_the_region_are_unique_inside_and_of_the_size_of_r03b07():
    pytest.importorskip("grid_generator", reason="icon-grid-generator is not installed (extra 'demo')")
    region = Region(10.0, 12.0, 47.0, 49.0)
    ids, lon, lat = icon_grid.triangles_over(region)
    assert len(np.unique(ids)) == len(ids)
    assert ids.min() >= 0
    assert ids.max() < 20 * 9 * 4**7
    assert (lon.min() >= 10) & (lon.max() <= 12) & (lat.min() >= 47) & (lat.max() <= 49)
    mean_area_km2 = 4 * np.pi * 6371.229**2 / (20 * 9 * 4**7)
    x, y = np.radians(lon) * np.cos(np.radians(48)) * 6371.229, np.radians(lat) * 6371.229
    area_km2 = 0.5 * np.abs((x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0]))
    assert area_km2.mean() == pytest.approx(mean_area_km2, rel=0.25)


def test_an_icon_grid_file_gives_the_cells_inside_under_their_places(tmp_path):
    lon = np.radians([[10.0, 11.0, 10.5], [30.0, 31.0, 30.5], [371.0, 372.0, 371.5]])
    lat = np.radians([[47.0, 47.0, 48.0]] * 3)
    with netCDF4.Dataset(tmp_path / "grid.nc", "w") as data:
        data.createDimension("cell", 3)
        data.createDimension("nv", 3)
        data.createVariable("clon_vertices", "f8", ("cell", "nv"))[:] = lon
        data.createVariable("clat_vertices", "f8", ("cell", "nv"))[:] = lat
    ids, lon_deg, _ = icon_grid.read_icon_grid(tmp_path / "grid.nc", Region(8.0, 14.0, 46.0, 50.0))
    assert ids.tolist() == [0, 2]
    assert lon_deg[1] == pytest.approx([11.0, 12.0, 11.5])


def test_a_file_without_vertices_is_refused_by_name(tmp_path):
    with netCDF4.Dataset(tmp_path / "other.nc", "w") as data:
        data.createDimension("cell", 1)
    with pytest.raises(ValueError, match="clat_vertices, clon_vertices missing"):
        icon_grid.read_icon_grid(tmp_path / "other.nc", Region(8.0, 14.0, 46.0, 50.0))
