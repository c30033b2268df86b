"""Copies of dimensions, attributes and variables from one netCDF file into another, bit by bit and a part at a time. Knows no host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

PART_BYTES = 1 << 24
_OF_THE_TYPE = ("_FillValue", "missing_value", "valid_min", "valid_max", "valid_range")
"""Attributes that have the type of their variable."""


def copy_dimensions(source, target, names: Iterable[str]) -> None:
    """Dimensions of these names that `target` has not yet; an unlimited one stays unlimited."""
    for name in names:
        if name not in target.dimensions:
            dimension = source.dimensions[name]
            target.createDimension(name, None if dimension.isunlimited() else len(dimension))


def attributes(variable) -> dict[str, Any]:
    """All attributes but those that have the type of the variable."""
    return {name: variable.getncattr(name) for name in variable.ncattrs() if name not in _OF_THE_TYPE}


def copy_variable(source, target, name: str) -> None:
    """One variable with its dimensions, attributes, chunks and compression; both files without masks and scales."""
    old = source.variables[name]
    copy_dimensions(source, target, old.dimensions)
    fill = old.getncattr("_FillValue") if "_FillValue" in old.ncattrs() else None
    new = target.createVariable(name, old.dtype, old.dimensions, fill_value=fill, **_storage(old))
    new.set_auto_maskandscale(False)
    new.setncatts({word: old.getncattr(word) for word in old.ncattrs() if word != "_FillValue"})
    if not old.dimensions or not isinstance(old.dtype, np.dtype):
        new[...] = old[...]
        return
    row_bytes = max(1, int(np.prod(old.shape[1:], dtype=np.int64)) * old.dtype.itemsize)
    step = max(1, PART_BYTES // row_bytes)
    for first in range(0, old.shape[0], step):
        last = min(first + step, old.shape[0])
        new[first:last] = old[first:last]


def _storage(variable) -> dict[str, Any]:
    """How a variable lies in its file; nothing for classic formats, which know one way only."""
    chunks, filters = variable.chunking(), variable.filters()
    if not isinstance(chunks, list) or not filters:
        return {}
    return {"chunksizes": chunks, "zlib": bool(filters.get("zlib")), "shuffle": bool(filters.get("shuffle")), "complevel": int(filters.get("complevel") or 4)}
