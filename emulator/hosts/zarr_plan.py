"""What is in a Zarr store that grows by years, and its metadata as bytes. Knows zarr and xarray's conventions; writes no file and knows no grid."""

from __future__ import annotations

import base64
import json
import struct
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.regrid.errors import ConfigError, FileError, StartupError

CODEC = {"cname": "zstd", "clevel": 1, "shuffle": 1}
YEARS_A_CHUNK = 1024
"""Of the arrays over years alone."""
_LAYOUT, _YEARS = "lsbc_layout", "lsbc_years"


@dataclass(frozen=True)
class ArrayPlan:
    """One array. `name` is its path in the store; those with `time` as their first dimension grow, `shape` and `chunks` are without it.

    values: what a fixed array holds.  of_years: what a growing one without cells holds, from the years.  Neither: it is filled chunk by chunk.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: str
    attributes: Mapping[str, Any]
    fill: float | int | None = None
    values: Callable[[], np.ndarray] | None = None
    of_years: Callable[[list[int]], np.ndarray] | None = None

    @property
    def filled(self) -> bool:
        return self.values is None and self.of_years is None


@dataclass(frozen=True)
class StorePlan:
    """A store. `layout`: all that must be the same for years to share it.  attributes: of each group ("" is the root), from the records of the years."""

    zarr_format: int
    layout: Mapping[str, Any]
    arrays: tuple[ArrayPlan, ...]
    attributes: Callable[[list[dict[str, Any]]], dict[str, dict[str, Any]]]

    def year_folder(self, array: ArrayPlan, position: int) -> str:
        """Where the chunks of one year lie."""
        return f"{array.name}/{'c/' if self.zarr_format == 3 else ''}{position}"


def zarr_library() -> Any:
    """The package `zarr`; StartupError where it is not installed."""
    try:
        import zarr
    except ImportError as error:
        raise StartupError(f"Zarr output needs the extra packages of `pip install 'lsbc[healpix]'`: {error}.") from error
    return zarr


def years_of(path: Path, plan: StorePlan) -> list[dict[str, Any]]:
    """Records of the years that readers see, none where there is no store.

    Raises:
        FileError: something else is there, or its metadata are damaged.  ConfigError: it was made with other options.
    """
    if not path.exists():
        return []
    try:
        name = {2: ".zmetadata", 3: "zarr.json"}
        there = next((form for form in name if (path / name[form]).is_file()), None)
        if there is None:
            raise FileError(f"{path} exists and is no Zarr store with consolidated metadata: give another name, or remove it.")
        tree = json.loads((path / name[there]).read_text(encoding="utf-8"))
        attributes = tree["metadata"][".zattrs"] if there == 2 else tree["attributes"]
        layout, records = json.loads(attributes[_LAYOUT]), json.loads(attributes[_YEARS])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(f"{path} is no HEALPix store of lsbc, or its metadata are damaged ({type(error).__name__}: {error}): give another name, or remove it.") from error
    wanted = json.loads(json.dumps(plan.layout))
    differing = [key for key in {**layout, **wanted} if layout.get(key) != wanted.get(key)]
    if differing:
        raise ConfigError(f"Store {path} was made otherwise: " + "; ".join(f"{key} is {layout.get(key)!r} there and {wanted.get(key)!r} now" for key in differing) +
                          ". Give another name, or remove it.")
    return records


def create_arrays(group: Any, plan: StorePlan, n_year: int, arrays: Iterable[ArrayPlan]) -> None:
    """Arrays without values in a new group; their attributes are complete."""
    if plan.zarr_format == 2:
        import numcodecs

        codec = numcodecs.Blosc(**CODEC)
    else:
        codec = zarr_library().codecs.BloscCodec(cname=CODEC["cname"], clevel=CODEC["clevel"], shuffle="shuffle")
    for array in arrays:
        time = (n_year,) if array.dims[:1] == ("time",) and not array.of_years else ()
        of_years = (n_year,) if array.of_years else ()
        attributes = dict(array.attributes)
        if plan.zarr_format == 2:
            attributes["_ARRAY_DIMENSIONS"] = list(array.dims)
        elif array.fill is not None:
            attributes["_FillValue"] = _as_attribute(array.fill)
        group.create_array(
            array.name, shape=(*time, *of_years, *array.shape), chunks=(*(1 for _ in time), *(YEARS_A_CHUNK for _ in of_years), *array.chunks), dtype=array.dtype,
            fill_value=0 if array.fill is None and plan.zarr_format == 3 else array.fill, compressors=codec if array.dims else None, attributes=attributes,
            chunk_key_encoding={"name": "v2" if plan.zarr_format == 2 else "default", "separator": "/"},
            **({"dimension_names": array.dims} if plan.zarr_format == 3 else {}))


def _as_attribute(fill: float | int) -> int | str:
    """A missing value as xarray writes it in version 3: floating-point numbers in base64."""
    return fill if isinstance(fill, int) else base64.standard_b64encode(struct.pack("<d", fill)).decode()


def metadata(plan: StorePlan, records: list[dict[str, Any]]) -> list[tuple[str, bytes]]:
    """(key, content) of all metadata and of the arrays over years, in the order in which they are to be renamed: what consolidates them last, the root at the end."""
    zarr = zarr_library()
    objects: dict[str, Any] = {}
    memory = zarr.storage.MemoryStore(store_dict=objects)
    attributes = plan.attributes(records)
    attributes[""] = {**attributes[""], _LAYOUT: json.dumps(plan.layout), _YEARS: json.dumps(records)}
    for name in sorted(attributes):
        group = zarr.open_group(memory, path=name, mode="w", zarr_format=plan.zarr_format, attributes=attributes[name])
    group = zarr.open_group(memory, mode="r+", zarr_format=plan.zarr_format)
    create_arrays(group, plan, len(records), plan.arrays)
    for array in plan.arrays:
        if array.of_years is not None:
            group[array.name][...] = array.of_years([record["year"] for record in records])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # consolidated metadata are no part of version 3's specification; xarray reads them
        for name in sorted(attributes, reverse=True):
            zarr.consolidate_metadata(memory, path=name, zarr_format=plan.zarr_format)

    def late(key: str) -> tuple[int, int, str]:
        group_of, _, file = key.rpartition("/")
        consolidated = file == ".zmetadata" or (file == "zarr.json" and group_of in attributes)
        return int(consolidated), -key.count("/"), key

    return [(key, objects[key].to_bytes()) for key in sorted(objects, key=late)]
