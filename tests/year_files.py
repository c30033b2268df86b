"""Yearly files of lsbc (`lsbc_<year>.nc`) with values that a test chooses, for the tests of writers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.emulator.classes import CLASS_CODES
from lsbc.emulator.fields import FILL

PROVENANCE = {"source": "lsbc 0.1.0", "model": "closed-form", "model_sha256": "ab12", "config_sha256": "cd34", "settings_sha256": "ef56", "host_grid": "0001-4",
              "class_parameters": "test"}


def fractions(*cells: dict[int, float]) -> np.ndarray:
    """(8, n_cell) from one {HILDA+ code: fraction} a cell; an empty one is a cell that lsbc does not cover."""
    out = np.zeros((len(CLASS_CODES), len(cells)))
    for k, cell in enumerate(cells):
        for code, fraction in cell.items():
            out[CLASS_CODES.index(code), k] = fraction
        if not cell:
            out[:, k] = FILL
    return out


def write_year(path: Path, lu_frac: np.ndarray, lon: np.ndarray, lat: np.ndarray, year: int = 2031, koppen=3, coldest_month_k=None, **fields) -> Path:
    """A yearly file.

    Args:
        lu_frac: (8, n_cell), FILL where not covered.  lon, lat: in any shape of n_cell, in the order of global ids 1, 2, ...
        koppen, coldest_month_k: one value for all cells, or (n_cell,); None: unknown.
        fields: name -> (n_cell,) or (12, n_cell) instead of the values made up here (lai 3, albedo 0.2, z0m 0.1, LAI of month m = m / 4, cover 0.05 m).
    """
    from netCDF4 import Dataset

    n = lu_frac.shape[1]
    covered = lu_frac[0] != FILL
    month = np.arange(1, 13)[:, None] * np.ones(n)
    values = {"lu_frac": lu_frac, "lai": np.full(n, 3.0), "albedo": np.full(n, 0.2), "z0m": np.full(n, 0.1), "veg_frac": np.full(n, 0.6),
              "emissivity": np.full(n, 0.96), "root_depth": np.full(n, 1.0), "leaf_area_index": month / 4, "vegetation_area_fraction": 0.05 * month, **fields}
    with Dataset(path, "w") as data:
        for name, size in (("class", 8), ("cell", n), ("month", 12)):
            data.createDimension(name, size)
        data.createVariable("global_id", "i8", ("cell",))[:] = np.arange(1, n + 1)
        data.createVariable("class", "u1", ("class",))[:] = CLASS_CODES
        data.createVariable("valid_year", "i4", ())[...] = year
        for name, array in (("lon", lon), ("lat", lat)):
            data.createVariable(name, "f8", ("cell",))[:] = np.ravel(array)
        data.createVariable("coverage", "f8", ("cell",))[:] = covered.astype(float)
        data.createVariable("climate_zone", "i4", ("cell",))[:] = np.broadcast_to(koppen, n)
        data.createVariable("climate_coldest_month", "f8", ("cell",))[:] = np.broadcast_to(FILL if coldest_month_k is None else coldest_month_k, n)
        for name, array in values.items():
            dims = {8: ("class", "cell"), 12: ("month", "cell")}[len(array)] if array.ndim == 2 else ("cell",)
            data.createVariable(name, "f8", dims)[:] = np.where(covered, array, FILL)
        data.setncatts({"Conventions": "CF-1.11 UGRID-1.0", "title": f"lsbc land-surface boundary conditions {year}", **PROVENANCE})
    return path
