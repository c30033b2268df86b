"""Everything the scoreboard compares, behind one face."""

from lsbc.training.models.catalogue import all_predictors

__all__ = ["all_predictors"]
