import errno

import numpy as np
import pytest
import xarray
from netCDF4 import Dataset

from lsbc.emulator.hosts import write_wrf_input
from lsbc.emulator.hosts.check import check_host
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.regrid.errors import FileError

from grid_files import Var
from host_files import MAP, geo_em, set_values, times, without
from year_files import fractions, write_year

FOREST, CROP, URBAN, WATER = 40, 22, 11, 77
CELLS = [{WATER: 1}, {FOREST: 0.5, URBAN: 0.5}, {CROP: 0.75, WATER: 0.25}, {}] * 3
CHANGED = ("LU_INDEX", "IVGTYP", "LANDUSEF", "VEGFRA", "SHDMAX", "SHDMIN", "SHDAVG", "LAI", "ALBBCK")


def wrfinput(when="2031-01-01_00:00:00"):
    """As geo_em(True), with the names of wrfinput, and the soil class of water in the first column."""
    spec = geo_em(True)
    for name in ("GREENFRAC", "LAI12M", "ALBEDO12M"):
        del spec.variables[name]
    rename = {"XLAT_M": "XLAT", "XLONG_M": "XLONG"}
    spec.variables = {"Times": times(when), **{rename.get(name, name): var for name, var in spec.variables.items()}}
    soil = np.where(spec.variables["LANDMASK"].values == 1, 8, 14).astype(np.int32)
    spec.variables |= {"ISLTYP": Var(("Time", *MAP), soil), "XLAND": Var(("Time", *MAP), (2 - spec.variables["LANDMASK"].values).astype(np.float32)),
                       "SHDAVG": Var(("Time", *MAP), np.full((1, 3, 4), 20, np.float32))}
    return spec


def written(folder, spec=None, cells=None, **options):
    """The template, what was written, and the notes."""
    spec = spec or wrfinput()
    template, out = spec.write(folder / "wrfinput_d01"), folder / "new.nc"
    lon, lat = (geo_em().variables[name].values for name in ("XLONG_M", "XLAT_M"))
    cover = np.arange(1, 13)[:, None] * 0.03125 * np.ones(12)
    year = write_year(folder / "lsbc_2031.nc", fractions(*(cells or CELLS)), lon, lat, vegetation_area_fraction=cover)
    notes = deliver("wrfinput", year, out, options_of("wrfinput", {"template": str(template), **options}, folder))
    return xarray.load_dataset(template), xarray.load_dataset(out), notes


def test_land_gets_the_classes_in_both_fields_and_the_months_at_the_date(tmp_path):
    """1 January: 14/31 of December and 17/31 of January. Cover 0.375 and 0.03125 of the cell, of the third column's three quarters of land 0.5
    and 1/24; LAI 3 and 0.25. Albedo 0.2, of the third column's land 0.24."""
    _, new, _ = written(tmp_path)
    new = new.isel(Time=0, south_north=0)
    assert (new.LU_INDEX.dtype, new.IVGTYP.dtype) == (np.float32, np.int32)
    assert new.LU_INDEX.values.tolist() == new.IVGTYP.values.tolist() == [17, 5, 12, 5]
    assert new.VEGFRA.values == pytest.approx([40, (37.5 * 14 + 3.125 * 17) / 31, (50 * 14 + 100 / 24 * 17) / 31, 40], rel=6e-8)
    assert new.LAI.values == pytest.approx([3, (3 * 14 + 0.25 * 17) / 31, (3 * 14 + 0.25 * 17) / 31, 3], rel=6e-8)
    assert new.SHDMAX.values == pytest.approx([80, 37.5, 50, 80], rel=6e-8)
    assert new.SHDMIN.values == pytest.approx([0.5, 3.125, 100 / 24, 0.5], rel=6e-8)
    assert new.SHDAVG.values == pytest.approx([20, 20.3125, 650 / 24, 20], rel=6e-8)
    assert new.ALBBCK.values == pytest.approx([0.15, 0.2, 0.24, 0.15], rel=6e-8)


