import numpy as np
import pytest

from lsbc.emulator.surface.tables import read_parameter_table, shipped_tables, table_from_toml
from lsbc.regrid.errors import ConfigError, FileError

TEXT = """
source = "made up"
licence = "none"
class_system = "three classes"
columns = ["id", "name", "albedo", "z0m", "cover", "lai_min", "lai_max"]
rows = [
    [3, "forest", 13, 50.0, 0.8, 1.0, 5.0],
    [1, "field",  17, 15.0, 0.9, 0.5, 4.0],
    [7, "water",   8, 0.01, 0.0, 0.0, 0.0],
]
quantity.albedo = {units = "%", kind = "albedo"}
quantity.z0m = {units = "cm", kind = "roughness"}
quantity.cover = {units = "1", kind = "plant_cover"}
quantity.lai_min = {units = "m2 m-2", kind = "leaf_area", weight = "cover"}
quantity.lai_max = {units = "m2 m-2", kind = "leaf_area", weight = "cover"}
"""
UPSIDE_DOWN = TEXT.replace('0.8, 1.0, 5.0', '0.8, 6.0, 5.0')
LISTED = '\n[[known_anomaly]]\nclass = 3\nquantities = ["lai_min"]\nvalue = 6.0\nwhy = "so in the source"\n'


def test_values_are_in_the_units_of_the_source_and_in_si():
    table = table_from_toml(TEXT, "mine")
    assert table.quantity("z0m").values.tolist() == [50.0, 15.0, 0.01] and table.si("z0m").tolist() == [0.5, 0.15, 0.0001]
    assert table.si("albedo").tolist() == [0.13, 0.17, 0.08] and table.quantity("albedo").si_units == "1"
    assert table.notes == ()


def test_tables_cannot_be_changed():
    table = table_from_toml(TEXT, "mine")
    with pytest.raises(ValueError, match="read-only"):
        table.quantity("z0m").values[0] = 1.0
    with pytest.raises(TypeError, match="assignment"):
        table.quantities["z0m"] = None
    with pytest.raises(AttributeError, match="cannot assign"):
        table.notes = ("all well",)


def test_classes_can_be_picked_in_another_order():
    table = table_from_toml(TEXT, "mine").select([1, 7])
    assert table.class_ids == (1, 7) and table.class_names == ("field", "water") and table.si("lai_max").tolist() == [4.0, 0.0]
    assert table_from_toml(TEXT, "mine").rows(np.array([7, 7, 3])).tolist() == [2, 2, 0]
    with pytest.raises(ConfigError, match="mine has no class 2"):
        table.select([2])
    with pytest.raises(ConfigError, match="no quantity 'z0h'; it has albedo, z0m"):
        table.si("z0h")


def test_an_anomaly_must_be_listed_and_is_then_kept_and_noted():
    with pytest.raises(ConfigError, match="mine, class 3: lai_min 6 is above lai_max 5; correct it, or list it"):
        table_from_toml(UPSIDE_DOWN, "mine")
    table = table_from_toml(UPSIDE_DOWN + LISTED, "mine")
    assert table.si("lai_min")[0] == 6.0
    assert table.notes == ("mine: class 3 'forest', lai_min = 6, left as it is: so in the source",)


def test_a_list_that_is_at_odds_with_the_rows_is_refused():
    with pytest.raises(ConfigError, match="lists a known anomaly, class 3 lai_min = 6, that its rows do not have"):
        table_from_toml(TEXT + LISTED, "mine")
    with pytest.raises(ConfigError, match="a known_anomaly needs class, quantities, value and why"):
        table_from_toml(TEXT + '[[known_anomaly]]\nclass = 3\n', "mine")


def test_a_listed_anomaly_excuses_no_other_value():
    with pytest.raises(ConfigError, match="class 1: lai_min 4.5 is above lai_max 4"):
        table_from_toml(UPSIDE_DOWN.replace("0.9, 0.5, 4.0", "0.9, 4.5, 4.0") + LISTED, "mine")


@pytest.mark.parametrize("old, new, message", [
    ("[3, \"forest\", 13,", "[3, \"forest\", 1300,", "class 3: albedo is 1300 %, must be from 0 to 1 in SI"),
    ("0.01, 0.0, 0.0", "0.0, 0.0, 0.0", "class 7: z0m is 0 cm, must be above 0 to 10 m in SI"),
    ("0.01, 0.0, 0.0", "nan, 0.0, 0.0", "quantity 'z0m' has a value that is not finite in row 3"),
    ("[1, \"field\",", "[3, \"field\",", "row 2: must start with a class id of its own and a name"),
    ("[1, \"field\",", "[1,", "row 2: 6 entries, the 7 columns are"),
    ("[1, \"field\",  17,", "[1, \"field\",  \"17\",", "row 2: albedo of class 1 must be a number, got '17'"),
    ("units = \"cm\", kind = \"roughness\"", "units = \"%\", kind = \"roughness\"", "quantity 'z0m' is in '%', but its kind 'roughness' is in 'm'"),
    ("units = \"cm\"", "units = \"inch\"", "Units 'inch' are unknown"),
    ("kind = \"albedo\"", "kind = \"whiteness\"", "of unknown kind 'whiteness'"),
    ("kind = \"albedo\"", "sort = \"albedo\"", "quantity 'albedo' has unknown keys \\['sort'\\]"),
    (", kind = \"albedo\"", "", "quantity 'albedo' lacks \\['kind'\\]"),
    ("weight = \"cover\"", "weight = \"albedo\"", "weight 'albedo' of quantity 'lai_min' is not a quantity of kind plant_cover"),
    ("\"z0m\", \"cover\"", "\"z0\", \"cover\"", "columns must be id, name and the quantities"),
    ("licence = \"none\"", "", "lacks keys \\['licence'\\]"),
    ("rows = [", "rows = [[", "is not TOML"),
])
def test_a_broken_table_is_refused_with_row_and_column(old, new, message):
    assert old in TEXT
    with pytest.raises(ConfigError, match=message):
        table_from_toml(TEXT.replace(old, new), "mine")


