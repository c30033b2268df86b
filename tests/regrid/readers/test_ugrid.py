import numpy as np
import pytest
from numpy.testing import assert_allclose

from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.readers import read_grid

from grid_files import NODE_LON_DEG, Var, esmf_mesh, face_centres, ugrid


@pytest.fixture
def read(tmp_path):
    def of(spec, name="g", **options):
        return read_grid(spec.write(tmp_path / f"{name}.nc"), **options)
    return of


@pytest.mark.parametrize("base", [0, 1])
def test_faces_count_nodes_from_0_or_1(read, base):
    grid = read(ugrid(base))
    assert_allclose(grid.vertex_lon_deg[1:3], NODE_LON_DEG[[[1, 2, 5, 4], [3, 4, 6, 6]]])
    assert grid.fingerprint == read(esmf_mesh(), "esmf").fingerprint


def test_face_centres_are_optional(read):
    grid = read(ugrid(centres=False))
    assert np.abs(grid.lat_deg - face_centres()[:, 1]).max() < 0.5


def test_connectivity_may_be_turned_when_the_face_dimension_is_named(read):
    spec, whole = ugrid(), read(ugrid())
    var = spec.variables["face_nodes"]
    var.values, var.dims = var.values.T, ("corner", "face")
    spec.variables["mesh"].attrs["face_dimension"] = "face"
    assert read(spec).fingerprint == whole.fingerprint


def test_coordinates_may_be_named_latitude_first(read):
    spec, whole = ugrid(), read(ugrid())
    spec.variables["mesh"].attrs["node_coordinates"] = "node_lat node_lon"
    assert read(spec).fingerprint == whole.fingerprint
    for name, what in (("node_lon", "Longitude"), ("node_lat", "Latitude")):
        spec.variables[name].attrs = {"units": "degrees", "standard_name": what}
    assert read(spec, "capitals").fingerprint == whole.fingerprint


def test_of_several_meshes_the_caller_says_which(read):
    spec = ugrid()
    spec.variables["mesh2"] = Var((), np.int32(0), spec.variables["mesh"].attrs)
    spec.variables["t"] = Var(("face",), np.zeros(4), {"mesh": "mesh2"})
    with pytest.raises(GridError, match="has the meshes mesh, mesh2; say which with variable="):
        read(spec)
    assert read(spec, variable="t").n_cell == read(spec, variable="mesh").n_cell == 4
    with pytest.raises(GridError, match="node_lon names no mesh of this file"):
        read(spec, variable="node_lon")


@pytest.mark.parametrize("attribute, value, error, rule", [
    ("face_node_connectivity", "gone", FileError, "lacks the variable gone"),
    ("face_node_connectivity", "", FileError, "mesh names no face_node_connectivity"),
    ("node_coordinates", "node_lon", GridError, "node_coordinates of mesh is 'node_lon'; expected two"),
    ("node_coordinates", "node_lon gone", FileError, "lacks the variable gone"),
    ("topology_dimension", np.int32(1), GridError, "topology_dimension 1; cells are faces, 2"),
    ("face_coordinates", "node_lon node_lat", GridError, "7 longitudes|corners have shape"),
])
def test_topology_that_does_not_hold_is_refused(read, attribute, value, error, rule):
    spec = ugrid()
    spec.variables["mesh"].attrs[attribute] = value
    with pytest.raises(error, match=rule):
        read(spec)


def test_the_wrong_index_base_is_refused(read):
    spec = ugrid(base=1)
    spec.variables["face_nodes"].attrs["start_index"] = np.int32(0)
    with pytest.raises(GridError, match="is node 7 counted from 0; the file has nodes 0 .. 6; is the index base"):
        read(spec)


def test_nodes_without_coordinates_are_refused(read):
    spec = ugrid()
    spec.variables["node_lon"].values[6] = np.nan
    with pytest.raises(GridError, match="corner 2 of face 2 is node 6 counted from 0, which has no coordinates"):
        read(spec)