def test_everything_else_is_the_templates_bit_by_bit(tmp_path):
    old, new, notes = written(tmp_path)
    for name in old.variables:
        before, after = old[name].values, new[name].values
        if name in CHANGED:
            before, after = before[..., [0, 3]], after[..., [0, 3]]
        assert np.array_equal(before, after), name
    assert {name: value for name, value in new.attrs.items() if not name.startswith("lsbc_")} == old.attrs
    assert new.attrs["lsbc_valid_year"] == 2031 and new.attrs["lsbc_notes"] == "; ".join(notes)


def test_the_file_keeps_the_hosts_rules(tmp_path):
    written(tmp_path)
    assert check_host("wrf", tmp_path / "new.nc").findings == ()


def test_soil_and_both_masks_still_agree_with_the_classes(tmp_path):
    _, new, _ = written(tmp_path)
    water = new.IVGTYP.values == 17
    assert np.array_equal(water, new.ISLTYP.values == 14) and np.array_equal(water, new.XLAND.values == 2) and np.array_equal(water, new.LANDMASK.values == 0)


def test_water_of_the_file_stays_water_whatever_the_mask_says(tmp_path):
    """The soil of such a cell is water's: giving it a land class would leave a land cell without soil."""
    spec = wrfinput()
    set_values("LANDMASK", (0, 1, 0), 1)(spec)
    _, new, _ = written(tmp_path, spec, [{FOREST: 1}] * 12)
    assert new.LU_INDEX.values[0, 1, 0] == new.IVGTYP.values[0, 1, 0] == 17


def test_xland_tells_land_where_there_is_no_landmask(tmp_path):
    spec = wrfinput()
    without("LANDMASK")(spec)
    _, new, _ = written(tmp_path, spec)
    assert new.LU_INDEX.values.tolist() == [[[17, 5, 12, 5]] * 3]


def test_sea_ice_stays(tmp_path):
    """real.exe makes sea ice land of class ice (adjust_for_seaice_post)."""
    spec = wrfinput()
    for name, value in (("LANDMASK", 1), ("XLAND", 1), ("LU_INDEX", 15), ("IVGTYP", 15), ("ISLTYP", 16)):
        set_values(name, (0, 0, 0), value)(spec)
    spec.variables["LANDUSEF"].values[0, [14, 16], 0, 0] = 1, 0
    old, new, notes = written(tmp_path, spec, [{FOREST: 1}] * 12)
    for name in CHANGED:
        assert np.array_equal(old[name].values[..., 0, 0], new[name].values[..., 0, 0])
    assert "2 water, 1 ice" in notes[0]


def test_lakes_are_folded_in_both_fields(tmp_path):
    spec = wrfinput()
    for name in ("LU_INDEX", "IVGTYP"):
        set_values(name, (0, 1, 0), 21)(spec)
    spec.variables["LANDUSEF"].values[0, [16, 20], 1, 0] = 0, 1
    _, new, _ = written(tmp_path, spec, fold_lakes=True)
    assert new.LU_INDEX.values[0, 1, 0] == new.IVGTYP.values[0, 1, 0] == 17


def test_a_lake_stays_a_lake_whatever_the_mask_says(tmp_path):
    spec = wrfinput()
    for name, value in (("LU_INDEX", 21), ("IVGTYP", 21), ("LANDMASK", 1), ("XLAND", 1)):
        set_values(name, (0, 1, 0), value)(spec)
    old, new, notes = written(tmp_path, spec, [{FOREST: 1}] * 12)
    for name in CHANGED:
        assert np.array_equal(old[name].values[..., 1, 0], new[name].values[..., 1, 0]), name
    assert "keep the template's land use: 3 water" in notes[0]


