import netCDF4
import numpy as np
import pytest
import xarray as xr

from lsbc.emulator.hosts import write_ctsm_series
from lsbc.emulator.hosts.blocks import blocks
from lsbc.emulator.hosts.check import check_host
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.regrid.errors import FileError, YearError

from ctsm_files import surface
from grid_files import Var
from host_files import ctsm_series
from year_files import fractions, write_year

WOOD, FIELD, TOWN = {40: 1.0}, {22: 0.25, 40: 0.25, 77: 0.5}, {11: 0.5, 22: 0.25, 40: 0.25}
FIRST, SECOND = (WOOD, FIELD, TOWN, {}), (TOWN, WOOD, WOOD, {})
SLICED = ("PCT_NAT_PFT", "PCT_CFT", "PCT_CROP", "PCT_URBAN", "PCT_LAKE")


def written(folder, *cells, year=2031, spec=None, target="landuse_timeseries", out=None, format="NETCDF4", **options):
    """The series (or the surface file) and the notes."""
    spec = surface() if spec is None else spec
    template = spec.write(folder / "template.nc", format=format)
    path = write_year(folder / f"lsbc_{year}.nc", fractions(*cells), spec.variables["LONGXY"].values, spec.variables["LATIXY"].values, year=year, coldest_month_k=273.15)
    out = folder / f"{target}.nc" if out is None else out
    return out, deliver(target, path, out, options_of(target, {"template": str(template), **options}, folder))


def values(path, name):
    with netCDF4.Dataset(path) as data:
        data.set_auto_maskandscale(False)
        return np.asarray(data[name][...])


@pytest.mark.parametrize("format", ["NETCDF4", "NETCDF3_64BIT_OFFSET", "NETCDF3_CLASSIC"])
@pytest.mark.parametrize("unstructured", [False, True])
def test_years_follow_each_other_and_begin_with_the_surface_file(tmp_path, unstructured, format):
    spec = surface(unstructured)
    start, _ = written(tmp_path, *FIRST, spec=spec, target="fsurdat", format=format)
    series, notes = written(tmp_path, *FIRST, spec=spec, format=format)
    assert notes == ("1 cell(s) not covered by lsbc keep the surface file's land use",
                     "HARVEST_* are not written, for the map tells no harvest: CTSM stops with do_harvest = .true.")
    assert check_host("ctsm", series, start).findings == ()
    _, notes = written(tmp_path, *SECOND, year=2032, spec=spec, format=format)
    assert notes == ("1 cell(s) not covered by lsbc keep the surface file's land use",)
    assert check_host("ctsm", series, start).findings == ()
    np.testing.assert_array_equal(values(series, "YEAR"), [2031, 2032])
    np.testing.assert_array_equal(values(series, "PCT_CROP").reshape(2, 4), [[0, 43.75, 21.875, 25], [21.875, 0, 0, 25]])
    np.testing.assert_array_equal(values(series, "PCT_URBAN").reshape(2, 3, 4)[:, 1], [[0, 0, 10.9375, 3.125], [10.9375, 0, 0, 3.125]])
    np.testing.assert_array_equal(values(series, "PCT_NAT_PFT").reshape(2, 15, 4)[:, 1], [[50, 50, 50, 25], [50, 50, 50, 25]])
    np.testing.assert_array_equal(values(series, "PCT_LAKE"), np.full_like(values(series, "PCT_LAKE"), 12.5))


def test_the_largest_towns_of_all_years_are_told(tmp_path):
    series, _ = written(tmp_path, *FIRST)
    np.testing.assert_array_equal(values(series, "PCT_URBAN_MAX")[2].ravel(), [0, 0, 32.8125, 9.375])
    written(tmp_path, *SECOND, year=2032)
    np.testing.assert_array_equal(values(series, "PCT_URBAN_MAX")[2].ravel(), [32.8125, 0, 32.8125, 9.375])
    np.testing.assert_array_equal(values(series, "PCT_LAKE_MAX").ravel(), [12.5] * 4)
    written(tmp_path, WOOD, WOOD, WOOD, {}, year=2031)
    np.testing.assert_array_equal(values(series, "PCT_URBAN_MAX")[2].ravel(), [32.8125, 0, 0, 9.375])


def test_a_year_again_replaces_its_slice_and_no_other(tmp_path):
    series, _ = written(tmp_path, *FIRST, year=2031)
    for year in (2032, 2033):
        written(tmp_path, *SECOND, year=year)
    before = {name: values(series, name) for name in SLICED}
    written(tmp_path, FIELD, FIELD, FIELD, {}, year=2032)
    np.testing.assert_array_equal(values(series, "YEAR"), [2031, 2032, 2033])
    np.testing.assert_array_equal(values(series, "PCT_CROP")[1].ravel(), [43.75, 43.75, 43.75, 25])
    for name in SLICED:
        np.testing.assert_array_equal(values(series, name)[[0, 2]], before[name][[0, 2]])
    assert check_host("ctsm", series).findings == ()


