"""lsbc.training.store: what is written is what training reads."""

from dataclasses import replace

import numpy as np
import pytest

from lsbc.emulator.classes import GROUPS
from lsbc.regrid.errors import ConfigError, FileError
from lsbc.training.config import DataConfig, LossConfig
from lsbc.training.data import read_data
from lsbc.training.driver import aggregate_groups, row_weights
from lsbc.training.patches import DriverTable
from lsbc.training.samples import Sampler
from lsbc.training.store import Layout, StoreWriter, differences, open_store

pytest.importorskip("zarr")
LAYERS = (("elevation", 0), ("elevation", 0), ("koppen", 0), ("land", 0))
REQUEST = {"land_use": {"product": "synthetic", "years": (2000, 2010)}, "files": {"land_use": [{"file": "a.tif", "bytes": 3, "sha256": "x"}]}}


def layout_of(land, **changes):
    n_row, n_col = land.shape
    return replace(Layout(land.n_lat, land.row0, land.col0, n_row, n_col, land.ratio, 2 * land.ratio, land.years, LAYERS, False), **changes)


def write(land, path, request=REQUEST, **changes):
    layout = layout_of(land, **changes)
    writer = StoreWriter.open(path, layout, request)
    planes = [*land.elevations, land.koppen, land.land, *(np.full(land.shape, k, np.float32) for k in range(len(layout.layers) - 4))]
    for place in writer.unfinished:
        rows, cols = layout.cells(*place)
        maps = land.class_index[:, rows, cols]
        parts = [aggregate_groups(one, land.ratio, row_weights(land.row0, land.shape[0])[rows]) for one in maps]
        driver = None if layout.driver_by_year else (np.stack([one for one, _ in parts]), parts[0][1])
        writer.write_patch(place, maps, np.stack([plane[rows, cols] for plane in planes]), driver)
    return writer


