"""Applies remapping weights to fields: built once, called often. Knows arrays only: no files, no ranks, no land use.

Sums are taken in double precision, in the order of the entries, also for float32 fields, which are rounded once at the end:
a constant field stays that constant, and the bits depend neither on the vector width of the processor nor on other rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.errors import ConfigError, FieldError, WeightError
from lsbc.regrid.weights import Weights

MISSING = ("propagate", "skip")
WHOLE = 1e-13
"""Shares this close to 1 are 1 (the rounding of a row sum); the same as LSBC_WHOLE of kernel_apply.h."""
COVERAGE_SLACK = 1e-8
"""A coverage may miss min_coverage by this much: row sums of weights from files are not exact."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows that give values, by the rules for missing ones; all others have no entries left.

    offsets int64 (n_b + 1,), column int32 and value float64 (n_s,) as in `Weights`, without weights of 0.
    scale (n_b,): 1 / row sum under "skip", None where all are 1. least (n_b,): sum of valid weights that a row needs
    under "skip", None under "propagate".
    """

    offsets: np.ndarray
    column: np.ndarray
    value: np.ndarray
    scale: np.ndarray | None
    least: np.ndarray | None

    @classmethod
    def of(cls, weights: Weights, missing: str, min_coverage: float) -> Rows:
        """Rows in force. Raises ConfigError for an unknown rule, WeightError for weights that do not allow it."""
        check_rules(missing, min_coverage)
        _check_weights(weights, missing, min_coverage)
        share = weights.row_sum
        least = _least_share(weights, min_coverage)
        counts = (weights.value != 0) & (share >= least)[weights.row] if min_coverage > 0 else weights.value != 0
        offsets, column, value = weights.offsets, weights.column, weights.value
        if not counts.all():
            offsets = np.concatenate([[0], np.cumsum(counts)])[offsets]
            column, value = column[counts], value[counts]
        if missing == "propagate":
            return cls(offsets, column, value, None, None)
        scale = np.ones(len(share))
        np.divide(1.0, share, out=scale, where=(np.abs(share - 1.0) > WHOLE) & (np.diff(offsets) > 0))
        return cls(offsets, column, value, None if (scale == 1.0).all() else scale, least)


class Remap:
    """destination = W source, with a rule for missing values (NaN).

    Args:
        missing: "propagate": a NaN that carries weight makes the destination cell NaN. "skip": the mean over the valid part
            of the cell, that is, over the source cells that overlap and are not NaN; not for negative weights.
        min_coverage: 0 .. 1; a destination cell of which a smaller share is covered by valid data is NaN.
    Unmapped destination cells are NaN, always.

    Raises:
        ConfigError: an unknown rule, or a coverage out of range.
        WeightError: weights that do not allow the rule.
    """

    def __init__(self, weights: Weights, missing: str = "propagate", min_coverage: float = 0.0) -> None:
        self._rows = Rows.of(weights, missing, min_coverage)
        self.missing, self.min_coverage = missing, min_coverage
        self.source_shape, self.destination_shape = weights.source.shape, weights.destination.shape
        self.n_source, self.n_destination = weights.n_source, weights.n_destination
        self._scratch: np.ndarray | None = None

    def __call__(self, values: np.ndarray, out: np.ndarray | None = None, fields: slice | list[int] | None = None) -> np.ndarray:
        """Remap fields.

        Args:
            values: float32 or float64, (n_source,) or (n_source, n_field); the shape of the source grid may stand for
                n_source, and gives the shape of the destination grid. A masked array counts as NaN where it is masked.
            out: C-contiguous array for the result, of its shape and type; large new arrays can cost as much as the sums.
            fields: which of the last axis of `values` to remap, in this order; all where None.
        Returns:
            (n_destination,) or (n_destination, n_field), of the type of `values`.
        Raises:
            FieldError: `values`, `fields` or `out` do not fit.
        """
        table, shape = as_table(self, values, fields)
        out = np.empty(shape, table.dtype) if out is None else _checked_out(out, shape, table)
        if out.size:
            self._product(table, out)
        return out

    def _product(self, table: np.ndarray, out: np.ndarray) -> None:
        rows, n_field = self._rows, table.shape[1]
        n_scratch = _kernel.apply_scratch(len(rows.value), self.n_source, n_field)
        scratch, self._scratch = self._scratch, None  # whoever comes meanwhile brings its own
        if scratch is None or len(scratch) < n_scratch:
            scratch = np.empty(n_scratch)
        _kernel.apply(rows.offsets, rows.column, rows.value, rows.scale, rows.least, table, n_field, table.dtype == np.float32,
                      out, 0, self.n_destination, _kernel.apply_lanes(), scratch)
        self._scratch = scratch


def as_table(remap, values: np.ndarray, fields: slice | list[int] | None) -> tuple[np.ndarray, tuple[int, ...]]:
    """Values as a C-contiguous (n_source, n_field) of native floats, and the shape of the result.

    `remap` says source_shape, destination_shape, n_source and n_destination. Raises FieldError for what does not fit.
    """
    values = np.ma.filled(values, np.nan) if np.ma.isMaskedArray(values) and values.dtype.kind == "f" else np.asarray(values)
    if values.dtype.kind != "f" or values.dtype.itemsize not in (4, 8):
        raise FieldError(f"Fields of type {values.dtype} cannot be remapped; give float32 or float64.")
    n_axis = len(remap.source_shape)
    if values.shape[:1] == (remap.n_source,):
        lead, tail = (remap.n_destination,), values.shape[1:]
    elif values.shape[:n_axis] == remap.source_shape:
        lead, tail = remap.destination_shape, values.shape[n_axis:]
    else:
        raise FieldError(f"Fields have shape {values.shape}; the weights expect ({remap.n_source},) or "
                         f"({remap.n_source}, n_field), or the source grid's {remap.source_shape} in place of {remap.n_source}; fields are the last axis.")
    if len(tail) > 1:
        raise FieldError(f"Fields have shape {values.shape}, {len(tail)} axes behind those of the cells; give one.")
    table = values.reshape(remap.n_source, tail[0] if tail else 1)
    if fields is not None:
        table = _subset(table, tail, fields)
        tail = table.shape[1:]
    return np.ascontiguousarray(table, table.dtype.newbyteorder("=")), (*lead, *tail)


def _subset(table: np.ndarray, tail: tuple[int, ...], fields: slice | list[int]) -> np.ndarray:
    if not tail:
        raise FieldError(f"A subset {fields} of the fields was asked of one field without a field axis.")
    try:
        chosen = np.arange(table.shape[1])[fields]
    except IndexError:
        raise FieldError(f"A subset {fields} of the fields was asked of {table.shape[1]} fields.") from None
    return table[:, np.atleast_1d(chosen)]


def _checked_out(out: np.ndarray, shape: tuple[int, ...], table: np.ndarray) -> np.ndarray:
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != table.dtype:
        got = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise FieldError(f"The output array is {got}; the result is {table.dtype} {shape}.")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise FieldError("The output array must be C-contiguous and writeable.")
    if np.may_share_memory(out, table):
        raise FieldError("The output array shares memory with the values.")
    return out


def check_rules(missing: str, min_coverage: float) -> None:
    """Raise ConfigError for rules for missing values that are none, whatever the weights."""
    if missing not in MISSING:
        raise ConfigError(f"missing = '{missing}' is no rule for missing values; the rules are {', '.join(MISSING)}.")
    if not 0.0 <= min_coverage <= 1.0:
        raise ConfigError(f"min_coverage must be 0 .. 1, got {min_coverage}.")


def _check_weights(weights: Weights, missing: str, min_coverage: float) -> None:
    if weights.normalization == "fracarea" and weights.destination.frac is None and min_coverage > 0.0:
        raise WeightError(f"min_coverage = {min_coverage} needs frac of the destination, as the weights are normalised by "
                          "fracarea; take min_coverage = 0 or a file that holds frac_b.")
    if missing == "skip" and weights.n_entry and weights.value.min() < 0.0:
        k = int(weights.value.argmin())
        raise WeightError(f"missing = 'skip' is no mean where weights are negative ({weights.value[k]:.3g} of source cell "
                          f"{weights.column[k]}, method {weights.method}); take missing = 'propagate' or method conserve.")


def _least_share(weights: Weights, min_coverage: float) -> np.ndarray:
    """Sums (n_b,) of valid weights that the rows need: min_coverage, of the covered part where that is what rows sum over."""
    need = max(min_coverage - COVERAGE_SLACK, 0.0)
    if weights.normalization != "fracarea" or need == 0.0:
        return np.full(weights.n_destination, need)
    frac = weights.destination.frac
    return np.divide(need, frac, out=np.full(len(frac), np.inf), where=frac > 0.0)
