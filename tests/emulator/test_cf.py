"""Files for general use, as programs see them that know nothing but the CF and UGRID conventions."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from netCDF4 import Dataset

from lsbc.emulator.component import Component
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.emulator.output import _About
from lsbc.regrid.comm import SerialComm

import case
from shapes import rotation, triangles

MESH_ROLES = "cf_role"
"""The checkers know the roles of stations, profiles and trajectories alone; CF 1.11 has those of meshes as well (section 5.9 and appendix K)."""
SCALAR_TIME = "time_bnds specified by time should have at least two dimensions"
"""The bounds of a scalar have one dimension (CF 7.1: that of the variable and one more)."""
POLYGONS = "lies outside cell boundaries"
"""cfchecker compares a cell's centre with its first two corners; true of intervals alone."""
LAST_OF_CFCHECKER = "CF-1.8"


def in_order(host):
    """The host with ids that keep the rows and columns of its map."""
    host.global_id = np.arange(len(host.lon_deg)) * 3 + 7
    return host


def with_cells(lon, lat, years=2):
    """A host of these cells, all with the same states; towns grow."""
    one, n = case.make_host(1, years=years), len(lon)
    states = {year: {name: np.repeat(values, n) for name, values in found.items()} for year, found in one.states.items()}
    for k, found in enumerate(states.values()):
        found["urban"], found["c3ann"] = found["urban"] + 0.05 * k, found["c3ann"] - 0.05 * k
    return case.Host(np.arange(n) * 3 + 7, lon.mean(axis=1), lat.mean(axis=1), lon, lat, states)


def triangular():
    """Cells like ICON's inside the land of `case`."""
    lon, lat = triangles(8, rotation(3))
    inside = ((lon > case.LON0) & (lon < case.LON0 + 2) & (lat > case.LAT0) & (lat < case.LAT0 + 2)).all(axis=1)
    return with_cells(lon[inside], lat[inside])


def mixed():
    """Four boxes of half a degree in a row, the last cut into two triangles, whose last corner is repeated."""
    west, south = 9.0 + 0.5 * np.arange(4), 47.5
    lon, lat = west[:, None] + [0.0, 0.5, 0.5, 0.0], np.full((4, 4), south) + [0.0, 0.0, 0.5, 0.5]
    pick = np.array([[0, 1, 2, 2], [0, 2, 3, 3]])
    return with_cells(np.concatenate([lon[:3], lon[3][pick]]), np.concatenate([lat[:3], lat[3][pick]]))


HOSTS = {  # cells (of the boxes some are not covered), how they are bounded, [surface], the calendar
    "boxes": (lambda: in_order(case.make_host(12)), "latlon", "crosswalk = 'globcover'\nparameters = 'extpar_globcover'\ntransitions = true", "standard"),
    "triangles": (triangular, "greatcircle", "", "gregorian"),
    "mixed": (mixed, "latlon", "crosswalk = 'modis'", "360_day"),
}


def run(folder, name, calendar=None):
    """`lsbc_2001.nc` and `landuse_2001.nc` of a coupled run, in folder/name."""
    cells, edges, surface, default = HOSTS[name]
    host = cells()
    place = folder / name
    place.mkdir()
    config = case.write_config(place, folder / "model", folder / "fine.nc", "directory = '.'\nuncovered_cells = 'fill'",
                               f"[grid]\nedges = '{edges}'\n[surface]\n{surface}")
    config.write_text(config.read_text().replace("[time]", f"[time]\ncalendar = '{calendar or default}'"))
    component, everything = Component.create(config, SerialComm()), np.arange(len(host.global_id))
    component.set_grid(*host.part(everything))
    case.couple(component, host, everything, 2000, 2001)
    component.close()
    return place


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cf")
    case.write_artefact(folder / "model")
    case.write_fine_file(folder / "fine.nc", case.first_map())
    return {name: run(folder, name) for name in HOSTS}


