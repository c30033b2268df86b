"""Measures how far a network sees and which origins its windows may have, by the bits of the same cells. Knows arrays only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lsbc.regrid.errors import ModelError

Run = Callable[[np.ndarray], np.ndarray]


def _same_bits(first: np.ndarray, second: np.ndarray) -> bool:
    return bool((np.ascontiguousarray(first).view(np.uint32) == np.ascontiguousarray(second).view(np.uint32)).all())


def core_is_exact(run: Run, context: np.ndarray, core: int, halo: int) -> bool:
    """Whether the middle `core` cells have the same bits from a window with `halo` as from the whole context."""
    n = context.shape[-1]
    start = (n - core) // 2
    near = slice(start - halo, start + core + halo)
    whole = run(context)[..., start:start + core, start:start + core]
    tile = run(np.ascontiguousarray(context[..., near, near]))[..., halo:halo + core, halo:halo + core]
    return _same_bits(whole, tile)


def random_context(n_channel: int, n: int) -> np.ndarray:
    """(1, n_channel, n, n) float32, normal random numbers, always the same."""
    return np.random.default_rng(7).standard_normal((1, n_channel, n, n)).astype(np.float32)


def exact_halo(run: Run, n_channel: int, multiple: int, core: int = 96, limit: int | None = None) -> int:
    """The smallest halo, a multiple of `multiple`, from which on every halo up to `limit` leaves the core exact.

    Args:
        limit: cells; 64, or eight times `multiple` where that is more.
    Raises:
        ModelError: even `limit` is not enough, as with norms or attention over the whole tile.
    """
    limit = max(64, 8 * multiple) if limit is None else limit
    start = -(-limit // multiple) * multiple
    context = random_context(n_channel, core + 2 * start)
    smallest = None
    for halo in range(start - multiple, -1, -multiple):
        if not core_is_exact(run, context, core, halo):
            break
        smallest = halo
    if smallest is None:
        raise ModelError(f"The network sees beyond {limit} cells; tiles of it cannot be exact.")
    return smallest


def origin_lattice(run: Run, n_channel: int, halo: int, limit: int, core: int = 32) -> tuple[int, int]:
    """The smallest shift of a window's first row, and of its first column, that leaves the cells' bits as they are, up to `limit`.

    Args:
        halo: cells around the core in each window, the exact halo or more.  limit: cells, a window's size must be allowed to be a multiple of it.
    Raises:
        ModelError: shifts up to `limit` all change the result.
    """
    around = -(-halo // limit) * limit + limit
    n = -(-core // limit) * limit + 2 * around
    context = random_context(n_channel, n + limit)
    place = slice(around, n - around)
    expected = run(np.ascontiguousarray(context[..., :n, :n]))[..., place, place]
    found = []
    for axis in ("row", "column"):
        for shift in range(1, limit + 1):
            row, column = (shift, 0) if axis == "row" else (0, shift)
            moved = run(np.ascontiguousarray(context[..., row:row + n, column:column + n]))
            if _same_bits(expected, moved[..., around - row:n - around - row, around - column:n - around - column]):
                found.append(shift)
                break
        else:
            raise ModelError(f"Windows of the network whose first {axis} is {limit} cells further give other results for the same cells; "
                             f"with this depth of pooling they must not.")
    return found[0], found[1]


def check_lattice(run: Run, n_channel: int, halo: int, lattice: int) -> None:
    """Check that origins on the pooling lattice, and no others, give the same bits.

    Raises:
        ModelError: the network's lattice is another than `lattice`.
    """
    rows, columns = origin_lattice(run, n_channel, halo, lattice)
    if (rows, columns) != (lattice, lattice):
        raise ModelError(f"The network gives the same bits for windows {rows} rows or {columns} columns apart; "
                         f"its depth of pooling says {lattice}, so the card would be wrong.")
