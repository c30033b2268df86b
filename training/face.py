"""What every predictor looks like to the scoreboard: fitted once, then class probabilities of a case. Knows arrays only."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from lsbc.training.cases import Case
from lsbc.training.predict import Region
from lsbc.training.samples import Sampler


class Predictor(Protocol):
    """A network, a fitted table or a rule.

    name: the row it gets in the scoreboard.
    backwards: works from a year to the one before as well; asked once it is fitted.
    """

    name: str
    backwards: bool

    def fit(self, sampler: Sampler, directory: Path) -> None:
        """Learn from the sampler's training cells and years; files that let a second call return at once go to `directory`.

        A rule that learns nothing returns.
        """

    def predict_proba(self, region: Region, case: Case) -> np.ndarray:
        """Probability of each class on the region, float32 (class, row, col), sum 1 over the classes of every cell with data."""
