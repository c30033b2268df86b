import errno
import os
import shutil

import numpy as np
import pytest
from store_plans import CHUNKS, chunk_values, small_plan, tree

from lsbc.emulator.hosts import zarr_years
from lsbc.emulator.hosts.zarr_plan import years_of
from lsbc.emulator.hosts.zarr_years import YearWriter, part_of, writing_year
from lsbc.regrid.errors import FileError, YearError

pytest.importorskip("zarr")
xarray = pytest.importorskip("xarray")
FORMATS = pytest.mark.parametrize("zarr_format", [2, 3])


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    """What is renamed before what matters here, not when it reaches the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


class Killed(BaseException):
    """Stands for a signal: nothing that catches errors catches it."""


def write(store, year, zarr_format=2, version=0.0, values=chunk_values, written=None):
    record = {"year": year, "run": f"version {version}"}
    with writing_year(store, small_plan(zarr_format), record) as writer:
        for chunk in CHUNKS:
            if chunk not in writer.done:
                writer.put(chunk, values(year, chunk, version), {"cells": 4})
                if written is not None:
                    written.append(chunk)
        counts = dict(writer.counts)
        writer.commit()
    return counts


def stops_at(last):
    def values(year, chunk, version):
        if chunk == last:
            raise Killed
        return chunk_values(year, chunk, version)
    return values


def years_in(store, consolidated=True):
    with xarray.open_zarr(store, consolidated=consolidated) as data:
        return {int(year): data.a.isel(time=k).values for k, year in enumerate(data.valid_year.values)}


def whole(year, version=0.0):
    return np.concatenate([chunk_values(year, chunk, version)["a"] for chunk in CHUNKS])


@FORMATS
def test_years_are_appended_and_read_as_they_were_given(tmp_path, zarr_format):
    store = tmp_path / "s.zarr"
    for year in (2030, 2031, 2035):
        assert write(store, year, zarr_format) == {"cells": 12}
    found = years_in(store)
    assert list(found) == [2030, 2031, 2035]
    assert all(np.array_equal(values, whole(year)) for year, values in found.items())
    with xarray.open_zarr(store, group="coarse") as data:
        assert data.a.values[2] == pytest.approx(whole(2035)[::4], rel=1e-6)
    assert os.listdir(tmp_path) == ["s.zarr"]


@FORMATS
def test_the_same_year_again_has_the_same_bytes(tmp_path, zarr_format):
    store = tmp_path / "s.zarr"
    for year in (2030, 2031):
        write(store, year, zarr_format)
    before = tree(store)
    write(store, 2030, zarr_format)
    assert tree(store) == before


@FORMATS
def test_a_year_is_replaced_by_another_version_with_the_others_untouched(tmp_path, zarr_format):
    store = tmp_path / "s.zarr"
    for year in (2030, 2031):
        write(store, year, zarr_format)
    write(store, 2030, zarr_format, version=7.0)
    found = years_in(store)
    assert np.array_equal(found[2030], whole(2030, 7.0)) and np.array_equal(found[2031], whole(2031))
    assert [record["run"] for record in years_of(store, small_plan(zarr_format))] == ["version 7.0", "version 0.0"]


@FORMATS
def test_chunks_without_values_are_not_written_and_old_ones_go(tmp_path, zarr_format):
    def nothing_in(year, chunk, version):
        return None if chunk == 1 else {name: np.full(array.shape, -1.0 if name == "b" else np.nan) for name, array in chunk_values(year, chunk).items()}

    store = tmp_path / "s.zarr"
    write(store, 2030, zarr_format)
    write(store, 2030, zarr_format, values=nothing_in)
    assert not [name for name in tree(store) if name.startswith(("a/0/", "a/c/0/", "b/0/", "b/c/0/", "coarse/a/0", "coarse/a/c/0"))]
    assert np.isnan(years_in(store)[2030]).all()


def test_a_year_before_the_last_that_is_not_there_is_refused(tmp_path):
    store = tmp_path / "s.zarr"
    write(store, 2030)
    with pytest.raises(YearError, match="ends with 2030; year 2029 is not in it and cannot be put before"):
        write(store, 2029)
    assert os.listdir(tmp_path) == ["s.zarr"]


@pytest.mark.parametrize(("zarr_format", "before", "stride"), [(2, (2030,), 1), (2, (2030, 2031), 3), (3, (2030, 2031), 5), (3, (), 6)])
def test_killed_between_any_two_changes_readers_see_whole_years_and_the_next_run_makes_the_same_bytes(tmp_path, monkeypatch, zarr_format, before, stride):
    """The year 2031 replaces another version of it, is appended, or is the first. Stopped before the k-th change that moves it into the store."""
    ready, undisturbed = tmp_path / "ready", tmp_path / "undisturbed" / "s.zarr"
    undisturbed.parent.mkdir()
    for year in before:
        write(undisturbed, year, zarr_format)
    shutil.copytree(undisturbed.parent, ready)
    assert stopped_after(0, monkeypatch, lambda: write(ready / "s.zarr", 2031, zarr_format, 2.0))
    write(undisturbed, 2031, zarr_format, version=2.0)
    expected, steps = tree(undisturbed), 0
    while True:
        store = tmp_path / f"{steps}" / "s.zarr"
        shutil.copytree(ready, store.parent)
        if not stopped_after(steps, monkeypatch, lambda: write(store, 2031, zarr_format, 2.0)):
            break
        assert store.exists() or not before
        check_whole(years_in(store) if store.exists() else {}, before)
        go_on(store, zarr_format)
        assert tree(store) == expected
        shutil.rmtree(store.parent)
        steps += stride
    assert steps > 15


class Counted:
    """A module whose changes to the disk come to an end."""

    def __init__(self, module, left):
        self.module, self.left = module, left

    def __getattr__(self, name):
        if name in ("rename", "replace", "rmtree"):
            if self.left[0] == 0:
                raise Killed
            self.left[0] -= 1
        return getattr(self.module, name)


def stopped_after(steps, monkeypatch, work):
    """Whether `work` was stopped at a change on the disk, `steps` of them being done; zarr's own are not counted."""
    left = [steps]
    with monkeypatch.context() as patch:
        patch.setattr(zarr_years, "os", Counted(os, left))
        patch.setattr(zarr_years, "shutil", Counted(shutil, left))
        begin = YearWriter._begin
        patch.setattr(YearWriter, "_begin", lambda self: (left.__setitem__(0, 99), begin(self), left.__setitem__(0, steps)))
        try:
            work()
        except Killed:
            return True
    return False


