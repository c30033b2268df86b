"""Writes a climate file: the mean temperature of the coldest month of each host cell, from monthly means on any grid. Knows no classes and no tables.

Each calendar month is averaged over the years, the twelve mean months are brought to the host's cells by area, and then the lowest is taken: the coldest
month of the cell, not the mean of the coldest months of its parts. Nothing is corrected for elevation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from lsbc.emulator.fields import BY_NAME, FILL
from lsbc.emulator.month_axis import N_MONTH, month_of_steps
from lsbc.emulator.surface.units import ZERO_C_IN_K
from lsbc.regrid.apply import Remap
from lsbc.regrid.atomic import whole_file
from lsbc.regrid.classic_header import check_classic
from lsbc.regrid.cli import grid_of
from lsbc.regrid.errors import FieldError, FileError, GridError, LsbcError, ValueRangeError
from lsbc.regrid.field_files import horizontal_rank
from lsbc.regrid.generate import make_weights
from lsbc.regrid.grids import Grid, PolygonGrid
from lsbc.regrid.places import first_elsewhere
from lsbc.regrid.readers import read_grid
from lsbc.regrid.readers.grid_file import GridFile
from lsbc.regrid.weights import Side

KELVIN = frozenset(("k", "kelvin", "kelvins", "degk", "deg_k", "degree_k", "degrees_k", "degree_kelvin", "degrees_kelvin"))
CELSIUS = frozenset(("c", "°c", "celsius", "degc", "deg_c", "degree_c", "degrees_c", "degree_celsius", "degrees_celsius"))
BATCH_BYTES = 128 << 20
"""Values of several steps that are read at once; one step at least."""
_FIELD = BY_NAME["coldest_month_temperature"]
_HOST_FILE = ("global_id", "clon", "clat", "clon_vertices", "clat_vertices")


@dataclass(frozen=True)
class MeanMonths:
    """Mean months of a file: `kelvin` (12, n_source), NaN in all twelve where a step is missing; what they are and come from, and what the user should know."""

    kelvin: np.ndarray
    variable: str
    n_year: int
    origin: str
    notes: tuple[str, ...]

    @property
    def words(self) -> str:
        """What the months are."""
        return f"12 months of '{self.variable}'{f', means of {self.n_year} years' if self.n_year > 1 else ''}"


@dataclass(frozen=True)
class Outcome:
    """What was written, in words, and what the user should know."""

    text: str
    notes: tuple[str, ...]


def write_climate(monthly: Path, cells: str, out: Path, variable: str | None = None, history: str = "") -> Outcome:
    """Write `out` with `global_id` and `coldest_month_temperature` [K] of every cell, in the order of `cells`; -9999 where no data reach a cell.

    Args:
        monthly: file with monthly means [K or °C] on a grid; see `mean_months`.
        cells: the host's cells; see `read_cells`.
        variable: name of the temperature, where the file has several.
    Raises:
        FieldError: no such variable, or not one of months.  ValueRangeError: a value is no temperature of air.
        GridError: cells that are none, or no data in any of them.  FileError: a file cannot be read or written.
    """
    for given in (monthly, Path(cells)):
        if out.exists() and given.exists() and out.samefile(given):
            raise FileError(f"{out} is a file to be read; write the result to another one.")
    grid, global_id = read_cells(cells)
    months, remap = mean_months(monthly, grid, variable)
    coldest = remap(np.ascontiguousarray(months.kelvin.T)).reshape(grid.n_cell, N_MONTH).min(axis=1)
    lacking = ~np.isfinite(coldest)
    if lacking.all():
        raise GridError(f"None of the {grid.n_cell} cells of {cells} lies over data of '{months.variable}' in {monthly}.")
    _write(out, grid, global_id, np.where(lacking, FILL, coldest), months, history)
    notes = months.notes
    if lacking.any():
        k = int(np.argmax(lacking))
        notes += (f"{int(lacking.sum())} of {grid.n_cell} cells lie over no data and are missing, the first is cell {int(global_id[k])} "
                  f"({grid.lon_deg[k]:.4f} E, {grid.lat_deg[k]:.4f} N)",)
    low, high = coldest[~lacking].min(), coldest[~lacking].max()
    text = f"{out}: coldest month of {grid.n_cell - int(lacking.sum())} cells, {low:.2f} .. {high:.2f} K, from {months.words}"
    return Outcome(text, notes)


def read_cells(cells: str) -> tuple[Grid, np.ndarray]:
    """The host's cells and their global ids (n_cell,): a host file in degrees, or any grid that `lsbc regrid grid` knows.

    Ids are the file's `global_id`; without it 1, 2, ... in the order of the file, as WRF's i + (j - 1) n_i and ICON's global index.

    Raises:
        GridError: the cells or ids break a rule; the cell is named.  FileError: the file cannot be read.
    """
    path = Path(cells)
    if path.is_file():
        with _opened(path) as data:
            data.set_auto_mask(False)
            if "global_id" in data.variables:
                ids = np.asarray(data["global_id"][:]).ravel()
                _check_ids(ids, path)
                if all(name in data.variables for name in _HOST_FILE):
                    host = PolygonGrid(*(np.asarray(data[name][:]) for name in _HOST_FILE[1:]), global_id=ids, name=path.stem)
                    return host, host.global_id
                grid = grid_of(cells)
                if len(ids) != grid.n_cell:
                    raise GridError(f"Grid file {path} has {grid.n_cell} cells and {len(ids)} values of global_id.")
                return grid, ids.astype(np.int64)
    grid = grid_of(cells)
    return grid, np.arange(1, grid.n_cell + 1)


def _check_ids(ids: np.ndarray, path: Path) -> None:
    if ids.dtype.kind not in "iu":
        raise GridError(f"Grid file {path}: global_id is of type {ids.dtype}; ids are whole numbers.")
    once, count = np.unique(ids, return_counts=True)
    if (count > 1).any():
        raise GridError(f"Grid file {path} has the global_id {int(once[count > 1][0])} twice.")


def mean_months(path: Path, cells: Grid, variable: str | None) -> tuple[MeanMonths, Callable[[np.ndarray], np.ndarray]]:
    """The mean months of a temperature, and what brings fields (n_source, n_field) to the host's cells, as a mean over the part of each cell with data.

    The variable ends in the dimensions of its grid, or of the host's own cells; before them there is one dimension of months, others have length 1.

    Raises: see `write_climate`.
    """
    with _opened(path) as data:
        name = _temperature(data, path, variable)
        grid, remap = _to_cells(path, name, cells)
        field = data[name]
        rank = horizontal_rank(field.shape, Side(shape=grid.shape))
        steps = [k for k in range(field.ndim - rank) if field.shape[k] != 1]
        if not rank or len(steps) != 1:
            raise FieldError(f"Variable '{name}' of {path} has dimensions {_shape_text(field)}; "
                             "one of months is needed before those of the cells, and no other longer than 1.")
        month, notes = _months(data, field.dimensions[steps[0]], path)
        kelvin, n_partly = _averaged(path, field, steps[0], month, grid)
        if n_partly:
            notes += (f"{n_partly} cells of {path} lack '{name}' in some of the months and are left out",)
        origin = "; ".join(str(text) for text in (getattr(data, word, "") for word in ("title", "institution", "source", "references")) if text)
        return MeanMonths(kelvin, name, len(month) // N_MONTH, origin, notes), remap


def _temperature(data, path: Path, wanted: str | None) -> str:
    """Name of the variable that is meant."""
    if wanted is not None and wanted not in data.variables:
        raise FieldError(f"File {path} has no variable '{wanted}'; it has {', '.join(data.variables)}.")
    if wanted is not None:
        if not _is_number(data[wanted]) or _offset_k(data[wanted]) is None:
            raise FieldError(f"Variable '{wanted}' of {path} has the units '{getattr(data[wanted], 'units', '')}'; "
                             "a temperature has K or degC in its units attribute, which is not guessed.")
        return wanted
    warm = {name: v for name, v in data.variables.items() if _is_number(v) and _offset_k(v) is not None}
    found = [name for name, v in warm.items() if v.ndim > 1]
    if len(found) != 1:
        listed = ", ".join(f"{name}{_shape_text(v)}" for name, v in warm.items()) or f"none among {', '.join(data.variables)}"
        raise FieldError(f"File {path} must have one variable of months and cells in K or degC, or --variable must name it; in K or degC it has {listed}.")
    return found[0]


def _is_number(variable) -> bool:
    return isinstance(variable.dtype, np.dtype) and variable.dtype.kind in "fiu"


def _offset_k(variable) -> float | None:
    """What makes kelvin of the variable's values, None where its units are no temperature."""
    word = "_".join(str(getattr(variable, "units", "")).lower().split())
    return 0.0 if word in KELVIN else ZERO_C_IN_K if word in CELSIUS else None


