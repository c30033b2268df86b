"""Measures how far a network sees: a tile in a larger context must give the same bits. Knows arrays only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lsbc.regrid.errors import ModelError


def core_is_exact(run: Callable[[np.ndarray], np.ndarray], context: np.ndarray, core: int, halo: int) -> bool:
    """Whether the middle `core` cells have the same bits from a window with `halo` as from the whole context."""
    n = context.shape[-1]
    start = (n - core) // 2
    near = slice(start - halo, start + core + halo)
    whole = run(context)[..., start:start + core, start:start + core]
    tile = run(np.ascontiguousarray(context[..., near, near]))[..., halo:halo + core, halo:halo + core]
    return bool((whole.view(np.uint32) == tile.view(np.uint32)).all())


def exact_halo(run: Callable[[np.ndarray], np.ndarray], n_channel: int, multiple: int, core: int = 96,
               limit: int = 64) -> int:
    """The smallest halo, a multiple of `multiple`, from which on every halo up to `limit` leaves the core exact.

    Raises:
        ModelError: even `limit` is not enough, as with norms or attention over the whole tile.
    """
    start = -(-limit // multiple) * multiple
    context = np.random.default_rng(7).standard_normal((1, n_channel, core + 2 * start, core + 2 * start)).astype(np.float32)
    smallest = None
    for halo in range(start - multiple, -1, -multiple):
        if not core_is_exact(run, context, core, halo):
            break
        smallest = halo
    if smallest is None:
        raise ModelError(f"The network sees beyond {limit} cells; tiles of it cannot be exact.")
    return smallest
