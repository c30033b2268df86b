"""A WRF-style patch on a Lambert conformal projection. Knows the projection in closed form and rectangles, no data.

Formulae: Snyder, Map Projections (USGS Professional Paper 1395), equations 15-1 to 15-5 on the sphere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WRF_EARTH_RADIUS_M = 6370000.0


@dataclass(frozen=True)
class Lambert:
    """Two true latitudes, and the point that lies at x = y = 0."""

    true_lat1_deg: float
    true_lat2_deg: float
    lon0_deg: float
    lat0_deg: float
    radius_m: float = WRF_EARTH_RADIUS_M

    @property
    def cone(self) -> float:
        """The cone constant n: how much of a full turn the pole's angle keeps."""
        phi1, phi2 = np.radians(self.true_lat1_deg), np.radians(self.true_lat2_deg)
        if phi1 == phi2:
            return float(np.sin(phi1))
        return float(np.log(np.cos(phi1) / np.cos(phi2)) / np.log(_stretch(phi2) / _stretch(phi1)))

    def _distance_m(self, lat_deg: np.ndarray) -> np.ndarray:
        """Distance of a parallel from the pole on the map."""
        phi1 = np.radians(self.true_lat1_deg)
        factor = np.cos(phi1) * _stretch(phi1) ** self.cone / self.cone
        return self.radius_m * factor / _stretch(np.radians(lat_deg)) ** self.cone

    def project(self, lon_deg: np.ndarray, lat_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Degrees -> x, y in metres."""
        rho = self._distance_m(np.asarray(lat_deg, float))
        theta = self.cone * np.radians(np.asarray(lon_deg, float) - self.lon0_deg)
        return rho * np.sin(theta), self._distance_m(self.lat0_deg) - rho * np.cos(theta)

    def unproject(self, x_m: np.ndarray, y_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """x, y in metres -> degrees."""
        from_pole_m = self._distance_m(self.lat0_deg) - np.asarray(y_m, float)
        rho = np.hypot(x_m, from_pole_m)
        lon_deg = self.lon0_deg + np.degrees(np.arctan2(x_m, from_pole_m)) / self.cone
        stretch = (self._distance_m(0.0) / rho) ** (1 / self.cone)
        return lon_deg, np.degrees(2 * np.arctan(stretch)) - 90


def _stretch(phi_rad):
    return np.tan(np.pi / 4 + phi_rad / 2)


def patch(projection: Lambert, n_side: int, dx_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A square patch of n_side x n_side cells round the projection's origin.

    Returns centres (lon, lat), (n_side, n_side), and corners (lon, lat), (n_side, n_side, 4), counter-clockwise
    from the lower left, all in degrees. Corners are the half-integer points, as WRF's *_C arrays.
    """
    line_m = (np.arange(2 * n_side + 1) - n_side) * dx_m / 2
    lon, lat = projection.unproject(*np.meshgrid(line_m, line_m))

    def four(values: np.ndarray) -> np.ndarray:
        corner = values[::2, ::2]
        return np.stack([corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]], axis=-1)

    return lon[1::2, 1::2], lat[1::2, 1::2], four(lon), four(lat)


def largest_rectangle(usable: np.ndarray) -> tuple[slice, slice]:
    """The rectangle of most cells with every cell usable; the southernmost, then westernmost of equals.

    >>> largest_rectangle(np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], bool))
    (slice(0, 2, None), slice(0, 2, None))
    """
    best, where = 0, (slice(0, 0), slice(0, 0))
    for south in range(usable.shape[0]):
        column_ok = np.ones(usable.shape[1], bool)
        for north in range(south + 1, usable.shape[0] + 1):
            column_ok &= usable[north - 1]
            start, length = _longest_run(column_ok)
            if length * (north - south) > best:
                best, where = length * (north - south), (slice(south, north), slice(start, start + length))
    return where


def _longest_run(flags: np.ndarray) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    if edges.size == 0:
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]), int(stops[longest] - starts[longest])
