"""Weights made by ESMF through esmpy, in a child process. Knows the grids and ESMF's conventions; never loads ESMF itself.

Conventions of the result are those of `lsbc.regrid.weights`: nothing is taken for periodic that is not, masked cells take no
part, unmapped rows are empty. ESMF has great-circle edges only in its conservative methods.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.regrid.backends import child, handover
from lsbc.regrid.backends.handover import Parts
from lsbc.regrid.errors import GridError, WeightError
from lsbc.regrid.grids import CurvilinearGrid, Grid, RectilinearGrid
from lsbc.regrid.weights import Side, Weights

CONSERVATIVE = ("conserve", "conserve2nd")
METHODS = (*CONSERVATIVE, "bilinear", "patch", "neareststod", "nearestdtos")
POLES = ("average", "none")
REMEDY = ("install it with 'conda install -c conda-forge esmpy', or build ESMF and its src/addon/esmpy from source, set ESMFMKFILE to the "
          "esmf.mk of that build, and name the interpreter that has it with python= (--python) or LSBC_ESMF_PYTHON.")


def esmf_weights(source: Grid, destination: Grid, method: str = "conserve", normalization: str = "dstarea", *, pole: str = "average",
                 python: str | None = None, timeout_s: float = 3600.0) -> Weights:
    """Weights as ESMF makes them.

    Args:
        normalization: "dstarea" or "fracarea"; without meaning for methods that are not conservative.
        pole: bilinear and patch on lon-lat grids that go round the globe; "average" closes them with the mean of the last row.
        python: interpreter that has esmpy; by default the one in the environment variable LSBC_ESMF_PYTHON, or this process's own.
    Raises:
        StartupError: no esmpy, or the child died or took too long. GridError: ESMF, or its rules, refuse a grid.
        WeightError: a method, normalisation or pole that ESMF does not have.
    """
    _check(source, destination, method, normalization, pole)
    parts = {"source": _source_parts(source, method), "destination": _destination_parts(destination, method)}
    request = {"method": method, "normalization": normalization, "pole": pole, "is_conservative": method in CONSERVATIVE}
    arrays = {}
    for (side, part), grid in zip(parts.items(), (source, destination)):
        request[side] = {"kind": part.kind, "shape": part.shape, "is_round": part.is_round, "has_mask": "mask" in part.arrays,
                         "has_poles": isinstance(grid, RectilinearGrid) or getattr(grid, "wraps", False)}
        arrays |= {f"{side}_{name}": array for name, array in part.arrays.items()}
    job = child.Job("ESMF (esmpy)", Path(__file__).with_name("esmf_child.py"), REMEDY, "LSBC_ESMF_PYTHON", python, timeout_s)
    answer, made = child.run(job, request, arrays)
    return _weights(source, destination, method, normalization, parts, made, answer["version"])


def _check(source: Grid, destination: Grid, method: str, normalization: str, pole: str) -> None:
    for value, known, what in ((method, METHODS, "method"), (normalization, ("dstarea", "fracarea", "none"), "normalisation"),
                               (pole, POLES, "pole")):
        if value not in known:
            raise WeightError(f"ESMF has no {what} '{value}'; it has {', '.join(known)}.")
    if method not in CONSERVATIVE:
        return
    if normalization == "none":
        raise WeightError(f"Method '{method}' needs the normalisation dstarea or fracarea.")
    for grid in (source, destination):
        grid.need_corners("conservative weights")
        handover.need_narrow_cells(grid)
        if grid.edges != "greatcircle":
            raise GridError(f"Grid '{grid.name}' has '{grid.edges}' edges; ESMF's conservative methods know great circles only. Ask for "
                            "edges='greatcircle', or keep the edges and take the exact backend.")


def _source_parts(grid: Grid, method: str) -> Parts:
    if method in CONSERVATIVE:
        return _cells(grid, keep_masked=method == "conserve2nd")
    if method.startswith("nearest"):
        return handover.points(grid)
    parts = handover.lattice(grid, with_corners=False)
    if parts is None and isinstance(grid, CurvilinearGrid):
        cell = int(np.flatnonzero(~(np.isfinite(grid.lon_deg) & np.isfinite(grid.lat_deg)))[0])
        raise GridError(f"Grid '{grid.name}': masked cell {cell} has no centre; ESMF's {method} needs one of every cell of a "
                        "logically rectangular source.")
    grid_of_points = parts is None and not grid.has_corners
    if grid_of_points:
        raise GridError(f"Grid '{grid.name}' is a set of points; {method} needs to know which are neighbours: give corners.")
    return parts or handover.mesh(grid, keep_masked=True)


def _destination_parts(grid: Grid, method: str) -> Parts:
    return _cells(grid, keep_masked=False) if method in CONSERVATIVE else handover.points(grid)


def _cells(grid: Grid, keep_masked: bool) -> Parts:
    return handover.lattice(grid, with_corners=True) or handover.mesh(grid, keep_masked)


def _weights(source: Grid, destination: Grid, method: str, normalization: str, parts: dict[str, Parts], made: dict, version: str) -> Weights:
    row, column = parts["destination"].position(made["row"]), parts["source"].position(made["column"])
    grids = {"source": source, "destination": destination}
    if method in CONSERVATIVE:
        sides = {name: Side.of(grid, parts[name].spread(made[f"{name}_frac"], grid.n_cell),
                               parts[name].spread(made[f"{name}_area"], grid.n_cell)) for name, grid in grids.items()}
        kind = {"normalization": normalization, "edges": "greatcircle"}
    else:
        mapped = np.bincount(row, minlength=destination.n_cell) > 0
        sides = {"source": Side.of(source, np.zeros(source.n_cell)), "destination": Side.of(destination, mapped.astype(float))}
        kind = {"normalization": "none"}
    entries = _summed(row, column, made["value"], source.n_cell)
    return Weights.from_entries(*entries, method=method, generator=version, **sides, **kind)


def _summed(row: np.ndarray, column: np.ndarray, value: np.ndarray, n_source: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries of which each pair is there once: conserve2nd names a pair for every intersection whose gradient needs it."""
    key = row.astype(np.int64) * n_source + column
    if (np.diff(key) > 0).all():
        return row, column, value
    key, where = np.unique(key, return_inverse=True)
    return key // n_source, key % n_source, np.bincount(where, value, minlength=len(key))
