"""Polygons with known areas for the regrid tests."""

from __future__ import annotations

import numpy as np


def rotation(seed: int) -> np.ndarray:
    """A rotation that puts no vertex on a pole, the date line or a lattice line."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]


def lon_lat_deg(xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, y, z = np.moveaxis(xyz, -1, 0)
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))


def triangles(n_split: int, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners (8 * 4**n_split, 3) in degrees of a bisected octahedron: a tiling of the globe like an icosahedral one."""
    x, y, z = turn.T
    faces = [(a * x, b * y, c * z) if a * b * c > 0 else (b * y, a * x, c * z) for a in (1, -1) for b in (1, -1) for c in (1, -1)]
    corner = np.array(faces)
    for _ in range(n_split):
        a, b, c = (corner[:, k] for k in range(3))
        ab, bc, ca = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (a + b, b + c, c + a))
        corner = np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    return lon_lat_deg(corner)


def boxes(west_deg: np.ndarray, south_deg: np.ndarray, width_deg: float, height_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners (n, 4) of boxes, counter-clockwise."""
    west, south = np.broadcast_arrays(np.asarray(west_deg, float), np.asarray(south_deg, float))
    return (np.stack([west, west + width_deg, west + width_deg, west], axis=-1),
            np.stack([south, south, south + height_deg, south + height_deg], axis=-1))


def box_area_sr(south_deg: float, width_deg: float, height_deg: float) -> float:
    """dlon (sin north - sin south), as a product."""
    middle, half = np.radians(south_deg + height_deg / 2), np.radians(height_deg / 2)
    return np.radians(width_deg) * 2 * np.cos(middle) * np.sin(half)
