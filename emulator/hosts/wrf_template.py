"""WRF files as a template: which cells, classes and land mask they have, and how values go back into them. Knows no rule of land use."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.checks_wrf import MODIS, MODIS_CODES
from lsbc.emulator.hosts.host_file import HostFile, opened
from lsbc.emulator.hosts.place import same_cells
from lsbc.emulator.hosts.wrf_classes import LAKE, WATER, Template
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError

FLOATS, NUMBERS = "f", "iuf"
"""Kinds of numpy types, for `require_map`."""
CLASS_COUNTS = (20, 21, 61)
COORDINATES = (("XLONG_M", "XLAT_M"), ("XLONG", "XLAT"))
MAP = ("Time", "south_north", "west_east")


def read_template(year: YearFile, data, path: Path) -> Template:
    """Land use of an open geo_em, wrfinput or wrfrst file, in the order of the yearly file's cells.

    A cell is land where LANDMASK (without one: XLAND) says so; in a file with IVGTYP, whose soil has its values already, LU_INDEX must say so as well.

    Args:
        data: the netCDF4 Dataset, masks and scales off.  path: its name in messages.
    Raises:
        FileError: not of this grid, not one time, not MODIS classes, a variable or attribute is missing, or a variable is no map of numbers.
    """
    file = HostFile(path, data)
    if "LU_INDEX" not in file:
        raise FileError(f"File {path} has no LU_INDEX; a geo_em, wrfinput or wrfrst file is expected.")
    if file.sizes.get("Time") != 1:
        raise FileError(f"File {path} has {file.sizes.get('Time', 'no')} times, one is expected.")
    check_cells(year, file)
    n_class, lake = _categories(file)
    require_map(data, "LU_INDEX", path, kinds=NUMBERS)
    index, land = flat(data, "LU_INDEX"), _mask(data, path)
    if "IVGTYP" in file:
        require_map(data, "IVGTYP", path, kinds=NUMBERS)
        land &= ~np.isin(index, (WATER, LAKE))
    return Template(index=index, land=land, fractions=_fractions(file, data, n_class), n_class=n_class, lake=lake)


def check_cells(year: YearFile, file: HostFile) -> None:
    """Raises FileError where the file's mass points are not the yearly file's cells."""
    for lon, lat in COORDINATES:
        if lon in file and lat in file:
            for name in (lon, lat):
                _require_dims(file.dims(name), name, file.path)
            return same_cells(year, file.values(lon)[0], file.values(lat)[0], file.path)
    raise FileError(f"File {file.path} has neither XLONG_M and XLAT_M nor XLONG and XLAT: its cells cannot be compared with those of {year.path}.")


def require_map(data, name: str, path: Path, *, levels: bool = False, kinds: str = FLOATS) -> None:
    """Make sure that a variable is (Time, [levels,] south_north, west_east) and holds bare numbers of the kinds of numpy types named.

    What lsbc writes must be FLOATS, since whole numbers would cut it; class numbers, and what is only read, may be any NUMBERS.

    Raises:
        FileError: it does not; file, variable, and dimensions or type are named.
    """
    variable = data[name]
    _require_dims(variable.dimensions, name, path, levels)
    if packed := [word for word in ("scale_factor", "add_offset") if word in variable.ncattrs()]:
        raise FileError(f"File {path}: '{name}' is packed ({', '.join(packed)}); WRF reads bare numbers.")
    if np.dtype(variable.dtype).kind not in kinds:
        expected = "floating-point numbers" if kinds == FLOATS else "numbers"
        raise FileError(f"File {path}: '{name}' is of type {variable.dtype}; {expected} are expected.")


def _require_dims(dims: tuple[str, ...], name: str, path: Path, levels: bool = False) -> None:
    if dims[:1] + dims[-2:] != MAP or len(dims) != len(MAP) + levels:
        expected = (MAP[0], *(["one of levels"] if levels else []), *MAP[1:])
        raise FileError(f"File {path}: {name} has the dimensions {', '.join(dims) or '(none)'}; {', '.join(expected)} are expected.")


def flat(data, name: str, time: int = 0) -> np.ndarray:
    """One time of a variable as (n_cell,) or (level, n_cell), as it lies in the file (see `require_map`); a writable copy."""
    values = np.asarray(data[name][time])
    return values.reshape(*values.shape[:-2], -1)


def dates(data, path: Path) -> list[date]:
    """The day of each of the file's Times; FileError where one is no date of WRF's (yyyy-mm-dd_hh:mm:ss)."""
    if "Times" not in data.variables:
        raise FileError(f"File {path} has no Times.")
    dims, dtype = data["Times"].dimensions, np.dtype(data["Times"].dtype)
    if len(dims) != 2 or dims[0] != "Time" or dtype != np.dtype("S1"):
        raise FileError(f"File {path}: Times has the dimensions {', '.join(dims) or '(none)'} and is of type {data['Times'].dtype}; Time, DateStrLen and characters are "
                        "expected.")
    texts = [row.tobytes().decode("ascii", "replace").strip("\0 ") for row in np.asarray(data["Times"][...])]
    days = []
    for text in texts:
        try:
            days.append(date.fromisoformat(text[:10]))
        except ValueError as error:
            raise FileError(f"File {path}: '{text}' in Times is no date like 2031-01-01_00:00:00.") from error
    return days


def read_course(year: YearFile, path: Path | None) -> np.ndarray | None:
    """ALBEDO12M of a geo_em file, (12, n_cell) in percent, None without a file.

    Raises:
        FileError: the file cannot be read, is of another grid, or has no map of twelve months of ALBEDO12M.
    """
    if path is None:
        return None
    with opened(path) as file:
        check_cells(year, file)
        if "ALBEDO12M" not in file:
            raise FileError(f"File {path} has no ALBEDO12M with 12 months; a geo_em file is expected.")
        _require_dims(file.dims("ALBEDO12M"), "ALBEDO12M", path, levels=True)
        values = file.values("ALBEDO12M")
        if values.shape[:2] != (1, 12):
            raise FileError(f"File {path} has {values.shape[0]} times of {values.shape[1]} months of ALBEDO12M; a geo_em file, with one of 12, is expected.")
        return values[0].reshape(12, -1)


def put(data, name: str, values: np.ndarray, time: int = 0) -> None:
    """Write one time of a variable from (n_cell,) or (level, n_cell)."""
    variable = data[name]
    variable[time] = values.reshape(variable.shape[1:])


def put_cells(data, name: str, values: np.ndarray, cells: np.ndarray, time: int = 0) -> None:
    """Change some cells of one time of a variable; the others keep their bits.

    Args:
        values: (n,) or (level, n).  cells: their positions (n,), or (n_cell,) bool.
    """
    all_cells = flat(data, name, time)
    all_cells[..., cells] = values
    put(data, name, all_cells, time)


def _categories(file: HostFile) -> tuple[int, bool]:
    """(number of classes, whether 21 is a lake) from the attributes."""
    if file.text("MMINLU") != MODIS:
        raise FileError(f"File {file.path}: MMINLU is '{file.text('MMINLU')}'; only {MODIS} is known (WPS: geog_data_res with modis land use).")
    for name, known in (*MODIS_CODES.items(), ("NUM_LAND_CAT", CLASS_COUNTS)):
        if file.whole(name) not in known:
            raise FileError(f"File {file.path}: attribute {name} is {file.whole(name)}, with {MODIS} it is {' or '.join(map(str, known))}.")
    n_class, lake = file.whole("NUM_LAND_CAT"), file.whole("ISLAKE")
    if lake > n_class:
        raise FileError(f"File {file.path}: ISLAKE is {lake}, but the file has {n_class} classes (NUM_LAND_CAT); correct one of them.")
    return n_class, lake == LAKE


def _mask(data, path: Path) -> np.ndarray:
    """(n_cell,) bool; both names have 1 on land, and 0 or 2 on water."""
    for name in ("LANDMASK", "XLAND"):
        if name in data.variables:
            require_map(data, name, path, kinds=NUMBERS)
            values = flat(data, name)
            known = np.isin(values, (0, 1, 2))
            if not known.all():
                k = int(np.argmin(known))
                raise FileError(f"File {path}: {name} of cell {k + 1} is {values[k]:g}, neither land (1) nor water.")
            return values == 1
    raise FileError(f"File {path} has neither LANDMASK nor XLAND; which cells are land is not known.")


def _fractions(file: HostFile, data, n_class: int) -> np.ndarray | None:
    """(n_class, n_cell), a writable copy of LANDUSEF."""
    if "LANDUSEF" not in file:
        return None
    require_map(data, "LANDUSEF", file.path, levels=True)
    fractions = flat(data, "LANDUSEF")
    if len(fractions) != n_class:
        raise FileError(f"File {file.path}: LANDUSEF has the shape {data['LANDUSEF'].shape}, NUM_LAND_CAT is {n_class}; correct the attribute.")
    return fractions
