"""HEALPix cells (Górski et al. 2005) and the exact areas that cells of a longitude-latitude lattice share with them. Knows numbers only: no files, no classes' meaning.

In the plane of HEALPix's own equal-area projection the cells are unit squares whose edges are whole numbers of two coordinates, p (falling northwards in the
tropics) and m. Meridians and parallels are straight there, too: a lattice cell is a rectangle between 41.81° S and N (|sin lat| = 2/3) and a trapezoid beyond. Hence
areas are integrals of clipped straight lines, without a limit of accuracy but rounding. Areas count in HEALPix cells, 4 pi / (12 nside^2) sr each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid.errors import ConfigError, StartupError
from lsbc.regrid.lattice import Lattice

MAX_LEVEL = 13
"""Finer cells than any lattice of land use; ring numbers stay exact."""
_RING_OF_FACE = np.array([2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4])
_SPREAD = ((8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F), (2, 0x3333333333333333), (1, 0x5555555555555555))


def healpix_library():
    """The package `healpix`; StartupError where it is not installed."""
    try:
        import healpix
    except ImportError as error:
        raise StartupError(f"HEALPix output needs the extra packages of `pip install 'lsbc[healpix]'`: {error}.") from error
    return healpix


@dataclass(frozen=True)
class HealpixGrid:
    """All cells of one resolution in one order, "nest" or "ring"."""

    nside: int
    order: str = "nest"

    def __post_init__(self) -> None:
        if self.nside < 1 or self.nside & (self.nside - 1) or self.level > MAX_LEVEL:
            raise ConfigError(f"nside must be a power of two from 1 to {2**MAX_LEVEL}, got {self.nside}.")

    @property
    def level(self) -> int:
        """Refinement level: 2^level cells along a side of each of the 12 base cells."""
        return self.nside.bit_length() - 1

    @property
    def n_cell(self) -> int:
        return 12 * self.nside**2

    def centres_deg(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(longitude, latitude) of the centres, 0..360 and -90..90."""
        return healpix_library().pix2ang(self.nside, cells, nest=self.order == "nest", lonlat=True)

    def from_nested(self, cells: np.ndarray) -> np.ndarray:
        """Numbers in this order of cells given by their nested ones."""
        return cells if self.order == "nest" else healpix_library().nest2ring(self.nside, cells)

    def latitudes_of_chunks(self, chunk: int) -> tuple[np.ndarray, np.ndarray]:
        """Sines of the southernmost and northernmost latitude of each run of `chunk` cells; `chunk` is a power of four, at most nside^2 when nested."""
        if self.order == "nest":
            coarse = HealpixGrid(self.nside >> ((chunk.bit_length() - 1) // 2))
            north = south = coarse._rings(np.arange(coarse.n_cell))
        else:
            coarse, first = self, np.arange(0, self.n_cell, chunk)
            north, south = self._rings(first), self._rings(first + chunk - 1)
        return coarse._sine_of_ring(south + 1), coarse._sine_of_ring(north - 1)

    def _rings(self, cells: np.ndarray) -> np.ndarray:
        """Ring of each cell, 1 in the north to 4 nside - 1 in the south."""
        z = np.sin(np.radians(self.centres_deg(cells)[1]))
        cap = self.nside * np.sqrt(3.0 * (1.0 - np.abs(z)))
        ring = np.where(np.abs(z) <= 2.0 / 3.0, self.nside * (2.0 - 1.5 * z), np.where(z > 0.0, cap, 4 * self.nside - cap))
        return np.rint(ring).astype(np.int64)

    def _sine_of_ring(self, ring: np.ndarray) -> np.ndarray:
        """Sine of the latitude of rings 0 (north pole) to 4 nside (south pole), on which also lie the corners of the cells of the rings beside."""
        from_pole = np.minimum(ring, 4 * self.nside - ring)
        cap = 1.0 - from_pole**2 / (3.0 * self.nside**2)
        return np.where(from_pole >= self.nside, 4.0 / 3.0 - 2.0 * ring / (3.0 * self.nside), np.where(ring < 2 * self.nside, cap, -cap))


@dataclass(frozen=True)
class Strips:
    """Rows of a lattice as the projection sees them, south to north: those that cross |sin lat| = 2/3 are two strips. All (n_strip,).

    zone: 0 in the tropics, -1 and 1 in the caps.  low, high: in the tropics 0.75 nside sin(lat), rising northwards; in the caps
    nside sqrt(3 (1 - |sin lat|)), the pole's edge first: 0 at the pole, nside where the tropics begin.
    """

    row: np.ndarray
    zone: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __getitem__(self, part: slice) -> Strips:
        return Strips(self.row[part], self.zone[part], self.low[part], self.high[part])


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
    parts = []
    for zone, edge in ((-1, -cap), (0, tropic), (1, -cap)):
        first, last = {-1: (-np.inf, -border), 0: (-border, border), 1: (border, np.inf)}[zone]
        limit = {-1: (0.0, nside), 0: (-border, border), 1: (0.0, nside)}[zone]
        row = np.flatnonzero((tropic[1:] > first) & (tropic[:-1] < last))
        ends = np.sort(np.clip(np.abs(np.stack([edge[row], edge[row + 1]])) if zone else np.stack([edge[row], edge[row + 1]]), *limit), axis=0)
        parts.append((row, np.full(len(row), zone), *ends))
    strips = Strips(*(np.concatenate(column) for column in zip(*parts)))
    _check_fine_enough(strips, lattice, nside)
    return strips


def _check_fine_enough(strips: Strips, lattice: Lattice, nside: int) -> None:
    """A lattice cell narrower than a HEALPix cell along both p and m crosses one edge of each at most."""
    width = 4.0 * nside / lattice.n_lon
    longest = np.max(np.where(strips.zone == 0, width, width * strips.high / nside) + (strips.high - strips.low))
    if not longest < 1.0:
        finest = 2 ** int(np.floor(np.log2(nside / longest)))
        raise ConfigError(f"nside={nside} is too fine for a map of {lattice.spacing_deg * 3600:.6g} arc seconds: a cell of the map would meet more than four HEALPix "
                          f"cells. Use {finest} or less.")


def class_areas(classes: np.ndarray, strips: Strips, first_col: int, lattice: Lattice, nside: int, n_class: int) -> tuple[np.ndarray, np.ndarray]:
    """Area of each class in the HEALPix cells under a block of the lattice.

    Args:
        classes: (n_strip, n_col) class of each cell in each strip; `n_class` and more: no data.
        strips: of one zone.  first_col: of the lattice, the block's first column; the block lies between two neighbouring meridians of 0°, 90°, 180°, 90° W.
    Returns:
        nested numbers of the cells that share area with data, (n,), each once, and areas (n_class, n) in HEALPix cells, whole multiples of 2^-52:
        sums of them have the same bits in any order.
    """
    quarter = lattice.n_lon // 4
    facet, k = divmod((first_col - lattice.n_lon // 2) % lattice.n_lon, quarter)
    col = np.arange(k, k + classes.shape[1])
    block = _Tropics.of(strips, col, quarter, nside) if strips.zone[0] == 0 else _Cap.of(strips, col, quarter)
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
    return _nested(int(strips.zone[0]), facet, *place, nside), np.ascontiguousarray(area[found].T)


def _whole_quanta(area: np.ndarray) -> np.ndarray:
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
    def of(cls, strips: Strips, col: np.ndarray, quarter: int, nside: int) -> _Tropics:
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
        return _quarters(self.total(), *self._under(p, m, self.x2), *self._under(p, m, apex), 2.0 * (apex - self.x1) * (self.y2 - self.y1))

    def _under(self, p: np.ndarray, m: np.ndarray, x2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height = self.y2 - self.y1
        return (2.0 * _ramp((p - self.half) + self.y2, height, self.x1, x2), 2.0 * _ramp((m - self.half) - self.y1, height, self.x1, x2))


def _quarters(total, under_p, under_m, west_p, west_m, west) -> tuple[np.ndarray, ...]:
    """From areas under each line, of the whole cell and of the part (west, or poleward) in which one or the other line bounds each point."""
    both = west_p + west_m - west
    return under_m - both, under_p - both, total - under_p - under_m + both


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
    def of(cls, strips: Strips, col: np.ndarray, quarter: int) -> _Cap:
        """r is 1 - t, the smaller first."""
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
        return _quarters(self.total(), *self._under(p, m, self.s2), *self._under(p, m, apex), self._to(apex))

    def _under(self, p: np.ndarray, m: np.ndarray, s2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _wedge(p, self.t1, self.s1, s2) - _wedge(p, self.t2, self.s1, s2), _wedge(m, self.r1, self.s1, s2) - _wedge(m, self.r2, self.s1, s2)


def _wedge(end: np.ndarray, slope: np.ndarray, s1: np.ndarray, s2: np.ndarray) -> np.ndarray:
    """Integral over s from s1 to s2 of end - slope s where that is above 0; `slope` in [0, 1], `end` at least 1."""
    near, far = end - slope * s1, end - slope * s2
    cut = np.maximum(near, 0.0) ** 2 / (2.0 * np.maximum(slope, np.finfo(float).tiny))
    return np.where(far >= 0.0, 0.5 * (near + far) * (s2 - s1), cut)


def _nested(zone: int, facet: int, p: np.ndarray, m: np.ndarray, nside: int) -> np.ndarray:
    """Nested numbers of the cells at whole (p, m) of a quarter of the globe."""
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
