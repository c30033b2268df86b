import numpy as np
import pytest
from netCDF4 import Dataset
from numpy.testing import assert_allclose, assert_array_equal

from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.readers import read_grid

from grid_files import NODE_LAT_DEG, NODE_LON_DEG, esmf_mesh, mpas
from shared import shared


@pytest.fixture
def read(tmp_path):
    def of(spec, name="g", **options):
        return read_grid(spec.write(tmp_path / f"{name}.nc"), **options)
    return of


def test_cells_take_as_many_vertices_as_they_have_edges(read):
    grid = read(mpas())
    assert_allclose(grid.vertex_lon_deg[[0, 2]], NODE_LON_DEG[[[0, 1, 4, 3], [3, 4, 6, 6]]])
    assert_allclose(grid.vertex_lat_deg[[0, 2]], NODE_LAT_DEG[[[0, 1, 4, 3], [3, 4, 6, 6]]])
    assert_allclose(grid.area_sr, read(esmf_mesh(), "esmf").area_sr, rtol=1e-13)


def test_what_stands_behind_the_last_vertex_does_not_matter(read):
    spec, whole = mpas(), read(mpas())
    spec.variables["verticesOnCell"].values[2:, 3] = -99999
    assert read(spec).fingerprint == whole.fingerprint


def test_global_ids_are_the_cells_own(read):
    spec = mpas()
    spec.variables["indexToCellID"].values = np.array([9, 3, 5, 1], "i4")
    assert_array_equal(read(spec).global_id, [8, 2, 4, 0])
    spec.variables["indexToCellID"].values = np.array([9, 3, 9, 1], "i4")
    with pytest.raises(GridError, match="cell 8, .* the global id is used by more than one cell"):
        read(spec)
    del spec.variables["indexToCellID"]
    assert_array_equal(read(spec).global_id, [0, 1, 2, 3])


def test_meshes_in_a_plane_are_refused(read):
    spec = mpas()
    spec.attrs["on_a_sphere"] = "NO"
    with pytest.raises(GridError, match="lies in a plane"):
        read(spec)


def test_connectivity_that_is_wrong_is_refused(read):
    spec = mpas()
    spec.variables["verticesOnCell"].values -= 1
    with pytest.raises(GridError, match="verticesOnCell: corner 0 of face 0 is node -1"):
        read(spec)
    spec.variables["nEdgesOnCell"].values[2] = 5
    with pytest.raises(GridError, match=r"nEdgesOnCell of cell 2 is 5; expected 3 .. 4"):
        read(spec)
    del spec.variables["nEdgesOnCell"]
    with pytest.raises(FileError, match="lacks the variable nEdgesOnCell"):
        read(spec)


def test_a_real_mesh_covers_the_sphere_with_the_areas_that_it_states():
    path = shared("data/host/mpas/mpas_mesh_QU_1920km.nc")
    grid = read_grid(path)
    with Dataset(path) as data:
        area = np.asarray(data["areaCell"][:]) / float(data.sphere_radius) ** 2
    assert_allclose(grid.area_sr, area, rtol=1e-7)
    assert_allclose(grid.area_sr.sum(), 4 * np.pi, rtol=1e-14)
