"""Maps of one field of an lsbc_<year>.nc on the host's own cells. Knows the layout of that file."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from lsbc.emulator.classes import CLASS_CODES, N_CLASS, NO_DATA, index_of_codes
from lsbc.emulator.fields import FILL
from lsbc.emulator.plot_frame import NO_DATA_COLOUR, colour_bar, colours, legend, map_axes, opened, rgb, spoken, titled, year_of
from lsbc.regrid.errors import FileError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from netCDF4 import Dataset, Variable

COLOUR_MAPS = {"lai": "YlGn", "leaf_area_index": "YlGn", "vegetation_area_fraction": "YlGn", "albedo": "cividis", "z0m": "magma", "emissivity": "cividis",
               "root_depth": "YlOrBr", "veg_frac": "YlGn", "urban_frac": "Reds", "crop_frac": "YlOrBr", "pasture_frac": "YlGn", "forest_frac": "Greens",
               "lu_frac": "YlGnBu", "host_lu_frac": "YlGnBu", "transitions": "magma_r", "climate_coldest_month": "coolwarm"}

LEGEND_CHARACTERS = 19
"""In a line beside the map."""


def host_figure(path: str | Path, variable: str, title: str | None = None) -> Figure:
    """One field, each host cell drawn as its polygon.

    Args:
        variable: name of the field; with dots, one of its levels: leaf_area_index.7, lu_frac.forest, host_lu_frac.12, transitions.cropland.urban.
    Raises:
        FileError: there is no such field or level.
    """
    from matplotlib.collections import PolyCollection

    name, *level = variable.split(".")
    with opened(path) as data:
        field, label = _field(data, name, level, path)
        polygons, year = _polygons(data), year_of(data, data[name])
        values = np.ma.masked_equal(np.ma.masked_invalid(field), getattr(data[name], "_FillValue", FILL))
        flags = _flags(data[name])
    extent = (polygons[..., 0].min(), polygons[..., 0].max(), polygons[..., 1].min(), polygons[..., 1].max())
    figure, axes = map_axes(extent)
    cells = PolyCollection(polygons, edgecolors="#00000030", linewidths=0.2)
    axes.add_collection(cells)
    if name == "lu_dominant":
        index = _dominant_index(values, path)
        cells.set_facecolor(colours(index))
        count = np.bincount(index, minlength=NO_DATA + 1)
        legend(axes, {k: f"{spoken(k)}  {count[k]:,} cells" for k in range(N_CLASS) if count[k]})
        label = "dominant land use of host cells"
    elif flags:
        _draw_flags(axes, cells, values, flags)
    else:
        cells.set(array=values, cmap=COLOUR_MAPS.get(name, "viridis"))
        colour_bar(figure, axes, cells, label)
    axes.set_title(title or titled(f"{label[0].upper()}{label[1:]}", year))
    return figure


def _field(data: Dataset, name: str, level: list[str], path: str | Path) -> tuple[np.ndarray, str]:
    """Values of a field on the cells, and what they are in words."""
    on_cells = [found for found, held in data.variables.items() if held.dimensions[-1:] == ("cell",)]
    if name not in on_cells:
        raise FileError(f"{path} has no field '{name}' on host cells; it has {', '.join(on_cells) or 'none'}.")
    variable, label = data[name], _label(data[name], name)
    axes = variable.dimensions[:-1]
    if len(level) != len(axes):
        example = ".".join(_levels(data, axis)[0] for axis in axes)
        needed = f"name one of its levels, as in {name}.{example}" if axes else "it has no levels"
        raise FileError(f"{path}: field '{name}' has the dimensions ({', '.join(variable.dimensions)}); {needed}.")
    where = tuple(_position(data, axis, word, path) for axis, word in zip(axes, level))
    words = [_levels(data, axis)[at] for axis, at in zip(axes, where)]
    kind = " ".join(dict.fromkeys(axis.rpartition("_")[2] for axis in axes))
    return np.asarray(variable[where]) if where else np.asarray(variable[:]), f"{label}, {kind} {' to '.join(words)}" if words else label


def _levels(data: Dataset, axis: str) -> list[str]:
    """Names of the levels along a dimension: its flags' words, or its numbers."""
    if axis not in data.variables:
        return [str(k + 1) for k in range(len(data.dimensions[axis]))]
    numbers, flags = [int(number) for number in np.asarray(data[axis][:])], _flags(data[axis])
    return [flags.get(number, str(number)) for number in numbers]


def _position(data: Dataset, axis: str, word: str, path: str | Path) -> int:
    names = _levels(data, axis)
    numbers = [str(int(number)) for number in np.asarray(data[axis][:])] if axis in data.variables else names
    for known in (names, numbers):
        if word in known or word.lstrip("0") in known:
            return known.index(word if word in known else word.lstrip("0"))
    told = ", ".join(name if name == number else f"{name} ({number})" for name, number in zip(names, numbers))
    raise FileError(f"{path}: '{word}' is no {axis}; there are {told}.")


def _flags(variable: Variable) -> dict[int, str]:
    """Number -> meaning."""
    if "flag_values" not in variable.ncattrs():
        return {}
    return dict(zip((int(number) for number in np.atleast_1d(variable.flag_values)), variable.flag_meanings.split()))


def _draw_flags(axes, cells, values: np.ma.MaskedArray, flags: dict[int, str]) -> None:
    """Whole numbers in colours of their own, with what they mean and how many cells have them."""
    from matplotlib import colormaps

    numbers, counts = np.unique(values.compressed().astype(int), return_counts=True)
    palette = [*colormaps["tab20"].colors, *colormaps["tab20b"].colors]
    colour_of = {number: palette[(2 * k) % len(palette) + (2 * k) // len(palette)] for k, number in enumerate(flags)}
    shown = np.ma.filled(values, NO_DATA).astype(int)
    cells.set_facecolor([colour_of.get(number, tuple(rgb(NO_DATA_COLOUR))) for number in shown.tolist()])
    words = {int(number): fill(f"{number} {flags.get(int(number), '').replace('_', ' ')}  {count:,}", LEGEND_CHARACTERS) for number, count in zip(numbers, counts)}
    legend(axes, {number: text for number, text in words.items() if number in colour_of}, colour_of)


def _polygons(data: Dataset) -> np.ndarray:
    """Vertices (cell, nv, 2); each polygon stays in one piece where it crosses the date line."""
    lon, lat = np.asarray(data["lon_vertices"][:], float), np.asarray(data["lat_vertices"][:], float)
    lon = lon[:, :1] + (lon - lon[:, :1] + 180) % 360 - 180
    return np.stack([lon, lat], axis=-1)


def _label(variable: Variable, name: str) -> str:
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
