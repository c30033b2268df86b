import pytest

from lsbc.regrid.atomic import make_folder, whole_file
from lsbc.regrid.errors import FileError


def test_a_file_is_there_only_when_it_is_whole(tmp_path):
    path = tmp_path / "result"
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_an_error_while_writing_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "result"
    path.write_text("old")
    with pytest.raises(FileError, match="result could not be written: disk full"):
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise OSError("disk full")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_other_errors_pass_and_leave_no_rest(tmp_path):
    with pytest.raises(ZeroDivisionError):
        with whole_file(tmp_path / "result") as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_of_a_file_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(FileError, match="Directory .*taken could not be made"):
        make_folder(tmp_path / "taken")
