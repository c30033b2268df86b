import math

import numpy as np
import pytest
from pytest import approx

from lsbc.regrid.areas import shared_areas
from lsbc.regrid.conserve import conservative_weights
from lsbc.regrid.errors import WeightError
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid
from lsbc.regrid.sphere import lon_lat_deg, unit_vector

from shapes import rotation, triangles

DEGREE = RectilinearGrid.regular(0, 360, 90, -90, 90, 45)


def mesh(**options):
    lon, lat = triangles(3, rotation(1))
    return PolygonGrid(*lon_lat_deg(unit_vector(lon, lat).sum(axis=1)), lon, lat, **options)


def product(weights, values):
    return np.bincount(weights.row, weights.value * values[weights.column], minlength=weights.n_destination)


@pytest.mark.parametrize("edges", ["latlon", "greatcircle", "planar"])
@pytest.mark.parametrize("turned_round", [False, True])
def test_rows_sum_to_one_and_the_integral_is_kept(edges, turned_round):
    pair = (DEGREE, mesh(edges=edges)) if turned_round else (mesh(edges=edges), DEGREE)
    weights = conservative_weights(*pair)
    assert np.abs(weights.row_sum - 1.0).max() <= 1e-15 and (weights.destination.frac == 1.0).all() and (weights.source.frac == 1.0).all()
    field = np.random.default_rng(0).uniform(1.0, 2.0, weights.n_source)
    assert math.fsum(product(weights, field) * weights.destination.area_sr) == approx(math.fsum(field * weights.source.area_sr), rel=1e-14)
    assert (weights.value > 0.0).all()


def test_a_partly_covered_cell_sums_to_its_covered_share_or_to_one():
    """A box of 0..1 E meets 0.75..2 E: a quarter is covered, by one cell; the other gives 0.75 of itself elsewhere."""
    source, destination = RectilinearGrid([0.75, 1.75], [0.0, 10.0]), RectilinearGrid([0.0, 1.0, 2.0, 3.0], [0.0, 10.0])
    by_area, by_cover = (conservative_weights(source, destination, norm) for norm in ("dstarea", "fracarea"))
    assert by_area.row_sum == approx([0.25, 0.75, 0.0], rel=1e-14) and by_area.destination.frac == approx([0.25, 0.75, 0.0], rel=1e-14)
    assert by_cover.row_sum.tolist() == [1.0, 1.0, 0.0] and by_cover.destination.frac == approx([0.25, 0.75, 0.0], rel=1e-14)
    assert by_area.is_mapped.tolist() == [True, True, False] and by_area.source.frac == approx([1.0], rel=1e-15)


def test_masks_take_cells_out_of_the_fractions():
    source = DEGREE.with_mask(np.arange(DEGREE.n_cell) % 2 > 0)
    destination = RectilinearGrid.regular(0, 360, 45, -90, 90, 45, mask=np.arange(2025) != 7)
    weights = conservative_weights(source, destination)
    expected = np.full(2025, 0.5)
    expected[7] = 0.0
    assert weights.row_sum == approx(expected, rel=1e-14) and weights.destination.frac == approx(expected, rel=1e-14)
    assert weights.source.frac[0] == 0.0 and weights.source.frac[1] == 1.0 and weights.source.frac[15] == 0.0


def test_one_matrix_serves_both_directions():
    areas = shared_areas(mesh(), DEGREE)
    back = conservative_weights(DEGREE, mesh(), areas=areas.transposed())
    assert np.array_equal(back.value, conservative_weights(DEGREE, mesh()).value)


def test_a_wave_is_remapped_to_within_its_change_over_a_cell():
    """2 + cos(lat)^2 cos(2 lon), the field peers test with; first order errs by about half a cell's change."""
    def wave(grid):
        return 2.0 + np.cos(np.radians(grid.lat_deg)) ** 2 * np.cos(2 * np.radians(grid.lon_deg))

    source = RectilinearGrid.regular(0, 360, 180, -90, 90, 90)
    assert np.abs(product(conservative_weights(source, mesh()), wave(source)) - wave(mesh())).max() < 0.05


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(WeightError, match="got 'none'"):
        conservative_weights(mesh(), DEGREE, "none")
