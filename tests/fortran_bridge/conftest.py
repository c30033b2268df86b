"""Shared by the tests of the embedded side."""

import logging

import pytest


@pytest.fixture(autouse=True)
def plain_log(monkeypatch):
    """A logger as no bridge has touched it, and put back afterwards."""
    monkeypatch.delenv("LSBC_LOG_LEVEL", raising=False)
    logger = logging.getLogger("lsbc")
    before = logger.handlers[:], logger.propagate, logger.level
    logger.handlers[:] = []
    yield
    logger.handlers[:], logger.propagate = before[:2]
    logger.setLevel(before[2])
