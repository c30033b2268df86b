"""Hand-worked cells: fractions exact in binary, so that shares and ties are exact in single precision too."""

import numpy as np
import pytest

from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.wrf_classes import IS_ICE, IS_WATER, NO_LAND, NO_ROOM, NOT_COVERED, TAKEN, Template, check_crosswalk, fate_of_cells, new_classes
from lsbc.emulator.hosts.year_file import open_year
from lsbc.emulator.surface.crosswalk import read_crosswalk
from lsbc.regrid.errors import ConfigError, ValueRangeError

from year_files import fractions, write_year

FOREST, CROP, URBAN, GRASS, SPARSE, WATER = 40, 22, 11, 33, 66, 77
"""HILDA+ codes; in a temperate climate they are WRF's classes 5, 12, 13, 10, 16 and 17."""


@pytest.fixture
def update(tmp_path):
    """Run `new_classes` on one cell of lsbc and one {class: share} of the template each; `None` for a template without LANDUSEF."""
    def run(ours, theirs, index, land=True, n_class=21, lake=True, koppen=3, **options):
        n = len(ours)
        path = write_year(tmp_path / "lsbc_2031.nc", fractions(*ours), np.arange(n) + 5.0, np.full(n, 50.0), koppen=koppen)
        shares = None if theirs is None else np.zeros((n_class, n), np.float32)
        for k, cell in enumerate(theirs or ()):
            for class_id, share in cell.items():
                shares[class_id - 1, k] = share
        template = Template(index=np.array(index, np.float32), land=np.broadcast_to(land, n).copy(), fractions=shares, n_class=n_class, lake=lake)
        with open_year(path) as year:
            return new_classes(HostClasses.of(year, "modis"), template, **options)

    return run


def shares(new, cell):
    return {k + 1: float(share) for k, share in enumerate(new.fractions[:, cell]) if share}


def test_a_land_cell_gets_our_classes_and_the_largest_of_them(update):
    new = update([{FOREST: 0.5, CROP: 0.25, URBAN: 0.25}], [{10: 1}], [10])
    assert shares(new, 0) == {5: 0.5, 12: 0.25, 13: 0.25}
    assert new.index.tolist() == [5] and new.index.dtype == np.float32 and new.fate.tolist() == [TAKEN]


def test_of_equal_classes_the_lowest_number_is_taken(update):
    assert update([{URBAN: 0.5, FOREST: 0.5}, {URBAN: 0.5, CROP: 0.5}], [{10: 1}] * 2, [10, 10]).index.tolist() == [5, 12]


def test_classes_that_are_equal_in_single_precision_are_equal(update):
    new = update([{CROP: 0.5 + 1e-12, FOREST: 0.5 - 1e-12}], [{10: 1}], [10])
    assert shares(new, 0) == {5: 0.5, 12: 0.5} and new.index.tolist() == [5]


def test_water_shares_stay_and_our_land_fills_the_rest(update):
    """lsbc: half water. Template: 3/8 water, 1/8 lake; 1/2 left for forest : crops = 3 : 1."""
    new = update([{WATER: 0.5, FOREST: 0.375, CROP: 0.125}], [{17: 0.375, 21: 0.125, 10: 0.5}], [10])
    assert shares(new, 0) == {17: 0.375, 21: 0.125, 5: 0.375, 12: 0.125}


def test_the_largest_land_class_is_taken_where_water_is_larger(update):
    new = update([{FOREST: 0.5, CROP: 0.25, URBAN: 0.25}], [{17: 0.5, 5: 0.5}], [5])
    assert shares(new, 0) == {17: 0.5, 5: 0.25, 12: 0.125, 13: 0.125} and new.index.tolist() == [5]


def test_ice_is_taken_from_barren_land_first(update):
    new = update([{SPARSE: 0.75, GRASS: 0.25}], [{15: 0.25, 10: 0.75}], [10])
    assert shares(new, 0) == {15: 0.25, 16: 0.5, 10: 0.25} and new.index.tolist() == [16]


def test_ice_beyond_barren_land_is_taken_from_the_others_in_proportion(update):
    """0.5 ice: all barren land and 0.375 of the others' 0.875, which leaves 0.5, half forest and half grass as before."""
    new = update([{SPARSE: 0.125, FOREST: 0.4375, GRASS: 0.4375}], [{15: 0.5, 10: 0.5}], [10])
    assert shares(new, 0) == {15: 0.5, 5: 0.25, 10: 0.25}


def test_no_cell_becomes_ice(update):
    new = update([{FOREST: 0.25, CROP: 0.25, URBAN: 0.25, GRASS: 0.25}], [{15: 0.4375, 12: 0.5625}], [12])
    assert new.index.tolist() == [5] and shares(new, 0)[15] == 0.4375


