from collections import Counter

import netCDF4
import numpy as np
import pytest

from lsbc.emulator.hosts import ctsm_land_use
from lsbc.emulator.hosts.blocks import blocks
from lsbc.emulator.hosts.ctsm_land_use import LandUse
from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.year_file import open_year
from lsbc.regrid.errors import ConfigError, FileError, ValueRangeError

from ctsm_files import surface
from grid_files import Var
from year_files import fractions, write_year

WOOD, FIELD, TOWN, WASTE = {40: 1.0}, {22: 0.25, 40: 0.25, 77: 0.5}, {11: 0.5, 22: 0.25, 40: 0.25}, {66: 1.0}


def used(folder, spec, *cells, crop_types="surface", crosswalk="ctsm", places=None, size=3):
    """Name -> (..., cell) of the land use on a surface file, and the cells counted."""
    places = spec if places is None else places
    path = write_year(folder / "lsbc_2031.nc", fractions(*cells), places.variables["LONGXY"].values, places.variables["LATIXY"].values, coldest_month_k=273.15)
    counts = Counter()
    with open_year(path) as year, netCDF4.Dataset(spec.write(folder / "surface.nc")) as data:
        data.set_auto_maskandscale(False)
        land_use = LandUse.on(folder / "surface.nc", data, HostClasses.of(year, crosswalk), crop_types)
        parts = [land_use.of(block, counts) for block in blocks(land_use.shape, size)]
    return {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}, tuple(f"{n} cell(s) {what}" for what, n in counts.items() if n)


def test_the_crop_types_are_left_out_where_the_surface_file_says_them(tmp_path):
    assert set(used(tmp_path, surface(), WOOD, FIELD, TOWN, {})[0]) == {"PCT_NAT_PFT", "PCT_NATVEG", "PCT_CROP", "PCT_URBAN"}
    found, _ = used(tmp_path, surface(), WOOD, FIELD, TOWN, {}, crop_types="crosswalk")
    np.testing.assert_array_equal(found["PCT_CFT"], [[75, 100, 100, 75], [25, 0, 0, 25]])


def test_the_hosts_ice_is_taken_from_bare_ground_first(tmp_path):
    """Half the land is the host's ice. Bare 75 % and forest 25 %: bare is 25 of the other 50. Bare 25 % and forest 75 %: all of the other 50 is forest."""
    spec = surface()
    for name, value in (("PCT_LAKE", 0), ("PCT_NATVEG", 25), ("PCT_CROP", 12.5), ("PCT_GLACIER", 50)):
        spec.variables[name].values[...] = value
    found, _ = used(tmp_path, spec, {66: 0.75, 40: 0.25}, {66: 0.25, 40: 0.75}, {66: 0.375, 40: 0.125, 77: 0.5}, WASTE)
    np.testing.assert_array_equal(found["PCT_NATVEG"], [50] * 4)
    np.testing.assert_allclose(found["PCT_NAT_PFT"][0], [50, 0, 50, 100], rtol=1e-15)


def test_ocean_in_the_surface_file_leaves_no_room(tmp_path):
    spec = surface()
    spec.variables["PCT_OCEAN"] = Var(("lsmlat", "lsmlon"), np.array([[0, 0], [0, 100.0]]))
    for name in ("PCT_LAKE", "PCT_NATVEG", "PCT_CROP"):
        spec.variables[name].values[1, 1] = 0
    spec.variables["PCT_URBAN"].values[:, 1, 1] = 0
    found, _ = used(tmp_path, spec, WOOD, WOOD, WOOD, WOOD)
    np.testing.assert_array_equal(found["PCT_NATVEG"], [87.5, 87.5, 87.5, 0])
    np.testing.assert_array_equal(found["PCT_NAT_PFT"][:, 3], [25, 25, 50] + [0] * 12)


