"""ICON's cells, blocks, dates and variables as lsbc wants them. Plain numpy on what ComIn describes; never imports ComIn, knows no component.

ICON keeps a field of cells in blocks, as a Fortran array (nproma, nblks): place within the block first. Read in memory order
that is one row of local cells, of which the first `ncells` exist; the rest of the last block is padding. Angles are radians,
indices start at 1, and `decomp_domain` is 0 on a rank's own cells and more on halo cells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsbc.emulator.fields import FIELDS, FieldInfo
from lsbc.emulator.reader import HostFile
from lsbc.regrid.errors import FieldError, FileError, GridError, YearError

PREFIX = "lsbc_"
_SAME_PLACE_DEG = 0.01
"""How far the centre of a cell in the states file may lie from ICON's."""
_DATE = re.compile(r"\s*([+-]?\d+)-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)")


@dataclass(frozen=True)
class IconCells:
    """One rank's cells in local order: the arguments of `Component.set_grid`, in degrees."""

    global_id: np.ndarray
    lon_deg: np.ndarray
    lat_deg: np.ndarray
    vertex_lon_deg: np.ndarray
    vertex_lat_deg: np.ndarray
    owned: np.ndarray

    def arguments(self) -> tuple[np.ndarray, ...]:
        """As `Component.set_grid` takes them."""
        return self.global_id, self.lon_deg, self.lat_deg, self.vertex_lon_deg, self.vertex_lat_deg, self.owned


def read_cells(domain: Any, rank: int) -> IconCells:
    """Cells of one domain on this rank, from ComIn's descriptive data.

    Raises:
        GridError: a corner of a cell is not among the rank's vertices, or there are fewer ids than cells.
    """
    cells, verts = domain.cells, domain.verts
    n_cell = int(cells.ncells)
    global_id = np.array(cells.glb_index, np.int64).ravel()[:n_cell]
    if len(global_id) != n_cell:
        raise GridError(f"ICON gives {len(global_id)} global indices for {n_cell} cells on rank {rank}.")
    corner = _corners(cells, verts, global_id, rank)
    lon, lat = (np.degrees(_in_local_order(values)) for values in (verts.vlon, verts.vlat))
    return IconCells(global_id, np.degrees(_in_local_order(cells.clon)[:n_cell]), np.degrees(_in_local_order(cells.clat)[:n_cell]),
                     lon[corner], lat[corner], (_in_local_order(cells.decomp_domain)[:n_cell] == 0).astype(np.int32))


def _in_local_order(values: Any) -> np.ndarray:
    return np.asarray(values).ravel(order="F")


def _corners(cells: Any, verts: Any, global_id: np.ndarray, rank: int) -> np.ndarray:
    """Local vertices, from 0, of each cell: (n_cell, n_vertex)."""
    place, block = (np.asarray(part, np.int64) for part in (cells.vertex_idx, cells.vertex_blk))
    place, block = (part.reshape(-1, part.shape[-1], order="F")[:len(global_id)] for part in (place, block))
    nproma = np.asarray(verts.vlon).shape[0]
    corner = (block - 1) * nproma + place - 1
    bad = ((place < 1) | (place > nproma) | (block < 1) | (corner >= int(verts.nverts))).any(axis=1)
    if bad.any():
        k = int(np.argmax(bad))
        raise GridError(f"Cell {global_id[k]} of ICON has the corners (index, block) {list(zip(place[k].tolist(), block[k].tolist()))} on rank {rank}, "
                        f"where there are {int(verts.nverts)} vertices in blocks of {nproma}.")
    return corner


