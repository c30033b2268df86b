"""Patches of the dual mesh, against counts by hand and ESMF's weights."""

import json
from pathlib import Path

import numpy as np
import pytest

from lsbc.regrid.bilinear import bilinear_weights
from lsbc.regrid.dual import dual_patches
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import PolygonGrid
from lsbc.regrid.sphere import lon_lat_deg, unit_vector

from shapes import rotation, triangles

REFERENCE = json.loads((Path(__file__).parent / "esmf_dual_bilinear.json").read_text(encoding="utf-8"))


def middles(lon_deg, lat_deg):
    return lon_lat_deg(unit_vector(lon_deg, lat_deg).mean(axis=1))


def fan(n, n_cell=None, radius_deg=1.0, middle=(30.0, 10.0)):
    """Triangles of a regular n-gon that meet in its middle; the first n_cell of them."""
    angle = 2 * np.pi * (np.arange(n + 1) + 0.3) / n
    x, y = middle[0] + radius_deg * np.cos(angle), middle[1] + radius_deg * np.sin(angle)
    lon, lat = (np.stack([np.full(n, m), z[:-1], z[1:]], axis=1)[:n_cell] for m, z in zip(middle, (x, y)))
    return PolygonGrid(*middles(lon, lat), lon, lat)


@pytest.mark.parametrize("name", sorted(REFERENCE["cases"]))
def test_weights_are_those_of_esmf(name):
    """On the globe, with masked cells, and with a border; see the comment in the file."""
    case = {key: np.array(value) for key, value in REFERENCE["cases"][name].items()}
    corner = case["node_lon_deg"][case["corner"]], case["node_lat_deg"][case["corner"]]
    source = PolygonGrid(case["lon_deg"], case["lat_deg"], *corner, mask=case["mask"] == 1)
    weights = bilinear_weights(source, PolygonGrid(REFERENCE["lon_deg"], REFERENCE["lat_deg"]))
    kept = case["weight"] > 1e-11
    assert (weights.row == case["row"][kept]).all() and (weights.column == case["column"][kept]).all()
    np.testing.assert_allclose(weights.value, case["weight"][kept], rtol=0, atol=1e-11)


@pytest.mark.parametrize("n, sizes", [(3, [3]), (4, [4]), (5, [3, 3, 3]), (8, [3] * 6)])
def test_a_node_has_a_triangle_a_quadrangle_or_as_many_triangles_as_it_needs(n, sizes):
    corner = dual_patches(fan(n)).corner
    assert (corner >= 0).sum(axis=1).tolist() == sizes
    assert set(corner.ravel()) - {-1} == set(range(n))


def test_patches_of_a_closed_mesh_cover_the_globe_once():
    lon, lat = triangles(3, rotation(4))
    source = PolygonGrid(*middles(lon, lat), lon, lat)
    patches = dual_patches(source)
    vector = unit_vector(patches.lon_deg, patches.lat_deg)
    area = 0.0
    for corner in patches.corner:
        ring = vector[corner[corner >= 0]]
        for k in range(1, len(ring) - 1):  # van Oosterom and Strackee (1983)
            a, b, c = ring[0], ring[k], ring[k + 1]
            area += 2 * np.arctan2(a @ np.cross(b, c), 1 + a @ b + b @ c + c @ a)
    assert area == pytest.approx(4 * np.pi, rel=1e-12)


def test_a_polygon_with_an_inward_corner_is_cut_within():
    """Five triangles whose centres make an arrow head: the triangles must cover it once, without the notch."""
    grid = fan(5)
    lon, lat = grid.lon_deg.copy(), grid.lat_deg.copy()
    lon[2], lat[2] = 30.0 + 0.1 * (lon[2] - 30.0), 10.0 + 0.1 * (lat[2] - 10.0)
    grid = PolygonGrid(lon, lat, grid.vertex_lon_deg, grid.vertex_lat_deg)
    corner = dual_patches(grid).corner[:, :3]
    x, y = lon[corner], lat[corner]
    signed = 0.5 * ((x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0]))
    whole = 0.5 * (lon * np.roll(lat, -1) - np.roll(lon, -1) * lat).sum()
    assert (signed > 0).all() and signed.sum() == pytest.approx(whole, rel=1e-9)


def test_at_the_border_three_cells_make_a_patch_and_two_do_not():
    (corner,) = dual_patches(fan(8, 3)).corner
    assert sorted(corner) == [-1, 0, 1, 2] and corner[3] == -1
    with pytest.raises(GridError, match="no corner is shared by three unmasked cells"):
        dual_patches(fan(8, 2))


def test_patches_with_a_masked_cell_are_left_out():
    grid = fan(8)
    mask = np.ones(8, bool)
    mask[5] = False
    corner = dual_patches(grid.with_mask(mask)).corner
    assert 0 < len(corner) < 6 and 5 not in corner


def test_masked_cells_without_a_place_count_as_border():
    grid = fan(4)
    arrays = [np.append(x, np.full((2, *x.shape[1:]), fill), axis=0) for x, fill in
              ((grid.lon_deg, np.nan), (grid.lat_deg, 0.0), (grid.vertex_lon_deg, 0.0), (grid.vertex_lat_deg, 0.0))]
    assert dual_patches(PolygonGrid(*arrays, mask=np.arange(6) < 4)).corner.tolist() == dual_patches(grid).corner.tolist()


def test_corners_that_differ_by_rounding_are_one_node():
    grid = fan(6)
    noise = np.random.default_rng(1).uniform(-1e-12, 1e-12, grid.vertex_lon_deg.shape)
    shaken = PolygonGrid(grid.lon_deg, grid.lat_deg, grid.vertex_lon_deg + noise, grid.vertex_lat_deg - noise)
    assert len(dual_patches(shaken).corner) == 4


def test_centres_alone_are_refused():
    with pytest.raises(GridError, match="has cell centres only; bilinear weights of unstructured grids need its corners"):
        dual_patches(PolygonGrid([0.0, 1.0], [0.0, 1.0]))
