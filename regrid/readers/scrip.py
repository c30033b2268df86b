"""Grids in SCRIP files (ESMF, CDO, NCO, CESM): centres, corners and imask of every cell. Knows no other format.

grid_dims of length 2 is (n_lon, n_lat), the fastest first. Whether a grid goes round the globe is never guessed from it.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid.errors import GridError
from lsbc.regrid.grids import CurvilinearGrid, Grid, PolygonGrid, RectilinearGrid
from lsbc.regrid.readers.boxes import as_rectilinear
from lsbc.regrid.readers.corners import tidy_corners
from lsbc.regrid.readers.grid_file import GridFile
from lsbc.regrid.readers.request import Request

EDGES_ATTRIBUTE = "cell_edges"
"""Global attribute by which lsbc keeps the edge convention, for which SCRIP has no place."""


def matches(file: GridFile) -> bool:
    return file.has("grid_center_lat", "grid_center_lon") or file.has("grid_dims", "grid_corner_lat")


def read(file: GridFile, request: Request) -> Grid:
    """Boxes of meridians and parallels become a RectilinearGrid, every other grid keeps its corners, along great circles.

    Raises:
        FileError: a variable is missing.
        GridError: sizes do not fit, no units, or cells that are no cells.
    """
    file.need("grid_dims", "grid_center_lon", "grid_center_lat")
    file.need_shape("grid_center_lon", (None,), "(grid_size,)")
    n = file.shape("grid_center_lon")[0]
    file.need_shape("grid_center_lat", (n,), "(grid_size,)")
    shape = _shape(file, n)
    lon, lat = (_angle(file, f"grid_center_{x}", f"grid_center_{x}") for x in ("lon", "lat"))
    corners = _corners(file, n, len(shape))
    live = np.ones(n, bool)
    if file.has("grid_imask"):
        file.need_shape("grid_imask", (n,), "(grid_size,)")
        live &= file.live("grid_imask", (n,))
    if request.mask:
        live &= file.live(request.mask, (n,))
    edges = request.edges or file.attribute(EDGES_ATTRIBUTE)
    if len(shape) == 1:
        return PolygonGrid(lon, lat, *corners, mask=live, edges=edges or "greatcircle", name=file.name)
    lon, lat = lon.reshape(shape), lat.reshape(shape)
    corners = tuple(x.reshape(*shape, -1) for x in corners)
    axes = as_rectilinear(lon, lat, *corners) if corners else None
    if axes is not None:
        return RectilinearGrid(*axes, mask=live, edges=edges or "latlon", name=file.name)
    return CurvilinearGrid(lon, lat, *corners, mask=live, edges=edges or "greatcircle", name=file.name)


def _shape(file: GridFile, n: int) -> tuple[int, ...]:
    file.need_shape("grid_dims", (None,), "(grid_rank,)")
    dims = file.whole("grid_dims")[0]
    if len(dims) > 2 or (dims < 1).any() or int(np.prod(dims.astype(float))) != n:
        raise GridError(f"{file}: grid_dims is {dims.tolist()}, but the file has {n} cells; expected one or two "
                        "numbers whose product is grid_size.")
    return tuple(int(k) for k in dims[::-1])


def _corners(file: GridFile, n: int, rank: int) -> tuple[np.ndarray, ...]:
    names = ("grid_corner_lon", "grid_corner_lat")
    if not any(file.has(name) for name in names):
        return ()
    file.need(*names)
    file.need_shape(names[0], (n, None), "(grid_size, grid_corners)")
    file.need_shape(names[1], file.shape(names[0]), "(grid_size, grid_corners)")
    corners = (_angle(file, name, name.replace("corner", "center")) for name in names)
    return tidy_corners(*corners, padded=rank == 1 and file.declares_fill(*names))


def _angle(file: GridFile, name: str, like: str) -> np.ndarray:
    """Corners without units are in those of the centres."""
    fallback = file.angle_units(like) if name != like and not file.attribute("units", name) else None
    return file.lat_deg(name, fallback) if name.endswith("lat") else file.angle_deg(name, fallback)
