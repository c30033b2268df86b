import numpy as np
import pytest

from lsbc.emulator.reader import FineFile, read_host_file
from lsbc.regrid.errors import FileError
from lsbc.regrid.lattice import Lattice

import case

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


def spoil(path, name, values=None, dtype=None, **attributes):
    """Replace one variable of a fine-grid file."""
    from netCDF4 import Dataset
    with Dataset(path, "a") as data:
        old = data[name]
        old.set_auto_maskandscale(False)
        kept = old[:] if values is None else values
        data.renameVariable(name, f"old_{name}")
        fill = attributes.pop("_FillValue", None)
        new = data.createVariable(name, dtype or kept.dtype, ("lat", "lon"), fill_value=fill)
        new.set_auto_maskandscale(False)
        new.setncatts(attributes)
        new[:] = kept.astype(new.dtype)


def test_the_declared_fill_value_of_classes_counts_as_no_data(tmp_path):
    path = case.write_fine_file(tmp_path / "f.nc", case.first_map())
    codes = np.full((240, 240), 40, np.int8)
    codes[:5] = -1
    spoil(path, "lu", codes, _FillValue=-1)
    window = FineFile(path, FINE).window("lu", ROW0, COL0, 10, 3)
    assert window[:5].tolist() == [[255] * 3] * 5 and (window[5:] == 40).all()


def test_the_fill_value_of_elevation_is_left_for_the_range_check(tmp_path):
    path = case.write_fine_file(tmp_path / "f.nc", case.first_map())
    spoil(path, "elevation", np.full((240, 240), -9999.0, np.float32), _FillValue=-9999.0)
    assert (FineFile(path, FINE).window("elevation", ROW0, COL0, 2, 2) == -9999.0).all()


@pytest.mark.parametrize(("name", "change", "message"), [
    ("elevation", {"dtype": "i2", "scale_factor": 0.1}, r"elevation is packed \(scale_factor\)"),
    ("lu", {"dtype": "f8"}, "lu is of type float64"),
    ("lu", {"values": np.full((240, 240), 296, np.int32)}, "lu is 296 in rows"),
    ("lu", {"values": np.full((240, 240), -1, np.int16)}, "lu is -1 in rows"),
    ("koppen", {"values": np.full((240, 240), 77, np.uint8)}, r"koppen is 77 in rows .* 0\.\.5"),
    ("known", {"values": np.full((240, 240), 2, np.uint8)}, "known is 2"),
    ("known", {"_FillValue": 0}, "known has _FillValue 0, which is also a value it may have"),
    ("lu", {"_FillValue": 11}, "lu has _FillValue 11"),
])
def test_values_that_would_be_cast_wrongly_are_refused(tmp_path, name, change, message):
    path = case.write_fine_file(tmp_path / "f.nc", case.first_map())
    spoil(path, name, **change)
    with pytest.raises(FileError, match=message):
        FineFile(path, FINE).window(name, ROW0, COL0, 4, 4)


def test_a_damaged_axis_is_an_error_that_names_it(tmp_path):
    path = case.write_fine_file(tmp_path / "f.nc", case.first_map())
    from netCDF4 import Dataset
    with Dataset(path, "a") as data:
        data["lat"][0] = np.nan
    with pytest.raises(FileError, match="lat must be a one-dimensional axis of finite degrees"):
        FineFile(path, FINE)


def test_a_file_without_footprint_is_complete_and_the_footprint_unknown(tmp_path):
    file = FineFile(case.write_fine_file(tmp_path / "f.nc", case.first_map()), FINE)
    assert file.lacks == ["human_footprint"]
    assert np.isnan(file.window("human_footprint", ROW0, COL0, 4, 4)).all()


def add_footprint(path, values, fill=None):
    from netCDF4 import Dataset
    with Dataset(path, "a") as data:
        new = data.createVariable("human_footprint", "f4", ("lat", "lon"), fill_value=fill)
        new.set_auto_maskandscale(False)
        new[:] = values


def test_the_footprint_is_unknown_where_it_has_its_fill_value_and_outside_the_file(tmp_path):
    path = case.write_fine_file(tmp_path / "f.nc", case.first_map())
    values = np.full((240, 240), 12.5, np.float32)
    values[0, 1] = -1.0
    add_footprint(path, values, fill=-1.0)
    window = FineFile(path, FINE).window("human_footprint", ROW0 - 1, COL0, 2, 3)
    assert np.isnan(window[0]).all()
    assert window[1, [0, 2]].tolist() == [12.5, 12.5] and np.isnan(window[1, 1])


def test_a_footprint_beyond_its_scale_is_refused(tmp_path):
    path = case.write_fine_file(tmp_path / "f.nc", case.first_map())
    add_footprint(path, np.full((240, 240), 51.0, np.float32))
    with pytest.raises(FileError, match=r"human_footprint is 51.0 in rows .* 0\.\.50"):
        FineFile(path, FINE).window("human_footprint", ROW0, COL0, 4, 4)
