import errno

import numpy as np
import pytest
import xarray
from netCDF4 import Dataset

from lsbc.emulator.hosts import wrf_template, write_wrf_lowinp
from lsbc.emulator.hosts.check import check_host
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.regrid.errors import FileError

from grid_files import Var
from host_files import geo_em, set_values, times, without, wrflowinp
from year_files import fractions, write_year

FOREST, CROP, WATER = 40, 22, 77
CELLS = [{WATER: 1}, {FOREST: 1}, {CROP: 0.75, WATER: 0.25}, {}] * 3
NEW_YEAR, SAME_DAY, MARCH, NEXT = "2031-01-01_00:00:00", "2031-01-01_12:00:00", "2031-03-15_00:00:00", "2032-01-01_00:00:00"


def written(folder, spec=None, geo=None, **options):
    """The template, what was written, and the notes."""
    spec = spec or wrflowinp(NEW_YEAR, SAME_DAY, MARCH)
    template, out = spec.write(folder / "wrflowinp_d01"), folder / "new.nc"
    (geo or geo_em()).write(folder / "geo_em.d01.nc")
    lon, lat = (geo_em().variables[name].values for name in ("XLONG_M", "XLAT_M"))
    cover = np.arange(1, 13)[:, None] * 0.03125 * np.ones(12)
    year = write_year(folder / "lsbc_2031.nc", fractions(*CELLS), lon, lat, vegetation_area_fraction=cover)
    notes = deliver("wrflowinp", year, out, options_of("wrflowinp", {"template": str(template), "static": "geo_em.d01.nc", **options}, folder))
    return xarray.load_dataset(template), xarray.load_dataset(out), notes


def test_land_gets_the_values_of_each_date(tmp_path):
    """1 January: 14/31 of December and 17/31 of January; 15 March: March. Cover 0.03125 per month, of 3/4 land in the third column; LAI a quarter
    per month; albedo 0.2, of the third column's land (0.2 - 0.02) / 0.75."""
    _, new, notes = written(tmp_path)
    for time, months in ((0, (12 * 14 + 17) / 31), (1, (12 * 14 + 17) / 31), (2, 3)):
        row = new.isel(Time=time, south_north=1)
        assert row.VEGFRA.values == pytest.approx([40, 3.125 * months, 3.125 * months / 0.75, 40], rel=6e-8)
        assert row.LAI.values == pytest.approx([3, months / 4, months / 4, 3], rel=6e-8)
        assert row.ALBBCK.values == pytest.approx([0.15, 0.2, 0.24, 0.15], rel=6e-8)
    assert notes == ("VEGFRA, LAI, ALBBCK of 6 of 12 cells are lsbc's at 3 of 3 times; the others keep the template's values: 3 water, 3 not covered by lsbc",)


def test_everything_else_is_the_templates_bit_by_bit(tmp_path):
    old, new, _ = written(tmp_path)
    assert new.SST.values[:, 0, 0].tolist() == [0, 1, 2]
    for name in old.variables:
        before, after = old[name].values, new[name].values
        if name in ("VEGFRA", "LAI", "ALBBCK"):
            before, after = before[..., [0, 3]], after[..., [0, 3]]
        assert np.array_equal(before, after), name
    assert new.attrs["lsbc_valid_year"] == 2031 and new.attrs["lsbc_model"] == "closed-form"


def test_the_file_keeps_the_hosts_rules(tmp_path):
    written(tmp_path)
    assert check_host("wrf", tmp_path / "new.nc").findings == ()


def test_times_of_another_year_are_told(tmp_path):
    _, new, notes = written(tmp_path, wrflowinp(NEW_YEAR, NEXT))
    assert np.array_equal(new.LAI.values[0], new.LAI.values[1])
    assert "times of 2032 got the land use of 2031" in notes


def test_only_the_year_itself_is_changed_on_demand(tmp_path):
    old, new, notes = written(tmp_path, wrflowinp(NEW_YEAR, NEXT), only_year=True)
    assert not np.array_equal(new.LAI.values[0], old.LAI.values[0])
    assert np.array_equal(new.LAI.values[1], old.LAI.values[1]) and np.array_equal(new.VEGFRA.values[1], old.VEGFRA.values[1])
    assert notes == ("VEGFRA, LAI, ALBBCK of 6 of 12 cells are lsbc's at 1 of 2 times; the others keep the template's values: 3 water, 3 not covered by lsbc",)