def test_cells_that_are_the_hosts_keep_everything(update):
    theirs = [{17: 0.75, 5: 0.25}, {15: 0.5, 16: 0.5}, {5: 1}, {5: 0.5, 12: 0.5}, {15: 1}]
    ours = [{FOREST: 1}, {FOREST: 1}, {}, {WATER: 1}, {FOREST: 1}]
    new = update(ours, theirs, [17, 15, 5, 12, 10], land=[False, True, True, True, True])
    assert new.fate.tolist() == [IS_WATER, IS_ICE, NOT_COVERED, NO_LAND, NO_ROOM]
    assert [shares(new, k) for k in range(5)] == theirs and new.index.tolist() == [17, 15, 5, 12, 10]
    assert new.notes == ["0 of 5 cells have lsbc's land use; the others keep the template's land use: 1 water, 1 not covered by lsbc, 1 ice, "
                         "1 land in which lsbc has no land, 1 land without room for a land class; LU_INDEX changes in 0 cells"]


def test_water_of_the_template_in_a_land_cell_is_mended_and_told(update):
    new = update([{FOREST: 1}], [{17: 0.25, 5: 0.75}], [17])
    assert new.index.tolist() == [5]
    assert "LU_INDEX changes in 1 cells, 1 of them from water although the land mask says land" in new.notes[0]


def test_a_sliver_of_land_is_no_land(update):
    """Rounding of overlaps decides nothing: less than a millionth of the cell is counted as no land at all, a millionth is land."""
    shares_of_land = (2e-16, 1e-9, 0.999e-6, 1e-6)
    new = update([{URBAN: land, WATER: 1 - land} for land in shares_of_land], [{17: 0.25, 5: 0.75}] * 4, [5] * 4)
    assert new.fate.tolist() == [NO_LAND] * 3 + [TAKEN] and new.index.tolist() == [5, 5, 5, 13]
    assert [shares(new, k) for k in range(4)] == [{17: 0.25, 5: 0.75}] * 3 + [{17: 0.25, 13: 0.75}]
    assert "3 land in which lsbc has no land" in new.notes[0]


@pytest.mark.parametrize(("room", "fate"), [(0.0, NO_ROOM), (5e-7, NO_ROOM), (2e-6, TAKEN)])
def test_water_and_ice_leave_room_for_land_from_a_millionth_on(update, room, fate):
    new = update([{FOREST: 1}], [{17: 0.5, 15: 0.5 - room, 10: room}], [10])
    assert new.fate.tolist() == [fate]


@pytest.mark.parametrize("share", [-0.0, 1 + 5e-7])
def test_shares_may_exceed_1_by_rounding(update, share):
    assert update([{FOREST: 1}], [{10: share, 5: 1 - share}] if share < 1 else [{10: share}], [10]).fate.tolist() == [TAKEN]


@pytest.mark.parametrize("odd", [np.nan, 9.969209968386869e36, -9.0, 0.0])
def test_only_taken_and_folded_cells_are_changed_whatever_the_others_hold(update, odd):
    theirs = [{17: odd}, {21: 0.5, 17: 0.5}, {10: 1}, {13: 1}, {21: odd, 17: 0.5}]
    new = update([{FOREST: 1}] * 3 + [{}] * 2, theirs, [odd, 21, 10, 31, odd], land=[False, False, True, True, False], fold_lakes=True, one_urban=True)
    assert new.changed.tolist() == [False, True, True, True, False]
    assert new.index[1:4].tolist() == [17, 5, 13]
    assert new.fractions[:, 0].tobytes() == np.where(np.arange(21) == 16, odd, 0).astype(np.float32).tobytes()
    assert new.fractions[20, 4].tobytes() == np.float32(odd).tobytes() and new.fractions[16, 4] == 0.5


def test_a_cell_that_keeps_its_class_is_not_changed(update):
    assert update([{FOREST: 1}, {CROP: 1}], [{5: 1}] * 2, [5, 5]).changed.tolist() == [False, True]


def test_a_template_without_fractions_gets_its_index(update):
    new = update([{CROP: 0.75, WATER: 0.25}, {FOREST: 1}], None, [5, 15])
    assert new.index.tolist() == [12, 15] and new.fractions is None


