"""Dimensions and coordinates of a remapped file, as CF has them. Knows the weights' destination: no fields, no source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid.weights import Side

NOT_CELLS = ("bnds", "vertex")


@dataclass(frozen=True)
class Axes:
    """dimensions: name to size; coordinates: name to (dimensions, attributes, values); named: what fields say in `coordinates`."""

    dimensions: dict[str, int]
    coordinates: dict[str, tuple[tuple[str, ...], dict[str, str], np.ndarray]]
    named: str | None

    @property
    def cells(self) -> tuple[str, ...]:
        """The dimensions that number the cells."""
        return tuple(name for name in self.dimensions if name not in NOT_CELLS)


def axes_of(side: Side) -> Axes:
    """One-dimensional coordinates where the cells lie in rows and columns, two-dimensional or a list of cells otherwise."""
    if len(side.shape) == 1:
        dimensions = {"cell": side.n_cell}
    else:
        dimensions = dict(zip(("y", "x"), side.shape))
    if side.lon_deg is None:
        return Axes(dimensions, {}, None)
    lon, lat = side.lon_deg.reshape(side.shape), side.lat_deg.reshape(side.shape)
    if len(side.shape) == 2 and (lon == lon[:1]).all() and (lat == lat[:, :1]).all():
        return _rows_and_columns(side, lon[0], lat[:, 0])
    axis = tuple(dimensions)
    coordinates = {"lat": (axis, _attributes("lat"), lat), "lon": (axis, _attributes("lon"), lon)}
    if side.vertex_lon_deg is not None:
        dimensions["vertex"] = side.vertex_lon_deg.shape[-1]
        for name, corner in (("lat", side.vertex_lat_deg), ("lon", side.vertex_lon_deg)):
            coordinates[name][1]["bounds"] = f"{name}_vertices"
            coordinates[f"{name}_vertices"] = ((*axis, "vertex"), {}, corner.reshape(*side.shape, -1))
    return Axes(dimensions, coordinates, "lat lon")


def _rows_and_columns(side: Side, lon: np.ndarray, lat: np.ndarray) -> Axes:
    """Longitudes are unwrapped, so that they rise or fall throughout, and bounds lie beside their centres."""
    lon = np.unwrap(lon, period=360.0)
    dimensions = dict(zip(("lat", "lon"), side.shape))
    coordinates = {"lat": (("lat",), _attributes("lat"), lat), "lon": (("lon",), _attributes("lon"), lon)}
    if side.vertex_lon_deg is not None:
        dimensions["bnds"] = 2
        corner_lon, corner_lat = (x.reshape(*side.shape, -1) for x in (side.vertex_lon_deg, side.vertex_lat_deg))
        corner = corner_lon[0] + 360.0 * np.round((lon[:, None] - corner_lon[0]) / 360.0)
        for name, sides, centre in (("lat", corner_lat[:, 0], lat), ("lon", corner, lon)):
            ends = np.stack([sides.min(axis=1), sides.max(axis=1)], axis=1)
            coordinates[name][1]["bounds"] = f"{name}_bnds"
            coordinates[f"{name}_bnds"] = ((name, "bnds"), {}, ends if centre[0] <= centre[-1] else ends[:, ::-1])
    return Axes(dimensions, coordinates, None)


def _attributes(name: str) -> dict[str, str]:
    what = {"lon": "longitude", "lat": "latitude"}[name]
    return {"standard_name": what, "long_name": f"{what} of cell centres", "units": {"lon": "degrees_east", "lat": "degrees_north"}[name]}
