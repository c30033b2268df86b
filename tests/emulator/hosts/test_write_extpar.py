import math
import os
from importlib import resources

import numpy as np
import pytest

from lsbc.emulator.hosts import write_extpar
from lsbc.emulator.hosts.check import check_host
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.emulator.hosts.year_file import YearFile, open_year
from lsbc.regrid.errors import ConfigError, FileError, ValueRangeError

from grid_files import Spec, Var
from host_files import attribute, extpar, set_values, without
from shared import shared
from year_files import fractions, write_year

LON, LAT = [1.0, 2.0, 3.0, 4.0], [50.0, 51.0, 52.0, 53.0]
FIELDS = ("PLCOV_MX", "PLCOV_MN", "LAI_MX", "LAI_MN", "ROOTDP", "RSMIN", "Z0", "EMIS_RAD", "SKC", "FOR_D", "FOR_E", "URBAN")
EVERYWHERE = ({22: 0.5, 40: 0.25, 11: 0.25}, {77: 0.5, 66: 0.25, 33: 0.25}, {0: 1.0}, {40: 1.0})


def template(*, land=(1, 0.6, 0, 1), water=(0, 0.4, 1, 0), ice=(0, 0.1, 0, 0), crops=(1, 0.5, 0, 1), dtype=np.float32, cell="cell", z0=(0.07, 0.06, 0.0002, 0.07)):
    """As EXTPAR writes it: water is 1 - FR_LAND, ice as in ICE, the rest rainfed crops (class 2). Every field of EXTPAR is there."""
    classes = np.zeros((23, 4), dtype)
    classes[1], classes[20], classes[21] = crops, water, ice
    values = {"FR_LAND": land, "FR_LAKE": (0, 0.4, 0, 0), "FR_OCEAN": (0, 0, 1, 0), "ICE": ice, "SOILTYP": (5, 5, 9, 5), **dict.fromkeys(FIELDS, (0.5,) * 4), "Z0": z0,
              "EMIS_RAD": (0.99, 0.9902, 0.991, 0.99)}
    months = np.linspace(0.1, 0.9, 48).reshape(12, 4)
    variables = {name: Var((cell,), np.array(value, dtype)) for name, value in values.items()}
    variables |= {"NDVI_MRAT": Var(("time", cell), months.astype(dtype)), "ALB": Var(("time", cell), (30 * months).astype(dtype)),
                  "clon": Var((cell,), np.radians(LON), {"units": "radian"}), "clat": Var((cell,), np.radians(LAT), {"units": "radian"}),
                  "LU_CLASS_FRACTION": Var(("nclass_lu", cell), classes, {"CDI_grid_type": "unstructured"})}
    return Spec(variables, {"rawdata": "GLOBCOVER2009, FAO DSMW, MERIT, Lake Database", "uuidOfHGrid": "a1b2", "history": "extpar_consistency_check"})


def whole(name):
    """A variable becomes one of whole numbers."""
    def change(spec):
        var = spec.variables[name]
        spec.variables[name] = Var(var.dims, var.values.astype(np.int32), var.attrs)
    return change


def deliver_to(folder, spec, *cells, lon=LON, lat=LAT, format="NETCDF4", koppen=3, **options):
    """(new file as xarray has it, notes)."""
    import xarray

    source, year = folder / "template.nc", folder / "lsbc_2031.nc"
    spec.write(source, format)
    write_year(year, fractions(*cells), lon, lat, koppen=koppen)
    notes = deliver("extpar", year, folder / "extpar.nc", options_of("extpar", {"template": "template.nc", **options}, folder))
    with xarray.open_dataset(folder / "extpar.nc", mask_and_scale=False, decode_times=False) as data:
        return data.load(), notes


def column(data, cell):
    """{class: fraction} of a cell, without zeros."""
    values = data["LU_CLASS_FRACTION"].values[:, cell]
    return {int(row) + 1: float(values[row]) for row in np.flatnonzero(values)}


def approx(classes):
    return pytest.approx(classes, rel=1e-6)


def test_classes_of_a_land_cell_are_those_of_the_crosswalk(tmp_path):
    data, _ = deliver_to(tmp_path, template(), *EVERYWHERE)
    assert column(data, 0) == approx({2: 0.5, 10: 0.25, 19: 0.25})


