import pytest

from lsbc.emulator.surface.namelist import number_of, read_groups
from lsbc.regrid.errors import FileError

TEXT = """! head
&first
 NAME = "a ! b"   ! said of it
 ! LONG: over two lines (m)
 LONG = 1.0, 2.E4,
        .5, 1.d-2
 repeated = 3*0.25, 7
/
stray text between groups
&SECOND
 K = 'x', 'y'
&end
"""


def written(tmp_path, text):
    path = tmp_path / "some.TBL"
    path.write_text(text)
    return path


def test_groups_hold_values_comments_and_lines(tmp_path):
    groups = read_groups(written(tmp_path, TEXT))
    first = groups["first"]
    assert list(groups) == ["first", "second"]
    assert first.entries["NAME"].values == ["a ! b"] and first.entries["NAME"].comment == "said of it"
    assert [number_of(value) for value in first.entries["LONG"].values] == [1.0, 2e4, 0.5, 0.01]
    assert first.entries["LONG"].line == 5 and first.comments == [(4, "LONG: over two lines (m)")]
    assert first.entries["REPEATED"].values == ["0.25", "0.25", "0.25", "7"]
    assert groups["second"].entries["K"].values == ["x", "y"]


@pytest.mark.parametrize("text, message", [
    ("&open\n A = 1\n", "group &open, begun in line 1, is not closed"),
    ("&g\n stray\n/\n", "group &g, line 2: expected NAME = values, got 'stray'"),
    ("&g\n A = 1,,2\n/\n", "line 2: two commas without a value"),
    ("&g A = 1\n/\n", "line 1: a group must start with its name alone"),
    ("&g\n A = 1 /\n", "group &g, line 2: the closing '/' must stand in a line of its own"),
])
def test_what_would_be_read_by_half_is_refused(tmp_path, text, message):
    with pytest.raises(FileError, match=message):
        read_groups(written(tmp_path, text))


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(FileError, match="nothing.TBL cannot be read"):
        read_groups(tmp_path / "nothing.TBL")
    (tmp_path / "bytes.TBL").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="bytes.TBL cannot be read"):
        read_groups(tmp_path / "bytes.TBL")


def test_only_finite_numbers_are_numbers():
    assert number_of("1.5D2") == 150.0
    assert number_of("nan") is None and number_of("inf") is None and number_of("1.5x") is None