def test_new_towns_go_where_the_host_has_urban_parameters(tmp_path):
    """Without towns so far: medium density; high density where medium has no parameters; none in region 0."""
    spec = surface()
    spec.variables["PCT_URBAN"].values[...], spec.variables["PCT_NATVEG"].values[...] = 0, 62.5
    spec.variables["URBAN_REGION_ID"].values[...] = [[3, 3], [0, 3]]
    spec.variables["CANYON_HWR"].values[2, 0, 1] = 0
    spec.variables["CANYON_HWR"].values[:, 1, 1] = 0
    found, notes = used(tmp_path, spec, TOWN, TOWN, TOWN, TOWN)
    np.testing.assert_array_equal(found["PCT_URBAN"], [[0, 0, 0, 0], [0, 43.75, 0, 0], [43.75, 0, 0, 0]])
    np.testing.assert_array_equal(found["PCT_CROP"], [21.875, 21.875, 43.75, 43.75])
    assert notes == ("2 cell(s) have towns in lsbc's map and no urban parameters in the surface file (URBAN_REGION_ID): that share goes to the other landunits",)


def test_without_regions_towns_grow_only_where_they_are(tmp_path):
    spec = surface()
    del spec.variables["URBAN_REGION_ID"], spec.variables["CANYON_HWR"]
    spec.variables["PCT_URBAN"].values[:, 0, 0], spec.variables["PCT_NATVEG"].values[0, 0] = 0, 62.5
    found, _ = used(tmp_path, spec, TOWN, TOWN, {}, {})
    np.testing.assert_array_equal(found["PCT_URBAN"][:, :2], [[0, 0], [0, 10.9375], [0, 32.8125]])


def test_a_sliver_of_land_decides_nothing(tmp_path):
    """Less than a millionth of the cell: the surface file's land use stays and the cell is counted."""
    found, notes = used(tmp_path, surface(), {0: 1 - 1e-7, 22: 1e-7}, {0: 1 - 2e-6, 22: 2e-6}, WOOD, WOOD)
    np.testing.assert_array_equal(found["PCT_CROP"], [25, 87.5, 0, 0])
    assert notes == ("1 cell(s) without land in lsbc's map keep the surface file's land use",)


def test_a_share_too_small_for_the_host_is_no_area(tmp_path):
    """mksurfdata_esmf leaves out less than 1e-10 % of the cell."""
    found, _ = used(tmp_path, surface(), {22: 1e-13, 40: 1 - 1e-13}, {22: 1e-11, 40: 1 - 1e-11}, WOOD, WOOD)
    assert found["PCT_CROP"][0] == 0 and found["PCT_CROP"][1] == pytest.approx(87.5e-11, rel=1e-9)


def single(spec):
    spec.variables["PCT_CROP"].values = spec.variables["PCT_CROP"].values.astype(np.float32)


def turned(spec):
    var = spec.variables["PCT_NAT_PFT"]
    spec.variables["PCT_NAT_PFT"] = Var(var.dims[1:] + var.dims[:1], np.moveaxis(var.values, 0, -1))


def of_seventeen(spec):
    var = spec.variables["PCT_NAT_PFT"]
    spec.variables["PCT_NAT_PFT"] = Var(var.dims, np.concatenate([var.values, 0 * var.values[:2]]))
    spec.variables["natpft"] = Var(("natpft",), np.arange(17))


def other(name, change):
    """A change of one variable's dimensions and values."""
    def apply(spec):
        var = spec.variables[name]
        spec.variables[name] = Var(*change(var.dims, var.values), var.attrs)

    return apply


def scalar(dims, values):
    return (), values.ravel()[0]


def text(dims, values):
    return dims, np.full(values.shape, "a", "S1")


def backwards(dims, values):
    return dims[::-1], values.T


def doubled(dims, values):
    return ("extra", *dims), np.repeat(values[None], 2, axis=0)


def first_alone(dims, values):
    return dims[1:], values[0]


