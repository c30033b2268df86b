import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.climate import known_climate
from lsbc.emulator.component import Component
from lsbc.emulator.fields import FILL
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import FileError, ValueRangeError
from lsbc.regrid.host_cells import HostCells

import case


@pytest.fixture
def folder(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    with Dataset(tmp_path / "fine.nc", "a") as data:
        zones = np.full((240, 240), 3, np.uint8)
        zones[:, 100:] = 4
        zones[:60] = 0
        zones[:30, :30] = 5
        data["koppen"][:] = zones
    return tmp_path


def cells(n=3):
    west, south = np.arange(n, dtype=float)[:, None], np.full((n, 1), 40.0)
    corners = west + np.array([0.0, 1.0, 1.0, 0.0]), south + np.array([0.0, 0.0, 1.0, 1.0])
    return HostCells(np.arange(n) + 70, west[:, 0] + 0.5, south[:, 0] + 0.5, *corners, np.ones(n, bool), "latlon")


def start(folder, host, surface=""):
    path = case.write_config(folder, folder / "model", folder / "fine.nc", extra=f"[grid]\nedges = 'latlon'\n[surface]\n{surface}")
    component = Component.create(path, SerialComm())
    component.set_grid(*host.part(np.arange(64)))
    return component


def get(component, name):
    out = np.full(64, np.nan)
    component.get_field(name, out)
    return out.reshape(8, 8)


def write_climate(path, ids, **fields):
    with Dataset(path, "w") as data:
        data.createDimension("cell", len(ids))
        data.createVariable("global_id", "i8", ("cell",))[:] = ids
        for name, values in fields.items():
            data.createVariable(name, "f8", ("cell",))[:] = values
    return path


def test_a_cells_zone_is_that_of_the_largest_part_of_it_that_has_one(folder):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    component = start(folder, host)
    case.couple(component, host, np.arange(64), 2000)
    zone = get(component, "climate_zone")
    assert zone[0].tolist() == [5.0, 0, 0, 0, 0, 0, 0, 0] and zone[1].tolist() == [0.0] * 8
    assert zone[2:].tolist() == [[3.0, 3, 3, 4, 4, 4, 4, 4]] * 6  # columns 90..119 are a third C and two thirds D
    assert (get(component, "climate_coldest_month") == FILL).all()
    component.close()


def test_what_the_host_sets_goes_before_the_file_and_that_before_the_fine_grid(folder):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    write_climate(folder / "climate.nc", np.append(host.global_id[::-1], 999999), koppen_group=np.append(np.full(64, 2.0), 1.0),
                  coldest_month_temperature=np.append(np.arange(64)[::-1] + 240.0, 100.0))
    component = start(folder, host, "climate = 'climate.nc'")
    case.couple(component, host, np.arange(64), 2000)
    assert (get(component, "climate_zone") == 2.0).all() and np.array_equal(get(component, "climate_coldest_month").ravel(), np.arange(64) + 240.0)
    coldest = np.full(64, 280.0, np.float32)
    component.set_field("coldest_month_temperature", coldest)
    case.couple(component, host, np.arange(64), 2001)
    assert (get(component, "climate_zone") == 2.0).all() and (get(component, "climate_coldest_month") == 280.0).all()
    component.close()


@pytest.mark.parametrize("name, value, told", [
    ("coldest_month_temperature", 11.5, r"'coldest_month_temperature' is 11.5 in cell \d+ \(9.3750 E, 47.1250 N\); it must be 173.15..333.15 K \(degrees Celsius\?\)"),
    ("coldest_month_temperature", 400.0, r"is 400 in cell .* 173.15..333.15 K\.$"), ("coldest_month_temperature", np.nan, "is nan in cell"),
    ("koppen_group", 6.0, "is 6 in cell .* a whole number 0..5"), ("koppen_group", 2.5, "is 2.5"), ("koppen_group", np.nan, "is nan")])
def test_impossible_values_of_the_host_are_refused_with_the_cell(folder, name, value, told):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    component = start(folder, host)
    values = np.full(64, 280.0 if name != "koppen_group" else 3.0)
    values[1] = value
    component.set_field(name, values)
    with pytest.raises(ValueRangeError, match=told):
        case.couple(component, host, np.arange(64), 2000)
    assert component.year is None
    component.close()


def test_a_restart_is_read_with_the_hosts_climate(folder):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    component = start(folder, host, "crosswalk = 'jsbach'")
    component.set_field("coldest_month_temperature", np.full(64, 291.0))
    component.set_field("koppen_group", np.full(64, 1.0))
    case.couple(component, host, np.arange(64), 2000)
    component.write_restart(folder / "restart.nc")
    expected = np.empty((14, 64))
    component.get_field("host_lu_frac", expected)
    component.close()
    other = start(folder, host, "crosswalk = 'jsbach'")
    with pytest.raises(ValueRangeError, match="depends on"):
        other.read_restart(folder / "restart.nc")
    other.set_field("coldest_month_temperature", np.full(64, 291.0))
    other.set_field("koppen_group", np.full(64, 1.0))
    other.read_restart(folder / "restart.nc")
    got = np.empty((14, 64))
    other.get_field("host_lu_frac", got)
    assert np.array_equal(got, expected) and got[0].max() > 0.1  # tropical forest
    other.close()


def test_a_climate_file_that_does_not_fit_is_refused(tmp_path):
    ids, here = np.array([70, 71, 72]), cells()
    with pytest.raises(FileError, match=r"Climate file .*gone.nc cannot be read"):
        known_climate(tmp_path / "gone.nc", here)
    with pytest.raises(FileError, match="needs global_id and koppen_group or coldest_month_temperature; it has global_id, t2m"):
        known_climate(write_climate(tmp_path / "a.nc", ids, t2m=ids), here)
    with pytest.raises(FileError, match="lacks cell 72"):
        known_climate(write_climate(tmp_path / "b.nc", ids[:2], koppen_group=ids[:2] * 0 + 1), here)
    with pytest.raises(FileError, match="has more than once cell 71"):
        known_climate(write_climate(tmp_path / "c.nc", [70, 71, 71, 72], koppen_group=np.ones(4)), here)
    with pytest.raises(ValueRangeError, match="is 9 in cell 72"):
        known_climate(write_climate(tmp_path / "d.nc", ids, koppen_group=[1, 2, 9]), here)
    assert known_climate(None, here) == {}


def test_what_a_climate_file_lacks_is_nan(tmp_path):
    path = write_climate(tmp_path / "climate.nc", [70, 71, 72], koppen_group=[2, np.nan, 5], coldest_month_temperature=[280, np.nan, -9999])
    with Dataset(path, "a") as data:
        data["coldest_month_temperature"].missing_value = np.array([-9999.0, -8888.0])
    known = known_climate(path, cells())
    np.testing.assert_array_equal(known["koppen_group"], [2, np.nan, 5])
    np.testing.assert_array_equal(known["coldest_month_temperature"], [280, np.nan, np.nan])


def test_what_a_climate_file_lacks_is_unknown_and_the_fine_grids_zone_holds(folder):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    zones, coldest = np.full(64, np.nan), np.full(64, np.nan)
    zones[0], coldest[1] = 2, 250.0
    write_climate(folder / "climate.nc", host.global_id, koppen_group=zones, coldest_month_temperature=coldest)
    component = start(folder, host, "climate = 'climate.nc'")
    case.couple(component, host, np.arange(64), 2000)
    zone, cold = get(component, "climate_zone").ravel(), get(component, "climate_coldest_month").ravel()
    assert zone[0] == 2.0 and zone[16:].tolist() == [3.0, 3, 3, 4, 4, 4, 4, 4] * 6
    assert cold[:3].tolist() == [FILL, 250.0, FILL]
    component.close()


def test_a_packed_climate_file_is_refused(tmp_path):
    path = write_climate(tmp_path / "climate.nc", [70, 71, 72], coldest_month_temperature=[1, 2, 3])
    with Dataset(path, "a") as data:
        data["coldest_month_temperature"].add_offset = 273.15
    with pytest.raises(FileError, match=r"coldest_month_temperature is packed \(add_offset\); write it unpacked"):
        known_climate(path, cells())


def test_parts_of_a_large_climate_file_are_put_together(tmp_path, monkeypatch):
    monkeypatch.setattr("lsbc.emulator.reader._CLIMATE_PART", 2)
    path = write_climate(tmp_path / "climate.nc", [5, 72, 9, 70, 11, 12, 71], koppen_group=[1, 2, 1, 3, 1, 1, 5])
    assert known_climate(path, cells())["koppen_group"].tolist() == [3.0, 5.0, 2.0]
