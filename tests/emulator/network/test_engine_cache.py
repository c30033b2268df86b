import hashlib
import json
import logging
import os

import pytest

from lsbc.emulator.network.engine_cache import cache_folder, read_engine, write_engine
from lsbc.regrid.errors import ConfigError

KEY = {"gpu": "NVIDIA H200 sm_90", "precision": "float16"}


@pytest.fixture
def kept(tmp_path):
    write_engine(tmp_path / "engines", KEY, b"an engine")
    return tmp_path / "engines"


def files(folder):
    engine, = folder.glob("*.engine")
    index, = folder.glob("*.json")
    return engine, index


def test_what_was_written_is_read_and_the_index_names_it(kept):
    assert read_engine(kept, dict(reversed(KEY.items()))) == b"an engine"
    assert json.loads(files(kept)[1].read_text()) == {"sha256": hashlib.sha256(b"an engine").hexdigest(), "key": KEY}


def test_any_other_key_has_none(kept):
    assert read_engine(kept, KEY | {"gpu": "NVIDIA A100 sm_80"}) is None and read_engine(kept.parent / "nowhere", KEY) is None


@pytest.mark.parametrize("damage", [
    lambda engine, index: engine.write_bytes(b"an engin"),
    lambda engine, index: engine.write_bytes(b"AN ENGINE"),
    lambda engine, index: index.write_text("{"),
    lambda engine, index: index.write_text("[]"),
    lambda engine, index: index.write_text(index.read_text().replace("H200", "H100")),
    lambda engine, index: (index.unlink(), index.mkdir()),
])
def test_a_damaged_or_foreign_engine_is_not_given_and_one_line_says_so(kept, damage, caplog):
    damage(*files(kept))
    with caplog.at_level(logging.WARNING):
        assert read_engine(kept, KEY) is None
    assert len(caplog.records) == 1 and "built again" in caplog.text


def test_a_cache_that_cannot_be_written_costs_a_line_not_the_run(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING):
        write_engine(tmp_path / "file" / "below", KEY, b"an engine")
    assert "the engine is not kept for the next run" in caplog.text


def test_the_folder_is_the_configured_one_or_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder(None) == tmp_path / "xdg" / "lsbc" and cache_folder(tmp_path / "mine") == tmp_path / "mine"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder(None) == tmp_path / ".cache" / "lsbc"


@pytest.mark.parametrize(("mode", "who"), [(0o777, "everybody"), (0o702, "everybody"), (0o770, "its group")])
def test_a_folder_that_others_may_write_is_refused(tmp_path, mode, who):
    tmp_path.chmod(mode)
    with pytest.raises(ConfigError, match=rf"model\.cache = .* may be written by {who}, .*chmod go-w"):
        cache_folder(tmp_path)


def test_a_folder_of_another_user_is_refused_but_the_superusers_is_not(tmp_path, monkeypatch):
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:
        assert cache_folder(tmp_path) == tmp_path
        os.chown(tmp_path, 12345, -1)
        owner = 12345
    with pytest.raises(ConfigError, match=rf"model\.cache = .* belongs to user {owner}"):
        cache_folder(tmp_path)


def test_a_folder_made_for_the_engines_is_taken_the_next_time_whatever_the_umask(tmp_path):
    before = os.umask(0o002)
    try:
        write_engine(tmp_path / "engines", KEY, b"an engine")
    finally:
        os.umask(before)
    assert cache_folder(tmp_path / "engines") == tmp_path / "engines" and read_engine(tmp_path / "engines", KEY) == b"an engine"
