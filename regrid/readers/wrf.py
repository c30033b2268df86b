"""WRF's mass points: geo_em files with corners (XLAT_C, XLONG_C), wrfinput and wrfout with centres only. Knows no other format.

Cell edges are great circles. Where a file has no corners they follow from its map projection, if the centres agree with it;
else the grid is one of points: remap conservatively with the domain's geo_em file.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import CurvilinearGrid
from lsbc.regrid.readers.grid_file import GridFile
from lsbc.regrid.readers.request import Request
from lsbc.regrid.readers.wrf_projection import Projection, corners_of_centres

CENTRES = (("XLONG_M", "XLAT_M"), ("XLONG", "XLAT"))
CORNERS = ("XLONG_C", "XLAT_C")
PROJECTION = ("MAP_PROJ", "TRUELAT1", "TRUELAT2", "STAND_LON", "DX", "DY")


def matches(file: GridFile) -> bool:
    return any(file.has(*pair) for pair in CENTRES)


def read(file: GridFile, request: Request) -> CurvilinearGrid:
    """Raises GridError where sizes do not fit, the domain moves, or cells are no cells."""
    pair = next(pair for pair in CENTRES if file.has(*pair))
    lon, lat = (_plane(file, name) for name in pair)
    has_corners = any(file.has(name) for name in CORNERS)
    corners = tuple(_plane(file, name) for name in CORNERS) if has_corners else _projected(file, lon, lat)
    expected = tuple(k + 1 for k in lon.shape)
    for name, corner in zip(CORNERS, corners):
        if corner.shape != expected:
            raise GridError(f"{file}: {name} has shape {corner.shape}; expected {expected}, one more than the cells each way.")
    live = file.live(request.mask, lon.shape, file.dims(pair[0])[-2:])
    return CurvilinearGrid(lon, lat, *corners, mask=live, edges=request.edges or "greatcircle", name=file.name)


def _projected(file: GridFile, lon_deg: np.ndarray, lat_deg: np.ndarray) -> tuple[np.ndarray, ...]:
    texts = [file.attribute(name) for name in PROJECTION]
    try:
        kind, *numbers = (float(text) for text in texts if text is not None)
    except ValueError:
        return ()
    if None in texts or not np.isfinite(lon_deg + lat_deg).all():
        return ()
    return corners_of_centres(lon_deg, lat_deg, Projection(int(kind) if kind.is_integer() else 0, *numbers)) or ()


def _plane(file: GridFile, name: str) -> np.ndarray:
    """The angle (south_north, west_east) without the time it is repeated for."""
    values = file.angle_deg(name, "degrees")
    if values.ndim == 3 and values.size:
        if not np.array_equal(values, np.broadcast_to(values[:1], values.shape), equal_nan=True):
            raise GridError(f"{file}: {name} changes with time, a moving domain; give a file with one time.")
        values = values[0]
    if values.ndim != 2 or 0 in values.shape:
        raise GridError(f"{file}: {name} has shape {file.shape(name)}; expected (Time, south_north, west_east).")
    return values