def time_of(path):
    """(units, calendar, bounds, middle) of a file."""
    with Dataset(path) as data:
        assert data["time"].dimensions == () and data["time_bnds"].dimensions == ("bnds",)
        return data["time"].units, data["time"].calendar, data["time_bnds"][:].tolist(), float(data["time"][...])


@pytest.mark.parametrize(("name", "calendar", "first", "last"), [
    ("boxes", "standard", 151 * 365 + 37, 151 * 365 + 37 + 365),  # leap years from 1850 to 2000: 1852, ... 2000 without 1900
    ("triangles", "standard", 151 * 365 + 37, 151 * 365 + 37 + 365),  # gregorian, by the name that CF has for it today
    ("mixed", "360_day", 151 * 360, 152 * 360),
])
@pytest.mark.parametrize("file", ["lsbc_2001.nc", "landuse_2001.nc"])
def test_time_is_the_year_in_the_hosts_calendar(files, file, name, calendar, first, last):
    assert time_of(files[name] / file) == ("days since 1850-01-01", calendar, [first, last], (first + last) / 2)


@pytest.mark.filterwarnings("ignore:this date/calendar/year zero convention")
@pytest.mark.parametrize(("year", "calendar", "julian_day", "length"), [
    (2000, "standard", 2451545, 366),  # noon of 2000-01-01
    (1582, "standard", 2299160 - 276, 355),  # 4 October 1582 is day 2299160, and 15 October the next
    (1582, "proleptic_gregorian", 2299161 - 287, 365),
    (0, "standard", 4712 * 365 + 1178, 366),  # day 0 is the first of the year -4712 of the Julian calendar
])
def test_days_of_years_far_away_are_those_of_astronomers(year, calendar, julian_day, length):
    first = julian_day - 2396759  # noon of 1850-01-01
    assert far_away(year, calendar) == [first, first + length]


@pytest.mark.parametrize(("year", "calendar", "first", "length"), [
    (0, "360_day", -1850 * 360, 360), (-9999, "365_day", -11849 * 365, 365), (99999, "noleap", 98149 * 365, 365)])
def test_years_of_model_calendars_are_counted_through_zero(year, calendar, first, length):
    assert far_away(year, calendar) == [first, first + length]


def far_away(year, calendar):
    with Dataset("nowhere.nc", "w", diskless=True) as data:
        _About(year, calendar, {}).put_time(data)
        return data["time_bnds"][:].tolist()


def test_other_programs_find_the_time_of_every_field(files):
    with xr.open_dataset(files["boxes"] / "lsbc_2001.nc") as data, xr.open_dataset(files["boxes"] / "lsbc_2000.nc") as before:
        assert str(data.time.values)[:10] == "2001-07-02" and [str(t)[:10] for t in data.time_bnds.values] == ["2001-01-01", "2002-01-01"]
        assert int(data.valid_year) == 2001 and data.valid_year.dtype == np.int32
        fields = [name for name, field in data.variables.items() if "location" in field.attrs]
        assert len(fields) > 20 and all("time" in data[name].coords for name in fields)
        assert xr.concat([before.lai, data.lai], dim="time").time.dt.year.values.tolist() == [2000, 2001]
    with xr.open_dataset(files["boxes"] / "landuse_2001.nc") as data:
        assert str(data.landuse.time.values)[:10] == "2001-07-02" and data.attrs["year"] == data.landuse.attrs["valid_year"] == 2001


def test_time_is_no_dimension_of_a_field(files):
    with Dataset(files["boxes"] / "lsbc_2001.nc") as data:
        assert data["lai"].dimensions == ("cell",) and data["lu_frac"].dimensions == ("class", "cell") and data["leaf_area_index"].dimensions == ("month", "cell")
        assert data["transitions"].dimensions == ("from_class", "to_class", "cell") and data["host_lu_frac"].dimensions == ("host_class", "cell")
    with Dataset(files["boxes"] / "landuse_2001.nc") as data:
        assert data["landuse"].dimensions == ("lat", "lon")


