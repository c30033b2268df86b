"""Bilinear weights, against ESMF's files, 50 digits, and what a patch must do."""

import ctypes
import itertools
import subprocess
import sys

import numpy as np
import pytest

from lsbc.regrid.bilinear import bilinear_weights
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid
from lsbc.regrid.sphere import lon_lat_deg, unit_vector

from shapes import rotation, triangles
from shared import shared

GLOBE = RectilinearGrid.regular(0, 360, 24, -90, 90, 12)


def points(n, seed):
    return PolygonGrid(*lon_lat_deg(np.random.default_rng(seed).normal(size=(n, 3))))


def bent(size_deg, middle_deg=(0.0, 0.0), n=3, seed=1):
    """A curvilinear grid of n x n centres, each shifted at random by up to a quarter of a cell."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(n) - (n - 1) / 2, np.arange(n) - (n - 1) / 2)
    x, y = (z + rng.uniform(-0.25, 0.25, z.shape) for z in (x, y))
    lat = middle_deg[1] + size_deg * y
    return CurvilinearGrid(middle_deg[0] + size_deg * x / max(np.cos(np.radians(middle_deg[1])), 0.1), lat)


def within(grid, n, seed):
    """Points between the centres of a grid, some of them outside."""
    rng = np.random.default_rng(seed)
    return PolygonGrid(*(rng.uniform(x.min(), x.max(), n) for x in (grid.lon_deg, grid.lat_deg)))


def off_ray(weights, source, destination):
    """Distance of sum(w V) from the ray to the destination, over its length, for mapped rows: 0 for a patch's weights."""
    vector = np.zeros((weights.n_destination, 3))
    np.add.at(vector, weights.row, weights.value[:, None] * unit_vector(source.lon_deg, source.lat_deg)[weights.column])
    ray = unit_vector(destination.lon_deg, destination.lat_deg)[weights.is_mapped]
    return np.linalg.norm(np.cross(vector[weights.is_mapped], ray), axis=1)


@pytest.mark.parametrize("name, largest", [("a_0p25r_to_tile0p01", 1e-12), ("b_lcc9km_to_ll0p05", 1e-7),
                                           ("b_lcc9km_to_ll0p05overhang", 1e-7)])
def test_weights_are_those_of_esmf(name, largest):
    """ESMF stops iterating at 1e-10 radii, which is 7e-8 of a 9 km cell; it also keeps weights of 0."""
    netCDF4 = pytest.importorskip("netCDF4")
    with netCDF4.Dataset(shared(f"esmf_reference/weights/{name}_bilinear.nc")) as file:
        source, destination = (CurvilinearGrid(*(file[f"{x}_{side}"][:].filled().reshape(file[dims][::-1]) for x in ("xc", "yc")))
                               for side, dims in (("a", "src_grid_dims"), ("b", "dst_grid_dims")))
        row, column, value = (file[x][:].filled() - one for x, one in (("row", 1), ("col", 1), ("S", 0)))
    weights = bilinear_weights(source, destination)
    assert (weights.is_mapped == np.isin(np.arange(weights.n_destination), row)).all()
    difference = np.zeros((weights.n_destination, weights.n_source), np.float32)
    np.add.at(difference, (row, column), value)
    difference[weights.row, weights.column] = 0.0
    assert difference.max() < 1e-12, "entries of ESMF alone"
    dense = dict(zip(zip(row, column), value))
    theirs = np.array([dense[entry] for entry in zip(weights.row, weights.column)])
    assert np.abs(weights.value - theirs).max() < largest


@pytest.mark.parametrize("size_deg, middle_deg", [(20.0, (0.0, 0.0)), *itertools.product(
    [1.0, 1e-2, 1e-4], [(0.0, 0.0), (180.0, 50.0), (-75.0, -85.0)])])
def test_weights_have_their_digits_at_any_size(size_deg, middle_deg):
    """Against the ray and the patch in 50 digits, for cells of 2000 km to 10 m."""
    mpmath = pytest.importorskip("mpmath")
    source = bent(size_deg, middle_deg, n=2)
    destination = within(source, 12, seed=2)
    weights = bilinear_weights(source, destination)
    assert weights.is_mapped.sum() >= 4
    for row in np.flatnonzero(weights.is_mapped):
        exact = by_50_digits(mpmath, source, destination.lon_deg[row], destination.lat_deg[row])
        got = np.zeros(4)
        entries = slice(weights.offsets[row], weights.offsets[row + 1])
        got[weights.column[entries]] = weights.value[entries]
        assert np.abs(got - exact).max() < 4e-15


