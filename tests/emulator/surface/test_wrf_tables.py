import pytest

from lsbc.emulator.surface.wrf_tables import read_landuse, read_noahmp, read_vegparm, read_wrf_table
from lsbc.regrid.errors import ConfigError, FileError

from shared import shared

MODIS = "MODIFIED_IGBP_MODIS_NOAH"

LANDUSE = """OLD
2,1, 'ALBD   SLMO   SFEM   SFZ0 THERIN   SCFX   SFHC   '
ALL-SEASON
1,      18.,   .05,   .88,   50.,    3.,  1.22, 18.9e5,'Urban land'
2,      17.,   .30,   .92,   15.,    4.,  2.76, 25.0e5,'Agriculture'

PAIR
2,2, 'ALBD   SLMO   SFEM   SFZ0 THERIN   SCFX   SFHC   '
SUMMER
1,      55.,   .95,   .95,   0.1,    5.,    0., 9.0e25, 'Snow and Ice'
2,      17.,   .30,  .985,   15.,    4.,  2.71, 25.0E5, 'Croplands'      a remark
WINTER
! all the same in winter but this
1,      70.,   .95,   .95,   0.1,    5.,    0., 9.0d25, 'Snow and Ice'
2       20.    .60    .92     5.     4.   2.00  25.0e5  'Croplands'
"""

VEGPARM = """Vegetation Parameters
FIRST
1,1, 'SHDFAC NROOT   RS   SNUP  MAXALB   LAIMIN  LAIMAX  Z0MIN    Z0MAX   NEWONE'
1,      .95,   4,    150.,  0.08,    35.,    3.08,   6.48,   .50,     .50,   7.,  'Evergreen Broadleaf Forest'
TOPT_DATA
298.0
CMCMAX_DATA
0.5E-3
BARE
16
Vegetation Parameters
SECOND
2,1, 'SHDFAC NROOT   RS   SNUP  MAXALB   LAIMIN  LAIMAX  Z0MIN    Z0MAX   NEWONE'
1       .70,   4,    125.,   0.08,    52.,    5.00,   6.40,   .50,     .50,  8.,   'Evergreen Needleleaf Forest'
2,      .60,   2,     70.   0.015     59.,    1.75,   5.72,   .30,     .30,  9.,   'Permanent wetlands'
BARE
1
"""

NOAHMP = """! a table
&noahmp_two_veg_categories
 VEG_DATASET_DESCRIPTION = "two classes" ! land type dataset
 NVEG = 2                                ! number
/

&noahmp_two_parameters
 ! NVEG = 2
 !  1: Bare Ground
 ! 2, 'Grass / Herbs'   -> USGS 7 "Grassland"
 ISWATER = 17   ! water
 ! CH2OP: maximum intercepted h2o per unit lai+sai (mm)
 CH2OP    =   0.1,   0.2,
 ! Z0MVT: momentum roughness length (m)
 Z0MVT    =  0.00,  0.12,
 ! FOLNMX: foliage nitrogen concentration when f(n)=1 (%)
 FOLNMX = 0.0, 1.5
 ! VCMX25: maximum rate of carboxylation at 25 degC (umol CO2/m2/s)
 VCMX25 = 0., 40.
 ! XL: leaf/stem orientation index
 XL = 0.000, -0.30,
 ! BP: minimum leaf conductance (umol/m2/s)
 BP = 1.E15, 2.E3,
 ! LAI: monthly leaf area index (one row for each month)
 LAI_JAN  =   0.0,   0.4,
 ! 1: a remark that names no class
/

&noahmp_rad_parameters
 ALBICE = 0.80, 0.55   ! of another length
/
"""


@pytest.fixture
def file(tmp_path):
    def write(text, name="some.TBL"):
        (tmp_path / name).write_text(text)
        return tmp_path / name
    return write


