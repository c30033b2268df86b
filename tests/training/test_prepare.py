"""lsbc.training.prepare: from the producers' files to the store, also when the work is stopped."""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lsbc.emulator.classes import GROUPS
from lsbc.regrid.errors import ConfigError, ValueRangeError
from lsbc.training import prepare as preparation
from lsbc.training.__main__ import main
from lsbc.training.config import DataConfig
from lsbc.training.data import read_data
from lsbc.training.driver import aggregate_groups, row_weights
from lsbc.training.patches import DriverTable
from lsbc.training.prepare import prepare
from lsbc.training.store import StoreWriter, open_store

from product_files import write_luh, write_tif
from shared import shared

pytest.importorskip("rasterio")
pytest.importorskip("zarr")
TEXT = """
[store]
path = "out.zarr"
patch_driver_cells = 1
memory_mb = 1
[lattice]
fine = "0.01 deg"
box = [10, 50, 10.75, 50.5]
[land_use]
product = "hilda"
version = "2.0"
files = ["hilda_plus_states_{year}_GLOB-v2_wgs84.tif"]
years = [2000, 2002]
resample = "nearest"
[[statics]]
product = "topography"
files = ["z.tif"]
[[statics]]
product = "koppen"
files = ["k.tif"]
since = 1991
"""
DRIVER = "[driver]\nfiles = ['states.nc']\n"
CODES = np.array([0, 11, 22, 33, 41, 55, 66, 77, 99], np.uint8)


def maps(year):
    """Codes (50, 75), north first: every class somewhere, moving one column a year."""
    row, col = np.mgrid[0:50, 0:75]
    return CODES[(row // 4 + (col + year) // 5) % 9]


@pytest.fixture
def folder(tmp_path):
    for year in (2000, 2001, 2002):
        write_tif(tmp_path / f"hilda_plus_states_{year}_GLOB-v2_wgs84.tif", maps(year), 10.0, 50.5, 0.01)
    write_tif(tmp_path / "z.tif", np.arange(50 * 75, dtype=np.float32).reshape(50, 75), 10.0, 50.5, 0.01)
    write_tif(tmp_path / "k.tif", np.full((50, 75), 15, np.uint8), 10.0, 50.5, 0.01)
    return write_config(tmp_path, TEXT)


def write_config(folder, text):
    (folder / "prepare.toml").write_text(text)
    return folder


def index(codes):
    table = np.full(256, 255)
    table[[0, 11, 22, 33, 41, 55, 66, 77]] = np.arange(8)
    return table[codes]


def test_the_store_holds_the_maps_statics_and_the_aggregated_driver(folder):
    data = open_store(prepare(folder / "prepare.toml"))
    expected = np.stack([index(maps(year))[::-1] for year in (2000, 2001, 2002)])
    np.testing.assert_array_equal(data.class_index, expected)
    np.testing.assert_array_equal(data.elevations[0], np.arange(50 * 75).reshape(50, 75)[::-1])
    assert (np.asarray(data.koppen) == 3).all() and (data.years, data.row0, data.col0, data.ratio) == ((2000, 2001, 2002), 14000, 19000, 25)
    # without a land mask, land is what is neither ocean nor without data in every year
    np.testing.assert_array_equal(data.land, ((expected != 0) & (expected != 255)).any(axis=0))
    weight, always = row_weights(14000, 50, 18000), (expected != 255).all(axis=0)
    for k, year in enumerate(data.years):
        fraction, valid = aggregate_groups(np.where(always, expected[k], 255).astype(np.uint8), 25, weight)
        np.testing.assert_allclose(data.driver[year][0], fraction, atol=1e-15)
        np.testing.assert_array_equal(data.driver[year][1], valid)


def test_a_real_driver_takes_the_place_of_the_aggregated_one(folder):
    lat, lon = np.array([50.375, 50.125]), np.array([10.125, 10.375, 10.625])
    urban = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 1e20]])
    states = {name: np.where(urban > 1, 1e20, 0.0) for name in ("primf", "primn", "secdf", "secdn", "c3ann", "c4ann", "c3per", "c4per", "c3nfx", "pastr", "range")}
    write_luh(folder / "states.nc", {**states, "urban": urban}, lat, lon, time=(1150, 1151, 1152))
    data = open_store(prepare(write_config(folder, TEXT + DRIVER) / "prepare.toml"))
    table = DriverTable(data)
    inside = (slice(table.ring, -table.ring),) * 2
    np.testing.assert_allclose(table.fraction[2001][(GROUPS.index("urban"), *inside)], [[0.4, 0.5, 0.0], [0.1, 0.2, 0.3]], atol=1e-7)
    assert table.valid[inside].tolist() == [[True, True, False], [True, True, True]]