def test_water_and_ice_stay_and_lsbcs_land_fills_the_rest_its_sparse_part_less_the_ice(tmp_path):
    # Land 0.6 with 0.1 of ice, 1/6 of it; lsbc's land is half sparse, half pasture: sparse 1/2 - 1/6 = 1/3 to pasture 1/2 is 0.4 to 0.6, of 0.5.
    data, _ = deliver_to(tmp_path, template(), *EVERYWHERE)
    assert column(data, 1) == approx({15: 0.2, 14: 0.3, 21: 0.4, 22: 0.1})
    old = template().variables["LU_CLASS_FRACTION"].values
    assert (data["LU_CLASS_FRACTION"].values[20:22] == old[20:22]).all()


def test_derived_fields_are_those_of_a_hand_sum(tmp_path):
    # 0.5 crops (cover 0.9, LAI 3.3, root 1 m, 120 s/m), 0.25 mixed forest (0.9, 5, 0.8 m, 150 s/m), 0.25 town (0.2, 1.6, 0.6 m, 120 s/m): cover 0.725.
    data, _ = deliver_to(tmp_path, template(), *EVERYWHERE)
    z0 = 30 * math.exp(-1 / (0.5 / math.log(30 / 0.07) + 0.25 / math.log(30 / 1.0) + 0.25 / math.log(30 / 1.0)))
    expected = {"PLCOV_MX": 0.725, "PLCOV_MN": 0.5 * 0.5 + 0.25 * 0.75 + 0.25 * 0.02, "LAI_MX": (0.45 * 3.3 + 0.225 * 5 + 0.05 * 1.6) / 0.725,
                "LAI_MN": (0.45 * 0.7 + 0.225 * 1.0 + 0.05 * 0.1) / 0.725, "ROOTDP": (0.45 + 0.225 * 0.8 + 0.05 * 0.6) / 0.725,
                "RSMIN": (0.45 * 120 + 0.225 * 150 + 0.05 * 120) / 0.725, "FOR_D": 0.25 * 0.9 / 2, "FOR_E": 0.25 * 0.9 / 2, "URBAN": 0.25,
                "SKC": 0.5 * 30 + 0.25 * 50 + 0.25 * 200, "EMIS_RAD": 0.5 * 0.99 + 0.25 * 0.993 + 0.25 * 0.96, "Z0": z0}
    assert {name: float(data[name][0]) for name in FIELDS} == approx(expected)


def test_emissivity_counts_water_and_the_other_fields_do_not(tmp_path):
    data, _ = deliver_to(tmp_path, template(), *EVERYWHERE)
    assert float(data["EMIS_RAD"][1]) == approx(0.2 * 0.95 + 0.3 * 0.993 + 0.4 * 0.991 + 0.1 * 0.9999)
    assert float(data["PLCOV_MX"][1]) == approx((0.2 * 0.5 + 0.3 * 0.9) / 0.6)
    assert float(data["SKC"][1]) == approx((0.2 * 10 + 0.3 * 30 + 0.1 * 200) / 0.6)


def test_the_orographys_part_of_z0_stays_as_it_was(tmp_path):
    # Crops of 0.07 m with 0.5 m of orography become mixed forest of 1 m with 0.5 m of orography.
    data, notes = deliver_to(tmp_path, template(z0=(0.07, 0.06, 0.0002, 0.57)), *EVERYWHERE)
    assert float(data["Z0"][3]) == approx(1.5)
    assert not any("Z0" in note for note in notes)


def test_a_z0_below_that_of_its_own_classes_is_told_and_holds_no_orography(tmp_path):
    data, notes = deliver_to(tmp_path, template(z0=(0.07, 0.06, 0.0002, 0.05)), *EVERYWHERE)
    assert float(data["Z0"][3]) == approx(1.0)
    assert any(note.startswith("1 cells had a Z0 lower than") for note in notes)


def test_the_file_passes_icons_checks(tmp_path):
    for cells in (EVERYWHERE, ({11: 1.0}, {55: 0.3, 40: 0.7}, {77: 1.0}, {}), ({66: 1.0}, {66: 1.0}, {66: 1.0}, {66: 1.0})):
        deliver_to(tmp_path, template(), *cells)
        assert check_host("icon", tmp_path / "extpar.nc").findings == ()


