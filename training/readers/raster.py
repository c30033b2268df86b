"""Windows of GeoTIFF and NetCDF rasters on any longitude-latitude lattice. Knows no product, no class codes.

Blocks come south to north and west to east, whatever the file's order; only the rows and columns asked for are read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.regrid.errors import FileError, ValueRangeError
from lsbc.training.readers.axis import Axis

_LAT_NAMES, _LON_NAMES = ("lat", "latitude", "y"), ("lon", "longitude", "x")
_MISSING_ATTRIBUTES = ("missing_value", "_FillValue", "_Fillvalue")
_CACHE_BYTES = 96 << 20
HUGE = 1e19
"""Larger numbers are fill values, declared or not: no field here has any."""


@dataclass(frozen=True)
class Piece:
    """Values as they stand in a file, south to north, with what is needed to decode them and to name a place."""

    values: np.ndarray
    raster: Raster
    row0: int
    col0: int
    index: int | None

    def place(self, bad: np.ndarray) -> str:
        """File, variable, value and place of the first marked cell, as the beginning of a sentence."""
        row, col = (int(k) for k in np.argwhere(bad)[0])
        lat, lon = (axis.start_deg + (first + k + 0.5) * axis.step_deg for axis, first, k in
                    ((self.raster.lat, self.row0, row), (self.raster.lon, self.col0, col)))
        layer = "" if self.index is None else f"[{self.index}]"
        return f"File {self.raster.path}: {self.raster.variable}{layer} is {self.values[row, col]} at {lat:.5f} N {lon:.5f} E"


class Raster(ABC):
    """One variable of a file; `missing` are the values that the file declares to be none."""

    path: Path
    variable: str
    lat: Axis
    lon: Axis
    missing: tuple[float, ...] = ()
    scale: float = 1.0
    offset: float = 0.0

    @abstractmethod
    def read(self, rows: slice, cols: slice, index: int | None) -> np.ndarray:
        """Cells in the file's own order; `index` is the position along the leading dimension, if there is one."""

    def block(self, rows: tuple[int, int], cols: tuple[int, int], decode: Callable[[Piece], np.ndarray], fill: np.generic,
              index: int | None = None) -> np.ndarray:
        """Decoded cells [rows) x [cols) counted from the south-west corner; `fill` where the file has none."""
        out = np.full((rows[1] - rows[0], cols[1] - cols[0]), fill)
        for down, row_cells in self.lat.pieces(*rows):
            for right, col_cells in self.lon.pieces(*cols, longitude=True):
                try:
                    raw = np.asarray(self.read(row_cells, col_cells, index))
                except (OSError, RuntimeError, IndexError) as error:
                    raise FileError(f"File {self.path}: {self.variable} rows {row_cells.start}:{row_cells.stop}, columns "
                                    f"{col_cells.start}:{col_cells.stop} cannot be read: {error}.") from error
                raw = raw[::-1] if self.lat.flipped else raw
                raw = raw[:, ::-1] if self.lon.flipped else raw
                piece = Piece(raw, self, self.lat.first_of(row_cells), self.lon.first_of(col_cells), index)
                out[down:down + raw.shape[0], right:right + raw.shape[1]] = decode(piece)
        return out


class NetCdfRaster(Raster):
    """A variable (lat, lon) or (time, lat, lon) of a NetCDF file."""

    def __init__(self, path: Path, variable: str, data: object) -> None:
        self.path, self.variable, self.data = path, variable, data
        if variable not in data.variables:
            raise FileError(f"File {path} has no variable '{variable}'; it has {', '.join(sorted(data.variables))}.")
        self._values = data[variable]
        dims = self._values.dimensions
        if len(dims) not in (2, 3) or dims[-2].lower() not in _LAT_NAMES or dims[-1].lower() not in _LON_NAMES:
            raise FileError(f"File {path}: {variable} has dimensions {dims}; ([time,] lat, lon) is expected.")
        self.lat, self.lon = (self._axis(name) for name in dims[-2:])
        self.layer_dim = dims[0] if len(dims) == 3 else None
        attributes = {name: self._values.getncattr(name) for name in self._values.ncattrs()}
        unsigned = np.dtype(self._values.dtype).kind == "i" and str(attributes.get("_Unsigned", "")).lower() == "true"
        self._type = np.dtype(self._values.dtype.str.replace("i", "u")) if unsigned else None
        missing = tuple(self._number(attributes, name) for name in _MISSING_ATTRIBUTES if name in attributes)
        self.missing = tuple(one % 256**self._type.itemsize for one in missing) if unsigned else missing
        self.scale, self.offset = self._number(attributes, "scale_factor", 1.0), self._number(attributes, "add_offset", 0.0)
        self.units = str(attributes.get("units", ""))
        self._values.set_auto_maskandscale(False)
        if self._values.chunking() != "contiguous":
            self._values.set_var_chunk_cache(size=_CACHE_BYTES)

    def _axis(self, name: str) -> Axis:
        if name not in self.data.variables:
            raise FileError(f"File {self.path}: {self.variable} has a dimension {name} without coordinates.")
        return Axis.from_centres(np.ma.filled(self.data[name][:], np.nan), f"File {self.path}: {name}")

    def _number(self, attributes: dict[str, object], name: str, default: float | None = None) -> float:
        value = attributes.get(name, default)
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise FileError(f"File {self.path}: attribute {name} of {self.variable} must be one number, got {value!r}.") from error

    def read(self, rows: slice, cols: slice, index: int | None) -> np.ndarray:
        raw = self._values[rows, cols] if self.layer_dim is None else self._values[0 if index is None else index, rows, cols]
        return raw if self._type is None else raw.view(self._type)