def test_a_driver_cell_with_data_in_some_years_only_is_refused_with_place_years_and_files(folder):
    lat, lon = np.array([50.375, 50.125]), np.array([10.125, 10.375, 10.625])
    names = ("primf", "primn", "secdf", "secdn", "urban", "c3ann", "c4ann", "c3per", "c4per", "c3nfx", "pastr", "range")
    states = {name: np.zeros((3, 2, 3)) for name in names}
    for field in states.values():
        field[1, 0, 2] = 1e20
    write_luh(folder / "states.nc", states, lat, lon, time=(1150, 1151, 1152))
    with pytest.raises(ValueRangeError, match=r"at 50\.375 N 10\.625 E have data in 2000 \(file .*states\.nc\) and none in 2001 \(file .*states\.nc\)"):
        prepare(write_config(folder, TEXT + DRIVER) / "prepare.toml")


def test_cells_without_data_in_one_year_count_in_no_year_of_the_aggregated_driver(folder):
    for year in (2000, 2001, 2002):
        codes = np.full((50, 75), 22, np.uint8)
        codes[:25, :10] = 11
        codes[25:, 25:50] = 99 if year == 2001 else 22
        if year == 2000:
            codes[:25, :5] = 99
        write_tif(folder / f"hilda_plus_states_{year}_GLOB-v2_wgs84.tif", codes, 10.0, 50.5, 0.01)
    data = open_store(prepare(folder / "prepare.toml"))
    for year in data.years:
        fraction, valid = data.driver[year]
        # north-west: 5 of the 20 columns with data in every year are urban
        assert fraction[GROUPS.index("urban"), 1, 0] == pytest.approx(0.25)
        assert valid.tolist() == [[True, False, True], [True, True, True]]


@pytest.fixture
def gap(folder):
    """Heights only in the first 4 columns: the gap is 71 cells wide, the reach of 0.5 degrees 50."""
    height = np.full((50, 75), -9999, np.float32)
    height[:, :4] = np.arange(200).reshape(50, 4)
    write_tif(folder / "z.tif", height, 10.0, 50.5, 0.01, nodata=-9999)
    return write_config(folder, TEXT.replace('files = ["z.tif"]', 'files = ["z.tif"]\nfill = "neighbours"'))


def test_a_gap_is_filled_as_far_as_the_reach_and_is_0_beyond(gap):
    height = np.asarray(open_store(prepare(gap / "prepare.toml")).elevations[0])
    assert (height[:, 4:54] > 0).all() and (height[:, 54:] == 0).all()


def arrays(path):
    data = open_store(path)
    return [np.asarray(one) for one in (data.class_index, *data.elevations, data.koppen, data.land, data.valid, *(data.driver[year][0] for year in data.years))]


KILLED = """
import os, signal, sys
from lsbc.training.store import StoreWriter
write, written = StoreWriter.write_patch, []
def write_or_die(self, *arguments):
    if len(written) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    written.append(1)
    write(self, *arguments)
StoreWriter.write_patch = write_or_die
from lsbc.training.prepare import prepare
prepare(sys.argv[1])
"""