def by_50_digits(mpmath, source, lon_deg, lat_deg):
    with mpmath.workdps(50):
        def vector(lon, lat):
            lon, lat = (mpmath.radians(mpmath.mpf(float(x))) for x in (lon, lat))
            return mpmath.matrix([mpmath.cos(lat) * mpmath.cos(lon), mpmath.cos(lat) * mpmath.sin(lon), mpmath.sin(lat)])

        a, b, d, c = (vector(*x) for x in zip(source.lon_deg, source.lat_deg))
        ray = vector(lon_deg, lat_deg)

        def miss(s, t, length):
            return list((1 - s) * (1 - t) * a + s * (1 - t) * b + s * t * c + (1 - s) * t * d - length * ray)

        s, t, _ = mpmath.findroot(miss, (mpmath.mpf(0.5), mpmath.mpf(0.5), mpmath.mpf(1)))
        return np.array([float(x) for x in ((1 - s) * (1 - t), s * (1 - t), (1 - s) * t, s * t)])


@pytest.mark.parametrize("source", [GLOBE, bent(5.0, (178.0, 40.0), n=9)], ids=["globe", "bent"])
def test_the_ray_to_the_destination_passes_through_the_weighted_corners(source):
    destination = points(3000, 1) if source is GLOBE else within(source, 3000, 1)
    weights = bilinear_weights(source, destination)
    assert weights.is_mapped.mean() > 0.7
    assert (weights.value > 0.0).all()
    assert np.abs(weights.row_sum[weights.is_mapped] - 1.0).max() < 2e-15
    outside_caps = np.abs(destination.lat_deg[weights.is_mapped]) < 82.5
    assert off_ray(weights, source, destination)[outside_caps].max() < 1e-12


def test_on_triangles_too():
    lon, lat = triangles(3, rotation(2))
    source = PolygonGrid(*lon_lat_deg(unit_vector(lon, lat).mean(axis=1)), lon, lat)
    destination = points(2000, 3)
    weights = bilinear_weights(source, destination)
    assert weights.is_mapped.all() and (weights.value > 0.0).all() and np.abs(weights.row_sum - 1.0).max() < 5e-16
    assert off_ray(weights, source, destination).max() < 1e-12


def test_halving_the_cells_divides_the_error_by_four():
    """2 + cos(lat)^2 cos(2 lon), a field that xESMF tests with."""
    destination = points(2000, 4)

    def field(grid):
        return 2 + np.cos(np.radians(grid.lat_deg)) ** 2 * np.cos(2 * np.radians(grid.lon_deg))

    def error(n):
        source = RectilinearGrid.regular(0, 360, 2 * n, -90, 90, n)
        weights = bilinear_weights(source, destination)
        return np.abs(np.bincount(weights.row, weights.value * field(source)[weights.column]) - field(destination)).max()

    errors = np.array([error(n) for n in (24, 48, 96)])
    assert (errors[:-1] / errors[1:] > 3.5).all()


def test_a_source_centre_maps_to_itself():
    weights = bilinear_weights(GLOBE, GLOBE)
    assert (weights.column == np.arange(GLOBE.n_cell)).all() and (weights.value == 1.0).all()


def test_a_point_on_a_side_needs_its_two_ends_only():
    weights = bilinear_weights(GLOBE, PolygonGrid([22.5, 22.5 + 1e-13, 22.6], [3.0, 3.0, 3.0]))
    assert (weights.column[:4] % 24).tolist() == [1, 1, 1, 1] and np.diff(weights.offsets).tolist() == [2, 2, 4]


def test_outside_all_patches_a_cell_is_unmapped():
    source = RectilinearGrid.regular(0, 10, 10, 0, 10, 10)
    weights = bilinear_weights(source, PolygonGrid([5.0, 0.4, 5.0, 185.0, 0.5], [5.0, 5.0, 9.6, -5.0, 5.0]))
    assert weights.is_mapped.tolist() == [True, False, False, False, True]
    assert weights.destination.frac.tolist() == [1.0, 0.0, 0.0, 0.0, 1.0]