def test_fractions_of_many_cells_sum_to_1_as_well_as_single_precision_can(tmp_path):
    rng = np.random.default_rng(1)
    n = 3000
    land = rng.random(n).astype(np.float32)
    classes = np.zeros((23, n), np.float32)
    classes[20], classes[21], classes[1] = 1 - land, 0.3 * land, 0.7 * land
    lon, lat = rng.uniform(-180, 180, n), rng.uniform(-80, 80, n)
    spec = Spec({"LU_CLASS_FRACTION": Var(("nclass_lu", "cell"), classes), "FR_LAND": Var(("cell",), land), "clon": Var(("cell",), lon), "clat": Var(("cell",), lat)},
                {"rawdata": "GLOBCOVER2009"})
    lu_frac = rng.dirichlet(np.full(8, 0.3), n).T
    write_year(tmp_path / "year.nc", lu_frac, lon, lat, koppen=rng.integers(1, 6, n))
    source = spec.write(tmp_path / "template.nc")
    deliver("extpar", tmp_path / "year.nc", tmp_path / "extpar.nc", write_extpar.Options(template=source))
    from netCDF4 import Dataset

    with Dataset(tmp_path / "extpar.nc") as data:
        new = data["LU_CLASS_FRACTION"][:].data
    assert np.abs(new.sum(axis=0, dtype=np.float64) - 1).max() < 23 * 2.0**-25
    assert (new >= 0).all() and (new[20:22] == classes[20:22]).all()


@pytest.mark.parametrize("cell", ["cell", "ncells"])
@pytest.mark.parametrize(("dtype", "format"), [(np.float32, "NETCDF4"), (np.float64, "NETCDF4"), (np.float32, "NETCDF3_64BIT_OFFSET")])
def test_names_precision_and_format_are_the_templates(tmp_path, cell, dtype, format):
    data, _ = deliver_to(tmp_path, template(dtype=dtype, cell=cell), *EVERYWHERE, format=format)
    assert data["LU_CLASS_FRACTION"].dims == ("nclass_lu", cell) and {data[name].dtype for name in FIELDS} == {np.dtype(dtype)}
    assert column(data, 0) == pytest.approx({2: 0.5, 10: 0.25, 19: 0.25}, rel=1e-6 if dtype == np.float32 else 1e-15)


def test_all_else_in_the_file_is_bit_for_bit_the_templates(tmp_path):
    spec = template()
    data, _ = deliver_to(tmp_path, spec, *EVERYWHERE)
    for name, var in spec.variables.items():
        if name not in (*FIELDS, "LU_CLASS_FRACTION"):
            assert data[name].values.tobytes() == var.values.tobytes(), name
    assert {name: data.attrs[name] for name in spec.attrs} == spec.attrs
    assert data["LU_CLASS_FRACTION"].attrs == {"CDI_grid_type": "unstructured"}


def test_any_file_that_icon_reads_will_do(tmp_path):
    spec = template()
    for name in ("SOILTYP", *FIELDS):
        without(name)(spec)
    data, _ = deliver_to(tmp_path, spec, *EVERYWHERE)
    assert column(data, 0) == approx({2: 0.5, 10: 0.25, 19: 0.25})


def test_only_fields_that_the_template_has_are_written(tmp_path):
    data, _ = deliver_to(tmp_path, extpar(), *EVERYWHERE)
    assert set(data.variables) == set(extpar().variables)


def test_sea_and_uncovered_cells_stay_bit_for_bit(tmp_path):
    spec = template()
    spec.variables["PLCOV_MX"].values[:] = np.float32(0.1) * np.arange(1, 5)
    data, notes = deliver_to(tmp_path, spec, {}, {40: 1.0}, {40: 1.0}, {})
    for name in ("LU_CLASS_FRACTION", *FIELDS):
        new, old = data[name].values, spec.variables[name].values
        assert (new[..., [0, 2, 3]] == old[..., [0, 2, 3]]).all(), name
        assert name == "FOR_E" or (new[..., 1] != old[..., 1]).any()
    assert notes[0] == "1 of 4 cells have the land use of 2031" and any(note.startswith("2 cells with land are not covered") for note in notes)


