import errno

import numpy as np
import pytest
import xarray
from netCDF4 import Dataset

from lsbc.emulator.hosts import write_wrf_geo
from lsbc.emulator.hosts.check import check_host
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.emulator.hosts.year_file import open_year
from lsbc.regrid.errors import ConfigError, FileError

from grid_files import Var
from host_files import attribute, geo_em, set_values, without
from shared import shared
from year_files import fractions, write_year

FOREST, CROP, URBAN, GRASS, SPARSE, WATER = 40, 22, 11, 33, 66, 77
CELLS = [{WATER: 1}, {FOREST: 0.5, URBAN: 0.5}, {CROP: 0.75, WATER: 0.25}, {}] * 3
"""Of each row of the 3 x 4 map, whose first column is the template's water; the last one is not covered."""
MASKED = np.s_[:, [0, 3]]


def year_file(folder, cells=None, spec=None, **fields):
    spec = spec or geo_em()
    lon, lat = (spec.variables[name].values for name in ("XLONG_M", "XLAT_M"))
    return write_year(folder / "lsbc_2031.nc", fractions(*(cells or CELLS)), lon, lat, vegetation_area_fraction=month_like(0.03125, 12), **fields)


def month_like(step, n):
    return np.arange(1, 13)[:, None] * step * np.ones(n)


def written(folder, spec=None, cells=None, **options):
    """The template, what was written, and the notes."""
    spec = spec or geo_em()
    template, out = spec.write(folder / "geo_em.d01.nc"), folder / "new.nc"
    notes = deliver("geo_em", year_file(folder, cells), out, options_of("geo_em", {"template": str(template), **options}, folder))
    return xarray.load_dataset(template), xarray.load_dataset(out), notes


def test_land_gets_lsbcs_land_use_and_months(tmp_path):
    """Template: 10 months of 15 % albedo. lsbc: albedo 0.2; in the third column a quarter is water: (0.2 - 0.02) / 0.75 = 0.24."""
    _, new, _ = written(tmp_path)
    new = new.isel(Time=0)
    assert new.LU_INDEX.dtype == np.float32 and new.LU_INDEX.values.tolist() == [[17, 5, 12, 5]] * 3
    shares = new.LANDUSEF.values[:, 1]
    assert {(k + 1, cell): shares[k, cell] for k, cell in np.argwhere(shares)} == {(17, 0): 1, (5, 1): 0.5, (13, 1): 0.5, (12, 2): 1,
                                                                                  (5, 3): 0.5, (12, 3): 0.25, (13, 3): 0.25}
    for month in range(12):
        assert new.GREENFRAC.values[month, 0, :3] == pytest.approx([0.5, 0.03125 * (month + 1), 0.03125 * (month + 1) / 0.75], rel=6e-8)
        assert new.LAI12M.values[month, 0, 1:3].tolist() == [(month + 1) / 4] * 2
        assert new.ALBEDO12M.values[month, 0] == pytest.approx([15, 20, 24, 15], rel=6e-8)


def test_everything_else_is_the_templates_bit_by_bit(tmp_path):
    spec = geo_em()
    spec.variables["HGT_M"] = Var(("Time", "south_north", "west_east"), np.random.default_rng(0).random((1, 3, 4), np.float32))
    spec.variables["LANDUSEF"].values[0, [4, 11, 12], :, 3] = np.float32([[0.1], [0.3], [0.6]])
    old, new, notes = written(tmp_path, spec)
    for name in old.variables:
        before, after = old[name].values, new[name].values
        if name in ("LU_INDEX", "LANDUSEF", "GREENFRAC", "LAI12M", "ALBEDO12M"):
            before, after = before[..., [0, 3]], after[..., [0, 3]]
        assert np.array_equal(before, after), name
    assert {name: value for name, value in new.attrs.items() if not name.startswith("lsbc_")} == old.attrs
    assert new.attrs["lsbc_valid_year"] == 2031 and new.attrs["lsbc_model_sha256"] == "ab12"
    assert new.attrs["lsbc_crosswalk"].startswith("modis, version 1, sha256 ") and new.attrs["lsbc_notes"] == "; ".join(notes)


