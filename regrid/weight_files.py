"""Read weight files of ESMF, TempestRemap, MOAB, NCO, SCRIP, CDO, YAC and xESMF, and write ESMF's. Makes no weights itself.

Everything is checked on the way in; what a reader of weights may rely on is said by `Weights` and `weight_rules`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.regrid import weight_rules
from lsbc.regrid.errors import WeightError
from lsbc.regrid.grids import Grid
from lsbc.regrid.netcdf_input import Source, opened
from lsbc.regrid.sphere import EDGES
from lsbc.regrid.weight_layouts import COO_SIDES, Layout, recognise
from lsbc.regrid.weight_sides import read_side
from lsbc.regrid.weight_writer import OWN_ATTRIBUTES, write_weights
from lsbc.regrid.weights import Side, Weights

CONSERVATIVE = ("conserve", "conserve2nd")


def read_weights(path: Path | str, source: Grid | int | tuple[int, ...] | None = None,
                 destination: Grid | int | tuple[int, ...] | None = None, *, method: str | None = None,
                 normalization: str | None = None, strict: bool = True) -> Weights:
    """Weights from a file, recognised by its content. Entries given in parts are summed where the layout means it so.

    Args:
        source: grid or its shape; needed where the file does not tell sizes (ESMF weight-only, xESMF, YAC), else compared.
        destination: the same for the other side.
        method: one of `weights.METHODS` for files that do not say theirs (TempestRemap, MOAB, xESMF, YAC); its rules then hold.
        normalization: "dstarea" or "fracarea" of conservative weights whose file does not say it (ESMF weight-only, xESMF);
            without it rows below 1 show dstarea, and rows that all sum to 1 are called fracarea, which they fulfil.
        strict: refuse weights that break `weight_rules`; False leaves that to `check_weights`, for a report.
    Raises:
        FileError: the file is missing or no readable netCDF.
        WeightError: the content breaks a rule; the message names file, variable, index and value.
    """
    path = Path(path)
    with opened(path) as file:
        layout = recognise(path, file.dims, file.variables, file.attributes)
        _check_single_field(file)
        sides = read_side(file, layout.source, source), read_side(file, layout.destination, destination)
        row, column, value = _entries(file, layout, *sides)
        kept = {name: text for name, text in file.attributes.items() if name not in OWN_ATTRIBUTES}
        if layout.source is COO_SIDES[0] and layout.source.size not in file.dims:
            row, column, value = _without_marks(row, column, value)
        weights = _weights(path, layout, sides, row, column, value, edges=_edges(file, layout), attributes=kept)
    weights = _with_method(path, weights, method)
    weights = _with_normalization(path, weights, layout.normalization, normalization)
    if isinstance(source, Grid) and isinstance(destination, Grid):
        weights = _completed(weights, source, destination)
    faults = weight_rules.faults(weights) if strict else []
    if faults:
        raise WeightError(f"File {path}: {faults[0]}")
    return weights


def _check_single_field(file: Source) -> None:
    """YAC can mix fields on cells, corners and edges in one file."""
    if file.dims.get("num_src_fields", 1) != 1:
        raise WeightError(f"File {file.path} takes from {file.dims['num_src_fields']} source fields at once (yac); "
                          "write one file for each.")
    for name in ("src_locations", "dst_location"):
        if name in file.variables and file.text(name) != "CELL":
            raise WeightError(f"File {file.path}: '{name}' is '{file.text(name)}'; only weights between cells are known.")


def _entries(file: Source, layout: Layout, source: Side, destination: Side) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns from 0 (n_s,) and values, in the order of the file."""
    n = file.dims[layout.entries]
    index = []
    for name, side, what in ((layout.row, destination, "destination"), (layout.column, source, "source")):
        cell = file.integers(name, (n,), np.int32)
        base = _base(file, name)
        bad = np.flatnonzero((cell < base) | (cell > side.n_cell - 1 + base))
        if len(bad):
            raise WeightError(f"File {file.path}: '{name}[{bad[0]}]' is {cell[bad[0]]}; "
                              f"{what} cells count from {base} to {side.n_cell - 1 + base}.")
        index.append(np.subtract(cell, np.int32(base), out=cell))
    shape = (n, 1) if len(file.shape(layout.value)) == 2 else (n,)
    return *index, file.reals(layout.value, shape).ravel()


def _base(file: Source, name: str) -> int:
    text = file.attribute(name, "first_index") or "1"
    if text not in ("0", "1"):
        raise WeightError(f"File {file.path}: '{name}' has first_index '{text}'; 0 and 1 are known.")
    return int(text)


