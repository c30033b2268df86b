"""What is loaded before the first collective call: component, file libraries, log."""

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
