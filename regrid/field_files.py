"""Remaps the fields of a netCDF file onto the destination of weights. Knows files and `Remap`: no geometry, no weight files."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np

from lsbc.regrid.atomic import whole_file
from lsbc.regrid.classic_header import check_classic
from lsbc.regrid.errors import FieldError, FileError
from lsbc.regrid.field_axes import Axes, axes_of
from lsbc.regrid.places import first_elsewhere
from lsbc.regrid.readers import read_grid
from lsbc.regrid.readers.cf_coordinates import STANDARD_NAMES, USUAL_NAMES
from lsbc.regrid.readers.grid_file import DEGREE_UNITS, EAST_UNITS, NORTH_UNITS, RADIAN_UNITS
from lsbc.regrid.weights import Side, Weights

BATCH_BYTES = 128 << 20
"""Source and destination values that are held at once, in double precision; at least one field of each."""
NOT_COPIED = {"_FillValue", "missing_value", "scale_factor", "add_offset", "valid_range", "valid_min", "valid_max", "_Unsigned", "coordinates",
              "cell_measures", "ancillary_variables", "grid_mapping", "mesh", "location", "bounds", "CDI_grid_type", "CDI_grid_num_LPE",
              "stagger", "MemoryOrder", "FieldType", "sr_x", "sr_y"}
GRID_ATTRIBUTES = ("MAP_PROJ", "DX", "DY", "CEN_L", "TRUELAT", "STAND_LON", "MOAD_CEN", "POLE_L", "corner_l", "GRIDTYPE", "WEST-EAST_", "SOUTH-NORTH_",
                   "i_parent", "j_parent", "parent_", "sr_x", "sr_y", "uuidOfHGrid", "number_of_grid")
"""How global attributes begin that describe the grid of the source, WRF's and ICON's; they would be false of the result."""
FLAGS = {"flag_values", "flag_meanings", "flag_masks"}
"""Attributes that say nothing of means of flags."""


@dataclass
class Outcome:
    """What became of the variables of a file, by name, and what the user should know."""

    remapped: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reading:
    """An open file; every fault in reading it names it."""

    path: Path
    data: object

    def values(self, name: str, part: tuple = (Ellipsis,)) -> np.ma.MaskedArray:
        """Unpacked values; FileError where they cannot be read."""
        try:
            return np.ma.asarray(self.data[name][part])
        except (OSError, RuntimeError) as error:
            raise FileError(f"Variable '{name}' of {self.path} could not be read: {error}.") from error


def remap_file(weights: Weights, remap: Callable[[np.ndarray], np.ndarray], source: str | Path, target: str | Path,
               variables: list[str] | None = None, *, history: str = "", is_checked: bool = True) -> Outcome:
    """Write `target` with every variable of `source` that lies on the weights' source grid, remapped.

    A variable lies on the grid when its last dimensions have the grid's shape. Variables without horizontal dimensions are
    copied, others are left out and said so. Integers become float64; missing values and unmapped cells become the fill value.
    A few slabs at a time are read, remapped and written.

    Args:
        is_checked: the coordinates in `source` must be those of the weights' source grid; False takes it as it is.
    Raises:
        FieldError: no variable fits, one that was asked for does not exist or fit, or the cells lie elsewhere.
        GridError: the coordinates of a variable make no grid.
        FileError: a file cannot be read or written.
    """
    import netCDF4

    source, target = Path(source), Path(target)
    if target.exists() and source.exists() and target.samefile(source):
        raise FileError(f"{target} is the file to be read; write the result to another one.")
    outcome = Outcome()
    try:
        check_classic(source)
        data = netCDF4.Dataset(source)
    except OSError as error:
        raise FileError(f"File {source} could not be read: {error.strerror or error}.") from error
    with data:
        outcome.remapped = _fitting(data, weights.source, variables, source)
        if is_checked:
            outcome.notices += _check_places(data, weights.source, outcome.remapped, source)
        with whole_file(target) as temporary, netCDF4.Dataset(temporary, "w", format="NETCDF4") as out:
            axes = axes_of(weights.destination)
            _write_frame(out, data, axes, weights, history)
            _copy_rest(Reading(source, data), out, axes, weights.source, outcome)
            outcome.notices += _categories(data, weights, outcome.remapped)
            for name in outcome.remapped:
                _remap_variable(Reading(source, data), out, axes, weights, remap, name)
    return outcome


def horizontal_rank(shape: tuple[int, ...], side: Side) -> int:
    """How many trailing dimensions of a variable are the grid's, 0 when it does not lie on it.

    >>> horizontal_rank((12, 3, 4), Side(shape=(3, 4))), horizontal_rank((12, 3, 4), Side(shape=(12,)))
    (2, 2)
    """
    rank = len(side.shape)
    if len(shape) >= rank and shape[len(shape) - rank:] == side.shape:
        return rank
    other = 3 - rank  # a weight file may know a table as a list of cells, and the other way round
    return other if len(shape) >= other and int(np.prod(shape[len(shape) - other:])) == side.n_cell and shape else 0


def missing_cells(path: str | Path, variable: str, side: Side) -> np.ndarray:
    """bool (n,): the cells in which the first slab of a variable is missing. Raises FieldError or FileError."""
    import netCDF4

    try:
        data = netCDF4.Dataset(path)
    except OSError as error:
        raise FileError(f"File {path} could not be read: {error.strerror or error}.") from error
    with data:
        _fitting(data, side, [variable], Path(path))
        n_leading = data[variable].ndim - horizontal_rank(data[variable].shape, side)
        first = Reading(Path(path), data).values(variable, (*[0] * n_leading, Ellipsis))
        values = first.astype(float).filled(np.nan) if np.dtype(first.dtype).kind in "fiu" else np.ma.getmaskarray(first)
        return np.isnan(values).ravel()


def _fitting(data, side: Side, wanted: list[str] | None, path: Path) -> list[str]:
    for name in wanted or ():
        if name not in data.variables:
            near = difflib.get_close_matches(name, data.variables, 3) or list(data.variables)
            raise FieldError(f"File {path} has no variable '{name}'; it has {', '.join(near[:12])}{' …' if len(near) > 12 else ''}.")
        if np.dtype(data[name].dtype).kind not in "fiu" or not horizontal_rank(data[name].shape, side):
            raise FieldError(f"Variable '{name}' of {path} has shape {data[name].shape} and type {data[name].dtype}; the weights map numbers "
                             f"from {side.shape} cells, in its last dimensions.")
    if wanted:
        return list(dict.fromkeys(wanted))
    names = [name for name, v in data.variables.items()
             if v.ndim and np.dtype(v.dtype).kind in "fiu" and horizontal_rank(v.shape, side) and not _is_location(data, name)]
    if not names:
        shapes = {v.shape: name for name, v in reversed(data.variables.items()) if v.ndim}
        listed = ", ".join(f"{name}{shape}" for shape, name in list(shapes.items())[:12])
        raise FieldError(f"No variable of {path} ends in the {side.shape} cells that the weights map from; it has {listed}; "
                         "are the weights those of another grid, or of the other direction?")
    return names


def _is_location(data, name: str) -> bool:
    """Coordinates of the cells, and bounds: they are replaced, not remapped."""
    if name in data.dimensions or any(name == getattr(v, word, "") for v in data.variables.values() for word in ("bounds", "climatology")):
        return True
    units, standard_name = (str(getattr(data[name], word, "")).lower() for word in ("units", "standard_name"))
    if standard_name in STANDARD_NAMES or units in EAST_UNITS | NORTH_UNITS or units.endswith(("latitude", "longitude")):
        return True
    is_named = name.lower() in USUAL_NAMES or any(name in str(getattr(v, "coordinates", "")).split() for v in data.variables.values())
    return is_named and (not units or units in DEGREE_UNITS | RADIAN_UNITS)


def _is_whole(variable) -> bool:
    """Whole numbers throughout; WRF gives the shares of its categories the units of the categories."""
    if np.dtype(variable.dtype).kind in "iu":
        return True
    return variable.size <= BATCH_BYTES // 8 and bool((np.rint(variable[:]) == variable[:]).all())


def _categories(data, weights: Weights, names: list[str]) -> list[str]:
    if weights.method.startswith("nearest"):
        return []
    named = [name for name in names if "flag_values" in data[name].ncattrs() or str(getattr(data[name], "units", "")).lower() in ("category", "categories")]
    found = [name for name in named if _is_whole(data[name])]
    return [f"{', '.join(found)} hold categories, whose means mean nothing; remap them with weights of method nearest"] if found else []


def _check_places(data, side: Side, names: list[str], path: Path) -> list[str]:
    """Hold the file's own coordinates against the weights' source, once for all variables with the same dimensions."""
    if side.lon_deg is None:
        return ["the weights do not say where their source cells lie; give the grid (--src) to have it compared"]
    notices, seen = [], set()
    for name in names:
        cells = data[name].dimensions[data[name].ndim - horizontal_rank(data[name].shape, side):]
        if cells in seen:
            continue
        seen.add(cells)
        try:
            grid = read_grid(path, variable=name)
        except FileError as error:
            if len(cells) != len(side.shape):
                raise FieldError(f"Variable '{name}' of {path} ends in {cells}, the weights map from {side.shape} cells, and nothing tells whether "
                                 f"these are the same ({error}); --unchecked takes it as it is.") from error
            notices.append(f"'{name}' is taken to lie on the weights' source grid by its shape alone ({error})")
            continue
        if grid.n_cell != side.n_cell:
            raise FieldError(f"Variable '{name}' of {path} lies on {grid.shape} cells; the weights map from {side.shape}.")
        k = first_elsewhere(side, grid)
        if k is not None:
            raise FieldError(f"Variable '{name}' of {path} lies on other cells than the weights map from, or in another order: cell {k} is at "
                             f"{grid.lon_deg[k]:.6g} E {grid.lat_deg[k]:.6g} N, for the weights at {side.lon_deg[k]:.6g} E {side.lat_deg[k]:.6g} N "
                             "(--unchecked takes it as it is).")
    return notices


def _write_frame(out, data, axes: Axes, weights: Weights, history: str) -> None:
    """Dimensions, coordinates and provenance."""
    out.setncatts({name: data.getncattr(name) for name in data.ncattrs() if not name.startswith(("Conventions", "history", *GRID_ATTRIBUTES))})
    out.Conventions = "CF-1.11"
    out.history = "\n".join(filter(None, [history, str(getattr(data, "history", ""))]))
    out.regrid_method, out.regrid_normalization = weights.method, weights.normalization
    out.regrid_engine = f"{weights.generator}, applied by lsbc {version('lsbc')}"
    for name, size in axes.dimensions.items():
        out.createDimension(name, size)
    for name, (dimensions, attributes, values) in axes.coordinates.items():
        out.createVariable(name, "f8", dimensions).setncatts(attributes)
        out[name][:] = values


def _copy_rest(reading: Reading, out, axes: Axes, side: Side, outcome: Outcome) -> None:
    """Dimensions of the fields, and every variable without a horizontal dimension as it is."""
    data, horizontal, leading = reading.data, set(), {}
    for name in outcome.remapped:
        n_leading = data[name].ndim - horizontal_rank(data[name].shape, side)
        horizontal.update(data[name].dimensions[n_leading:])
        leading.update(dict.fromkeys(data[name].dimensions[:n_leading]))
    twice = [d for d in leading if d in axes.dimensions or d in axes.coordinates or d in horizontal]
    if twice:
        raise FieldError(f"Dimension '{twice[0]}' of {reading.path} is also a horizontal one, here or in the result; rename it first.")
    for name in leading:
        out.createDimension(name, None if data.dimensions[name].isunlimited() else len(data.dimensions[name]))
    for name, old in data.variables.items():
        if name in outcome.remapped or (horizontal & set(old.dimensions) and _is_location(data, name)):
            continue
        taken = [d for d in old.dimensions if d in axes.dimensions and (d in axes.cells or len(data.dimensions[d]) != axes.dimensions[d])]
        if horizontal & set(old.dimensions) or name in out.variables or taken or not _belongs(data, name, leading):
            outcome.left_out.append(name)
            continue
        _copy_variable(reading, out, name)
        outcome.copied.append(name)


def _belongs(data, name: str, leading: dict) -> bool:
    """Scalars, lists, texts, and what lies along the fields' own dimensions; not fields and corners of other grids."""
    variable = data[name]
    others = [dimension for dimension in variable.dimensions if dimension not in leading]
    is_text = np.dtype(variable.dtype).kind in "SU" or any(name == getattr(v, word, "") for v in data.variables.values() for word in ("bounds", "climatology"))
    return not others or variable.ndim == 1 or (is_text and len(others) == 1)