class GeoTiffRaster(Raster):
    """A GeoTIFF of one band in degrees."""

    def __init__(self, path: Path) -> None:
        import rasterio

        try:
            self._data = rasterio.open(path)
        except rasterio.RasterioIOError as error:
            raise FileError(f"File {path} cannot be opened: {error}.") from error
        data, self.path, self.variable = self._data, path, "band 1"
        if data.crs is not None and not data.crs.is_geographic:
            raise FileError(f"File {path} is not in degrees of longitude and latitude but in {data.crs.to_string()[:60]}; warp it to EPSG:4326 first.")
        if data.count != 1:
            raise FileError(f"File {path} has {data.count} bands; one is expected, a file a year or a layer.")
        t = data.transform
        if t.b or t.d or t.a <= 0 or t.e == 0:
            raise FileError(f"File {path} is turned against longitude and latitude: transform {tuple(t)[:6]}.")
        south, north = sorted((t.f, t.f + t.e * data.height))
        self.lat = Axis(south, (north - south) / data.height, data.height, flipped=t.e < 0)
        self.lon = Axis(t.c, t.a, data.width)
        self.missing = () if data.nodata is None else (float(data.nodata),)
        self.scale, self.offset = data.scales[0], data.offsets[0]

    def read(self, rows: slice, cols: slice, index: int | None) -> np.ndarray:
        return self._data.read(1, window=((rows.start, rows.stop), (cols.start, cols.stop)))


def open_netcdf(path: Path) -> object:
    """The open NetCDF dataset; FileError where it is none."""
    from netCDF4 import Dataset

    try:
        return Dataset(str(path))
    except OSError as error:
        raise FileError(f"File {path} cannot be opened: {error.strerror or error}.") from error


def open_raster(path: Path, variable: str | None = None) -> Raster:
    """Open a GeoTIFF (`.tif`, `.tiff`) or one variable of a NetCDF file."""
    if path.suffix.lower() in (".tif", ".tiff"):
        return GeoTiffRaster(path)
    data = open_netcdf(path)
    if variable is None:
        found = [name for name, one in data.variables.items() if one.dimensions[-2:] and one.dimensions[-1].lower() in _LON_NAMES and one.ndim >= 2]
        if len(found) != 1:
            raise FileError(f"File {path} has {len(found)} maps ({', '.join(found)}); say which with `variable`.")
        variable = found[0]
    return NetCdfRaster(path, variable, data)


def numbers(piece: Piece) -> np.ndarray:
    """Physical values in float64: declared fills and numbers of 1e19 and more are NaN, packing is undone."""
    raster = piece.raster
    value = piece.values.astype(np.float64)
    none = np.isnan(value) | (np.abs(value) >= HUGE)
    for fill in raster.missing:
        none |= value == fill
    return np.where(none, np.nan, value * raster.scale + raster.offset)


def need_within(piece: Piece, value: np.ndarray, low: float, high: float, what: str, unit: str) -> None:
    """Raises ValueRangeError naming the first cell of the file beyond [low, high]: before any mean, in which one wrong cell would hide."""
    bad = (value < low) | (value > high)
    if bad.any():
        raise ValueRangeError(f"{piece.place(bad)}: {what} is {value[bad][0]:.6g} {unit}, {low:g}..{high:g} is expected.")
