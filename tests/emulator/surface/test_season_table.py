import math
import re
import tomllib
from importlib import resources

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES
from lsbc.emulator.surface.season_table import CHUNK_CELLS, monthly_lai, monthly_veg_fraction, north_share, read_season_table, zone_shares
from lsbc.regrid.errors import ConfigError, FieldError, ValueRangeError

from shared import shared

TABLE = read_season_table()
TEXT = resources.files("lsbc.emulator.surface").joinpath("seasons/lai_noahmp_modis.toml").read_text(encoding="utf-8")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
CROPS = np.array([0, 0, 0, 0, 1, 2, 3, 3, 1.5, 0, 0, 0])
MIXED = np.array([2, 2, 2.2, 2.6, 3.5, 4.3, 4.3, 3.7, 2.6, 2.2, 2, 2])
EVERGREEN = np.full(12, 4.5)


def cell(**shares):
    fraction = np.zeros((1, 8))
    for name, share in shares.items():
        fraction[0, CLASS_NAMES.index(name)] = share
    return fraction


def lai(lat, koppen=None, **shares):
    return monthly_lai(cell(**shares), np.array([lat]), TABLE, None if koppen is None else np.array([koppen]))[:, 0]


def test_every_row_is_that_of_the_noah_mp_and_vegparm_tables():
    noah = shared("data/host/wrf/NoahmpTable.TBL").read_text().split("&noahmp_modis_parameters")[1].split("&noahmp_rad")[0]
    lai_of = {month: [float(v) for v in re.search(rf"LAI_{month}\s*=([^\n]*)", noah).group(1).split(",") if v.strip()] for month in MONTHS}
    vegparm = shared("data/host/wrf/VEGPARM.TBL").read_text().split("MODIFIED_IGBP_MODIS_NOAH")[1].splitlines()[2:22]
    rows = tomllib.loads(TEXT)["row"]
    assert [row["modis"] for row in rows] == list(range(1, 21))
    for k, row in enumerate(rows):
        assert row["lai"] == [lai_of[month][k] for month in MONTHS], row["name"]
        number, shdfac = re.match(r"\s*(\d+),?\s+([.\d]+)", vegparm[k]).groups()
        assert (int(number), float(shdfac)) == (row["modis"], row["veg_max"])
        assert row["name"].lower() in vegparm[k].lower()


def test_forest_and_grass_pair_with_modis_as_the_crosswalk_does():
    crosswalk = tomllib.loads(resources.files("lsbc.emulator.surface").joinpath("crosswalks/modis.toml").read_text(encoding="utf-8"))
    rows = {entry["name"]: entry["modis"] if isinstance(entry["modis"], list) else [entry["modis"]] * 5 for entry in tomllib.loads(TEXT)["class"]}
    for name, code in zip(CLASS_NAMES, CLASS_CODES, strict=True):
        if name == "urban":
            continue
        for row in (row for row in crosswalk["rows"] if row["code"] == code):
            for group in row.get("koppen", range(1, 6)):
                assert row["shares"] == {str(rows[name][group - 1]): 1}, (name, group)


def test_a_pure_cell_in_the_north_has_the_months_of_its_row():
    assert lai(45.0, koppen=3, cropland=1.0).tolist() == pytest.approx(CROPS, rel=1e-14)
    assert lai(45.0, koppen=3, forest=1.0).tolist() == pytest.approx(MIXED, rel=1e-14)


def test_the_south_is_six_months_later():
    assert lai(-45.0, koppen=3, cropland=1.0).tolist() == pytest.approx([3, 3, 1.5, 0, 0, 0, 0, 0, 0, 0, 1, 2], rel=1e-14)
    for lat in (30.0, 47.5, 65.0):
        assert np.array_equal(lai(-lat, forest=0.5, pasture=0.5), np.roll(lai(lat, forest=0.5, pasture=0.5), 6))


