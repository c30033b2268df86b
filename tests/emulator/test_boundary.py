import numpy as np
import pytest

from lsbc.emulator.boundary import CellState, Tables, boundary_fields
from lsbc.emulator.climate import HostClimate
from lsbc.emulator.fields import FILL, OUTPUTS
from lsbc.emulator.host_fields import HostFields
from lsbc.emulator.surface.crosswalk import read_crosswalk
from lsbc.emulator.surface.parameters import read_class_table
from lsbc.emulator.surface.season_table import monthly_lai, read_season_table
from lsbc.regrid.errors import InternalError, ValueRangeError

TABLES = Tables(read_class_table(), read_season_table())


def climate(n, koppen=3, coldest_k=np.nan, lat=45.0):
    return HostClimate(np.full(n, lat), np.full(n, koppen), np.full(n, coldest_k), np.arange(n) + 700, np.full(n, 11.0))


def fields(fraction, coverage=1.0, quality=0.0, tables=TABLES, min_coverage=0.5, **of_climate):
    n = len(fraction)
    cells = CellState(np.asarray(fraction, float), np.broadcast_to(coverage, n).astype(float), np.broadcast_to(quality, n).astype(float))
    return boundary_fields(cells, climate(n, **of_climate), min_coverage, 2000, tables)


def shares(**columns):
    row = np.zeros(8)
    for name, value in columns.items():
        row[("ocean", "urban", "cropland", "pasture", "forest", "grass_shrub", "sparse", "water").index(name)] = value
    return row


def test_the_dominant_class_is_the_lowest_code_on_a_tie():
    fraction = [shares(cropland=0.5, forest=0.5), shares(urban=0.25, pasture=0.375, sparse=0.375), shares(water=1.0)]
    assert fields(fraction)["lu_dominant"].tolist() == [22.0, 33.0, 77.0]


def test_uncovered_cells_hold_the_fill_value_and_say_how_much_is_covered():
    got = fields([shares(forest=1.0), np.zeros(8)], [1.0, 0.2], [0.0, 2.0], coldest_k=280.0)
    for name in ("lai", "albedo", "lu_dominant", "forest_frac"):
        assert got[name][0] > 0 and got[name][1] == FILL
    for name in ("lu_frac", "leaf_area_index", "vegetation_area_fraction"):
        assert (got[name][:, 1] == FILL).all() and (got[name][:, 0] != FILL).all()
    assert got["coverage"].tolist() == [1.0, 0.2] and got["valid_year"].tolist() == [2000.0, 2000.0]
    assert got["quality"].tolist() == [0.0, 2.0]
    assert got["climate_zone"].tolist() == [3.0, 3.0] and got["climate_coldest_month"].tolist() == [280.0, 280.0]


def test_an_unknown_coldest_month_is_the_fill_value():
    assert fields([shares(forest=1.0)])["climate_coldest_month"].tolist() == [FILL]


def test_months_are_those_of_the_cells_zone_and_hemisphere():
    north, south = (fields([shares(cropland=1.0)], lat=lat)["leaf_area_index"][:, 0] for lat in (45.0, -45.0))
    assert np.argmax(north) in (5, 6, 7) and np.array_equal(south, np.roll(north, 6))
    unknown = fields([shares(forest=1.0)], koppen=0)["leaf_area_index"][:, 0]
    assert np.array_equal(unknown, monthly_lai(shares(forest=1.0)[None], np.array([45.0]), TABLES.season)[:, 0])
    assert not np.array_equal(unknown, fields([shares(forest=1.0)], koppen=3)["leaf_area_index"][:, 0])


def test_fractions_that_do_not_close_are_stopped():
    with pytest.raises(InternalError, match="sum to 1 only within"):
        fields(np.full((1, 8), 0.12))


def test_a_rank_without_cells_gets_empty_fields():
    got = fields(np.zeros((0, 8)))
    assert got["lu_frac"].shape == (8, 0) and all(got[info.name].shape == ((info.n_level, 0) if info.levels else (0,)) for info in OUTPUTS)


def test_a_cells_bits_do_not_depend_on_the_other_cells():
    rng = np.random.default_rng(3)
    fraction, lat, koppen = rng.dirichlet(np.ones(8), 50), rng.uniform(-80, 80, 50), rng.integers(0, 6, 50)
    tables = Tables(TABLES.classes, TABLES.season, HostFields(read_crosswalk("fraclut")))

    def make(rows):
        n = len(rows)
        zones = HostClimate(lat[rows], koppen[rows], np.full(n, np.nan), rows, lat[rows])
        return boundary_fields(CellState(fraction[rows], np.ones(n), np.zeros(n)), zones, 0.5, 2000, tables)

    whole, order = make(np.arange(50)), rng.permutation(50)
    for name, values in make(order).items():
        assert np.array_equal(values, whole[name][..., order]), name
    for k in (0, 17):
        assert all(np.array_equal(values[..., 0], whole[name][..., k]) for name, values in make(np.array([k])).items())


def test_a_climate_that_the_hosts_classes_need_is_asked_for_with_the_cell():
    tables = Tables(TABLES.classes, TABLES.season, HostFields(read_crosswalk("jsbach")))
    with pytest.raises(ValueRangeError, match=r"code 40 .* in cell 701 \(11.0000 E, 45.0000 N\) depends on the temperature of the coldest month"):
        fields([shares(cropland=1.0), shares(forest=1.0)], tables=tables)
    assert fields([np.zeros(8), shares(forest=1.0)], [0.1, 1.0], tables=tables, coldest_k=290.0)["host_lu_frac"][:, 0].tolist() == [FILL] * 14
