"""Which cells of the prior a sample shows. Draws booleans from a generator; knows nothing of maps or networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lsbc.training.config import SampleConfig


def scattered(rng: np.random.Generator, n: int, hidden_share: float) -> np.ndarray:
    """Each cell hidden on its own with the probability given; True is known."""
    return rng.random((n, n)) >= hidden_share


def lattice(rng: np.random.Generator, n: int) -> np.ndarray:
    """One cell known in every k x k, k from 3 to 8: what a prior of coarser resolution gives."""
    k = int(rng.integers(3, 9))
    known = np.zeros((n, n), bool)
    known[int(rng.integers(k))::k, int(rng.integers(k))::k] = True
    return known


def blocks(rng: np.random.Generator, n: int) -> np.ndarray:
    """Whole squares hidden, 4 to 40 cells wide, a random share of them."""
    size = int(rng.integers(4, 41))
    count = -(-n // size) + 1
    coarse = rng.random((count, count)) >= rng.random()
    shift_row, shift_col = rng.integers(size, size=2)
    return np.kron(coarse, np.ones((size, size), bool))[shift_row:shift_row + n, shift_col:shift_col + n]


def draw_known(rng: np.random.Generator, n: int, config: SampleConfig) -> np.ndarray:
    """A mask of the kind the configured shares give; scattered with a uniform share where none of them does."""
    edges = np.cumsum([config.full_prior_share, config.no_prior_share, config.lattice_share, config.block_share])
    kind = int(np.searchsorted(edges, rng.random(), side="right"))
    if kind == 0:
        return np.ones((n, n), bool)
    if kind == 1:
        return np.zeros((n, n), bool)
    if kind == 2:
        return lattice(rng, n)
    if kind == 3:
        return blocks(rng, n)
    return scattered(rng, n, rng.random())
