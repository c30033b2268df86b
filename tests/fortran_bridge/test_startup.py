"""What is loaded before the first collective call: component, file libraries, log."""

import logging
import sys
from types import SimpleNamespace

import pytest

from lsbc.fortran_bridge import startup
from lsbc.regrid.errors import StartupError


def test_a_component_that_cannot_be_loaded_is_a_failed_start(monkeypatch):
    monkeypatch.setenv("LSBC_COMPONENT", "no_such_module:Component")
    with pytest.raises(StartupError, match="Cannot load no_such_module:Component: No module named 'no_such_module'"):
        startup.component_class()


def test_the_component_is_that_of_the_emulator_unless_a_test_asks_for_another(monkeypatch):
    monkeypatch.setenv("LSBC_COMPONENT", "types:SimpleNamespace")
    assert startup.component_class() is SimpleNamespace
    monkeypatch.delenv("LSBC_COMPONENT")
    assert startup.component_class().__module__ == "lsbc.emulator.component"


@pytest.mark.parametrize("host_has_netcdf", [True, False])
def test_file_libraries_look_at_their_own_first_only_beside_those_of_a_host(monkeypatch, host_has_netcdf):
    before, seen = sys.getdlopenflags(), []
    host = SimpleNamespace(nc_open=None) if host_has_netcdf else SimpleNamespace()
    monkeypatch.setattr(startup.ctypes, "CDLL", lambda _name: host)
    monkeypatch.setattr(startup.importlib, "import_module", lambda name: seen.append((name, sys.getdlopenflags())))
    startup.load_file_libraries()
    assert seen == [("netCDF4", before | (getattr(startup.os, "RTLD_DEEPBIND", 0) if host_has_netcdf else 0))]
    assert sys.getdlopenflags() == before


def test_missing_file_libraries_are_a_failed_start(monkeypatch):
    monkeypatch.setitem(sys.modules, "netCDF4", None)
    with pytest.raises(StartupError, match="netCDF4 cannot be loaded"):
        startup.load_file_libraries()


def test_only_rank_0_speaks_below_warnings(monkeypatch, plain_log):
    logger = logging.getLogger("lsbc")
    monkeypatch.setenv("LSBC_LOG_LEVEL", "DEBUG")
    startup.start_log(rank=0)
    assert logger.level == logging.DEBUG
    startup.start_log(rank=3)
    assert logger.level == logging.WARNING
    assert len(logger.handlers) == 1
