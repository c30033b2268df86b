"""Remapping between grids that are spread over ranks. Knows ids, rows and ranks: no land use, no file layout, no geometry.

Every row lives on the rank that needs its destination cell, so the ranks exchange source values and never partial sums.
A row is summed in ascending source id: the bits depend neither on the number of ranks nor on who owns what.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

import numpy as np

from lsbc.regrid.apply import Remap, check_rules
from lsbc.regrid.areas import SharedAreas, shared_areas
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.conserve import conservative_weights
from lsbc.regrid.corners import destination_boxes, fetch_cells
from lsbc.regrid.errors import ConfigError, FieldError, GridError, WeightError
from lsbc.regrid.grids import Grid, PolygonGrid
from lsbc.regrid.route import Router
from lsbc.regrid.rows import LocalRows, fetch_rows, rows_of, runs
from lsbc.regrid.weights import Side, Weights


class DistributedRemap:
    """Build once with `from_weights` or `conservative`, call often.

    source_id int64 (n_source,): the source cells this rank's rows look at, ascending; destination_id int64 (n_need,): its
    rows, in the order they were asked for; weights: these rows over these cells; router: brings the values of source_id.
    """

    def __init__(self, comm: Comm, router: Router, source_id: np.ndarray, destination_id: np.ndarray, weights: Weights,
                 missing: str = "propagate", min_coverage: float = 0.0) -> None:
        self._comm, self.router = comm, router
        self.source_id, self.destination_id, self.weights = source_id, destination_id, weights
        self._remap = agree(comm, Remap, weights, missing, min_coverage)

    @classmethod
    def from_weights(cls, comm: Comm, weights: Weights | str | PathLike | None, have_source_id: np.ndarray,
                     need_destination_id: np.ndarray, *, missing: str = "propagate", min_coverage: float = 0.0, **unknown) -> DistributedRemap:
        """Spread the rows of weights, or of a weight file, that rank 0 holds; other ranks pass None. Collective.

        Args:
            have_source_id: positions in the weights' source grid whose values this rank holds, each held by one rank.
            need_destination_id: positions in their destination grid this rank wants, in any order, by any number of ranks.
            missing, min_coverage: as in `Remap`, the same on all ranks; other keywords are refused, on all ranks too.
        Raises:
            GridError, FileError: on all ranks, when rank 0 has no sound weights or the weights do not allow the rules.
            ConfigError: on all ranks, for rules that are none or not the same on all ranks.
            GridError: on all ranks, when an id lies outside its grid, is held twice, or is needed and held by no rank.
        """
        rules = _agreed(comm, unknown, missing=missing, min_coverage=min_coverage)
        whole = agree(comm, _loaded, weights if comm.rank == 0 else None, comm.rank == 0)
        about = comm.bcast(_About.of(whole) if comm.rank == 0 else None)
        have, need = agree(comm, about.checked_ids, have_source_id, need_destination_id)
        rows = fetch_rows(comm, whole, about.n_source, need)
        return cls._from_rows(comm, about, rows, (have, need), rules)

    @classmethod
    def conservative(cls, comm: Comm, source: PolygonGrid | None, destination: Grid | None, need_destination_id: np.ndarray | None = None,
                     normalization: str = "dstarea", *, missing: str = "propagate", min_coverage: float = 0.0, **unknown) -> DistributedRemap:
        """First-order conservative means, made where they are needed; only the corners of cells near a border travel. Collective.

        Args:
            source: this rank's cells, each global id on one rank only; None where it has none.
            destination: this rank's cells of any shape, or the whole of a RectilinearGrid: an area shared with a box is the
                same to rounding in a window of its grid, and the same to the bit only in the same grid.
            need_destination_id: the global ids in `destination` that this rank wants, in any order; default: all of them.
            normalization: as in `conservative_weights`; missing, min_coverage: as in `Remap`; all the same on all ranks.
        Raises:
            ConfigError: on all ranks, for rules that are none or not the same on all ranks.
            GridError: on all ranks, when an id is unknown or held twice, there is no source, or edge conventions do not match.
        """
        rules = _agreed(comm, unknown, normalization, missing=missing, min_coverage=min_coverage)
        at = agree(comm, _positions, destination, need_destination_id)
        boxes = agree(comm, destination_boxes, destination, at)
        cells = fetch_cells(comm, source, boxes)
        have, need, about, rows = agree(comm, _own_rows, source, cells, destination, at, normalization)
        return cls._from_rows(comm, about, rows, (have, need), rules)

    @classmethod
    def _from_rows(cls, comm: Comm, about: _About, rows: LocalRows, ids: tuple[np.ndarray, np.ndarray], rules: dict) -> DistributedRemap:
        have, need = ids
        weights = agree(comm, about.weights_of, rows)
        return cls(comm, Router.build(comm, have, rows.source_id, "source cell"), rows.source_id, need, weights, **rules)

    @property
    def coverage(self) -> np.ndarray:
        """Share of each destination cell (n_need,) that takes part; ESMF's frac_b."""
        return self.weights.destination.frac

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values (n_need,) or (n_need, n_field) of values (n_have,) or (n_have, n_field), float32 or float64. Collective.

        Same dtype and n_field on every rank, also where there are no cells. Missing values are NaN, by the rules of `Remap`.

        Raises:
            FieldError: on all ranks, when the values of some rank do not match its source cells or the other ranks' values.
        """
        values = agree(self._comm, _checked_values, values)
        kind = _kind(values)
        agree(self._comm, _same_kind, kind, self._comm.allreduce_max(kind), values)
        received = self.router.exchange(values)
        if values.ndim == 2:
            return agree(self._comm, self._remap, received)
        return agree(self._comm, self._remap, received[:, None])[:, 0]


@dataclass(frozen=True)
class _About:
    """What every rank must know of weights it does not hold."""

    method: str
    normalization: str
    edges: str
    generator: str
    n_source: int = 0
    n_destination: int = 0

    @classmethod
    def of(cls, weights: Weights) -> _About:
        return cls(weights.method, weights.normalization, weights.edges, weights.generator, weights.n_source, weights.n_destination)

    def checked_ids(self, have: np.ndarray, need: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _ids(have, "source", self.n_source), _ids(need, "destination", self.n_destination)

    def weights_of(self, rows: LocalRows) -> Weights:
        return Weights(offsets=np.concatenate([[0], np.cumsum(rows.n_entry)]), column=rows.column, value=rows.value,
                       source=Side(shape=(len(rows.source_id),)), destination=Side(shape=(len(rows.n_entry),), frac=rows.frac),
                       method=self.method, normalization=self.normalization, edges=self.edges, generator=self.generator)


def _agreed(comm: Comm, unknown: dict, normalization: str = "", **rules) -> dict:
    """The rules, checked before any rank waits for another; ConfigError on all ranks where one of them has others. Collective."""
    agree(comm, _check_known, unknown, rules)
    same = {**rules, "normalization": normalization}
    agree(comm, _check_same, same, comm.bcast(same))
    return rules


def _check_known(unknown: dict, rules: dict) -> None:
    if unknown:
        raise ConfigError(f"'{next(iter(unknown))}' is no rule of a remap; the rules are {', '.join(rules)}.")
    check_rules(**rules)


def _check_same(rules: dict, of_rank_0: dict) -> None:
    for name, value in rules.items():
        if value != of_rank_0[name]:
            raise ConfigError(f"{name} is {value!r} on this rank, but {of_rank_0[name]!r} on rank 0; all ranks need the same rules.")


def _loaded(weights: Weights | str | PathLike | None, is_root: bool) -> Weights | None:
    if isinstance(weights, (str, PathLike)):
        from lsbc.regrid.weight_files import read_weights
        weights = read_weights(weights)
    if is_root and not isinstance(weights, Weights):
        raise WeightError(f"Rank 0 spreads the weights and must pass Weights or the path of a weight file, got {type(weights).__name__}.")
    return weights


def _ids(ids: np.ndarray, what: str, n_cell: int | None) -> np.ndarray:
    ids = np.ascontiguousarray(ids)
    if ids.ndim != 1 or (len(ids) and not np.issubdtype(ids.dtype, np.integer)):
        raise WeightError(f"The {what} ids must be a list of integers, got {ids.dtype} of shape {ids.shape}.")
    ids = ids.astype(np.int64)
    bad = np.flatnonzero((ids < 0) | (ids >= n_cell)) if n_cell is not None else np.flatnonzero(ids < 0)
    if len(bad):
        end = "" if n_cell is None else f"; the weights' {what} grid has cells 0 .. {n_cell - 1}"
        raise WeightError(f"The {what} id {ids[bad[0]]} at position {bad[0]} is out of range{end}.")
    return ids


def _positions(destination: Grid | None, need: np.ndarray | None) -> np.ndarray:
    """Where the wanted ids are in the destination."""
    if need is None or destination is None:
        if need is not None and len(need):
            raise GridError(f"{len(need)} destination cells are wanted of no destination; pass the grid that has them.")
        return np.arange(0 if destination is None else destination.n_cell)
    need = _ids(need, "destination", None)
    order = np.argsort(destination.global_id, kind="stable")
    at = order[np.minimum(np.searchsorted(destination.global_id, need, sorter=order), destination.n_cell - 1)]
    absent = np.flatnonzero(destination.global_id[at] != need)
    if len(absent):
        raise GridError(f"The destination id {need[absent[0]]} at position {absent[0]} is not a cell of grid '{destination.name}'.")
    return at


def _own_rows(source: PolygonGrid | None, cells: PolygonGrid | None, destination: Grid | None, at: np.ndarray,
              normalization: str) -> tuple[np.ndarray, np.ndarray, _About, LocalRows]:
    """Ids held and wanted, and the rows of the destination cells `at` over the cells that came."""
    have = np.empty(0, np.int64) if source is None else source.global_id
    need = np.empty(0, np.int64) if destination is None else destination.global_id[at]
    about = _About("conserve", normalization, "", "lsbc")
    if cells is None or len(at) == 0:
        return have, need, about, LocalRows.empty(len(at))
    areas = _rows_at(shared_areas(cells, destination), at)
    centres = PolygonGrid(destination.lon_deg[at], destination.lat_deg[at], mask=destination.mask[at], edges=destination.edges)
    weights = conservative_weights(cells, centres, normalization, areas)
    return have, need, _About.of(weights), rows_of(weights, cells.global_id)


def _rows_at(areas: SharedAreas, at: np.ndarray) -> SharedAreas:
    """The entries of some destination cells, which are numbered anew."""
    n_entry = np.diff(areas.offsets)[at]
    entries = runs(areas.offsets[at], n_entry)
    return SharedAreas(areas.source[entries], np.repeat(np.arange(len(at)), n_entry), np.concatenate([[0], np.cumsum(n_entry)]),
                       areas.area_sr[entries], areas.source_area_sr, areas.destination_area_sr[at])


def _checked_values(values: np.ndarray) -> np.ndarray:
    is_masked = np.ma.isMaskedArray(values) and values.dtype.kind == "f"
    values = np.ma.filled(values, np.nan) if is_masked else np.asarray(values)
    if values.dtype not in (np.float32, np.float64) or values.ndim not in (1, 2):
        raise FieldError(f"Values to remap must be float32 or float64 (n_source,) or (n_source, n_field), got {values.dtype} {values.shape}.")
    return values


def _kind(values: np.ndarray) -> int:
    """A number that differs where the dtype or the number of fields does."""
    return 2 * (values.shape[1] + 1 if values.ndim == 2 else 0) + (values.dtype == np.float64)


def _same_kind(kind: int, most: int, values: np.ndarray) -> None:
    if kind != most:
        fields = f"{most // 2 - 1} fields" if most > 1 else "one field without a field axis"
        raise FieldError(f"Values to remap are {values.dtype} {values.shape} on this rank, but {fields} of float{32 * (1 + most % 2)} on another.")
