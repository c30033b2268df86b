import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lsbc.regrid.bilinear import bilinear_weights
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid
from lsbc.regrid.readers import read_grid

from grid_files import EAST, NORTH, Spec, Var, cf_boxes, cf_cells, cf_curvilinear, quad_corners, sheared_nodes, without_bounds
from shapes import box_area_sr
from shared import shared


@pytest.fixture
def read(tmp_path):
    def of(spec, **options):
        return read_grid(spec.write(tmp_path / "g.nc"), **options)
    return of


def test_axes_with_bounds_are_boxes_of_meridians_and_parallels(read):
    grid = read(cf_boxes())
    assert isinstance(grid, RectilinearGrid) and grid.edges == "latlon" and grid.name == "g"
    assert_array_equal(grid.lon_edge_deg, [10, 12, 14, 16, 18])
    assert_array_equal(grid.lat_edge_deg, [40, 41, 42, 43])
    assert_allclose(grid.area_sr.reshape(grid.shape)[:, 0], [box_area_sr(s, 2, 1) for s in (40, 41, 42)], rtol=1e-15)


def test_edges_and_mask_are_the_callers(read):
    spec = cf_boxes()
    spec.variables["z"].values[1, 2] = 1
    grid = read(spec, edges="greatcircle", mask="z")
    assert grid.edges == "greatcircle"
    assert np.flatnonzero(grid.mask).tolist() == [1 * 4 + 2]


@pytest.mark.parametrize("dtype", ["f4", "i4", "i2"])
def test_coordinates_of_any_number_type(read, dtype):
    grid = read(cf_boxes(np.arange(10.0, 20, 2), np.arange(40.0, 48, 2), dtype))
    assert_array_equal(grid.lon_edge_deg, [10, 12, 14, 16, 18])
    assert_array_equal(grid.lat_centre_deg, [41, 43, 45])


@pytest.mark.parametrize("west", [0, -180, 0.125])
@pytest.mark.parametrize("turn", [1, -1])
def test_a_globe_is_round_wherever_it_starts_and_covers_the_sphere(read, west, turn):
    for spec in (cf_boxes(west + np.arange(0.0, 361, 30), turn * np.arange(-90.0, 91, 30)),
                 without_bounds(cf_boxes(west + np.arange(0.0, 361, 30), turn * np.arange(-90.0, 91, 30)))):
        grid = read(spec)
        assert grid.is_round
        assert_allclose(grid.area_sr.sum(), 4 * np.pi, rtol=1e-15)
        assert np.sign(grid.lat_edge_deg[1] - grid.lat_edge_deg[0]) == turn


def test_boxes_with_gaps_keep_their_corners_and_straight_sides(read):
    spec = cf_boxes()
    spec.variables["lon_bnds"].values = spec.variables["lon"].values[:, None] + [-0.5, 0.5]
    grid = read(spec)
    assert type(grid) is CurvilinearGrid and grid.shape == (3, 4) and grid.edges == "latlon"
    assert_allclose(grid.area_sr.reshape(3, 4)[:, 0], [box_area_sr(s, 1, 1) for s in (40, 41, 42)], rtol=1e-12)


def test_uneven_axes_without_bounds_are_points(read):
    grid = read(without_bounds(cf_boxes(lat_edge_deg=(40.0, 41, 43, 46))))
    assert not grid.has_corners and grid.shape == (3, 4)
    with pytest.raises(GridError, match="areas need its corners"):
        assert grid.area_sr.size


def irregular_globe(east_deg=355.0):
    """Even longitudes from 5 W to `east_deg`, uneven latitudes, no bounds; the outer rows lie within half a step of the poles."""
    spec = without_bounds(cf_boxes(np.arange(-5.0, east_deg + 1, 10), np.arange(10.0)))
    spec.variables["lat"].values = np.array([-80, -55, -33, -10, 0, 12, 31, 60, 82.0])
    return spec


def test_points_on_even_longitudes_round_the_globe_have_no_seam_and_no_hole_at_the_poles(read):
    """356.5 E lies 0.65 of the way from 350 E to 0 E, but for the bend of the parallel."""
    grid = read(irregular_globe())
    assert not grid.has_corners and grid.wraps and grid.with_mask(grid.mask).wraps
    globe = RectilinearGrid.regular(-1.0, 359.0, 72, -90, 90, 36)
    weights = bilinear_weights(grid, globe)
    assert weights.is_mapped.all()
    across = weights.row == 18 * 72 + 71
    assert_allclose(globe.lon_deg[18 * 72 + 71], 356.5)
    assert set(weights.column[across] % 36) == {35, 0}
    assert_allclose(weights.value[across & (weights.column % 36 == 0)].sum(), 0.65, atol=5e-3)


