import numpy as np
import pytest

from lsbc.emulator.hosts.check import check_host
from lsbc.regrid.errors import FileError

from grid_files import Var
from host_files import attribute, geo_em, set_values, without
from shared import shared

FIRST_LAND = (0, 0, 1)


def found(folder, spec):
    return check_host("wrf", spec.write(folder / "geo_em.d01.nc")).findings


@pytest.mark.parametrize("model_input", [False, True])
def test_a_sound_file_has_nothing_to_find(tmp_path, model_input):
    assert found(tmp_path, geo_em(model_input)) == ()


def test_wrflowinp_needs_no_land_use(tmp_path):
    spec = geo_em(True)
    for name in ("LU_INDEX", "LANDUSEF", "IVGTYP", "LANDMASK", "MMINLU"):
        without(name)(spec)
    assert found(tmp_path, spec) == ()


def test_a_file_without_land_use_is_refused(tmp_path):
    spec = geo_em()
    spec.variables = {"HGT_M": spec.variables["LANDMASK"]}
    with pytest.raises(FileError, match="neither LU_INDEX nor VEGFRA"):
        found(tmp_path, spec)


@pytest.mark.parametrize(("name", "dims"), [
    ("LU_INDEX", ("extra", "Time", "south_north", "west_east")), ("IVGTYP", ("Time", "west_east", "south_north")), ("LANDMASK", ("south_north", "west_east")),
    ("LANDUSEF", ("extra", "Time", "land_cat", "south_north", "west_east")), ("LANDUSEF", ()),
])
def test_maps_of_different_cells_are_refused(tmp_path, name, dims):
    spec = geo_em(True)
    sizes = {"extra": 2, "Time": 1, "land_cat": 21, "south_north": 3, "west_east": 4}
    spec.variables[name] = Var(dims, np.ones([sizes[dim] for dim in dims], np.float32))
    with pytest.raises(FileError, match="has the dimensions .*, LU_INDEX .*; these are not the same cells"):
        found(tmp_path, spec)


def swap_to_urban(spec):
    spec.variables["LU_INDEX"].values[0, 0, 1:3] = 31, 33


def one_class_less(spec):
    var = spec.variables["LANDUSEF"]
    spec.variables["LANDUSEF"] = Var(var.dims, var.values[:, :20])


def tie_between_classes(spec):
    spec.variables["LANDUSEF"].values[0, :, 0, 1] = 0
    spec.variables["LANDUSEF"].values[0, [4, 11], 0, 1] = 0.5
    spec.variables["LU_INDEX"].values[0, 0, 1] = 12


def lake_in_model_input(spec):
    for name in ("LU_INDEX", "IVGTYP"):
        spec.variables[name].values[0, 1, 0] = 21
    spec.variables["LANDUSEF"].values[0, [16, 20], 1, 0] = 0, 1


def scaled(name, factor):
    def change(spec):
        spec.variables[name].values *= np.float32(factor)

    return change


