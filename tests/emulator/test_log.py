import logging

import pytest

from lsbc.emulator import log
from lsbc.regrid.errors import ConfigError


def test_the_level_is_info_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("LSBC_LOG_LEVEL", raising=False)
    assert log.log_level() == logging.INFO
    monkeypatch.setenv("LSBC_LOG_LEVEL", "warning")
    assert log.log_level() == logging.WARNING


def test_an_unknown_log_level_is_an_error_that_names_the_variable(monkeypatch):
    monkeypatch.setenv("LSBC_LOG_LEVEL", "LOUD")
    with pytest.raises(ConfigError, match="LSBC_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR, got 'LOUD'"):
        log.log_level()
