import dataclasses
import functools
import tomllib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_CODES
from lsbc.emulator.surface.crosswalk import CODES, NO_CLASS, read_crosswalk, shipped_targets
from lsbc.regrid.errors import ConfigError, FieldError, FileError, ValueRangeError

TARGETS = ("ctsm", "ecland", "esacci", "fraclut", "globcover", "jsbach", "landmate", "modis")
FOLDER = Path(__file__).resolve().parents[3] / "emulator" / "surface" / "crosswalks"
CLIMATES = [(koppen, t) for koppen in range(1, 6) for t in (-60, -32.5, -32.4, -19, -17, -2.01, -2, 0, 2, 9.9, 10, 14.9, 15, 15.5, 27)]
HILDA_V1_AND_V2 = (0, 11, 22, 23, 24, 33, 40, 41, 42, 43, 44, 45, 55, 66, 77)


@functools.cache
def raw(target):
    return tomllib.loads((FOLDER / f"{target}.toml").read_text(encoding="utf-8"), parse_float=Fraction)


def by_hand(target, code, koppen, coldest):
    """Shares of a code in a climate from the file alone."""
    holding = [row["shares"] for row in raw(target)["rows"] if row["code"] == code and koppen in row.get("koppen", range(1, 6))
               and row.get("coldest_month_min_c", -999) <= Fraction(coldest) < row.get("coldest_month_max_c", 999)]
    assert len(holding) == 1, f"{target}: code {code} in {koppen}, {coldest}"
    return {int(key): share for key, share in holding[0].items()}


def cell(target, areas, koppen=3, coldest=5.0):
    """{class id: fraction} of one cell, classes without area left out."""
    crosswalk = read_crosswalk(target)
    fractions = np.zeros((len(CODES), 1))
    for code, area in areas.items():
        fractions[CODES.index(code)] = area
    out = crosswalk.apply(fractions, np.array([koppen]), np.array([coldest]))[:, 0]
    return {cls.id: share for cls, share in zip(crosswalk.classes, out) if share}


def random_cells(n_cell=400):
    random = np.random.default_rng(7)
    return random.dirichlet(np.ones(len(CODES)), n_cell).T, random.integers(1, 6, n_cell), random.uniform(-45, 28, n_cell)


def test_the_eight_targets_are_shipped_and_cover_the_codes_of_both_versions():
    assert tuple(shipped_targets()) == TARGETS
    assert CODES == HILDA_V1_AND_V2


@pytest.mark.parametrize("target", TARGETS)
def test_the_shares_of_every_row_sum_to_one_exactly(target):
    for row in raw(target)["rows"]:
        assert sum(Fraction(share) for share in row["shares"].values()) == 1
        assert row["why"]


@pytest.mark.parametrize("target", TARGETS)
def test_every_code_has_one_row_in_every_climate_and_shares_reads_it(target):
    crosswalk = read_crosswalk(target)
    for koppen, coldest in CLIMATES:
        shares = crosswalk.shares(koppen, coldest)
        assert shares.shape == (15, len(crosswalk.classes))
        for k, code in enumerate(CODES):
            expected = by_hand(target, code, koppen, coldest)
            assert {cls.id: share for cls, share in zip(crosswalk.classes, shares[k]) if share} == {key: float(share) for key, share in sorted(expected.items())}


@pytest.mark.parametrize("target, ids", [("modis", range(1, 22)), ("globcover", range(1, 24)), ("esacci", range(1, 39)), ("jsbach", range(1, 12)),
                                         ("ecland", range(1, 21)), ("ctsm", range(17)), ("landmate", range(1, 17)), ("fraclut", range(1, 5))])
def test_the_classes_are_the_hosts_own_and_others_are_numbered_above_100(target, ids):
    assert [cls.id for cls in read_crosswalk(target).classes if cls.id <= 100] == list(ids)


def test_fraclut_has_the_four_names_of_cmip_in_their_order():
    assert [cls.name for cls in read_crosswalk("fraclut").classes[:4]] == ["primary_and_secondary_land", "pastures", "crops", "urban"]


def test_a_cold_cell_in_wrf_classes():
    assert cell("modis", {40: 0.5, 22: 0.25, 55: 0.125, 77: 0.125}, koppen=4) == {1: 0.5, 12: 0.25, 10: 0.125, 17: 0.125}


def test_a_tropical_and_a_desert_cell_in_extpars_classes():
    assert cell("globcover", {40: 0.5, 55: 0.5}, koppen=1) == {5: 0.5, 12: 0.5}
    assert cell("esacci", {44: 0.25, 66: 0.75}, koppen=2) == {11: 0.25, 34: 0.75}


def test_c3_and_c4_share_grass_and_pasture_between_10_and_15_degrees_in_jsbach():
    got = cell("jsbach", {33: 0.5, 55: 0.25, 11: 0.25}, coldest=12.0)
    assert got == {9: 0.25, 10: 0.25, 5: 0.125, 7: 0.0625, 8: 0.0625, 102: 0.25}