def test_between_the_tropics_both_hemispheres_mix_continuously():
    assert north_share(np.array([-90.0, -23.44, 0.0, 11.72, 23.44, 90.0]), 23.44).tolist() == pytest.approx([0, 0, 0.5, 0.75, 1, 1])
    assert lai(0.0, cropland=1.0).tolist() == pytest.approx((CROPS + np.roll(CROPS, 6)) / 2, rel=1e-14)
    assert lai(11.72, cropland=1.0).tolist() == pytest.approx(0.75 * CROPS + 0.25 * np.roll(CROPS, 6), rel=1e-14)
    lats = np.linspace(-90.0, 90.0, 3601)
    values = monthly_lai(np.tile(cell(forest=0.6, grass_shrub=0.3, sparse=0.1), (len(lats), 1)), lats, TABLE)
    assert np.abs(np.diff(values, axis=1)).max() < 0.02


def test_the_year_s_mean_does_not_depend_on_the_hemisphere():
    for lat in (-60.0, -10.0, 0.0, 10.0, 60.0):
        assert lai(lat, cropland=1.0).mean() == pytest.approx(CROPS.mean(), rel=1e-14)


def test_zones_by_latitude_sum_to_one_and_hold_at_their_knots():
    share = zone_shares(np.array([0.0, 15.0, 22.5, -35.0, 45.0, 55.0, -65.0, 90.0]), TABLE)
    want = [[1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [.5, 0, .5, 0, 0], [0, 0, 1, 0, 0], [0, 0, .5, .5, 0], [0, 0, 0, 1, 0], [0, 0, 0, .5, .5], [0, 0, 0, 0, 1]]
    assert share.T == pytest.approx(np.array(want, float))
    assert zone_shares(np.linspace(-90, 90, 1001), TABLE).sum(axis=0) == pytest.approx(1.0, abs=1e-14)


def test_lai_is_the_mean_over_the_vegetated_area():
    """Row 2 covers 0.95 of tropical forest, row 12 0.8 of cropland; towns grow row 14 on 0.1, water grows nothing."""
    got = lai(40.0, koppen=1, forest=0.4, cropland=0.3, water=0.3)
    assert got.tolist() == pytest.approx((0.4 * 0.95 * EVERGREEN + 0.3 * 0.8 * CROPS) / (0.4 * 0.95 + 0.3 * 0.8), rel=1e-14)
    july = (0.5 * 0.1 * 3.2 + 0.5 * 0.8 * 3.0) / (0.5 * 0.1 + 0.5 * 0.8)
    assert lai(50.0, koppen=4, urban=0.5, cropland=0.5)[6] == pytest.approx(july, rel=1e-14)


def test_open_water_has_no_leaves():
    assert np.all(lai(50.0, water=0.5, ocean=0.5) == 0.0)
    assert np.all(monthly_veg_fraction(cell(water=1.0), np.array([50.0]), TABLE) == 0.0)


def test_vegetation_covers_its_most_in_the_greenest_month_and_nothing_without_leaves():
    got = monthly_veg_fraction(cell(cropland=0.5, water=0.5), np.array([50.0]), TABLE)[:, 0]
    want = [0.5 * 0.8 * (1 - math.exp(-0.5 * v)) / (1 - math.exp(-1.5)) for v in CROPS]
    assert got.tolist() == pytest.approx(want, rel=1e-14) and got[6] == pytest.approx(0.4)
    assert monthly_veg_fraction(cell(forest=1.0), np.array([50.0]), TABLE, np.array([1]))[:, 0] == pytest.approx([0.95] * 12)
    south = monthly_veg_fraction(cell(cropland=0.5, water=0.5), np.array([-50.0]), TABLE)[:, 0]
    assert south.tolist() == pytest.approx(np.roll(want, 6).tolist(), rel=1e-14)


def test_bits_do_not_depend_on_the_order_and_number_of_cells():
    rng = np.random.default_rng(5)
    n = CHUNK_CELLS + 19
    fractions, lat, koppen = rng.dirichlet(np.ones(8), n), rng.uniform(-90, 90, n), rng.integers(1, 6, n)
    order = rng.permutation(n)
    for make in (monthly_lai, monthly_veg_fraction):
        for group in (None, koppen):
            whole = make(fractions, lat, TABLE, group)
            assert np.array_equal(make(fractions[order], lat[order], TABLE, None if group is None else group[order]), whole[:, order])
            for k in (0, CHUNK_CELLS, n - 1):
                assert np.array_equal(make(fractions[[k]], lat[[k]], TABLE, None if group is None else group[[k]]), whole[:, [k]])
    assert monthly_lai(np.zeros((0, 8)), np.zeros(0), TABLE).shape == (12, 0)


def test_cells_out_of_range_are_refused():
    two, lat = np.vstack([cell(forest=1.0)] * 2), np.array([10.0, 20.0])
    for bad in (np.nan, 91.0):
        with pytest.raises(ValueRangeError, match="Latitude of cell 1"):
            monthly_lai(two, np.array([10.0, bad]), TABLE)
    for bad in (np.nan, -0.1, 1.5):
        broken = two.copy()
        broken[1, 3] = bad
        with pytest.raises(ValueRangeError, match="fraction of cell 1"):
            monthly_lai(broken, lat, TABLE)
    for bad in (-1, 6):
        with pytest.raises(ValueRangeError, match="Köppen group of cell 1"):
            monthly_lai(two, lat, TABLE, np.array([1, bad]))
    for args in ((two.T, lat), (two, lat[:1]), (two, lat[:, None])):
        with pytest.raises(FieldError, match="are needed"):
            monthly_lai(*args, TABLE)
    with pytest.raises(FieldError, match="Köppen groups"):
        monthly_lai(two, lat, TABLE, np.array([1]))


@pytest.mark.parametrize(("old", "new", "says"), [
    ('name = "forest"', 'name = "woods"', "as class; needed, once each: ocean"),
    ('name = "E"', 'name = "F"', "as zone; needed"),
    ("[2, 4, 5, 1, 1]", "[2, 4, 5, 1]", "class 'forest': modis is"),
    ("[2, 4, 5, 1, 1]", "[2, 4, 5, 1, 31]", "class 'forest': modis is"),
    ("0.0, 1.0, 2.0, 3.0, 3.0, 1.5", "0.0, 1.0, 2.0, 3.0, 3.0", "row 12: lai is"),
    ("0.0, 1.0, 2.0, 3.0, 3.0, 1.5", "0.0, 1.0, 2.0, nan, 3.0, 1.5", "row 12: lai is"),
    ("0.0, 1.0, 2.0, 3.0, 3.0, 1.5", "0.0, -1.0, 2.0, 3.0, 3.0, 1.5", "row 12: lai is"),
    ('veg_max = 0.1\nwhy', 'veg_max = 10\nwhy', "veg_max is 10"),
    ("tropic_deg = 23.44", "", "tropic_deg is None"),
    ("extinction = 0.5", 'extinction = "half"', "extinction is half"),
    ("abs_latitude_deg = [60, 70]", "abs_latitude_deg = [70, 60]", "must rise"),
    ("abs_latitude_deg = [60, 70]", "abs_latitude_deg = [60, 80]", "sum to 0.5 at 70 degrees"),
    ("share = [0, 1]", "share = [0]", "zone E: share is"),
    ("format = 1", "format = ", "is no TOML"),
    ("format = 1", "format = 2", "has format 2"),
    ("lai_units", "lai_unit", "format 1 has"),
    ("[[row]]", "[[rows]]", "format 1 has"),
    ('[[zone]]\nname = "B"', '[[zone]]\nname = "A"', "as zone; needed, once each"),
])
def test_a_damaged_table_is_refused_with_its_place(old, new, says):
    assert TEXT.count(old) >= 1
    with pytest.raises(ConfigError, match=re.escape(says)):
        read_season_table(TEXT.replace(old, new, 1))


def test_latitude_stands_for_an_unknown_group_in_that_cell_alone():
    two, lat = np.vstack([cell(forest=1.0)] * 2), np.array([60.0, 60.0])
    got = monthly_lai(two, lat, TABLE, np.array([0, 3]))
    assert np.array_equal(got[:, 0], monthly_lai(two, lat, TABLE)[:, 0]) and np.array_equal(got[:, 1], monthly_lai(two, lat, TABLE, np.array([3, 3]))[:, 1])
    assert not np.array_equal(got[:, 0], got[:, 1])
