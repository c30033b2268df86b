"""The rows of the step model on a made-up driver, counted by hand."""

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_NAMES, NO_DATA
from lsbc.training.cases import one_prior
from lsbc.training.data import LandData
from lsbc.training.models.step_table import step_table, wanted_cells
from lsbc.training.patches import DriverTable
from lsbc.training.predict import Region

URBAN, CROP, FOREST, WATER = (CLASS_NAMES.index(name) for name in ("urban", "cropland", "forest", "water"))
SIDE = 10


def two_driver_cells():
    """Two driver cells of 10 x 10: half forest, half cropland; in the first, 3 forest cells become cropland and 1 urban."""
    first = np.full((SIDE, 2 * SIDE), FOREST, np.uint8)
    first[:, 5:10] = first[:, 15:] = CROP
    first[9, 0] = WATER
    first[0, 19] = NO_DATA
    second = first.copy()
    second[:3, 4], second[0, 0] = CROP, URBAN
    field = np.zeros((SIDE, 2 * SIDE), np.float32)
    return LandData((2000, 2001), 100, 200, np.stack([first, second]), (field,), np.full(field.shape, 3, np.uint8),
                    np.ones(field.shape, np.uint8), ratio=SIDE, n_lat=200)


@pytest.fixture(scope="module")
def region():
    data = two_driver_cells()
    return Region(data, DriverTable(data), 0, 1)


def test_demand_is_the_change_of_the_driver_in_fine_cells(region):
    asked = wanted_cells(region, (2000, 2001))
    # Rows differ in area by at most 1 - cos(9 deg), so three cells' area is within two per cent of three mean cells.
    assert asked[:, 0, 0] == pytest.approx([1, 3, 0, -4, 0, 0], rel=0.02)
    assert asked[:, 0, 1] == pytest.approx(np.zeros(6), abs=1e-12)


def test_there_is_a_row_for_each_losing_cell_and_each_gaining_class(region):
    rows = step_table(region, region.whole_prior((2000, 2001)))
    forest = 5 * SIDE - 1
    assert len(rows.cell) == 2 * forest == len(rows.features)
    assert set(rows.own.tolist()) == {FOREST}
    assert {int(c): int((rows.target == c).sum()) for c in set(rows.target.tolist())} == {URBAN: forest, CROP: forest}
    assert (rows.cell % (2 * SIDE) < 5).all(), "only the first driver cell asks for change"


def test_features_of_a_row_are_those_of_its_target_and_its_own_class(region):
    rows = step_table(region, region.whole_prior((2000, 2001)))
    at = {name: place for place, name in enumerate(rows.names)}
    row = rows.features[(rows.cell == 5 * 2 * SIDE + 4) & (rows.target == CROP)][0]
    assert (row[at["near1.of_target"]], row[at["near1.of_own"]]) == (0.375, 0.625)
    assert (row[at["distance.of_target"]], row[at["own_cells"]], row[at["target_cells"]]) == (1.0, 49.0, 50.0)
    assert row[at["rate"]] == pytest.approx(3 / 49, rel=0.02) and row[at["groups_gaining"]] == 2.0


def test_no_demand_makes_no_rows(region):
    assert len(step_table(region, one_prior((2000, 2000), region.data.map_of(2000))).cell) == 0
