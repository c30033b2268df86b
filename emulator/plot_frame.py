"""What every map shares: colours of classes, axes in degrees, legend and colour bar, the file opened and its year. Knows no file's layout.

matplotlib is imported when a figure is made, never before, and only its own canvas is used: no display, no pyplot state.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES, N_CLASS, NO_DATA
from lsbc.regrid.errors import FileError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from netCDF4 import Dataset, Variable

CLASS_COLOURS = ("#b5d4e9", "#d7261e", "#f4b942", "#c3dc6f", "#1d6b3c", "#87913f", "#b7a792", "#3a7ebf")
NO_DATA_COLOUR, LAND_COLOUR = "#ffffff", "#dcdcdc"
FIGURE_WIDTH_INCH, DOTS_PER_INCH = 8.0, 150
MARGIN_INCH = (0.6, 0.55, 1.6, 0.4)
"""Left, bottom, right (legend or colour bar) and top (title) of the map."""
MAP_HEIGHT_INCH = 9.0


def spoken(class_index: int) -> str:
    """A class as it is told."""
    return CLASS_NAMES[class_index].replace("_", "/")


def rgb(colour: str) -> np.ndarray:
    """#rrggbb -> (3,) of 0 to 1."""
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255


def colours(index: np.ndarray) -> np.ndarray:
    """Class index -> its colour, (..., 3)."""
    table = np.tile(rgb(NO_DATA_COLOUR), (NO_DATA + 1, 1))
    table[:N_CLASS] = [rgb(colour) for colour in CLASS_COLOURS]
    return table[index]


def map_axes(extent_deg: tuple[float, float, float, float]) -> tuple[Figure, Axes]:
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


def colour_bar(figure: Figure, axes: Axes, cells, label: str) -> None:
    across, up = figure.get_size_inches()
    map_box = axes.get_position()
    bar = figure.add_axes(_box(figure, map_box.x1 * across + 0.2, map_box.y0 * up, 0.18, map_box.height * up))
    figure.colorbar(cells, cax=bar, label=label)
    bar.tick_params(labelsize=8)


def _degrees(value: float, signs: str) -> str:
    return f"{abs(value):g}°{'' if value == 0 else signs[int(value < 0)]}"


def legend(axes: Axes, labels: Mapping[int, str], colours_of: Mapping[int, object] | None = None) -> None:
    """One entry a class; in the colours of lsbc's classes unless others are given."""
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=CLASS_COLOURS[k] if colours_of is None else colours_of[k], edgecolor="#00000050", label=label) for k, label in labels.items()]
    if handles:
        axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=8, borderaxespad=0)


def titled(text: str, year: int | None) -> str:
    """A title with the year, where there is one."""
    return text if year is None else f"{text}, {year}"


def opened(path: str | Path) -> Dataset:
    """An open file, masks off; raises FileError where it cannot be read."""
    from netCDF4 import Dataset

    try:
        data = Dataset(path)
    except OSError as error:
        raise FileError(f"{path} could not be opened: {error}") from error
    data.set_auto_mask(False)
    return data


def year_of(data: Dataset, variable: Variable) -> int | None:
    """The year of a variable or file; None where neither says it."""
    for name in ("year", "valid_year"):
        for holder in (variable, data):
            if name in holder.ncattrs():
                return int(holder.getncattr(name))
        if name in data.variables and data[name].size:
            return int(np.ravel(data[name][:])[0])
    return None
