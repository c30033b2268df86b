"""WRF files as a template: which cells, classes and land mask they have, and how values go back into them. Knows no rule of land use."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.checks_wrf import MODIS, MODIS_CODES
from lsbc.emulator.hosts.host_file import HostFile
from lsbc.emulator.hosts.place import same_cells
from lsbc.emulator.hosts.wrf_classes import LAKE, WATER, Template
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import FileError

CLASS_COUNTS = (20, 21, 61)
COORDINATES = (("XLONG_M", "XLAT_M"), ("XLONG", "XLAT"))


def read_template(year: YearFile, data, path: Path, *, mask_decides: bool) -> Template:
    """Land use of an open geo_em, wrfinput or wrfrst file, in the order of the yearly file's cells.

    Args:
        data: the netCDF4 Dataset, masks and scales off.  path: its name in messages.
        mask_decides: a cell is land where LANDMASK (without one: XLAND) says so; else LU_INDEX must say so as well, as in a file whose
            soil has its values already.
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
    if not mask_decides:
        land &= ~np.isin(index, (WATER, LAKE))
    return Template(index=index, land=land, fractions=_fractions(file, data, n_class), n_class=n_class, lake=lake)


def check_cells(year: YearFile, file: HostFile) -> None:
    """Raises FileError where the file's mass points are not the yearly file's cells."""
    for lon, lat in COORDINATES:
        if lon in file and lat in file:
            return same_cells(year, file.values(lon)[0], file.values(lat)[0], file.path)
    raise FileError(f"File {file.path} has neither XLONG_M and XLAT_M nor XLONG and XLAT: its cells cannot be compared with those of {year.path}.")


def flat(data, name: str, time: int = 0) -> np.ndarray:
    """One time of a variable as (n_cell,) or (level, n_cell), in its own type."""
    values = np.asarray(data[name][time])
    return values.reshape(*values.shape[:-2], -1)


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
    for name, of_land in (("LANDMASK", 1), ("XLAND", 1)):
        if name in file:
            values = file.values(name)[0].ravel()
            if not np.isfinite(values).all():
                raise FileError(f"File {file.path}: {name} of cell {int(np.argmin(np.isfinite(values))) + 1} is missing or not finite.")
            return values == of_land
    raise FileError(f"File {file.path} has neither LANDMASK nor XLAND; which cells are land is not known.")


def _fractions(file: HostFile, data, n_class: int) -> np.ndarray | None:
    """(n_class, n_cell), a writable copy of LANDUSEF."""
    if "LANDUSEF" not in file:
        return None
    fractions = flat(data, "LANDUSEF")
    if fractions.ndim != 2 or len(fractions) != n_class:
        raise FileError(f"File {file.path}: LANDUSEF has the shape {data['LANDUSEF'].shape}, NUM_LAND_CAT is {n_class}; correct the attribute.")
    return fractions