def test_calendars_change_the_time_and_nothing_else(files, tmp_path):
    for name in ("model", "fine.nc"):
        (tmp_path / name).symlink_to(files["boxes"].parent / name)
    other = run(tmp_path, "boxes", "noleap")
    for file in ("lsbc_2001.nc", "landuse_2001.nc"):
        one, two = case.contents(files["boxes"] / file), case.contents(other / file)
        assert [name for name in one if not np.array_equal(one[name], two[name])] == ["time", "time_bnds"] and list(one) == list(two)


def test_every_variable_says_what_it_is(files):
    for place in files.values():
        for file in ("lsbc_2001.nc", "landuse_2001.nc"):
            with Dataset(place / file) as data:
                bounds = {found.bounds for found in data.variables.values() if "bounds" in found.ncattrs()}
                told = {name for name, found in data.variables.items() if {"long_name", "standard_name"} & set(found.ncattrs())}
                assert set(data.variables) - told == bounds
                assert data.history == "written by lsbc 0.1.0 for 2001" and data.title.endswith(" 2001")
    with Dataset(files["boxes"] / "lsbc_2001.nc") as data:
        assert data["climate_coldest_month"].units_metadata == "temperature: on_scale" and data["time"].units_metadata == "leap_seconds: none"
        assert {data[name].units for name in ("global_id", "class", "month", "host_class", "from_class", "to_class", "valid_year")} == {"1"}
    with Dataset(files["mixed"] / "lsbc_2001.nc") as data:
        assert "units_metadata" not in data["time"].ncattrs()  # of calendars that have leap seconds alone


def test_cells_that_touch_share_their_nodes_though_each_reckons_its_corners_itself(files):
    """12 x 12 boxes have 13 x 13 nodes; 0.1 degrees times a whole number is not the same sum from both sides."""
    with Dataset(files["boxes"] / "lsbc_2001.nc") as data:
        lon, lat, nodes = (np.asarray(data[name][:]) for name in ("lon_vertices", "lat_vertices", "face_nodes"))
        assert len(np.unique(lon)) > 13 and len(data.dimensions["node"]) == 169 and "_FillValue" not in data["face_nodes"].ncattrs()
        assert np.abs(data["node_lon"][:][nodes] - lon).max() < 1e-9 and np.abs(data["node_lat"][:][nodes] - lat).max() < 1e-9


def test_a_repeated_last_corner_is_no_node(files):
    with Dataset(files["mixed"] / "lsbc_2001.nc") as data:
        nodes = data["face_nodes"][:]
        assert data["face_nodes"]._FillValue == -1 and len(data.dimensions["node"]) == 10
        assert np.ma.getmaskarray(nodes).tolist() == [[False] * 4] * 3 + [[False, False, False, True]] * 2
        shared = set(nodes[3].compressed()) & set(nodes[4].compressed())
        assert {(float(data["node_lon"][k]), float(data["node_lat"][k])) for k in shared} == {(10.5, 47.5), (11.0, 48.0)}


@pytest.fixture(scope="module")
def cf_findings():
    """What the compliance checker of IOOS finds in a file: messages, apart from those that it has wrong."""
    suite = pytest.importorskip("compliance_checker.suite", reason="compliance-checker is not installed (extra dev, Linux on x86_64)")
    suite.CheckSuite.load_all_available_checkers()

    def check(path, version, wrong=()):
        checks = suite.CheckSuite()
        data = checks.load_dataset(str(path))
        results, crashed = checks.run_all(data, [f"cf:{version}"])[f"cf:{version}"]
        data.close()
        assert len(results) > 20 and not crashed, f"the checker itself failed: {crashed}"
        failed = [result for result in results if result.value[0] != result.value[1]]
        assert all(result.msgs for result in failed)
        return [text for result in failed for text in result.msgs if not any(piece in text for piece in wrong)]

    return check


