import netCDF4
import numpy as np
import pytest

from lsbc.emulator.hosts.ctsm_series import Slices
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.emulator.hosts.write_ctsm_series import NO_HARVEST
from lsbc.regrid.errors import FileError, YearError

from ctsm_files import surface
from grid_files import Var
from year_files import fractions, write_year

FIELD, WOOD = {22: 1.0}, {40: 1.0}


def delivered(folder, year, cell=FIELD, *, spec=None, run="RUN_A", key="model_sha256", template="template.nc", **options):
    """The notes of one year in `series.nc`; `run` is the value of the yearly file's attribute `key`."""
    spec = surface() if spec is None else spec
    spec.write(folder / template)
    path = write_year(folder / f"lsbc_{year}.nc", fractions(*[cell] * 4), spec.variables["LONGXY"].values, spec.variables["LATIXY"].values, year=year,
                      coldest_month_k=273.15)
    with netCDF4.Dataset(path, "a") as data:
        data.setncatts({key: run})
    return deliver("landuse_timeseries", path, folder / "series.nc", options_of("landuse_timeseries", {"template": str(folder / template), **options}, folder))


def crops(folder):
    """Year -> PCT_CROP of the first cell."""
    with netCDF4.Dataset(folder / "series.nc") as data:
        return dict(zip(data["YEAR"][:].tolist(), data["PCT_CROP"][:, 0, 0].tolist()))


def told(folder):
    with netCDF4.Dataset(folder / "series.nc") as data:
        return {name: data.getncattr(name) for name in data.ncattrs() if name.startswith("lsbc_")}


def three_years(folder):
    for year in (2031, 2032, 2033):
        delivered(folder, year)
    assert crops(folder) == {2031: 87.5, 2032: 87.5, 2033: 87.5}


def test_a_new_year_goes_behind_the_others_and_one_that_is_there_in_its_place():
    slices = Slices(years=(2031, 2032))
    assert [slices.place(year) for year in (2031, 2032, 2033)] == [0, 1, 2] and Slices().place(2031) == 0


@pytest.mark.parametrize("key", ["model_sha256", "settings_sha256", "host_grid"])
@pytest.mark.parametrize("year", [2032, 2033, 2034])
def test_a_year_of_another_run_is_not_put_among_those_that_are_there(tmp_path, key, year):
    for y in (2031, 2032, 2033):
        delivered(tmp_path, y, key=key)
    before = (tmp_path / "series.nc").read_bytes()
    with pytest.raises(FileError, match=rf"has the years 2031 to 2033 of another run than .*lsbc_{year}.nc: {key} is 'RUN_A', not 'RUN_B'.*from 2031 or earlier on"):
        delivered(tmp_path, year, WOOD, run="RUN_B", key=key)
    assert (tmp_path / "series.nc").read_bytes() == before


@pytest.mark.parametrize("first", [2029, 2031])
def test_a_run_that_begins_anew_drops_all_slices_of_the_other_run_and_says_so(tmp_path, first):
    three_years(tmp_path)
    notes = delivered(tmp_path, first, WOOD, run="RUN_B")
    assert notes == (f"series.nc held the years 2031 to 2033 of another run; it is begun anew with {first}, and those are gone", NO_HARVEST)
    assert crops(tmp_path) == {first: 0}
    assert (told(tmp_path)["lsbc_model_sha256"], told(tmp_path)["lsbc_valid_year"], told(tmp_path)[f"lsbc_notes_{first}"]) == ("RUN_B", first, notes[0])
    delivered(tmp_path, first + 1, WOOD, run="RUN_B")
    assert crops(tmp_path) == {first: 0, first + 1: 0}


def test_the_same_run_replaces_a_slice_and_keeps_the_later_ones(tmp_path):
    three_years(tmp_path)
    delivered(tmp_path, 2031, WOOD)
    assert crops(tmp_path) == {2031: 0, 2032: 87.5, 2033: 87.5}


