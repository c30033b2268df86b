"""lsbc.training.files: the old file or the whole new one."""

import os

import pytest

from lsbc.training.files import sha256_of, write_atomically


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "deep" / "x"
    write_atomically(path, b"old")
    write_atomically(path, b"abc")
    assert path.read_bytes() == b"abc" and [p.name for p in path.parent.iterdir()] == ["x"]
    # the SHA-256 of "abc" is the first example of FIPS 180-2
    assert sha256_of(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "x"
    write_atomically(path, b"old")

    def fail(fd):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["x"]