@pytest.mark.parametrize("statics", ["folder", "gap"])
def test_a_killed_preparation_goes_on_where_it_was_and_ends_the_same(request, statics, monkeypatch):
    folder = request.getfixturevalue(statics)
    whole = arrays(prepare(folder / "prepare.toml", out=folder / "whole.zarr"))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder / "prepare.toml")], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert not (folder / "out.zarr").exists() and (folder / "out.zarr.part").exists()
    places, write = [], StoreWriter.write_patch
    monkeypatch.setattr(StoreWriter, "write_patch", lambda self, place, *rest: places.append(place) or write(self, place, *rest))
    path = prepare(folder / "prepare.toml")
    assert places == [(1, 2)] and not (folder / "out.zarr.part").exists()
    for one, other in zip(arrays(path), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_error_on_the_way_keeps_what_was_done(folder):
    bad = maps(2001)
    bad[0, 74] = 23
    write_tif(folder / "hilda_plus_states_2001_GLOB-v2_wgs84.tif", bad, 10.0, 50.5, 0.01)
    with pytest.raises(ValueRangeError, match=r"2001_GLOB-v2_wgs84\.tif: band 1 is 23 at 50\.49500 N 10\.74500 E"):
        prepare(folder / "prepare.toml")
    assert (folder / "out.zarr.part").exists()


def test_a_finished_store_is_left_alone_and_another_configuration_refused(folder, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    path = prepare(folder / "prepare.toml")
    monkeypatch.setattr(preparation, "_write_block", None)
    assert prepare(folder / "prepare.toml") == path and "is there already" in caplog.text
    write_config(folder, TEXT.replace('"nearest"', '"majority"'))
    with pytest.raises(ConfigError, match=r"land_use\.resample is 'nearest' in the store and 'majority' in the configuration"):
        prepare(folder / "prepare.toml")


def test_a_source_file_of_another_size_is_another_configuration(folder):
    prepare(folder / "prepare.toml")
    write_tif(folder / "k.tif", np.random.default_rng(0).integers(1, 31, (50, 75)).astype(np.uint8), 10.0, 50.5, 0.01)
    with pytest.raises(ConfigError, match=r"files\.statics\[1\]\[0\]\.bytes is \d+ in the store and \d+ in the configuration"):
        prepare(folder / "prepare.toml")


@pytest.mark.parametrize("statics", ["folder", "gap"])
def test_the_block_size_follows_the_memory_and_changes_nothing(request, statics, monkeypatch):
    folder = request.getfixturevalue(statics)
    blocks, write = [], preparation._write_block
    monkeypatch.setattr(preparation, "_write_block", lambda writer, sources, block: blocks.append(len(block)) or write(writer, sources, block))
    whole_rows = arrays(prepare(folder / "prepare.toml", out=folder / "rows.zarr"))
    # 625 cells of 765 bytes, 35 of the source, 3 years and 3 layers of 4 bytes: 509 kB a patch, two of which fit in a mebibyte
    monkeypatch.setattr(preparation, "_BYTES_PER_CELL", 765)
    two_at_once = arrays(prepare(folder / "prepare.toml", out=folder / "two.zarr"))
    assert blocks == [3, 3, 2, 1, 2, 1]
    for one, other in zip(whole_rows, two_at_once, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_shipped_configuration_makes_of_the_bavarian_files_what_training_reads_without_it(tmp_path):
    directory = shared("data/bavaria")
    text = (Path(__file__).resolve().parents[2] / "training" / "configs" / "prepare_bavaria.toml").read_text()
    write_config(tmp_path, text.replace("years = [1992, 2020]", "years = [1992, 1994]"))
    data = open_store(prepare(tmp_path / "prepare.toml", directory, tmp_path / "bavaria.zarr"))
    expected = read_data(DataConfig(kind="bavaria", directory=directory))
    np.testing.assert_array_equal(data.class_index, expected.class_index[:3])
    for one, other in ((data.koppen, expected.koppen), (data.land, expected.land), (data.elevations[0], expected.elevations[0])):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(data.dated["human_footprint"], expected.dated["human_footprint"], strict=True):
        assert one.since == other.since
        np.testing.assert_array_equal(one.values, other.values)


def test_the_command_prepares_and_reports_in_one_line(folder, caplog, capsys):
    caplog.set_level(logging.INFO)
    assert main(["data", "prepare", str(folder / "prepare.toml"), "--out", str(folder / "there.zarr"), "--data", str(folder)]) == 0
    assert open_store(folder / "there.zarr").years == (2000, 2001, 2002)
    lines = [record.message for record in caplog.records if record.name.startswith("lsbc")]
    assert len(lines) == 1 and "50 x 75 cells, 3 years, 6 of 6 patches written" in lines[0]
    assert main(["data", "prepare", str(folder / "nothing.toml")]) == int(ConfigError.status)
    assert "nothing.toml cannot be read" in capsys.readouterr().err
    assert main(["data", "prepare", str(folder / "prepare.toml"), "--out", str(folder / "there.zarr"), "--fresh"]) == 0