def test_landuse_has_the_chosen_system_and_season_in_its_units_and_in_si(file):
    table = read_landuse(file(LANDUSE), "PAIR", "SUMMER")
    assert table.class_ids == (1, 2) and table.class_names == ("Snow and Ice", "Croplands")
    assert (table.quantity("ALBD").units, table.quantity("SFZ0").units, table.quantity("SFHC").units) == ("%", "cm", "")
    assert table.quantity("ALBD").values.tolist() == [55.0, 17.0] and table.si("ALBD").tolist() == [0.55, 0.17]
    assert table.quantity("SFZ0").values.tolist() == [0.1, 15.0] and table.si("SFZ0").tolist() == [0.001, 0.15]
    assert table.si("SFEM").tolist() == [0.95, 0.985] and table.si("SFHC").tolist() == [9.0e25, 25.0e5]


def test_landuse_seasons_differ_and_a_row_without_commas_is_read_and_told(file):
    table = read_landuse(file(LANDUSE), "PAIR", "WINTER")
    assert table.si("ALBD").tolist() == [0.70, 0.20] and table.si("SFHC")[0] == 9.0e25
    assert table.notes == ("LANDUSE.TBL PAIR WINTER: line 15 (class 2 'Croplands') lacks 8 comma(s); read as the host does",)


def test_vegparm_rows_that_lack_commas_are_read_as_the_host_does(file):
    table = read_vegparm(file(VEGPARM), "SECOND")
    assert [table.si(name).tolist() for name in ("SHDFAC", "NROOT", "RS", "SNUP", "MAXALB")] == [[0.7, 0.6], [4, 2], [125, 70], [0.08, 0.015], [0.52, 0.59]]
    assert table.si("Z0MIN").tolist() == [0.5, 0.3]
    assert [note.partition(": ")[2] for note in table.notes] == [
        "line 14 (class 1 'Evergreen Needleleaf Forest') lacks 1 comma(s); read as the host does",
        "line 15 (class 2 'Permanent wetlands') lacks 2 comma(s); read as the host does"]


def test_vegparm_keeps_what_follows_the_rows_and_columns_it_does_not_know(file):
    table = read_vegparm(file(VEGPARM), "FIRST")
    assert dict(table.constants) == {"TOPT_DATA": 298.0, "CMCMAX_DATA": 0.5e-3, "BARE": 16.0}
    assert table.quantity("NEWONE").values.tolist() == [7.0] and table.quantity("NEWONE").units == ""
    assert table.quantity("LAIMAX").weight == "SHDFAC" and table.notes == ()


def test_noahmp_has_names_units_and_scalars_from_the_file(file):
    table = read_noahmp(file(NOAHMP), "TWO_CLASSES")
    assert table.class_names == ("Bare Ground", "Grass / Herbs") and dict(table.constants) == {"ISWATER": 17.0} and table.notes == ()
    assert {name: column.units for name, column in table.quantities.items()} == {
        "CH2OP": "mm", "Z0MVT": "m", "FOLNMX": "%", "VCMX25": "umol m-2 s-1", "XL": "", "BP": "umol m-2 s-1", "LAI_JAN": "m2 m-2"}
    assert table.si("CH2OP").tolist() == [0.0001, 0.0002] and table.si("FOLNMX").tolist() == [0.0, 0.015]
    assert table.si("VCMX25")[1] == 40e-6 and table.si("XL").tolist() == [0.0, -0.3]


def test_noahmp_class_names_that_the_comments_lack_are_told(file):
    table = read_noahmp(file(NOAHMP.replace(" !  1: Bare Ground\n", "")), "TWO_CLASSES")
    assert table.class_names[0] == "class 1" and "name no class 1" in table.notes[0]


def test_files_are_told_apart_by_what_they_hold(file):
    assert read_wrf_table(file(LANDUSE), "OLD", "ALL-SEASON").name == "LANDUSE.TBL OLD ALL-SEASON"
    assert read_wrf_table(file(VEGPARM), "FIRST").name == "VEGPARM.TBL FIRST"
    assert read_wrf_table(file(NOAHMP), "TWO_CLASSES").name == "NoahmpTable.TBL TWO_CLASSES"


