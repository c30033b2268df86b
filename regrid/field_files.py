"""Remaps the fields of a netCDF file onto the destination of weights. Knows files and `Remap`: no geometry, no weight files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from lsbc.regrid.atomic import whole_file
from lsbc.regrid.errors import FieldError, FileError
from lsbc.regrid.weights import Side, Weights

FIELDS_AT_ONCE = 32
"""Slabs of a variable that are remapped together; bounds the memory to this many source and destination fields."""
NOT_COPIED = {"_FillValue", "missing_value", "scale_factor", "add_offset", "valid_range", "valid_min", "valid_max", "coordinates",
              "cell_measures", "grid_mapping", "mesh", "location", "bounds", "CDI_grid_type", "CDI_grid_num_LPE"}
LOCATION_UNITS = ("degree", "radian")


@dataclass(frozen=True)
class Axes:
    """Horizontal dimensions of the new file, with coordinates by name: (dimensions, attributes, values)."""

    dimensions: dict[str, int]
    coordinates: dict[str, tuple[tuple[str, ...], dict[str, str], np.ndarray]]
    named: str | None


def remap_file(weights: Weights, remap: Callable[[np.ndarray], np.ndarray], source: str | Path, target: str | Path,
               variables: list[str] | None = None, history: str = "") -> list[str]:
    """Write `target` with every variable of `source` that lies on the weights' source grid, remapped; returns their names.

    A variable lies on the grid when its last dimensions have the grid's shape. Other dimensions and their coordinate
    variables are copied, integers become float64, missing values and unmapped cells become the fill value. Slabs are
    read, remapped and written a few at a time.

    Raises:
        FieldError: no variable fits, or one that was asked for does not exist or does not fit.
        FileError: a file cannot be read or written.
    """
    import netCDF4

    source, target = Path(source), Path(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise FileError(f"{target} is the file to be read; write the result to another one.")
    try:
        data = netCDF4.Dataset(source)
    except OSError as error:
        raise FileError(f"File {source} could not be read: {error.strerror or error}.") from error
    with data:
        names = _fitting(data, weights.source, variables, source)
        with whole_file(target) as temporary, netCDF4.Dataset(temporary, "w", format="NETCDF4") as out:
            axes = _axes(weights.destination)
            _write_frame(out, data, axes, weights, names, history)
            for name in names:
                _remap_variable(data[name], out, axes, weights, remap)
    return names


def horizontal_rank(shape: tuple[int, ...], side: Side) -> int:
    """How many trailing dimensions of a variable are the grid's, 0 when it does not lie on it.

    >>> horizontal_rank((12, 3, 4), Side(shape=(3, 4))), horizontal_rank((12, 3, 4), Side(shape=(12,)))
    (2, 2)
    """
    if shape[-len(side.shape):] == side.shape:
        return len(side.shape)
    for rank in (1, 2):  # weight files may know a two-dimensional grid as a list of cells, and the other way round
        if len(shape) >= rank and int(np.prod(shape[-rank:])) == side.n_cell:
            return rank
    return 0


def _fitting(data, side: Side, wanted: list[str] | None, path: Path) -> list[str]:
    for name in wanted or ():
        if name not in data.variables:
            raise FieldError(f"File {path} has no variable '{name}'; it has {', '.join(data.variables)}.")
        if not horizontal_rank(data[name].shape, side):
            raise FieldError(f"Variable '{name}' of {path} has shape {data[name].shape}; the weights map from {side.shape} cells, "
                             "in its last dimensions.")
    if wanted:
        return list(wanted)
    names = [name for name, v in data.variables.items()
             if v.ndim and np.dtype(v.dtype).kind in "fiu" and horizontal_rank(v.shape, side) and not _is_location(data, name)]
    if not names:
        shapes = ", ".join(f"{name}{v.shape}" for name, v in data.variables.items())
        raise FieldError(f"No variable of {path} ends in the {side.shape} cells that the weights map from; it has {shapes}.")
    return names


def _is_location(data, name: str) -> bool:
    """Coordinates of the cells and bounds are replaced, not remapped."""
    if name in data.dimensions or str(getattr(data[name], "units", "")).lower().startswith(LOCATION_UNITS):
        return True
    return any(name in (getattr(v, "bounds", ""), getattr(v, "climatology", "")) for v in data.variables.values())


def _axes(side: Side) -> Axes:
    """One-dimensional coordinates where the cells are boxes, two-dimensional or a list of cells otherwise."""
    east, north = ({"standard_name": f"{what}itude", "long_name": f"{what}itude of cell centres", "units": f"degrees_{way}"}
                   for what, way in (("long", "east"), ("lat", "north")))
    if len(side.shape) == 1:
        dimensions, axis = {"cell": side.n_cell}, ("cell",)
    else:
        dimensions, axis = dict(zip(("y", "x"), side.shape)), ("y", "x")
    if side.lon_deg is None:
        return Axes(dimensions, {}, None)
    lon, lat = side.lon_deg.reshape(side.shape), side.lat_deg.reshape(side.shape)
    if len(side.shape) == 2 and (lon == lon[:1]).all() and (lat == lat[:, :1]).all():
        dimensions = dict(zip(("lat", "lon"), side.shape))
        coordinates = {"lat": (("lat",), north, lat[:, 0]), "lon": (("lon",), east, lon[0])}
        if side.vertex_lon_deg is not None:
            corner_lon, corner_lat = (v.reshape(*side.shape, -1) for v in (side.vertex_lon_deg[:], side.vertex_lat_deg[:]))
            for name, corner in (("lat", corner_lat[:, 0]), ("lon", corner_lon[0])):
                ends = np.stack([corner.min(axis=1), corner.max(axis=1)], axis=1)
                coordinates[name][1]["bounds"] = f"{name}_bnds"
                coordinates[f"{name}_bnds"] = ((name, "bnds"), {}, ends if coordinates[name][2][0] <= coordinates[name][2][-1] else ends[:, ::-1])
            dimensions["bnds"] = 2
        return Axes(dimensions, coordinates, None)
    coordinates = {"lat": (axis, north, lat), "lon": (axis, east, lon)}
    if side.vertex_lon_deg is not None:
        dimensions["vertex"] = side.vertex_lon_deg.shape[-1]
        for name, corner in (("lat", side.vertex_lat_deg), ("lon", side.vertex_lon_deg)):
            coordinates[name][1]["bounds"] = f"{name}_vertices"
            coordinates[f"{name}_vertices"] = ((*axis, "vertex"), {}, corner.reshape(*side.shape, -1))
    return Axes(dimensions, coordinates, "lat lon")


def _cell_dimensions(axes: Axes) -> tuple[str, ...]:
    return tuple(name for name in axes.dimensions if name not in ("bnds", "vertex"))


def _write_frame(out, data, axes: Axes, weights: Weights, names: list[str], history: str) -> None:
    """Dimensions, coordinates and provenance."""
    out.setncatts({name: data.getncattr(name) for name in data.ncattrs() if name not in ("Conventions", "history")})
    out.Conventions = "CF-1.11"
    out.history = "\n".join(filter(None, [history, str(getattr(data, "history", ""))]))
    out.regrid_method, out.regrid_normalization = weights.method, weights.normalization
    out.regrid_engine = f"{weights.generator}, applied by lsbc {version('lsbc')}"
    for name, size in axes.dimensions.items():
        out.createDimension(name, size)
    for name, (dimensions, attributes, values) in axes.coordinates.items():
        out.createVariable(name, "f8", dimensions).setncatts(attributes)
        out[name][:] = values
    leading = dict.fromkeys(d for name in names for d in data[name].dimensions[: data[name].ndim - horizontal_rank(data[name].shape, weights.source)])
    for dimension in leading:
        if dimension in out.dimensions:
            raise FieldError(f"Dimension '{dimension}' of {data.filepath()} is also a horizontal one of the result; rename it first.")
        size = data.dimensions[dimension]
        out.createDimension(dimension, None if size.isunlimited() else len(size))
        for name in filter(None, (dimension, getattr(data.variables.get(dimension), "bounds", None))):
            _copy_variable(data, out, name, leading)


def _copy_variable(data, out, name: str, leading: dict) -> None:
    """A coordinate variable of a leading dimension, or its bounds, as it is."""
    if name not in data.variables or name in out.variables:
        return
    old = data[name]
    for dimension in old.dimensions:
        if dimension not in out.dimensions and dimension not in leading:
            out.createDimension(dimension, len(data.dimensions[dimension]))
    if not set(old.dimensions) <= set(out.dimensions):
        return
    old.set_auto_maskandscale(False)
    new = out.createVariable(name, old.dtype, old.dimensions, fill_value=getattr(old, "_FillValue", None))
    new.set_auto_maskandscale(False)
    new.setncatts({key: old.getncattr(key) for key in old.ncattrs() if key != "_FillValue"})
    new[:] = old[:]


def _remap_variable(old, out, axes: Axes, weights: Weights, remap: Callable[[np.ndarray], np.ndarray]) -> None:
    import netCDF4

    side = weights.source
    n_leading = old.ndim - horizontal_rank(old.shape, side)
    packed = "scale_factor" in old.ncattrs() or "add_offset" in old.ncattrs()
    dtype = np.float32 if np.dtype(old.dtype) == np.float32 and not packed else np.float64
    fill = dtype(getattr(old, "_FillValue", netCDF4.default_fillvals["f4"]) if np.dtype(old.dtype).kind == "f" else netCDF4.default_fillvals["f4"])
    new = out.createVariable(old.name, dtype, (*old.dimensions[:n_leading], *_cell_dimensions(axes)), fill_value=fill, zlib=True, complevel=1)
    new.setncatts({key: old.getncattr(key) for key in old.ncattrs() if key not in NOT_COPIED})
    if weights.method.startswith("conserve") and "area:" not in getattr(old, "cell_methods", ""):
        new.cell_methods = f"{getattr(old, 'cell_methods', '')} area: mean".strip()
    if axes.named:
        new.coordinates = axes.named
    shape = tuple(axes.dimensions[name] for name in _cell_dimensions(axes))
    for part in _parts(old.shape[:n_leading]):
        values = np.ma.asarray(old[part]).astype(dtype).filled(np.nan).reshape(-1, side.n_cell)
        result = np.asarray(remap(np.ascontiguousarray(values.T))).T
        new[part] = np.ma.masked_invalid(result.reshape(*np.shape(old[part])[: old[part].ndim - (old.ndim - n_leading)], *shape))


def _parts(leading: tuple[int, ...]) -> Iterator[tuple]:
    """Index tuples that walk through the leading dimensions, a few slabs of the innermost at a time."""
    if not leading:
        yield (Ellipsis,)
        return
    for outer in np.ndindex(*leading[:-1]):
        for first in range(0, leading[-1], FIELDS_AT_ONCE):
            yield (*outer, slice(first, min(first + FIELDS_AT_ONCE, leading[-1])))