def test_land_of_the_host_that_is_water_in_lsbc_stays_and_is_told(tmp_path):
    spec = template()
    data, notes = deliver_to(tmp_path, spec, {77: 1.0}, {0: 1.0}, {0: 1.0}, {40: 1.0})
    assert (data["LU_CLASS_FRACTION"].values[:, :3] == spec.variables["LU_CLASS_FRACTION"].values[:, :3]).all()
    assert any(note.startswith("2 cells have land in the template but none in lsbc") for note in notes)


def test_a_trace_of_land_in_lsbc_decides_nothing(tmp_path):
    spec = template()
    data, notes = deliver_to(tmp_path, spec, {11: 1e-9, 77: 1.0}, EVERYWHERE[1], {0: 1.0}, {11: 2e-6, 77: 1 - 2e-6})
    for name in ("LU_CLASS_FRACTION", *FIELDS):
        assert (data[name].values[..., 0] == spec.variables[name].values[..., 0]).all(), name
    assert column(data, 3) == approx({19: 1.0})
    assert "1 cells have land in the template but none in lsbc (less than 1e-06 of the cell), and keep the template's values" in notes


def test_room_that_is_only_rounding_of_water_and_ice_is_none(tmp_path):
    # In single precision 0.04 and 0.96 sum to 1 - 2.2e-8; in the first cell 5e-6 are left.
    spec = template(land=(1, 0.6, 0, 0.96), water=(0, 0.4, 1, 0.04), ice=(1 - 5e-6, 0.1, 0, 0.96), crops=(5e-6, 0.5, 0, 0))
    data, notes = deliver_to(tmp_path, spec, {40: 1.0}, *EVERYWHERE[1:])
    for name in ("LU_CLASS_FRACTION", *FIELDS):
        assert (data[name].values[..., 3] == spec.variables[name].values[..., 3]).all(), name
    assert set(column(data, 0)) == {10, 22} and notes[0].startswith("2 of 4 cells") and not any("none in lsbc" in note for note in notes)


def test_a_cell_that_is_all_glacier_stays(tmp_path):
    spec = template(ice=(0, 0.1, 0, 1), crops=(1, 0.5, 0, 0))
    data, notes = deliver_to(tmp_path, spec, *EVERYWHERE)
    assert column(data, 3) == {22: 1.0} and float(data["PLCOV_MX"][3]) == 0.5
    assert not any("none in lsbc" in note for note in notes)


def test_vegetation_on_ice_soil_stays_as_the_template_has_it(tmp_path):
    spec = template(ice=(0, 0.1, 0, 0.75), crops=(1, 0.5, 0, 0.25))
    spec.variables["SOILTYP"].values[3] = 1
    for name in ("PLCOV_MX", "PLCOV_MN", "LAI_MX", "LAI_MN", "ROOTDP", "FOR_D", "FOR_E", "URBAN"):
        spec.variables[name].values[3] = 0
    data, _ = deliver_to(tmp_path, spec, *EVERYWHERE)
    assert column(data, 3) == approx({10: 0.25, 22: 0.75})
    assert all(float(data[name][3]) == 0 for name in ("PLCOV_MX", "PLCOV_MN", "LAI_MX", "LAI_MN", "ROOTDP", "FOR_D", "FOR_E", "URBAN"))
    assert float(data["SKC"][3]) == approx(0.25 * 50 + 0.75 * 200) and float(data["RSMIN"][3]) == approx(150)


def test_a_share_of_water_at_odds_with_fr_land_becomes_1_less_fr_land_and_is_told(tmp_path):
    # All water by its classes and three quarters land by FR_LAND; a misfit of 0.02.
    spec = template(land=(0.75, 0.6, 0, 1), water=(1, 0.4, 1, 0.02), crops=(0, 0.5, 0, 0.98))
    data, notes = deliver_to(tmp_path, spec, *EVERYWHERE)
    assert column(data, 0) == approx({2: 0.375, 10: 0.1875, 19: 0.1875, 21: 0.25}) and column(data, 3) == {10: 1.0}
    assert any(note.startswith("2 cells had a share of water") for note in notes)


def test_extpars_own_gap_of_fr_land_around_a_half_is_not_at_odds(tmp_path):
    spec = template(land=(0.51, 0.6, 0, 1), water=(0.5, 0.4, 1, 0), crops=(0.5, 0.5, 0, 1))
    data, notes = deliver_to(tmp_path, spec, *EVERYWHERE)
    assert float(data["LU_CLASS_FRACTION"][20, 0]) == 0.5 and not any("share of water" in note for note in notes)