def test_urban_codes_become_one_in_both_fields_on_demand(tmp_path):
    """The second cell stays urban, the third does not, the last one is not covered: its class changes by the option alone."""
    spec = wrfinput()
    for name in ("LU_INDEX", "IVGTYP"):
        set_values(name, (0, 1, [1, 2, 3]), 31)(spec)
    cells = [{WATER: 1}, {URBAN: 1}, {CROP: 1}, {}] * 3
    for option, expected in (("keep", [17, 31, 12, 31]), ("one", [17, 13, 12, 13])):
        _, new, _ = written(tmp_path, spec, cells, urban_codes=option)
        assert new.LU_INDEX.values[0, 1].tolist() == new.IVGTYP.values[0, 1].tolist() == expected


def test_another_albedo_of_water_is_taken_out_of_coasts(tmp_path):
    """0.2 with a quarter of water of 0.12: (0.2 - 0.03) / 0.75."""
    _, new, _ = written(tmp_path, water_albedo=0.12)
    assert new.ALBBCK.values[0, 0] == pytest.approx([0.15, 0.2, 0.17 / 0.75, 0.15], rel=6e-8)


@pytest.mark.parametrize("odd", [np.nan, 9.969209968386869e36, -9.0, 0.0])
@pytest.mark.parametrize("word", [None, "_FillValue", "missing_value"])
def test_water_keeps_its_bits_in_both_fields_whatever_it_holds(tmp_path, odd, word):
    """IVGTYP, a whole number, stays what it is beside a LU_INDEX that is none."""
    spec = wrfinput()
    spec.variables["LU_INDEX"].values[0, 1, 0] = odd
    spec.variables["LU_INDEX"].attrs |= {word: np.float32(odd)} if word else {}
    spec.variables["IVGTYP"].values[0, 1, 0] = 16
    spec.write(tmp_path / "wrfinput_d01")
    written(tmp_path, spec, fold_lakes=True, urban_codes="one")
    with Dataset(tmp_path / "new.nc") as data:
        data.set_auto_maskandscale(False)
        assert data["LU_INDEX"][0, 1, 0].tobytes() == np.float32(odd).tobytes() and data["IVGTYP"][0, :, 0].tolist() == [17, 16, 17]
        assert data["IVGTYP"][0, 1, 1:].tolist() == [5, 12, 5]


def test_a_file_without_fractions_gets_its_classes(tmp_path):
    spec = wrfinput()
    without("LANDUSEF")(spec)
    _, new, _ = written(tmp_path, spec)
    assert new.IVGTYP.values.tolist() == [[[17, 5, 12, 5]] * 3]


def test_another_date_is_between_other_months_and_is_told(tmp_path):
    """29 February 2032 is 14 of 29 days from 15 February to 15 March: LAI 0.5 and 0.75."""
    _, new, notes = written(tmp_path, wrfinput("2032-02-29_18:00:00"))
    assert new.LAI.values[0, 0, 1] == pytest.approx((0.5 * 15 + 0.75 * 14) / 29, rel=6e-8)
    assert "the file is dated 2032-02-29, the land use is that of 2031" in notes


def test_albedo_follows_the_course_of_a_geo_em_file(tmp_path):
    """January 42 %, the other months 15 %: mean 17.25 %; our mean is 0.2. On 1 January 17/31 of January's and 14/31 of December's."""
    geo = geo_em()
    geo.variables["ALBEDO12M"].values[0, 0] = 42
    geo.write(tmp_path / "geo_em.d01.nc")
    _, new, _ = written(tmp_path, albedo_course="geo_em.d01.nc")
    assert new.ALBBCK.values[0, 0, 1] == pytest.approx(0.2 / 17.25 * (42 * 17 + 15 * 14) / 31, rel=6e-8)
    assert new.ALBBCK.values[0, 0, [0, 3]].tolist() == [np.float32(0.15)] * 2


@pytest.mark.parametrize(("change", "match"), [
    (without("ALBEDO12M"), "has no ALBEDO12M with 12 months"),
    (set_values("XLAT_M", (0, 0, 0), 3.0), "they are not of the same grid"),
])
def test_a_wrong_course_is_refused(tmp_path, change, match):
    geo = geo_em()
    change(geo)
    geo.write(tmp_path / "geo_em.d01.nc")
    with pytest.raises(FileError, match=match):
        written(tmp_path, albedo_course="geo_em.d01.nc")