def test_cells_that_lsbc_does_not_cover_hold_the_surface_files_values_in_every_year(tmp_path):
    spec = surface()
    spec.variables["PCT_NAT_PFT"].values[:3, 1, 1] = [100 / 3, 200 / 3, 0]
    series, _ = written(tmp_path, *FIRST, spec=spec)
    written(tmp_path, *SECOND, year=2032, spec=spec)
    for name in SLICED:
        for k in (0, 1):
            np.testing.assert_array_equal(values(series, name)[k, ..., 1, 1].view(np.int64), spec.variables[name].values[..., 1, 1].view(np.int64))


def test_the_surface_file_that_was_written_may_be_the_template_of_the_series(tmp_path):
    start, _ = written(tmp_path, *FIRST, target="fsurdat")
    series, out = written(tmp_path, *FIRST)[0], tmp_path / "other.nc"
    deliver("landuse_timeseries", tmp_path / "lsbc_2031.nc", out, options_of("landuse_timeseries", {"template": str(start)}, tmp_path))
    for name in SLICED:
        np.testing.assert_allclose(values(out, name), values(series, name), rtol=1e-14, atol=0)


def test_static_fields_and_fertiliser_come_from_the_surface_file(tmp_path):
    spec = surface()
    spec.variables["CONST_FERTNITRO_CFT"] = Var(("cft", "lsmlat", "lsmlon"), np.arange(8.0).reshape(2, 2, 2), {"units": "gN/m2/yr"})
    series, _ = written(tmp_path, *FIRST, spec=spec)
    written(tmp_path, *SECOND, year=2032, spec=spec)
    np.testing.assert_array_equal(values(series, "FERTNITRO_CFT"), [np.arange(8.0).reshape(2, 2, 2)] * 2)
    for name in ("LONGXY", "LATIXY", "LANDFRAC_PFT", "natpft", "cft"):
        np.testing.assert_array_equal(values(series, name), spec.variables[name].values)
    with netCDF4.Dataset(series) as data:
        assert data["FERTNITRO_CFT"].units == "gN/m2/yr" and data.lsbc_crosswalk.startswith("ctsm") and data.surface_file == "template.nc"
        assert [b"".join(row.data).decode().strip() for row in data["input_pftdata_filename"][:]] == ["lsbc_2031.nc", "lsbc_2032.nc"]
        assert not [name for name in data.variables if name.startswith("HARVEST")] and data["PCT_CROP"].dimensions == ("time", "lsmlat", "lsmlon")


def test_fertiliser_that_is_no_map_of_crop_types_is_refused(tmp_path):
    spec = surface()
    spec.variables["CONST_FERTNITRO_CFT"] = Var(("lsmlat", "lsmlon"), np.ones((2, 2)))
    with pytest.raises(FileError, match=r"CONST_FERTNITRO_CFT lies on \(lsmlat, lsmlon\), expected is \(cft, lsmlat, lsmlon\)"):
        written(tmp_path, *FIRST, spec=spec)


def test_other_programs_read_the_file(tmp_path):
    series, _ = written(tmp_path, *FIRST)
    with xr.open_dataset(series) as data:
        assert data.time.values.tolist() == [2031] and data.PCT_NAT_PFT.dims == ("time", "natpft", "lsmlat", "lsmlon")
        np.testing.assert_allclose(data.PCT_NAT_PFT.sum("natpft"), 100, rtol=1e-15)


def test_bits_do_not_depend_on_the_parts_in_which_a_file_is_written(tmp_path, monkeypatch):
    rng = np.random.default_rng(6)
    spec, lu_frac = surface(shape=(7, 9)), rng.dirichlet(np.full(8, 0.3), 63).T
    template = spec.write(tmp_path / "template.nc")
    path = write_year(tmp_path / "lsbc_2031.nc", lu_frac, spec.variables["LONGXY"].values, spec.variables["LATIXY"].values, coldest_month_k=273.15)
    options = options_of("landuse_timeseries", {"template": str(template)}, tmp_path)
    deliver("landuse_timeseries", path, tmp_path / "whole.nc", options)
    monkeypatch.setattr(write_ctsm_series, "blocks", lambda shape: blocks(shape, 10))
    monkeypatch.setattr(write_ctsm_series, "block_rows", lambda shape: 1)
    deliver("landuse_timeseries", path, tmp_path / "parts.nc", options)
    for name in (*SLICED, "PCT_URBAN_MAX"):
        np.testing.assert_array_equal(values(tmp_path / "parts.nc", name), values(tmp_path / "whole.nc", name))


def test_a_writer_killed_half_way_leaves_the_series_as_it_was(tmp_path, monkeypatch):
    series, _ = written(tmp_path, *FIRST)
    before = series.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(write_ctsm_series, "mark", killed)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, *SECOND, year=2032)
    assert series.read_bytes() == before
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, *SECOND, out=tmp_path / "new.nc")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["landuse_timeseries.nc", "lsbc_2031.nc", "lsbc_2032.nc", "template.nc"]