def test_a_table_without_rows_is_refused():
    with pytest.raises(ConfigError, match="has no rows"):
        table_from_toml("rows = []\n" + TEXT.replace(TEXT[TEXT.index("rows"):TEXT.index("quantity.albedo")], ""), "mine")


def test_tables_are_read_by_name_or_from_a_file(tmp_path):
    (tmp_path / "mine.toml").write_text(TEXT)
    assert read_parameter_table(tmp_path / "mine.toml").class_ids == (3, 1, 7)
    with pytest.raises(FileError, match="absent.toml cannot be read"):
        read_parameter_table(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="'absent' is not one of ecland, extpar_ecoclimap_sg"):
        read_parameter_table("absent")


def test_the_shipped_tables_have_their_classes_source_and_licence():
    tables = {name: read_parameter_table(name) for name in shipped_tables()}
    assert {name: len(table.class_ids) for name, table in tables.items()} == {
        "ecland": 20, "extpar_ecoclimap_sg": 33, "extpar_esacci": 38, "extpar_globcover": 23, "jsbach_lctlib": 21}
    for table in tables.values():
        assert table.class_ids == tuple(range(1, len(table.class_ids) + 1)) and table.source and table.licence


@pytest.mark.parametrize("name, class_id, values", [  # rows as they stand in the sources
    ("extpar_globcover", 19, {"z0m": 1.0, "plcov_min": 0.02, "plcov_max": 0.2, "lai_min": 0.1, "lai_max": 1.6, "root_depth": 0.6, "emissivity": 0.96, "rs_min": 120.0}),
    ("extpar_globcover", 14, {"z0m": 0.03, "plcov_max": 0.9, "lai_max": 3.1, "skin_conductivity": 30.0, "emissivity": 0.993}),
    ("extpar_esacci", 10, {"lccs_code": 61, "z0m": 1.0, "lai_min": 1.2, "root_depth": 1.25, "emissivity": 0.996, "rs_min": 175.0}),
    ("extpar_esacci", 38, {"lccs_code": 220, "z0m": 0.01, "plcov_max": 0.0, "emissivity": 0.9999}),
    ("extpar_ecoclimap_sg", 8, {"z0m": 0.575, "plcov_min": 0.7, "lai_max": 2.7, "emissivity": 0.9999}),
    ("extpar_ecoclimap_sg", 33, {"z0m": 1.0, "lai_max": 0.5, "skin_conductivity": 300.0, "rs_min": 1200.0}),
    ("jsbach_lctlib", 10, {"LandcoverClass": 5, "VegHeight": 1.0, "MaxLAI": 2.0, "AlbedoCanopyNIR": 0.25, "BCLIMIT_MIN_COLD_mmTEMP": 2.0}),
    ("jsbach_lctlib", 2, {"VegRoughness": 2.0, "MaxVegRoughness": 5.0, "BCLIMIT_MIN_COLD_mmTEMP": 15.5}),
    ("ecland", 17, {"layer": 1, "cover": 0.4, "lai": 1.5, "z0m": 0.1}),
    ("ecland", 20, {"layer": 0, "cover": 0.6, "lai": 4.0, "z0m": 0.02}),
])
def test_rows_of_the_shipped_tables_are_those_of_their_sources(name, class_id, values):
    table = read_parameter_table(name).select([class_id])
    assert {key: table.si(key)[0] for key in values} == values


@pytest.mark.parametrize("name, noted", [
    ("extpar_globcover", {(23, "z0m")}),
    ("extpar_esacci", {(1, "z0m"), (34, "lai_min"), (35, "lai_min"), (36, "lai_min")}),
    ("extpar_ecoclimap_sg", {(6, "plcov_min"), (13, "plcov_min"), (21, "z0m"), (22, "z0m")}),
    ("jsbach_lctlib", set()), ("ecland", set()),
])
def test_known_errors_of_the_hosts_are_noted_and_left(name, noted):
    notes = read_parameter_table(name).notes
    assert len(notes) == len(noted)
    for class_id, quantity in noted:
        assert any(f"class {class_id} '" in note and f"', {quantity} = " in note and "left as it is" in note for note in notes)
