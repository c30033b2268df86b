"""Brings a raster's cells to a window of another lattice: nearest, majority or area mean. Knows no products and no files.

Along each axis a window cell overlaps a few consecutive cells of the raster; their shares are all that is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lsbc.emulator.classes import NO_DATA
from lsbc.training.readers.axis import Axis
from lsbc.training.readers.raster import Piece, Raster, numbers
from lsbc.training.readers.window import Window

METHODS = ("nearest", "majority")


@dataclass(frozen=True)
class Overlap:
    """Window cell i takes the share `weight[i, j]` of raster cell `first[i] + j`; a share is in cells of the raster."""

    first: np.ndarray
    weight: np.ndarray

    @staticmethod
    def of(edges: np.ndarray) -> Overlap:
        """Overlaps of the cells between positions on a raster's axis.

        >>> Overlap.of(np.array([0.0, 1.5, 3.0])).weight
        array([[1. , 0.5],
               [0.5, 1. ]])
        """
        first = np.floor(edges[:-1]).astype(np.int64)
        reach = int((np.ceil(edges[1:]).astype(np.int64) - first).max())
        cell = first[:, None] + np.arange(reach)
        weight = np.minimum(edges[1:, None], cell + 1) - np.maximum(edges[:-1, None], cell)
        return Overlap(first, np.maximum(weight, 0.0))

    @property
    def span(self) -> tuple[int, int]:
        """First raster cell needed and the one after the last."""
        return int(self.first.min()), int(self.first.max()) + self.weight.shape[1]

    def sums(self, field: np.ndarray) -> np.ndarray:
        """Weighted sums along the first axis of a field that starts at `span[0]`; where cells nest they are plain sums in the field's type."""
        start, reach = self.first - self.span[0], self.weight.shape[1]
        if (self.weight == 1).all() and (start == reach * np.arange(len(start))).all():
            return sum(field[j::reach] for j in range(reach))
        out = self.weight[:, 0, None] * field[start]
        for j in range(1, self.weight.shape[1]):
            out += self.weight[:, j, None] * field[start + j]
        return out


def _overlaps(raster: Raster, window: Window) -> tuple[Overlap, Overlap]:
    return (Overlap.of(raster.lat.position(window.lat_edges_deg)), Overlap.of(raster.lon.position(window.lon_edges_deg, circular=True)))


def _nearest_cells(axis: Axis, edges_deg: np.ndarray, circular: bool) -> np.ndarray:
    centre = (edges_deg[:-1] + edges_deg[1:]) / 2
    return np.floor(axis.exact_position(centre, circular) + 1e-9).astype(np.int64)


def nearest_codes(raster: Raster, window: Window, decode: Callable[[Piece], np.ndarray], index: int | None = None) -> np.ndarray:
    """The code (uint8) of the raster cell that holds each window cell's centre; on an edge the northern or eastern one."""
    rows = _nearest_cells(raster.lat, window.lat_edges_deg, circular=False)
    cols = _nearest_cells(raster.lon, window.lon_edges_deg, circular=True)
    block = raster.block((int(rows[0]), int(rows[-1]) + 1), (int(cols[0]), int(cols[-1]) + 1), decode, np.uint8(NO_DATA), index)
    return block[np.ix_(rows - rows[0], cols - cols[0])]


def majority_codes(raster: Raster, window: Window, decode: Callable[[Piece], np.ndarray], index: int | None = None) -> np.ndarray:
    """The code (uint8) with the largest share of each window cell, the lowest of equals; NO_DATA unless more than half has a code.

    Shares are in degrees squared: within one cell of the fine lattice the area per degree does not differ.
    """
    rows, cols = _overlaps(raster, window)
    block = raster.block(rows.span, cols.span, decode, np.uint8(NO_DATA), index)
    present = np.flatnonzero(np.bincount(block.ravel(), minlength=256))
    if len(present) == 1:
        return np.full(window.shape, present[0], np.uint8)
    winner, best, covered = np.full(window.shape, NO_DATA, np.uint8), np.zeros(window.shape), np.zeros(window.shape)
    for code in present[present != NO_DATA]:
        share = cols.sums(rows.sums((block == code).astype(np.uint16)).T).T
        covered += share
        more = share > best
        winner[more], best[more] = code, share[more]
    whole = rows.weight.sum(axis=1)[:, None] * cols.weight.sum(axis=1)
    winner[2 * covered <= whole] = NO_DATA
    return winner


def codes_of(raster: Raster, window: Window, decode: Callable[[Piece], np.ndarray], method: str, index: int | None = None) -> np.ndarray:
    """Codes by one of METHODS."""
    return (nearest_codes if method == "nearest" else majority_codes)(raster, window, decode, index)


def area_mean(raster: Raster, window: Window, decode: Callable[[Piece], np.ndarray] = numbers, index: int | None = None) -> np.ndarray:
    """Mean (float64) over the valid area of each window cell, NaN where there is none; the integral over the area is kept."""
    rows, cols = _overlaps(raster, window)
    low, high = rows.span
    # sin(north) - sin(south) of rows of one height is proportional to the cosine of their middle: these are areas on the sphere.
    middle = np.clip(raster.lat.start_deg + (np.arange(low, high) + 0.5) * raster.lat.step_deg, -90.0, 90.0)
    field = raster.block((low, high), cols.span, decode, np.float64(np.nan), index)
    area = np.cos(np.deg2rad(middle))[:, None] * np.isfinite(field)
    total = cols.sums(rows.sums(area).T).T
    value = cols.sums(rows.sums(np.where(np.isfinite(field), field, 0.0) * area).T).T
    return np.divide(value, total, out=np.full(window.shape, np.nan), where=total > 0)
