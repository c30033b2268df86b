import netCDF4
import numpy as np
import pytest
import xarray as xr

from lsbc.emulator.hosts import write_ctsm_surface
from lsbc.emulator.hosts.blocks import blocks
from lsbc.emulator.hosts.check import check_host
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.regrid.errors import ConfigError, FileError, ValueRangeError

from ctsm_files import surface
from grid_files import Var
from year_files import fractions, write_year

WOOD, FIELD, TOWN, SEA, WASTE = {40: 1.0}, {22: 0.25, 40: 0.25, 77: 0.5}, {11: 0.5, 22: 0.25, 40: 0.25}, {0: 1.0}, {66: 1.0}
"""At 0 °C in the coldest month forest is half type 1 (needleleaf evergreen temperate), half type 7 (broadleaf deciduous temperate)."""
NAMES = ("PCT_NAT_PFT", "PCT_CFT", "PCT_URBAN", "PCT_NATVEG", "PCT_CROP", "PCT_LAKE", "PCT_WETLAND", "PCT_GLACIER")


def written(folder, spec, *cells, year=2031, lu_frac=None, out=None, **options):
    """The surface file and the notes."""
    lon, lat = spec.variables["LONGXY"].values, spec.variables["LATIXY"].values
    template = folder / "template.nc"
    spec.write(template)
    path = write_year(folder / f"lsbc_{year}.nc", fractions(*cells) if lu_frac is None else lu_frac, lon, lat, year=year, coldest_month_k=273.15)
    out = folder / "fsurdat.nc" if out is None else out
    return out, deliver("fsurdat", path, out, options_of("fsurdat", {"template": str(template), **options}, folder))


def values(path, *names):
    """Name -> (..., cell) as they lie in the file."""
    with netCDF4.Dataset(path) as data:
        data.set_auto_maskandscale(False)
        n_cell = data["LONGXY"].size
        out = {name: np.asarray(data[name][...]) for name in names or NAMES}
    return {name: array.reshape(*((-1,) if array.size > n_cell else ()), n_cell) for name, array in out.items()}


@pytest.mark.parametrize("unstructured", [False, True])
def test_the_land_beside_what_is_fixed_is_shared_out_as_in_the_map(tmp_path, unstructured):
    """Lake 12.5 % leaves 87.5 %: all forest; half forest, half crops; a half town, a quarter each; nothing known."""
    spec = surface(unstructured)
    out, notes = written(tmp_path, spec, WOOD, FIELD, TOWN, {})
    found = values(out)
    np.testing.assert_array_equal(found["PCT_NATVEG"], [87.5, 43.75, 21.875, 50])
    np.testing.assert_array_equal(found["PCT_CROP"], [0, 43.75, 21.875, 25])
    np.testing.assert_array_equal(found["PCT_URBAN"], [[0, 0, 0, 0], [0, 0, 10.9375, 3.125], [0, 0, 32.8125, 9.375]])
    types = np.zeros((15, 3))
    types[[1, 7]] = 50
    np.testing.assert_array_equal(found["PCT_NAT_PFT"][:, :3], types)
    np.testing.assert_array_equal(found["PCT_CFT"], np.repeat([[75.0], [25.0]], 4, axis=1))
    assert check_host("ctsm", out).findings == ()
    assert notes == ("1 cell(s) not covered by lsbc keep the surface file's land use",)