def test_one_call_a_year_makes_a_file_of_several_years(tmp_path):
    """The second call takes the first one's file for its template."""
    _, first, _ = written(tmp_path, wrflowinp(NEW_YEAR, NEXT), only_year=True)
    lon, lat = (geo_em().variables[name].values for name in ("XLONG_M", "XLAT_M"))
    following = write_year(tmp_path / "lsbc_2032.nc", fractions(*CELLS), lon, lat, year=2032, vegetation_area_fraction=np.full((12, 12), 0.25))
    options = options_of("wrflowinp", {"template": "new.nc", "static": "geo_em.d01.nc", "only_year": True}, tmp_path)
    deliver("wrflowinp", following, tmp_path / "new.nc", options)
    both = xarray.load_dataset(tmp_path / "new.nc")
    assert np.array_equal(both.VEGFRA.values[0], first.VEGFRA.values[0]) and both.VEGFRA.values[1, 0, 1] == 25
    assert both.attrs["lsbc_valid_year"].tolist() == [2031, 2032] and both.attrs["lsbc_model_sha256"] == "ab12"
    assert both.attrs["lsbc_notes"] == first.attrs["lsbc_notes"]


def test_a_file_of_several_years_tells_of_each(tmp_path):
    """2032 is of another model, without a field of cell 7; then 2031 is written again: 2032 keeps its place."""
    written(tmp_path, wrflowinp(NEW_YEAR, NEXT), only_year=True)
    lon, lat = (geo_em().variables[name].values for name in ("XLONG_M", "XLAT_M"))
    following = write_year(tmp_path / "lsbc_2032.nc", fractions(*CELLS[:6], {}, *CELLS[7:]), lon, lat, year=2032)
    with Dataset(following, "r+") as data:
        data.model_sha256 = "ef56"
    options = options_of("wrflowinp", {"template": "new.nc", "static": "geo_em.d01.nc", "only_year": True}, tmp_path)
    for year in (following, tmp_path / "lsbc_2031.nc"):
        deliver("wrflowinp", year, tmp_path / "new.nc", options)
        attrs = xarray.load_dataset(tmp_path / "new.nc").attrs
        assert attrs["lsbc_valid_year"].tolist() == [2031, 2032] and attrs["lsbc_model_sha256"] == "2031: ab12\n2032: ef56"
        first, second = attrs["lsbc_notes"].split("\n")
        assert first.startswith("2031: VEGFRA, LAI, ALBBCK of 6 of 12 cells") and second.startswith("2032: VEGFRA, LAI, ALBBCK of 5 of 12 cells")


def test_a_year_for_all_times_is_the_only_one_told(tmp_path):
    written(tmp_path, wrflowinp(NEW_YEAR, NEXT), only_year=True)
    lon, lat = (geo_em().variables[name].values for name in ("XLONG_M", "XLAT_M"))
    following = write_year(tmp_path / "lsbc_2032.nc", fractions(*CELLS), lon, lat, year=2032)
    deliver("wrflowinp", following, tmp_path / "new.nc", options_of("wrflowinp", {"template": "new.nc", "static": "geo_em.d01.nc"}, tmp_path))
    assert xarray.load_dataset(tmp_path / "new.nc").attrs["lsbc_valid_year"] == 2032


def test_another_albedo_of_water_is_taken_out_of_coasts(tmp_path):
    """0.2 with a quarter of water of 0.12: (0.2 - 0.03) / 0.75."""
    _, new, _ = written(tmp_path, water_albedo=0.12)
    assert new.ALBBCK.values[2, 0] == pytest.approx([0.15, 0.2, 0.17 / 0.75, 0.15], rel=6e-8)


def test_a_static_file_that_was_cut_short_is_refused(tmp_path):
    """The library would read zeros in its missing part: no land, and nothing would change."""
    path = geo_em().write(tmp_path / "short.nc", format="NETCDF3_64BIT_OFFSET")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(FileError, match="short.nc is cut short"):
        written(tmp_path, static="short.nc")
    assert not (tmp_path / "new.nc").exists()