def test_points_on_a_part_of_the_parallels_stay_open(read):
    assert not read(irregular_globe(345.0)).wraps


def test_points_with_a_cyclic_point_close_the_seam_themselves(read):
    grid = read(irregular_globe(365.0))
    assert not grid.wraps
    assert bilinear_weights(grid, RectilinearGrid.regular(-1.0, 359.0, 72, -80, 80, 32)).is_mapped.all()


@pytest.mark.parametrize("bounds", [True, False])
def test_a_cyclic_point_is_refused_with_its_remedy(read, bounds):
    spec = cf_boxes(np.arange(-5.0, 366, 10), np.arange(-90.0, 91, 10))
    spec = spec if bounds else without_bounds(spec)
    with pytest.raises(GridError, match=r"lon goes from 0 to 360, the same meridian again \(a cyclic point\); .* 'ncks -d lon,0,-2 IN OUT'"):
        read(spec)


def test_half_cells_on_both_sides_of_the_seam_are_no_cyclic_point(read):
    spec = cf_boxes(np.concatenate([[0.0], np.arange(5.0, 356, 10), [360.0]]), np.arange(-90.0, 91, 10))
    spec.variables["lon"].values[[0, -1]] = 0.0, 360.0
    grid = read(spec)
    assert grid.is_round and grid.shape == (18, 37)


def test_a_turned_mask_is_refused(read):
    spec = cf_boxes()
    spec.variables["land"] = Var(("i", "j"), np.ones((4, 3)))
    with pytest.raises(GridError, match=r"the mask land has shape \(i = 4, j = 3\); the grid has \(lat = 3, lon = 4\): turn it"):
        read(spec, mask="land")
    spec = cf_curvilinear()
    spec.variables["land"] = Var(("x", "y"), np.ones((4, 3)))
    with pytest.raises(GridError, match="turn it"):
        read(spec, mask="land")


def test_gaussian_rows_without_bounds_hold_the_gauss_weights(read):
    zero, weight = np.polynomial.legendre.leggauss(32)
    spec = without_bounds(cf_boxes(np.arange(0, 361, 5.625), np.linspace(-90, 90, 33)))
    spec.variables["lat"].values = np.degrees(np.arcsin(zero))
    grid = read(spec)
    assert_allclose(grid.area_sr.reshape(grid.shape).sum(axis=1), 2 * np.pi * weight, rtol=1e-12)


def test_curvilinear_cells_have_great_circle_edges_and_their_own_corners(read):
    grid = read(cf_curvilinear())
    assert type(grid) is CurvilinearGrid and grid.edges == "greatcircle" and grid.shape == (3, 4)
    lon, lat = sheared_nodes()
    assert_array_equal(grid.vertex_lon_deg[5], [lon[1, 1], lon[1, 2], lon[2, 2], lon[2, 1]])
    assert_array_equal(grid.vertex_lat_deg[5], [lat[1, 1], lat[1, 2], lat[2, 2], lat[2, 1]])


def test_two_dimensional_coordinates_of_exact_boxes_are_boxes(read):
    lon, lat = np.meshgrid([10.0, 12, 14], [40.0, 41, 43])
    spec = cf_curvilinear()
    for name, node in (("lon", lon), ("lat", lat)):
        spec.variables[f"{name}_vertices"] = Var(("y", "x", "nv"), quad_corners(node))
        spec.variables[name].values = quad_corners(node).mean(-1)
    spec.variables["z"].values = np.zeros((2, 2), "f4")
    grid = read(spec)
    assert isinstance(grid, RectilinearGrid) and grid.edges == "latlon"
    assert_array_equal(grid.lat_edge_deg, [40, 41, 43])


def test_bounds_may_be_the_nodes_between_the_cells(read):
    spec, whole = cf_curvilinear(), read(cf_curvilinear())
    for name, node in zip(("lon", "lat"), sheared_nodes()):
        spec.variables[f"{name}_vertices"] = Var(("y1", "x1"), node)
    assert read(spec).fingerprint == whole.fingerprint