def _copy_variable(reading: Reading, out, name: str) -> None:
    old = reading.data[name]
    for dimension in old.dimensions:
        if dimension not in out.dimensions:
            out.createDimension(dimension, len(reading.data.dimensions[dimension]))
    old.set_auto_maskandscale(False)
    kind = str if old.dtype is str else old.dtype
    new = out.createVariable(name, kind, old.dimensions, fill_value=None if kind is str else getattr(old, "_FillValue", None))
    new.set_auto_maskandscale(False)
    new.setncatts({key: old.getncattr(key) for key in old.ncattrs() if key != "_FillValue"})
    if old.size:
        new[...] = reading.values(name).data if kind is not str else old[...]


def _remap_variable(reading: Reading, out, axes: Axes, weights: Weights, remap: Callable[[np.ndarray], np.ndarray], name: str) -> None:
    import netCDF4

    old, side = reading.data[name], weights.source
    n_leading = old.ndim - horizontal_rank(old.shape, side)
    is_float = np.dtype(old.dtype).kind == "f"
    packed = "scale_factor" in old.ncattrs() or "add_offset" in old.ncattrs()
    dtype = np.float32 if np.dtype(old.dtype) == np.float32 and not packed else np.float64
    fill = dtype(old._FillValue if is_float and "_FillValue" in old.ncattrs() else netCDF4.default_fillvals["f4"])
    new = out.createVariable(name, dtype, (*old.dimensions[:n_leading], *axes.cells), fill_value=fill, zlib=True, complevel=1)
    nearest = weights.method.startswith("nearest")
    new.setncatts({key: old.getncattr(key) for key in old.ncattrs() if key not in NOT_COPIED and (nearest or key not in FLAGS)})
    if weights.method.startswith("conserve") and "area:" not in getattr(old, "cell_methods", ""):
        new.cell_methods = f"{getattr(old, 'cell_methods', '')} area: mean".strip()
    if axes.named:
        new.coordinates = axes.named
    shape = tuple(axes.dimensions[dimension] for dimension in axes.cells)
    n_at_once = max(1, BATCH_BYTES // (8 * (weights.n_source + weights.n_destination)))
    for part, leading in _parts(old.shape[:n_leading], n_at_once):
        values = reading.values(name, part).astype(dtype).filled(np.nan).reshape(-1, side.n_cell)
        result = np.asarray(remap(np.ascontiguousarray(values.T))).T
        new[part] = np.ma.masked_invalid(result.reshape(*leading, *shape))


def _parts(leading: tuple[int, ...], n_at_once: int) -> Iterator[tuple[tuple, tuple[int, ...]]]:
    """Index tuples that walk through the leading dimensions, some slabs of the innermost at a time, and the shape they leave."""
    if not leading:
        yield (Ellipsis,), ()
        return
    for outer in np.ndindex(*leading[:-1]):
        for first in range(0, leading[-1], n_at_once):
            end = min(first + n_at_once, leading[-1])
            yield (*outer, slice(first, end)), (end - first,)
