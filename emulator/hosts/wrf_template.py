"""WRF files as a template: which cells, classes and land mask they have, and how values go back into them. Knows no rule of land use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.checks_wrf import MODIS, MODIS_CODES
from lsbc.emulator.hosts.host_file import HostFile, opened
from lsbc.emulator.hosts.place import same_cells
from lsbc.emulator.hosts.wrf_classes import LAKE, WATER, Template
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError

CLASS_COUNTS = (20, 21, 61)
COORDINATES = (("XLONG_M", "XLAT_M"), ("XLONG", "XLAT"))


@contextmanager
def opened_data(path: Path) -> Iterator:
    """An open netCDF4 Dataset, masks and scales off; raises FileError where it cannot be read."""
    from netCDF4 import Dataset

    if not path.is_file():
        raise FileError(f"File {path} does not exist or is no regular file.")
    try:
        with Dataset(path) as data:
            data.set_auto_maskandscale(False)
            yield data
    except (OSError, RuntimeError) as error:
        raise FileError(f"File {path} cannot be read as netCDF: {error}.") from error


def read_template(year: YearFile, data, path: Path) -> Template:
    """Land use of an open geo_em, wrfinput or wrfrst file, in the order of the yearly file's cells.

    A cell is land where LANDMASK (without one: XLAND) says so; in a file with IVGTYP, whose soil has its values already, LU_INDEX must say so as well.

    Args:
        data: the netCDF4 Dataset, masks and scales off.  path: its name in messages.
    Raises:
        FileError: not of this grid, not one time, not MODIS classes, or a variable or attribute is missing.
    """
    file = HostFile(path, data)
    if "LU_INDEX" not in file:
        raise FileError(f"File {path} has no LU_INDEX; a geo_em, wrfinput or wrfrst file is expected.")
    if file.sizes.get("Time") != 1:
        raise FileError(f"File {path} has {file.sizes.get('Time', 'no')} times, one is expected.")
    check_cells(year, file)
    n_class, lake = _categories(file)
    index = file.values("LU_INDEX")[0].ravel()
    land = _mask(file)
    if "IVGTYP" in file:
        land &= ~np.isin(index, (WATER, LAKE))
    return Template(index=index, land=land, fractions=_fractions(file, data, n_class), n_class=n_class, lake=lake)


def check_cells(year: YearFile, file: HostFile) -> None:
    """Raises FileError where the file's mass points are not the yearly file's cells."""
    for lon, lat in COORDINATES:
        if lon in file and lat in file:
            return same_cells(year, file.values(lon)[0], file.values(lat)[0], file.path)
    raise FileError(f"File {file.path} has neither XLONG_M and XLAT_M nor XLONG and XLAT: its cells cannot be compared with those of {year.path}.")


def flat(data, name: str, time: int = 0) -> np.ndarray:
    """One time of a variable as (n_cell,) or (level, n_cell), in its own type; a writable copy.

    Raises:
        FileError: the variable is packed, or holds no numbers.
    """
    variable = data[name]
    packed = [word for word in ("scale_factor", "add_offset") if word in variable.ncattrs()]
    if packed or np.dtype(variable.dtype).kind not in "iuf":
        raise FileError(f"File {data.filepath()}: '{name}' is {'packed' if packed else f'of type {variable.dtype}'}; WRF reads bare numbers.")
    values = np.asarray(variable[time])
    return values.reshape(*values.shape[:-2], -1)


def dates(data, path: Path) -> list[date]:
    """The day of each of the file's Times; FileError where one is no date of WRF's (yyyy-mm-dd_hh:mm:ss)."""
    if "Times" not in data.variables:
        raise FileError(f"File {path} has no Times.")
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
        FileError: the file cannot be read, is of another grid, or has no twelve months of ALBEDO12M.
    """
    if path is None:
        return None
    with opened(path) as file:
        check_cells(year, file)
        if "ALBEDO12M" not in file or file.values("ALBEDO12M").shape[1:2] != (12,):
            raise FileError(f"File {path} has no ALBEDO12M with 12 months; a geo_em file is expected.")
        return file.values("ALBEDO12M")[0].reshape(12, -1)


def put(data, name: str, values: np.ndarray, time: int = 0) -> None:
    """Write one time of a variable from (n_cell,) or (level, n_cell)."""
    variable = data[name]
    variable[time] = values.reshape(variable.shape[1:])


def mark(data, attributes: dict[str, str], year: YearFile, notes: Iterable[str]) -> None:
    """Global attributes that say where the values come from, all named lsbc_..."""
    data.setncatts({**{f"lsbc_{name}": value for name, value in attributes.items()}, "lsbc_valid_year": np.int32(year.year), "lsbc_notes": "; ".join(notes)})


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


def _mask(file: HostFile) -> np.ndarray:
    """(n_cell,) bool; both names have 1 on land, and 0 or 2 on water."""
    for name in ("LANDMASK", "XLAND"):
        if name in file:
            values = file.values(name)[0].ravel()
            known = np.isin(values, (0, 1, 2))
            if not known.all():
                k = int(np.argmin(known))
                raise FileError(f"File {file.path}: {name} of cell {k + 1} is {values[k]:g}, neither land (1) nor water.")
            return values == 1
    raise FileError(f"File {file.path} has neither LANDMASK nor XLAND; which cells are land is not known.")


def _fractions(file: HostFile, data, n_class: int) -> np.ndarray | None:
    """(n_class, n_cell), a writable copy of LANDUSEF."""
    if "LANDUSEF" not in file:
        return None
    fractions = flat(data, "LANDUSEF")
    if fractions.ndim != 2 or len(fractions) != n_class:
        raise FileError(f"File {file.path}: LANDUSEF has the shape {data['LANDUSEF'].shape}, NUM_LAND_CAT is {n_class}; correct the attribute.")
    return fractions
