"""What is loaded, logged and given back inside a host's process."""

import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lsbc.emulator import inside_host
from lsbc.regrid.errors import StartupError


@pytest.mark.parametrize("host_has_netcdf", [True, False])
def test_file_libraries_look_at_their_own_first_only_beside_those_of_a_host(monkeypatch, host_has_netcdf):
    before, seen = sys.getdlopenflags(), []
    host = SimpleNamespace(nc_open=None) if host_has_netcdf else SimpleNamespace()
    monkeypatch.setattr(inside_host.ctypes, "CDLL", lambda _name: host)
    monkeypatch.setattr(inside_host.importlib, "import_module", lambda name: seen.append((name, sys.getdlopenflags())))
    inside_host.load_file_libraries()
    assert seen == [("netCDF4", before | (getattr(inside_host.os, "RTLD_DEEPBIND", 0) if host_has_netcdf else 0))]
    assert sys.getdlopenflags() == before


def test_missing_file_libraries_are_a_failed_start(monkeypatch):
    monkeypatch.setitem(sys.modules, "netCDF4", None)
    with pytest.raises(StartupError, match="netCDF4 cannot be loaded"):
        inside_host.load_file_libraries()


def test_only_rank_0_speaks_below_warnings(monkeypatch, plain_log):
    logger = logging.getLogger("lsbc")
    monkeypatch.setenv("LSBC_LOG_LEVEL", "DEBUG")
    inside_host.start_log(rank=0)
    assert logger.level == logging.DEBUG
    inside_host.start_log(rank=3)
    assert logger.level == logging.WARNING
    assert len(logger.handlers) == 1


TRAPS = """
import ctypes, ctypes.util, numpy as np
from lsbc.emulator.inside_host import host_guard
maths = ctypes.CDLL(ctypes.util.find_library("m"))
maths.feenableexcept(1)  # invalid
np.seterr(all="ignore")
zero = np.zeros(8)
with host_guard():
    zero / zero
print("guarded", flush=True)
zero / zero
print("went on")
"""


def test_no_other_program_is_started_to_guard_a_call(monkeypatch):
    """ComIn calls at every time step of ICON: a search for the C library's maths starts ldconfig or a compiler."""
    started = []
    monkeypatch.setattr(subprocess, "Popen", lambda *arguments, **_: started.append(arguments))
    with inside_host.host_guard():
        pass
    assert not started


def test_armed_floating_point_traps_are_masked_inside_and_armed_again_after():
    done = subprocess.run([sys.executable, "-c", TRAPS], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["guarded"] and done.returncode == -8, done