@pytest.fixture(scope="module")
def stored(land, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "land.zarr"
    write(land, path).finish()
    return path


def test_maps_and_statics_come_back_as_they_were(land, stored):
    data = open_store(stored)
    assert (data.years, data.row0, data.col0, data.ratio, data.n_lat, data.shape) == (land.years, land.row0, land.col0, land.ratio, land.n_lat, land.shape)
    np.testing.assert_array_equal(data.class_index, land.class_index)
    np.testing.assert_array_equal(data.map_of(2004), land.class_index[4])
    np.testing.assert_array_equal(data.valid, land.valid)
    for name in ("koppen", "land"):
        np.testing.assert_array_equal(getattr(data, name), getattr(land, name))
        assert getattr(data, name).dtype == np.uint8
    assert [np.array_equal(one, other) for one, other in zip(data.elevations, land.elevations, strict=True)] == [True, True]


def test_a_sampler_on_a_store_draws_the_samples_it_draws_from_memory(land, stored, split, sample_config):
    in_memory, on_disk = (Sampler(data, split, sample_config, LossConfig(), 1) for data in (land, open_store(stored)))
    np.testing.assert_array_equal(on_disk.trainable, in_memory.trainable)
    for index in range(12):
        for one, other in zip(on_disk(index), in_memory(index), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_chunk_is_a_patch_with_all_years_or_all_layers(stored):
    import zarr

    group = zarr.open_group(str(stored), mode="r")
    # 150 x 180 cells in patches of 2 driver cells of 30: 3 x 3 chunks
    assert group["land_use"].chunks == (11, 60, 60) and group["statics"].chunks == (4, 60, 60)
    assert sorted(path.name for path in (stored / "land_use" / "c" / "0").iterdir()) == ["0", "1", "2"]


def test_valid_cells_are_counted_in_every_driver_cell(land, stored):
    import zarr

    count = zarr.open_group(str(stored), mode="r")["valid_count"][:]
    # outside is row + col < 25, the triangle in the first driver cell: 25 * 26 / 2 = 325 of its 900 cells
    assert count[0, 0] == 900 - 325 and (count.ravel()[1:] == 900).all()


def test_a_driver_by_year_is_used_instead_of_the_maps(land, tmp_path):
    writer = write(land, tmp_path / "a.zarr", driver_by_year=True)
    with pytest.raises(FileError, match="still lacks"):
        writer.finish()
    valid = np.ones((5, 6), bool)
    valid[0, 0] = False
    assert writer.unfinished_driver_years == list(land.years)
    for year in land.years:
        fraction = np.zeros((6, 5, 6))
        fraction[GROUPS.index("urban")] = year / 10000
        writer.write_driver_year(year, fraction, valid)
    writer.finish()
    table = DriverTable(open_store(tmp_path / "a.zarr"))
    inside = (slice(table.ring, -table.ring),) * 2
    assert list(table.fraction) == list(land.years)
    assert (table.fraction[2005][(GROUPS.index("urban"), *inside)] == 0.2005).all()
    np.testing.assert_array_equal(table.valid[inside], valid)
    assert table.fraction[2005].shape == (6, 5 + 24, 6 + 24) and table.fraction[2005].sum() == pytest.approx(30 * 0.2005)


def test_a_driver_whose_cells_come_and_go_is_refused(land, tmp_path):
    writer = write(land, tmp_path / "a.zarr", driver_by_year=True)
    valid = np.ones((5, 6), bool)
    writer.write_driver_year(2000, np.zeros((6, 5, 6)), valid)
    valid[1, 2] = False
    with pytest.raises(FileError, match=r"Driver cell \[1, 2\] of the store has data in 2000 or in 2001, but not in both"):
        writer.write_driver_year(2001, np.zeros((6, 5, 6)), valid)


def test_dated_layers_are_versions_by_year_and_the_oldest_climate_is_for_all(land, tmp_path):
    layers = (*LAYERS, ("koppen", 2005), ("soil", 0), ("footprint", 2003), ("footprint", 2001))
    write(land, tmp_path / "a.zarr", layers=layers).finish()
    data = open_store(tmp_path / "a.zarr")
    # planes after the first four hold 0, 1, 2, 3
    np.testing.assert_array_equal(data.koppen, land.koppen)
    assert [version.since for version in data.dated["koppen"]] == [0, 2005]
    assert data.dated_field("footprint", 2000) is None
    assert [float(data.dated_field("footprint", year)[0, 0]) for year in (2001, 2003)] == [3.0, 2.0]
    assert float(data.dated_field("soil", 2000)[7, 9]) == 1.0


def test_a_stopped_store_goes_on_and_a_finished_one_is_left_alone(land, tmp_path):
    path, layout = tmp_path / "a.zarr", layout_of(land)
    writer = StoreWriter.open(path, layout, REQUEST)
    rows, cols = layout.cells(1, 0)
    writer.write_patch((1, 0), land.class_index[:, rows, cols], np.zeros((4, 60, 60), np.float32), (np.zeros((11, 6, 2, 2)), np.ones((2, 2), bool)))
    assert (1, 0) not in StoreWriter.open(path, layout, REQUEST).unfinished
    assert len(StoreWriter.open(path, layout, REQUEST).unfinished) == 8
    with pytest.raises(FileError, match=r"a\.zarr is not there; a\.zarr\.part beside it is not finished"):
        open_store(path)
    write(land, path).finish()
    assert StoreWriter.open(path, layout, REQUEST) is None


def test_a_store_made_for_something_else_is_refused_unless_it_is_made_anew(land, tmp_path):
    path, layout = tmp_path / "a.zarr", layout_of(land)
    write(land, path).finish()
    other = {**REQUEST, "land_use": {"product": "synthetic", "years": (2000, 2009)}}
    with pytest.raises(ConfigError, match=r"a\.zarr was made for something else: land_use\.years\[1\] is 2010 in the store and 2009 in the configuration"):
        StoreWriter.open(path, layout, other)
    assert len(StoreWriter.open(path, layout, other, fresh=True).unfinished) == 9
    assert not path.exists()


def test_a_checksum_counts_only_where_both_sides_have_one():
    old, new = {"files": [{"file": "a", "sha256": "x"}]}, {"files": [{"file": "a"}]}
    assert list(differences(old, new)) == list(differences(new, old)) == []
    assert list(differences(old, {"files": [{"file": "a", "sha256": "y"}]})) == ["files[0].sha256 is 'x' in the store and 'y' in the configuration"]
    assert list(differences({"a": 1}, {"b": 2})) == ["a is 1 in the store and None in the configuration", "b is None in the store and 2 in the configuration"]


def test_a_folder_that_is_no_store_is_refused_and_never_deleted(land, tmp_path):
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "thesis.txt").write_text("text")
    for call in (lambda: open_store(folder), lambda: StoreWriter.open(folder, layout_of(land), REQUEST, fresh=True)):
        with pytest.raises(FileError, match="precious is not a store of lsbc"):
            call()
    assert (folder / "thesis.txt").is_file()


def test_a_training_configuration_may_name_a_store(land, stored):
    assert read_data(DataConfig(kind="store", directory=stored)).years == land.years
    with pytest.raises(FileError, match=r"nowhere is not there"):
        read_data(DataConfig(kind="store", directory=stored.parent / "nowhere"))


@pytest.mark.parametrize("kept", [0, 10])
def test_a_torn_record_of_what_is_finished_is_an_error_that_says_the_way_out(land, tmp_path, kept):
    path, layout = tmp_path / "a.zarr", layout_of(land)
    write(land, path)
    chunk = tmp_path / "a.zarr.part" / "finished" / "c" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:kept])
    with pytest.raises(FileError, match=r"Store .*a\.zarr\.part: the record of what is finished cannot be read: .*Use --fresh"):
        StoreWriter.open(path, layout, REQUEST)
    assert len(StoreWriter.open(path, layout, REQUEST, fresh=True).unfinished) == 9


def test_a_store_of_an_older_version_is_refused_but_can_be_made_anew(land, tmp_path):
    import zarr

    path, layout = tmp_path / "a.zarr", layout_of(land)
    write(land, path).finish()
    zarr.open_group(str(path), mode="r+").attrs["format_version"] = 0
    with pytest.raises(FileError, match=r"a\.zarr has format lsbc training store version 0; lsbc training store version 1 is read"):
        open_store(path)
    assert len(StoreWriter.open(path, layout, REQUEST, fresh=True).unfinished) == 9