def test_all_else_and_cells_that_lsbc_does_not_cover_stay_bit_by_bit(tmp_path):
    spec = surface()
    spec.variables["MONTHLY_LAI"] = Var(("time", "lsmpft", "lsmlat", "lsmlon"), np.random.default_rng(1).random((12, 17, 2, 2)))
    spec.attrs["Dataset_Version"] = np.float32(5.3)
    spec.variables["PCT_NAT_PFT"].values[:2, 1, 1] = [100 / 3, 200 / 3]
    spec.variables["PCT_NAT_PFT"].values[2, 1, 1] = 0
    out, _ = written(tmp_path, spec, WOOD, WOOD, WOOD, {})
    old, new = values(tmp_path / "template.nc"), values(out)
    for name in NAMES:
        np.testing.assert_array_equal(new[name][..., 3].view(np.int64), old[name][..., 3].view(np.int64))
    with netCDF4.Dataset(tmp_path / "template.nc") as before, netCDF4.Dataset(out) as after:
        assert before.data_model == after.data_model and list(before.variables) == list(after.variables)
        for name in set(before.variables) - {"PCT_NAT_PFT", "PCT_NATVEG", "PCT_CROP", "PCT_URBAN"}:
            np.testing.assert_array_equal(before[name][...], after[name][...])
        assert after.Dataset_Version == np.float32(5.3) and after.lsbc_valid_year == 2031 and after.lsbc_crosswalk.startswith("ctsm, version 1")


def test_the_hosts_ice_is_taken_from_bare_ground_first(tmp_path):
    """Half the land is the host's ice. Bare 75 % and forest 25 %: bare is 25 of the other 50. Bare 25 % and forest 75 %: all of the other 50 is forest."""
    spec = surface()
    for name, value in (("PCT_LAKE", 0), ("PCT_NATVEG", 25), ("PCT_CROP", 12.5), ("PCT_GLACIER", 50)):
        spec.variables[name].values[...] = value
    out, _ = written(tmp_path, spec, {66: 0.75, 40: 0.25}, {66: 0.25, 40: 0.75}, {66: 0.375, 40: 0.125, 77: 0.5}, WASTE)
    found = values(out)
    np.testing.assert_array_equal(found["PCT_GLACIER"], [50] * 4)
    np.testing.assert_array_equal(found["PCT_NATVEG"], [50] * 4)
    np.testing.assert_allclose(found["PCT_NAT_PFT"][0], [50, 0, 50, 100], rtol=1e-15)
    assert check_host("ctsm", out).findings == ()


def test_cells_without_land_in_the_map_or_without_room_keep_the_surface_files(tmp_path):
    spec = surface()
    for name, value in (("PCT_LAKE", 100), ("PCT_NATVEG", 0), ("PCT_CROP", 0)):
        spec.variables[name].values[0, 1] = value
    spec.variables["PCT_URBAN"].values[:, 0, 1] = 0
    out, notes = written(tmp_path, spec, SEA, WOOD, WOOD, TOWN)
    old, new = values(tmp_path / "template.nc"), values(out)
    for name in NAMES:
        np.testing.assert_array_equal(new[name][..., :2], old[name][..., :2])
    assert notes == ("1 cell(s) without land in lsbc's map keep the surface file's land use",)
    assert check_host("ctsm", out).findings == ()


def test_ocean_in_the_surface_file_leaves_no_room(tmp_path):
    spec = surface()
    spec.variables["PCT_OCEAN"] = Var(("lsmlat", "lsmlon"), np.array([[0, 0], [0, 100.0]]))
    for name in ("PCT_LAKE", "PCT_NATVEG", "PCT_CROP"):
        spec.variables[name].values[1, 1] = 0
    spec.variables["PCT_URBAN"].values[:, 1, 1] = 0
    out, _ = written(tmp_path, spec, WOOD, WOOD, WOOD, WOOD)
    found = values(out)
    np.testing.assert_array_equal(found["PCT_NATVEG"], [87.5, 87.5, 87.5, 0])
    np.testing.assert_array_equal(found["PCT_NAT_PFT"][:, 3], values(tmp_path / "template.nc")["PCT_NAT_PFT"][:, 3])


