"""Lists what the scoreboard compares, in its order. Knows the predictors' names and settings, nothing of how they work."""

from __future__ import annotations

from lsbc.training.config import TrainingConfig
from lsbc.training.face import Predictor

NEIGHBOURHOOD_RADII = (1, 2, 3)
"""Windows of 3 x 3, 5 x 5 and 7 x 7 cells; wider ones scored lower at everything."""


def all_predictors(config: TrainingConfig) -> list[Predictor]:
    """Everything but the network: rules first, then what is trained; none is fitted yet."""
    from lsbc.training.models.boosted import Boosted
    from lsbc.training.models.cnn import PlainCNN
    from lsbc.training.models.neighbourhood import Neighbourhood
    from lsbc.training.models.rules import CoarseArgmax, Majority, Persistence, RandomScores

    rules = [Persistence(), Majority(), CoarseArgmax(), RandomScores(), *(Neighbourhood(radius) for radius in NEIGHBOURHOOD_RADII)]
    return [*rules, Boosted(threads=config.run.threads), PlainCNN(threads=config.run.threads, seed=config.run.seed)]