def test_the_file_keeps_the_hosts_rules(tmp_path):
    written(tmp_path)
    findings = check_host("wrf", tmp_path / "new.nc").findings
    assert findings == ()


def test_an_albedo_course_keeps_our_mean(tmp_path):
    spec = geo_em()
    spec.variables["ALBEDO12M"].values[0, 0] = 21  # the other months 15: mean 15.5
    _, new, _ = written(tmp_path, spec)
    albedo = new.ALBEDO12M.values[0, :, 0, 1].astype(np.float64)
    assert albedo[0] / albedo[1] == pytest.approx(21 / 15, rel=2e-7)
    assert albedo.mean() / 100 == pytest.approx(0.2, rel=6e-8)


def test_another_albedo_of_water_is_taken_out_of_coasts(tmp_path):
    """0.2 with a quarter of water of 0.12: (0.2 - 0.03) / 0.75."""
    _, new, _ = written(tmp_path, water_albedo=0.12)
    assert new.ALBEDO12M.values[0, 6, 0] == pytest.approx([15, 20, 100 * 0.17 / 0.75, 15], rel=6e-8)


def test_one_urban_class_is_written_on_demand(tmp_path):
    spec = geo_em()
    set_values("LU_INDEX", (0, 1, [1, 3]), 32)(spec)
    cells = [{WATER: 1}, {URBAN: 1}, {CROP: 1}, {}] * 3
    assert written(tmp_path, spec, cells)[1].LU_INDEX.values[0, 1].tolist() == [17, 32, 12, 32]
    assert written(tmp_path, spec, cells, urban_codes="one")[1].LU_INDEX.values[0, 1].tolist() == [17, 13, 12, 13]


@pytest.mark.parametrize("odd", [np.nan, 9.969209968386869e36, -9.0, 0.0])
@pytest.mark.parametrize("word", [None, "_FillValue", "missing_value"])
def test_water_keeps_its_bits_whatever_it_holds(tmp_path, odd, word):
    spec = geo_em()
    for name in ("LU_INDEX", "LANDUSEF", "GREENFRAC", "LAI12M", "ALBEDO12M"):
        spec.variables[name].values[..., 1, 0] = odd
        spec.variables[name].attrs |= {word: np.float32(odd)} if word else {}
    template, out = spec.write(tmp_path / "geo_em.d01.nc"), tmp_path / "new.nc"
    deliver("geo_em", year_file(tmp_path), out, options_of("geo_em", {"template": str(template), "fold_lakes": True, "urban_codes": "one"}, tmp_path))
    with Dataset(template) as old, Dataset(out) as new:
        for name in ("LU_INDEX", "LANDUSEF", "GREENFRAC", "LAI12M", "ALBEDO12M"):
            for data in (old, new):
                data[name].set_auto_maskandscale(False)
            assert old[name][...][..., 1, 0].tobytes() == new[name][...][..., 1, 0].tobytes(), name
        assert new["LU_INDEX"][0, 0].tolist() == [17, 5, 12, 5]


def test_lakes_are_folded_on_demand(tmp_path):
    spec = geo_em()
    spec.variables["LU_INDEX"].values[0, :, 0] = 21
    spec.variables["LANDUSEF"].values[0, [16, 20], :, 0] = [[0.25], [0.75]]
    old, new, notes = written(tmp_path, spec)
    assert np.array_equal(old.LU_INDEX.values[..., 0], new.LU_INDEX.values[..., 0])
    _, new, notes = written(tmp_path, spec, fold_lakes=True)
    assert (new.LU_INDEX.values[0, :, 0] == 17).all() and (new.LANDUSEF.values[0, 16, :, 0] == 1).all() and not new.LANDUSEF.values[0, 20].any()
    assert any("lakes (class 21) were made water (class 17) in 3 cells" in note for note in notes)