def _weights(path: Path, layout: Layout, sides: tuple[Side, Side], row, column, value, **parts) -> Weights:
    wrong = np.flatnonzero(~np.isfinite(value))
    if len(wrong):
        k = wrong[0]
        raise WeightError(f"File {path}: '{layout.value}[{k}]' "
                          f"(source cell {column[k]}, destination cell {row[k]}, from 0) is {value[k]}.")
    row, column, value = _ordered(path, layout, row, column, value)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=sides[1].n_cell))])
    del row
    return Weights(offsets=offsets, column=column, value=value, source=sides[0], destination=sides[1], method=layout.method,
                   generator=layout.writer, **parts)


def _without_marks(row, column, value) -> tuple:
    """xESMF marks an unmapped cell by one NaN in the first column of its row; files with sizes know no such marks."""
    marked = np.isnan(value)
    if not marked.any():
        return row, column, value
    alone = np.bincount(row)[row] == 1
    keep = ~(marked & (column == 0) & alone)
    return row[keep], column[keep], value[keep]


def _ordered(path: Path, layout: Layout, row, column, value) -> tuple:
    """Entries by row, then column; parts of one entry are summed in the order of the file."""
    step = np.diff(row)
    rising = (step > 0) | ((step == 0) & (np.diff(column) > 0))
    if rising.all():
        return row, column, value
    order = np.lexsort((column, row))
    row, column, value = row[order], column[order], value[order]
    first = np.concatenate([[True], (np.diff(row) > 0) | (np.diff(column) != 0)])
    if first.all():
        return row, column, value
    if not layout.sums_duplicates:
        k = int(np.flatnonzero(~first)[0])
        raise WeightError(f"File {path}: source cell {column[k]} and destination cell {row[k]} (from 0) are linked twice, "
                          f"which {layout.writer} does not do for this method; the file may have been joined from two.")
    start = np.flatnonzero(first)
    return row[start], column[start], np.add.reduceat(value, start)


def _edges(file: Source, layout: Layout) -> str:
    """Edge convention of the cells: ESMF's conservative methods have one only; of other files nothing is known."""
    stated = file.attributes.get("lsbc_edges")
    if stated is not None and all(word in (*EDGES, "") for word in stated.split("/")):
        return stated
    return "greatcircle" if "ESMF_regrid_method" in file.attributes and layout.method in CONSERVATIVE else ""


def _with_method(path: Path, weights: Weights, told: str | None) -> Weights:
    if told is not None and weights.method not in ("unknown", told):
        raise WeightError(f"File {path} has weights of method '{weights.method}', not '{told}'.")
    return weights if told is None else weights.replace(method=told)


def _with_normalization(path: Path, weights: Weights, stated: str, told: str | None) -> Weights:
    """What the file says, else the caller, else what the row sums show: shares of the covered area sum to 1."""
    if told not in (None, "dstarea", "fracarea"):
        raise WeightError(f"Normalisation '{told}' is not known; it is 'dstarea', 'fracarea', or None to go by the file.")
    if weights.method not in CONSERVATIVE:
        return weights.replace(normalization=stated if weights.method == "unknown" and stated else "none")
    if told and stated in ("dstarea", "fracarea") and told != stated:
        raise WeightError(f"File {path} has weights of normalisation '{stated}', not '{told}'.")
    if told or stated in ("dstarea", "fracarea"):
        return weights.replace(normalization=told or stated)
    total, frac = weights.row_sum[weights.is_mapped], weights.destination.frac
    full = np.abs(total - 1.0) <= weight_rules.ROW_TOLERANCE
    as_shares = full.all() if frac is None else not (np.abs(total - frac[weights.is_mapped]) <= weight_rules.ROW_TOLERANCE).all()
    return weights.replace(normalization="fracarea" if as_shares else "dstarea")


def _completed(weights: Weights, source: Grid, destination: Grid) -> Weights:
    """Areas and fractions by the conventions of ESMF, where the grids and the weights together determine them."""
    b = weights.destination
    if weights.method not in CONSERVATIVE:
        if weights.method == "unknown" or b.frac is not None:
            return weights
        return weights.replace(source=weights.source.with_shares(np.zeros(source.n_cell), np.zeros(source.n_cell)),
                               destination=b.with_shares(weights.is_mapped.astype(float), np.zeros(destination.n_cell)))
    known = weights.edges and weights.normalization == "dstarea" and source.has_corners and destination.has_corners
    if b.area_sr is not None or not known:
        return weights
    area_a, area_b = (grid.with_edges(edges).area_sr for grid, edges in zip((source, destination), weights.side_edges))
    given = np.bincount(weights.column, weights.value * area_b[weights.row], minlength=source.n_cell)
    frac_a = np.divide(given, area_a, out=np.zeros(source.n_cell), where=area_a > 0)
    return weights.replace(source=weights.source.with_shares(frac_a, area_a),
                           destination=b.with_shares(weights.row_sum, area_b))


__all__ = ["read_weights", "write_weights"]
