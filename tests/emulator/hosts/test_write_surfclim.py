import os
from importlib import resources

import numpy as np
import pytest

from lsbc.emulator.hosts import write_surfclim
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import ConfigError, FileError, ValueRangeError

from grid_files import Spec, Var
from host_files import set_values, without
from shared import shared
from year_files import fractions, write_year

MISSING = 1.00000002004088e20
LON, LAT = [10.0, 11.0], [50.0, -40.0]
# NoahmpTable.TBL and VEGPARM.TBL: months of LAI of the vegetated area (northern hemisphere) and vegetated share, temperate climate.
CROPS, GRASS = [0, 0, 0, 0, 1, 2, 3, 3, 1.5, 0, 0, 0], [0.4, 0.5, 0.6, 0.7, 1.2, 3, 3.5, 1.5, 0.7, 0.6, 0.5, 0.4]
MIXED = [2, 2, 2.2, 2.6, 3.5, 4.3, 4.3, 3.7, 2.6, 2.2, 2, 2]
GREEN = 0.8
WRITTEN = ("cvl", "cvh", "tvl", "tvh", "cu", "Mlail", "Mlaih")


def template(n_lat=1, **changes):
    """A map of n_lat x 2 cells as ecLand's tutorial files have it, float64; `changes` are values of a field, in C order."""
    shape = (n_lat, 2)
    values = {"landsea": 1.0, "cvl": 0.3, "cvh": 0.4, "tvl": 7.0, "tvh": 19.0, "cu": 0.05, "CLAKE": 0.0, "glacierMask": 0.0, "sotype": 3.0, "z0m": 0.1,
              "lz0h": np.log(0.01), "LDEPTH": 0.75, **changes}
    maps = {name: Var(("lat", "lon"), np.broadcast_to(np.reshape(value, (-1, 2) if np.size(value) > 1 else ()), shape).astype(float), {"missing_value": MISSING})
            for name, value in values.items() if value is not None}
    month = np.arange(1.0, 13.0)[:, None, None] * np.ones(shape)
    maps |= {name: Var(("month", "lat", "lon"), scale * month, {"missing_value": MISSING}) for name, scale in (("Mlail", 0.25), ("Mlaih", 0.5), ("Malbedo", 0.03))}
    return Spec({"lon": Var(("lon",), np.array(LON), {"units": "degrees_east"}), "lat": Var(("lat",), np.array(LAT[:n_lat]), {"units": "degrees_north"}), **maps},
                {"modelID": "chtessel", "SurfSgn_convention": "Mathematical"})


def whole(name):
    """A variable becomes one of whole numbers."""
    def change(spec):
        var = spec.variables[name]
        spec.variables[name] = Var(var.dims, var.values.astype(np.int32))
    return change


def places(n_lat):
    lat, lon = np.meshgrid(LAT[:n_lat], LON, indexing="ij")
    return {"lon": lon, "lat": lat}


