"""Shared by the tests of the embedded side."""

import pytest

from plain_log import plain_log  # noqa: F401


@pytest.fixture(autouse=True)
def log_as_no_bridge_has_touched_it(plain_log):  # noqa: F811
    """Every test here starts with a plain log."""
