"""Turns a map of classes into area fractions on polygons. Knows class numbers, not what they mean; no files, no ranks.

Areas are 64-bit fixed-point shares of the polygon, so that sums do not depend on their order and are the same bits on any
number of ranks; there is one division, at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.errors import FieldError, GridError
from lsbc.regrid.overlap import Overlap

ONE = 1 << 52
"""The whole polygon in fixed point: shares are good to 2e-16 and the sum of a row cannot overflow."""


@dataclass(frozen=True)
class FractionPlan:
    """Which cells of the class map each polygon covers, and with how much of its area.

    need int64 (n_need,) sorted global cell ids; index int32 (n_entry,) into `need`; offsets int64 (n_polygon + 1,);
    weight int64 (n_entry,) in units of 1 / ONE of the polygon's area.
    """

    need: np.ndarray
    index: np.ndarray
    offsets: np.ndarray
    weight: np.ndarray

    @property
    def n_polygon(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def from_overlap(cls, overlap: Overlap, n_polygon: int) -> FractionPlan:
        """The entries may come in any order, a polygon may have none."""
        if n_polygon != overlap.n_polygon:
            raise GridError(f"The overlap was made for {overlap.n_polygon} polygons, {n_polygon} are expected.")
        order = np.lexsort((overlap.cell, overlap.polygon)) if not _is_sorted(overlap) else slice(None)
        polygon = overlap.polygon[order]
        need, index = np.unique(overlap.cell[order], return_inverse=True)
        if len(need) > np.iinfo(np.int32).max:
            raise GridError(f"One rank's polygons cover {len(need)} cells; use more ranks, 2**31 - 1 is the limit.")
        share = overlap.area_sr[order] / overlap.polygon_area_sr[polygon]
        offsets = np.concatenate([[0], np.cumsum(np.bincount(polygon, minlength=n_polygon))]).astype(np.int64)
        return cls(need, index.astype(np.int32), offsets, np.rint(share * ONE).astype(np.int64))

    def fractions(self, category: np.ndarray, n_category: int, no_data: int = 255) -> tuple[np.ndarray, np.ndarray]:
        """Area fraction of every class among the cells with data, and how much of the polygon those cover.

        Args:
            category: uint8 (n_need,), classes 0 .. n_category - 1 in the order of `need`, or `no_data`.
        Returns:
            fraction float64 (n_polygon, n_category), rows sum to 1 within 1e-15 n_category, or are 0 where nothing is known;
            coverage float64 (n_polygon,), known area over overlapped area.
        Raises:
            FieldError: sizes differ, or a class is out of range.
        """
        category = np.ascontiguousarray(category)
        if category.dtype != np.uint8 or category.shape != self.need.shape:
            raise FieldError(f"The class map has shape {category.shape} and type {category.dtype}; "
                             f"uint8 of shape {self.need.shape} is expected.")
        unknown = np.flatnonzero((category >= n_category) & (category != no_data))
        if len(unknown):
            raise FieldError(f"Fine cell {self.need[unknown[0]]} has class {category[unknown[0]]}; "
                             f"classes are 0 .. {n_category - 1} and {no_data} for no data.")
        sums = np.empty((self.n_polygon, n_category), np.int64)
        _kernel.class_sums(self.offsets, self.index, self.weight, category, n_category, no_data, sums)
        known = sums.sum(axis=1)
        return _share(sums, known[:, None]), _share(known, self._whole)

    @cached_property
    def _whole(self) -> np.ndarray:
        """Fixed-point area of all entries of each polygon."""
        one_class, sums = np.zeros(len(self.need), np.uint8), np.empty((self.n_polygon, 1), np.int64)
        _kernel.class_sums(self.offsets, self.index, self.weight, one_class, 1, 255, sums)
        return sums[:, 0]


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, 0 where whole is 0."""
    out = np.zeros(part.shape)
    return np.divide(part, whole, out=out, where=np.broadcast_to(whole > 0, part.shape))


def _is_sorted(overlap: Overlap) -> bool:
    step = np.diff(overlap.polygon)
    return bool((step >= 0).all() and (np.diff(overlap.cell)[step == 0] > 0).all())