def test_a_point_that_rounding_put_outside_lies_on_the_side():
    source = RectilinearGrid.regular(0, 10, 10, 0, 10, 10)
    weights = bilinear_weights(source, PolygonGrid([0.5 - 1e-9, 0.5 - 1e-6], [5.2, 5.2]))
    assert weights.row.tolist() == [0, 0] and (weights.column % 10 == 0).all() and (weights.value > 0.0).all()


def test_a_masked_corner_unmaps_its_patches_but_not_their_sides():
    mask = np.ones(9, bool)
    mask[0] = False
    source = RectilinearGrid.regular(0, 3, 3, 0, 3, 3, mask=mask)
    weights = bilinear_weights(source, PolygonGrid([1.0, 1.5, 2.0], [1.0, 1.0, 1.0]))
    assert weights.is_mapped.tolist() == [False, True, True]
    assert weights.column[:2].tolist() == [1, 4]


def test_masked_destination_cells_have_no_row():
    weights = bilinear_weights(GLOBE, PolygonGrid([10.0, np.nan, 20.0], [5.0, 0.0, 5.0], mask=[True, False, True]))
    assert weights.is_mapped.tolist() == [True, False, True]


def test_at_the_pole_the_value_is_the_mean_of_the_nearest_row():
    mask = np.ones(GLOBE.n_cell, bool)
    mask[[3, 5]] = False
    weights = bilinear_weights(GLOBE.with_mask(mask), PolygonGrid([77.0, 0.0], [90.0, -90.0]))
    north, south = (slice(*weights.offsets[k : k + 2]) for k in (0, 1))
    assert weights.column[north].tolist() == list(range(264, 288))
    assert weights.value[north] == pytest.approx(np.full(24, 1 / 24), abs=1e-16)
    assert weights.column[south].tolist() == [k for k in range(24) if k not in (3, 5)]
    assert weights.value[south] == pytest.approx(np.full(22, 1 / 22), abs=1e-16)


def test_under_the_cap_the_pole_and_two_centres_share_the_weight():
    """On the meridian between two centres at lat L, the chord's middle is cos(w/2) cos(L) from the axis and sin(L) high; the
    point that divides the way from there to the pole as 1 - p to p is seen at latitude 87."""
    weights = bilinear_weights(GLOBE, PolygonGrid([15.0], [87.0]))
    across, high = np.cos(np.radians(7.5)) * np.cos(np.radians(82.5)), np.sin(np.radians(82.5))
    slope = np.tan(np.radians(87.0))
    pole = (slope * across - high) / (1 - high + slope * across)
    value = np.full(24, pole / 24)
    value[[0, 1]] += (1 - pole) / 2
    assert weights.column.tolist() == list(range(264, 288))
    assert weights.value == pytest.approx(value, abs=1e-15)


def test_without_a_pole_the_caps_are_unmapped():
    weights = bilinear_weights(GLOBE, PolygonGrid([15.0, 15.0], [87.0, 80.0]), pole="none")
    assert weights.is_mapped.tolist() == [False, True]


def test_the_date_line_is_no_border():
    lon, lat = np.linspace(-3.0, 3.0, 40), np.linspace(-20.0, 20.0, 40)
    east, west = (bilinear_weights(GLOBE, PolygonGrid(x, lat)) for x in (lon + 360.0, lon))
    shifted = bilinear_weights(RectilinearGrid.regular(-180, 180, 24, -90, 90, 12), PolygonGrid(lon, lat))
    assert east.is_mapped.all() and (east.column == west.column).all()
    assert np.abs(east.value - west.value).max() < 1e-13
    assert (np.sort(shifted.value) == pytest.approx(np.sort(west.value), abs=1e-13))


def test_weights_of_a_cell_do_not_hang_on_the_others():
    source, destination = bent(5.0, n=9), within(bent(5.0, n=9), 999, 5)
    whole = bilinear_weights(source, destination)
    for cells in (np.arange(999)[::-7], np.array([500]), np.random.default_rng(1).permutation(999)):
        part = bilinear_weights(source, destination.take(cells))
        for k, cell in enumerate(cells):
            mine, theirs = slice(*part.offsets[k : k + 2]), slice(*whole.offsets[cell : cell + 2])
            assert (part.column[mine] == whole.column[theirs]).all() and (part.value[mine] == whole.value[theirs]).all()


