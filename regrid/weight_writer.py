"""Write weights in ESMF's layout: netCDF4, compressed, a block at a time. Knows no other layout and reads nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.regrid.atomic import whole_file
from lsbc.regrid.errors import FileError, WeightError
from lsbc.regrid.weight_layouts import COO_SIDES, ESMF_WORDS, MAP_METHODS, TITLE_SUFFIX, SideNames
from lsbc.regrid.weights import Side, Weights

OWN_ATTRIBUTES = frozenset((
    "title", "Title", "normalization", "map_method", "ESMF_regrid_method", "conventions", "domain_a", "domain_b", "grid_file_src",
    "grid_file_dst", "lsbc_edges", "lsbc_fingerprint_a", "lsbc_fingerprint_b"))
"""Global attributes that this module writes from the weights themselves; all others travel in `Weights.attributes`."""

BLOCK = 1 << 20
"""Entries written at once."""

_CHUNK = 1 << 16
_CACHE_BYTES = 1 << 20
_NORMALIZATION_WORDS = {"dstarea": "destarea", "fracarea": "fracarea", "none": "none"}
"""ESMF's newest word for the last is "N/A", at which NCO 5.1 stops."""


def write_weights(path: Path | str, weights: Weights) -> None:
    """Write a whole file or none. Unknown parts of the sides are left out; indices count from 1, as ESMF has them.

    Raises WeightError for weights without an entry, which other programs cannot read (netCDF makes a dimension of size 0 an
    unlimited one), and FileError where the directory is missing or the file cannot be written.
    """
    from netCDF4 import Dataset

    path = Path(path)
    if not weights.n_entry:
        raise WeightError(f"File {path} is not written: none of the {weights.n_source} source cells reaches one of the "
                          f"{weights.n_destination} destination cells; do the grids overlap?")
    with whole_file(path) as temporary, Dataset(temporary, "w", format="NETCDF4") as data:
        try:
            data.setncatts(_attributes(weights))
        except (AttributeError, TypeError, ValueError) as error:  # netCDF4's words for names and values it cannot store
            raise FileError(f"File {path} could not be written: attributes {', '.join(weights.attributes)}: {error}.") from error
        for side, names in zip((weights.source, weights.destination), COO_SIDES):
            _write_side(data, side, names)
        _write_entries(data, weights)


def _attributes(weights: Weights) -> dict[str, str]:
    own = {
        "title": f"{weights.generator} {TITLE_SUFFIX}",
        "normalization": _NORMALIZATION_WORDS[weights.normalization],
        "map_method": MAP_METHODS.get(weights.method, "Undefined"),
        "conventions": "NCAR-CSM",
        "domain_a": weights.source.name,
        "domain_b": weights.destination.name,
        "grid_file_src": weights.source.name,
        "grid_file_dst": weights.destination.name,
        "lsbc_edges": weights.edges,
        "lsbc_fingerprint_a": weights.source.fingerprint,
        "lsbc_fingerprint_b": weights.destination.fingerprint,
    }
    if weights.method in ESMF_WORDS:
        own["ESMF_regrid_method"] = ESMF_WORDS[weights.method]
    return {**{name: str(text) for name, text in weights.attributes.items() if name not in OWN_ATTRIBUTES}, **own}


def _write_side(data, side: Side, names: SideNames) -> None:
    data.createDimension(names.size, side.n_cell)
    data.createDimension(names.rank, len(side.shape))
    data.createVariable(names.dims, "i4", (names.rank,))[:] = np.array(side.shape[::-1], np.int32)
    cells, corners = (names.size,), (names.size, names.n_vertex)
    if side.vertex_lon_deg is not None:
        data.createDimension(names.n_vertex, side.vertex_lon_deg.shape[1])
    fields = [
        (names.lat, side.lat_deg, cells, "degrees"), (names.lon, side.lon_deg, cells, "degrees"),
        (names.vertex_lat, side.vertex_lat_deg, corners, "degrees"), (names.vertex_lon, side.vertex_lon_deg, corners, "degrees"),
        (names.mask, side.mask, cells, "unitless"), (names.area, side.area_sr, cells, "square radians"),
        (names.frac, side.frac, cells, "unitless"),
    ]
    for name, values, dims, units in fields:
        if values is not None:
            variable = _variable(data, name, "i4" if values.dtype == bool else "f8", dims, len(values))
            variable.units = units
            for start in range(0, len(values), BLOCK):
                variable[start:start + BLOCK] = values[start:start + BLOCK]


def _write_entries(data, weights: Weights) -> None:
    data.createDimension("n_s", weights.n_entry)
    data.createDimension("num_wgts", 1)
    kinds = {"col": "i4", "row": "i4", "S": "f8"}
    column, row, value = (_variable(data, name, kind, ("n_s",), weights.n_entry) for name, kind in kinds.items())
    for start in range(0, weights.n_entry, BLOCK):
        stop = min(start + BLOCK, weights.n_entry)
        column[start:stop] = weights.column[start:stop] + np.int32(1)
        row[start:stop] = np.searchsorted(weights.offsets, np.arange(start, stop), side="right").astype(np.int32)
        value[start:stop] = weights.value[start:stop]


def _variable(data, name: str, kind: str, dims: tuple[str, ...], n: int):
    chunks = tuple([max(1, min(n, _CHUNK)), *(len(data.dimensions[d]) for d in dims[1:])])
    variable = data.createVariable(name, kind, dims, zlib=True, complevel=1, shuffle=True, chunksizes=chunks, fill_value=False)
    variable.set_var_chunk_cache(size=_CACHE_BYTES)
    return variable