def _shape_text(variable) -> str:
    return f"({', '.join(f'{name} = {size}' for name, size in zip(variable.dimensions, variable.shape))})"


def _to_cells(path: Path, name: str, cells: Grid) -> tuple[Grid, Callable[[np.ndarray], np.ndarray]]:
    """The variable's grid and the way to the host's cells; fields that lie on these already, as EXTPAR's, need no corners and stay as they are."""
    with GridFile(path) as file:
        size = file.shape("clon") if file.has("clon", "clat") else ()
        if size == file.shape(name)[-1:] == (cells.n_cell,) and file.dims("clon") == file.dims(name)[-1:]:
            here = Side(shape=size, lon_deg=file.angle_deg("clon", "radians"), lat_deg=file.lat_deg("clat", "radians"))
            if first_elsewhere(here, cells) is None:
                return PolygonGrid(here.lon_deg, here.lat_deg, name=file.name), lambda fields: fields
    grid = read_grid(path, variable=name)
    return grid, Remap(make_weights(grid, cells), missing="skip")


def _months(data, dimension: str, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Calendar month of each step, and a note where no axis tells it."""
    n_step = len(data.dimensions[dimension])
    along = [name for name, v in data.variables.items() if v.dimensions == (dimension,) and _is_number(v)]
    dated = [name for name in along if " since " in str(getattr(data[name], "units", ""))]
    known = dated or along
    axis = dimension if dimension in known else dated[0] if dated else None
    if axis is None:
        what = f"Dimension '{dimension}' of {path}, which has no time axis,"
        return month_of_steps(None, "", "", n_step, what), (f"'{dimension}' of {path} has no time axis; its steps are taken for months that follow each other",)
    values = np.ma.filled(np.ma.asarray(data[axis][:]).astype(np.float64), np.nan)
    units, calendar = (str(getattr(data[axis], word, "")) for word in ("units", "calendar"))
    return month_of_steps(values, units, calendar or "standard", n_step, f"Time axis '{axis}' of {path}"), ()


def _averaged(path: Path, field, axis: int, month: np.ndarray, grid: Grid) -> tuple[np.ndarray, int]:
    """Means over the years (12, n_source) [K], NaN where any step is missing, and in how many cells only some are."""
    total, seen = np.zeros((N_MONTH, grid.n_cell)), np.zeros(grid.n_cell, bool)
    n_batch = max(1, BATCH_BYTES // (8 * grid.n_cell))
    for first in range(0, len(month), n_batch):
        part = (*(slice(first, first + n_batch) if k == axis else slice(None) for k in range(axis + 1)), Ellipsis)
        batch = np.ma.filled(np.ma.asarray(field[part]).astype(np.float64), np.nan).reshape(-1, grid.n_cell) + _offset_k(field)
        for step, values in enumerate(batch, first):
            _check(values, step, field, path, grid)
            total[month[step]] += values
            seen |= ~np.isnan(values)
    lacks = np.isnan(total).any(axis=0)
    total[:, lacks] = np.nan
    return total / (len(month) // N_MONTH), int((lacks & seen).sum())


def _check(kelvin: np.ndarray, step: int, field, path: Path, grid: Grid) -> None:
    low, high = _FIELD.valid_range
    good = (kelvin >= low) & (kelvin <= high) | np.isnan(kelvin)
    if not good.all():
        k, offset = int(np.argmin(good)), _offset_k(field)
        other, if_other = ("K", kelvin[k] - offset) if offset else ("degC", kelvin[k] + ZERO_C_IN_K)
        hint = f"; if they are {other}, correct them: ncatted -a units,{field.name},o,c,{other} {path}" if low <= if_other <= high else ""
        raise ValueRangeError(f"Variable '{field.name}' of {path} is {kelvin[k] - offset:g} at step {step + 1}, {grid.lon_deg[k]:.4f} E, {grid.lat_deg[k]:.4f} N; "
                              f"a monthly mean of air must be {low:g}..{high:g} K, missing values need _FillValue (its units are '{field.units}'{hint}).")


def _write(out: Path, grid: Grid, global_id: np.ndarray, coldest_k: np.ndarray, months: MeanMonths, history: str) -> None:
    from netCDF4 import Dataset

    place = {"lon": ("longitude", "degrees_east", grid.lon_deg), "lat": ("latitude", "degrees_north", grid.lat_deg)}
    with whole_file(out) as temporary, Dataset(temporary, "w") as data:
        data.createDimension("cell", grid.n_cell)
        ids = data.createVariable("global_id", "i8", ("cell",))
        ids.long_name = "global cell id of the host"
        ids[:] = global_id
        for name, (word, units, values) in place.items():
            data.createVariable(name, "f8", ("cell",), fill_value=FILL).setncatts({"standard_name": word, "units": units})
            data[name][:] = np.where(np.isfinite(values), values, FILL)
        field = data.createVariable(_FIELD.name, "f8", ("cell",), fill_value=FILL)
        field.setncatts({"standard_name": _FIELD.standard_name, "long_name": _FIELD.long_name, "units": _FIELD.units, "coordinates": "lat lon global_id",
                         "cell_methods": "time: mean (of each calendar month over the years) area: mean time: minimum (of the twelve months)",
                         "comment": "Not corrected for the height of the cell above that of the source's cells."})
        field.set_auto_mask(False)
        field[:] = coldest_k
        data.setncatts({"Conventions": "CF-1.11", "title": "Climate of a host's cells for lsbc", "history": history, "lsbc_version": version("lsbc"),
                        "source": f"{months.words}{': ' if months.origin else ''}{months.origin}"})


@contextmanager
def _opened(path: Path) -> Iterator:
    from netCDF4 import Dataset

    if not path.is_file():
        raise FileError(f"File {path} does not exist or is no regular file.")
    try:
        check_classic(path)
        with Dataset(path) as data:
            yield data
    except LsbcError:
        raise
    except (OSError, RuntimeError, UnicodeError) as error:
        raise FileError(f"File {path} cannot be read: {error}.") from error
