import pytest

from lsbc.emulator.surface.crosswalk import read_crosswalk, try_crosswalk
from lsbc.emulator.surface.crosswalk_rules import HILDA_NAMES
from lsbc.regrid.errors import ConfigError

HEAD = """format = 1
target = "toy"
title = "Toy"
version = "1"
hilda_versions = ["1.0", "2.1"]
source = "made up"
"""
CLASSES = """classes = [
  { id = 1, kind = "high", name = "trees" },
  { id = 2, kind = "low", name = "grass" },
  { id = 3, kind = "unused", name = "nothing" },
]
"""
ROWS = "rows = [\n" + "".join(f"  {{ code = {code}, shares = {{ 1 = 0.25, 2 = 0.75 }}, why = 'toy' }},\n" for code in HILDA_NAMES if code != 55) + """
  { code = 55, koppen = [1, 2], coldest_month_max_c = 10, shares = { 1 = 1 }, why = "toy" },
  { code = 55, koppen = [1, 2], coldest_month_min_c = 10.0, shares = { 2 = 1 }, why = "toy" },
  { code = 55, koppen = [3, 4, 5], shares = { 1 = 0.1, 2 = 0.9 }, why = "toy" },
]
"""
TOY = HEAD + CLASSES + ROWS
CODE_11 = "{ code = 11, shares = { 1 = 0.25, 2 = 0.75 }, why = 'toy' }"


@pytest.fixture
def refusal(tmp_path):
    def refused(old, new, text=TOY):
        assert text.count(old) == 1, f"{old!r} is not once in the toy table"
        path = tmp_path / "toy.toml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            read_crosswalk(path)
        return str(error.value)

    return refused