def test_lists_of_cells_with_corners_or_without(read):
    grid = read(cf_cells())
    assert type(grid) is PolygonGrid and grid.edges == "greatcircle"
    assert_allclose(grid.area_sr, np.full(8, np.pi / 2), rtol=1e-14)
    spec = cf_cells()
    for name in ("lon", "lat"):
        del spec.variables[f"{name}_bnds"], spec.variables[name].attrs["bounds"]
    assert not read(spec).has_corners


def test_declared_fill_behind_the_corners_is_padding(read):
    spec = cf_cells()
    for name in ("lon_bnds", "lat_bnds"):
        spec.variables[name].values = np.pad(spec.variables[name].values, ((0, 0), (0, 2)), constant_values=-999.0)
        spec.variables[name].attrs["_FillValue"] = -999.0
    assert_allclose(read(spec).area_sr, np.full(8, np.pi / 2), rtol=1e-14)


def test_missing_corners_of_a_curvilinear_cell_are_refused_with_its_place(read):
    spec = cf_curvilinear()
    for name in ("lon_vertices", "lat_vertices"):
        spec.variables[name].values[1, 2, 3] = np.nan
        spec.variables[name].attrs["_FillValue"] = np.nan
    with pytest.raises(GridError, match=r"Grid 'g', cell 6, centre .* the corner is not finite"):
        read(spec)


def test_shapes_that_do_not_fit_are_refused(read):
    spec = cf_boxes()
    spec.variables["lon_bnds"] = Var(("bnds", "lon"), spec.variables["lon_bnds"].values.T)
    with pytest.raises(GridError, match=r"lon_bnds has shape \(bnds = 2, lon = 4\); expected \(lon, 2\)"):
        read(spec)
    spec = cf_curvilinear()
    spec.variables["lat_vertices"].dims = ("x", "y", "nv")
    spec.variables["lat_vertices"].values = spec.variables["lat_vertices"].values.swapaxes(0, 1)
    with pytest.raises(GridError, match=r"bounds lat_vertices have shape \(4, 3, 4\); expected the corners of cells \(3, 4\)"):
        read(spec)
    del spec.variables["lat_vertices"], spec.variables["lat"].attrs["bounds"]
    with pytest.raises(GridError, match="only one of lon and lat has bounds"):
        read(spec)
    with pytest.raises(GridError, match="expected an axis each, or the same for both"):
        read(Spec({"lon": Var(("x",), np.arange(3.0), EAST), "lat": Var(("y", "x"), np.zeros((2, 3)), NORTH)}))


def test_crossing_corners_are_refused_with_the_cell(read):
    spec = cf_curvilinear()
    for name in ("lon_vertices", "lat_vertices"):
        spec.variables[name].values = spec.variables[name].values[..., [0, 2, 1, 3]]
    with pytest.raises(GridError, match="cell 0, centre .* corners .*: its edges cross|enclose no area"):
        read(spec)


@pytest.mark.parametrize("name, lon_edge, lat_edge, shape", [
    ("bavaria/bavaria_lu7_30arcsec_1992_2020.nc", (8.75, 14.0), (50.75, 47.25), (420, 630)),
    ("bavaria/bavaria_lu7_frac_0p25deg_1992_2020.nc", (8.75, 14.0), (50.75, 47.25), (14, 21)),
    ("global/global_isimip2b_landuse_totals_0p5deg_1995.nc", (-180, 180), (90, -90), (360, 720)),
    ("lai/bavaria_gimms3g_v1_ndvi_halfmonthly_0p083deg.nc", (9, 9 + 58 / 12), (607 / 12, 567 / 12), (40, 58)),
])
def test_maps_without_units_and_bounds_lie_on_the_lattice_of_their_makers(name, lon_edge, lat_edge, shape):
    with pytest.raises(GridError, match="lon has no units attribute"):
        read_grid(shared(f"data/{name}"))
    grid = read_grid(shared(f"data/{name}"), units="degrees")
    assert grid.shape == shape
    assert_allclose(grid.lon_edge_deg[[0, -1]], lon_edge, rtol=0, atol=1e-12)
    assert_allclose(grid.lat_edge_deg[[0, -1]], lat_edge, rtol=0, atol=1e-12)


def test_reanalysis_grid_is_read_as_it_is():
    grid = read_grid(shared("data/europe/europe_era5_climatology_0p25deg_monthly.nc"))
    assert grid.shape == (153, 217) and grid.lat_edge_deg[0] - grid.lat_edge_deg[1] == 0.25