def test_what_real_exe_makes_of_the_written_geo_em_is_what_is_written(tmp_path):
    """real.exe's steps (monthly_interp_to_date, monthly_min_max, then percent) in single precision on the geo_em file of the same land use."""
    _, direct, _ = written(tmp_path, wrfinput("2031-05-04_06:00:00"))
    template = geo_em().write(tmp_path / "geo_em.d01.nc")
    deliver("geo_em", tmp_path / "lsbc_2031.nc", tmp_path / "geo.nc", options_of("geo_em", {"template": str(template)}, tmp_path))
    geo = xarray.load_dataset(tmp_path / "geo.nc").isel(Time=0)
    target, april, may = 124, 105, 135  # days of the year
    for months, name, factor in ((geo.GREENFRAC, "VEGFRA", 100), (geo.LAI12M, "LAI", 1), (geo.ALBEDO12M, "ALBBCK", 0.01)):
        at_date = (months[4] * np.float32(target - april) + months[3] * np.float32(may - target)) / np.float32(may - april) * np.float32(factor)
        land = geo.LANDMASK.values == 1
        land[:, 3] = False
        assert direct[name].values[0][land] == pytest.approx(at_date.values[land], rel=3e-7), name
    assert direct.SHDMAX.values[0][land] == pytest.approx(geo.GREENFRAC.values.max(axis=0)[land] * 100, rel=2e-7)
    assert np.array_equal(direct.LU_INDEX.values[0], geo.LU_INDEX.values) and np.array_equal(direct.LANDUSEF.values[0], geo.LANDUSEF.values)


def with_more_planes(name):
    def change(spec):
        var = spec.variables[name]
        spec.variables[name] = Var(("extra", *var.dims), np.repeat(var.values[None], 2, axis=0))

    return change


def as_whole_numbers(name):
    def change(spec):
        spec.variables[name].values = spec.variables[name].values.astype(np.int32)

    return change


@pytest.mark.parametrize(("change", "match"), [
    (without("IVGTYP"), "has no IVGTYP; a wrfinput file"),
    (with_more_planes("IVGTYP"), "IVGTYP has the dimensions extra, Time, south_north, west_east; Time, south_north, west_east are expected"),
    (with_more_planes("SHDAVG"), "SHDAVG has the dimensions extra"),
    (with_more_planes("VEGFRA"), "VEGFRA has the dimensions extra"),
    (as_whole_numbers("ALBBCK"), "'ALBBCK' is of type int32; floating-point numbers"),
    (as_whole_numbers("SHDMAX"), "'SHDMAX' is of type int32; floating-point numbers"),
    (lambda spec: spec.variables["LAI"].attrs.update(add_offset=2.0), r"wrfinput_d01: 'LAI' is packed \(add_offset\)"),
    (without("Times"), "has no Times"),
    (without("XLONG"), "neither XLONG_M and XLAT_M nor XLONG and XLAT"),
    (lambda spec: spec.variables.update(Times=times("2031-02-30_00:00:00")), "'2031-02-30_00:00:00' in Times is no date"),
])
def test_a_wrong_template_is_refused(tmp_path, change, match):
    spec = wrfinput()
    change(spec)
    with pytest.raises(FileError, match=match):
        written(tmp_path, spec)
    assert not (tmp_path / "new.nc").exists()


def test_fields_that_the_template_lacks_are_told(tmp_path):
    spec = wrfinput()
    without("LAI")(spec)
    without("SHDAVG")(spec)
    assert "the template has no LAI, SHDAVG, and none was added" in written(tmp_path, spec)[2]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "new.nc").write_bytes(b"old")
    monkeypatch.setattr(write_wrf_input, "mark", full)
    with pytest.raises(FileError, match="No space left"):
        written(tmp_path)
    assert (tmp_path / "new.nc").read_bytes() == b"old" and not list(tmp_path.glob(".*"))