def test_urban_fractions_by_which_real_exe_makes_cells_urban_are_taken_away(tmp_path):
    spec = geo_em()
    spec.variables["FRC_URB2D"] = Var(("Time", "south_north", "west_east"), np.array([[[0.5, 0.5, 0.5, 0.5], [0.25, 0.25, 0.25, 0.25], [0, 0, 0.75, 0.75]]], np.float32))
    cells = [{WATER: 1}, {URBAN: 1}, {CROP: 1}, {}] * 3
    _, new, notes = written(tmp_path, spec, cells)
    assert new.FRC_URB2D.values[0].tolist() == [[0.5, 0.5, 0, 0.5], [0.25] * 4, [0, 0, 0, 0.75]]
    assert any("FRC_URB2D was 0.5 or more in 2 cells" in note for note in notes)


def test_fields_that_the_template_lacks_are_told(tmp_path):
    spec = geo_em()
    without("LAI12M")(spec)
    _, new, notes = written(tmp_path, spec)
    assert "LAI12M" not in new and "the template has no LAI12M, and none was added" in notes


def lon_moved(spec):
    spec.variables["XLONG_M"].values[0, 1, 2] += 0.01


def one_class_less(spec):
    spec.variables["LANDUSEF"] = Var(spec.variables["LANDUSEF"].dims, spec.variables["LANDUSEF"].values[:, :20])


def two_times(spec):
    for name, var in spec.variables.items():
        spec.variables[name] = Var(var.dims, np.repeat(var.values, 2, axis=0))


def packed(spec):
    spec.variables["GREENFRAC"].attrs["scale_factor"] = 0.01


def turned(name):
    def change(spec):
        var = spec.variables[name]
        spec.variables[name] = Var((*var.dims[:-2], "west_east", "south_north"), np.swapaxes(var.values, -1, -2))

    return change


def whole_numbers(name):
    def change(spec):
        spec.variables[name].values = spec.variables[name].values.astype(np.int32)

    return change


def urban_levels(spec):
    spec.variables["FRC_URB2D"] = Var(("Time", "levels", "south_north", "west_east"), np.zeros((1, 2, 3, 4), np.float32))


def eleven_months(spec):
    for name in ("GREENFRAC", "LAI12M", "ALBEDO12M"):
        spec.variables[name] = Var(spec.variables[name].dims, spec.variables[name].values[:, :11])


@pytest.mark.parametrize(("change", "match"), [
    (without("LU_INDEX"), "has no LU_INDEX; a geo_em"),
    (without("LANDUSEF"), "has no LANDUSEF; a geo_em file as geogrid writes it"),
    (without("LANDMASK"), "neither LANDMASK nor XLAND"),
    (set_values("LANDMASK", (0, 1, 2), np.nan), "LANDMASK of cell 7 is nan, neither land"),
    (without("XLAT_M"), "neither XLONG_M and XLAT_M nor XLONG and XLAT"),
    (lon_moved, r"Cell 7 of file .* they are not of the same grid"),
    (attribute("MMINLU", "USGS"), "MMINLU is 'USGS'; only MODIFIED_IGBP_MODIS_NOAH is known"),
    (without("MMINLU"), "MMINLU is ''"),
    (attribute("NUM_LAND_CAT", np.int32(40)), "attribute NUM_LAND_CAT is 40, with MODIFIED_IGBP_MODIS_NOAH it is 20 or 21 or 61"),
    (attribute("ISURBAN", np.int32(1)), "attribute ISURBAN is 1"),
    (without("ISWATER"), "attribute ISWATER is None"),
    (one_class_less, r"LANDUSEF has the shape \(1, 20, 3, 4\), NUM_LAND_CAT is 21"),
    (attribute("NUM_LAND_CAT", np.int32(20)), "ISLAKE is 21, but the file has 20 classes"),
    (two_times, "has 2 times, one is expected"),
    (packed, "'GREENFRAC' is packed"),
    (turned("GREENFRAC"), "GREENFRAC has the dimensions Time, month, west_east, south_north; Time, one of levels, south_north, west_east"),
    (whole_numbers("LAI12M"), "'LAI12M' is of type int32; floating-point numbers"),
    (whole_numbers("ALBEDO12M"), "'ALBEDO12M' is of type int32"),
    (whole_numbers("LANDUSEF"), "'LANDUSEF' is of type int32"),
    (urban_levels, "FRC_URB2D has the dimensions Time, levels, south_north, west_east; Time, south_north, west_east"),
    (eleven_months, r"GREENFRAC has the shape \(1, 11, 3, 4\); 12 months of 12 cells"),
])
def test_a_wrong_template_is_refused_and_nothing_is_written(tmp_path, change, match):
    spec = geo_em()
    change(spec)
    with pytest.raises(FileError, match=match):
        written(tmp_path, spec)
    assert not (tmp_path / "new.nc").exists() and not list(tmp_path.glob(".*"))


