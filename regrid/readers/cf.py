"""CF files: rectilinear, curvilinear and unstructured longitudes and latitudes, with or without bounds. Knows no other format.

Axes whose cells touch become a RectilinearGrid; boxes with gaps between them keep their corners; what has no bounds and no even
spacing is a grid of points, which is still closed round the globe where its longitudes are even and go round.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid.errors import GridError
from lsbc.regrid.grid_arrays import cell_corners
from lsbc.regrid.grids import GLOBE_SLACK_DEG, CurvilinearGrid, Grid, PolygonGrid, RectilinearGrid
from lsbc.regrid.readers.axes import Axis, axis_with_bounds, axis_without_bounds
from lsbc.regrid.readers.boxes import as_rectilinear
from lsbc.regrid.readers.cf_coordinates import Coordinates, find_coordinates
from lsbc.regrid.readers.corners import tidy_corners
from lsbc.regrid.readers.grid_file import GridFile
from lsbc.regrid.readers.request import Request

CYCLIC_DEG = 1e-3
"""A last longitude this close to a turn after the first is the first again."""


def matches(file: GridFile) -> bool:
    """Any file may be tried: what is missing is said by `read`."""
    return True


def read(file: GridFile, request: Request) -> Grid:
    """Raises FileError where there are no coordinates, GridError where they are ambiguous or no grid."""
    found = find_coordinates(file, request.variable)
    lon_dims, lat_dims = file.dims(found.lon), file.dims(found.lat)
    for name in (found.lon, found.lat):
        if 0 in file.shape(name):
            raise GridError(f"{file}: {name} is empty.")
    if len(lon_dims) == len(lat_dims) == 1 and lon_dims != lat_dims:
        return _rectilinear(file, found, request)
    if lon_dims != lat_dims:
        raise GridError(f"{file}: {found.lon} has dimensions {lon_dims} and {found.lat} {lat_dims}; "
                        "expected an axis each, or the same for both.")
    return _with_corners(file, found, request)


def _rectilinear(file: GridFile, found: Coordinates, request: Request) -> Grid:
    lon = _axis(file, found.lon, found.lon_bounds, is_lon=True)
    lat = _axis(file, found.lat, found.lat_bounds, is_lon=False)
    shape, dims = (len(lat.centre_deg), len(lon.centre_deg)), (*file.dims(found.lat), *file.dims(found.lon))
    options = {"mask": file.live(request.mask, shape, dims), "edges": request.edges or "latlon", "name": file.name}
    if lon.edge_deg is not None and lat.edge_deg is not None:
        _refuse_cyclic_point(file, found.lon, lon.centre_deg, lon.edge_deg)
        return RectilinearGrid(lon.edge_deg, lat.edge_deg, lon.centre_deg, lat.centre_deg, **options)
    centre = np.meshgrid(lon.centre_deg, lat.centre_deg)
    if lon.sides is None or lat.sides is None:
        return CurvilinearGrid(*centre, wraps=lon.is_round, **options)
    (west, east), (south, north) = lon.sides, lat.sides
    corners = (np.stack([west, east, east, west], axis=-1), np.stack([south, south, north, north], axis=-1)[:, None, :])
    return CurvilinearGrid(*centre, *(np.broadcast_to(x, (*shape, 4)) for x in corners), **options)


def _refuse_cyclic_point(file: GridFile, name: str, lon_deg: np.ndarray, edge_deg: np.ndarray) -> None:
    """Raise GridError where the last column repeats the first, as plotting programs like it; other overlaps are the grid's to refuse."""
    goes_round = abs(abs(lon_deg[-1] - lon_deg[0]) - 360.0) <= CYCLIC_DEG
    if goes_round and abs(edge_deg[-1] - edge_deg[0]) > 360.0 + GLOBE_SLACK_DEG:
        raise GridError(f"{file}: {name} goes from {lon_deg[0]:.9g} to {lon_deg[-1]:.9g}, the same meridian again (a cyclic point); "
                        f"cut the last column, for instance with 'ncks -d {file.dims(name)[-1]},0,-2 IN OUT'.")


def _axis(file: GridFile, name: str, bounds: str | None, is_lon: bool) -> Axis:
    what, rounding = f"{file}, {name}", file.rounding_deg(name)
    angle = file.angle_deg if is_lon else file.lat_deg
    centre = angle(name)
    if bounds is None:
        return axis_without_bounds(centre, is_lon, rounding, what)
    file.need_shape(bounds, (len(centre), 2), f"({name}, 2)")
    units = file.angle_units(name)
    return axis_with_bounds(centre, angle(bounds, units), is_lon, max(rounding, file.rounding_deg(bounds, units)), what)


def _with_corners(file: GridFile, found: Coordinates, request: Request) -> Grid:
    """Curvilinear (y, x), of which exact boxes are recognised and no corner may be missing, or unstructured (cell,)."""
    lon, lat, lon_dims = file.angle_deg(found.lon), file.lat_deg(found.lat), file.dims(found.lon)
    options = {"mask": file.live(request.mask, lon.shape, lon_dims), "name": file.name}
    edges = request.edges or "greatcircle"
    corners = _bounds(file, found, lon.shape)
    if lon.ndim == 1:
        padded = bool(corners) and file.declares_fill(found.lon_bounds, found.lat_bounds)
        return PolygonGrid(lon, lat, *(tidy_corners(*corners, padded=padded) if corners else ()), edges=edges, **options)
    if corners:
        corners = tuple(cell_corners(x) if x.ndim == 2 else x for x in corners)
        corners = tuple(x.reshape(*lon.shape, -1) for x in tidy_corners(*(x.reshape(lon.size, -1) for x in corners)))
        axes = as_rectilinear(lon, lat, *corners)
        if axes is not None:
            _refuse_cyclic_point(file, found.lon, axes[2], axes[0])
            return RectilinearGrid(*axes, edges=request.edges or "latlon", **options)
    return CurvilinearGrid(lon, lat, *corners, edges=edges, **options)


def _bounds(file: GridFile, found: Coordinates, shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Corners (*shape, n_vertex), or of the nodes between the cells, one more each way."""
    names = (found.lon_bounds, found.lat_bounds)
    if names == (None, None):
        return ()
    if None in names:
        raise GridError(f"{file}: only one of {found.lon} and {found.lat} has bounds; cells need both.")
    nodes = tuple(k + 1 for k in shape)
    for name in names:
        got = file.shape(name)
        is_nodes = len(shape) == 2 and got == nodes
        if not is_nodes and (got[:-1] != shape or got[-1] < 3 or got != file.shape(names[0])):
            raise GridError(f"{file}: bounds {name} have shape {got}; expected the corners of cells {shape}.")
    return file.angle_deg(names[0], file.angle_units(found.lon)), file.lat_deg(names[1], file.angle_units(found.lat))
