import netCDF4
import numpy as np
import pytest
import xarray as xr

from lsbc.emulator.hosts import write_fraclut
from lsbc.emulator.hosts.blocks import blocks
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.regrid.errors import ConfigError

from year_files import fractions, write_year

LON, LAT = (values.ravel() for values in np.meshgrid([10.0, 11.0, 12.0], [40.0, 42.0]))
CELLS = ({40: 0.25, 55: 0.125, 66: 0.125, 22: 0.25, 33: 0.125, 11: 0.125}, {0: 0.5, 77: 0.25, 22: 0.25}, {0: 1.0}, {}, {77: 1.0}, {40: 1.0})
EXPECTED = np.array([[50, 0, 1e20, 1e20, 0, 100], [12.5, 0, 1e20, 1e20, 0, 0], [25, 25, 1e20, 1e20, 0, 0], [12.5, 0, 1e20, 1e20, 0, 0]], np.float32)


def written(folder, year=2031, corners=None, lon=LON, lat=LAT, run_calendar=None, **options):
    path = write_year(folder / f"lsbc_{year}.nc", fractions(*CELLS), lon, lat, year=year)
    if run_calendar is not None:
        with netCDF4.Dataset(path, "a") as data:
            data.createVariable("time", "f8", ()).setncatts({"units": "days since 1850-01-01", "calendar": run_calendar})
    if corners is not None:
        with netCDF4.Dataset(path, "a") as data:
            data.createDimension("nv", corners[0].shape[1])
            for name, values in zip(("lon_vertices", "lat_vertices"), corners):
                data.createVariable(name, "f8", ("cell", "nv"))[:] = values
    out = folder / "fracLut.nc"
    return out, deliver("fraclut", path, out, options_of("fraclut", options, folder))


def raw(path):
    with netCDF4.Dataset(path) as data:
        data.set_auto_maskandscale(False)
        return data["fracLut"][...]


def test_the_four_tiles_are_percent_of_the_whole_cell(tmp_path):
    out, notes = written(tmp_path)
    found = raw(out)
    assert found.dtype == np.float32 and found.shape == (1, 4, 2, 3)
    np.testing.assert_array_equal(found.reshape(4, 6), EXPECTED)
    assert notes == ("2 cell(s) that lsbc does not cover or that are wholly ocean are missing values",)


def test_other_programs_find_names_time_and_place(tmp_path):
    square = np.stack([LON - 0.5, LON + 0.5, LON + 0.5, LON - 0.5], axis=1), np.stack([LAT - 1, LAT - 1, LAT + 1, LAT + 1], axis=1)
    out, _ = written(tmp_path, corners=square)
    with xr.open_dataset(out) as data:
        assert data.landuse.astype(str).values.tolist() == ["primary_and_secondary_land", "pastures", "crops", "urban"]
        assert data.fracLut.dims == ("time", "landUse", "lat", "lon") and str(data.time.values[0])[:10] == "2031-07-02"
        assert [str(t)[:10] for t in data.time_bnds.values[0]] == ["2031-01-01", "2032-01-01"]
        assert data.lon_bnds.values.tolist() == [[9.5, 10.5], [10.5, 11.5], [11.5, 12.5]] and data.lat_bnds.values.tolist() == [[39, 41], [41, 43]]
        assert float(data.fracLut.isel(time=0, landUse=2).sel(lat=40, lon=11)) == 25 and int(data.fracLut.isnull().sum()) == 8
        told = data.fracLut.attrs
        assert (told["standard_name"], told["units"]) == ("area_fraction", "%")
        assert told["cell_methods"] == "area: mean where land over all_area_types time: mean"
        assert (data.attrs["Conventions"], data.attrs["frequency"], data.attrs["lsbc_valid_year"]) == ("CF-1.7", "yr", 2031)