def test_a_misfit_of_water_beyond_the_gap_is_at_odds_and_a_z0_lower_by_rounding_is_not(tmp_path):
    spec = template(land=(0.5103, 0.6, 0, 1), water=(0.5, 0.4, 1, 0), crops=(0.5, 0.5, 0, 1), z0=(0.06996, 0.06, 0.0002, 0.06990))
    data, notes = deliver_to(tmp_path, spec, *EVERYWHERE)
    assert float(data["LU_CLASS_FRACTION"][20, 0]) == approx(0.4897) and any(note.startswith("1 cells had a share of water") for note in notes)
    assert any(note.startswith("1 cells had a Z0 lower than") for note in notes)  # 0.06990 is lower by 1.4 in a thousand, 0.06996 by 0.6


def test_the_file_tells_what_its_user_is_told(tmp_path):
    data, notes = deliver_to(tmp_path, template(z0=(0.07, 0.06, 0.0002, 0.05)), {77: 1.0}, {}, {0: 1.0}, {40: 1.0})
    fields = "LU_CLASS_FRACTION, PLCOV_MX, PLCOV_MN, LAI_MX, LAI_MN, ROOTDP, RSMIN, FOR_D, FOR_E, URBAN, SKC, EMIS_RAD, Z0 are lsbc's"
    assert data.attrs["lsbc_notes"] == "; ".join((fields, *notes))
    assert [note.split(" ", 1)[0] for note in notes] == ["1", "1", "1", "1", "extpar_globcover:"] and not any(note.endswith(".") for note in notes)


def test_the_source_is_told(tmp_path):
    data, notes = deliver_to(tmp_path, template(), *EVERYWHERE)
    assert data.attrs["lsbc_valid_year"] == 2031 and data.attrs["lsbc_model_sha256"] == "ab12" and data.attrs["lsbc_crosswalk"].startswith("globcover, version 1")
    assert "LU_CLASS_FRACTION, PLCOV_MX" in data.attrs["lsbc_notes"] and "class 23 'undefined', z0m = 0" in data.attrs["lsbc_notes"]
    assert any("class 23 'undefined'" in note for note in notes)


def esa_cci():
    spec = template()
    old = spec.variables["LU_CLASS_FRACTION"].values
    classes = np.zeros((38, 4), np.float32)
    classes[1], classes[36], classes[37] = old[1], old[20], old[21]
    spec.variables["LU_CLASS_FRACTION"] = Var(("nclass_lu", "cell"), classes)
    spec.attrs["rawdata"] = "ESA CCI, HWSD, MERIT, Lake Database"
    return spec


def test_esa_cci_classes_go_into_a_template_that_has_them(tmp_path):
    data, notes = deliver_to(tmp_path, esa_cci(), *EVERYWHERE, crosswalk="esacci")
    assert column(data, 1) == approx({26: 0.2, 24: 0.3, 37: 0.4, 38: 0.1}) and float(data["LAI_MX"][1]) == approx((0.1 * 0.6 + 0.24 * 2.0) / 0.34)
    assert any("code 90" in note for note in notes)


@pytest.mark.parametrize(("change", "message"), [
    (without("LU_CLASS_FRACTION"), "has no LU_CLASS_FRACTION"),
    (without("FR_LAND"), "has no FR_LAND"),
    (without("clon"), "no coordinates of its cells"),
    (attribute("rawdata", "GLC2000, FAO DSMW"), "rawdata is 'GLC2000, FAO DSMW' and does not name GLOBCOVER2009"),
    (without("rawdata"), "rawdata is '' and does not name GLOBCOVER2009"),
    (set_values("clat", 2, 0.5), r"Cell 3 of file .* is at 3.0000 E, 28.6479 N"),
    (lambda spec: spec.variables.update(Z0=Var(("time", "cell"), np.ones((12, 4), np.float32))), r"Z0 has dimensions \{'time': 12, 'cell': 4\}; one value a cell"),
    (lambda spec: spec.variables.update(LU_CLASS_FRACTION=Var(("nclass_lu", "level", "cell"), np.zeros((23, 1, 4), np.float32))),
     r"LU_CLASS_FRACTION has dimensions \{'nclass_lu': 23, 'level': 1, 'cell': 4\}; the crosswalk needs 23 classes and then cells"),
    *((whole(name), f"'{name}' is of type int32, which would cut off fractions") for name in ("LU_CLASS_FRACTION", "Z0", "PLCOV_MX", "URBAN")),
    (lambda spec: spec.variables["LAI_MX"].attrs.update(scale_factor=0.1), "'LAI_MX' is packed"),
    (lambda spec: spec.variables.update(LU_CLASS_FRACTION=Var(("nclass_lu", "cell"), np.zeros((20, 4), np.float32))), "the crosswalk needs 23 classes"),
])
def test_a_wrong_template_is_refused(tmp_path, change, message):
    spec = template()
    change(spec)
    with pytest.raises(FileError, match=message):
        deliver_to(tmp_path, spec, *EVERYWHERE)
    assert not (tmp_path / "extpar.nc").exists()


