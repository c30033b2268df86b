"""Which parts of a tile's core the network computes. Arithmetic on block masks alone: no network, no ranks, no files."""

from __future__ import annotations


def batch_of(rows: int, columns: int, cells_a_call: int) -> int:
    """Windows of this size (halo included) in one call, the same for every call: about `cells_a_call` cells, at least one window.

    >>> batch_of(336, 336, 500_000), batch_of(144, 144, 500_000), batch_of(816, 816, 500_000)
    (4, 24, 1)
    """
    return max(1, cells_a_call // (rows * columns))