@pytest.mark.parametrize("text, system, season, error, message", [
    (LANDUSE, "USGS", "SUMMER", ConfigError, "system must be one of OLD, PAIR, got 'USGS'"),
    (LANDUSE, None, None, ConfigError, "system must be one of OLD, PAIR, got None"),
    (LANDUSE, "PAIR", "SPRING", ConfigError, "section PAIR: season must be one of SUMMER, WINTER, got 'SPRING'"),
    (LANDUSE.replace("15.,    4.,  2.71", "15.,    4x,  2.71"), "PAIR", "SUMMER", FileError, "section PAIR SUMMER, line 11: '4x' is not a number"),
    (LANDUSE.replace("15.,    4.,  2.71", "15.,    ,  2.71"), "PAIR", "SUMMER", FileError, "section PAIR SUMMER, line 11: a row must be"),
    (LANDUSE.replace("15.,    4.,  2.71", "15.,    2.71"), "PAIR", "SUMMER", FileError, "line 11: expected class 2 and 7 numbers .*, got class 2 and 6"),
    (LANDUSE.replace("2,      17.,   .30,  .985", "3,      17.,   .30,  .985"), "PAIR", "SUMMER", FileError, "line 11: expected class 2 .* got class 3"),
    (LANDUSE.replace("'Croplands'      a remark", "Croplands"), "PAIR", "SUMMER", FileError, "line 11: a row must be a class, its numbers and a name in quotes"),
    (LANDUSE.replace("WINTER\n", ""), "PAIR", "SUMMER", FileError, "section PAIR, line 13: expected the name of a season"),
    (LANDUSE[:LANDUSE.rindex("2       20.")], "PAIR", "SUMMER", FileError, "section PAIR WINTER, line 14: the file ends with 1 of 2 rows missing"),
    (LANDUSE.replace("55.,   .95", "155.,   .95"), "PAIR", "SUMMER", FileError, "section PAIR SUMMER, line 10: class 1: ALBD is 155 %, must be from 0 to 1 in SI"),
    (VEGPARM.replace("1.75,   5.72", "5.72,   1.75"), "SECOND", None, FileError, "section SECOND, line 15: class 2: LAIMIN 5.72 is above LAIMAX 1.75"),
    (VEGPARM.replace("BARE\n16", "BARE\nsixteen"), "FIRST", None, FileError, "section FIRST, line 10: expected the number of BARE, got 'sixteen'"),
    (NOAHMP, "USGS", None, ConfigError, "system must be one of TWO_CLASSES, got 'USGS'"),
    (NOAHMP.replace("0.00,  0.12,", "0.00,  0.12, 3.,"), "TWO_CLASSES", None, FileError, "section &noahmp_two_parameters, line 15: Z0MVT has 3 values, NVEG is 2"),
    (NOAHMP.replace("0.00,  0.12,", "0.00,  tall,"), "TWO_CLASSES", None, FileError, "line 15: Z0MVT has 'tall', which is not a number"),
    (NOAHMP.replace("0.00,  0.12,", "0.00,  12.,"), "TWO_CLASSES", None, FileError, "line 15: class 2: Z0MVT is 12 m, must be from 0 to 10 m in SI"),
    (NOAHMP.replace("NVEG = 2  ", "NCAT = 2  "), "TWO_CLASSES", None, FileError, "section &noahmp_two_veg_categories, line 2: NVEG or the group"),
    ("nothing\nof the kind\n", "USGS", None, FileError, "no land-use system found"),
])
def test_errors_name_file_section_and_line(file, text, system, season, error, message):
    with pytest.raises(error, match=f"some.TBL.*{message}"):
        read_wrf_table(file(text), system, season)