@pytest.mark.parametrize(("change", "message"), [
    (set_values("FR_LAND", 1, np.nan), r"FR_LAND is nan in cell 2 \(2.0000 E, 51.0000 N\)"),
    (set_values("FR_LAND", 1, 60), "FR_LAND is 60 in cell 2"),
    (set_values("FR_LAND", 1, -1e20), "FR_LAND is -1e\\+20 in cell 2"),
    (set_values("LU_CLASS_FRACTION", (21, 1), np.nan), "LU_CLASS_FRACTION of class 22 is nan in cell 2"),
    (set_values("LU_CLASS_FRACTION", (1, 1), 50), "LU_CLASS_FRACTION of class 2 is 50 in cell 2"),
    (set_values("Z0", 1, np.nan), "Z0 is nan in cell 2"),
    (set_values("Z0", 1, 0), "Z0 is 0 in cell 2"),
    (set_values("Z0", 1, 1000), "Z0 is 1000 in cell 2"),
    (set_values("FR_LAND", 1, 1.00002), "FR_LAND is 1.00002 in cell 2"),
    (set_values("LU_CLASS_FRACTION", (5, 1), 1.00002), "LU_CLASS_FRACTION of class 6 is 1.00002 in cell 2"),
    (set_values("LU_CLASS_FRACTION", (5, 1), -2e-5), "LU_CLASS_FRACTION of class 6 is -2e-05 in cell 2"),
])
def test_an_impossible_value_that_would_be_used_is_refused_and_the_cell_named(tmp_path, monkeypatch, change, message):
    monkeypatch.setattr(YearFile, "slabs", lambda year: (slice(k, k + 1) for k in range(year.n_cell)))
    spec = template()
    change(spec)
    with pytest.raises(ValueRangeError, match=message):
        deliver_to(tmp_path, spec, *EVERYWHERE)
    assert deliver_to(tmp_path, spec, EVERYWHERE[0], {}, *EVERYWHERE[2:])[1]  # a cell that stays may hold anything


def test_what_rounding_did_to_fractions_is_no_error_and_makes_no_sparse_land(tmp_path):
    spec = template(land=(1.000008, 0.6, 0, 1), water=(-8e-6, 0.4, 1, 0), ice=(-8e-6, 0.1, 0, 0), crops=(1.000008, 0.5, 0, 1))
    data, notes = deliver_to(tmp_path, spec, {22: 1.0}, *EVERYWHERE[1:])
    assert column(data, 0) == approx({2: 1.000016, 21: -8e-6, 22: -8e-6}) and notes[0].startswith("3 of 4 cells")


def test_classes_of_another_system_and_a_template_of_another_are_refused(tmp_path):
    with pytest.raises(FileError, match="the crosswalk needs 38 classes"):
        deliver_to(tmp_path, template(), *EVERYWHERE, crosswalk="esacci")
    with pytest.raises(ConfigError, match="must be globcover or esacci"):
        deliver_to(tmp_path, template(), *EVERYWHERE, crosswalk="modis")


def test_a_crosswalk_that_makes_ice_of_land_is_refused(tmp_path):
    text = resources.files("lsbc.emulator.surface").joinpath("crosswalks/globcover.toml").read_text(encoding="utf-8")
    old = "{ code = 22, shares = { 2 = 1"
    assert old in text
    (tmp_path / "own.toml").write_text(text.replace(old, "{ code = 22, shares = { 22 = 1"), encoding="utf-8")
    with pytest.raises(ConfigError, match="makes water, ice or nothing of code 22: class 22"):
        deliver_to(tmp_path, template(), *EVERYWHERE, crosswalk="own.toml")