def go_on(store, zarr_format):
    """The next run: where the renames had begun, it does them before anything else."""
    if not (part_of(store) / "commit.json").exists():
        write(store, 2031, zarr_format, 2.0)
        return
    with pytest.raises(Killed), writing_year(store, small_plan(zarr_format), {"year": 2031}):
        raise Killed


def check_whole(found, before):
    for year in before:
        if year != 2031:
            assert np.array_equal(found[year], whole(year))
    if 2031 in found:
        versions = [whole(2031, 2.0), whole(2031)] if 2031 in before else [whole(2031, 2.0)]
        absent = 2031 in before and np.isnan(found[2031]).all()
        assert absent or any(np.array_equal(found[2031], version) for version in versions)
    assert set(found) - {2031} == set(before) - {2031}


@FORMATS
def test_a_stopped_year_goes_on_with_the_chunks_that_are_missing(tmp_path, zarr_format):
    store, written = tmp_path / "s.zarr", []
    with pytest.raises(Killed):
        write(store, 2030, zarr_format, values=stops_at(2))
    assert not store.exists()
    torn = next((part_of(store) / "chunks").rglob("b")) / "0.torn.partial"
    torn.write_bytes(b"x")
    assert write(store, 2030, zarr_format, written=written) == {"cells": 12}
    assert written == [2]
    write(tmp_path / "whole.zarr", 2030, zarr_format)
    assert tree(store) == tree(tmp_path / "whole.zarr")


@pytest.mark.parametrize("other", [{"version": 1.0}, {"year": 2032}])
def test_what_was_begun_for_something_else_is_thrown_away(tmp_path, other):
    store, written = tmp_path / "s.zarr", []
    with pytest.raises(Killed):
        write(store, 2030, values=stops_at(1))
    write(store, **({"year": 2030} | other), written=written)
    assert written == [0, 1, 2]


def test_what_was_begun_is_not_taken_for_done_after_another_beginning(tmp_path):
    store, written = tmp_path / "s.zarr", []
    for year, last in ((2030, 1), (2031, 0)):
        with pytest.raises(Killed):
            write(store, year, values=stops_at(last))
    write(store, 2030, written=written)
    assert written == [0, 1, 2]


@pytest.mark.parametrize("lost", ["chunks/a", "chunks"])
def test_what_was_begun_and_is_damaged_is_begun_again(tmp_path, lost):
    store, written = tmp_path / "s.zarr", []
    with pytest.raises(Killed):
        write(store, 2030, values=stops_at(2))
    shutil.rmtree(part_of(store) / lost)
    write(store, 2030, written=written)
    assert written == [0, 1, 2]


def test_renames_left_for_a_store_that_is_gone_are_dropped(tmp_path, monkeypatch):
    store = tmp_path / "s.zarr"
    write(store, 2030)
    assert stopped_after(3, monkeypatch, lambda: write(store, 2031))
    assert (part_of(store) / "commit.json").exists()
    shutil.rmtree(store)
    write(store, 2035)
    assert list(years_in(store)) == [2035] and os.listdir(tmp_path) == ["s.zarr"]


def test_a_full_disk_leaves_the_store_and_what_is_finished(tmp_path, monkeypatch):
    store = tmp_path / "s.zarr"
    write(store, 2030)
    before, put = tree(store), zarr_years._sync

    def full(path):
        if path.name == "2":
            raise OSError(errno.ENOSPC, "No space left on device")
        put(path)

    monkeypatch.setattr(zarr_years, "_sync", full)
    with pytest.raises(FileError, match=r"s\.zarr could not be written: .*No space left.*What is finished of year 2031 is kept in .*\.s\.zarr\.part"):
        write(store, 2031)
    assert tree(store) == before
    monkeypatch.setattr(zarr_years, "_sync", put)
    written = []
    write(store, 2031, written=written)
    assert written == [2]


def test_two_processes_do_not_write_one_store(tmp_path):
    store = tmp_path / "s.zarr"
    with writing_year(store, small_plan(), {"year": 2030}) as writer:
        with pytest.raises(FileError, match="is being written by another process"):
            write(store, 2031)
        for chunk in CHUNKS:
            writer.put(chunk, chunk_values(2030, chunk), {})
        writer.commit()
    assert list(years_in(store)) == [2030]


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(FileError, match="directory .*nowhere does not exist"):
        write(tmp_path / "nowhere" / "s.zarr", 2030)
