"""Skips without ESMF or yac, the grids of the reference weights, and weights as dense matrices."""

from __future__ import annotations

import numpy as np
import pytest

from lsbc.regrid.backends import esmf_weights, yac_weights
from lsbc.regrid.errors import StartupError
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid

from shared import shared


def _need(make, variable: str) -> None:
    box = RectilinearGrid.regular(0, 10, 5, 0, 10, 5, edges="greatcircle")
    try:
        make(box, box, "neareststod")
    except StartupError as error:
        pytest.skip(f"{str(error)[:200]} ... ({variable} may name an interpreter)")


@pytest.fixture(scope="session")
def need_esmf():
    """Skips where esmpy is not installed."""
    _need(esmf_weights, "LSBC_ESMF_PYTHON")


@pytest.fixture(scope="session")
def need_yac():
    """Skips where yac is not installed."""
    _need(yac_weights, "LSBC_YAC_PYTHON")


@pytest.fixture(scope="session")
def dense():
    def matrix(weights):
        full = np.zeros((weights.n_destination, weights.n_source))
        full[weights.row, weights.column] = weights.value
        return full
    return matrix


@pytest.fixture(scope="session")
def reference():
    """Call with the name of a reference weight file: its arrays, with the matrix's entries sorted and summed."""
    netcdf = pytest.importorskip("netCDF4")

    def read(name):
        with netcdf.Dataset(shared(f"esmf_reference/weights/{name}.nc")) as file:
            file.set_auto_mask(False)
            part = {key: file[key][:] for key in ("row", "col", "S", "frac_a", "frac_b", "area_a", "area_b")}
        key, where = np.unique((part["row"].astype(np.int64) - 1) * len(part["frac_a"]) + part["col"] - 1, return_inverse=True)
        return part | {"key": key, "value": np.bincount(where, part["S"])}
    return read


@pytest.fixture(scope="session")
def lambert_grid() -> CurvilinearGrid:
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(shared("esmf_reference/grids/lcc_9km_80x70_scrip.nc")) as file:
        file.set_auto_mask(False)
        n_i, n_j = file["grid_dims"][:]
        arrays = [file[f"grid_{part}_{axis}"][:].reshape(n_j, n_i, *size) for part, size in (("center", ()), ("corner", (4,))) for axis in ("lon", "lat")]
    return CurvilinearGrid(*arrays, edges="greatcircle", name="Lambert 9 km")


@pytest.fixture(scope="session")
def icosahedral_grid() -> PolygonGrid:
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(shared("esmf_reference/grids/icosa_R02B03_esmfmesh.nc")) as file:
        file.set_auto_mask(False)
        lon, lat = file["nodeCoords"][:].T
        corner, centre = file["elementConn"][:] - 1, file["centerCoords"][:]
    return PolygonGrid(*centre.T, lon[corner], lat[corner], edges="greatcircle", name="R02B03")