def test_an_unknown_climate_that_matters_names_the_cell(tmp_path):
    with pytest.raises(ValueRangeError, match=r"code 40 .* in cell 1 \(1.0000 E, 50.0000 N\)"):
        deliver_to(tmp_path, template(), *EVERYWHERE, koppen=0)


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    deliver_to(tmp_path, template(), *EVERYWHERE)
    before, names = (tmp_path / "extpar.nc").read_bytes(), sorted(os.listdir(tmp_path))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write_extpar, "mark", full)
    with pytest.raises(FileError, match="No space left on device"):
        deliver_to(tmp_path, template(), {40: 1.0}, {40: 1.0}, {40: 1.0}, {40: 1.0})
    assert (tmp_path / "extpar.nc").read_bytes() == before and sorted(os.listdir(tmp_path)) == names


def test_cells_do_not_depend_on_the_slabs_they_are_worked_in(tmp_path, monkeypatch):
    spec, cells = template(z0=(0.2, 0.05, 0.0002, 0.57)), ({22: 0.3, 40: 0.2, 66: 0.4, 11: 0.1}, {77: 0.4, 66: 0.3, 55: 0.3}, {}, {40: 0.9, 33: 0.1})
    at_once, notes = deliver_to(tmp_path, spec, *cells)
    monkeypatch.setattr(YearFile, "slabs", lambda year: (slice(k, k + 1) for k in range(year.n_cell)))
    one_by_one, same_notes = deliver_to(tmp_path, spec, *cells)
    assert all(at_once[name].values.tobytes() == one_by_one[name].values.tobytes() for name in at_once.variables) and notes == same_notes


def test_the_template_itself_may_be_updated(tmp_path):
    source = template().write(tmp_path / "extpar.nc")
    with open_year(write_year(tmp_path / "year.nc", fractions(*EVERYWHERE), LON, LAT)) as year:
        write_extpar.write(year, source, write_extpar.Options(template=source))
        once = source.read_bytes()
        write_extpar.write(year, source, write_extpar.Options(template=source))
    from netCDF4 import Dataset

    assert len(once) == len(source.read_bytes())
    with Dataset(source) as data:
        assert data["LU_CLASS_FRACTION"][:, 0].data[[1, 9, 18]] == pytest.approx([0.5, 0.25, 0.25])
        assert float(data["Z0"][0]) == pytest.approx(30 * math.exp(-1 / (0.5 / math.log(30 / 0.07) + 0.5 / math.log(30))), rel=1e-5)


def test_cells_of_a_real_icon_grid_are_found_and_its_uuid_stays(tmp_path):
    from netCDF4 import Dataset

    grid = shared("data/host/icon/icon_grid_0001_R19B08_cut45cells.nc")
    with Dataset(grid) as data:
        clon, clat, uuid = data["clon"][:].data, data["clat"][:].data, data.uuidOfHGrid
    n = len(clon)
    classes = np.zeros((23, n), np.float32)
    classes[13] = 1
    values = {"FR_LAND": 1, "FR_LAKE": 0, "PLCOV_MX": 0.9, "LAI_MX": 3.1, "ROOTDP": 0.6, "Z0": 0.03, "EMIS_RAD": 0.993}
    spec = Spec({"LU_CLASS_FRACTION": Var(("nclass_lu", "cell"), classes), **{name: Var(("cell",), np.full(n, value, np.float32)) for name, value in values.items()},
                 "clon": Var(("cell",), clon.astype(np.float32), {"units": "radian"}), "clat": Var(("cell",), clat.astype(np.float32), {"units": "radian"})},
                {"rawdata": "GLOBCOVER2009, FAO DSMW", "uuidOfHGrid": uuid})
    data, notes = deliver_to(tmp_path, spec, *({22: 1.0},) * n, lon=np.degrees(clon), lat=np.degrees(clat))
    assert notes[0] == "45 of 45 cells have the land use of 2031" and column(data, 44) == {2: 1.0}
    assert data["LAI_MX"].values == pytest.approx(3.3) and data["Z0"].values == pytest.approx(0.07)
    assert check_host("icon", tmp_path / "extpar.nc", grid).findings == ()
