import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.readers import read_grid

from grid_files import FACES, NODE_LON_DEG, Var, esmf_mesh, face_centres
from shared import shared


@pytest.fixture
def read(tmp_path):
    def of(spec, **options):
        return read_grid(spec.write(tmp_path / "g.nc"), **options)
    return of


def test_elements_of_three_and_four_corners(read):
    grid = read(esmf_mesh())
    assert grid.edges == "greatcircle"
    assert_allclose(grid.vertex_lon_deg[1:3], NODE_LON_DEG[[[1, 2, 5, 4], [3, 4, 6, 6]]])
    assert_array_equal(grid.lon_deg, face_centres()[:, 0])


def test_ragged_connectivity_is_the_same_mesh(read):
    spec, whole = esmf_mesh(), read(esmf_mesh())
    listed = np.concatenate([np.add(face, 1) for face in FACES]).astype("i4")
    spec.variables["elementConn"] = Var(("connectionCount",), listed)
    assert read(spec).fingerprint == whole.fingerprint
    spec.variables["elementConn"] = Var(("connectionCount",), listed[:-1])
    with pytest.raises(GridError, match="numElementConn adds up to 14, but elementConn has 13 entries"):
        read(spec)


def test_indices_may_count_from_0(read):
    spec, whole = esmf_mesh(), read(esmf_mesh())
    spec.variables["elementConn"].values -= 1
    with pytest.raises(GridError, match="is node -1 counted from 0; .* is the index base"):
        read(spec)
    spec.variables["elementConn"].attrs["start_index"] = np.int32(0)
    assert read(spec).fingerprint == whole.fingerprint


def test_masked_elements_take_no_part(read):
    spec = esmf_mesh()
    spec.variables["elementMask"].values[2] = 0
    assert_array_equal(read(spec).mask, [True, True, False, True])


def test_radians_are_turned_into_degrees(read):
    spec, whole = esmf_mesh(), read(esmf_mesh())
    for name in ("nodeCoords", "centerCoords"):
        spec.variables[name].values, spec.variables[name].attrs = np.radians(spec.variables[name].values), {"units": "radians"}
    assert_allclose(read(spec).area_sr, whole.area_sr, rtol=1e-13)


def test_centres_that_are_missing_are_the_middles(read):
    spec = esmf_mesh()
    del spec.variables["centerCoords"]
    grid = read(spec)
    assert np.abs(grid.lon_deg - face_centres()[:, 0]).max() < 0.5
    assert np.abs(grid.lat_deg - face_centres()[:, 1]).max() < 0.5


def test_what_is_no_mesh_on_the_sphere_is_refused(read):
    spec = esmf_mesh()
    spec.variables["numElementConn"].values[1] = 2
    with pytest.raises(GridError, match="numElementConn of element 1 is 2"):
        read(spec)
    spec = esmf_mesh()
    spec.variables["numElementConn"].values[1] = 7
    with pytest.raises(GridError, match=r"elementConn has shape \(4, 4\) for 4 elements of up to 7 corners"):
        read(spec)
    spec = esmf_mesh()
    spec.variables["elementConn"].attrs["polygon_break_value"] = np.int32(-8)
    spec.variables["elementConn"].values[0, 3] = -8
    with pytest.raises(GridError, match="elements in several pieces"):
        read(spec)
    spec = esmf_mesh()
    spec.variables["nodeCoords"].attrs = {"units": "km"}
    with pytest.raises(GridError, match="nodeCoords has units 'km'"):
        read(spec)
    spec.variables["nodeCoords"] = Var(("nodeCount", "xyz"), np.zeros((7, 3)))
    with pytest.raises(GridError, match="nodeCoords has 3 coordinates a point"):
        read(spec)
    del spec.variables["numElementConn"]
    with pytest.raises(FileError, match="lacks the variable numElementConn"):
        read(spec)


def test_the_reference_mesh_is_the_grid_of_the_reference_scrip_file():
    mesh, scrip = (read_grid(shared(f"esmf_reference/grids/icosa_R02B03_{kind}.nc")) for kind in ("esmfmesh", "scrip"))
    assert mesh.fingerprint == scrip.fingerprint
    assert_allclose(mesh.area_sr.sum(), 4 * np.pi, rtol=1e-14)