@pytest.mark.parametrize(("change", "rule", "count", "severity"), [
    (set_values("LU_INDEX", FIRST_LAND, np.nan), "Every value is finite", 1, "error"),
    (set_values("LANDUSEF", (0, 3, 0, 1), np.nan), "Every value is finite", 1, "error"),
    (set_values("LANDMASK", FIRST_LAND, np.inf), "Every value is finite", 1, "error"),
    (set_values("GREENFRAC", (0, 3, 0, 1), np.nan), "Every value is finite", 1, "error"),
    (set_values("LU_INDEX", FIRST_LAND, 0), "LU_INDEX is not 0", 1, "error"),
    (set_values("LU_INDEX", FIRST_LAND, 22), "LU_INDEX is a whole number of 1..NUM_LAND_CAT", 1, "error"),
    (set_values("LU_INDEX", FIRST_LAND, -3), "LU_INDEX is a whole number of 1..NUM_LAND_CAT", 1, "error"),
    (swap_to_urban, "Urban classes in LU_INDEX are among the file's classes", 2, "error"),
    (set_values("LANDUSEF", (0, [4, 11], 0, 1), [0.75, 0.00001]), "LANDUSEF sums to 1", 1, "error"),
    (set_values("LANDUSEF", (0, [4, 11], 0, 1), [1.5, -0.75]), "LANDUSEF is in 0..1", 2, "error"),
    (one_class_less, "LANDUSEF has NUM_LAND_CAT classes", 0, "error"),
    (tie_between_classes, "LU_INDEX is the class with the largest LANDUSEF", 1, "note"),
    (set_values("LANDMASK", FIRST_LAND, 0), "LANDMASK is 0 exactly where LU_INDEX is ISWATER or ISLAKE", 1, "error"),
    (set_values("LANDMASK", FIRST_LAND, 0.5), "LANDMASK is 0 or 1", 1, "error"),
    (set_values("IVGTYP", FIRST_LAND, 12), "IVGTYP equals LU_INDEX", 1, "error"),
    (lake_in_model_input, "No lake class is left", 1, "note"),
    (scaled("ALBEDO12M", 0.01), "Values are percent", 0, "error"),
    (scaled("GREENFRAC", 100), "Values are fractions", 144, "error"),
    (scaled("VEGFRA", 0.01), "Values are percent", 0, "error"),
    (scaled("SHDMAX", 0.01), "Values are percent", 0, "error"),
    (scaled("VEGFRA", 10), "Values are percent", 12, "error"),
    (scaled("ALBBCK", 100), "Values are fractions", 12, "error"),
    (scaled("LAI", -1), "Values are not negative", 12, "error"),
    (scaled("LAI12M", -1), "Values are not negative", 144, "error"),
    (without("MMINLU"), "MMINLU names the classes", 0, "error"),
    (attribute("MMINLU", " "), "MMINLU names the classes", 0, "error"),
    (without("NUM_LAND_CAT"), "The attributes that name the classes are present", 0, "error"),
    (without("ISWATER"), "The attributes that name the classes are present", 0, "error"),
    (without("ISURBAN"), "The attributes that name the classes are present", 0, "error"),
    (without("ISLAKE"), "The attributes that name the classes are present", 0, "error"),
    (attribute("ISURBAN", np.int32(1)), "ISURBAN is 13 with MODIS classes", 0, "error"),
    (attribute("ISICE", np.int32(24)), "ISICE is 15 with MODIS classes", 0, "error"),
])
def test_a_broken_rule_is_found_and_nothing_else(tmp_path, change, rule, count, severity):
    spec = geo_em(model_input=True)
    change(spec)
    if not rule.startswith("IVGTYP") and not np.array_equal(spec.variables["IVGTYP"].values, spec.variables["LU_INDEX"].values):
        spec.variables.pop("IVGTYP")
    finding, = found(tmp_path, spec)
    assert finding.rule.text.startswith(rule)
    assert (finding.count, finding.rule.severity) == (count, severity)
    assert finding.rule.source and finding.rule.advice


def test_a_lake_class_beyond_the_classes_is_found(tmp_path):
    spec = geo_em()
    one_class_less(spec)
    attribute("NUM_LAND_CAT", np.int32(20))(spec)
    finding, = found(tmp_path, spec)
    assert finding.rule.text == "ISLAKE is one of the file's classes"


def test_the_worst_cell_is_named_with_its_place(tmp_path):
    spec = geo_em()
    spec.variables["LU_INDEX"].values[0, 1, 2], spec.variables["LU_INDEX"].values[0, 2, 3] = 25, 29
    finding, = found(tmp_path, spec)
    assert finding.count == 2
    assert "worst 29 at [Time=0, south_north=2, west_east=3], lat 12, lon 103" in finding.text


def test_urban_codes_are_told_apart(tmp_path):
    spec = geo_em()
    swap_to_urban(spec)
    finding, = found(tmp_path, spec)
    assert "31 in 1 cells, 33 in 1 cells, beside 21 classes" in finding.text


def test_geogrids_land_only_rule_is_recognised(tmp_path):
    spec = geo_em()
    spec.variables["LANDUSEF"].values[0, :, 0, 1] = 0
    spec.variables["LANDUSEF"].values[0, [4, 12, 16], 0, 1] = 0.375, 0.1875, 0.4375
    finding, = found(tmp_path, spec)
    assert finding.rule.severity == "note" and "1 of them follow geogrid's rule" in finding.text


def test_a_real_geo_em_file_breaks_no_rule_and_follows_geogrids_dominant_class():
    """42 coastal cells hold more water than any land class: WPS decides the mask first, then takes the largest land class."""
    finding, = check_host("wrf", shared("data/host/wrf/geo_em.d01_kansai_30km.nc")).findings
    assert (finding.rule.severity, finding.count, finding.total) == ("note", 42, 2500)
    assert "42 of them follow geogrid's rule" in finding.text


def test_a_real_geo_em_file_with_urban_codes_beside_20_classes_is_refused():
    report = check_host("wrf", shared("data/host/wrf/geo_em.d03_kansai_2km.nc"))
    urban, mask = report.findings
    assert report.exit_code == 1
    assert (urban.count, mask.count) == (533 + 108 + 26, 15)
    assert "31 in 533 cells, 32 in 108 cells, 33 in 26 cells, beside 20 classes" in urban.text
    assert "mismatch_landmask_ivgtyp" in mask.text
