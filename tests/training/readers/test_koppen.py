"""lsbc.training.readers.koppen: main climate classes on the fine lattice."""

import numpy as np
import pytest

from lsbc.regrid.errors import ValueRangeError
from lsbc.regrid.lattice import Lattice
from lsbc.training.readers.koppen import main_class
from lsbc.training.readers.raster import open_raster
from lsbc.training.readers.window import Window

from product_files import write_tif

pytest.importorskip("rasterio")


@pytest.mark.parametrize("per_degree", [100, 120])
def test_thirty_classes_on_the_lattice_itself_become_main_classes_cell_by_cell(tmp_path, per_degree):
    codes = np.array([[1, 4, 8], [17, 30, 0]], np.uint8)
    raster = open_raster(write_tif(tmp_path / "koppen_geiger_0p01.tif", codes, 10.0, 50.0 + 2 / per_degree, 1 / per_degree))
    window = Window(Lattice(180 * per_degree, 360 * per_degree), 140 * per_degree, 190 * per_degree, 2, 3)
    assert main_class(raster, window).tolist() == [[4, 5, 0], [1, 2, 3]]


def test_subclasses_count_together_when_cells_do_not_nest(tmp_path):
    # 30 arc second classes Cfa 14, Cfb 15 and Dfb 26 under one cell of 0.01 degrees that takes 1, 0.2 cells each way
    codes = np.array([[26, 15], [14, 15]], np.uint8)
    raster = open_raster(write_tif(tmp_path / "Beck_KG_V1_present_0p0083.tif", codes, 10.0, 50.0 + 2 / 120, 1 / 120))
    assert main_class(raster, Window(Lattice(18000, 36000), 14000, 19000, 1, 1)).tolist() == [[3]]


def test_a_class_over_30_is_refused_and_main_classes_are_taken_as_they_are(tmp_path):
    raster = open_raster(write_tif(tmp_path / "k.tif", np.array([[5, 31], [1, 2]], np.uint8), 10.0, 50.02, 0.01))
    window = Window(Lattice(18000, 36000), 14000, 19000, 2, 1)
    assert main_class(raster, window, "main").tolist() == [[1], [5]]
    with pytest.raises(ValueRangeError, match=r"k\.tif: band 1 is 31 at 50\.01500 N 10\.01500 E, which is no code of Koeppen-Geiger"):
        main_class(raster, Window(Lattice(18000, 36000), 14000, 19000, 2, 2))
