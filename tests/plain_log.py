"""A fixture for tests that look at the log."""

import logging

import pytest


@pytest.fixture
def plain_log(monkeypatch):
    """A logger that nobody has set up, and put back afterwards."""
    monkeypatch.delenv("LSBC_LOG_LEVEL", raising=False)
    logger = logging.getLogger("lsbc")
    before = logger.handlers[:], logger.propagate, logger.level
    logger.handlers[:] = []
    yield
    logger.handlers[:], logger.propagate = before[:2]
    logger.setLevel(before[2])
