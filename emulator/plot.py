"""Maps of the files lsbc writes, as PNG. Knows file layouts and colours; computes nothing a model would use.

matplotlib is imported when a figure is made, never before, and only its own canvas is used: no display, no pyplot state.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import netCDF4
import numpy as np

from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES, N_CLASS, NO_DATA, OCEAN, WATER, index_of_codes
from lsbc.emulator.fields import FILL
from lsbc.regrid.errors import FileError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLASS_COLOURS = ("#b5d4e9", "#d7261e", "#f4b942", "#c3dc6f", "#1d6b3c", "#87913f", "#b7a792", "#3a7ebf")
NO_DATA_COLOUR, LAND_COLOUR = "#ffffff", "#dcdcdc"
COLOUR_MAPS = {"lai": "YlGn", "albedo": "cividis", "z0m": "magma", "emissivity": "cividis", "root_depth": "YlOrBr", "veg_frac": "YlGn",
               "urban_frac": "Reds", "crop_frac": "YlOrBr", "pasture_frac": "YlGn", "forest_frac": "Greens"}
MAP_NAMES = ("landuse", "lu")
"""Names a class map goes by: in the files of the component and in its input."""
FIGURE_WIDTH_INCH, DOTS_PER_INCH = 8.0, 150
MARGIN_INCH = (0.6, 0.55, 1.6, 0.4)
"""Left, bottom, right (legend or colour bar) and top (title) of the map."""
MAP_HEIGHT_INCH = 9.0
SPARSE_CHANGE = 0.02
"""Under this share of changed cells they are drawn larger than they are, or nobody would find them."""


@dataclass(frozen=True)
class ClassMap:
    """A class map, southernmost row first; `index` is uint8 class index or NO_DATA; `year` is None where the file has none."""

    index: np.ndarray
    lat_deg: np.ndarray
    lon_deg: np.ndarray
    year: int | None

    @property
    def extent_deg(self) -> tuple[float, float, float, float]:
        """West, east, south, north: cell edges, not centres."""
        half_lon, half_lat = np.diff(self.lon_deg[:2])[0] / 2, np.diff(self.lat_deg[:2])[0] / 2
        return (self.lon_deg[0] - half_lon, self.lon_deg[-1] + half_lon, self.lat_deg[0] - half_lat, self.lat_deg[-1] + half_lat)

    @property
    def data_extent_deg(self) -> tuple[float, float, float, float]:
        """The same for the smallest box that holds every cell with data; the whole map when none has."""
        rows, cols = (np.flatnonzero((self.index != NO_DATA).any(axis=axis)) for axis in (1, 0))
        if not rows.size:
            return self.extent_deg
        west, east, south, north = self.extent_deg
        size_lon, size_lat = (east - west) / len(self.lon_deg), (north - south) / len(self.lat_deg)
        return (west + cols[0] * size_lon, west + (cols[-1] + 1) * size_lon, south + rows[0] * size_lat, south + (rows[-1] + 1) * size_lat)

    def share(self) -> np.ndarray:
        """Share of each class in the area with data, (8,)."""
        area = np.broadcast_to(np.cos(np.radians(self.lat_deg))[:, None], self.index.shape)
        total = np.bincount(self.index.ravel(), area.ravel(), minlength=NO_DATA + 1)[:N_CLASS]
        return total / max(total.sum(), np.finfo(float).tiny)


def read_class_map(path: str | Path) -> ClassMap:
    """The class map of a landuse_<year>.nc or of a fine-grid input file; raises FileError when there is none."""
    with _open(path) as data:
        name = next((name for name in MAP_NAMES if name in data.variables), None)
        if name is None:
            raise FileError(f"{path} has no land-use map (variable {' or '.join(MAP_NAMES)}).")
        if data[name].ndim != 2 or min(data[name].shape) < 2:
            raise FileError(f"{path}: variable '{name}' has shape {data[name].shape}; a map of 2 x 2 cells or more is expected.")
        codes, lat_deg, lon_deg = data[name][:], np.asarray(data["lat"][:], float), np.asarray(data["lon"][:], float)
        year = _year(data, data[name])
    index = index_of_codes(codes)
    return ClassMap(index[::-1], lat_deg[::-1], lon_deg, year) if lat_deg[0] > lat_deg[-1] else ClassMap(index, lat_deg, lon_deg, year)


def landuse_figure(path: str | Path, title: str | None = None) -> Figure:
    """Classes in colour, with the share of each in the legend."""
    found = read_class_map(path)
    figure, axes = _map_axes(found.data_extent_deg)
    axes.imshow(_colours(found.index), extent=found.extent_deg, origin="lower", interpolation_stage="rgba", aspect=axes.get_aspect())
    share = found.share()
    labels = {k: f"{_spoken(k)}  {100 * share[k]:.1f} %" for k in range(N_CLASS) if (found.index == k).any()}
    _legend(axes, labels)
    axes.set_title(title or _titled("Land use", found.year))
    return figure


def change_figure(before: str | Path, after: str | Path, title: str | None = None) -> Figure:
    """Cells whose class changed, in the colour of the new class, on grey. Both maps must lie on the same grid."""
    old, new = read_class_map(before), read_class_map(after)
    if old.index.shape != new.index.shape or not np.allclose(old.extent_deg, new.extent_deg, atol=1e-6):
        raise FileError(f"{before} and {after} lie on different grids: {old.index.shape} at {old.extent_deg}, {new.index.shape} at {new.extent_deg}.")
    both = (old.index != NO_DATA) & (new.index != NO_DATA)
    changed = both & (old.index != new.index)
    share = changed.sum() / max(both.sum(), 1)
    figure, axes = _map_axes(new.data_extent_deg)
    backdrop = np.where(both & ~np.isin(new.index, (OCEAN, WATER)), new.index, NO_DATA)
    image = np.where((backdrop != NO_DATA)[..., None], _rgb(LAND_COLOUR), _colours(np.where(both, new.index, NO_DATA)))
    if share >= SPARSE_CHANGE:
        image[changed] = _colours(new.index)[changed]
    axes.imshow(image, extent=new.extent_deg, origin="lower", interpolation_stage="rgba", aspect=axes.get_aspect())
    if 0 < share < SPARSE_CHANGE:
        row, col = np.nonzero(changed)
        axes.scatter(new.lon_deg[col], new.lat_deg[row], s=2.5, marker="s", linewidths=0, c=_colours(new.index[changed]))
        axes.set_xlabel("changed cells are drawn larger than they are", fontsize=8)
    count = np.bincount(new.index[changed], minlength=N_CLASS)
    _legend(axes, {k: f"to {_spoken(k)}  {count[k]:,}" for k in range(N_CLASS) if count[k]})
    years = f"{old.year} to {new.year}" if None not in (old.year, new.year) else ""
    axes.set_title(title or f"Change of land use {years}: {changed.sum():,} of {both.sum():,} cells ({100 * share:.2f} %)")
    return figure


def host_figure(path: str | Path, variable: str, title: str | None = None) -> Figure:
    """One field of an lsbc_<year>.nc, each host cell drawn as its polygon."""
    from matplotlib.collections import PolyCollection

    with _open(path) as data:
        on_cells = [name for name, found in data.variables.items() if found.dimensions == ("cell",)]
        if variable not in on_cells:
            raise FileError(f"{path} has no field '{variable}' on host cells; it has {', '.join(on_cells) or 'none'}.")
        values, polygons = np.ma.masked_invalid(data[variable][:]), _polygons(data)
        values = np.ma.masked_equal(values, getattr(data[variable], "_FillValue", FILL))
        label, year = _label(data[variable], variable), _year(data, data[variable])
    extent = (polygons[..., 0].min(), polygons[..., 0].max(), polygons[..., 1].min(), polygons[..., 1].max())
    figure, axes = _map_axes(extent)
    cells = PolyCollection(polygons, edgecolors="#00000030", linewidths=0.2)
    axes.add_collection(cells)
    if variable == "lu_dominant":
        index = _dominant_index(values, path)
        cells.set_facecolor(_colours(index))
        count = np.bincount(index, minlength=NO_DATA + 1)
        _legend(axes, {k: f"{_spoken(k)}  {count[k]:,} cells" for k in range(N_CLASS) if count[k]})
    else:
        cells.set(array=values, cmap=COLOUR_MAPS.get(variable, "viridis"))
        _colour_bar(figure, axes, cells, label)
    name = "dominant land use of host cells" if variable == "lu_dominant" else label
    axes.set_title(title or _titled(f"{name[0].upper()}{name[1:]}", year))
    return figure


def plot_landuse(file: str | Path, out: str | Path, title: str | None = None) -> Path:
    """Write the picture of `landuse_figure` and return its path."""
    return _save(landuse_figure(file, title), out)


def plot_change(before: str | Path, after: str | Path, out: str | Path, title: str | None = None) -> Path:
    """Write the picture of `change_figure` and return its path."""
    return _save(change_figure(before, after, title), out)


def plot_host(file: str | Path, variable: str, out: str | Path, title: str | None = None) -> Path:
    """Write the picture of `host_figure` and return its path."""
    return _save(host_figure(file, variable, title), out)


def plot_file(path: str | Path, out: str | Path, variable: str | None = None) -> Path:
    """Draw what a file holds: its class map, or on host cells `variable` (the dominant class unless told otherwise)."""
    with _open(path) as data:
        is_host = "lon_vertices" in data.variables
    return plot_host(path, variable or "lu_dominant", out) if is_host else plot_landuse(path, out)


def _open(path: str | Path) -> netCDF4.Dataset:
    try:
        data = netCDF4.Dataset(path)
    except OSError as error:
        raise FileError(f"{path} could not be opened: {error}") from error
    data.set_auto_mask(False)
    return data


def _year(data: netCDF4.Dataset, variable: netCDF4.Variable) -> int | None:
    for name in ("year", "valid_year"):
        for holder in (variable, data):
            if name in holder.ncattrs():
                return int(holder.getncattr(name))
        if name in data.variables and data[name].size:
            return int(np.ravel(data[name][:])[0])
    return None


def _polygons(data: netCDF4.Dataset) -> np.ndarray:
    """Vertices (cell, nv, 2); each polygon stays in one piece where it crosses the date line."""
    lon, lat = np.asarray(data["lon_vertices"][:], float), np.asarray(data["lat_vertices"][:], float)
    lon = lon[:, :1] + (lon - lon[:, :1] + 180) % 360 - 180
    return np.stack([lon, lat], axis=-1)


def _label(variable: netCDF4.Variable, name: str) -> str:
    attributes = variable.ncattrs()
    text = variable.getncattr("long_name").split(",")[0] if "long_name" in attributes else name
    units = variable.getncattr("units") if "units" in attributes else "1"
    return text if units in ("1", "") else f"{text} [{units}]"


def _dominant_index(values: np.ndarray, path: str | Path) -> np.ndarray:
    codes = np.ma.filled(values, NO_DATA).astype(np.int64)
    codes[~np.isin(codes, CLASS_CODES)] = NO_DATA
    if codes.size and (codes == NO_DATA).all():
        raise FileError(f"{path}: no value of 'lu_dominant' is one of the class codes {CLASS_CODES}.")
    return index_of_codes(codes.astype(np.uint8))


def _spoken(class_index: int) -> str:
    return CLASS_NAMES[class_index].replace("_", "/")


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255


def _colours(index: np.ndarray) -> np.ndarray:
    table = np.tile(_rgb(NO_DATA_COLOUR), (NO_DATA + 1, 1))
    table[:N_CLASS] = [_rgb(colour) for colour in CLASS_COLOURS]
    return table[index]


def _map_axes(extent_deg: tuple[float, float, float, float]) -> tuple[Figure, Axes]:
    """A figure of fixed width with the map at the left; one degree of latitude is as long as on the ground."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    west, east, south, north = extent_deg
    aspect = 1 / max(np.cos(np.radians((south + north) / 2)), 0.05)
    slope = aspect * (north - south) / max(east - west, 1e-9)
    left, bottom, right, top = MARGIN_INCH
    width = min(FIGURE_WIDTH_INCH - left - right, MAP_HEIGHT_INCH / slope)
    figure = Figure(figsize=(FIGURE_WIDTH_INCH, width * slope + bottom + top), dpi=DOTS_PER_INCH)
    axes = figure.add_axes(_box(figure, left, bottom, width, width * slope))
    axes.set(xlim=(west, east), ylim=(south, north), aspect=aspect)
    for axis, signs in ((axes.xaxis, "EW"), (axes.yaxis, "NS")):
        axis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _, signs=signs: _degrees(value, signs)))
    axes.tick_params(labelsize=8)
    return figure, axes


def _box(figure: Figure, left: float, bottom: float, width: float, height: float) -> list[float]:
    """Inches -> parts of the figure."""
    across, up = figure.get_size_inches()
    return [left / across, bottom / up, width / across, height / up]


def _colour_bar(figure: Figure, axes: Axes, cells, label: str) -> None:
    across, up = figure.get_size_inches()
    map_box = axes.get_position()
    bar = figure.add_axes(_box(figure, map_box.x1 * across + 0.2, map_box.y0 * up, 0.18, map_box.height * up))
    figure.colorbar(cells, cax=bar, label=label)
    bar.tick_params(labelsize=8)


def _degrees(value: float, signs: str) -> str:
    return f"{abs(value):g}°{'' if value == 0 else signs[int(value < 0)]}"


def _legend(axes: Axes, labels: dict[int, str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=CLASS_COLOURS[k], edgecolor="#00000050", label=label) for k, label in labels.items()]
    if handles:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8, borderaxespad=0)


def _titled(text: str, year: int | None) -> str:
    return text if year is None else f"{text}, {year}"


def _save(figure: Figure, out: str | Path) -> Path:
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png")
    return path