def test_urban_codes_stay_while_the_cell_is_urban(update):
    ours = [{URBAN: 0.75, CROP: 0.25}, {URBAN: 0.25, CROP: 0.75}, {URBAN: 1}, {URBAN: 1}]
    theirs = [{13: 0.5, 5: 0.5}] * 4
    new = update(ours, theirs, [32, 31, 5, 13], n_class=20, lake=False)
    assert new.index.tolist() == [32, 12, 13, 13]
    assert shares(new, 0) == {13: 0.75, 12: 0.25}
    assert new.notes[1] == ("LU_INDEX has the urban classes 31, 32: 1 of their cells stay what they are, 1 urban cells are no longer urban, "
                            "1 cells became urban (class 13)")
    assert "beyond the 20 classes need a release of WRF" in new.notes[2]


def test_urban_codes_beyond_the_classes_become_one_in_all_cells_on_demand(update):
    new = update([{URBAN: 1}, {}], [{13: 1}] * 2, [33, 31], n_class=20, lake=False, one_urban=True)
    assert new.index.tolist() == [13, 13]
    assert "were made class 13 in all cells" in new.notes[2]


def test_urban_codes_among_the_classes_stay_even_then(update):
    new = update([{URBAN: 1}], [{52: 1}], [52], n_class=61, one_urban=True)
    assert new.index.tolist() == [52] and len(new.notes) == 2


def test_local_climate_zones_share_the_urban_area_as_before(update):
    """0.5 urban, divided 3 : 1 between zones 51 and 56; a cell that becomes urban has one urban class; without zones it is class 13."""
    theirs = [{51: 0.375, 56: 0.125, 10: 0.5}, {51: 0.25, 10: 0.75}, {10: 1}, {51: 0.125, 13: 0.125, 10: 0.75}]
    ours = [{URBAN: 0.5, CROP: 0.25, FOREST: 0.25}, {URBAN: 0.75, CROP: 0.25}, {URBAN: 0.25, CROP: 0.75}, {URBAN: 0.5, CROP: 0.5}]
    new = update(ours, theirs, [51, 10, 10, 10], n_class=61)
    assert [shares(new, k) for k in range(4)] == [{5: 0.25, 12: 0.25, 51: 0.375, 56: 0.125}, {12: 0.25, 13: 0.75}, {12: 0.75, 13: 0.25},
                                                 {12: 0.5, 13: 0.25, 51: 0.25}]
    assert new.index.tolist() == [51, 13, 12, 12]


def test_lakes_become_water_on_demand_in_all_cells(update):
    theirs = [{21: 0.75, 17: 0.25}, {21: 0.25, 5: 0.75}, {17: 0.25, 21: 0.25, 5: 0.5}]
    new = update([{WATER: 1}, {}, {CROP: 1}], theirs, [21, 5, 5], land=[False, True, True], fold_lakes=True)
    assert [shares(new, k) for k in range(3)] == [{17: 1}, {17: 0.25, 5: 0.75}, {17: 0.5, 12: 0.5}]
    assert new.index.tolist() == [17, 5, 12] and "in 1 cells and all shares" in new.notes[-1]


def test_without_a_lake_class_nothing_is_folded(update):
    new = update([{WATER: 1}], [{17: 1}], [17], land=False, n_class=20, lake=False, fold_lakes=True)
    assert new.index.tolist() == [17] and len(new.notes) == 1


def test_a_row_of_the_file_that_is_no_lake_class_is_not_water(update):
    new = update([{CROP: 1}], [{21: 0.25, 5: 0.75}], [5], n_class=21, lake=False)
    assert shares(new, 0) == {12: 1}


def test_sums_are_1_in_single_precision_and_index_is_the_largest_land_class(update):
    rng = np.random.default_rng(1)
    ours = rng.dirichlet(np.full(8, 0.4), 500)
    theirs = rng.dirichlet(np.full(21, 0.2), 500)
    theirs[:, 14] *= 0.2  # ice
    theirs /= theirs.sum(axis=1, keepdims=True)
    codes = (0, 11, 22, 33, 40, 55, 66, 77)
    new = update([dict(zip(codes, cell)) for cell in ours], [{k + 1: share for k, share in enumerate(cell)} for cell in theirs], np.full(500, 5))
    total = new.fractions.sum(axis=0, dtype=np.float64)
    assert np.abs(total - 1)[new.taken].max() < 1.2e-7
    assert (new.fractions >= 0).all()
    land = np.delete(np.arange(1, 22), [14, 16, 20])
    assert (new.index == land[np.argmax(new.fractions[land - 1], axis=0)])[new.taken].all()
    assert np.array_equal(new.fractions[[14, 16, 20]], theirs.T[[14, 16, 20]].astype(np.float32))


