"""Weights made by yac, in a child process. Knows the grids and yac's conventions; never loads yac itself.

yac takes great circles as well as meridians and parallels, and the two grids may differ in that. Its bilinear-like methods are
not ESMF's; they are not offered under that name.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.regrid.backends import child, handover
from lsbc.regrid.backends.handover import Parts
from lsbc.regrid.errors import GridError, WeightError
from lsbc.regrid.grids import Grid, RectilinearGrid
from lsbc.regrid.weights import Side, Weights

ORDER = {"conserve": 1, "conserve2nd": 2, "neareststod": 0}
REMEDY = ("install it with 'pip install lsbc[yac]' beside Debian's Open MPI, or name the interpreter that has it with python= (--python) or "
          "LSBC_YAC_PYTHON.")


def yac_weights(source: Grid, destination: Grid, method: str = "conserve", normalization: str = "dstarea", *,
                python: str | None = None, timeout_s: float = 3600.0) -> Weights:
    """Weights as yac makes them; its rows miss their sums by up to 2e-6 where cells differ much in size.

    Both normalisations come from the same areas: a fracarea row is a dstarea row divided by its sum.

    Args:
        normalization: "dstarea" or "fracarea"; without meaning for neareststod.
        python: interpreter that has yac; by default the one in the environment variable LSBC_YAC_PYTHON, or this process's own.
    Raises:
        StartupError: no yac, or the child took too long. GridError: yac, or its rules, refuse a grid.
        WeightError: a method or normalisation that is not offered.
    """
    if method not in ORDER:
        raise WeightError(f"yac's method '{method}' is not offered; {', '.join(ORDER)} are.")
    is_conservative = method != "neareststod"
    if normalization not in ("dstarea", "fracarea") and is_conservative:
        raise WeightError(f"yac has no normalisation '{normalization}' for '{method}'; it has dstarea and fracarea.")
    request, arrays, parts = {"method": method, "order": ORDER[method]}, {}, {}
    for side, grid in (("source", source), ("destination", destination)):
        parts[side] = part = _parts(grid)
        request[side] = {"kind": part.kind, "n_cell": part.n_cell, "is_round": part.is_round, "has_mask": "mask" in part.arrays,
                         "has_parallels": grid.edges != "greatcircle"}
        arrays |= {f"{side}_{name}": array for name, array in part.arrays.items()}
    job = child.Job("yac", Path(__file__).with_name("yac_child.py"), REMEDY, "LSBC_YAC_PYTHON", python, timeout_s)
    answer, made = child.run(job, request, arrays, _read)
    row, column = parts["destination"].position(made["row"]), parts["source"].position(made["column"])
    make = _conservative if is_conservative else _nearest
    return make(source, destination, row, column, made["value"], method, normalization).replace(generator=answer["version"])


def _parts(grid: Grid) -> Parts:
    grid.need_corners("yac's cells")
    handover.need_narrow_cells(grid)
    if isinstance(grid, RectilinearGrid) and grid.edges != "greatcircle":
        return handover.lattice(grid, with_corners=True)
    if grid.edges != "greatcircle":
        _need_meridians_and_parallels(grid)
    return handover.mesh(grid, keep_masked=False)


def _need_meridians_and_parallels(grid: Grid) -> None:
    lon, lat = grid.vertex_lon_deg[grid.mask], grid.vertex_lat_deg[grid.mask]
    next_lon, next_lat = np.roll(lon, -1, axis=1), np.roll(lat, -1, axis=1)
    at_pole = (np.abs(lat) >= 90.0) | (np.abs(next_lat) >= 90.0)
    slanting = ((lon - next_lon) % 360.0 != 0.0) & (lat != next_lat) & ~at_pole
    if slanting.any():
        cell = int(np.flatnonzero(grid.mask)[np.flatnonzero(slanting.any(axis=1))[0]])
        raise GridError(f"Grid '{grid.name}': cell {cell} at ({grid.lon_deg[cell]:.6g}, {grid.lat_deg[cell]:.6g}) has an edge that is neither "
                        f"meridian nor parallel; yac has no '{grid.edges}' edges for it. Ask for edges='greatcircle'.")


def _read(path: Path) -> dict[str, np.ndarray]:
    from netCDF4 import Dataset

    with Dataset(path) as file:
        file.set_auto_mask(False)
        if "src_address" not in file.variables:
            return {"row": np.zeros(0, np.int64), "column": np.zeros(0, np.int64), "value": np.zeros(0)}
        return {"row": file["dst_address"][:].astype(np.int64) - 1, "column": file["src_address"][:].astype(np.int64) - 1,
                "value": file["remap_matrix"][:, 0]}


def _conservative(source: Grid, destination: Grid, row, column, value, method: str, normalization: str) -> Weights:
    frac_b = np.bincount(row, value, destination.n_cell)
    area_sr = value * destination.area_sr[row]
    whole = np.where(source.area_sr > 0, source.area_sr, 1.0)
    frac_a = np.bincount(column, area_sr, source.n_cell) / whole
    if normalization == "fracarea":
        value = value / frac_b[row]
    edges = source.edges if source.edges == destination.edges else f"{source.edges}/{destination.edges}"
    return Weights.from_entries(row, column, value, source=Side.of(source, frac_a, source.area_sr), edges=edges, method=method,
                                destination=Side.of(destination, frac_b, destination.area_sr), normalization=normalization)


def _nearest(source: Grid, destination: Grid, row, column, value, method: str, normalization: str) -> Weights:
    mapped = np.bincount(row, minlength=destination.n_cell) > 0
    return Weights.from_entries(row, column, value, source=Side.of(source, np.zeros(source.n_cell)), method=method,
                                destination=Side.of(destination, mapped.astype(float)))
