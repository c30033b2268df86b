"""Two instances never write the same files."""

import os
import subprocess
import sys

import pytest

from lsbc.emulator import output_folder
from lsbc.emulator.output_folder import MARK, OutputFolder
from lsbc.regrid.errors import ConfigError, FileError


def test_a_directory_is_made_and_free_again_after_its_instance(tmp_path):
    first = OutputFolder(tmp_path / "a" / "b")
    first.close()
    first.close()
    OutputFolder(tmp_path / "a" / "b").close()
    assert not list((tmp_path / "a" / "b").iterdir())


def test_a_second_instance_of_the_same_process_is_refused_and_one_elsewhere_is_not(tmp_path):
    first = OutputFolder(tmp_path / "a")
    with pytest.raises(ConfigError, match="output.directory .*a is in use by another instance of lsbc"):
        OutputFolder(tmp_path / "a")
    OutputFolder(tmp_path / "b").close()
    first.close()


def test_an_instance_of_another_process_is_refused_until_that_process_ends_however_it_ends(tmp_path):
    first = OutputFolder(tmp_path)
    code = f"from pathlib import Path; from lsbc.emulator.output_folder import OutputFolder; OutputFolder(Path({str(tmp_path)!r})); import os; os._exit(9)"
    refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "in use by another instance" in refused.stderr
    first.close()
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert (tmp_path / MARK).exists()
    OutputFolder(tmp_path).close()


def test_a_file_system_without_locks_is_used_all_the_same(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(output_folder.fcntl, "flock", no_locks)
    first = OutputFolder(tmp_path)
    OutputFolder(tmp_path).close()
    first.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileError, match="cannot be written"):
        OutputFolder(tmp_path)