@pytest.mark.parametrize("coldest, expected", [(-2.01, {6: 0.5, 7: 0.5}), (-2.0, {7: 1.0}), (1.99, {7: 1.0}), (2.0, {5: 0.5, 7: 0.5}), (15.0, {5: 0.5, 8: 0.5})])
def test_a_lower_limit_belongs_to_its_row_and_an_upper_limit_to_the_next(coldest, expected):
    assert cell("jsbach", {55: 1.0}, coldest=coldest) == expected


def test_urban_and_sparse_land_are_not_vegetated_in_jsbach():
    crosswalk = read_crosswalk("jsbach")
    out = crosswalk.apply(np.array([[0.25], [0.5], [0.25]]), None, codes=(11, 22, 66))
    assert crosswalk.cover(out, "bare") == 0.5
    assert crosswalk.cover(out, "low") == 0.5


def test_ecland_has_low_and_high_cover_and_their_dominant_types():
    crosswalk = read_crosswalk("ecland")
    out = crosswalk.apply(np.array([[0.25, 0.0], [0.125, 0.0], [0.375, 0.0], [0.125, 0.25], [0.125, 0.75]]), np.array([3, 2]), codes=(22, 33, 41, 11, 66))
    assert crosswalk.cover(out, "low").tolist() == [0.5, 0.0]  # crops, short grass, semidesert; desert is bare
    assert crosswalk.cover(out, "high").tolist() == [0.375, 0.0]
    assert crosswalk.cover(out, "urban").tolist() == [0.125, 0.25]
    assert crosswalk.dominant(out, "low").tolist() == [1, NO_CLASS]
    assert crosswalk.dominant(out, "high").tolist() == [3, NO_CLASS]
    assert crosswalk.dominant(out).tolist() == [3, 8]


def test_the_high_types_of_ecland_are_its_trees():
    assert [cls.id for cls in read_crosswalk("ecland").classes if cls.kind == "high"] == [3, 4, 5, 6, 18, 19]


def test_equal_areas_give_the_lowest_class():
    crosswalk = read_crosswalk("modis")
    out = crosswalk.apply(np.array([[0.5], [0.5]]), None, codes=(33, 22))
    assert crosswalk.dominant(out).tolist() == [10]
    with pytest.raises(FieldError, match="has no class of kind 'land'"):
        crosswalk.dominant(out, "land")


@pytest.mark.parametrize("target", TARGETS)
def test_each_cell_keeps_its_sum_and_matches_its_shares(target):
    fractions, koppen, coldest = random_cells()
    crosswalk = read_crosswalk(target)
    out = crosswalk.apply(fractions, koppen, coldest)
    np.testing.assert_allclose(out.sum(axis=0), fractions.sum(axis=0), rtol=0, atol=1e-12)
    for k in range(0, 400, 40):
        np.testing.assert_allclose(out[:, k], crosswalk.shares(int(koppen[k]), float(coldest[k])).T @ fractions[:, k], rtol=0, atol=1e-15)


@pytest.mark.parametrize("target", TARGETS)
def test_the_bits_depend_neither_on_the_order_of_cells_nor_on_which_are_together(target):
    fractions, koppen, coldest = random_cells()
    crosswalk = read_crosswalk(target)
    out = crosswalk.apply(fractions, koppen, coldest)
    order = np.random.default_rng(1).permutation(400)
    assert (crosswalk.apply(fractions[:, order], koppen[order], coldest[order]) == out[:, order]).all()
    assert (crosswalk.apply(fractions[:, 3:40:3], koppen[3:40:3], coldest[3:40:3]) == out[:, 3:40:3]).all()
    backwards = crosswalk.apply(fractions[::-1], koppen, coldest, codes=CODES[::-1])
    assert (backwards == out).all()
    assert crosswalk.apply(fractions[:, :0], koppen[:0], coldest[:0]).shape == (len(crosswalk.classes), 0)


def test_lsbcs_own_eight_classes_are_the_merged_codes():
    fraction = np.full((8, 1), 0.125)
    crosswalk = read_crosswalk("fraclut")
    assert crosswalk.apply(fraction, None, codes=CLASS_CODES)[:, 0].tolist() == [0.375, 0.125, 0.125, 0.125, 0.125, 0.125]


def test_an_unknown_climate_is_refused_by_cell_where_it_matters_and_only_there():
    crosswalk = read_crosswalk("modis")
    fractions = np.array([[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]])
    with pytest.raises(ValueRangeError, match=r"code 40 \(forest, type unknown\) in cell 1 depends on the Köppen group, which is unknown there"):
        crosswalk.apply(fractions, np.array([0, 0, 3]), codes=(22, 40))
    assert crosswalk.apply(fractions, np.array([0, 4, 3]), codes=(22, 40))[0].tolist() == [0.0, 0.5, 0.0]


