import case
import numpy as np
import pytest
from lsbc.emulator.reader import FineFile, read_host_file
from lsbc.regrid.errors import FileError
from lsbc.regrid.grids import Lattice

FINE = Lattice(n_lat=21600, n_lon=43200)
ROW0, COL0 = (90 + case.LAT0) * 120, (180 + case.LON0) * 120


@pytest.mark.parametrize("descending", [False, True])
def test_a_window_is_the_map_at_its_global_place(tmp_path, descending):
    classes = case.first_map()
    with_file = FineFile(case.write_fine_file(tmp_path / "f.nc", classes, descending=descending), FINE)
    window = with_file.window("elevation", ROW0 - 2, COL0 + 10, 5, 4)
    assert window[:2].tolist() == [[0.0] * 4] * 2
    assert window[2:].tolist() == [[10, 11, 12, 13], [11, 12, 13, 14], [12, 13, 14, 15]]
    assert with_file.window("lu", ROW0 - 10, COL0, 3, 3).tolist() == [[255] * 3] * 3


def test_columns_wrap_at_the_date_line(tmp_path):
    classes = case.first_map()
    path = case.write_fine_file(tmp_path / "f.nc", classes)
    from netCDF4 import Dataset
    with Dataset(path, "a") as data:
        data["lon"][:] = 180 - 1 + (np.arange(240) + 0.5) / 120
    file = FineFile(path, FINE)
    inside = file.window("elevation", ROW0, 43200 - 120, 1, 240)[0]
    assert inside.tolist() == list(range(240))
    assert file.window("elevation", ROW0, -120, 1, 240)[0].tolist() == inside.tolist()


def test_a_grid_off_the_lattice_is_refused(tmp_path):
    path = case.write_fine_file(tmp_path / "f.nc", case.first_map())
    from netCDF4 import Dataset
    with Dataset(path, "a") as data:
        data["lon"][:] = data["lon"][:] + 0.001
    with pytest.raises(FileError, match=r"lon\[\d+\] lies 0\.12 cells off the 30 arc second lattice"):
        FineFile(path, FINE)


def test_a_missing_variable_is_named(tmp_path):
    path = case.write_fine_file(tmp_path / "f.nc", case.first_map())
    from netCDF4 import Dataset
    with Dataset(path, "a") as data:
        data.renameVariable("koppen", "kg")
    with pytest.raises(FileError, match="lacks the variables koppen"):
        FineFile(path, FINE)
    with pytest.raises(FileError, match="lacks the variables global_id"):
        read_host_file(path)
    with pytest.raises(FileError, match="cannot be opened"):
        FineFile(tmp_path / "absent.nc", FINE)
