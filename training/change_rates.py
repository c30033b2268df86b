"""Learn how likely cells change class when only the net class changes of zones are known. Knows arrays: no maps, no files.

Ecological inference: cell i of class a moves to class b with probability softmax(eta), eta = alpha_ab + slope (log p_b - log p_a), 0 for staying,
where p is how likely each class is at that place. The zones' net changes are sums of these; alpha and slope are fitted to them by least squares
with a ridge. No cell's own change is ever seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from lsbc.regrid.errors import InternalError, ValueRangeError

START_ALPHA, START_SLOPE = -3.5, 0.5
RIDGE_ALPHA, RIDGE_SLOPE = 5e-4, 4e-3
"""Penalties on the squared distance from the start, against a misfit of 1 for no change at all."""
LOG_P_STEP = 0.5
"""Cells whose log p of their own and of the likeliest other class agree to this are fitted as one."""
MAX_ROUND = 150


@dataclass(frozen=True)
class Cells:
    """Cells of zones: zone number, kind (a class or a part of one), class of each kind, and log p of each class at the place (n, class)."""

    zone: np.ndarray
    kind: np.ndarray
    class_of_kind: np.ndarray
    log_p: np.ndarray

    @property
    def own(self) -> np.ndarray:
        return self.class_of_kind[self.kind]


@dataclass(frozen=True)
class Rates:
    """Fitted parameters: alpha (kind, class) and the slope; the share of the nets' variance explained, 0 where nothing changes."""

    alpha: np.ndarray
    slope: float
    explained: float

    def chance(self, cells: Cells) -> np.ndarray:
        """Probability that each cell is of each class later, (n, class)."""
        return _softmax(self.alpha[cells.kind] + self.slope * _log_odds(cells), cells.own)

    def scores(self, cells: Cells) -> np.ndarray:
        """eta of each class, 0 for the own one: what a move gains, to be compared within a zone, (n, class)."""
        score = self.alpha[cells.kind] + self.slope * _log_odds(cells)
        score[np.arange(len(score)), cells.own] = 0.0
        return score


def fit_rates(cells: Cells, net: np.ndarray, used: np.ndarray | None = None) -> Rates:
    """Fit alpha and slope to the zones' net changes; where nothing changes they stay at the start.

    Args:
        net: finite changes in cells, (n_zone, n_class).
        used: bool (n_zone,), zones to fit to, all by default; where some are left out, `explained` tells of these alone (cross-validation).
    """
    if not np.isfinite(net).all():
        zone, group = np.argwhere(~np.isfinite(net))[0].tolist()
        raise ValueRangeError(f"Rates of change cannot be fitted: the net change of class {group} in zone {zone} is {net[zone, group]} cells.")
    problem = _Problem(cells, net, np.ones(len(net), bool) if used is None else used)
    x = np.append(np.full(problem.n_alpha, START_ALPHA), START_SLOPE)
    if problem.scale > 0.0:
        found = minimize(problem.misfit, x, jac=True, method="L-BFGS-B", options={"maxiter": MAX_ROUND})
        x = found.x
        if not (np.isfinite(x).all() and np.isfinite(found.fun)):
            raise InternalError(f"The fit of rates of change to {len(net)} zones ended at a misfit of {found.fun}: {found.message}.")
    return Rates(x[:-1].reshape(len(cells.class_of_kind), net.shape[1]), float(x[-1]), problem.explained(x))


def _log_odds(cells: Cells) -> np.ndarray:
    return cells.log_p - cells.log_p[np.arange(len(cells.zone)), cells.own][:, None]


def _softmax(eta: np.ndarray, own: np.ndarray) -> np.ndarray:
    rows = np.arange(len(own))
    eta[rows, own] = 0.0
    eta -= eta.max(axis=1, keepdims=True)
    np.exp(eta, out=eta)
    eta /= eta.sum(axis=1, keepdims=True)
    return eta


class _Problem:
    """Misfit of the zones' nets and its gradient."""

    def __init__(self, cells: Cells, net: np.ndarray, used: np.ndarray):
        self.cells, count = _thinned(cells)
        n_zone, n_class = net.shape
        rows = np.arange(len(count))
        self.odds = _log_odds(self.cells)
        self.zone_sum = csr_matrix((count, (self.cells.zone, rows)), shape=(n_zone, len(rows)))
        self.kind_sum = csr_matrix((count, (self.cells.kind, rows)), shape=(len(cells.class_of_kind), len(rows)))
        self.was = self.zone_sum @ np.eye(n_class)[self.cells.own]
        self.count, self.net, self.used = count, net, used
        self.n_alpha = len(cells.class_of_kind) * n_class
        self.weight = 1.0 / np.sqrt(np.maximum(self.was.sum(axis=1), 1.0))[:, None]
        self.scale = ((net * self.weight)[used] ** 2).sum()

    def _chance(self, x: np.ndarray) -> np.ndarray:
        return _softmax(x[:-1].reshape(-1, self.net.shape[1])[self.cells.kind] + x[-1] * self.odds, self.cells.own)

    def misfit(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        chance = self._chance(x)
        left = (self.zone_sum @ chance - self.was - self.net) * self.weight
        left[~self.used] = 0.0
        off = x - np.append(np.full(self.n_alpha, START_ALPHA), START_SLOPE)
        ridge = np.append(np.full(self.n_alpha, RIDGE_ALPHA), RIDGE_SLOPE)
        slope = (2.0 / self.scale * left * self.weight)[self.cells.zone]
        slope -= (slope * chance).sum(axis=1, keepdims=True)
        slope *= chance
        slope[np.arange(len(slope)), self.cells.own] = 0.0
        gradient = np.append((self.kind_sum @ slope).ravel(), (self.count * (slope * self.odds).sum(axis=1)).sum())
        return (left**2).sum() / self.scale + (ridge * off**2).sum(), gradient + 2.0 * ridge * off

    def explained(self, x: np.ndarray) -> float:
        zones = self.used if self.used.all() else ~self.used
        left = ((self.zone_sum @ self._chance(x) - self.was - self.net) * self.weight)[zones]
        asked = ((self.net * self.weight)[zones] ** 2).sum()
        return float(1.0 - (left**2).sum() / asked) if asked > 0.0 else 0.0


def _thinned(cells: Cells) -> tuple[Cells, np.ndarray]:
    """Cells of one zone and kind with nearly the same log p are fitted as one, their mean; with how many each stands for."""
    rows = np.arange(len(cells.zone))
    own = cells.log_p[rows, cells.own]
    other = cells.log_p.copy()
    other[rows, cells.own] = -np.inf
    best = other.argmax(axis=1)
    n_kind, n_class = len(cells.class_of_kind), other.shape[1]
    key = (cells.zone * n_kind + cells.kind) * n_class + best
    for value in (own, other[rows, best]):
        step = np.rint(value / LOG_P_STEP).astype(np.int64)
        key = key * (step.max() - step.min() + 1) + step - step.min()
    _, first, member = np.unique(key, return_index=True, return_inverse=True)
    count = np.bincount(member).astype(float)
    mean = np.stack([np.bincount(member, weights=plane) for plane in cells.log_p.T], axis=1) / count[:, None]
    return Cells(cells.zone[first], cells.kind[first], cells.class_of_kind, mean), count