def test_another_number_of_cells_is_refused(tmp_path):
    template = geo_em().write(tmp_path / "geo_em.d01.nc")
    path = write_year(tmp_path / "lsbc_2031.nc", fractions({FOREST: 1}), np.array([100.0]), np.array([10.0]))
    with pytest.raises(FileError, match="has 12 cells, .* has 1: they are not of the same grid"):
        deliver("geo_em", path, tmp_path / "new.nc", options_of("geo_em", {"template": str(template)}, tmp_path))


def test_a_crosswalk_of_another_host_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="does not lead to WRF's MODIS classes"):
        written(tmp_path, crosswalk="esacci")


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "new.nc").write_bytes(b"old")
    monkeypatch.setattr(write_wrf_geo, "mark", full)
    with pytest.raises(FileError, match="No space left"):
        written(tmp_path)
    assert (tmp_path / "new.nc").read_bytes() == b"old" and sorted(path.name for path in tmp_path.iterdir()) == ["geo_em.d01.nc", "lsbc_2031.nc", "new.nc"]


def test_a_file_may_be_updated_in_place(tmp_path):
    _, new, _ = written(tmp_path)
    path = tmp_path / "geo_em.d01.nc"
    deliver("geo_em", tmp_path / "lsbc_2031.nc", path, options_of("geo_em", {"template": "geo_em.d01.nc"}, tmp_path))
    assert xarray.load_dataset(path).identical(new)


@pytest.mark.parametrize("format", ["NETCDF3_64BIT_OFFSET", "NETCDF3_CLASSIC"])
def test_classic_files_stay_classic(tmp_path, format):
    template = geo_em().write(tmp_path / "geo_em.d01.nc", format=format)
    year = year_file(tmp_path)
    out = tmp_path / "new.nc"
    deliver("geo_em", year, out, options_of("geo_em", {"template": str(template)}, tmp_path))
    assert out.read_bytes()[:4] == template.read_bytes()[:4]
    assert check_host("wrf", out).findings == ()


def real(folder, name, **options):
    """A real geo_em file with land use made up for its cells, every seventh of them not covered: old, new, lsbc's cells, their largest class, notes."""
    template, out = shared(f"data/host/wrf/{name}"), folder / name
    old = xarray.load_dataset(template)
    n = old.XLAT_M.size
    share = np.zeros((8, n))
    share[1:7] = np.random.default_rng(0).dirichlet(np.full(6, 0.3), n).T * 0.9
    share[7] = 1 - share.sum(axis=0)
    covered = np.arange(n) % 7 != 3
    path = write_year(folder / "lsbc_2031.nc", np.where(covered, share, -9999.0), old.XLONG_M.values, old.XLAT_M.values,
                      vegetation_area_fraction=month_like(0.0625, n), albedo=np.full(n, 0.15))
    with open_year(path) as year:
        notes = list(write_wrf_geo.write(year, out, write_wrf_geo.Options(template=template, **options)))
    urban, crop, pasture, forest, grass, sparse = share[1:7]
    largest = np.array([5, 10, 12, 13, 16])[np.argmax([forest, pasture + grass, crop, urban, sparse], axis=0)]
    taken = covered.reshape(old.LANDMASK.shape) & (old.LANDMASK.values == 1)
    return old, xarray.load_dataset(out), taken, largest.reshape(taken.shape), notes