@pytest.mark.parametrize("change", [scalar, backwards, doubled, first_alone])
@pytest.mark.parametrize("name", ["LATIXY", "URBAN_REGION_ID", "CANYON_HWR"])
def test_a_variable_on_other_dimensions_is_refused(tmp_path, name, change):
    spec = surface(shape=(2, 2))
    other(name, change)(spec)
    with pytest.raises(FileError, match=rf"surface.nc: {name} lies on \(.*\), expected is \({'numurbl, ' if name == 'CANYON_HWR' else ''}lsmlat, lsmlon\)"):
        used(tmp_path, spec, WOOD, WOOD, WOOD, WOOD, places=surface())


@pytest.mark.parametrize("name", ["LATIXY", "LONGXY", "URBAN_REGION_ID", "CANYON_HWR"])
def test_a_variable_of_letters_is_refused(tmp_path, name):
    spec = surface()
    other(name, text)(spec)
    with pytest.raises(FileError, match=f"'{name}' is of type .*; numbers are expected"):
        used(tmp_path, spec, WOOD, WOOD, WOOD, WOOD, places=surface())


def test_a_single_place_is_no_map(tmp_path):
    spec = surface()
    other("LONGXY", scalar)(spec)
    with pytest.raises(FileError, match="LONGXY is a single number; a map of cells is expected"):
        used(tmp_path, spec, WOOD, WOOD, WOOD, WOOD, places=surface())


def test_ice_is_a_share_of_the_land_beside_lakes_and_ocean(tmp_path):
    """Ocean 50 % and ice 25 %: half the land is ice, so that of three quarters bare ground one quarter is left beside one of forest."""
    spec = surface()
    spec.variables["PCT_OCEAN"] = Var(("lsmlat", "lsmlon"), np.full((2, 2), 50.0))
    for name, value in (("PCT_LAKE", 0), ("PCT_NATVEG", 12.5), ("PCT_CROP", 0), ("PCT_GLACIER", 25)):
        spec.variables[name].values[...] = value
    found, _ = used(tmp_path, spec, {66: 0.75, 40: 0.25}, WOOD, WOOD, WOOD)
    np.testing.assert_array_equal(found["PCT_NATVEG"], [25] * 4)
    np.testing.assert_allclose(found["PCT_NAT_PFT"][:, 0], [50, 25] + [0] * 5 + [25] + [0] * 7, rtol=1e-15)


def fingerprint(folder, spec, monkeypatch=None, size=None):
    path = write_year(folder / "lsbc_2031.nc", fractions(*[WOOD] * 4), spec.variables["LONGXY"].values, spec.variables["LATIXY"].values, coldest_month_k=273.15)
    if size is not None:
        monkeypatch.setattr(ctsm_land_use, "blocks", lambda shape: blocks(shape, size))
    with open_year(path) as year, netCDF4.Dataset(spec.write(folder / "surface.nc")) as data:
        data.set_auto_maskandscale(False)
        return LandUse.on(folder / "surface.nc", data, HostClasses.of(year, "ctsm"), "surface").sha256()


def test_the_fingerprint_is_of_the_land_use_alone_and_not_of_the_parts_in_which_it_is_read(tmp_path, monkeypatch):
    spec = surface(n_crop=4)
    for variable in spec.variables.values():
        variable.attrs.clear()
    found = fingerprint(tmp_path, spec)
    spec.variables["SOIL_COLOR"] = Var(("lsmlat", "lsmlon"), np.ones((2, 2)))
    assert fingerprint(tmp_path, spec) == found
    assert fingerprint(tmp_path, spec, monkeypatch, 1) == found
    spec.variables["PCT_CROP"].values[1, 1] += 1e-13
    assert fingerprint(tmp_path, spec) != found


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
    spec = surface()
    change(spec)
    with pytest.raises(error, match=message):
        used(tmp_path, spec, WOOD, WOOD, WOOD, WOOD, places=surface())


def test_a_crosswalk_to_other_classes_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="Crosswalk modis is not for CTSM's classes 0 to 16 and 101"):
        used(tmp_path, surface(), WOOD, WOOD, WOOD, WOOD, crosswalk="modis")