def test_the_toy_table_is_good(tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text(TOY, encoding="utf-8")
    assert read_crosswalk(path).table.edges(55) == [10.0]


@pytest.mark.parametrize("new, expected", [
    ("{ code = 11, shares = { 1 = 0.25, 2 = 0.7500000000011 }, why = 'toy' }", "row 2 (code 11), column 'shares': the shares sum to 1.0000000000011, not to 1"),
    ("{ code = 11, shares = { 1 = 0.25 }, why = 'toy' }", "row 2 (code 11), column 'shares': the shares sum to 0.25"),
    ("{ code = 11, shares = {}, why = 'toy' }", "row 2 (code 11), column 'shares': must be"),
    ("{ code = 11, why = 'toy' }", "row 2 (code 11), column 'shares': must be"),
    ("{ code = 11, shares = { 1 = 1.5, 2 = -0.5 }, why = 'toy' }", "row 2 (code 11), column shares.1: a share is above 0 and at most 1, got 1.5"),
    ("{ code = 11, shares = { 1 = 0, 2 = 1 }, why = 'toy' }", "row 2 (code 11), column shares.1: a share is above 0"),
    ("{ code = 11, shares = { 1 = nan, 2 = 1 }, why = 'toy' }", "row 2 (code 11), column shares.1: must be a finite number"),
    ("{ code = 11, shares = { 1 = true }, why = 'toy' }", "row 2 (code 11), column shares.1: must be a finite number"),
    ("{ code = 11, shares = { 1 = '1' }, why = 'toy' }", "row 2 (code 11), column shares.1: must be a finite number"),
    ("{ code = 11, shares = { 7 = 1 }, why = 'toy' }", "row 2 (code 11), column shares.7: no such target class"),
    ("{ code = 11, shares = { 01 = 1 }, why = 'toy' }", "row 2 (code 11), column shares.01: no such target class"),
    ("{ code = 11, shares = { trees = 1 }, why = 'toy' }", "row 2 (code 11), column shares.trees: no such target class"),
    ("{ code = 11, shares = { 3 = 1 }, why = 'toy' }", "row 2 (code 11), column shares.3: class 'nothing' is unused"),
    ("{ code = 12, shares = { 1 = 1 }, why = 'toy' }", "row 2 (code 12), column 'code': not one of HILDA+ 0, 11"),
    ("{ code = 99, shares = { 1 = 1 }, why = 'toy' }", "row 2 (code 99), column 'code': not one of HILDA+"),
    ("{ code = 11, shares = { 1 = 1 } }", "row 2 (code 11), column 'why': must say"),
    ("{ code = 11, shares = { 1 = 1 }, why = ' ' }", "row 2 (code 11), column 'why': must say"),
    ("{ code = 11, share = { 1 = 1 }, why = 'toy' }", "row 2 (code 11): unknown column 'share'"),
    ("{ code = 11, koppen = [0], shares = { 1 = 1 }, why = 'toy' }", "row 2 (code 11), column 'koppen': must be a list of main groups"),
    ("{ code = 11, koppen = ['C'], shares = { 1 = 1 }, why = 'toy' }", "row 2 (code 11), column 'koppen': must be a list of main groups"),
    ("{ code = 11, koppen = [3, 3], shares = { 1 = 1 }, why = 'toy' }", "row 2 (code 11), column 'koppen': must be a list of main groups"),
    ("{ code = 11, koppen = [], shares = { 1 = 1 }, why = 'toy' }", "row 2 (code 11), column 'koppen': must be a list of main groups"),
    ("{ code = 11, coldest_month_min_c = 'warm', shares = { 1 = 1 }, why = 'toy' }", "row 2 (code 11), column 'coldest_month_min_c': must be a finite number"),
    ("{ code = 11, coldest_month_min_c = 5, coldest_month_max_c = 5, shares = { 1 = 1 }, why = 'toy' }", "row 2 (code 11), column 'coldest_month_max_c': 5 is not above"),
])
def test_a_bad_row_is_refused_with_row_and_column(refusal, new, expected):
    assert expected in refusal(CODE_11, new)


def test_a_share_within_1e_12_of_one_is_taken_and_made_to_sum(tmp_path):
    path = tmp_path / "thirds.toml"
    path.write_text(TOY.replace("{ code = 11, shares = { 1 = 0.25, 2 = 0.75 }", "{ code = 11, shares = { 1 = 0.333333333333, 2 = 0.666666666667 }"), encoding="utf-8")
    assert read_crosswalk(path).shares(3, 0.0)[1].sum() == pytest.approx(1.0, abs=1e-15)


@pytest.mark.parametrize("old, new, expected", [
    ('kind = "high", name = "trees"', 'kind = "tall", name = "trees"', "class 1, column 'kind': 'tall' is not one of high, low"),
    ('id = 1, kind = "high"', 'id = -1, kind = "high"', "class 1, column 'id': must be an integer from 0"),
    ('id = 2, kind', 'id = 1, kind', "class 2: id 1 is used before"),
    ('name = "trees"', 'name = ""', "class 1, column 'name': must be a text"),
    ('name = "trees"', 'name = "trees", height_m = 20', "class 1: unknown column 'height_m'"),
    ("format = 1", "format = 2", "format is 2, this lsbc reads 1"),
    ("format = 1\n", "", "format is None"),
    ('hilda_versions = ["1.0", "2.1"]', 'hilda_versions = ["1.0", "3.0"]', "hilda_versions is ['1.0', '3.0'], this lsbc knows ['1.0', '2.1']"),
    ('version = "1"', 'version = 1', "key 'version' must be a text"),
    ('source = "made up"\n', "", "key 'source' must be a text"),
    ('source = "made up"\n', 'source = "made up"\nauthor = "me"\n', "unknown key 'author'"),
    (ROWS, "rows = []\n", "key 'rows' must be a list of tables"),
    (CLASSES, "classes = 5\n", "key 'classes' must be a list of tables"),
    ("format = 1", "format = ", "not a TOML file: "),
])
def test_a_bad_heading_or_class_is_refused(refusal, old, new, expected):
    assert expected in refusal(old, new)


def test_a_code_without_a_row_is_refused(refusal):
    assert "code 11 (urban) has no row" in refusal(CODE_11 + ",", "")


@pytest.mark.parametrize("old, new, expected", [
    ("coldest_month_max_c = 10,", "coldest_month_max_c = 9,", "code 55 (grass, shrub): no row holds in Köppen A, coldest month 9 to 10 °C"),
    ("coldest_month_max_c = 10,", "coldest_month_max_c = 12,", "code 55 (grass, shrub): rows 15 and 16 all hold in Köppen A, coldest month 10 to 12 °C"),
    ("koppen = [3, 4, 5]", "koppen = [3, 5]", "code 55 (grass, shrub): no row holds in Köppen D, coldest month below 10 °C"),
    ("koppen = [3, 4, 5]", "koppen = [2, 3, 4, 5]", "code 55 (grass, shrub): rows 15 and 17 all hold in Köppen B, coldest month below 10 °C"),
    (CODE_11 + ",", CODE_11 + "," + CODE_11 + ",", "code 11 (urban): rows 2 and 3 all hold in Köppen A, coldest month any"),
])
def test_a_climate_without_a_row_or_with_two_is_refused_by_code_and_climate(refusal, old, new, expected):
    assert expected in refusal(old, new)


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text(TOY.replace(CODE_11, "{ code = 12, shares = { 1 = 1 }, why = 'toy' }").replace("1 = 0.1, 2 = 0.9", "1 = 0.1, 2 = 0.8"), encoding="utf-8")
    crosswalk, problems = try_crosswalk(path)
    assert crosswalk is None
    assert [problem[:18] for problem in problems] == ["row 2 (code 12), c", "row 17 (code 55), "]
    with pytest.raises(ConfigError, match="and 1 more"):
        read_crosswalk(path)