@pytest.mark.parametrize(("calendar", "days"), [("standard", 66109), ("noleap", 181 * 365), ("360_day", 181 * 360)])
def test_calendars_change_the_time_axis_alone(tmp_path, calendar, days):
    """From 1850 to 2031 there are 181 years; in the standard calendar 44 of them are leap years (1852 to 2028 without 1900)."""
    assert days == {"standard": 181 * 365 + 44, "noleap": 66065, "360_day": 65160}[calendar]
    out, _ = written(tmp_path, calendar=calendar)
    with netCDF4.Dataset(out) as data:
        assert data["time"].calendar == calendar and data["time"].units == "days since 1850-01-01"
        assert data["time_bnds"][0].tolist() == [days, days + (360 if calendar == "360_day" else 365)]
        assert float(data["time"][0]) == days + (180 if calendar == "360_day" else 182.5)
    np.testing.assert_array_equal(raw(out).reshape(4, 6), EXPECTED)


@pytest.mark.parametrize(("given", "expected"), [({}, "noleap"), ({"calendar": "run"}, "noleap"), ({"calendar": "360_day"}, "360_day")])
def test_the_calendar_is_that_of_the_yearly_file_unless_another_is_named(tmp_path, given, expected):
    out, _ = written(tmp_path, run_calendar="noleap", **given)
    with netCDF4.Dataset(out) as data:
        assert data["time"].calendar == expected
        assert data["time_bnds"][0].tolist() == {"noleap": [66065, 66430], "360_day": [65160, 65520]}[expected]


@pytest.mark.parametrize(("calendar", "last_day"), [("noleap", "2031-12-31"), ("360_day", "2031-12-30")])
def test_a_point_in_time_is_the_end_of_the_year_without_bounds(tmp_path, calendar, last_day):
    out, _ = written(tmp_path, calendar=calendar, time="point")
    with xr.open_dataset(out) as data:
        assert str(data.time.values[0])[:10] == last_day and "time_bnds" not in data and "bounds" not in data.time.attrs
        assert data.fracLut.attrs["cell_methods"] == "area: mean where land over all_area_types time: point" and data.attrs["frequency"] == "yrPt"
    np.testing.assert_array_equal(raw(out).reshape(4, 6), EXPECTED)


def test_cells_without_rows_and_columns_are_written_one_after_the_other(tmp_path):
    triangle = np.stack([LON, LON + 1, LON], axis=1), np.stack([LAT, LAT, LAT + 1], axis=1)
    out, _ = written(tmp_path, corners=triangle, lon=LON + 0.1 * LAT)
    np.testing.assert_array_equal(raw(out)[0], EXPECTED)
    with xr.open_dataset(out) as data:
        assert data.fracLut.attrs["CDI_grid_type"] == "unstructured", "the climate data operators skip the field without it"
        assert data.fracLut.dims == ("time", "landUse", "i") and {"latitude", "longitude", "landuse"} <= set(data.fracLut.coords)
        np.testing.assert_array_equal(data.longitude, LON + 0.1 * LAT)
        np.testing.assert_array_equal(data.vertices_latitude, triangle[1])


def test_bits_do_not_depend_on_the_parts_in_which_a_file_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(write_fraclut, "blocks", lambda shape: blocks(shape, 1))
    for lon in (LON, LON + 0.1 * LAT):
        np.testing.assert_array_equal(raw(written(tmp_path, lon=lon)[0]).reshape(4, 6), EXPECTED)


def test_a_writer_killed_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    out, _ = written(tmp_path)
    before = out.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(write_fraclut, "mark", killed)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, time="point")
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fracLut.nc", "lsbc_2031.nc"]


def test_a_crosswalk_to_other_classes_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="Crosswalk modis is not for CMIP's four land-use tiles"):
        written(tmp_path, crosswalk="modis")


def test_an_unknown_calendar_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="calendar must be one of run, standard, proleptic_gregorian, noleap, 360_day, got 'julian'"):
        written(tmp_path, calendar="julian")
