"""Finds the reference data that lie beside the project, or skips the test that needs them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[2] / "shared"


def shared(relative: str) -> Path:
    """A file or folder of the reference data; LSBC_SHARED names another place for them."""
    path = Path(os.environ.get("LSBC_SHARED", BESIDE)) / relative
    if not path.exists():
        pytest.skip(f"needs the reference file {relative} (set LSBC_SHARED to the folder that holds it)")
    return path
