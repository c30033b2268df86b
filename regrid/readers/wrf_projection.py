"""Cell corners of a WRF domain from its map projection, for files that hold centres only. Knows the projections, no files.

The centres themselves prove the projection: they must lie on a lattice of the stated spacing, or there are no corners.
Formulas on the sphere: Snyder 1987, Map Projections - A Working Manual, sections 7 (Mercator), 15 (Lambert conformal conic) and
21 (polar stereographic); the radius is WRF's 6370 km.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

RADIUS_M = 6370000.0
LAMBERT, POLAR, MERCATOR = 1, 2, 3
OFF_LATTICE = 1e-3
"""Share of the spacing by which centres may miss the lattice, besides the rounding of their angles."""
ROUNDING = 4.0 * float(np.finfo(np.float32).eps)
"""WRF writes, and partly computes, angles in single precision: relative."""
Plane = tuple[np.ndarray, np.ndarray]
Map = Callable[[np.ndarray, np.ndarray], Plane]


@dataclass(frozen=True)
class Projection:
    """What a WRF file says of its map: MAP_PROJ, TRUELAT1, TRUELAT2 and STAND_LON in degrees, DX and DY in metres."""

    kind: int
    true_lat1_deg: float
    true_lat2_deg: float
    lon0_deg: float
    dx_m: float
    dy_m: float


def corners_of_centres(lon_deg: np.ndarray, lat_deg: np.ndarray, projection: Projection) -> Plane | None:
    """Nodes (n_j + 1, n_i + 1) between the cells with centres (n_j, n_i); None where the centres are on no such lattice."""
    if projection.kind == MERCATOR:
        projection = replace(projection, lon0_deg=float(lon_deg[lon_deg.shape[0] // 2, lon_deg.shape[1] // 2]))
    maps = _maps(projection)
    if maps is None:
        return None
    forward, inverse = maps
    with np.errstate(all="ignore"):
        x, y = forward(np.radians(lon_deg), np.radians(lat_deg))
    if not np.isfinite(x + y).all():
        return None
    j, i = np.indices(x.shape)
    dx, dy = projection.dx_m / RADIUS_M, projection.dy_m / RADIUS_M
    x0, y0 = (x - dx * i).mean(), (y - dy * j).mean()
    off = np.maximum(np.abs(x - x0 - dx * i) / dx, np.abs(y - y0 - dy * j) / dy)
    rounding = ROUNDING * float(np.radians(max(np.abs(lon_deg).max(), np.abs(lat_deg).max()))) / min(dx, dy)
    if off.max() > OFF_LATTICE + rounding:
        return None
    j, i = np.indices(tuple(n + 1 for n in x.shape)) - 0.5
    lon, lat = inverse(x0 + dx * i, y0 + dy * j)
    return np.degrees(lon), np.degrees(lat)


def _maps(projection: Projection) -> tuple[Map, Map] | None:
    """From radians to the plane in radii of the sphere, and back; None for a projection that is not known."""
    true1, true2, lon0 = np.radians([projection.true_lat1_deg, projection.true_lat2_deg, projection.lon0_deg])
    spacing = (projection.dx_m, projection.dy_m)
    if not all(np.isfinite([true1, true2, lon0, *spacing])) or min(spacing) <= 0.0 or max(abs(true1), abs(true2)) > np.pi / 2:
        return None
    if projection.kind == MERCATOR and abs(true1) < 1.5:
        return _mercator(true1, lon0)
    if projection.kind == POLAR:
        return _polar(true1, lon0)
    if projection.kind == LAMBERT and true1 * true2 > 0.0 and max(abs(true1), abs(true2)) < 1.57:
        return _lambert(true1, true2, lon0)
    return None


def _mercator(true1: float, lon0: float) -> tuple[Map, Map]:
    scale = np.cos(true1)
    return (lambda lon, lat: (scale * _near(lon - lon0), scale * np.arctanh(np.sin(lat))),
            lambda x, y: (x / scale + lon0, np.arcsin(np.tanh(y / scale))))


def _polar(true1: float, lon0: float) -> tuple[Map, Map]:
    sign, scale = (1.0 if true1 >= 0.0 else -1.0), 1.0 + abs(np.sin(true1))

    def forward(lon, lat):
        rho = scale * np.tan((np.pi / 2 - sign * lat) / 2)
        return rho * np.sin(lon - lon0), -sign * rho * np.cos(lon - lon0)

    return forward, lambda x, y: (lon0 + np.arctan2(x, -sign * y), sign * (np.pi / 2 - 2 * np.arctan(np.hypot(x, y) / scale)))


def _lambert(true1: float, true2: float, lon0: float) -> tuple[Map, Map]:
    sign = np.sign(true1)
    a, b = abs(true1), abs(true2)

    def colat_tan(lat):
        return np.tan((np.pi / 2 - lat) / 2)

    cone = np.sin(a) if abs(a - b) < 1e-6 else np.log(np.cos(a) / np.cos(b)) / np.log(colat_tan(a) / colat_tan(b))
    scale = np.cos(a) / (cone * colat_tan(a) ** cone)

    def forward(lon, lat):
        rho, angle = scale * colat_tan(sign * lat) ** cone, cone * _near(lon - lon0)
        return rho * np.sin(angle), -sign * rho * np.cos(angle)

    def inverse(x, y):
        lat = np.pi / 2 - 2 * np.arctan((np.hypot(x, y) / scale) ** (1 / cone))
        return lon0 + np.arctan2(x, -sign * y) / cone, sign * lat

    return forward, inverse


def _near(lon: np.ndarray) -> np.ndarray:
    """Longitude differences in -pi .. pi."""
    return (lon + np.pi) % (2 * np.pi) - np.pi
