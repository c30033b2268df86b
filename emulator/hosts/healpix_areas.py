"""Exact areas that cells of a longitude-latitude lattice share with HEALPix cells (Górski et al. 2005). Knows numbers only: no files, no classes' meaning.

In the plane of HEALPix's own equal-area projection the cells are unit squares whose edges are whole numbers of two coordinates, p (falling northwards in the
tropics) and m. Meridians and parallels are straight there, too: a lattice cell is a rectangle between 41.81° S and N (|sin lat| = 2/3) and a trapezoid beyond. Hence
areas are integrals of clipped straight lines, without a limit of accuracy but rounding. Areas count in HEALPix cells, 4 pi / (12 nside^2) sr each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid.errors import ConfigError
from lsbc.regrid.lattice import Lattice

_SPREAD = ((8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333), (1, 0x5555555555555555))


@dataclass(frozen=True)
class Strips:
    """Rows of a lattice as the projection sees them, south to north: those that cross |sin lat| = 2/3 are two strips. All (n_strip,).

    zone: 0 in the tropics, -1 and 1 in the caps.  low, high: in the tropics 0.75 nside sin(lat), rising northwards; in the caps
    nside sqrt(3 (1 - |sin lat|)), the pole's edge first: 0 at the pole, nside where the tropics begin.
    """

    n_lon: int
    nside: int
    row: np.ndarray
    zone: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __getitem__(self, part: slice) -> Strips:
        return Strips(self.n_lon, self.nside, self.row[part], self.zone[part], self.low[part], self.high[part])


def strips_of(lattice: Lattice, nside: int) -> Strips:
    """The strips of all rows.

    Raises:
        ConfigError: the lattice has no column edges at 0°, 90°, 180° and 90° W, or a lattice cell may meet more than four HEALPix cells.
    """
    if lattice.n_lon % 4:
        raise ConfigError(f"The map's lattice has {lattice.n_lon} columns around the globe; HEALPix output needs a multiple of four.")
    lat = np.radians(lattice.lat_edge_deg(np.arange(lattice.n_lat + 1)))
    tropic = 0.75 * nside * np.sin(lat)
    cap = nside * np.sqrt(6.0) * np.sin((np.pi / 2 - np.abs(lat)) / 2)
    border = nside / 2
    touched = {-1: tropic[:-1] < -border, 0: (tropic[1:] > -border) & (tropic[:-1] < border), 1: tropic[1:] > border}
    ends = {-1: (cap[:-1], cap[1:], 0.0, nside), 0: (tropic[:-1], tropic[1:], -border, border), 1: (cap[1:], cap[:-1], 0.0, nside)}
    parts = []
    for zone, (low, high, least, most) in ends.items():
        row = np.flatnonzero(touched[zone])
        parts.append((row, np.full(len(row), zone), np.clip(low[row], least, most), np.clip(high[row], least, most)))
    strips = Strips(lattice.n_lon, nside, *(np.concatenate(column) for column in zip(*parts)))
    _check_fine_enough(strips, lattice)
    return strips


def _check_fine_enough(strips: Strips, lattice: Lattice) -> None:
    """A lattice cell narrower than a HEALPix cell along both p and m crosses one edge of each at most."""
    nside, width = strips.nside, 4.0 * strips.nside / strips.n_lon
    longest = np.max(np.where(strips.zone == 0, width, width * strips.high / nside) + (strips.high - strips.low))
    if not longest < 1.0:
        finest = 2 ** int(np.floor(np.log2(nside / longest)))
        raise ConfigError(f"nside={nside} is too fine for a map of {lattice.spacing_deg * 3600:.6g} arc seconds: a cell of the map would meet more than four HEALPix "
                          f"cells. Use {finest} or less.")


def class_areas(classes: np.ndarray, strips: Strips, first_col: int, n_class: int) -> tuple[np.ndarray, np.ndarray]:
    """Area of each class in the HEALPix cells under a block of the lattice.

    Args:
        classes: (n_strip, n_col) class of each cell in each strip; `n_class` and more: no data.
        strips: of one zone.  first_col: of the lattice, the block's first column; the block lies between two neighbouring meridians of 0°, 90°, 180°, 90° W.
    Returns:
        nested numbers of the cells that share area with data, (n,), each once, and areas (n_class, n) in HEALPix cells, whole multiples of 2^-52:
        sums of them have the same bits in any order.
    """
    facet, k = divmod((first_col - strips.n_lon // 2) % strips.n_lon, strips.n_lon // 4)
    col = np.arange(k, k + classes.shape[1])
    block = _Tropics.of(strips, col) if strips.zone[0] == 0 else _Cap.of(strips, col)
    p, m = np.floor(block.p_range[0]), np.floor(block.m_range[0])
    p0, m0 = int(p.min()), int(m.min())
    n_p, n_m = int(p.max()) - p0 + 2, int(m.max()) - m0 + 2
    key = (((p - p0) * n_m + (m - m0)) * (n_class + 1)).astype(np.int64) + np.minimum(classes, n_class)
    under = np.broadcast_to(block.total(), classes.shape).ravel().copy()
    over_p, over_m = block.p_range[1] > p + 1.0, block.m_range[1] > m + 1.0
    crossing = np.flatnonzero(over_p | over_m)
    over_p, over_m = over_p.ravel()[crossing], over_m.ravel()[crossing]
    shares = block.pick(crossing).shares(p.ravel()[crossing] + 1.0, m.ravel()[crossing] + 1.0)
    size, key = n_p * n_m * (n_class + 1), key.ravel()
    area = np.zeros(size)
    for share, there, step in zip(shares, (over_p, over_m, over_p & over_m), (n_m, 1, n_m + 1)):
        share = _whole_quanta(np.where(there, share, 0.0))
        under[crossing] -= share
        area += np.bincount(key[crossing] + step * (n_class + 1), share, size)
    area += np.bincount(key, _whole_quanta(under), size)
    area = area.reshape(-1, n_class + 1)[:, :n_class]
    found = np.flatnonzero(area.any(axis=1))
    place = p0 + found // n_m, m0 + found % n_m
    return _nested(strips, facet, *place), np.ascontiguousarray(area[found].T)


def _whole_quanta(area: np.ndarray) -> np.ndarray:
    """To multiples of 2^-52."""
    return (np.maximum(area, 0.0) + 1.0) - 1.0


def _ramp(start: np.ndarray, height: np.ndarray, x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
    """Integral over x from x1 to x2 of start - x, cut at 0 and `height`."""
    def below(t: np.ndarray) -> np.ndarray:
        t = np.maximum(t, 0.0)
        return 0.5 * t * t

    return below(start - x1) - below(start - x2) - below(start - height - x1) + below(start - height - x2)


@dataclass(frozen=True)
class _Tropics:
    """Lattice cells as rectangles x1..x2 (eastwards) by y1..y2 (northwards): p = x + half - y, m = x + half + y."""

    x1: np.ndarray
    x2: np.ndarray
    y1: np.ndarray
    y2: np.ndarray
    half: float

    @classmethod
    def of(cls, strips: Strips, col: np.ndarray) -> _Tropics:
        nside, quarter = strips.nside, strips.n_lon // 4
        return cls(nside * (col / quarter), nside * ((col + 1) / quarter), strips.low[:, None], strips.high[:, None], nside / 2)

    @property
    def p_range(self) -> tuple[np.ndarray, np.ndarray]:
        return (self.x1 + self.half) - self.y2, (self.x2 + self.half) - self.y1

    @property
    def m_range(self) -> tuple[np.ndarray, np.ndarray]:
        return (self.x1 + self.half) + self.y1, (self.x2 + self.half) + self.y2

    def total(self) -> np.ndarray:
        return 2.0 * (self.x2 - self.x1) * (self.y2 - self.y1)

    def pick(self, flat: np.ndarray) -> _Tropics:
        row, col = np.divmod(flat, len(self.x1))
        return _Tropics(self.x1[col], self.x2[col], self.y1[row, 0], self.y2[row, 0], self.half)

    def shares(self, p: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, ...]:
        """Areas over the whole number of p only, of m only, and of both."""
        apex = np.clip((p + m) / 2 - self.half, self.x1, self.x2)
        return _quarters(self.total(), self._under(p, m, self.x2), 2.0 * (apex - self.x1) * (self.y2 - self.y1), self._under(p, m, apex))

    def _under(self, p: np.ndarray, m: np.ndarray, x2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height = self.y2 - self.y1
        return (2.0 * _ramp((p - self.half) + self.y2, height, self.x1, x2), 2.0 * _ramp((m - self.half) - self.y1, height, self.x1, x2))


def _quarters(total: np.ndarray, under: tuple[np.ndarray, np.ndarray], west: np.ndarray, west_under: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, ...]:
    """From areas under the lines of p and of m, of the whole cell and of its part (west, or poleward) in which each point is under one or both."""
    both = west_under[0] + west_under[1] - west
    return under[1] - both, under[0] - both, total - under[0] - under[1] + both


@dataclass(frozen=True)
class _Cap:
    """Lattice cells as trapezoids: p = t s, m = (1 - t) s, with t1..t2 from the facet's western meridian (0) to the eastern (1), s1..s2 from the pole."""

    t1: np.ndarray
    t2: np.ndarray
    r1: np.ndarray
    r2: np.ndarray
    s1: np.ndarray
    s2: np.ndarray

    @classmethod
    def of(cls, strips: Strips, col: np.ndarray) -> _Cap:
        """r is 1 - t, the smaller first."""
        quarter = strips.n_lon // 4
        return cls(col / quarter, (col + 1) / quarter, (quarter - 1 - col) / quarter, (quarter - col) / quarter, strips.low[:, None], strips.high[:, None])

    @property
    def p_range(self) -> tuple[np.ndarray, np.ndarray]:
        return self.t1 * self.s1, self.t2 * self.s2

    @property
    def m_range(self) -> tuple[np.ndarray, np.ndarray]:
        return self.r1 * self.s1, self.r2 * self.s2

    def total(self) -> np.ndarray:
        return self._to(self.s2)

    def _to(self, s2: np.ndarray) -> np.ndarray:
        return 0.5 * (s2 - self.s1) * (s2 + self.s1) * (self.t2 - self.t1)

    def pick(self, flat: np.ndarray) -> _Cap:
        row, col = np.divmod(flat, len(self.t1))
        return _Cap(self.t1[col], self.t2[col], self.r1[col], self.r2[col], self.s1[row, 0], self.s2[row, 0])

    def shares(self, p: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, ...]:
        """As in the tropics."""
        apex = np.clip(p + m, self.s1, self.s2)
        return _quarters(self.total(), self._under(p, m, self.s2), self._to(apex), self._under(p, m, apex))

    def _under(self, p: np.ndarray, m: np.ndarray, s2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _wedge(p, self.t1, self.s1, s2) - _wedge(p, self.t2, self.s1, s2), _wedge(m, self.r1, self.s1, s2) - _wedge(m, self.r2, self.s1, s2)


def _wedge(end: np.ndarray, slope: np.ndarray, s1: np.ndarray, s2: np.ndarray) -> np.ndarray:
    """Integral over s from s1 to s2 of end - slope s where that is above 0; `slope` in [0, 1], `end` at least 1."""
    near, far = end - slope * s1, end - slope * s2
    cut = np.maximum(near, 0.0) ** 2 / (2.0 * np.maximum(slope, np.finfo(float).tiny))
    return np.where(far >= 0.0, 0.5 * (near + far) * (s2 - s1), cut)


def _nested(strips: Strips, facet: int, p: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Nested numbers of the cells at whole (p, m) of a quarter of the globe."""
    zone, nside = int(strips.zone[0]), strips.nside
    if zone == 0:
        p, m = p + facet * nside, m + facet * nside
        along_p, along_m = p // nside, m // nside
        face = np.where(along_p == along_m, along_p | 4, np.where(along_p < along_m, along_p, along_m + 8))
        x, y = m & (nside - 1), nside - 1 - (p & (nside - 1))
    elif zone > 0:
        face, x, y = facet, nside - 1 - m, nside - 1 - p
    else:
        face, x, y = facet + 8, p, m
    return face * nside**2 + _spread(x) + 2 * _spread(y)


def _spread(bits: np.ndarray) -> np.ndarray:
    """Bit k to bit 2k, of numbers under 2^16."""
    bits = bits.astype(np.int64)
    for shift, mask in _SPREAD:
        bits = (bits | (bits << shift)) & mask
    return bits