def test_a_cell_has_the_same_bits_alone_and_among_others(update):
    rng = np.random.default_rng(2)
    codes = (11, 22, 33, 40, 55, 66, 77)
    ours = [dict(zip(codes, cell)) for cell in rng.dirichlet(np.ones(7), 40)]
    theirs = [{17: 0.1, 15: 0.05, 10: 0.85}] * 40
    together = update(ours, theirs, [10] * 40)
    for k in (0, 17, 39):
        alone = update(ours[k:k + 1], theirs[:1], [10])
        assert np.array_equal(alone.fractions[:, 0], together.fractions[:, k])


@pytest.mark.parametrize(("index", "share", "match"), [
    (np.nan, 1.0, r"LU_INDEX of cell 1 \(5.0000 E, 50.0000 N\) is nan"),
    (9.969209968386869e36, 1.0, r"LU_INDEX of cell 1 \(5.0000 E, 50.0000 N\) is 9.96921e\+36; every land cell"),
    (-9, 1.0, "LU_INDEX of cell 1 .* is -9"),
    (62, 1.0, "LU_INDEX of cell 1 .* is 62"),
    (5, 1 + 2e-6, "is 1.000002.*, not within 0..1"),
    (5, np.nan, r"LANDUSEF of class 10 in cell 1 \(5.0000 E, 50.0000 N\) is nan, not within 0..1"),
    (5, 100.0, "is 100.0, not within 0..1"),
    (5, -0.5, "is -0.5, not within 0..1"),
])
def test_a_broken_template_is_refused(update, index, share, match):
    with pytest.raises(ValueRangeError, match=match):
        update([{FOREST: 1}], [{10: share}], [index])


def test_an_unknown_climate_of_a_forest_names_the_cell(update):
    with pytest.raises(ValueRangeError, match=r"cell 1 \(5.0000 E.*Köppen group"):
        update([{FOREST: 1}], [{10: 1}], [10], koppen=0)


def test_an_unknown_climate_of_a_cell_that_stays_the_hosts_does_not_matter(update):
    assert update([{FOREST: 1}], [{17: 1}], [17], land=False, koppen=0).index.tolist() == [17]


def test_fate_needs_no_crosswalk(tmp_path):
    path = write_year(tmp_path / "lsbc_2031.nc", fractions({FOREST: 1}, {WATER: 1}, {}), np.arange(3.0), np.zeros(3))
    template = Template(index=np.array([5.0, 5, 5]), land=np.full(3, True), fractions=None, n_class=20, lake=False)
    with open_year(path) as year:
        assert fate_of_cells(year, template).tolist() == [TAKEN, NO_LAND, NOT_COVERED]


def test_the_shipped_crosswalk_has_wrfs_classes():
    """Numbers of LANDUSE.TBL; only water, ice and lakes are not land."""
    modis = read_crosswalk("modis")
    check_crosswalk(modis)
    assert [target.id for target in modis.classes] == list(range(1, 22))
    assert {target.id: target.kind for target in modis.classes if target.kind not in ("high", "low", "bare", "urban")} == {15: "ice", 17: "water", 21: "lake"}
    assert [target.id for target in modis.classes if target.kind == "urban"] == [13]


@pytest.mark.parametrize("name", ["globcover", "fraclut"])
def test_another_target_is_refused(name):
    with pytest.raises(ConfigError, match="does not lead to WRF's MODIS classes 1 to 21"):
        check_crosswalk(read_crosswalk(name))


@pytest.mark.parametrize(("row", "instead", "match"), [
    ('target = "modis"', 'target = "mine"', "Crosswalk 'mine' does not lead to WRF's MODIS classes 1 to 21; use 'modis' or a copy of it"),
    ("{ code = 66, shares = { 16 = 1 }", "{ code = 66, shares = { 15 = 0.5, 16 = 0.5 }", "of code 66: class 15"),
    ("{ code = 22, shares = { 12 = 1 }", "{ code = 22, shares = { 12 = 0.5, 17 = 0.5 }", "of code 22: class 17"),
    ("{ code = 77, shares = { 17 = 1 }", "{ code = 77, shares = { 11 = 1 }", "of code 77: class 11"),
])
def test_a_crosswalk_by_which_coasts_or_ice_could_move_is_refused(tmp_path, row, instead, match):
    from lsbc.emulator.surface import crosswalk

    text = crosswalk._text("modis").decode()
    assert text.count(row) == 1
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(row, instead))
    year_path = write_year(tmp_path / "lsbc_2031.nc", fractions({FOREST: 1}), np.zeros(1), np.zeros(1))
    template = Template(index=np.array([5.0]), land=np.full(1, True), fractions=None, n_class=20, lake=False)
    with open_year(year_path) as year, pytest.raises(ConfigError, match=match):
        new_classes(HostClasses.of(year, path), template)
