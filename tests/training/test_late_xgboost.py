import sys

import pytest

from lsbc.regrid.errors import StartupError
from lsbc.training.late_xgboost import late_xgboost


def test_a_missing_xgboost_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(StartupError, match=r"pip install 'lsbc\[train\]'"):
        late_xgboost()


def test_an_installed_xgboost_is_handed_out():
    assert late_xgboost().__name__ == "xgboost"
