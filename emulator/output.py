"""Write the yearly files: host fields (CF and UGRID), the 1 km map (CF), and a summary. Root writes; nothing is changed.

Both NetCDF files are finished under a temporary name first, so that a year is either written whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.atomic import whole_file
from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES, CLASS_SYSTEM, CLASS_VERSION, NO_DATA
from lsbc.emulator.fields import BY_NAME, FILL, OUTPUTS
from lsbc.emulator.mosaic import stream_to_root
from lsbc.emulator.plan import Plan
from lsbc.regrid.comm import Comm, agree

CODE_OF_INDEX = np.full(256, NO_DATA, np.uint8)
CODE_OF_INDEX[: len(CLASS_CODES)] = CLASS_CODES
_CLASS_ATTRIBUTES = {"flag_values": np.array(CLASS_CODES, np.uint8), "flag_meanings": " ".join(CLASS_NAMES)}


def write_host_fields(comm: Comm, plan: Plan, fields: dict[str, np.ndarray], year: int, path: Path, provenance: dict[str, str]) -> None:
    """`lsbc_<year>.nc`: every output field on all owned cells of all ranks, sorted by global id (collective)."""
    cells, owned = plan.cells, plan.owned
    mine = {"global_id": cells.global_id[owned], "lon": cells.lon_deg[owned], "lat": cells.lat_deg[owned],
            "lon_vertices": cells.vertex_lon_deg[owned], "lat_vertices": cells.vertex_lat_deg[owned],
            **{name: values[..., owned] for name, values in fields.items() if name != "valid_year"}}
    parts = comm.gather(mine)

    def save() -> None:
        if parts is None:
            return
        filled = [part for part in parts if len(part["global_id"])]
        merged = {name: np.concatenate([part[name] for part in filled], axis=-1 if name in fields else 0) for name in mine}
        order = np.argsort(merged["global_id"], kind="stable")
        merged = {name: values[..., order] if name in fields else values[order] for name, values in merged.items()}
        with whole_file(path) as temporary:
            _save_host_fields(temporary, merged, year, provenance)

    agree(comm, save)


def _save_host_fields(path: Path, merged: dict[str, np.ndarray], year: int, provenance: dict[str, str]) -> None:
    from netCDF4 import Dataset

    n_cell, n_vertex = merged["lon_vertices"].shape
    with Dataset(path, "w") as data:
        for name, size in (("class", len(CLASS_CODES)), ("cell", n_cell), ("nv", n_vertex)):
            data.createDimension(name, size)
        _put(data, "global_id", "i8", ("cell",), merged["global_id"], {"long_name": "global cell id of the host"})
        for axis, unit in (("lon", "degrees_east"), ("lat", "degrees_north")):
            word = {"lon": "longitude", "lat": "latitude"}[axis]
            _put(data, axis, "f8", ("cell",), merged[axis], {"standard_name": word, "units": unit, "bounds": f"{axis}_vertices"})
            _put(data, f"{axis}_vertices", "f8", ("cell", "nv"), merged[f"{axis}_vertices"], {})
        _put(data, "class", "u1", ("class",), np.array(CLASS_CODES, np.uint8),
             {"long_name": f"land-use class, {CLASS_SYSTEM} {CLASS_VERSION} code", **_CLASS_ATTRIBUTES})
        _put(data, "valid_year", "i4", (), np.int32(year), {"long_name": BY_NAME["valid_year"].long_name})
        _put_mesh(data, merged["lon_vertices"], merged["lat_vertices"])
        for info in OUTPUTS:
            if info.name == "valid_year":
                continue
            dims = ("class", "cell") if info.n_level > 1 else ("cell",)
            attributes = {"long_name": info.long_name, "units": info.units, "coordinates": "lat lon global_id", "mesh": "mesh", "location": "face"}
            if info.standard_name and info.name != "lu_dominant":
                attributes["standard_name"] = info.standard_name
            if info.name == "lu_dominant":
                dominant = np.where(merged[info.name] == FILL, -1, merged[info.name])
                attributes |= {"flag_values": np.array(CLASS_CODES, np.int32), "flag_meanings": " ".join(CLASS_NAMES)}
                del attributes["units"]
                _put(data, info.name, "i4", dims, dominant.astype(np.int32), attributes, -1)
            else:
                _put(data, info.name, "f8", dims, merged[info.name], attributes, FILL)
        data.setncatts({"Conventions": "CF-1.11 UGRID-1.0", "title": f"lsbc land-surface boundary conditions {year}", **provenance})


def _put_mesh(data, vertex_lon: np.ndarray, vertex_lat: np.ndarray) -> None:
    """UGRID topology: nodes are the distinct corners."""
    corners = np.column_stack([vertex_lon.ravel(), vertex_lat.ravel()])
    nodes, face_node = np.unique(corners, axis=0, return_inverse=True)
    data.createDimension("node", len(nodes))
    for k, (axis, unit) in enumerate((("longitude", "degrees_east"), ("latitude", "degrees_north"))):
        _put(data, f"node_{axis[:3]}", "f8", ("node",), nodes[:, k], {"standard_name": axis, "units": unit})
    _put(data, "face_nodes", "i4", ("cell", "nv"), face_node.reshape(vertex_lon.shape).astype(np.int32),
         {"cf_role": "face_node_connectivity", "start_index": np.int32(0)})
    _put(data, "mesh", "i4", (), np.int32(0), {"cf_role": "mesh_topology", "topology_dimension": np.int32(2), "node_coordinates": "node_lon node_lat",
                                              "face_node_connectivity": "face_nodes", "face_dimension": "cell", "face_coordinates": "lon lat"})


def _put(data, name: str, kind: str, dims: tuple[str, ...], values, attributes: dict[str, Any], fill=None) -> None:
    variable = data.createVariable(name, kind, dims, fill_value=fill)
    variable.set_auto_mask(False)
    variable.setncatts(attributes)
    variable[...] = values


def write_landuse_map(comm: Comm, plan: Plan, core: np.ndarray, year: int, path: Path, provenance: dict[str, str]) -> None:
    """`landuse_<year>.nc`: HILDA+ codes on the fine lattice over all tiles of the domain, tile by tile (collective)."""

    def save(blocks: Iterator[np.ndarray]) -> None:
        with whole_file(path) as temporary:
            _save_map(temporary, plan, blocks, year, provenance)

    stream_to_root(comm, plan, core, save)


def _save_map(path: Path, plan: Plan, blocks, year: int, provenance: dict[str, str]) -> None:
    from netCDF4 import Dataset

    tiles = plan.tiles
    rows, cols = np.divmod(plan.all_tiles, tiles.n_col)
    row0, col0, n_row, n_col = rows.min(), cols.min(), np.ptp(rows) + 1, np.ptp(cols) + 1
    with Dataset(path, "w") as data:
        data.createDimension("lat", int(n_row) * tiles.core)
        data.createDimension("lon", int(n_col) * tiles.core)
        for axis, first, size, centre in (("lat", row0, n_row, tiles.fine.lat_centre_deg), ("lon", col0, n_col, tiles.fine.lon_centre_deg)):
            index = np.arange(int(first) * tiles.core, int(first + size) * tiles.core)
            word, unit = {"lat": ("latitude", "degrees_north"), "lon": ("longitude", "degrees_east")}[axis]
            _put(data, axis, "f8", (axis,), centre(index), {"standard_name": word, "units": unit})
        landuse = data.createVariable("landuse", "u1", ("lat", "lon"), zlib=True, complevel=1, chunksizes=(tiles.core, tiles.core), fill_value=NO_DATA)
        landuse.set_auto_mask(False)
        landuse.setncatts({"long_name": f"land-use class, {CLASS_SYSTEM} {CLASS_VERSION} code", "valid_year": np.int32(year), **_CLASS_ATTRIBUTES})
        for row, col, block in zip(rows - row0, cols - col0, blocks):
            landuse[row * tiles.core: (row + 1) * tiles.core, col * tiles.core: (col + 1) * tiles.core] = CODE_OF_INDEX[block]
        data.setncatts({"Conventions": "CF-1.11", "title": f"lsbc 1 km land use {year}", "year": np.int32(year), **provenance})


def write_summary(path: Path, summary: dict[str, Any]) -> None:
    """`summary.json`, rewritten whole each year."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
