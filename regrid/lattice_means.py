"""Means of the host's fields over the cells of a lattice, wherever its polygons live. Knows arrays and ids: no geometry, no land use.

A row's entries are in ascending global polygon id and are summed in that order, so the bits do not depend on which rank
holds which polygon.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import GridError
from lsbc.regrid.overlap import Overlap
from lsbc.regrid.route import Router, directory_rank, ship
from lsbc.regrid.rows import runs

_ENTRY = np.dtype([("cell", np.int64), ("polygon", np.int64), ("area_sr", np.float64)])


class LatticeMeans:
    """Means over the covered part of each cell (normalisation "fracarea"). Build once, apply often.

    coverage float64 (n_need,): covered area over cell area.
    """

    def __init__(self, router: Router, entries: np.ndarray, n_entry: np.ndarray, cell_area_sr: np.ndarray) -> None:
        self._router = router
        self._offsets = np.concatenate([[0], np.cumsum(n_entry)]).astype(np.int64)
        self._index = np.unique(entries["polygon"], return_inverse=True)[1].astype(np.int32)
        self._area_sr = np.ascontiguousarray(entries["area_sr"])
        self._covered_sr = self._weighted(np.ones((router.n_need, 1)))[:, 0]
        self.coverage = self._covered_sr / cell_area_sr

    @classmethod
    def build(cls, comm: Comm, overlap: Overlap, polygon_global_id: np.ndarray, need_cell: np.ndarray) -> LatticeMeans:
        """Plan from the overlaps of the polygons this rank owns and the lattice cells it wants. Collective.

        Args:
            polygon_global_id: (n_polygon,), each id owned by one rank.
            need_cell: global ids in overlap.lattice, in any order; may be empty.
        Raises:
            GridError: on all ranks, when sizes differ, a cell is outside the lattice, or a polygon is owned twice.
        """
        polygon_id, need = agree(comm, _checked, overlap, polygon_global_id, need_cell)
        given = np.empty(len(overlap.cell), _ENTRY)
        given["cell"], given["polygon"] = overlap.cell, polygon_id[overlap.polygon]
        given["area_sr"] = overlap.area_sr
        entries, n_entry = _fetch_rows(comm, given, need)
        router = Router.build(comm, polygon_id, np.unique(entries["polygon"]), "host cell")
        row, _ = overlap.lattice.row_col(need)
        return cls(router, entries, n_entry, overlap.lattice.cell_area_sr(row))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Cell means (n_need, n_field) of values (n_polygon, n_field) on this rank's polygons. Collective.

        Same n_field on every rank, also where there are no polygons. NaN where no polygon overlaps.
        The integral over the covered area is kept to rounding.

        Raises:
            FieldError: on all ranks, when the values of some rank do not match its polygons.
        """
        total = self._weighted(self._router.exchange(np.ascontiguousarray(values, np.float64)))
        covered = np.broadcast_to(self._covered_sr[:, None], total.shape)
        return np.divide(total, covered, out=np.full(total.shape, np.nan), where=covered > 0.0)

    def _weighted(self, values: np.ndarray) -> np.ndarray:
        """Sum of area times value over each row, in the order of the entries."""
        out = np.zeros((len(self._offsets) - 1, values.shape[1]))
        if out.size:
            _kernel.weighted_rows(self._offsets, self._index, self._area_sr, values, values.shape[1], out)
        return out


def _checked(overlap: Overlap, polygon_global_id: np.ndarray, need_cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    polygon_id, need = np.ascontiguousarray(polygon_global_id, np.int64), np.ascontiguousarray(need_cell, np.int64)
    if polygon_id.shape != (overlap.n_polygon,):
        raise GridError(f"Global ids have shape {polygon_id.shape}; the overlap has {overlap.n_polygon} polygons.")
    if need.ndim != 1 or (len(need) and not 0 <= need.min() <= need.max() < overlap.lattice.n_cell):
        raise GridError(f"Cells must be a list of ids 0 .. {overlap.lattice.n_cell - 1}, got shape {need.shape} from "
                        f"{need.min(initial=0)} to {need.max(initial=0)}.")
    return polygon_id, need


def _fetch_rows(comm: Comm, given: np.ndarray, need: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entries of the needed cells, grouped in the order of `need`, and how many each has."""
    (kept,), _, _ = ship(comm, directory_rank(given["cell"], comm.size), given)
    kept = kept[np.lexsort((kept["polygon"], kept["cell"]))]
    (asked,), asked_count, asked_order = ship(comm, directory_rank(need, comm.size), need)
    first = np.searchsorted(kept["cell"], asked)
    n_found = np.searchsorted(kept["cell"], asked, side="right") - first
    ends = np.concatenate([[0], np.cumsum(n_found)])
    to_each = np.diff(ends[np.concatenate([[0], np.cumsum(asked_count)])])
    entries, _ = comm.alltoallv(kept[runs(first, n_found)], to_each)
    n_sent, _ = comm.alltoallv(n_found, asked_count)
    start = np.empty(len(need), np.int64)
    n_entry = np.empty(len(need), np.int64)
    start[asked_order] = np.concatenate([[0], np.cumsum(n_sent)])[:-1]
    n_entry[asked_order] = n_sent
    return entries[runs(start, n_entry)], n_entry
