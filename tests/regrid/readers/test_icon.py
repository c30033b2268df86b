import numpy as np
import pytest
from netCDF4 import Dataset
from numpy.testing import assert_allclose, assert_array_equal

from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import PolygonGrid
from lsbc.regrid.readers import read_grid
from lsbc.regrid.sphere import EARTH_RADIUS_M, unit_vector

from grid_files import icon, octahedron
from shared import shared

OCTANTS = np.full(8, np.pi / 2)


@pytest.fixture
def read(tmp_path):
    def of(spec, **options):
        return read_grid(spec.write(tmp_path / "g.nc"), **options)
    return of


@pytest.mark.parametrize("connected", [False, True])
def test_triangles_come_from_listed_corners_or_from_the_vertices_of_the_cells(read, connected):
    grid = read(icon(connected))
    assert type(grid) is PolygonGrid and grid.edges == "greatcircle"
    assert_allclose(grid.area_sr, OCTANTS, rtol=1e-11)
    assert_allclose(grid.lon_deg, octahedron()[2])


def test_output_files_have_bounds_without_units(read):
    spec = icon()
    for name in ("clon", "clat"):
        bounds = spec.variables.pop(f"{name}_vertices")
        bounds.attrs = {}
        spec.variables[f"{name}_bnds"] = bounds
    assert_allclose(read(spec).area_sr, OCTANTS, rtol=1e-14)


def test_single_precision_poles_are_poles(read):
    spec = icon()
    for var in spec.variables.values():
        var.values = var.values.astype("f4")
    assert np.abs(spec.variables["clat_vertices"].values.astype(float)).max() > np.pi / 2
    assert_allclose(read(spec).area_sr, OCTANTS, rtol=1e-6)


def test_the_format_means_radians_but_degrees_that_are_said_are_believed(read):
    for attrs, factor in (({}, 1.0), ({"units": "degree"}, 180 / np.pi)):
        spec = icon()
        for var in spec.variables.values():
            var.attrs, var.values = attrs, var.values * factor
        assert_allclose(read(spec).area_sr, OCTANTS, rtol=1e-14)


def test_radians_labelled_degrees_are_refused(read):
    spec = icon()
    for var in spec.variables.values():
        var.attrs, var.values = {"units": "degrees"}, var.values / 50
    with pytest.raises(GridError, match="the coordinates are in radians"):
        read(spec)


def test_vertices_counted_from_0_are_refused(read):
    spec = icon(connected=True)
    spec.variables["vertex_of_cell"].values -= 1
    with pytest.raises(GridError, match="vertex_of_cell: corner . of face . is node -1 .* is the index base"):
        read(spec)


def test_sizes_that_do_not_fit_are_refused(read):
    spec = icon()
    for name in ("clon_vertices", "clat_vertices"):
        spec.variables[name].values, spec.variables[name].dims = spec.variables[name].values.T, ("nv", "cell")
    with pytest.raises(GridError, match=r"clon_vertices has shape \(nv = 3, cell = 8\); expected \(cell, nv\) = \(8, any\)"):
        read(spec)


def test_a_grid_file_has_the_areas_that_it_states():
    path = shared("data/host/icon/icon_grid_R02B03_generated.nc")
    with Dataset(path) as data:
        area_m2, node, vlon, vlat = (np.asarray(data[name][:]) for name in ("cell_area", "vertex_of_cell", "vlon", "vlat"))
    grid = read_grid(path)
    assert_allclose(grid.area_sr * EARTH_RADIUS_M**2, area_m2, rtol=1e-12)
    assert_allclose(grid.area_sr.sum(), 4 * np.pi, rtol=1e-14)
    corner = unit_vector(grid.vertex_lon_deg, grid.vertex_lat_deg).sum(axis=1)
    listed = unit_vector(np.degrees(vlon), np.degrees(vlat))[node - 1].sum(axis=0)
    assert_allclose(corner, listed, atol=1e-14)


def test_a_kilometre_scale_cut_of_an_operational_grid_has_the_areas_that_it_states():
    path = shared("data/host/icon/icon_grid_0001_R19B08_cut45cells.nc")
    with Dataset(path) as data:
        area_m2 = np.asarray(data["cell_area"][:])
    assert_allclose(read_grid(path).area_sr * EARTH_RADIUS_M**2, area_m2, rtol=1e-8)


def test_output_on_a_global_grid_covers_the_sphere():
    grid = read_grid(shared("data/host/icon/icon_R02B03_output_psyplot.nc"))
    assert grid.n_cell == 5120
    assert_allclose(grid.area_sr.sum(), 4 * np.pi, rtol=1e-6)
    assert_array_equal(grid.mask, True)