@pytest.mark.parametrize("year", [2029, 2030, 2033])
def test_a_gap_and_a_year_before_the_first_are_refused(tmp_path, year):
    series, _ = written(tmp_path, *FIRST)
    before = series.read_bytes()
    with pytest.raises(YearError, match=f"has the years 2031 to 2031; {year} is neither among them nor the next: CTSM stops at a gap"):
        written(tmp_path, *FIRST, year=year)
    assert series.read_bytes() == before


def test_a_file_that_is_no_series_is_not_overwritten(tmp_path):
    start, _ = written(tmp_path, *FIRST, target="fsurdat")
    before = start.read_bytes()
    with pytest.raises(FileError, match="is there and is no landuse.timeseries that can go on: it has no YEAR, time; name another file"):
        written(tmp_path, *FIRST, out=start)
    assert start.read_bytes() == before


def grown(folder, name, dims, array):
    """The series of one year with one more variable."""
    series, _ = written(folder, *FIRST)
    with netCDF4.Dataset(series, "a") as data:
        data.createVariable(name, "f8", dims)[:] = array
    return series


def test_a_series_with_harvest_is_not_continued_without_it(tmp_path):
    series = grown(tmp_path, "HARVEST_VH1", ("time", "lsmlat", "lsmlon"), np.ones((1, 2, 2)))
    with pytest.raises(FileError, match="has HARVEST_VH1 by year, which lsbc's map does not tell for 2032"):
        written(tmp_path, *SECOND, year=2032)
    written(tmp_path, *SECOND, year=2031)
    np.testing.assert_array_equal(values(series, "HARVEST_VH1"), np.ones((1, 2, 2)))
    assert values(series, "PCT_CROP")[0, 0, 0] == 21.875
    with netCDF4.Dataset(series) as data:
        assert data.lsbc_notes == "", "this file has harvest"


def test_what_stays_from_year_to_year_is_repeated(tmp_path):
    series = grown(tmp_path, "LANDFRAC_MKSURFDATA", ("time", "lsmlat", "lsmlon"), np.full((1, 2, 2), 0.75))
    written(tmp_path, *SECOND, year=2032)
    np.testing.assert_array_equal(values(series, "LANDFRAC_MKSURFDATA"), np.full((2, 2, 2), 0.75))


def test_a_series_of_another_grid_or_form_is_refused(tmp_path):
    series, _ = written(tmp_path, *FIRST)
    elsewhere = surface()
    elsewhere.variables["LONGXY"].values += 1
    with pytest.raises(FileError, match="landuse_timeseries.nc is at 200.0000 E.*they are not of the same grid"):
        written(tmp_path, *SECOND, year=2032, spec=elsewhere)
    with pytest.raises(FileError, match=r"PCT_CFT has the shape \(2, 2, 2\), in .*template.nc it is \(4, 2, 2\)"):
        written(tmp_path, *SECOND, year=2032, spec=surface(n_crop=4))
    with netCDF4.Dataset(series, "a") as data:
        data["time"][:] = 0
    with pytest.raises(FileError, match="time is not the year"):
        written(tmp_path, *SECOND, year=2032)
    with netCDF4.Dataset(tmp_path / "empty.nc", "w") as empty, netCDF4.Dataset(series) as full:
        for name, dimension in full.dimensions.items():
            empty.createDimension(name, None if dimension.isunlimited() else len(dimension))
        for name, variable in full.variables.items():
            empty.createVariable(name, variable.dtype, variable.dimensions)
        for name in ("LONGXY", "LATIXY"):
            empty[name][:] = full[name][:]
    with pytest.raises(FileError, match="or there is no year at all"):
        written(tmp_path, *FIRST, out=tmp_path / "empty.nc")
    made = ctsm_series()
    made.variables |= {"time": Var(("time",), np.arange(2015, 2018)), "PCT_CFT": Var(("time", "cft", "lat", "lon"), np.full((3, 2, 2, 2), 50, np.float32))}
    with pytest.raises(FileError, match=r"PCT_NAT_PFT lies on \(time, natpft, lat, lon\), expected is \(time, natpft, lsmlat, lsmlon\)"):
        written(tmp_path, *FIRST, year=2018, out=made.write(tmp_path / "made.nc"))


def test_a_template_that_is_missing_or_damaged_is_refused(tmp_path):
    written(tmp_path, *FIRST)
    path = tmp_path / "lsbc_2031.nc"
    (tmp_path / "bad.nc").write_bytes(b"not netCDF")
    whole = surface(shape=(10, 10)).write(tmp_path / "short.nc", format="NETCDF3_CLASSIC").read_bytes()
    (tmp_path / "short.nc").write_bytes(whole[:len(whole) // 2])
    for name, message in (("none.nc", "none.nc does not exist"), ("bad.nc", "bad.nc cannot be read"), ("short.nc", "short.nc is cut short")):
        with pytest.raises(FileError, match=message):
            deliver("landuse_timeseries", path, tmp_path / "x.nc", options_of("landuse_timeseries", {"template": str(tmp_path / name)}, tmp_path))
    assert not (tmp_path / "x.nc").exists()
