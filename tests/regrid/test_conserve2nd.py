import math

import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.clip import cell_moments, clip
from lsbc.regrid.conserve2nd import second_order_weights
from lsbc.regrid.errors import ConfigError, GridError, WeightError
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid
from lsbc.regrid.sphere import lon_lat_deg, unit_vector

from shapes import rotation, triangles
from shared import shared

RULES = ("esmf", "exact")


def triangle_grid(n_split, seed=3, **options):
    lon, lat = triangles(n_split, rotation(seed))
    return PolygonGrid(*lon_lat_deg(unit_vector(lon, lat).sum(axis=1)), lon, lat, **options)


def apply(weights, values):
    return np.bincount(weights.row, weights.value * values[weights.column], minlength=weights.n_destination)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("normalization", ["dstarea", "fracarea"])
def test_constants_and_the_integral_are_kept(rule, normalization):
    source = RectilinearGrid.regular(-180, 180, 36, -90, 90, 18, edges="greatcircle")
    destination = triangle_grid(3)
    weights = second_order_weights(source, destination, normalization, rule=rule)
    values = np.random.default_rng(1).normal(size=source.n_cell)
    assert weights.row_sum == approx(np.ones(destination.n_cell), abs=2e-14)
    assert weights.destination.frac == approx(np.ones(destination.n_cell), abs=1e-14)
    into = math.fsum(apply(weights, values) * weights.destination.area_sr)
    assert into == approx(math.fsum(values * weights.source.area_sr), abs=1e-13)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("normalization", ["dstarea", "fracarea"])
def test_the_integral_over_the_overlap_is_kept_with_masks_and_overhang(rule, normalization):
    rng = np.random.default_rng(2)
    source = RectilinearGrid.regular(0, 12, 12, 40, 50, 10, edges="greatcircle").with_mask(rng.random(120) < 0.8)
    destination = RectilinearGrid.regular(-2, 9, 20, 42, 53, 20, edges="greatcircle").with_mask(rng.random(400) < 0.8)
    weights = second_order_weights(source, destination, normalization, rule=rule)
    values = rng.normal(size=120)
    a, b = weights.source, weights.destination
    factor = b.frac if normalization == "fracarea" else 1.0
    assert math.fsum(apply(weights, values) * factor * b.area_sr) == approx(math.fsum(values * a.frac * a.area_sr), abs=1e-15)
    assert weights.row_sum == approx(np.where(b.frac > 0, 1.0, 0.0) if normalization == "fracarea" else b.frac, abs=1e-13)
    assert source.mask[weights.column].all() and destination.mask[weights.row].all()


def wave(place):
    """2 + cos^2(lat) cos(2 lon)"""
    return 2.0 + place[:, 0] ** 2 - place[:, 1] ** 2


def means(n_split, seed):
    """Means of `wave` over the cells of triangle_grid(n_split, seed), by 64 triangles in each."""
    fine = triangle_grid(n_split + 3, seed)
    area = cell_moments(fine)[0].reshape(64, -1)
    return (wave(unit_vector(fine.lon_deg, fine.lat_deg)).reshape(64, -1) * area).sum(axis=0) / area.sum(axis=0)


def errors(rule, n_split):
    source, destination = triangle_grid(n_split), triangle_grid(n_split, 8)
    if rule == "first order":
        pairs = clip(source, destination)
        values = np.bincount(pairs.j, pairs.area_sr * means(n_split, 3)[pairs.i]) / cell_moments(destination)[0]
    else:
        values = apply(second_order_weights(source, destination, rule=rule), means(n_split, 3))
    return np.sqrt(np.mean((values - means(n_split, 8)) ** 2))


def test_the_exact_rule_converges_with_the_square_of_the_cell_size():
    order = [math.log2(errors(rule, 3) / errors(rule, 4)) for rule in ("first order", "exact")]
    assert order[0] < 1.3
    assert order[1] > 1.9


def test_both_rules_are_better_than_first_order():
    first, esmf, exact = (errors(rule, 4) for rule in ("first order", *RULES))
    assert esmf < first / 4
    assert exact < first / 20


@pytest.mark.parametrize(("case", "largest"), [("a_0p25r_to_tile0p01", 2e-11), ("b_lcc9km_to_ll0p05", 6e-9)])
def test_weights_are_esmfs(case, largest):
    """In case b the area of the neighbours' polygon has an error of 1e-8 in ESMF: it has no digits for flat triangles."""
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(shared(f"esmf_reference/weights/{case}_conserve2nd.nc")) as file:
        a, b = esmf_side(file, "a", "src"), esmf_side(file, "b", "dst")
        row, column, weight = file["row"][:].data - 1, file["col"][:].data - 1, file["S"][:].data
    ours = second_order_weights(a, b)
    key, entry = np.unique(row.astype(np.int64) * a.n_cell + column, return_inverse=True)
    assert np.array_equal(key, ours.row.astype(np.int64) * a.n_cell + ours.column)
    assert np.abs(np.bincount(entry, weight) - ours.value).max() < largest


def esmf_side(file, side, name):
    shape = tuple(file[f"{name}_grid_dims"][:].data[::-1])
    lon, lat = file[f"xv_{side}"][:].data, file[f"yv_{side}"][:].data
    if lon.shape[1] == 2:
        lon, lat = lon[:, [0, 1, 1, 0]], lat[:, [0, 0, 1, 1]]
    return CurvilinearGrid(file[f"xc_{side}"][:].data.reshape(shape), file[f"yc_{side}"][:].data.reshape(shape),
                           lon.reshape(*shape, 4), lat.reshape(*shape, 4))


def test_wrong_requests_are_refused():
    grid = RectilinearGrid.regular(0, 4, 4, 40, 44, 4, edges="greatcircle")
    with pytest.raises(WeightError, match="'dstarea' or 'fracarea', got 'none'"):
        second_order_weights(grid, grid, "none")
    with pytest.raises(ConfigError, match="one of esmf, exact, got 'yac'"):
        second_order_weights(grid, grid, rule="yac")
    with pytest.raises(GridError, match="'greatcircle' edges only, got 'latlon'"):
        second_order_weights(grid.with_edges("latlon"), grid.with_edges("latlon"))


def test_grids_that_do_not_meet_give_no_weights():
    weights = second_order_weights(RectilinearGrid.regular(0, 4, 4, 40, 44, 4, edges="greatcircle"),
                                   RectilinearGrid.regular(50, 54, 4, 40, 44, 4, edges="greatcircle"))
    assert weights.n_entry == 0 and not weights.destination.frac.any()
