import numpy as np
import pytest

from demo_input.region import Region

ALPS = Region(8.0, 14.0, 46.0, 50.0)


def test_a_region_has_as_many_cells_as_its_degrees_say():
    assert ALPS.shape(4) == (16, 24)
    assert ALPS.shape(120) == (480, 720)


def test_the_window_counts_rows_from_the_north_pole_and_columns_from_the_date_line():
    assert ALPS.window(20) == (slice(40 * 20, 44 * 20), slice(188 * 20, 194 * 20))


def test_cell_centres_lie_half_a_cell_inside_the_edges():
    assert ALPS.lat_deg(4)[[0, -1]] == pytest.approx([46.125, 49.875])
    assert ALPS.lon_deg(4)[[0, -1]] == pytest.approx([8.125, 13.875])


def test_cell_ids_count_rows_from_the_south_pole():
    ids = ALPS.cell_ids(4)
    assert ids[0, 0] == (46 + 90) * 4 * 1440 + (8 + 180) * 4
    assert ids[1, 2] == ids[0, 0] + 1440 + 2
    assert ids.dtype == np.int64


@pytest.mark.parametrize("edges", [(8.1, 14.0, 46.0, 50.0), (8.0, 14.0, 46.0, 49.9)])
def test_edges_off_the_driver_lattice_are_refused(edges):
    with pytest.raises(ValueError, match="multiples of 0.25"):
        Region(*edges)


def test_edges_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="west < east"):
        Region(14.0, 8.0, 46.0, 50.0)
