"""The areas that the cells of two grids share, by the method that suits both. Knows geometry only: no weights, no ranks.

One matrix serves both directions: row by row it maps source to destination, transposed it maps back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import Grid, RectilinearGrid
from lsbc.regrid.sphere import edge_code

SNAP_DEG = 1e-12
"""Edges of two rectilinear grids that lie this close together are one line."""


@dataclass(frozen=True, eq=False)
class SharedAreas:
    """Shared areas on the unit sphere, sorted by (destination, source); cells that share nothing have no entry.

    source, destination int64 (n,) positions in the grids; offsets int64 (n_b + 1,): entries of each destination cell;
    area_sr (n,); source_area_sr (n_a,) and destination_area_sr (n_b,) from each cell's corners alone.
    """

    source: np.ndarray
    destination: np.ndarray
    offsets: np.ndarray
    area_sr: np.ndarray
    source_area_sr: np.ndarray
    destination_area_sr: np.ndarray

    @classmethod
    def grouped(cls, source: np.ndarray, destination: np.ndarray, area_sr: np.ndarray, source_area_sr: np.ndarray,
                destination_area_sr: np.ndarray) -> SharedAreas:
        """From entries whose sources rise within each destination cell; the destinations may come in any order."""
        given = (np.ascontiguousarray(x, dtype) for x, dtype in ((source, np.int64), (destination, np.int64), (area_sr, np.float64)))
        offsets, *entries = _kernel.group_entries(*given, len(destination_area_sr))
        source, destination, area_sr = (np.frombuffer(x, dtype) for x, dtype in zip(entries, (np.int64, np.int64, np.float64)))
        return cls(source, destination, np.frombuffer(offsets, np.int64), area_sr, source_area_sr, destination_area_sr)

    def transposed(self) -> SharedAreas:
        """The same areas, the other way round."""
        return SharedAreas.grouped(self.destination, self.source, self.area_sr, self.destination_area_sr, self.source_area_sr)

    def covered_sr(self) -> np.ndarray:
        """Area (n_b,) of each destination cell that source cells cover."""
        return np.bincount(self.destination, self.area_sr, minlength=len(self.destination_area_sr))


def shared_areas(source: Grid, destination: Grid) -> SharedAreas:
    """Intersect every unmasked source cell with every unmasked destination cell.

    Boxes between meridians and parallels meet cells of any edge convention; two grids of other cells must share one.
    A pair's area depends on the two cells and, among boxes, on the lines of the whole rectilinear grid, not on which other
    cells there are. The shares of a cell add up to it within 1e-14, or 2e-16 times how many times wider the other cells are.

    Raises:
        GridError: a grid has no corners, or the two edge conventions cannot be intersected.
    """
    for grid in (source, destination):
        grid.need_corners("shared areas")
    if _is_boxes(source) and _is_boxes(destination):
        areas = _separable(source, destination)
    elif _is_boxes(destination):
        areas = _raster(source, destination)
    elif _is_boxes(source):
        areas = _raster(destination, source).transposed()
    elif source.edges == destination.edges:
        areas = _clipped(source, destination)
    else:
        raise GridError(f"Grid '{source.name}' has {source.edges} edges and grid '{destination.name}' {destination.edges} ones; "
                        "give both the same (edges=...).")
    return _unmasked(areas, source, destination)


def _is_boxes(grid: Grid) -> bool:
    """Meridians and parallels are straight lines in both `latlon` and `planar`."""
    return isinstance(grid, RectilinearGrid) and grid.edges != "greatcircle"


def _unmasked(areas: SharedAreas, source: Grid, destination: Grid) -> SharedAreas:
    if source.mask.all() and destination.mask.all():
        return areas
    keep = source.mask[areas.source] & destination.mask[areas.destination]
    return SharedAreas.grouped(areas.source[keep], areas.destination[keep], areas.area_sr[keep], areas.source_area_sr,
                               areas.destination_area_sr)


def _raster(source: Grid, boxes: RectilinearGrid) -> SharedAreas:
    """Cells of any kind over boxes: the area under each edge, column by column."""
    live = np.flatnonzero(source.mask)
    lon, lat = (np.ascontiguousarray(x[live] if len(live) < source.n_cell else x) for x in (source.vertex_lon_deg, source.vertex_lat_deg))
    lon_edge, lon_falls = _rising(boxes.lon_edge_deg)
    lat_edge, lat_falls = _rising(boxes.lat_edge_deg)
    found = _kernel.overlap_boxes(lon, lat, lon.shape[1], lon_edge, lat_edge, edge_code(source.edges))
    polygon, box, area = (np.frombuffer(x, dtype) for x, dtype in zip(found, (np.int64, np.int64, np.float64)))
    if lon_falls or lat_falls:
        n_lat, n_lon = boxes.shape
        row, column = np.divmod(box, n_lon)
        box = (n_lat - 1 - row if lat_falls else row) * n_lon + (n_lon - 1 - column if lon_falls else column)
    polygon = polygon if len(live) == source.n_cell else live[polygon]
    return SharedAreas.grouped(polygon, box, area, source.area_sr, boxes.area_sr)


def _rising(edge_deg: np.ndarray) -> tuple[np.ndarray, bool]:
    falls = bool(edge_deg[0] > edge_deg[-1])
    return np.ascontiguousarray(edge_deg[::-1] if falls else edge_deg), falls


def _clipped(source: Grid, destination: Grid) -> SharedAreas:
    """Cells of any kind over cells of any kind with the same edges."""
    from lsbc.regrid.clip import clip

    pairs = clip(source, destination)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(pairs.j, minlength=destination.n_cell))])
    return SharedAreas(pairs.i, pairs.j, offsets, pairs.area_sr, source.area_sr, destination.area_sr)


def _separable(source: RectilinearGrid, destination: RectilinearGrid) -> SharedAreas:
    """Boxes over boxes: shared heights in sin(latitude) times shared widths in longitude."""
    source_row, row, low, high = _shared_intervals(source.lat_edge_deg, destination.lat_edge_deg, (0.0,))
    colat = np.radians(90.0 - np.abs(low + high) / 2.0)
    height = 2.0 * np.sin(colat) * np.sin(np.radians(high - low) / 2.0)
    source_column, column, west, east = _shared_intervals(source.lon_edge_deg, destination.lon_edge_deg,
                                                          (-1440.0, -1080.0, -720.0, -360.0, 0.0, 360.0, 720.0, 1080.0, 1440.0))
    width = np.radians(east - west)
    twice = np.flatnonzero((np.diff(column) == 0) & (np.diff(source_column) == 0))  # met on both sides of the seam
    width[twice] += width[twice + 1]
    source_column, column, width = (np.delete(x, twice + 1) for x in (source_column, column, width))
    n_source, n_destination = source.shape[1], destination.shape[1]
    area = np.outer(height, width).ravel()
    return SharedAreas.grouped(np.add.outer(source_row * n_source, source_column).ravel(),
                               np.add.outer(row * n_destination, column).ravel(), area, source.area_sr, destination.area_sr)


def _snapped(moved_deg: np.ndarray, lines_deg: np.ndarray) -> np.ndarray:
    """Edges that rounding, as of a turn of 360 degrees, has put beside a line are put onto it: there are no slivers between."""
    at = np.clip(np.searchsorted(lines_deg, moved_deg), 1, len(lines_deg) - 1)
    near = np.where(moved_deg - lines_deg[at - 1] < lines_deg[at] - moved_deg, lines_deg[at - 1], lines_deg[at])
    return np.where(np.abs(moved_deg - near) <= SNAP_DEG, near, moved_deg)


def _shared_intervals(source_deg: np.ndarray, destination_deg: np.ndarray, shifts: tuple[float, ...]) -> tuple[np.ndarray, ...]:
    """Source and destination interval, lower and upper end of every shared piece, sorted by (destination, source)."""
    (a, a_falls), (b, b_falls) = _rising(source_deg), _rising(destination_deg)
    pieces = []
    for shift in shifts:
        moved = _snapped(a + shift, b)
        low, high = max(moved[0], b[0]), min(moved[-1], b[-1])
        if low >= high:
            continue
        line = np.unique(np.concatenate([moved, b]))
        line = line[(line >= low) & (line <= high)]
        i, j = (np.searchsorted(edges, line[:-1], side="right") - 1 for edges in (moved, b))
        pieces.append((len(a) - 2 - i if a_falls else i, len(b) - 2 - j if b_falls else j, line[:-1], line[1:]))
    if not pieces:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0)
    i, j, low, high = (np.concatenate(part) for part in zip(*pieces))
    order = np.lexsort((i, j))
    return i[order], j[order], low[order], high[order]