def test_new_towns_go_where_the_host_has_urban_parameters(tmp_path):
    """Without towns so far: medium density; high density where medium has no parameters; none in region 0."""
    spec = surface()
    spec.variables["PCT_URBAN"].values[...], spec.variables["PCT_NATVEG"].values[...] = 0, 62.5
    spec.variables["URBAN_REGION_ID"].values[...] = [[3, 3], [0, 3]]
    spec.variables["CANYON_HWR"].values[2, 0, 1] = 0
    spec.variables["CANYON_HWR"].values[:, 1, 1] = 0
    out, notes = written(tmp_path, spec, TOWN, TOWN, TOWN, TOWN)
    found = values(out)
    np.testing.assert_array_equal(found["PCT_URBAN"], [[0, 0, 0, 0], [0, 43.75, 0, 0], [43.75, 0, 0, 0]])
    np.testing.assert_array_equal(found["PCT_CROP"], [21.875, 21.875, 43.75, 43.75])
    assert notes == ("2 cell(s) have towns in lsbc's map and no urban parameters in the surface file (URBAN_REGION_ID): that share goes to the other landunits",)
    assert check_host("ctsm", out).findings == ()


def test_without_regions_towns_grow_only_where_they_are(tmp_path):
    spec = surface()
    del spec.variables["URBAN_REGION_ID"], spec.variables["CANYON_HWR"]
    spec.variables["PCT_URBAN"].values[:, 0, 0], spec.variables["PCT_NATVEG"].values[0, 0] = 0, 62.5
    found = values(written(tmp_path, spec, TOWN, TOWN, {}, {})[0])
    np.testing.assert_array_equal(found["PCT_URBAN"][:, :2], [[0, 0], [0, 10.9375], [0, 32.8125]])


def test_the_crosswalk_may_say_the_crop_types(tmp_path):
    spec = surface(n_crop=4)
    out, _ = written(tmp_path, spec, FIELD, WOOD, {}, FIELD, crop_types="crosswalk")
    np.testing.assert_array_equal(values(out)["PCT_CFT"].T, [[100, 0, 0, 0], [25, 25, 25, 25], [25, 25, 25, 25], [100, 0, 0, 0]])
    assert check_host("ctsm", out).findings == ()


def test_a_share_too_small_for_the_host_is_no_area(tmp_path):
    """mksurfdata_esmf leaves out less than 1e-10 % of the cell."""
    out, _ = written(tmp_path, surface(), {22: 1e-13, 40: 1 - 1e-13}, {22: 1e-11, 40: 1 - 1e-11}, WOOD, WOOD)
    found = values(out)["PCT_CROP"]
    assert found[0] == 0 and found[1] == pytest.approx(87.5e-11, rel=1e-9)


def test_sums_of_a_thousand_cells_are_as_close_as_the_host_wants(tmp_path):
    rng = np.random.default_rng(5)
    spec = surface(shape=(25, 40))
    lu_frac = rng.dirichlet(np.full(8, 0.3), 1000).T
    fixed = rng.dirichlet([1, 1, 1, 3], 1000).T.reshape(4, 25, 40) * 100
    for name, share in zip(("PCT_LAKE", "PCT_WETLAND", "PCT_GLACIER", "PCT_NATVEG"), fixed):
        spec.variables[name].values[...] = share
    spec.variables["PCT_CROP"].values[...] = 0
    spec.variables["PCT_URBAN"].values[...] = 0
    out, _ = written(tmp_path, spec, lu_frac=lu_frac)
    found = values(out)
    assert check_host("ctsm", out).findings == ()
    assert found["PCT_URBAN"].max() > 10 and found["PCT_CROP"].max() > 10 and found["PCT_NAT_PFT"].min() == 0


def test_bits_of_a_cell_do_not_depend_on_the_cells_beside_it(tmp_path, monkeypatch):
    rng = np.random.default_rng(6)
    spec, lu_frac = surface(shape=(7, 9)), rng.dirichlet(np.full(8, 0.3), 63).T
    whole = values(written(tmp_path, spec, lu_frac=lu_frac)[0])
    monkeypatch.setattr(write_ctsm_surface, "blocks", lambda shape: blocks(shape, 10))
    parts = values(written(tmp_path, spec, lu_frac=lu_frac)[0])
    for name in NAMES:
        np.testing.assert_array_equal(parts[name], whole[name])


