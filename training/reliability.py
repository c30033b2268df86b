"""Whether probabilities mean what they say: reliability, expected calibration error, Brier score. Knows flat arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.training.metrics import ratio

N_BIN = 15


@dataclass(frozen=True)
class Reliability:
    """Sums over cells in equal bins of a probability, each (15,): area weight, weight x probability, weight of the event.

    squared_error: weighted sum of the squared error of the probabilities, over all cells.
    """

    weight: np.ndarray
    said: np.ndarray
    seen: np.ndarray
    squared_error: float

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(self.weight + other.weight, self.said + other.said, self.seen + other.seen,
                           self.squared_error + other.squared_error)

    @property
    def calibration_error(self) -> float:
        """Expected calibration error (Naeini et al. 2015): mean over the area of |observed share - mean probability| of its bin."""
        return float(ratio(np.abs(self.seen - self.said).sum(), self.weight.sum()))

    @property
    def brier(self) -> float:
        """Mean squared error of the probabilities (Brier 1950)."""
        return float(ratio(self.squared_error, self.weight.sum()))

    def table(self) -> list[dict[str, float]]:
        """A row for each bin that has cells: its edges, mean probability, observed share and share of the area."""
        edges, share = np.linspace(0.0, 1.0, N_BIN + 1), self.weight / self.weight.sum()
        return [{"from": float(edges[b]), "to": float(edges[b + 1]), "probability": float(self.said[b] / self.weight[b]),
                 "observed": float(self.seen[b] / self.weight[b]), "area_share": float(share[b])}
                for b in range(N_BIN) if self.weight[b] > 0]


def _binned(probability: np.ndarray, event: np.ndarray, weight: np.ndarray, squared: np.ndarray) -> Reliability:
    # The bin above an edge holds it, the last one 1 too; rounded, so that a probability on an edge does not depend on its last bit.
    place = np.clip(np.floor(np.round(probability.astype(np.float64) * N_BIN, 6)).astype(np.int64), 0, N_BIN - 1)
    sums = [np.bincount(place, weights=weight * factor, minlength=N_BIN) for factor in (1.0, probability, event)]
    return Reliability(*sums, float(weight @ squared))


def top_class(probability: np.ndarray, observed: np.ndarray, weight: np.ndarray) -> Reliability:
    """How often the likeliest class is right, by its probability; the Brier score is over all classes (0 to 2).

    Args:
        probability: (class, cell).  observed, weight: (cell,).
    """
    best = probability.argmax(axis=0)
    of_observed = np.take_along_axis(probability, observed[None].astype(np.int64), axis=0)[0].astype(np.float64)
    squared = np.einsum("cn,cn->n", probability, probability, dtype=np.float64) - 2.0 * of_observed + 1.0
    top = np.take_along_axis(probability, best[None], axis=0)[0]
    return _binned(top, best == observed, weight, squared)


def of_change(probability: np.ndarray, before: np.ndarray, observed: np.ndarray, weight: np.ndarray) -> Reliability:
    """How often a cell changes, by the probability given to all other classes; the Brier score is that of the event (0 to 1)."""
    stays = np.take_along_axis(probability, before[None].astype(np.int64), axis=0)[0].astype(np.float64)
    change, event = 1.0 - stays, observed != before
    return _binned(change, event, weight, (change - event) ** 2)
