from dataclasses import dataclass
from pathlib import Path

import pytest

from lsbc.emulator.hosts.options import OptionsError, kind_of, option, read_options


@dataclass(frozen=True, kw_only=True)
class Options:
    template: Path = option("the file to update")
    table: Path | None = option("a table", default=None)
    order: str = option("order of cells", default="nest", choices=("nest", "ring"))
    depth_m: float = option("depth", default=1.0)
    nside: int = option("resolution", default=64)
    crosswalk: str = option("a shipped name or a .toml file", default="modis")
    fold: bool = option("fold", default=False)


def test_paths_are_beside_the_file_that_names_them_and_whole_numbers_may_stand_for_others():
    got = read_options(Options, {"template": "a.nc", "table": "/x/b.tbl", "depth_m": 2}, Path("/base"))
    assert (got.template, got.table, got.depth_m, type(got.depth_m)) == (Path("/base/a.nc"), Path("/x/b.tbl"), 2.0, float)
    assert (got.order, got.nside, got.fold, got.crosswalk) == ("nest", 64, False, "modis")


def test_a_table_of_ones_own_is_beside_the_file_that_names_it():
    assert read_options(Options, {"template": "a.nc", "crosswalk": "mine.toml"}, Path("/base")).crosswalk == "/base/mine.toml"
    assert read_options(Options, {"template": "a.nc", "crosswalk": "globcover"}, Path("/base")).crosswalk == "globcover"


@pytest.mark.parametrize("given, told", [
    ({}, r"template is missing \(the file to update\)"), ({"template": "a", "temlate": "b"}, "unknown option temlate; there are template, table"),
    ({"template": ""}, "template must be a path, got ''"), ({"template": "a", "nside": 2.5}, "nside must be a whole number, got 2.5"),
    ({"template": "a", "nside": True}, "nside must be a whole number, got True"), ({"template": "a", "fold": 1}, "fold must be true or false, got 1"),
    ({"template": "a", "order": "spiral"}, "order must be one of nest, ring, got 'spiral'"),
    ({"template": "a", "depth_m": "deep"}, "depth_m must be a number, got 'deep'")])
def test_wrong_options_are_told(given, told):
    with pytest.raises(OptionsError, match=told):
        read_options(Options, given, Path("/base"))


def test_all_problems_are_told_at_once():
    with pytest.raises(OptionsError, match="unknown option a; .*nside must be .*template is missing|unknown option a; .*template is missing.*nside must be"):
        read_options(Options, {"a": 1, "nside": "x"}, Path())


def test_an_optional_path_is_a_path():
    assert (kind_of(Options, "table"), kind_of(Options, "fold")) == (Path, bool)