def test_an_unknown_coldest_month_is_refused_by_cell_where_it_matters():
    crosswalk = read_crosswalk("jsbach")
    with pytest.raises(ValueRangeError, match="code 44 .* in cell 1 depends on the temperature of the coldest month, which is unknown there"):
        crosswalk.apply(np.ones((1, 2)), np.array([1, 1]), np.array([20.0, np.nan]), codes=(44,))
    with pytest.raises(ValueRangeError, match="code 24 depends on the Köppen group and the temperature of the coldest month"):
        crosswalk.shares(None, None)
    assert cell("jsbach", {40: 1.0}, koppen=0, coldest=-40.0) == {4: 1.0}  # the group does not matter when it is that cold
    with pytest.raises(ValueRangeError, match="cell 0 depends on the Köppen group, which"):
        cell("jsbach", {40: 1.0}, koppen=0, coldest=20.0)


@pytest.mark.parametrize("change, error, match", [
    (dict(fractions=np.ones(2)), FieldError, r"shape \(2,\), needed is \(2, n_cell\)"),
    (dict(fractions=np.ones((3, 1))), FieldError, "shape"),
    (dict(fractions=np.array([[0.5], [np.nan]])), ValueRangeError, "code 40 in cell 0 is nan"),
    (dict(fractions=np.array([[-0.1], [0.5]])), ValueRangeError, "code 22 in cell 0 is -0.1"),
    (dict(fractions=np.array([[50.0], [0.5]])), ValueRangeError, "not within 0..1"),
    (dict(koppen=np.array([6])), ValueRangeError, "'koppen' is 6 in cell 0"),
    (dict(koppen=np.array([-1])), ValueRangeError, "'koppen' is -1 in cell 0"),
    (dict(koppen=np.array([1.0])), FieldError, "type float64"),
    (dict(koppen=np.array([1, 1])), FieldError, r"'koppen' has shape \(2,\)"),
    (dict(coldest_month_c=np.array([288.15])), ValueRangeError, "'coldest_month_c' is 288.15 in cell 0.*kelvin"),
    (dict(coldest_month_c=np.array([-np.inf])), ValueRangeError, "'coldest_month_c' is -inf in cell 0"),
    (dict(codes=(22, 99)), FieldError, r"codes \(22, 99\)"),
    (dict(codes=(22, 22)), FieldError, "must differ"),
])
def test_what_cannot_be_a_fraction_or_a_climate_is_refused(change, error, match):
    good = dict(fractions=np.array([[0.5], [0.5]]), koppen=np.array([3]), coldest_month_c=np.array([5.0]), codes=(22, 40))
    crosswalk = read_crosswalk("modis")
    assert crosswalk.apply(**good).sum() == 1.0
    with pytest.raises(error, match=match):
        crosswalk.apply(**good | change)


def test_a_users_own_file_takes_the_place_of_the_shipped_table(tmp_path):
    text = (FOLDER / "modis.toml").read_text(encoding="utf-8")
    assert "{ code = 33, shares = { 10 = 1 }" in text
    own = tmp_path / "own.toml"
    own.write_text(text.replace("{ code = 33, shares = { 10 = 1 }", "{ code = 33, shares = { 9 = 0.25, 10 = 0.75 }"), encoding="utf-8")
    assert cell(own, {33: 1.0}) == {9: 0.25, 10: 0.75}
    assert cell("modis", {33: 1.0}) == {10: 1.0}
    assert read_crosswalk(own).sha256 != read_crosswalk("modis").sha256


@pytest.mark.parametrize("old, new, match", [
    ('    { id = 18, kind = "low", name = "Wooded Tundra" },\n', "", r"class 18 \(Wooded Tundra\) of target 'modis' is missing"),
    ("classes = [\n", 'classes = [\n    { id = 51, kind = "urban", name = "LCZ 1" },\n', r"class 51 \(LCZ 1\) is not one of target 'modis'"),
    ('id = 13, kind = "urban"', 'id = 13, kind = "low"', "class 13 has kind 'low', target 'modis' has 'urban'"),
])
def test_a_users_file_for_a_shipped_target_has_just_that_targets_classes(tmp_path, old, new, match):
    text = (FOLDER / "modis.toml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    own = tmp_path / "own.toml"
    own.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=match):
        read_crosswalk(own)
    own.write_text(text.replace(old, new).replace('target = "modis"', 'target = "modis_with_lcz"'), encoding="utf-8")
    assert read_crosswalk(own).table.target == "modis_with_lcz"


def test_an_unknown_name_and_a_file_that_is_no_text_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="'modsi' is neither a file nor one of ctsm, ecland"):
        read_crosswalk("modsi")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_crosswalk(tmp_path / "binary.toml")
    with pytest.raises(FileError, match="cannot be read: Is a directory"):
        read_crosswalk(tmp_path)


def test_a_crosswalk_cannot_be_changed():
    crosswalk = read_crosswalk("modis")
    with pytest.raises(dataclasses.FrozenInstanceError):
        crosswalk.sha256 = ""
    with pytest.raises(dataclasses.FrozenInstanceError):
        crosswalk.classes[0].id = 5
