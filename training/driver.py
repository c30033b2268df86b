"""Coarse driver fractions made from a fine class map, and the mismatch real drivers have. Knows arrays only."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.classes import CLASS_GROUP, CLASS_NAMES, GROUPS, N_GROUP

GROUP_OF_CLASS = np.array([GROUPS.index(CLASS_GROUP[name]) for name in CLASS_NAMES])
MIN_VALID_SHARE = 0.05
"""A driver cell with less valid area than this has no data."""


def row_weights(row0: int, n_row: int, n_lat: int = 21600) -> np.ndarray:
    """Area weight of each global fine row: cosine of its centre latitude."""
    return np.cos(np.deg2rad(-90.0 + (row0 + np.arange(n_row) + 0.5) * (180.0 / n_lat)))


def aggregate_groups(class_index: np.ndarray, ratio: int, weight: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Group fractions of the valid area of each driver cell.

    Args:
        class_index: (row, col) uint8, both multiples of `ratio`; NO_DATA is left out.
        weight: (row,) area weights, default all equal.
    Returns:
        fraction (6, row/ratio, col/ratio), sum 1 where valid and 0 elsewhere; valid (row/ratio, col/ratio) bool.
    """
    n_row, n_col = class_index.shape
    shape = (n_row // ratio, ratio, n_col // ratio, ratio)
    area = np.broadcast_to((np.ones(n_row) if weight is None else weight)[:, None], class_index.shape)
    group = np.full(256, N_GROUP)
    group[: len(GROUP_OF_CLASS)] = GROUP_OF_CLASS
    group_map = group[class_index]
    sums = np.stack([(area * (group_map == g)).reshape(shape).sum(axis=(1, 3)) for g in range(N_GROUP)])
    covered = sums.sum(axis=0)
    valid = covered >= MIN_VALID_SHARE * area.reshape(shape).sum(axis=(1, 3))
    return np.where(valid, sums / np.where(valid, covered, 1.0), 0.0), valid


def perturb(rng: np.random.Generator, now: np.ndarray, following: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fractions as another product would give them: biased groups, blurred class borders, damped or noisy change.

    `following` is (6, row, col), or (step, 6, row, col) for several years. The same bias is applied to all years; fractions stay in [0, 1] and sum to 1 where they did.
    """
    cells = now.shape[1:]
    spread = rng.uniform(0.0, 0.4)
    bias = np.exp(rng.normal(0.0, spread, (N_GROUP, 1, 1)) + rng.normal(0.0, spread / 2, (N_GROUP, *cells)))
    pasture, nonforest = GROUPS.index("pasture"), GROUPS.index("nonforest")
    moved = rng.uniform(0.0, 0.5) * (rng.random() < 0.5)
    out = []
    years = [now, *(following if following.ndim == 4 else following[None])]
    for fraction in years:
        biased = fraction * bias
        biased[nonforest] += moved * biased[pasture]
        biased[pasture] *= 1.0 - moved
        total = biased.sum(axis=0)
        out.append(np.divide(biased, total, out=np.zeros_like(biased), where=total > 0))
    if rng.random() < 0.3:
        keep = rng.uniform(0.0, 1.0)
        out[1:] = [keep * later + (1.0 - keep) * out[0] for later in out[1:]]
    return out[0], np.stack(out[1:]) if following.ndim == 4 else out[1]
