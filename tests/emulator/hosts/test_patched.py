import hashlib
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.hosts.patched import created, patched
from lsbc.regrid.errors import FileError


@pytest.fixture
def template(tmp_path):
    with Dataset(tmp_path / "host.nc", "w", format="NETCDF3_64BIT_OFFSET") as data:
        data.createDimension("cell", 5)
        data.createVariable("kept", "f4", ("cell",))[:] = [1.5, np.nan, -0.0, 1e30, 3.0]
        data.createVariable("changed", "i2", ("cell",))[:] = 7
        data.TITLE = "host"
    return tmp_path / "host.nc"


def test_what_is_not_touched_stays_bit_by_bit(template, tmp_path):
    before = hashlib.sha256(template.read_bytes()).hexdigest()
    with patched(template, tmp_path / "out.nc") as data:
        data["changed"][2] = 9
    assert hashlib.sha256(template.read_bytes()).hexdigest() == before
    with Dataset(template) as one, Dataset(tmp_path / "out.nc") as two:
        for data in (one, two):
            data.set_auto_maskandscale(False)
        assert one["kept"][:].tobytes() == two["kept"][:].tobytes() and two["changed"][:].tolist() == [7, 7, 9, 7, 7]
        assert (two.TITLE, two.data_model) == ("host", "NETCDF3_64BIT_OFFSET")


def test_the_template_itself_may_be_replaced(template):
    with patched(template, template) as data:
        data["changed"][:] = 1
    with Dataset(template) as data:
        assert data["changed"][:].tolist() == [1] * 5


def test_a_failure_leaves_the_old_file_and_nothing_else(template, tmp_path):
    (tmp_path / "out.nc").write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), patched(template, tmp_path / "out.nc") as data:
        data["changed"][:] = 1
        raise ZeroDivisionError
    assert (tmp_path / "out.nc").read_bytes() == b"old" and sorted(path.name for path in tmp_path.iterdir()) == ["host.nc", "out.nc"]
    with pytest.raises(ZeroDivisionError), created(tmp_path / "out.nc") as data:
        data.createDimension("x", 3)
        raise ZeroDivisionError
    assert (tmp_path / "out.nc").read_bytes() == b"old" and sorted(path.name for path in tmp_path.iterdir()) == ["host.nc", "out.nc"]


def test_a_full_disk_leaves_the_old_file(template, tmp_path):
    """A limit on the size of files stands in for the disk: writing beyond it fails as a full disk does."""
    (tmp_path / "out.nc").write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
        with pytest.raises(FileError, match="out.nc could not be written"), created(tmp_path / "out.nc") as data:
            data.createDimension("x", 1_000_000)
            data.createVariable("big", "f8", ("x",))[:] = np.arange(1e6)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
        with pytest.raises(FileError, match="out.nc could not be written"), patched(template, tmp_path / "out.nc"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert (tmp_path / "out.nc").read_bytes() == b"old" and sorted(path.name for path in tmp_path.iterdir()) == ["host.nc", "out.nc"]


def test_a_template_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(FileError, match="does not exist"), patched(tmp_path / "none.nc", tmp_path / "out.nc"):
        pass
    (tmp_path / "text.nc").write_text("no netCDF")
    with pytest.raises(FileError, match="text.nc cannot be read as netCDF"), patched(tmp_path / "text.nc", tmp_path / "out.nc"):
        pass
    assert not (tmp_path / "out.nc").exists()


def test_a_template_that_was_cut_short_is_refused(template, tmp_path):
    template.write_bytes(template.read_bytes()[:-8])
    with pytest.raises(FileError, match="host.nc is cut short"), patched(template, tmp_path / "out.nc"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["host.nc"]


def test_a_link_is_followed_and_permissions_are_kept(template, tmp_path):
    template.chmod(0o640)
    (tmp_path / "link.nc").symlink_to(template)
    with patched(template, tmp_path / "link.nc") as data:
        data["changed"][:] = 1
    assert (tmp_path / "link.nc").is_symlink() and template.stat().st_mode & 0o777 == 0o640
    with Dataset(template) as data:
        assert data["changed"][:].tolist() == [1] * 5


@pytest.mark.parametrize("how", ["patched", "created"])
def test_a_process_killed_while_it_writes_leaves_the_old_file_and_the_next_one_writes_it(template, tmp_path, how):
    out = tmp_path / "out.nc"
    out.write_bytes(b"old")
    enter = f"patched(Path({str(template)!r}), Path({str(out)!r}))" if how == "patched" else f"created(Path({str(out)!r}))"
    code = (f"import sys, time\nfrom pathlib import Path\nfrom lsbc.emulator.hosts.patched import created, patched\nwith {enter} as data:\n"
            "    data.createDimension('more', 1000)\n    data.createVariable('more', 'f8', ('more',))[:] = 1.0\n    data.sync()\n"
            "    print('writing', flush=True)\n    time.sleep(60)\n")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        process.kill()
    assert process.returncode == -signal.SIGKILL and out.read_bytes() == b"old"
    with patched(template, out) as data:
        data["changed"][:] = 1
    with Dataset(out) as data:
        assert data["changed"][:].tolist() == [1] * 5 and "more" not in data.variables
    assert sorted(path.name for path in tmp_path.iterdir()) == ["host.nc", "out.nc"]
