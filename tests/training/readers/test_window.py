"""lsbc.training.readers.window: degrees of a window."""

from lsbc.regrid.lattice import Lattice
from lsbc.training.readers.window import Window


def test_a_window_knows_the_degrees_of_its_edges():
    # row 137.25 * 100 from the south pole is 47.25 N; column 188.75 * 100 from 180 W is 8.75 E
    window = Window(Lattice(18000, 36000), 13725, 18875, 1, 2)
    assert window.lat_edges_deg.tolist() == [47.25, 47.26]
    assert window.lon_edges_deg.tolist() == [8.75, 8.76, 8.77]
    assert window.shape == (1, 2)