@pytest.mark.parametrize("name", ["boxes", "triangles"])
def test_the_yearly_file_keeps_to_cf(cf_findings, files, name):
    assert cf_findings(files[name] / "lsbc_2001.nc", "1.11", (MESH_ROLES, SCALAR_TIME)) == []


def test_the_map_keeps_to_cf(cf_findings, files):
    assert cf_findings(files["boxes"] / "landuse_2001.nc", "1.11", (SCALAR_TIME,)) == []


def test_the_checker_sees_what_is_wrong(cf_findings, files, tmp_path):
    shutil.copy(files["mixed"] / "landuse_2001.nc", tmp_path / "wrong.nc")
    with Dataset(tmp_path / "wrong.nc", "a") as data:
        data["landuse"].standard_name, data["landuse"].flag_meanings, data["lon"].units = "land_use", "ocean urban", "K"
        data.history = ""
    found = cf_findings(tmp_path / "wrong.nc", "1.11", (SCALAR_TIME,))
    for piece in ("land_use", "flag_meanings", "longitude", "history"):
        assert [text for text in found if piece in text], f"nothing of {piece} in {found}"


@pytest.mark.parametrize("name", ["boxes", "triangles"])
@pytest.mark.parametrize("time", ["mean", "point"])
def test_land_use_tiles_keep_to_cf(cf_findings, files, tmp_path, name, time):
    deliver("fraclut", files[name] / "lsbc_2001.nc", tmp_path / "fracLut.nc", options_of("fraclut", {"time": time}, tmp_path))
    with Dataset(tmp_path / "fracLut.nc") as data:
        assert data.Conventions == "CF-1.7" and ("lat" in data.dimensions) == (name == "boxes")
    assert cf_findings(tmp_path / "fracLut.nc", "1.7") == []


@pytest.mark.parametrize("name", HOSTS)
def test_the_mesh_keeps_to_ugrid(files, name):
    check = pytest.importorskip("ugrid_checks.check", reason="ugrid-checks is not installed (extra dev)")
    found = check.check_dataset(files[name] / "lsbc_2001.nc", print_summary=False)
    assert [record.getMessage() for record in found.logger.report_statement_logrecords()] == []


@pytest.mark.parametrize(("file", "wrong"), [("lsbc_2001.nc", (MESH_ROLES, POLYGONS)), ("landuse_2001.nc", ())])
@pytest.mark.parametrize("name", ["boxes", "triangles"])
def test_cfchecker_has_no_complaint(files, tmp_path, name, file, wrong):
    """It ends with CF 1.8, so it gets a copy that says so; tables come from the other checker, for it would fetch them."""
    suite = pytest.importorskip("compliance_checker", reason="compliance-checker is not installed: cfchecker would have to fetch the table of standard names")
    try:
        cfchecks = pytest.importorskip("cfchecker.cfchecks", reason="cfchecker is not installed; it needs UDUNITS of the system")
    except FileNotFoundError as error:
        pytest.skip(f"cfchecker is installed without the library that it needs: {error}")
    copy = shutil.copy(files[name] / file, tmp_path / file)
    with Dataset(copy, "a") as data:
        data.Conventions = data.Conventions.replace("CF-1.11", LAST_OF_CFCHECKER)
    names = str(Path(suite.__file__).parent / "data" / "cf-standard-name-table.xml")
    for table in ("area_type_table", "standardized_region_list"):
        (tmp_path / table).write_text(f"<{table}><version_number>0</version_number><date>none</date></{table}>")
    checker = cfchecks.CFChecker(cfStandardNamesXML=names, cfAreaTypesXML=str(tmp_path / "area_type_table"),
                                 cfRegionNamesXML=str(tmp_path / "standardized_region_list"), version=cfchecks.CFVersion((1, 8)), silent=True)
    checker.checker(str(copy))
    found = [text for text in checker.all_messages if text.startswith(("FATAL:", "ERROR:", "WARN:")) and not any(piece in text for piece in wrong)]
    assert checker.all_messages and found == []
