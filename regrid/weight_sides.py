"""The two grids as a weight file describes them: sizes, centres, corners, masks, areas, fractions. Knows no weights."""

from __future__ import annotations

import math
import operator

import numpy as np

from lsbc.regrid.cell_checks import LAT_SLACK_DEG
from lsbc.regrid.errors import WeightError
from lsbc.regrid.grids import Grid
from lsbc.regrid.netcdf_input import Source
from lsbc.regrid.places import first_elsewhere
from lsbc.regrid.sphere import MAX_LON_DEG
from lsbc.regrid.weight_layouts import SideNames
from lsbc.regrid.weights import GridSide, Side

SHARE_SLACK = 1e-12
"""Areas and fractions may lie this far below 0, by rounding."""

MAX_CELLS = 2**31 - 1
_PER_UNIT = {"degree": 1.0, "radian": 180.0 / math.pi}
_STERADIANS = {"", "square radians", "square radian", "radians^2", "steradian", "steradians", "sr", "1", "none", "unitless"}
_OPTIONS = {"a": "src", "b": "dst"}
_WORDS = {"a": "source", "b": "destination"}
_NAME_ATTRIBUTES = {"a": ("domain_a", "grid_file_src", "src_grid_name"), "b": ("domain_b", "grid_file_dst", "dst_grid_name")}


def read_side(file: Source, names: SideNames, given: Grid | int | tuple[int, ...] | None) -> Side:
    """One side of a weight file; unknown parts are None. A grid given fills what the file does not say and is compared with it.

    Raises WeightError where sizes are missing or disagree, coordinates are no degrees or radians, a live cell has no place,
    an area or a fraction is negative or not finite, or the grid given has its cells elsewhere or masks other ones.
    """
    shape = _shape(file, names, given)
    n = math.prod(shape)
    mask = _mask(file, names, n)
    lon, lat = _coordinates(file, names.lon, names.lat, (n,), mask)
    corners = _corners(file, names, n, mask)
    area = _share(file, names.area, n)
    if area is not None and file.attribute(names.area, "units").strip().lower() not in _STERADIANS:
        raise WeightError(f"File {file.path}: '{names.area}' is in '{file.attribute(names.area, 'units')}'; "
                          "weight files hold areas of the unit sphere (square radians).")
    side = Side(shape=shape, lon_deg=lon, lat_deg=lat, vertex_lon_deg=corners[0], vertex_lat_deg=corners[1], mask=mask,
                area_sr=area, frac=_share(file, names.frac, n),
                fingerprint=file.attributes.get(f"lsbc_fingerprint_{names.letter}", ""), name=_name(file, names.letter))
    return _joined(file, names, side, given) if isinstance(given, Grid) else side


def _shape(file: Source, names: SideNames, given) -> tuple[int, ...]:
    stated = _stated_shape(file, names)
    known = given.shape if isinstance(given, Grid) else _as_shape(given, names.letter)
    if stated is None and known is None:
        raise WeightError(f"File {file.path} does not say how many {_WORDS[names.letter]} cells there are; "
                          f"give the {_WORDS[names.letter]} grid or its shape (--{_OPTIONS[names.letter]} GRID).")
    if stated is None or known is None:
        return stated or known
    flat = len(stated) == 1 or len(known) == 1
    if math.prod(stated) != math.prod(known) or (not flat and stated != known):
        raise WeightError(f"File {file.path} maps {_arrow(names.letter)} a grid of shape {stated}, "
                          f"the {_WORDS[names.letter]} grid given has {known}.")
    return known


def _arrow(letter: str) -> str:
    return "from" if letter == "a" else "to"


def _as_shape(given, letter: str) -> tuple[int, ...] | None:
    if given is None:
        return None
    try:
        shape = tuple(operator.index(n) for n in np.atleast_1d(given))
    except TypeError:
        shape = ()
    if not shape or min(shape) < 1 or math.prod(shape) > MAX_CELLS:
        raise WeightError(f"The {_WORDS[letter]} grid is given as {given!r}; a grid, a number of cells or a shape is needed.")
    return shape


def _stated_shape(file: Source, names: SideNames) -> tuple[int, ...] | None:
    if names.size not in file.dims:
        return None
    n = file.dims[names.size]
    if names.dims not in file.variables:
        shape = (n,)
    else:
        shape = tuple(int(x) for x in file.integers(names.dims, file.shape(names.dims))[::-1])
    if n > MAX_CELLS:
        raise WeightError(f"File {file.path} has {n} cells in '{names.size}'; weights can number {MAX_CELLS}.")
    if math.prod(shape) != n or min(shape, default=0) < 1:
        raise WeightError(f"File {file.path}: '{names.dims}' says {shape[::-1]}, which is not the {n} cells of '{names.size}'.")
    return shape


