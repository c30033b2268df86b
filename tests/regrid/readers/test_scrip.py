import numpy as np
import pytest
from netCDF4 import Dataset
from numpy.testing import assert_allclose, assert_array_equal

from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid
from lsbc.regrid.readers import read_grid

from grid_files import octahedron, scrip, scrip_boxes, sheared_nodes
from shapes import box_area_sr
from shared import shared


@pytest.fixture
def read(tmp_path):
    def of(spec, **options):
        return read_grid(spec.write(tmp_path / "g.nc"), **options)
    return of


def test_two_dimensional_grids_have_the_fastest_dimension_last(read):
    grid = read(scrip())
    assert type(grid) is CurvilinearGrid and grid.shape == (3, 4) and grid.edges == "greatcircle"
    lon, _ = sheared_nodes()
    assert_array_equal(grid.vertex_lon_deg[5], [lon[1, 1], lon[1, 2], lon[2, 2], lon[2, 1]])


@pytest.mark.parametrize("units", ["degrees", "radians"])
@pytest.mark.parametrize("turn_deg", [0.0, -14.0, 340.0])
def test_exact_boxes_are_recognised_in_either_unit_and_over_greenwich(read, units, turn_deg):
    grid = read(scrip_boxes(units, turn_deg))
    assert isinstance(grid, RectilinearGrid) and grid.edges == "latlon"
    assert_allclose((grid.lon_edge_deg - turn_deg + 180) % 360 - 180, [10, 12, 14, 16, 18], atol=1e-12)
    assert_allclose(grid.area_sr.reshape(3, 4)[:, 1], [box_area_sr(s, 2, 1) for s in (40, 41, 42)], rtol=1e-12)


def test_lists_of_cells_repeat_corners_as_padding(read):
    lon, lat, _, _ = octahedron()
    spec = scrip(np.repeat(lon, [1, 1, 2], axis=1), np.repeat(lat, [1, 1, 2], axis=1), (8,))
    grid = read(spec)
    assert type(grid) is PolygonGrid and grid.edges == "greatcircle"
    assert_allclose(grid.area_sr, np.full(8, np.pi / 2), rtol=1e-14)


def test_cells_take_part_where_imask_is_not_0_and_masked_cells_may_be_anything(read):
    spec = scrip()
    spec.variables["grid_imask"].values[[1, 7]] = 0
    for name in ("grid_corner_lat", "grid_corner_lon", "grid_center_lat"):
        spec.variables[name].values[7] = np.nan
    grid = read(spec)
    assert np.flatnonzero(~grid.mask).tolist() == [1, 7]
    assert np.isfinite(grid.area_sr).all()


def test_corners_without_units_are_in_those_of_the_centres_and_nobody_guesses_more(read):
    spec, whole = scrip_boxes("radians"), read(scrip_boxes("radians"))
    spec.variables["grid_corner_lon"].attrs = {}
    assert read(spec).fingerprint == whole.fingerprint
    spec.variables["grid_center_lon"].attrs = {}
    with pytest.raises(GridError, match="grid_center_lon has no units attribute"):
        read(spec)


def test_edges_are_the_callers_or_those_lsbc_kept_in_the_file(read):
    spec = scrip_boxes()
    assert read(spec, edges="greatcircle").edges == "greatcircle"
    spec.attrs["cell_edges"] = "planar"
    assert read(spec).edges == "planar"
    spec.attrs["cell_edges"] = "bent"
    with pytest.raises(GridError, match="Cell edges must be .* got 'bent'"):
        read(spec)


def test_files_without_corners_are_points(read):
    spec = scrip()
    del spec.variables["grid_corner_lat"]
    with pytest.raises(FileError, match="lacks the variable grid_corner_lat"):
        read(spec)
    del spec.variables["grid_corner_lon"]
    assert not read(spec).has_corners


@pytest.mark.parametrize("dims", [[4, 4], [12, 1, 1], [-4, -3], [0]])
def test_grid_dims_must_multiply_to_the_number_of_cells(read, dims):
    spec = scrip()
    spec.variables["grid_dims"].values = np.array(dims, "i4")
    with pytest.raises(GridError, match=r"grid_dims is \[.*\], but the file has 12 cells"):
        read(spec)


def test_broken_cells_are_refused_with_their_place(read):
    spec = scrip()
    spec.variables["grid_corner_lon"].values[5] = spec.variables["grid_corner_lon"].values[5, [0, 2, 1, 3]]
    spec.variables["grid_corner_lat"].values[5] = spec.variables["grid_corner_lat"].values[5, [0, 2, 1, 3]]
    with pytest.raises(GridError, match=r"Grid 'g', cell 5, centre \(lon, lat\) = \(103.75, 31.875\).*: (its edges cross|the corners enclose no area)"):
        read(spec)
    spec = scrip()
    spec.variables["grid_corner_lat"].values[3] = 31.0
    with pytest.raises(GridError, match="cell 3, .* enclose no area"):
        read(spec)


def test_latitude_and_longitude_exchanged_are_refused(read):
    spec = scrip()
    for kind in ("center", "corner"):
        lon, lat = (spec.variables[f"grid_{kind}_{x}"] for x in ("lon", "lat"))
        lon.values, lat.values = lat.values, lon.values
    with pytest.raises(GridError, match="cell 0, .* latitude is beyond 90 degrees"):
        read(spec)


AREAS = [
    ("a_0p25r_to_tile0p01_conserve", "ll_0p25_region", "tile_0p01_himalaya"),
    ("b_lcc9km_to_ll0p05_conserve", "lcc_9km_80x70_scrip", "ll_0p05_inside"),
    ("b_lcc9km_to_ll0p05overhang_conserve_dstarea", "lcc_9km_80x70_scrip", "ll_0p05_overhang"),
    ("c_R02B03_to_ll1deg_conserve", "icosa_R02B03_scrip", "ll_1deg"),
    ("d_ll1mask_to_ll2p5_conserve_dstarea", "ll_1deg_landmask_scrip", "ll_2p5deg_scrip"),
]


@pytest.mark.parametrize("weights, source, destination", AREAS)
def test_grids_have_the_areas_masks_and_centres_that_esmf_read_from_the_same_files(weights, source, destination):
    with Dataset(shared(f"esmf_reference/weights/{weights}.nc")) as data:
        for side, name in (("a", source), ("b", destination)):
            grid = read_grid(shared(f"esmf_reference/grids/{name}.nc"), edges="greatcircle")
            assert_allclose(grid.area_sr, np.asarray(data[f"area_{side}"][:]), rtol=4e-12)
            assert_array_equal(grid.mask, np.asarray(data[f"mask_{side}"][:]) != 0)
            assert_array_equal(grid.lat_deg, np.asarray(data[f"yc_{side}"][:]))
            assert_array_equal(grid.lon_deg, np.asarray(data[f"xc_{side}"][:]))
            assert_array_equal(grid.shape[::-1], np.asarray(data[f"{'src' if side == 'a' else 'dst'}_grid_dims"][:]))