def test_other_programs_read_the_file(tmp_path):
    out, _ = written(tmp_path, surface(), WOOD, FIELD, TOWN, {})
    with xr.open_dataset(out) as data:
        total = data.PCT_NATVEG + data.PCT_CROP + data.PCT_URBAN.sum("numurbl") + data.PCT_LAKE + data.PCT_WETLAND + data.PCT_GLACIER
        assert data.PCT_NATVEG.dims == ("lsmlat", "lsmlon") and data.PCT_NATVEG.attrs["units"] == "unitless"
        np.testing.assert_allclose(total, 100, rtol=1e-15)


def test_a_writer_killed_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    out, _ = written(tmp_path, surface(), WOOD, WOOD, WOOD, WOOD)
    before = out.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(write_ctsm_surface, "mark", killed)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, surface(), FIELD, FIELD, FIELD, FIELD)
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fsurdat.nc", "lsbc_2031.nc", "template.nc"]


def single(spec):
    spec.variables["PCT_CROP"].values = spec.variables["PCT_CROP"].values.astype(np.float32)


def turned(spec):
    var = spec.variables["PCT_NAT_PFT"]
    spec.variables["PCT_NAT_PFT"] = Var(var.dims[1:] + var.dims[:1], np.moveaxis(var.values, 0, -1))


def of_seventeen(spec):
    var = spec.variables["PCT_NAT_PFT"]
    spec.variables["PCT_NAT_PFT"] = Var(var.dims, np.concatenate([var.values, 0 * var.values[:2]]))
    spec.variables["natpft"] = Var(("natpft",), np.arange(17))


@pytest.mark.parametrize(("change", "error", "message"), [
    (lambda spec: spec.variables.pop("PCT_CFT"), FileError, r"has no PCT_CFT; a surface file of CTSM \(fsurdat\) with crops on a landunit of their own"),
    (single, FileError, "PCT_CROP is float32; CTSM wants sums within 1e-13"),
    (turned, FileError, r"PCT_NAT_PFT lies on \(lsmlat, lsmlon, natpft\), expected is \(natpft, lsmlat, lsmlon\)"),
    (of_seventeen, FileError, "has 17 natural plant types, 2 crop types and 3 urban classes; needed are 15, at least 2, and 3"),
    (lambda spec: spec.variables["LATIXY"].values.__iadd__(np.array([[0, 0], [0, 0.01]])), FileError, "they are not of the same grid"),
    (lambda spec: spec.variables["PCT_GLACIER"].values.__setitem__((1, 0), np.nan), ValueRangeError, r"PCT_GLACIER is nan in cell 3 \(200.0000 E, 31.0000 N\)"),
    (lambda spec: spec.variables["PCT_LAKE"].values.__setitem__((0, 1), 101), ValueRangeError, r"PCT_LAKE is 101 in cell 2"),
])
def test_a_wrong_surface_file_is_refused(tmp_path, change, error, message):
    spec, lon, lat = surface(), surface().variables["LONGXY"].values, surface().variables["LATIXY"].values
    change(spec)
    template, out = spec.write(tmp_path / "template.nc"), tmp_path / "fsurdat.nc"
    path = write_year(tmp_path / "lsbc_2031.nc", fractions(WOOD, WOOD, WOOD, WOOD), lon, lat, coldest_month_k=273.15)
    with pytest.raises(error, match=message):
        deliver("fsurdat", path, out, options_of("fsurdat", {"template": str(template)}, tmp_path))
    assert not out.exists()


def test_a_crosswalk_to_other_classes_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="Crosswalk modis is not for CTSM's classes 0 to 16 and 101"):
        written(tmp_path, surface(), WOOD, WOOD, WOOD, WOOD, crosswalk="modis")
