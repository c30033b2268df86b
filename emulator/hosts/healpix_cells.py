"""HEALPix cells (Górski et al. 2005): their numbers, levels and centres. Knows numbers only: no files, no areas of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid.errors import ConfigError, StartupError

MAX_LEVEL = 13
"""Finer cells than any lattice of land use; ring numbers stay exact."""


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
