"""Remapping weights: a sparse matrix, what it maps between, and the rules it obeys. Knows arrays only: no files, no ranks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from lsbc.regrid.errors import WeightError
from lsbc.regrid.grids import Grid

METHODS = ("conserve", "conserve2nd", "bilinear", "patch", "neareststod", "nearestdtos", "unknown")
NORMALIZATIONS = ("dstarea", "fracarea", "none")


@dataclass(frozen=True, eq=False, kw_only=True)
class Side:
    """One of the two grids, as far as it is known; ESMF's "a" (source) or "b" (destination). Unknown parts are None.

    shape as in `Grid`; lon_deg, lat_deg (n,); vertex_lon_deg, vertex_lat_deg (n, n_vertex); mask bool (n,); area_sr (n,),
    0 where the method needs none; frac (n,): the share of each cell that takes part.
    """

    shape: tuple[int, ...]
    lon_deg: np.ndarray | None = None
    lat_deg: np.ndarray | None = None
    vertex_lon_deg: np.ndarray | None = None
    vertex_lat_deg: np.ndarray | None = None
    mask: np.ndarray | None = None
    area_sr: np.ndarray | None = None
    frac: np.ndarray | None = None
    fingerprint: str = ""
    name: str = ""

    @property
    def n_cell(self) -> int:
        return int(np.prod(self.shape))

    def with_shares(self, frac: np.ndarray, area_sr: np.ndarray) -> Side:
        """The same cells with other fractions and areas."""
        return replace(self, frac=frac, area_sr=area_sr)

    @classmethod
    def of(cls, grid: Grid, frac: np.ndarray, area_sr: np.ndarray | None = None) -> Side:
        """Side of a whole grid; areas are 0 unless given, as ESMF writes them for methods that use none."""
        return GridSide(grid, frac, np.zeros(grid.n_cell) if area_sr is None else area_sr)


class GridSide(Side):
    """A side whose coordinates are those of a grid; a rectilinear one makes them when they are asked for."""

    def __init__(self, grid: Grid, frac: np.ndarray | None, area_sr: np.ndarray | None) -> None:
        for name, value in (("grid", grid), ("shape", grid.shape), ("name", grid.name), ("frac", frac), ("area_sr", area_sr)):
            object.__setattr__(self, name, value)

    def with_shares(self, frac: np.ndarray, area_sr: np.ndarray) -> Side:
        return GridSide(self.grid, frac, area_sr)

    lon_deg = property(lambda self: self.grid.lon_deg)
    lat_deg = property(lambda self: self.grid.lat_deg)
    vertex_lon_deg = property(lambda self: self.grid.vertex_lon_deg)
    vertex_lat_deg = property(lambda self: self.grid.vertex_lat_deg)
    mask = property(lambda self: self.grid.mask)
    fingerprint = property(lambda self: self.grid.fingerprint)


@dataclass(frozen=True, eq=False, kw_only=True)
class Weights:
    """destination = W source. Rows are in the order of the destination cells, columns ascending within each row.

    offsets int64 (n_b + 1,), column int32 (n_s,), value float64 (n_s,). Conservative weights are
    A_ij / A_j ("dstarea"; a row sums to frac_b) or A_ij / covered A_j ("fracarea"; a row sums to 1). edges is the convention
    of both grids, "source/destination" where they differ, "" where it is not known.

    Raises WeightError when a rule of a sparse matrix is broken: sizes, index range, order, duplicates, values not finite.
    """

    offsets: np.ndarray
    column: np.ndarray
    value: np.ndarray
    source: Side
    destination: Side
    method: str = "unknown"
    normalization: str = "none"
    edges: str = ""
    generator: str = "lsbc"
    attributes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, dtype in (("offsets", np.int64), ("column", np.int32), ("value", np.float64)):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype))
        if self.method not in METHODS or self.normalization not in NORMALIZATIONS:
            raise WeightError(f"Weights of method '{self.method}', normalisation '{self.normalization}' are not known; "
                              f"methods are {', '.join(METHODS)}, normalisations {', '.join(NORMALIZATIONS)}.")
        self._check_matrix()

    @classmethod
    def from_entries(cls, row: np.ndarray, column: np.ndarray, value: np.ndarray, **parts) -> Weights:
        """From entries (n_s,) in any order, 0-based; `parts` are the other fields. Duplicates are refused."""
        source, destination = parts["source"], parts["destination"]
        row, column = (np.asarray(x, np.int64) for x in (row, column))
        for index, what, n in ((row, "row", destination.n_cell), (column, "column", source.n_cell)):
            bad = np.flatnonzero((index < 0) | (index >= n))
            if len(bad):
                raise WeightError(f"Weight {bad[0]} names {what} {index[bad[0]]}; rows and columns count from 0, the {what}s end at {n - 1}.")
        key = row * source.n_cell + column
        if len(key) and not (np.diff(key) > 0).all():
            order = np.argsort(key, kind="stable")
            row, column, value = row[order], column[order], np.asarray(value)[order]
        offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=destination.n_cell))])
        return cls(offsets=offsets, column=column, value=value, **parts)

    @property
    def n_source(self) -> int:
        return self.source.n_cell

    @property
    def n_destination(self) -> int:
        return self.destination.n_cell

    @property
    def n_entry(self) -> int:
        return len(self.value)

    @property
    def row(self) -> np.ndarray:
        """Destination cell of each entry, int32 (n_s,)."""
        return np.repeat(np.arange(self.n_destination, dtype=np.int32), np.diff(self.offsets))

    @property
    def row_sum(self) -> np.ndarray:
        """Sums (n_b,) of the rows, 0 for unmapped cells."""
        return np.bincount(self.row, self.value, minlength=self.n_destination)

    @property
    def is_mapped(self) -> np.ndarray:
        """bool (n_b,): the row has an entry."""
        return np.diff(self.offsets) > 0

    @property
    def side_edges(self) -> tuple[str, str]:
        """Edge convention of the source and of the destination, "" where it is not known."""
        both = self.edges.split("/")
        return both[0], both[-1]

    def replace(self, **changes) -> Weights:
        return replace(self, **changes)

    def _check_matrix(self) -> None:
        n_b, n_s = self.n_destination, len(self.value)
        if self.offsets.shape != (n_b + 1,) or self.column.shape != (n_s,) or self.value.ndim != 1:
            raise WeightError(f"Weights have {len(self.offsets)} row offsets, {len(self.column)} columns and {n_s} values "
                              f"for {n_b} destination cells.")
        if self.offsets[0] != 0 or self.offsets[-1] != n_s or (np.diff(self.offsets) < 0).any():
            raise WeightError("Row offsets must rise from 0 to the number of entries.")
        bad = np.flatnonzero((self.column < 0) | (self.column >= self.n_source))
        if len(bad):
            raise WeightError(f"Weight {bad[0]} names source cell {self.column[bad[0]]}; there are {self.n_source}.")
        bad = np.flatnonzero(~np.isfinite(self.value))
        if len(bad):
            raise WeightError(f"Weight {bad[0]} (source cell {self.column[bad[0]]}) is {self.value[bad[0]]}.")
        step = np.diff(self.column.astype(np.int64))
        first = self.offsets[1:-1]
        step[first[(first > 0) & (first < n_s)] - 1] = 1
        bad = np.flatnonzero(step <= 0)
        if len(bad):
            k = int(bad[0]) + 1
            at = int(np.searchsorted(self.offsets, k, side="right")) - 1
            rule = "twice" if step[bad[0]] == 0 else "out of order"
            raise WeightError(f"Row {at} names source cell {self.column[k]} {rule}; columns must rise within a row.")
