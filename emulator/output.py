"""Write the yearly files: host fields (CF and UGRID), the 1 km map (CF), and a summary. Root writes; nothing is changed.

Each file is either written whole or not at all; after a failed year one of them may already be there, and is written again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES, CLASS_SYSTEM, CLASS_VERSION, NO_DATA
from lsbc.emulator.fields import BY_NAME, FILL, QUALITY_FLAGS, FieldInfo
from lsbc.emulator.plan import Plan, card_pieces
from lsbc.emulator.state import State
from lsbc.emulator.stream import stream_to_root
from lsbc.regrid.atomic import whole_file
from lsbc.regrid.comm import Comm

CODE_OF_INDEX = np.full(256, NO_DATA, np.uint8)
CODE_OF_INDEX[: len(CLASS_CODES)] = CLASS_CODES
_CLASS_ATTRIBUTES = {"flag_values": np.array(CLASS_CODES, np.uint8), "flag_meanings": " ".join(CLASS_NAMES)}
NODE_DECIMALS = 9
"""Of degrees, 0.1 mm: hosts may reckon the same corner in another way for each cell."""
TIME_UNITS = "days since 1850-01-01"
_WITH_LEAP_SECONDS = ("standard", "proleptic_gregorian")
"""Calendars of which CF asks whether days have leap seconds."""


@dataclass(frozen=True)
class _About:
    """What a file says of itself: the year its fields are valid for, the calendar of `time` (CF's names), and where it came from."""

    year: int
    calendar: str
    provenance: dict[str, str]

    def put(self, data, title: str, conventions: str) -> None:
        """Global attributes. No date of writing: equal runs give equal files."""
        data.setncatts({"Conventions": conventions, "title": f"lsbc {title} {self.year}",
                        "history": f"written by {self.provenance.get('source', 'lsbc')} for {self.year}", **self.provenance})

    def put_time(self, data) -> None:
        """Scalar `time`, the middle of the year, with its beginning and end as bounds; years are astronomical (there is a year 0)."""
        import cftime

        calendar = "standard" if self.calendar == "gregorian" else self.calendar  # CF 1.9 and later: the same, under one name
        bounds = [cftime.date2num(cftime.datetime(year, 1, 1, calendar=calendar, has_year_zero=True), TIME_UNITS, calendar, has_year_zero=True)
                  for year in (self.year, self.year + 1)]
        told = {"standard_name": "time", "long_name": "year the fields are valid for", "axis": "T", "units": TIME_UNITS, "calendar": calendar, "bounds": "time_bnds"}
        data.createDimension("bnds", 2)
        _put(data, "time", "f8", (), sum(bounds) / 2, told | ({"units_metadata": "leap_seconds: none"} if calendar in _WITH_LEAP_SECONDS else {}))
        _put(data, "time_bnds", "f8", ("bnds",), bounds, {})


def write_host_fields(comm: Comm, plan: Plan, state: State, infos: tuple[FieldInfo, ...], path: Path, provenance: dict[str, str], *,
                      calendar: str = "standard") -> None:
    """`lsbc_<year>.nc`: every output field on all owned cells of all ranks, sorted by global id (collective).

    Root takes one variable after the other, so that it holds a few of them at a time. `calendar` counts the days of `time` alone.
    """
    cells, owned = plan.cells, plan.owned
    mine = {"lon_vertices": cells.vertex_lon_deg, "lat_vertices": cells.vertex_lat_deg, "lon": cells.lon_deg, "lat": cells.lat_deg,
            **{info.name: np.moveaxis(state.fields[info.name], -1, 0) for info in infos if info.name != "valid_year"}}
    names, counts = list(mine), comm.gather(len(owned))
    ids = comm.gather(cells.global_id[owned])
    about = _About(state.year, calendar, provenance)

    def save(blocks: Iterator[np.ndarray]) -> None:
        order = np.argsort(np.concatenate(ids), kind="stable")
        columns = ((name, np.concatenate([part for part, n in zip([next(blocks) for _ in counts], counts) if n])[order]) for name in names)
        with whole_file(path) as temporary:
            _save_host_fields(temporary, np.concatenate(ids)[order], columns, infos, about)

    owners = [rank for _ in names for rank in range(comm.size)]
    stream_to_root(comm, owners, lambda k: mine[names[k // comm.size]][owned], save)


def _save_host_fields(path: Path, global_id: np.ndarray, columns: Iterator[tuple[str, np.ndarray]], infos: tuple[FieldInfo, ...], about: _About) -> None:
    """`columns` gives the corners' longitudes and latitudes first, then the centres, then the fields."""
    from netCDF4 import Dataset

    corners = {name: next(columns)[1] for name in ("lon_vertices", "lat_vertices")}
    n_cell, n_vertex = corners["lon_vertices"].shape
    with Dataset(path, "w") as data:
        for name, size in (("cell", n_cell), ("nv", n_vertex)):
            data.createDimension(name, size)
        _put(data, "global_id", "i8", ("cell",), global_id, {"long_name": "global cell id of the host", "units": "1"})
        _put_axes(data, infos)
        _put(data, "valid_year", "i4", (), np.int32(about.year), {"long_name": BY_NAME["valid_year"].long_name, "units": "1"})
        about.put_time(data)
        for name, values in corners.items():
            _put(data, name, "f8", ("cell", "nv"), values, {})
        _put_mesh(data, **corners)
        del corners
        by_name = {info.name: info for info in infos}
        for name, values in columns:
            if name in ("lon", "lat"):
                word, unit = {"lon": ("longitude", "degrees_east"), "lat": ("latitude", "degrees_north")}[name]
                _put(data, name, "f8", ("cell",), values, {"standard_name": word, "units": unit, "bounds": f"{name}_vertices"})
            else:
                _put_field(data, by_name[name], values)
        about.put(data, "land-surface boundary conditions", "CF-1.11 UGRID-1.0")


def _put_field(data, info: FieldInfo, values: np.ndarray) -> None:
    dims = (*(name for name, _ in info.axes), "cell")
    attributes: dict[str, Any] = {"long_name": info.long_name, "coordinates": "lat lon global_id time", "mesh": "mesh", "location": "face"}
    if info.flags:
        attributes |= {"flag_values": np.array([number for number, _ in info.flags], np.int32), "flag_meanings": " ".join(word for _, word in info.flags)}
        _put(data, info.name, "i4", dims, np.where(values == FILL, -1, values).astype(np.int32), attributes, -1)
        return
    if info.name == "quality":
        attributes |= {"standard_name": info.standard_name, "units": info.units, "flag_masks": np.array(list(QUALITY_FLAGS), np.int32),
                       "flag_meanings": " ".join(QUALITY_FLAGS.values())}
        _put(data, info.name, "i4", dims, values.astype(np.int32), attributes)
        return
    attributes["units"] = info.units
    if info.standard_name:
        attributes["standard_name"] = info.standard_name
    if info.units == "K":
        attributes["units_metadata"] = "temperature: on_scale"
    _put(data, info.name, "f8", dims, np.moveaxis(values, 0, -1).reshape(*(size for _, size in info.axes), -1), attributes, FILL)


def _put_axes(data, infos: tuple[FieldInfo, ...]) -> None:
    """Dimensions of the fields' levels with their coordinates."""
    for info in infos:
        for name, size in info.axes:
            if name in data.dimensions:
                continue
            data.createDimension(name, size)
            if name == "month":
                _put(data, name, "i4", (name,), np.arange(1, size + 1, dtype=np.int32), {"long_name": "month of the year", "units": "1"})
            elif name == "host_class":
                _put(data, name, "i4", (name,), np.array([int(level.partition(" ")[0]) for level in info.levels], np.int32),
                     {"long_name": info.long_name.removeprefix("area fraction of each "), "units": "1", "comment": "; ".join(info.levels)})
            else:
                _put(data, name, "u1", (name,), np.array(CLASS_CODES, np.uint8),
                     {"long_name": f"land-use class, {CLASS_SYSTEM} {CLASS_VERSION} code", "units": "1", **_CLASS_ATTRIBUTES})


def _put_mesh(data, lon_vertices: np.ndarray, lat_vertices: np.ndarray) -> None:
    """UGRID topology: nodes are the corners that differ by more than rounding; a last corner that is repeated, in cells with fewer of them, is missing."""
    corners = np.column_stack([lon_vertices.ravel(), lat_vertices.ravel()])
    _, first, face_node = np.unique(np.round(corners, NODE_DECIMALS), axis=0, return_index=True, return_inverse=True)
    nodes = corners[first]
    data.createDimension("node", len(nodes))
    for k, (axis, unit) in enumerate((("longitude", "degrees_east"), ("latitude", "degrees_north"))):
        _put(data, f"node_{axis[:3]}", "f8", ("node",), nodes[:, k], {"standard_name": axis, "units": unit})
    face_node = face_node.reshape(lon_vertices.shape).astype(np.int32)
    again = np.zeros(face_node.shape, bool)
    again[:, 1:] = np.logical_and.accumulate((face_node[:, 1:] == face_node[:, :-1])[:, ::-1], axis=1)[:, ::-1]
    _put(data, "face_nodes", "i4", ("cell", "nv"), np.where(again, -1, face_node),
         {"long_name": "nodes of each cell", "cf_role": "face_node_connectivity", "start_index": np.int32(0)}, -1 if again.any() else None)
    _put(data, "mesh", "i4", (), np.int32(0),
         {"long_name": "topology of the host's cells", "cf_role": "mesh_topology", "topology_dimension": np.int32(2), "node_coordinates": "node_lon node_lat",
          "face_node_connectivity": "face_nodes", "face_dimension": "cell", "face_coordinates": "lon lat"})


def _put(data, name: str, kind: str, dims: tuple[str, ...], values, attributes: dict[str, Any], fill=None) -> None:
    variable = data.createVariable(name, kind, dims, fill_value=fill)
    variable.set_auto_mask(False)
    variable.setncatts(attributes)
    variable[...] = values


def write_landuse_map(comm: Comm, plan: Plan, core: np.ndarray, year: int, path: Path, provenance: dict[str, str], *, calendar: str = "standard") -> None:
    """`landuse_<year>.nc`: HILDA+ codes on the fine lattice over all of the card's tiles in the domain, tile by tile (collective)."""

    def save(blocks: Iterator[np.ndarray]) -> None:
        with whole_file(path) as temporary:
            _save_map(temporary, plan, blocks, _About(year, calendar, provenance))

    pieces = card_pieces(plan)
    stream_to_root(comm, pieces.rank, lambda k: core[pieces.local[k]][pieces.cells(k)], save)


def _save_map(path: Path, plan: Plan, blocks, about: _About) -> None:
    from netCDF4 import Dataset

    tiles = plan.domain.card
    rows, cols = np.divmod(plan.domain.card_tiles, tiles.n_col)
    cols = _unwrapped(cols, tiles.n_col)
    row0, col0, n_row, n_col = rows.min(), cols.min(), np.ptp(rows) + 1, np.ptp(cols) + 1
    with Dataset(path, "w") as data:
        data.createDimension("lat", int(n_row) * tiles.core)
        data.createDimension("lon", int(n_col) * tiles.core)
        for axis, first, size, centre in (("lat", row0, n_row, tiles.fine.lat_centre_deg), ("lon", col0, n_col, tiles.fine.lon_centre_deg)):
            index = np.arange(int(first) * tiles.core, int(first + size) * tiles.core)
            word, unit = {"lat": ("latitude", "degrees_north"), "lon": ("longitude", "degrees_east")}[axis]
            _put(data, axis, "f8", (axis,), centre(index), {"standard_name": word, "units": unit})
        about.put_time(data)
        landuse = data.createVariable("landuse", "u1", ("lat", "lon"), zlib=True, complevel=1, chunksizes=(tiles.core, tiles.core), fill_value=NO_DATA)
        landuse.set_auto_mask(False)
        landuse.setncatts({"long_name": f"land-use class, {CLASS_SYSTEM} {CLASS_VERSION} code", "valid_year": np.int32(about.year),
                           "coordinates": "time", **_CLASS_ATTRIBUTES})
        for row, col, block in zip(rows - row0, cols - col0, blocks):
            landuse[row * tiles.core: (row + 1) * tiles.core, col * tiles.core: (col + 1) * tiles.core] = CODE_OF_INDEX[block]
        about.put(data, "1 km land use", "CF-1.11")
        data.setncatts({"year": np.int32(about.year)})


def _unwrapped(cols: np.ndarray, n_col: int) -> np.ndarray:
    """Tile columns counted on beyond the date line where that makes the map narrower; longitudes then pass 180 degrees."""
    present = np.unique(cols)
    gap = np.diff(np.append(present, present[0] + n_col))
    widest = int(np.argmax(gap))
    return cols if gap[-1] == gap[widest] else np.where(cols <= present[widest], cols + n_col, cols)


def read_history(path: Path, before: int) -> list[dict[str, Any]]:
    """Years before `before` of an earlier part of the run, from its `summary.json`; none where there is no such file."""
    try:
        years = json.loads(path.read_text(encoding="utf-8"))["years"]
        return [entry for entry in years if entry["year"] < before]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """`summary.json`, rewritten whole each year."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