def deliver_to(folder, source, *cells, fields=None, at=None, koppen=3, **options):
    """(new file as xarray has it, notes); `source` is a Spec or the path of a file."""
    import xarray

    if isinstance(source, Spec):
        source = source.write(folder / "template.nc", "NETCDF3_CLASSIC")
    write_year(folder / "lsbc_2031.nc", fractions(*cells), **(at or places(len(cells) // 2)), koppen=koppen, **(fields or {}))
    notes = deliver("surfclim", folder / "lsbc_2031.nc", folder / "surfclim.nc", options_of("surfclim", {"template": str(source), **options}, folder))
    with xarray.open_dataset(folder / "surfclim.nc", mask_and_scale=False) as data:
        return data.load(), notes


def at_cell(data, cell=0):
    return {name: data[name].values.reshape(-1)[cell] for name in ("cvl", "cvh", "tvl", "tvh", "cu") if name in data}


def test_cover_and_dominant_types_of_low_and_high_vegetation(tmp_path):
    data, _ = deliver_to(tmp_path, template(), {22: 0.5, 33: 0.25, 40: 0.25}, {33: 0.5, 22: 0.125, 66: 0.375})
    assert at_cell(data, 0) == {"cvl": 0.75, "cvh": 0.25, "tvl": 1, "tvh": 18, "cu": 0}
    assert at_cell(data, 1) == {"cvl": 1.0, "cvh": 0.0, "tvl": 2, "tvh": 19, "cu": 0}  # without high vegetation its type stays


def test_towns_are_a_tile_and_vegetation_is_a_share_of_the_land_beside_them(tmp_path):
    data, _ = deliver_to(tmp_path, template(), {11: 0.2, 22: 0.6, 40: 0.2}, {11: 1.0})
    assert at_cell(data, 0) == pytest.approx({"cvl": 0.75, "cvh": 0.25, "tvl": 1, "tvh": 18, "cu": 0.2}, rel=1e-15)
    assert at_cell(data, 1) == {"cvl": 0, "cvh": 0, "tvl": 7, "tvh": 19, "cu": 1}


@pytest.mark.parametrize(("changes", "options"), [({}, {"leurban": False}), ({"cu": None}, {})])
def test_towns_are_bare_ground_where_ecland_has_no_tile_for_them(tmp_path, changes, options):
    data, _ = deliver_to(tmp_path, template(**changes), {11: 0.25, 22: 0.5, 40: 0.25}, {22: 1.0}, **options)
    assert (at_cell(data)["cvl"], at_cell(data)["cvh"], at_cell(data).get("cu", 0.25)) == (0.5, 0.25, 0.25)
    assert ("cu" in data) == (not changes)


def test_vegetation_is_a_share_of_the_land_beside_lake_and_ice_and_towns_of_the_cell(tmp_path):
    # Ice is 0.1 of 0.8, an eighth of the land: sparse 1/2 - 1/8 = 3/8 beside 1/2 of forest. Second cell: a quarter town on the 0.6 beside the lake.
    data, _ = deliver_to(tmp_path, template(CLAKE=[0.2, 0.4], glacierMask=[0.1, 0.0]), {66: 0.5, 40: 0.5}, {11: 0.125, 22: 0.375, 77: 0.5})
    assert at_cell(data, 0) == pytest.approx({"cvl": 3 / 7, "cvh": 4 / 7, "tvl": 11, "tvh": 18, "cu": 0}, rel=1e-15)
    assert at_cell(data, 1) == pytest.approx({"cvl": 1, "cvh": 0, "tvl": 1, "tvh": 19, "cu": 0.15}, rel=1e-15)


def test_leaf_area_is_that_of_a_hand_sum_on_the_ground_of_each_kind(tmp_path):
    data, _ = deliver_to(tmp_path, template(), {22: 0.5, 33: 0.25, 40: 0.25}, {22: 0.25, 66: 0.75})
    low = GREEN * (0.5 * np.array(CROPS) + 0.25 * np.array(GRASS)) / 0.75
    np.testing.assert_allclose(data["Mlail"].values[:, 0, 0], low, rtol=1e-14)
    np.testing.assert_allclose(data["Mlaih"].values[:, 0, 0], GREEN * np.array(MIXED), rtol=1e-14)
    np.testing.assert_allclose(data["Mlail"].values[:, 0, 1], GREEN * 0.25 * np.array(CROPS), rtol=1e-14, atol=0)  # sparse land has ground but no leaves


def test_seasons_are_those_of_the_cells_hemisphere(tmp_path):
    data, _ = deliver_to(tmp_path, template(2), {33: 1.0}, {33: 1.0}, {33: 1.0}, {33: 1.0})
    np.testing.assert_allclose(data["Mlail"].values[:, 1, 0], np.roll(data["Mlail"].values[:, 0, 0], 6), rtol=1e-14)
    assert data["Mlail"].values[0, 1, 0] == pytest.approx(GREEN * 3.5)


def test_leaf_area_of_a_kind_that_is_not_there_stays_the_templates(tmp_path):
    data, _ = deliver_to(tmp_path, template(), {22: 1.0}, {40: 1.0})
    spec = template()
    assert (data["Mlaih"].values[:, 0, 0] == spec.variables["Mlaih"].values[:, 0, 0]).all()
    assert (data["Mlail"].values[:, 0, 1] == spec.variables["Mlail"].values[:, 0, 1]).all()


def test_the_runs_own_season_table_may_be_given(tmp_path):
    text = resources.files("lsbc.emulator.surface").joinpath("seasons/lai_noahmp_modis.toml").read_text(encoding="utf-8")
    line = next(line for line in text.split("modis = 12\n", 2)[-1].splitlines() if line.startswith("lai"))
    (tmp_path / "season.toml").write_text(text.replace(line, "lai = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"), encoding="utf-8")
    data, _ = deliver_to(tmp_path, template(), {22: 1.0}, {22: 1.0}, season_table="season.toml")
    assert data["Mlail"].values[:, 0, 0] == pytest.approx(GREEN)
    with pytest.raises(FileError, match="Season table .*none.toml cannot be read"):
        deliver_to(tmp_path, template(), {22: 1.0}, {22: 1.0}, season_table="none.toml")


def test_water_and_cells_that_ecland_masks_stay_bit_for_bit(tmp_path):
    spec = template(2, landsea=[0.4, MISSING, np.nan, 0.6])
    spec.variables["cvl"].values[:] = [[0.123, MISSING], [0.3, 0.3]]
    data, notes = deliver_to(tmp_path, spec, *({40: 1.0},) * 4)
    for name in WRITTEN:
        new, old = (values.reshape(-1, 4) for values in (data[name].values, spec.variables[name].values))
        assert new[:, :3].tobytes() == old[:, :3].tobytes(), name
    assert data["cvh"].values[1, 1] == 1.0 and notes == ("1 of 4 cells have the land use of 2031",)


def test_cells_without_cover_and_without_land_in_lsbc_stay_and_are_told(tmp_path):
    spec = template(2)
    data, notes = deliver_to(tmp_path, spec, {}, {77: 0.5, 0: 0.5}, {22: 1.0}, {})
    for name in WRITTEN:
        new, old = (values.reshape(-1, 4) for values in (data[name].values, spec.variables[name].values))
        assert new[:, [0, 1, 3]].tobytes() == old[:, [0, 1, 3]].tobytes(), name
    assert notes == ("1 of 4 cells have the land use of 2031", "2 land cells are not covered by lsbc and keep the template's values",
                     "1 cells are land in the template but have none in lsbc (less than 1e-06 of the cell), and keep the template's values")
    assert data.attrs["lsbc_notes"] == "; ".join(("cvl, cvh, tvl, tvh, cu, Mlail, Mlaih are lsbc's", *notes))


def test_a_trace_of_land_in_lsbc_decides_nothing(tmp_path):
    spec = template()
    data, notes = deliver_to(tmp_path, spec, {11: 1e-9, 77: 1.0}, {11: 2e-6, 77: 1 - 2e-6})
    for name in WRITTEN:
        new, old = (values.reshape(-1, 2) for values in (data[name].values, spec.variables[name].values))
        assert new[:, 0].tobytes() == old[:, 0].tobytes(), name
    assert at_cell(data, 1)["cu"] == 1.0 and notes[1].startswith("1 cells are land in the template but have none in lsbc")


def test_land_begins_above_a_landsea_of_one_half(tmp_path):
    data, notes = deliver_to(tmp_path, template(landsea=[0.5, np.nextafter(0.5, 1)]), {40: 1.0}, {40: 1.0})
    assert at_cell(data, 0) == {"cvl": 0.3, "cvh": 0.4, "tvl": 7, "tvh": 19, "cu": 0.05} and at_cell(data, 1)["cvh"] == 1.0
    assert notes == ("1 of 2 cells have the land use of 2031",)


def test_cover_is_never_above_1(tmp_path):
    # 0.2 + 0.4 of crops and grass beside 0.4 of town: the sum over the rest is 1 + 2e-16 before it is limited.
    data, _ = deliver_to(tmp_path, template(), {11: 0.4, 22: 0.2, 33: 0.4}, {11: 0.05, 22: 0.05, 33: 0.9})
    assert data["cvl"].values.max() == 1.0


def test_ground_that_is_only_rounding_of_lake_and_glacier_is_none(tmp_path):
    lake, ice = np.float32(0.04), np.float32(0.96)  # 1 - 2.2e-8 together
    data, notes = deliver_to(tmp_path, template(CLAKE=[lake, 0.0], glacierMask=[ice, 1 - 5e-6]), {40: 1.0}, {40: 1.0})
    assert at_cell(data, 0) == {"cvl": 0.3, "cvh": 0.4, "tvl": 7, "tvh": 19, "cu": 0.05} and at_cell(data, 1)["cvh"] == 1.0
    assert notes == ("1 of 2 cells have the land use of 2031",)


def test_types_may_be_whole_numbers(tmp_path):
    spec = template()
    for name in ("tvl", "tvh"):
        spec.variables[name] = Var(("lat", "lon"), spec.variables[name].values.astype(np.int32))
    data, _ = deliver_to(tmp_path, spec, {22: 0.5, 40: 0.5}, {33: 1.0})
    assert data["tvl"].values.tolist() == [[1, 2]] and data["tvh"].values.tolist() == [[18, 19]] and data["tvl"].dtype == np.int32


def test_a_glacier_or_lake_that_fills_the_cell_stays(tmp_path):
    data, notes = deliver_to(tmp_path, template(glacierMask=[1.0, 0.0], CLAKE=[0.0, 1.0]), {40: 1.0}, {40: 1.0})
    assert at_cell(data, 0) == at_cell(data, 1) == {"cvl": 0.3, "cvh": 0.4, "tvl": 7, "tvh": 19, "cu": 0.05} and len(notes) == 1


def test_all_else_in_the_file_is_bit_for_bit_the_templates(tmp_path):
    spec = template()
    data, _ = deliver_to(tmp_path, spec, {22: 0.5, 40: 0.5}, {11: 1.0})
    for name, var in spec.variables.items():
        if name not in WRITTEN:
            assert data[name].values.astype(float).tobytes() == var.values.astype(float).tobytes(), name
    assert {name: data.attrs[name] for name in spec.attrs} == spec.attrs and data["cvl"].attrs == {"missing_value": MISSING}
    assert data.attrs["lsbc_valid_year"] == 2031 and data.attrs["lsbc_crosswalk"].startswith("ecland, version 1")
    assert data.attrs["lsbc_notes"] == "cvl, cvh, tvl, tvh, cu, Mlail, Mlaih are lsbc's; 2 of 2 cells have the land use of 2031"


def test_single_precision_and_one_dimension_of_cells_are_kept(tmp_path):
    spec = template()
    for name, var in spec.variables.items():
        if "lon" in var.dims and name != "lon":
            spec.variables[name] = Var((*var.dims[:-2], "x"), var.values.reshape(*var.values.shape[:-2], 2).astype(np.float32))
    spec.variables |= {"lon": Var(("x",), np.array(LON)), "lat": Var(("x",), np.array([50.0, 50.0]))}
    data, _ = deliver_to(tmp_path, spec, {22: 0.7, 40: 0.3}, {22: 1.0})
    assert data["cvl"].dims == ("x",) and data["cvl"].dtype == np.float32
    assert data["cvl"].values[0] == pytest.approx(0.7, rel=6e-8) and data["Mlaih"].values[6, 0] == pytest.approx(GREEN * 4.3, rel=6e-8)


def reference(folder, albedo, *cells):
    return {"reference": str(write_year(folder / "lsbc_2015.nc", fractions(*cells), **places(1), year=2015, koppen=3, albedo=np.array(albedo)))}


def test_malbedo_changes_by_the_change_of_lsbcs_albedo_on_land(tmp_path):
    # The first cell is half water: a change of 0.02 of the cell is one of 0.04 of its land. The second does not change.
    cells = ({77: 0.5, 22: 0.5}, {40: 1.0})
    options = reference(tmp_path, [0.12, 0.13], {77: 0.5, 40: 0.5}, {40: 1.0})
    data, notes = deliver_to(tmp_path, template(), *cells, fields={"albedo": np.array([0.14, 0.13])}, **options)
    old = template().variables["Malbedo"].values
    np.testing.assert_allclose(data["Malbedo"].values[:, 0, 0], old[:, 0, 0] + 0.04, rtol=1e-14)
    assert (data["Malbedo"].values[:, 0, 1] == old[:, 0, 1]).all() and "Mlaih, Malbedo are lsbc's; 2 of 2" in data.attrs["lsbc_notes"] and len(notes) == 1


def test_malbedo_is_kept_in_its_range_and_that_is_told(tmp_path):
    spec = template()
    spec.variables["Malbedo"].values[:2, 0] = [[0.03, 0.95], [0.01, 0.3]]  # what was outside the range before may stay so
    options = reference(tmp_path, [0.2, 0.1], {40: 1.0}, {40: 1.0})
    data, notes = deliver_to(tmp_path, spec, {40: 1.0}, {22: 1.0}, fields={"albedo": np.array([0.15, 0.2])}, **options)
    assert data["Malbedo"].values[:2, 0].tolist() == [[0.02, 0.95], [0.01, 0.4]]
    assert notes[1] == "2 cells have a Malbedo that was kept within 0.02 to 0.9"


def test_malbedo_stays_where_the_reference_does_not_cover_or_the_file_has_none(tmp_path):
    options = reference(tmp_path, [0.1, 0.1], {}, {40: 1.0})
    data, _ = deliver_to(tmp_path, template(), {22: 1.0}, {22: 1.0}, **options)
    assert (data["Malbedo"].values[:, 0, 0] == template().variables["Malbedo"].values[:, 0, 0]).all() and data["Malbedo"].values[0, 0, 1] == pytest.approx(0.13)
    spec = template()
    without("Malbedo")(spec)
    assert "Malbedo" not in deliver_to(tmp_path, spec, {22: 1.0}, {22: 1.0}, **options)[0]


def test_malbedo_of_whole_numbers_is_refused(tmp_path):
    spec = template()
    whole("Malbedo")(spec)
    assert deliver_to(tmp_path, spec, {22: 1.0}, {22: 1.0})[1]  # it is not written without a reference
    with pytest.raises(FileError, match="'Malbedo' is of type int32, which would cut off fractions"):
        deliver_to(tmp_path, spec, {22: 1.0}, {22: 1.0}, **reference(tmp_path, [0.1, 0.1], {22: 1.0}, {22: 1.0}))


def test_a_reference_of_other_cells_is_refused(tmp_path):
    write_year(tmp_path / "other.nc", fractions({22: 1.0}, {22: 1.0}), [1.0, 2.0], [50.0, 50.0])
    with pytest.raises(FileError, match="they are not of the same grid"):
        deliver_to(tmp_path, template(), {22: 1.0}, {22: 1.0}, reference="other.nc")


@pytest.mark.parametrize(("change", "message"), [
    *((without(name), f"has no {name}") for name in ("landsea", "cvl", "cvh", "tvl", "tvh")),
    (without("lat"), "no coordinates of its cells"),
    (set_values("lon", 1, 12.0), r"Cell 2 of file .* is at 12.0000 E"),
    (lambda spec: spec.variables.update(tvl=Var(("lon", "lat"), np.ones((2, 1)))), r"tvl has dimensions \{'lon': 2, 'lat': 1\}; \(lat, lon\) are expected"),
    (lambda spec: spec.variables.update(Mlail=Var(("season", "lat", "lon"), np.ones((4, 1, 2)))), "12 months and"),
    *((whole(name), f"'{name}' is of type int32, which would cut off fractions") for name in ("cvl", "cvh", "cu", "Mlail", "Mlaih")),
    (lambda spec: spec.variables["cvh"].attrs.update(add_offset=1.0), "'cvh' is packed"),
])
def test_a_wrong_template_is_refused(tmp_path, change, message):
    spec = template()
    change(spec)
    with pytest.raises(FileError, match=message):
        deliver_to(tmp_path, spec, {22: 1.0}, {22: 1.0})
    assert not (tmp_path / "surfclim.nc").exists()


@pytest.mark.parametrize(("name", "value"), [("CLAKE", np.nan), ("CLAKE", 40.0), ("glacierMask", -0.1), ("glacierMask", MISSING)])
def test_an_impossible_value_on_land_is_refused_and_the_cell_named(tmp_path, name, value):
    with pytest.raises(ValueRangeError, match=rf"{name} is .* in cell 2 \(11.0000 E, 50.0000 N\); it must be in 0..1 on land"):
        deliver_to(tmp_path, template(**{name: [0.0, value]}), {22: 1.0}, {22: 1.0})
    deliver_to(tmp_path, template(**{name: [0.0, value]}), {22: 1.0}, {})


def test_a_crosswalk_that_makes_ice_of_land_is_refused(tmp_path):
    text = resources.files("lsbc.emulator.surface").joinpath("crosswalks/ecland.toml").read_text(encoding="utf-8")
    old = "{ code = 66, koppen = [2], shares = { 8 = 1"
    assert old in text
    (tmp_path / "own.toml").write_text(text.replace(old, "{ code = 66, koppen = [2], shares = { 12 = 1"), encoding="utf-8")
    with pytest.raises(ConfigError, match="makes water, ice or nothing of code 66: class 12 'ice'"):
        deliver_to(tmp_path, template(), {22: 1.0}, {22: 1.0}, crosswalk="own.toml")


def test_another_crosswalk_and_an_unknown_climate_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="'jsbach' does not lead to ecLand's vegetation types"):
        deliver_to(tmp_path, template(), {22: 1.0}, {22: 1.0}, crosswalk="jsbach")
    with pytest.raises(ValueRangeError, match=r"code 40 .* in cell 2 \(11.0000 E"):
        deliver_to(tmp_path, template(), {22: 1.0}, {40: 1.0}, koppen=0)


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    deliver_to(tmp_path, template(), {22: 1.0}, {40: 1.0})
    before, names = (tmp_path / "surfclim.nc").read_bytes(), sorted(os.listdir(tmp_path))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write_surfclim, "mark", full)
    with pytest.raises(FileError, match="No space left on device"):
        deliver_to(tmp_path, template(), {40: 1.0}, {22: 1.0})
    assert (tmp_path / "surfclim.nc").read_bytes() == before and sorted(os.listdir(tmp_path)) == names


def test_cells_do_not_depend_on_the_slabs_they_are_worked_in(tmp_path, monkeypatch):
    cells = [{22: 0.3, 40: 0.2, 66: 0.4, 11: 0.1}, {}, {40: 0.9, 77: 0.1}, {33: 1.0}]
    spec = template(2, glacierMask=[0.1, 0.2, 0.3, 0.0])
    options = {"reference": str(write_year(tmp_path / "lsbc_2015.nc", fractions(*cells), **places(2), albedo=np.array([0.1, 0.2, 0.3, 0.25])))}
    at_once, notes = deliver_to(tmp_path, spec, *cells, **options)
    monkeypatch.setattr(YearFile, "slabs", lambda year: (slice(k, k + 1) for k in range(year.n_cell)))
    one_by_one, same_notes = deliver_to(tmp_path, spec, *cells, **options)
    assert all(at_once[name].values.tobytes() == one_by_one[name].values.tobytes() for name in at_once.variables) and notes == same_notes


@pytest.mark.parametrize("site", ["CA-001", "VG-000"])
def test_a_real_file_takes_new_land_use_and_keeps_all_else(tmp_path, site):
    import xarray

    source = shared(f"data/host/ecland/surfclim_{site}_2022-2022.nc")
    data, notes = deliver_to(tmp_path, source, {11: 0.2, 22: 0.4, 33: 0.2, 40: 0.2}, at={"lon": [4.927], "lat": [51.971]})
    assert notes == ("1 of 1 cells have the land use of 2031",)
    assert at_cell(data) == pytest.approx({"cvl": 0.75, "cvh": 0.25, "tvl": 1, "tvh": 18, "cu": 0.2}, rel=1e-15)
    np.testing.assert_allclose(data["Mlail"].values[:, 0, 0], GREEN * (2 * np.array(CROPS) + np.array(GRASS)) / 3, rtol=1e-14)
    with xarray.open_dataset(source, mask_and_scale=False) as old:
        assert set(old.variables) == set(data.variables)
        assert all(data[name].values.tobytes() == old[name].values.tobytes() for name in old.variables if name not in WRITTEN)
        assert all(data.attrs[name] == value for name, value in old.attrs.items())