def test_the_real_landuse_table_has_the_values_that_are_printed_for_it():
    summer, winter = (read_landuse(shared("data/host/wrf/LANDUSE.TBL"), MODIS, season) for season in ("SUMMER", "WINTER"))
    assert len(summer.class_ids) == 61 and summer.class_names[16] == "Water"
    assert [summer.si("ALBD")[k - 1] for k in (1, 5, 12, 15)] == [0.12, 0.13, 0.17, 0.55] and [winter.si("ALBD")[k - 1] for k in (5, 15)] == [0.14, 0.70]
    assert [summer.si("SFZ0")[k - 1] for k in (5, 12, 15, 17)] == [0.5, 0.15, 0.001, 0.0001] and winter.si("SFZ0")[4] == 0.2
    assert summer.si("SFEM")[11] == 0.985
    assert sum("class 21 'Unassigned'" in note for note in summer.notes) == 1
    assert any("class 16" in note and "ALBD = 25" in note for note in summer.notes) and any("ALBD = 23" in note for note in winter.notes)


def test_all_systems_of_the_real_tables_are_read_with_their_anomalies_as_notes():
    landuse, vegparm = shared("data/host/wrf/LANDUSE.TBL"), shared("data/host/wrf/VEGPARM.TBL")
    sizes = {system: len(read_landuse(landuse, system, "SUMMER").class_ids) for system in ("OLD", "USGS", "SiB", "MODIS", "SSIB", "NLCD40")}
    assert sizes == {"OLD": 13, "USGS": 61, "SiB": 16, "MODIS": 61, "SSIB": 24, "NLCD40": 40}
    assert len(read_landuse(landuse, "LW12", "ALL-SEASON").class_ids) == 3
    sizes = {system: len(read_vegparm(vegparm, system).class_ids) for system in ("USGS", MODIS, "NLCD40", "USGS-RUC", "MODI-RUC")}
    assert sizes == {"USGS": 27, MODIS: 20, "NLCD40": 40, "USGS-RUC": 28, "MODI-RUC": 21}
    assert sum("= 999" in note for note in read_vegparm(vegparm, "NLCD40").notes) == 3


def test_the_real_vegparm_table_is_read_whole_although_three_rows_lack_commas():
    table = read_vegparm(shared("data/host/wrf/VEGPARM.TBL"), MODIS)
    assert [table.si("NROOT")[k - 1] for k in (1, 11, 14, 17)] == [4, 2, 3, 0]
    assert [table.si(name)[10] for name in ("SNUP", "MAXALB", "LAIMIN", "LAIMAX", "Z0MAX")] == [0.015, 0.59, 1.75, 5.72, 0.3]
    assert [table.si("SHDFAC")[k - 1] for k in (1, 2, 14)] == [0.7, 0.95, 0.8]
    lacking = [note for note in table.notes if "comma" in note]
    assert [number for number in (1, 11, 14) if any(f"(class {number} " in note for note in lacking)] == [1, 11, 14] and len(lacking) == 3
    assert table.constants["CROP"] == 12.0 and table.constants["LCZ_11"] == 61.0


def test_the_real_noahmp_table_has_monthly_leaves_and_indicators():
    table = read_noahmp(shared("data/host/wrf/NoahmpTable.TBL"), MODIS)
    assert table.class_names[10] == "Permanent wetlands" and table.class_names[13] == "cropland/natural vegetation mosaic"
    assert [table.si(name)[7] for name in ("Z0MVT", "HVT", "LAI_JAN", "LAI_JUL")] == [0.6, 13.0, 0.2, 4.1]
    assert table.si("LAI_JUN")[3] == 4.7 and table.si("SAI_SEP")[3] == 1.6
    assert (table.constants["ISWATER"], table.constants["ISURBAN"], table.constants["ISICE"]) == (17.0, 13.0, 15.0)
    usgs = read_noahmp(shared("data/host/wrf/NoahmpTable.TBL"), "USGS")
    assert len(usgs.class_ids) == 27 and usgs.si("BP")[0] == 1e9 and usgs.quantity("BP").si_units == "mol m-2 s-1"
