import json

import numpy as np
import pytest
from store_plans import small_plan

from lsbc.emulator.hosts.zarr_plan import metadata, years_of, zarr_library
from lsbc.regrid.errors import ConfigError, FileError, StartupError

pytest.importorskip("zarr")
RECORDS = [{"year": 2030, "run": "x"}, {"year": 2031, "run": "y"}]


def write(folder, objects):
    for key, content in objects:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)
    return folder


@pytest.mark.parametrize(("zarr_format", "last"), [(2, ["coarse/.zmetadata", ".zmetadata"]), (3, ["coarse/zarr.json", "zarr.json"])])
def test_what_readers_look_at_first_is_renamed_last(zarr_format, last):
    keys = [key for key, _ in metadata(small_plan(zarr_format), RECORDS)]
    assert keys[-2:] == last and len(set(keys)) == len(keys)
    assert any(key.startswith("valid_year/") for key in keys) and not any(key.startswith(("a/0", "a/c", "cell/0", "cell/c")) for key in keys)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_metadata_are_the_same_bytes_each_time_and_tell_the_years(tmp_path, zarr_format):
    plan = small_plan(zarr_format)
    assert metadata(plan, RECORDS) == metadata(plan, RECORDS)
    assert years_of(write(tmp_path / "s", metadata(plan, RECORDS)), plan) == RECORDS
    assert years_of(tmp_path / "none", plan) == []


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_missing_values_are_those_that_xarray_masks(tmp_path, zarr_format):
    xarray = pytest.importorskip("xarray")
    data = xarray.open_zarr(write(tmp_path / "s", metadata(small_plan(zarr_format), RECORDS)))
    assert data.sizes == {"time": 2, "cell": 12, "level": 2}
    assert np.isnan(data.a.values).all() and np.isnan(data.b.values).all()
    assert data.b.encoding["_FillValue"] == -1
    assert data.valid_year.values.tolist() == [2030, 2031]


def test_chunks_lie_in_a_folder_a_year():
    array = small_plan().arrays[5]
    assert (small_plan(2).year_folder(array, 7), small_plan(3).year_folder(array, 7)) == ("b/7", "b/c/7")


def test_a_store_made_with_other_options_is_refused_with_the_difference(tmp_path):
    store = write(tmp_path / "s", metadata(small_plan(), RECORDS))
    with pytest.raises(ConfigError, match="was made otherwise: cells is 12 there and 48 now; nside is None there and 2 now"):
        years_of(store, small_plan(cells=48, nside=2))
    with pytest.raises(ConfigError, match="zarr_format is 2 there and 3 now"):
        years_of(store, small_plan(3))


@pytest.mark.parametrize("content", ["nothing at all {", "{}", json.dumps({"metadata": {".zattrs": {"title": "another store"}}})])
def test_other_stores_and_damaged_ones_are_refused(tmp_path, content):
    (tmp_path / ".zmetadata").write_text(content, encoding="utf-8")
    with pytest.raises(FileError, match="is no HEALPix store of lsbc, or its metadata are damaged"):
        years_of(tmp_path, small_plan())


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(FileError, match="exists and is no Zarr store with consolidated metadata"):
        years_of(tmp_path, small_plan())


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(StartupError, match=r"pip install 'lsbc\[healpix\]'"):
        zarr_library()