def test_the_same_run_does_not_go_back_behind_the_first_year(tmp_path):
    three_years(tmp_path)
    with pytest.raises(YearError, match="2030 is neither among them nor the next"):
        delivered(tmp_path, 2030)


@pytest.mark.parametrize("year", [2031, 2032])
@pytest.mark.parametrize(("name", "index", "value"), [
    ("PCT_LAKE", (0, 0), 50.0), ("PCT_WETLAND", (0, 1), 5.0), ("PCT_GLACIER", (1, 0), 5.0), ("PCT_NAT_PFT", (3, 1, 1), 1e-9), ("PCT_CFT", (0, 0, 0), 74.0),
    ("PCT_URBAN", (2, 0, 0), 9.0), ("URBAN_REGION_ID", (0, 0), 0), ("CANYON_HWR", (1, 0, 0), 0.0)])
def test_another_surface_file_is_refused_in_every_year(tmp_path, year, name, index, value):
    delivered(tmp_path, 2031)
    before = (tmp_path / "series.nc").read_bytes()
    spec = surface()
    spec.variables[name].values[index] = value
    with pytest.raises(FileError, match="the land use in the surface file was '[0-9a-f]{64}', now it is '.*the same surface file .it was template.nc."):
        delivered(tmp_path, year, spec=spec, template="other.nc")
    assert (tmp_path / "series.nc").read_bytes() == before


def test_ocean_in_the_surface_file_counts_as_land_use(tmp_path):
    delivered(tmp_path, 2031)
    spec = surface()
    spec.variables["PCT_OCEAN"] = Var(("lsmlat", "lsmlon"), np.zeros((2, 2)))
    with pytest.raises(FileError, match="the land use in the surface file was"):
        delivered(tmp_path, 2032, spec=spec)


def test_the_surface_file_may_have_another_name_and_other_fields(tmp_path):
    delivered(tmp_path, 2031)
    spec = surface()
    spec.variables["MONTHLY_LAI"] = Var(("lsmlat", "lsmlon"), np.ones((2, 2)))
    delivered(tmp_path, 2032, spec=spec, template="renamed.nc")
    assert crops(tmp_path) == {2031: 87.5, 2032: 87.5}


@pytest.mark.parametrize("year", [2031, 2032])
def test_another_crosswalk_or_other_crop_types_are_refused(tmp_path, year):
    from importlib import resources

    delivered(tmp_path, 2031)
    with pytest.raises(FileError, match="the option crop_types was 'surface', now it is 'crosswalk'"):
        delivered(tmp_path, year, crop_types="crosswalk")
    own = tmp_path / "own.toml"
    shipped = next(path for path in (resources.files("lsbc.emulator") / "surface").rglob("*ctsm*.toml"))
    own.write_text(shipped.read_text() + "\n# changed\n")
    with pytest.raises(FileError, match=r"the crosswalk was 'ctsm, version 1, sha256 [0-9a-f]+', now it is 'ctsm, version 1"):
        delivered(tmp_path, year, crosswalk=str(own))


def foreign(folder, **changes):
    """The series of 2031 as if CTSM's own tools had made it."""
    delivered(folder, 2031)
    with netCDF4.Dataset(folder / "series.nc", "a") as data:
        for name in [name for name in data.ncattrs() if name.startswith("lsbc_")]:
            data.delncattr(name)
        for name, (index, value) in changes.items():
            data[name][index] = value


def test_a_series_of_ctsms_own_tools_goes_on_and_only_the_years_of_lsbc_are_told_as_such(tmp_path):
    foreign(tmp_path)
    delivered(tmp_path, 2032, WOOD)
    assert crops(tmp_path) == {2031: 87.5, 2032: 0} and told(tmp_path)["lsbc_valid_year"] == 2032
    with pytest.raises(FileError, match="has slices of CTSM's own tools and of another run .*name another file"):
        delivered(tmp_path, 2031, run="RUN_B")