def test_a_real_file_keeps_mask_water_and_uncovered_cells(tmp_path):
    old, new, taken, largest, notes = real(tmp_path, "geo_em.d01_kansai_30km.nc")
    assert notes[0].startswith(f"{taken.sum()} of 2500 cells have lsbc's land use; the others keep the template's land use: 2044 water, {456 - taken.sum()} not covered")
    for name in old.variables:
        before, after = old[name].values, new[name].values
        if name in ("LU_INDEX", "LANDUSEF", "GREENFRAC", "LAI12M", "ALBEDO12M"):
            where = np.broadcast_to(~taken if before.ndim == 3 else ~taken[:, None], before.shape)
            assert (before != after).any()
            before, after = before[where], after[where]
        assert before.tobytes() == after.tobytes(), name
    assert np.array_equal(new.LANDUSEF.values[:, 16], old.LANDUSEF.values[:, 16])
    assert np.array_equal(new.LU_INDEX.values, np.where(taken, largest, old.LU_INDEX.values))
    report = check_host("wrf", tmp_path / "geo_em.d01_kansai_30km.nc")
    assert report.n_error == 0, report.text


def test_a_real_file_with_urban_codes_keeps_them_where_it_stays_urban(tmp_path):
    """667 cells of codes 31 to 33 beside 20 classes; 15 cells of water although LANDMASK is 1, which lsbc mends where it has land."""
    old, new, taken, largest, notes = real(tmp_path, "geo_em.d03_kansai_2km.nc")
    before = old.LU_INDEX.values
    coded, urban = before > 20, largest == 13
    expected = np.where(taken, np.where(coded & urban, before, largest), before)
    assert np.array_equal(new.LU_INDEX.values, expected)
    counts = [(taken & coded & urban).sum(), (taken & coded & ~urban).sum(), (taken & ~coded & urban).sum()]
    assert min(counts) > 50
    stays, lost, gained = counts
    assert notes[1] == (f"LU_INDEX has the urban classes 31, 32, 33: {stays} of their cells stay what they are, {lost} urban cells are no longer urban, "
                        f"{gained} cells became urban (class 13)")
    rules = {finding.rule.text: finding.count for finding in check_host("wrf", tmp_path / "geo_em.d03_kansai_2km.nc").findings if finding.rule.severity == "error"}
    assert rules == {"Urban classes in LU_INDEX are among the file's classes": (expected > 20).sum(),
                     "LANDMASK is 0 exactly where LU_INDEX is ISWATER or ISLAKE": ((before == 17) & (old.LANDMASK.values == 1) & ~taken).sum()}


def test_a_real_file_with_one_urban_class_has_codes_that_wrf_knows(tmp_path):
    _, new, *_ = real(tmp_path, "geo_em.d03_kansai_2km.nc", urban_codes="one")
    assert new.LU_INDEX.values.max() == 17
    assert [finding.rule.text for finding in check_host("wrf", tmp_path / "geo_em.d03_kansai_2km.nc").findings if finding.rule.severity == "error"] == [
        "LANDMASK is 0 exactly where LU_INDEX is ISWATER or ISLAKE"]


def test_another_program_finds_the_land_use_at_its_place(tmp_path):
    """xwrf makes axes in metres from the file's projection attributes; pyproj puts each cell of the yearly file on them."""
    pytest.importorskip("xwrf", reason="needs xwrf, which reads WRF's files with their projection (pip install xwrf)")
    pyproj = pytest.importorskip("pyproj", reason="needs pyproj, which comes with xwrf")
    old, _, taken, largest, _ = real(tmp_path, "geo_em.d01_kansai_30km.nc")
    with xarray.open_dataset(tmp_path / "geo_em.d01_kansai_30km.nc") as data:
        seen = data.xwrf.postprocess(decode_times=False).load()  # a geo_em file is dated 0000-00-00
    projection = seen.wrf_projection.item()
    to_metres = pyproj.Transformer.from_crs(projection.geodetic_crs, projection, always_xy=True)
    x, y = to_metres.transform(old.XLONG_M.values[taken], old.XLAT_M.values[taken])
    there = seen.isel(Time=0).sel(x=xarray.DataArray(x, dims="cell"), y=xarray.DataArray(y, dims="cell"), method="nearest")
    assert np.abs(there.x.values - x).max() < 15 and np.abs(there.y.values - y).max() < 15
    assert np.array_equal(there.LU_INDEX.values, largest[taken])
    assert there.LAI12M.values[6].tolist() == [1.75] * int(taken.sum())