def test_albedo_follows_the_course_of_the_geo_em_file(tmp_path):
    """January 42 %, the other months 15 %: mean 17.25 %; our mean is 0.2. 15 March is March, 1 January 17/31 of January and 14/31 of December."""
    geo = geo_em()
    geo.variables["ALBEDO12M"].values[0, 0] = 42
    _, new, _ = written(tmp_path, geo=geo, albedo_course="geo_em.d01.nc")
    assert new.ALBBCK.values[:, 0, 1] == pytest.approx([0.2 / 17.25 * (42 * 17 + 15 * 14) / 31] * 2 + [0.2 / 17.25 * 15], rel=6e-8)


def test_ice_and_water_of_the_static_file_stay(tmp_path):
    geo = geo_em()
    set_values("LU_INDEX", (0, 0, 1), 15)(geo)
    old, new, _ = written(tmp_path, geo=geo)
    changed = (new.LAI.values != old.LAI.values).any(axis=0)
    assert changed.tolist() == [[False, False, True, False], [False, True, True, False], [False, True, True, False]]


def test_a_field_that_the_template_lacks_is_told(tmp_path):
    spec = wrflowinp(NEW_YEAR)
    without("LAI")(spec)
    _, new, notes = written(tmp_path, spec)
    assert "LAI" not in new and "the template has no LAI, and none was added" in notes


def smaller(spec):
    for name in ("VEGFRA", "LAI", "ALBBCK", "SST"):
        spec.variables[name] = Var(spec.variables[name].dims, spec.variables[name].values[:, :, :3])


def no_field(spec):
    for name in ("VEGFRA", "LAI", "ALBBCK"):
        without(name)(spec)


@pytest.mark.parametrize(("change", "options", "match"), [
    (no_field, {}, "has none of VEGFRA, LAI, ALBBCK; a wrflowinp file"),
    (smaller, {}, r"VEGFRA has the shape \(3, 3, 3\); the map of .* is \(3, 4\): they are not of one domain"),
    (without("Times"), {}, "has no Times"),
    (lambda spec: spec.variables.update(Times=times(*["0000-00-00_00:00:00"] * 3)), {}, "'0000-00-00_00:00:00' in Times is no date"),
    (lambda spec: spec.variables.update(Times=times(*[NEXT] * 3)), {"only_year": True}, "has no time in 2031; there is nothing to change"),
    (lambda spec: None, {"static": "nowhere.nc"}, "nowhere.nc does not exist"),
    (lambda spec: None, {"static": "lsbc_2031.nc"}, "has no LU_INDEX; a geo_em"),
    (lambda spec: spec.variables["LAI"].attrs.update(scale_factor=2.0), {}, "wrflowinp_d01: 'LAI' is packed"),
    (lambda spec: spec.variables.update(LAI=Var(spec.variables["LAI"].dims, np.ones((3, 3, 4), np.int32))), {}, "'LAI' is of type int32; floating-point numbers"),
    (lambda spec: spec.variables.update(LAI=Var(("Time", "west_east", "south_north"), np.ones((3, 4, 3), np.float32))), {},
     "LAI has the dimensions Time, west_east, south_north"),
])
def test_a_wrong_file_is_refused_and_nothing_is_written(tmp_path, change, options, match):
    spec = wrflowinp(NEW_YEAR, SAME_DAY, MARCH)
    change(spec)
    with pytest.raises(FileError, match=match):
        written(tmp_path, spec, **options)
    assert not (tmp_path / "new.nc").exists()


def test_a_static_file_that_is_no_netcdf_is_refused(tmp_path):
    (tmp_path / "text.nc").write_text("no netCDF")
    with pytest.raises(FileError, match="text.nc cannot be read as netCDF"):
        written(tmp_path, static="text.nc")


def test_one_time_is_held_at_once(tmp_path, monkeypatch):
    """What is read of the template at a time is one map of one time."""
    sizes = []
    flat = wrf_template.flat
    named = wrf_template.put_cells

    def watched(*args):
        sizes.append(flat(*args).size)
        return flat(*args)

    def put_cells(*args):
        with monkeypatch.context() as patch:
            patch.setattr(wrf_template, "flat", watched)
            named(*args)

    monkeypatch.setattr(write_wrf_lowinp, "put_cells", put_cells)
    written(tmp_path)
    assert sizes == [12] * 9


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "new.nc").write_bytes(b"old")
    monkeypatch.setattr(write_wrf_lowinp, "mark", full)
    with pytest.raises(FileError, match="No space left"):
        written(tmp_path)
    assert (tmp_path / "new.nc").read_bytes() == b"old" and not list(tmp_path.glob(".*"))
