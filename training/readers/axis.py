"""One axis of a raster: regular cells in degrees, stored either way round. Knows no files and no values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid.errors import FileError

_REGULAR_CELLS = 0.05
"""A centre may lie this far, in cells, from where a regular axis has it: float32 coordinates do."""


@dataclass(frozen=True)
class Axis:
    """`n` cells of `step_deg` from `start_deg` (the south or west edge); flipped: the file holds the last one first."""

    start_deg: float
    step_deg: float
    n: int
    flipped: bool = False

    @staticmethod
    def from_centres(centre_deg: np.ndarray, where: str) -> Axis:
        """Axis of the cell centres a file gives, in the file's order; raises FileError where they are not regular."""
        centre = np.asarray(centre_deg, np.float64)
        if centre.ndim != 1 or len(centre) < 2 or not np.isfinite(centre).all():
            raise FileError(f"{where} must be two or more finite numbers along one dimension, got shape {centre.shape}.")
        flipped = bool(centre[0] > centre[-1])
        rising = centre[::-1] if flipped else centre
        step = (rising[-1] - rising[0]) / (len(rising) - 1)
        off = np.abs(rising - rising[0] - step * np.arange(len(rising)))
        if step <= 0 or off.max() > _REGULAR_CELLS * step:
            worst = int(off.argmax())
            raise FileError(f"{where} is not regular: {rising[worst]:.9g} is {off[worst]:.3g} degrees off steps of {step:.9g}.")
        return Axis(float(rising[0] - step / 2), float(step), len(rising), flipped)

    @property
    def is_circle(self) -> bool:
        """True where the cells go once around the globe."""
        return abs(self.n * self.step_deg - 360.0) < 0.5 * self.step_deg

    def exact_position(self, place_deg: np.ndarray, circular: bool = False) -> np.ndarray:
        """Rising degrees as numbers of cells from the start; longitudes are first moved by whole turns to be near the axis."""
        place = np.asarray(place_deg, np.float64)
        if circular:
            middle = self.start_deg + self.n * self.step_deg / 2
            place = place - 360.0 * np.rint(((place[0] + place[-1]) / 2 - middle) / 360.0)
        return (place - self.start_deg) / self.step_deg

    def position(self, edge_deg: np.ndarray, circular: bool = False) -> np.ndarray:
        """Positions of edges, put on a cell edge within 0.02 cells of it and on 1/1024 of a cell elsewhere, so that equal shares are equal.

        >>> Axis(0.0, 2.0, 180).position(np.array([-4.0, -2.01]), circular=True)
        array([178., 179.])
        """
        exact = self.exact_position(edge_deg, circular)
        whole = np.rint(exact)
        return np.where(np.abs(exact - whole) < 0.02, whole, np.rint(exact * 1024) / 1024)

    def first_of(self, cells: slice) -> int:
        """The first cell, from the south or west, of a slice of the file."""
        return self.n - cells.stop if self.flipped else cells.start

    def pieces(self, low: int, high: int, longitude: bool = False) -> list[tuple[int, slice]]:
        """Which cells of [low, high) there are: (offset in the request, slice of the file); beyond a circle it goes on from the start.

        A regional axis of longitudes may lie across the date line: its cells are looked for a turn to the west and to the east as well.

        >>> Axis(0.0, 90.0, 4).pieces(-1, 2)
        [(0, slice(3, 4, None)), (1, slice(0, 2, None))]
        """
        found = []
        around = self.n if self.is_circle else round(360.0 / self.step_deg)
        for turn in range(low // self.n, (high - 1) // self.n + 1) if self.is_circle else (-1, 1, 0) if longitude else (0,):
            first, last = max(low - turn * around, 0), min(high - turn * around, self.n)
            if first < last:
                if turn and abs(around * self.step_deg - 360.0) > _REGULAR_CELLS * self.step_deg and not self.is_circle:
                    raise FileError(f"Longitudes from {self.start_deg:.9g} in steps of {self.step_deg:.9g} degrees meet the date line, and 360 degrees are no "
                                    f"whole number of steps.")
                cells = slice(self.n - last, self.n - first) if self.flipped else slice(first, last)
                found.append((first + turn * around - low, cells))
        return found