def _mask(file: Source, names: SideNames, n: int) -> np.ndarray | None:
    if names.mask not in file.variables:
        return None
    mask = file.integers(names.mask, (n,), np.int32)
    bad = np.flatnonzero((mask != 0) & (mask != 1))
    if len(bad):
        raise WeightError(f"File {file.path}: '{names.mask}[{bad[0]}]' is {mask[bad[0]]}; "
                          "0 (left out) and 1 (takes part) are known.")
    return mask == 1


def _share(file: Source, name: str, n: int) -> np.ndarray | None:
    """Areas or fractions (n,): finite and not negative."""
    if name not in file.variables:
        return None
    value = file.reals(name, (n,))
    bad = np.flatnonzero(~np.isfinite(value))
    if not len(bad):
        bad = np.flatnonzero(value < -SHARE_SLACK)
    if len(bad):
        raise WeightError(f"File {file.path}: '{name}[{bad[0]}]' is {value[bad[0]]}; it must be 0 or more.")
    return value


def _coordinates(file: Source, lon_name: str, lat_name: str, shape: tuple[int, ...], mask: np.ndarray | None) -> tuple:
    """Longitudes and latitudes in degrees, (None, None) where the file has neither; NaN where a masked cell has no place."""
    if lon_name not in file.variables and lat_name not in file.variables:
        return None, None
    lon, lat = (file.reals(name, shape) for name in (lon_name, lat_name))
    for name, array, limit in ((lon_name, lon, MAX_LON_DEG), (lat_name, lat, 90.0 + LAT_SLACK_DEG)):
        _to_degrees(file, name, array, limit, mask)
    return lon, lat


def _to_degrees(file: Source, name: str, array: np.ndarray, limit_deg: float, mask: np.ndarray | None) -> None:
    """In place; only sound values are touched, so that hosts with floating-point traps may read damaged files too."""
    factor = _degrees_per_unit(file, name)
    sound = np.isfinite(array)
    sound[sound] = np.abs(array[sound]) <= limit_deg / factor
    wrong = ~sound if mask is None else ~sound & mask.reshape(-1, *[1] * (array.ndim - 1))
    if wrong.any():
        k = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise WeightError(f"File {file.path}: '{name}' of cell {k[0]} is {array[k]} {file.attribute(name, 'units')}, "
                          f"beyond {limit_deg:.0f} degrees or not a number.")
    array[~sound] = np.nan
    array[sound] *= factor


def _degrees_per_unit(file: Source, name: str) -> float:
    units = file.attribute(name, "units").strip().lower()
    factor = next((factor for word, factor in _PER_UNIT.items() if units.startswith(word)), None)
    if factor is None:
        raise WeightError(f"File {file.path}: '{name}' has the units '{units}'; degrees and radians are known.")
    return factor


def _corners(file: Source, names: SideNames, n: int, mask: np.ndarray | None) -> tuple:
    """Corners (n, n_vertex); ESMF writes two bounds a cell for grids with axes, which are boxes."""
    if names.vertex_lon not in file.variables or file.dims.get(names.n_vertex, 0) < 2:
        return None, None
    n_vertex = file.dims[names.n_vertex]
    lon, lat = _coordinates(file, names.vertex_lon, names.vertex_lat, (n, n_vertex), mask)
    if n_vertex > 2:
        return lon, lat
    return lon[:, [0, 1, 1, 0]], lat[:, [0, 0, 1, 1]]


def _name(file: Source, letter: str) -> str:
    return next((file.attributes[word] for word in _NAME_ATTRIBUTES[letter] if word in file.attributes), "")


def _joined(file: Source, names: SideNames, side: Side, grid: Grid) -> Side:
    """The grid's own coordinates with the file's mask, areas and fractions, after a look whether they mean the same cells.

    How the grid joins its corners is not asked: the file's edges hold. A grid without masked cells is taken with the file's mask.
    """
    what = _WORDS[names.letter]
    if side.fingerprint and side.fingerprint != grid.fingerprint:
        raise WeightError(f"File {file.path} was written for another {what} grid than '{grid.name}' (fingerprints differ).")
    k = None if side.lon_deg is None else first_elsewhere(side, grid)
    if k is not None:
        raise WeightError(f"File {file.path}: {what} cell {k} lies at {side.lon_deg[k]:.6g} E {side.lat_deg[k]:.6g} N, "
                          f"in the grid '{grid.name}' at {grid.lon_deg[k]:.6g} E {grid.lat_deg[k]:.6g} N; "
                          "the cells are others or in another order.")
    if side.mask is not None and not grid.mask.all() and (side.mask != grid.mask).any():
        k = int(np.flatnonzero(side.mask != grid.mask)[0])
        raise WeightError(f"File {file.path}: {what} cell {k} {'takes part' if side.mask[k] else 'is masked'} there, "
                          f"but not so in the grid '{grid.name}'; use the mask that the weights were made with.")
    mask = grid.mask if side.mask is None else side.mask
    return GridSide(grid if np.array_equal(mask, grid.mask) else grid.with_mask(mask), side.frac, side.area_sr)