@pytest.mark.parametrize("year", [2031, 2032])
@pytest.mark.parametrize("value", [50.0, 12.5 + 1e-9, np.nan])
def test_other_lakes_than_in_the_surface_file_are_refused(tmp_path, year, value):
    foreign(tmp_path, PCT_LAKE=((0, 1, 0), value))
    with pytest.raises(FileError, match=r"PCT_LAKE of 2031 is (50|12.5|nan) in cell 3 \(200.0000 E, 31.0000 N\), in the surface file .*template.nc it is 12.5"):
        delivered(tmp_path, year)


def test_roundings_of_lakes_are_no_other_lakes(tmp_path):
    foreign(tmp_path, PCT_LAKE=((0, 1, 0), 12.5 + 1e-13))
    delivered(tmp_path, 2032)
    assert crops(tmp_path) == {2031: 87.5, 2032: 87.5}


def test_the_file_tells_all_its_years_and_what_was_special_in_each(tmp_path):
    three = {**FIELD}
    delivered(tmp_path, 2031, {})
    delivered(tmp_path, 2032, three)
    delivered(tmp_path, 2033, {})
    kept = "4 cell(s) not covered by lsbc keep the surface file's land use"
    found = told(tmp_path)
    assert found["lsbc_valid_year"].tolist() == [2031, 2032, 2033] and found["lsbc_notes"] == NO_HARVEST
    assert {name: text for name, text in found.items() if name.startswith("lsbc_notes_")} == {"lsbc_notes_2031": kept, "lsbc_notes_2033": kept}
    delivered(tmp_path, 2031, three)
    found = told(tmp_path)
    assert found["lsbc_valid_year"].tolist() == [2031, 2032, 2033] and found["lsbc_notes"] == NO_HARVEST and "lsbc_notes_2031" not in found
    assert (found["lsbc_crop_types"], found["lsbc_model_sha256"]) == ("surface", "RUN_A")


def test_a_series_that_was_cut_short_or_is_no_netcdf_is_refused(tmp_path):
    spec = surface()
    template = spec.write(tmp_path / "classic.nc", format="NETCDF3_CLASSIC")
    delivered(tmp_path, 2031)
    (tmp_path / "series.nc").unlink()
    given = options_of("landuse_timeseries", {"template": str(template)}, tmp_path)
    series = tmp_path / "series.nc"
    deliver("landuse_timeseries", tmp_path / "lsbc_2031.nc", series, given)
    with netCDF4.Dataset(series) as data:
        assert data.data_model == "NETCDF3_64BIT_OFFSET", "a long series is beyond the classic format"
    whole = series.read_bytes()
    series.write_bytes(whole[:len(whole) // 2])
    with pytest.raises(FileError, match="series.nc (is cut short|has a damaged netCDF header)"):
        deliver("landuse_timeseries", tmp_path / "lsbc_2031.nc", series, given)
    series.write_bytes(b"not netCDF")
    with pytest.raises(FileError, match="series.nc cannot be read as netCDF"):
        deliver("landuse_timeseries", tmp_path / "lsbc_2031.nc", series, given)
    assert series.read_bytes() == b"not netCDF"


def changed_form(folder, name, kind, dims):
    """The series with another variable in the place of one."""
    delivered(folder, 2031)
    with netCDF4.Dataset(folder / "series.nc", "a") as data:
        data.renameVariable(name, f"old_{name}")
        data.createVariable(name, kind, dims)


@pytest.mark.parametrize(("name", "kind", "dims", "message"), [
    ("LATIXY", "f8", ("lsmlat",), r"LATIXY lies on \(lsmlat\), expected is \(lsmlat, lsmlon\)"), ("LONGXY", "S1", ("lsmlat", "lsmlon"), "'LONGXY' is of type"),
    ("YEAR", "S1", ("time",), "'YEAR' is of type"), ("time", "f8", (), r"time lies on \(\), expected is \(time\)"),
    ("PCT_LAKE", "f4", ("time", "lsmlat", "lsmlon"), "PCT_LAKE is float32")])
def test_a_series_of_another_form_is_refused(tmp_path, name, kind, dims, message):
    changed_form(tmp_path, name, kind, dims)
    with pytest.raises(FileError, match=message):
        delivered(tmp_path, 2032)