def cell_row(values: np.ndarray, n_place: int, n_cell: int, name: str) -> np.ndarray:
    """The cells of one of ICON's variables, (n_cell,), as a view: writing to it writes to ICON's array.

    Args:
        values: (nproma, nblks) with any dimensions of length 1.  n_place: nproma * nblks.
    Raises:
        FieldError: the variable holds more than one value a cell, or does not lie in one piece.
    """
    if values.size != n_place:
        raise FieldError(f"Variable '{name}' of ICON has shape {values.shape}; lsbc needs one value a cell, {n_place} with padding.")
    if not values.flags.f_contiguous or not np.issubdtype(values.dtype, np.floating):
        raise FieldError(f"Variable '{name}' of ICON, {values.dtype}, must be floating-point numbers in one piece of memory.")
    return values.ravel(order="F")[:n_cell]


def parse_date(text: str) -> tuple[int, ...]:
    """(year, month, day, hour, minute, second) of an ISO 8601 date; any calendar, as nothing is counted.

    Raises:
        YearError: the text is no such date.
    """
    match = _DATE.match(text)
    if match is None:
        raise YearError(f"ICON gives the date {text!r}; lsbc reads dates such as 2019-01-01T00:00:00.")
    return tuple(int(part) for part in match.groups())


def model_date(current: str, run_start: str) -> tuple[int, ...]:
    """The model's date. Until the first step of a resumed run is under way ICON still gives the start of the whole experiment, hence the later of the two."""
    return max(parse_date(current), parse_date(run_start))


def restart_name(domain: int, date: tuple[int, ...]) -> str:
    """Name of the restart file of one domain's instance and a date, in the manner of ICON's own."""
    year, month, day, hour, minute, second = date
    return f"lsbc_restart_DOM{domain:02d}_{year:04d}{month:02d}{day:02d}T{hour:02d}{minute:02d}{second:02d}Z.nc"


def find_cells(states: HostFile, cells: IconCells, rank: int) -> np.ndarray:
    """Positions of ICON's cells in a host file, by global id.

    Raises:
        FileError: the file lacks one of the cells, or has it somewhere else.
    """
    order = np.argsort(states.global_id, kind="stable")
    where = np.searchsorted(states.global_id, cells.global_id, sorter=order)
    found = order[np.minimum(where, len(order) - 1)] if len(order) else np.zeros(len(where), np.int64)
    missing = states.global_id[found] != cells.global_id if len(order) else np.ones(len(where), bool)
    if missing.any():
        raise FileError(f"Host file {states.path} lacks cell {cells.global_id[np.argmax(missing)]} of ICON's grid, and {missing.sum() - 1} more of rank {rank}; "
                        "make the file for this grid.")
    east = np.abs((states.lon_deg[found] - cells.lon_deg + 180.0) % 360.0 - 180.0) * np.cos(np.radians(cells.lat_deg))
    off = np.maximum(east, np.abs(states.lat_deg[found] - cells.lat_deg))
    if off.size and not off.max() <= _SAME_PLACE_DEG:
        k = int(np.argmax(off))
        raise FileError(f"Host file {states.path} has cell {cells.global_id[k]} at {states.lon_deg[found[k]]:.4f} E, {states.lat_deg[found[k]]:.4f} N; "
                        f"in ICON it is at {cells.lon_deg[k]:.4f} E, {cells.lat_deg[k]:.4f} N on rank {rank}: the file is of another grid.")
    return found


@dataclass(frozen=True)
class Surface:
    """One value a cell that ICON gets: a field of the contract, or one level of it."""

    name: str
    field: FieldInfo
    level: int = 0

    @property
    def long_name(self) -> str:
        """What the values are."""
        return self.field.long_name if not self.field.levels else f"{self.field.long_name}: {self.field.levels[self.level]}"


def surfaces() -> dict[str, Surface]:
    """Name -> what ICON gets; each level of a field is one of them, as ComIn makes variables of one level or of ICON's own levels only."""
    everything = []
    for info in FIELDS:
        if info.direction == "out" and not info.levels:
            everything.append(Surface(info.name, info))
        elif info.direction == "out":
            everything += [Surface(f"{info.name}_{name}", info, level) for level, name in enumerate(info.levels)]
    return {surface.name: surface for surface in everything}
