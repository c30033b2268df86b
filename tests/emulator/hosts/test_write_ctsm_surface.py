import netCDF4
import numpy as np
import pytest
import xarray as xr

from lsbc.emulator.hosts import write_ctsm_surface
from lsbc.emulator.hosts.blocks import blocks
from lsbc.emulator.hosts.check import check_host
from lsbc.emulator.hosts.deliver import deliver, options_of

from ctsm_files import surface
from grid_files import Var
from year_files import fractions, write_year

WOOD, FIELD, TOWN, SEA = {40: 1.0}, {22: 0.25, 40: 0.25, 77: 0.5}, {11: 0.5, 22: 0.25, 40: 0.25}, {0: 1.0}
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


def test_the_crosswalk_may_say_the_crop_types(tmp_path):
    spec = surface(n_crop=4)
    out, _ = written(tmp_path, spec, FIELD, WOOD, {}, FIELD, crop_types="crosswalk")
    np.testing.assert_array_equal(values(out)["PCT_CFT"].T, [[100, 0, 0, 0], [25, 25, 25, 25], [25, 25, 25, 25], [100, 0, 0, 0]])
    assert check_host("ctsm", out).findings == ()


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