def test_a_patch_with_an_inward_corner_is_two_triangles():
    source = CurvilinearGrid([[0.0, 3.0], [0.0, 1.0]], [[0.0, 0.0], [3.0, 1.0]])
    destination = PolygonGrid([0.5, 1.9, 0.2, 1.2], [0.4, 0.2, 1.5, 1.2])
    weights = bilinear_weights(source, destination)
    assert weights.is_mapped.tolist() == [True, True, True, False]
    assert [weights.column[weights.row == k].tolist() for k in (1, 2)] == [[0, 1, 3], [0, 2, 3]]
    assert (weights.value >= 0.0).all() and off_ray(weights, source, destination).max() < 1e-15


def test_centres_that_fall_together_make_a_triangle():
    source = CurvilinearGrid([[0.0, 2.0], [1.0, 1.0]], [[0.0, 0.0], [2.0, 2.0]])
    weights = bilinear_weights(source, PolygonGrid([1.0, 1.0, 0.5], [0.5, 2.0, 0.2]))
    assert weights.is_mapped.all() and np.abs(weights.row_sum - 1.0).max() < 5e-16


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "feenableexcept"), reason="needs the GNU C library")
def test_hosts_that_trap_floating_point_errors_are_safe():
    """On the globe with its poles, and on patches whose corners cross, repeat or fall together, of 1 mm to the hemisphere."""
    code = """
import ctypes, numpy as np
from lsbc.regrid import _kernel
lon, lat = (x.ravel() for x in np.meshgrid(np.arange(0.0, 360.0, 30.0), np.linspace(-90.0, 90.0, 7)))
cell = np.arange(84).reshape(7, 12)
east = np.roll(cell, -1, axis=1)
corner = np.ascontiguousarray(np.stack([cell[:-1], east[:-1], east[1:], cell[1:]], -1).reshape(-1, 4))
corner = np.concatenate([corner, [[0, 1, 2, -1], [5, 5, 5, 5], [0, 40, 6, 46], [3, 3, 4, -1]]])
x, y = (a.ravel() for a in np.meshgrid(np.arange(-400.0, 400.0, 7.5), np.linspace(-90.0, 90.0, 49)))
ctypes.CDLL("libm.so.6").feenableexcept(1 | 4 | 8)
for _ in range(2):
    patch, node, weight = _kernel.patch_locate(lon, lat, corner, x, y)
    near = _kernel.nearest(lon, lat, x, y)
ctypes.CDLL("libm.so.6").fedisableexcept(1 | 4 | 8)
for seed in range(200):
    rng = np.random.default_rng(seed)
    size, n = 10.0 ** rng.uniform(-8, 2), 12
    lon, lat = (rng.uniform(-reach, reach) + size * rng.choice([0.0, 1.0, 2.0, *rng.random(5)], n) for reach in (360.0, 90.0))
    lat = np.clip(lat, -90.0, 90.0)
    corner = rng.integers(0, n, (20, 4))
    corner[::3, 3] = -1
    x, y = (np.append(a[rng.integers(0, n, 20)], rng.uniform(a.min(), a.max(), 60)) for a in (lon, lat))
    ctypes.CDLL("libm.so.6").feenableexcept(1 | 4 | 8)
    held, _, share = _kernel.patch_locate(lon, lat, corner, x, y)
    ctypes.CDLL("libm.so.6").fedisableexcept(1 | 4 | 8)
    share = np.frombuffer(share).reshape(-1, 4)[np.frombuffer(held, np.int64) >= 0]
    assert (share >= 0.0).all() and (np.abs(share.sum(axis=1) - 1.0) < 1e-14).all()
assert (np.frombuffer(patch, np.int64) >= 0).all() and np.isfinite(np.frombuffer(weight)).all()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_unknown_pole_is_refused():
    with pytest.raises(GridError, match="'average' or 'none', got 'teeth'"):
        bilinear_weights(GLOBE, GLOBE, pole="teeth")
