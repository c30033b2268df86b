"""XGBoost, imported when it is first needed. Knows no data and no settings."""

from __future__ import annotations

from types import ModuleType

from lsbc.regrid.errors import StartupError


def late_xgboost() -> ModuleType:
    """The xgboost module; raises StartupError where it is not installed."""
    try:
        import xgboost
    except ImportError as error:
        raise StartupError(f"Boosted trees need the extra packages of `pip install 'lsbc[train]'`: {error}.") from error
    return xgboost
