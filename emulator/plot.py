"""Maps of the files lsbc writes, as PNG. Knows the layout of class maps; computes nothing a model would use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lsbc.emulator.classes import N_CLASS, NO_DATA, OCEAN, WATER, index_of_codes
from lsbc.emulator.plot_frame import LAND_COLOUR, colours, legend, map_axes, opened, rgb, spoken, titled, year_of
from lsbc.emulator.plot_host import host_figure
from lsbc.regrid.errors import FileError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAP_NAMES = ("landuse", "lu")
"""Names a class map goes by: in the files of the component and in its input."""
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
    with opened(path) as data:
        name = next((name for name in MAP_NAMES if name in data.variables), None)
        if name is None:
            raise FileError(f"{path} has no land-use map (variable {' or '.join(MAP_NAMES)}).")
        if data[name].ndim != 2 or min(data[name].shape) < 2:
            raise FileError(f"{path}: variable '{name}' has shape {data[name].shape}; a map of 2 x 2 cells or more is expected.")
        codes, lat_deg, lon_deg = data[name][:], np.asarray(data["lat"][:], float), np.asarray(data["lon"][:], float)
        year = year_of(data, data[name])
    index = index_of_codes(codes)
    return ClassMap(index[::-1], lat_deg[::-1], lon_deg, year) if lat_deg[0] > lat_deg[-1] else ClassMap(index, lat_deg, lon_deg, year)


def landuse_figure(path: str | Path, title: str | None = None) -> Figure:
    """Classes in colour, with the share of each in the legend."""
    found = read_class_map(path)
    figure, axes = map_axes(found.data_extent_deg)
    axes.imshow(colours(found.index), extent=found.extent_deg, origin="lower", interpolation_stage="rgba", aspect=axes.get_aspect())
    share = found.share()
    labels = {k: f"{spoken(k)}  {100 * share[k]:.1f} %" for k in range(N_CLASS) if (found.index == k).any()}
    legend(axes, labels)
    axes.set_title(title or titled("Land use", found.year))
    return figure


def change_figure(before: str | Path, after: str | Path, title: str | None = None) -> Figure:
    """Cells whose class changed, in the colour of the new class, on grey. Both maps must lie on the same grid."""
    old, new = read_class_map(before), read_class_map(after)
    if old.index.shape != new.index.shape or not np.allclose(old.extent_deg, new.extent_deg, atol=1e-6):
        raise FileError(f"{before} and {after} lie on different grids: {old.index.shape} at {old.extent_deg}, {new.index.shape} at {new.extent_deg}.")
    both = (old.index != NO_DATA) & (new.index != NO_DATA)
    changed = both & (old.index != new.index)
    share = changed.sum() / max(both.sum(), 1)
    figure, axes = map_axes(new.data_extent_deg)
    backdrop = np.where(both & ~np.isin(new.index, (OCEAN, WATER)), new.index, NO_DATA)
    image = np.where((backdrop != NO_DATA)[..., None], rgb(LAND_COLOUR), colours(np.where(both, new.index, NO_DATA)))
    if share >= SPARSE_CHANGE:
        image[changed] = colours(new.index)[changed]
    axes.imshow(image, extent=new.extent_deg, origin="lower", interpolation_stage="rgba", aspect=axes.get_aspect())
    if 0 < share < SPARSE_CHANGE:
        row, col = np.nonzero(changed)
        axes.scatter(new.lon_deg[col], new.lat_deg[row], s=2.5, marker="s", linewidths=0, c=colours(new.index[changed]))
        axes.set_xlabel("changed cells are drawn larger than they are", fontsize=8)
    count = np.bincount(new.index[changed], minlength=N_CLASS)
    legend(axes, {k: f"to {spoken(k)}  {count[k]:,}" for k in range(N_CLASS) if count[k]})
    years = f"{old.year} to {new.year}" if None not in (old.year, new.year) else ""
    axes.set_title(title or f"Change of land use {years}: {changed.sum():,} of {both.sum():,} cells ({100 * share:.2f} %)")
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
    with opened(path) as data:
        is_host = "lon_vertices" in data.variables
    return plot_host(path, variable or "lu_dominant", out) if is_host else plot_landuse(path, out)


def _save(figure: Figure, out: str | Path) -> Path:
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png")
    return path
