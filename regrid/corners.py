"""Brings the corners of source cells to the ranks whose destination they may touch. Knows corners and ids: no areas, no fields.

Each rank tells the others a few boxes around its part of the destination; owners answer with the cells that touch them.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid.bounds import boxes_around, cell_boxes, group_boxes, touch
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import Grid, PolygonGrid
from lsbc.regrid.route import ship

N_BOX = 16
"""Boxes around one rank's part of the destination; more of them fit closer and cost 48 bytes each on every rank."""


class ReceivedCells(PolygonGrid):
    """Cells of other ranks, in ascending global id; their owners have checked them."""

    def _check(self, is_part: bool) -> None:
        pass


def destination_boxes(destination: Grid | None, cells: np.ndarray) -> np.ndarray:
    """The few boxes (n, 2, 3) that stand for some cells, by position, of one rank's destination."""
    if destination is None or not len(cells):
        return np.empty((0, 2, 3))
    return boxes_around(destination, cells[destination.mask[cells]], N_BOX)


def fetch_cells(comm: Comm, source: PolygonGrid | None, boxes: np.ndarray) -> ReceivedCells | None:
    """All unmasked source cells of all ranks that may touch this rank's boxes (n, 2, 3); None where there are none. Collective.

    Args:
        source: this rank's cells, each global id on one rank only; None where it has none.
    Raises:
        GridError: on all ranks, when no rank has cells, their edge conventions differ, or an id is held twice.
    """
    n_vertex, edges = agree(comm, _shape_of, source)
    about = comm.allgather((n_vertex, edges, boxes))
    n_vertex, edges = _common(about)
    dest, cell = agree(comm, _wanted, source, [box for _, _, box in about])
    ids, corners = agree(comm, _packed, source, cell, n_vertex)
    (ids, corners), count, _ = ship(comm, dest, ids, corners)
    return agree(comm, _unpacked, ids, corners, np.repeat(np.arange(comm.size), count), edges)


def _shape_of(source: PolygonGrid | None) -> tuple[int, str]:
    if source is None:
        return 0, ""
    if not isinstance(source, PolygonGrid):
        raise GridError(f"A rank passes its part of the source as polygons with global ids, got {type(source).__name__}; take() makes one.")
    source.need_corners("shared areas")
    return source.vertex_lon_deg.shape[1], source.edges


def _common(about: list[tuple[int, str, np.ndarray]]) -> tuple[int, str]:
    """Corners a cell and edge convention, for all ranks; the same error on all."""
    holders = [rank for rank, (n_vertex, _, _) in enumerate(about) if n_vertex]
    if not holders:
        raise GridError("No rank passes any source cell: there is nothing to remap from.")
    first = about[holders[0]][1]
    for rank in holders:
        if about[rank][1] != first:
            raise GridError(f"Source cells have {about[rank][1]} edges on rank {rank} and {first} ones on rank {holders[0]}; "
                            "give all parts of a grid the same (edges=...).")
    return max(n_vertex for n_vertex, _, _ in about), first


def _wanted(source: PolygonGrid | None, boxes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rank and position of every unmasked cell that touches a box of that rank, rank by rank."""
    if source is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    live = np.flatnonzero(source.mask)
    box = cell_boxes(source, live)
    rank = np.repeat(np.arange(len(boxes)), [len(part) for part in boxes])
    others = np.concatenate(boxes)
    near = touch(others, group_boxes(box, 1))
    found = {k: live[touch(box, others[near & (rank == k)])] for k in np.unique(rank[near])}
    empty = [np.empty(0, np.int64)]
    return np.concatenate(empty + [np.full(len(cells), k) for k, cells in found.items()]), np.concatenate(empty + list(found.values()))


def _packed(source: PolygonGrid | None, cell: np.ndarray, n_vertex: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids (n,), and centre and corners (n, 2, 1 + n_vertex) of cells, the last corner repeated where there are fewer."""
    if source is None:
        return np.empty(0, np.int64), np.empty((0, 2, 1 + n_vertex))
    vertex = np.minimum(np.arange(n_vertex), source.vertex_lon_deg.shape[1] - 1)
    lon = np.concatenate([source.lon_deg[cell, None], source.vertex_lon_deg[cell[:, None], vertex]], axis=1)
    lat = np.concatenate([source.lat_deg[cell, None], source.vertex_lat_deg[cell[:, None], vertex]], axis=1)
    return source.global_id[cell], np.stack([lon, lat], axis=1)


def _unpacked(ids: np.ndarray, corners: np.ndarray, holder: np.ndarray, edges: str) -> ReceivedCells | None:
    if len(ids) == 0:
        return None
    order = np.argsort(ids, kind="stable")
    twice = np.flatnonzero(np.diff(ids[order]) == 0)
    if len(twice):
        first, second = holder[order[twice[0]]], holder[order[twice[0] + 1]]
        raise GridError(f"rank {first}: holds the source cell id {ids[order[twice[0]]]}, and so does rank {second}.")
    (lon, lat) = corners[order].transpose(1, 0, 2)
    return ReceivedCells(lon[:, 0], lat[:, 0], lon[:, 1:], lat[:, 1:], global_id=ids[order], edges=edges, name="source")
