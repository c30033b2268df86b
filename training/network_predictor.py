"""The network as one of the predictors. Knows logits and probabilities, not how the network was trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.training.cases import Case
from lsbc.training.predict import Network, Region, network_logits
from lsbc.training.samples import Sampler


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits (class, ...), float32; the largest is taken off first, so nothing overflows."""
    power = np.exp(logits - logits.max(axis=0))
    return (power / power.sum(axis=0)).astype(np.float32)


@dataclass(frozen=True)
class NetworkPredictor:
    """A trained network behind the face of all predictors.

    backwards: it was also trained to go from a year to the one before.  elevation: which of the data's elevations it is shown.
    human_footprint: whether it is shown the footprint where the data have it.
    """

    network: Network
    name: str = "network"
    backwards: bool = False
    elevation: int = 0
    human_footprint: bool = True

    def fit(self, sampler: Sampler, directory: Path) -> None:
        """Nothing: `lsbc train` did it."""

    def predict_proba(self, region: Region, case: Case) -> np.ndarray:
        """Softmax of the network's logits on the region."""
        return softmax(network_logits(self.network, region, case, self.elevation, self.human_footprint))
