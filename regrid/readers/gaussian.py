"""Gaussian latitudes, known by their values, and the edges between which their weights lie. Knows arrays only.

Centres are the zeros of the Legendre polynomial in sin(latitude); a row's share of the sphere is its quadrature weight, as in
the spectral models that use such grids (Abramowitz and Stegun 25.4.29).
"""

from __future__ import annotations

import numpy as np

NEAR = 1e-3
"""Share of the spacing to which a latitude must be a zero: files often keep three or four digits."""


def gaussian_edges_deg(lat_deg: np.ndarray) -> np.ndarray | None:
    """Edges (n + 1,) from pole to pole of all n Gaussian latitudes, in the direction of `lat_deg`; None for other latitudes."""
    n = len(lat_deg)
    if n < 4 or np.abs(lat_deg).max() >= 90.0:
        return None
    x = np.sin(np.radians(np.sort(lat_deg)))
    for _ in range(3):
        value, slope = _legendre(n, x)
        if (slope == 0.0).any():
            return None
        x = np.clip(x - value / slope, -1.0 + 1e-15, 1.0 - 1e-15)
    zero_deg = np.degrees(np.arcsin(x))
    if np.abs(zero_deg - np.sort(lat_deg)).max() > NEAR * 180.0 / n or (np.diff(zero_deg) < 90.0 / n).any():
        return None
    weight = 2.0 / ((1.0 - x**2) * _legendre(n, x)[1] ** 2)
    south = np.cumsum(weight[: n // 2]) - 1.0
    edge = np.concatenate([[-1.0], south, -south[::-1][n % 2 == 0:], [1.0]])
    if n % 2 == 0:
        edge[n // 2] = 0.0
    edge_deg = np.degrees(np.arcsin(edge))
    return edge_deg if lat_deg[-1] > lat_deg[0] else edge_deg[::-1]


def _legendre(n: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The polynomial of degree n and its derivative, by the three-term recurrence."""
    before, value = np.ones_like(x), x.copy()
    for k in range(2, n + 1):
        before, value = value, ((2 * k - 1) * x * value - (k - 1) * before) / k
    return value, n * (before - x * value) / (1.0 - x * x)
