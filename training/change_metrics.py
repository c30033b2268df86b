"""Scores of change: three maps (before, observed, predicted) in one table. Knows tables and flat arrays, no years and no places.

All of them follow from the summed area weight of each triple of classes, so scores of several maps are those of the summed table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.emulator.classes import N_CLASS
from lsbc.training.metrics import ratio


def joint_table(before: np.ndarray, observed: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Summed weight of each (before, observed, predicted) triple of classes, (8, 8, 8)."""
    triple = (before.astype(np.int64) * N_CLASS + observed) * N_CLASS + predicted
    return np.bincount(triple, weights=weight, minlength=N_CLASS**3).reshape(N_CLASS, N_CLASS, N_CLASS)


@dataclass(frozen=True)
class ChangeScore:
    """The five parts of the agreement budget (Pontius et al. 2011), as weight sums.

    Hits: changed in both, right class. Wrong class: changed in both, another class. Misses: only observed.
    False alarms: only predicted. Correct persistence: in neither.
    """

    hits: float
    wrong_class: float
    misses: float
    false_alarms: float
    correct_persistence: float = 0.0

    def __add__(self, other: ChangeScore) -> ChangeScore:
        return ChangeScore(*(a + b for a, b in zip(self.parts, other.parts, strict=True)))

    @property
    def parts(self) -> tuple[float, ...]:
        """The five sums, in the order of the fields."""
        return (self.hits, self.wrong_class, self.misses, self.false_alarms, self.correct_persistence)

    @property
    def figure_of_merit(self) -> float:
        """Hits over everything that changed or was said to (Pontius et al. 2008); NaN where neither happened."""
        return float(ratio(self.hits, sum(self.parts[:4])))

    @property
    def producers_accuracy(self) -> float:
        """Share of the observed change that was predicted, with the right class."""
        return float(ratio(self.hits, self.hits + self.wrong_class + self.misses))

    @property
    def users_accuracy(self) -> float:
        """Share of the predicted change that was observed, with the right class."""
        return float(ratio(self.hits, self.hits + self.wrong_class + self.false_alarms))

    def budget(self) -> dict[str, float]:
        """The five parts as shares of all area; they sum to 1."""
        names = ("hits", "wrong_class", "misses", "false_alarms", "correct_persistence")
        return {name: float(ratio(part, sum(self.parts))) for name, part in zip(names, self.parts, strict=True)}


def change_score(table: np.ndarray) -> ChangeScore:
    """The parts of a joint table. Persistence has no hits, hence a figure of merit of 0."""
    i, j, k = np.indices(table.shape)
    changed, said, right = i != j, i != k, j == k
    kinds = (changed & said & right, changed & said & ~right, changed & ~said, ~changed & said, ~changed & ~said)
    return ChangeScore(*(float(table[kind].sum()) for kind in kinds))


def skill(table: np.ndarray) -> float:
    """1 - error of the map / error of persistence: 1 is perfect, 0 as good as copying, negative worse; NaN if nothing changed."""
    error = table.sum() - np.trace(table.sum(axis=0))
    persistence = table.sum() - np.trace(table.sum(axis=2))
    return float(1.0 - ratio(error, persistence))


def kappa_simulation(table: np.ndarray) -> dict[str, float]:
    """K_sim and its parts K_transition (amounts of change) and K_transloc (their places), van Vliet et al. 2011.

    Chance is what the observed and the predicted transitions of each former class would agree on if they were independent.
    """
    share = table / table.sum()
    observed, predicted = share.sum(axis=2), share.sum(axis=1)
    former = observed.sum(axis=1, keepdims=True)
    agreed = float(np.trace(share.sum(axis=0)))
    chance = float(np.nansum(ratio(observed * predicted, former)))
    highest = float(np.minimum(observed, predicted).sum())
    none = abs(1.0 - chance) < 1e-12
    return {"k_sim": float("nan") if none else (agreed - chance) / (1.0 - chance),
            "k_transition": float("nan") if none else (highest - chance) / (1.0 - chance),
            "k_transloc": (agreed - chance) / (highest - chance) if highest - chance > 1e-12 else float("nan")}


def transitions(table: np.ndarray) -> list[dict[str, float]]:
    """Every transition that was observed or predicted, the most observed first; areas are shares of all area.

    Keys: before and after (class index), observed, predicted and hit areas, producer's and user's accuracy, figure of merit.
    """
    share = table / table.sum()
    seen, said = share.sum(axis=2), share.sum(axis=1)
    found = [(i, j) for i in range(N_CLASS) for j in range(N_CLASS) if i != j and seen[i, j] + said[i, j] > 0]
    out = []
    for i, j in sorted(found, key=lambda pair: (-seen[pair], pair)):
        hit = float(share[i, j, j])
        out.append({"before": i, "after": j, "observed": float(seen[i, j]), "predicted": float(said[i, j]), "hits": hit,
                    "producers_accuracy": float(ratio(hit, seen[i, j])), "users_accuracy": float(ratio(hit, said[i, j])),
                    "figure_of_merit": float(ratio(hit, seen[i, j] + said[i, j] - hit))})
    return out
