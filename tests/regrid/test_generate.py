import numpy as np
import pytest

from lsbc.regrid.errors import GridError, LsbcError
from lsbc.regrid.generate import make_weights
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid

SOURCE = RectilinearGrid.regular(0, 40, 4, 0, 40, 4)
FINE = RectilinearGrid.regular(0, 40, 8, 0, 40, 8)


@pytest.mark.parametrize("method", ["conserve", "conserve2nd", "bilinear", "neareststod", "nearestdtos"])
def test_every_method_keeps_a_constant_where_it_maps(method):
    weights = make_weights(SOURCE, FINE, method)
    assert weights.method == method and weights.is_mapped.any()
    full = weights.is_mapped & (weights.destination.frac == 1.0)
    assert weights.row_sum[full] == pytest.approx(1.0, abs=1e-15)


def test_nearest_is_the_nearest_source_of_each_destination():
    assert make_weights(SOURCE, FINE, "nearest").method == "neareststod"


def test_grids_keep_their_edges_unless_told_otherwise():
    assert make_weights(SOURCE, FINE).edges == "latlon"
    assert make_weights(SOURCE, FINE, edges="greatcircle").edges == "greatcircle"
    assert make_weights(SOURCE, FINE, "conserve2nd").edges == "greatcircle"


def test_the_gradients_of_second_order_can_be_chosen():
    by_esmf, exact = (make_weights(SOURCE, FINE, "conserve2nd", gradients=rule) for rule in ("esmf", "exact"))
    assert not np.array_equal(by_esmf.value, exact.value)


@pytest.mark.parametrize(("options", "message"), [
    ({"method": "magic"}, "Method 'magic' is not known; choose from conserve, conserve2nd"),
    ({"method": "patch"}, "Backend 'exact' has no method 'patch'; it has conserve, conserve2nd, bilinear, neareststod"),
    ({"method": "bilinear", "backend": "yac"}, "Backend 'yac' has no method 'bilinear'"),
    ({"backend": "scrip"}, "Backend 'scrip' is not known; choose from exact, esmf, yac"),
    ({"normalization": "none"}, "'none'"),
    ({"edges": "rhumb"}, "'rhumb'"),
    ({"method": "conserve2nd", "gradients": "steep"}, "'steep'"),
])
def test_unknown_words_are_refused_with_the_known_ones(options, message):
    with pytest.raises(LsbcError, match=message):
        make_weights(SOURCE, FINE, **options)


def test_points_are_refused_for_conservative_methods():
    with pytest.raises(GridError, match="need its corners"):
        make_weights(PolygonGrid([1.0], [1.0]), FINE)
