import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from lsbc.emulator.classes import NO_DATA
from lsbc.emulator.cli import main as lsbc
from lsbc.regrid.errors import Status
from lsbc.training.class_odds import Learner
from lsbc.training.coarse_change import read_changes, read_map, zones_of
from lsbc.training.downscale import RULES, Method, demand_cells, downscale, groups_of, main, residual_km2

CODES = (11, 22, 40, 41)


@pytest.fixture
def files(tmp_path):
    """60 x 60 cells of 0.05 degree in 3 x 3 coarse cells; fields in the west, woods in the east, lone cells of each in the other; two years."""
    rng = np.random.default_rng(4)
    values = np.where(np.arange(60) < 30, 22.0, 41.0) + np.zeros((60, 1))
    lone = rng.random((60, 60)) < 0.08
    values[lone] = rng.choice([22.0, 40.0, 11.0], lone.sum())
    values[:3, :3] = np.nan
    profile = {"driver": "GTiff", "dtype": "float32", "nodata": np.nan, "crs": "EPSG:4326"}
    with rasterio.open(tmp_path / "map.tif", "w", width=60, height=60, count=1, transform=Affine(0.05, 0, 0, 0, -0.05, 3), **profile) as file:
        file.write(values.astype(np.float32), 1)
    for year in (1, 2):
        km2 = np.zeros((4, 3, 3), np.float32)
        km2[1], km2[2], km2[3] = -30.0 - 11.0 * year, 50.0, 11.0 * year - 20.0  # forest as a whole gains 30 + 11 year
        km2[:, 2, 2] = np.nan
        with rasterio.open(tmp_path / f"change{year}.tif", "w", width=3, height=3, count=4, transform=Affine(1, 0, 0, 0, -1, 3), **profile) as file:
            file.write(km2)
            file.descriptions = tuple(f"LC{code}" for code in CODES)
    return tmp_path / "map.tif", [tmp_path / "change1.tif", tmp_path / "change2.tif"]


@pytest.mark.parametrize("yearly", [True, False])
@pytest.mark.parametrize("rule", RULES)
def test_demand_of_all_years_is_met_within_a_cell_and_cells_outside_all_zones_stay(files, rule, yearly):
    path, changes = files
    old = read_map(path)
    zones = zones_of(old, read_changes(changes, old.codes))
    made = downscale(old, zones, Method(rule, yearly, learner=Learner(n_fold=2, n_round=3, depth=3)))
    new = made.index
    assert (made.explained is not None) == (rule == "rates")
    assert np.abs(residual_km2(old, new, zones)).max() < 1.02 * (0.05 * 111.3) ** 2  # km2 of a cell
    stays = (zones.zone < 0) & old.land
    assert stays.any() and np.array_equal(new[stays], old.index[stays]) and (new[~old.land] == NO_DATA).all()


def test_the_command_writes_a_map_like_the_first_and_says_what_moved(files, tmp_path, capsys):
    path, changes = files
    assert main([str(path), *map(str, changes), "--output", str(tmp_path / "new.tif"), "--rule", "density"]) == 0
    with rasterio.open(path) as old, rasterio.open(tmp_path / "new.tif") as new:
        first, second = old.read(1), new.read(1)
        assert new.transform == old.transform and new.crs == old.crs and new.dtypes == old.dtypes
    assert np.array_equal(np.isnan(first), np.isnan(second)) and set(np.unique(second[~np.isnan(second)])) <= set(map(float, CODES))
    moved = np.count_nonzero((first != second) & ~np.isnan(first))
    assert f"{moved} of 3591 cells change" in capsys.readouterr().out


def test_forest_types_are_one_group_and_keep_their_codes_where_nothing_moves(files):
    assert groups_of((11, 22, 40, 41, 44, 55))[:7].tolist() == [0, 1, 2, 2, 2, 3, -1]
    path, changes = files
    old = read_map(path)
    new = downscale(old, zones_of(old, read_changes(changes, old.codes)), Method("density")).index
    moved = groups_of(old.codes)[new] != groups_of(old.codes)[old.index]
    assert np.array_equal(new[~moved], old.index[~moved]) and moved.any()


def test_a_wrong_file_is_one_sentence_and_a_status(files, tmp_path, capsys):
    path, _ = files
    assert main([str(path), str(path), "--output", str(tmp_path / "new.tif")]) == 5
    assert "map.tif has the bands" in capsys.readouterr().err


def over_the_sea(path, row=0):
    """Empty the land of the coarse cells of a row, 20 rows of the map each."""
    with rasterio.open(path, "r+") as file:
        values = file.read(1)
        values[20 * row: 20 * row + 20] = np.nan
        file.write(values, 1)


def test_coarse_cells_without_land_are_left_out_and_their_change_is_told(files, tmp_path, capsys):
    path, changes = files
    over_the_sea(path)
    fine = read_map(path)
    zones = zones_of(fine, read_changes(changes, fine.codes))
    assert zones.km2.shape[1] == 5 and np.isfinite(demand_cells(zones, fine, groups_of(fine.codes))).all()
    assert main([str(path), *map(str, changes), "--output", str(tmp_path / "new.tif"), "--rule", "density"]) == 0
    lost = 3 * ((41 + 50 + 9) / 2 + (52 + 50 + 2) / 2)  # three coarse cells, two years: a gain is another's loss
    assert f"{lost:.1f} km2 of change asked for in coarse cells without land" in capsys.readouterr().out


def test_the_share_that_rates_explain_is_printed(files, tmp_path, capsys):
    path, changes = files
    assert main([str(path), *map(str, changes), "--output", str(tmp_path / "new.tif")]) == 0
    assert "fitted rates explain 0." in capsys.readouterr().out


def test_it_is_a_command_of_lsbc(files, tmp_path, capsys):
    path, changes = files
    assert lsbc(["downscale", str(path), *map(str, changes), "--output", str(tmp_path / "new.tif"), "--rule", "density"]) == 0
    assert (tmp_path / "new.tif").exists() and "cells change" in capsys.readouterr().out
    assert lsbc(["downscale", str(path), str(tmp_path / "none.tif"), "--output", str(tmp_path / "new.tif")]) == int(Status.IO)
    assert "lsbc: FileError: " in capsys.readouterr().err
