"""One Zarr store of land-use history: a chunk is one patch of cells with all years, or all static layers. Knows no products.

land_use (year, row, col) uint8 class index; statics (layer, row, col) float32; driver (year, group, drow, dcol) float64 and
driver_valid; valid (row, col), cells with data in every year, and valid_count of them per driver cell. Rows run south to north.
It is written under `NAME.part`; `finished` and `driver_finished` mark what is done, so that a stopped run goes on.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES, CLASS_SYSTEM, CLASS_VERSION, GROUPS, N_GROUP, NO_DATA
from lsbc.regrid.errors import ConfigError, FileError, StartupError
from lsbc.training.chunks import PatchCache, StoredArray
from lsbc.training.data import DatedField, LandData

FORMAT, FORMAT_VERSION = "lsbc training store", 1


@dataclass(frozen=True)
class Layout:
    """Where the cells are and what is stored of each; `layers` are (name, since) of the static layers, `patch` is in fine cells."""

    n_lat: int
    row0: int
    col0: int
    n_row: int
    n_col: int
    ratio: int
    patch: int
    years: tuple[int, ...]
    layers: tuple[tuple[str, int], ...]
    driver_by_year: bool

    @property
    def n_patch(self) -> tuple[int, int]:
        """Patches along rows and columns; the last ones may be smaller."""
        return -(-self.n_row // self.patch), -(-self.n_col // self.patch)

    def cells(self, patch_row: int, patch_col: int) -> tuple[slice, slice]:
        """Rows and columns of a patch in the region."""
        first = patch_row * self.patch, patch_col * self.patch
        return slice(first[0], min(first[0] + self.patch, self.n_row)), slice(first[1], min(first[1] + self.patch, self.n_col))


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise StartupError(f"Stores of maps need the extra packages of `pip install 'lsbc[train]'`: {error}.") from error
    return zarr


def differences(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """Every entry in which two nested tables differ, in words; a checksum that only one side has does not count: a run may leave them out."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted((set(old) | set(new)) - ({"sha256"} - (set(old) & set(new)))):
            yield from differences(old.get(name), new.get(name), f"{key}.{name}" if key else name)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for k, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{key}[{k}]")
    elif old != new:
        yield f"{key} is {old!r} in the store and {new!r} in the configuration"


class StoreWriter:
    """Fills a store patch by patch, in any order and over several runs."""

    def __init__(self, path: Path, layout: Layout, group: Any) -> None:
        self.path, self.layout = path, layout
        self._arrays = {name: array for name, array in group.arrays()}
        try:
            self._finished, self._driver_finished = self._arrays["finished"][:], self._arrays["driver_finished"][:]
        except (OSError, RuntimeError, ValueError) as error:
            raise FileError(f"Store {_part(path)}: the record of what is finished cannot be read: {error}. Use --fresh to make it anew.") from error

    @staticmethod
    def open(path: Path, layout: Layout, request: Mapping[str, Any], fresh: bool = False) -> StoreWriter | None:
        """Begin a store or go on with a stopped one; None where it is finished.

        `request` is all that decides the content, as plain tables; a store begun for another one is refused.
        """
        zarr = _zarr()
        part, request = _part(path), json.loads(json.dumps(request))
        if fresh:
            for old in (part, path):
                _remove(old)
        for old in (path, part):
            if old.exists():
                group = _open_group(old, "r+")
                found = list(differences(group.attrs["request"], request))
                if found:
                    raise ConfigError(f"Store {old} was made for something else: {'; '.join(found[:4])}. Use --fresh to make it anew.")
                return None if old == path else StoreWriter(path, layout, group)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = part.with_name(part.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        _create(zarr.open_group(str(new), mode="w", zarr_format=3), layout, request)
        new.rename(part)
        return StoreWriter(path, layout, _open_group(part, "r+"))

    @property
    def unfinished(self) -> list[tuple[int, int]]:
        """Patches still to be written, south to north and west to east."""
        return [(int(i), int(j)) for i, j in np.argwhere(self._finished == 0)]

    @property
    def unfinished_driver_years(self) -> list[int]:
        """Years whose driver is still to be written whole; none where the driver comes with the patches."""
        missing = [year for year, done in zip(self.layout.years, self._driver_finished, strict=True) if not done]
        return missing if self.layout.driver_by_year else []

    @property
    def driver_valid(self) -> np.ndarray | None:
        """Driver cells with data, (drow, dcol) bool, once the first year is written."""
        return self._arrays["driver_valid"][:] if self._driver_finished[0] else None

    def write_patch(self, place: tuple[int, int], class_index: np.ndarray, statics: np.ndarray,
                    driver: tuple[np.ndarray, np.ndarray] | None) -> None:
        """Class index (year, row, col), layers (layer, row, col) and, unless it comes by year, driver (year, 6, drow, dcol) and validity."""
        rows, cols = self.layout.cells(*place)
        ratio, arrays = self.layout.ratio, self._arrays
        coarse = tuple(slice(one.start // ratio, one.stop // ratio) for one in (rows, cols))
        valid = (class_index != NO_DATA).all(axis=0)
        arrays["land_use"][:, rows, cols] = class_index
        arrays["statics"][:, rows, cols] = statics
        arrays["valid"][rows, cols] = valid
        n_row, n_col = valid.shape
        arrays["valid_count"][coarse] = valid.reshape(n_row // ratio, ratio, n_col // ratio, ratio).sum(axis=(1, 3))
        if driver is not None:
            arrays["driver"][(slice(None), slice(None), *coarse)] = driver[0]
            arrays["driver_valid"][coarse] = driver[1]
        self._finished[place] = 1
        arrays["finished"][:] = self._finished

    def write_driver_year(self, year: int, fraction: np.ndarray, valid: np.ndarray) -> None:
        """Driver fractions of one year over the whole region; the cells with data must be those of the first year."""
        k, arrays = self.layout.years.index(year), self._arrays
        if k == 0:
            arrays["driver_valid"][:] = valid
        elif (arrays["driver_valid"][:] != valid).any():
            row, col = np.argwhere(arrays["driver_valid"][:] != valid)[0]
            raise FileError(f"Driver cell [{row}, {col}] of the store has data in {self.layout.years[0]} or in {year}, but not in both.")
        arrays["driver"][k] = fraction
        self._driver_finished[k] = 1
        arrays["driver_finished"][:] = self._driver_finished

    def finish(self) -> None:
        """Give the complete store its name."""
        if self.unfinished or self.unfinished_driver_years:
            raise FileError(f"Store {self.path} still lacks {len(self.unfinished)} patches.")
        _part(self.path).rename(self.path)


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _remove(path: Path) -> None:
    """Delete a store of any version, and nothing that is not one."""
    if path.exists():
        _open_group(path, "r", any_version=True)
        shutil.rmtree(path)


def _open_group(path: Path, mode: str, any_version: bool = False) -> Any:
    zarr = _zarr()
    try:
        group = zarr.open_group(str(path), mode=mode)
        name, version = group.attrs["format"], group.attrs["format_version"]
        if name != FORMAT or (version != FORMAT_VERSION and not any_version):
            raise FileError(f"Store {path} has format {name} version {version}; {FORMAT} version {FORMAT_VERSION} is read. --fresh makes it anew.")
    except (OSError, KeyError, ValueError) as error:
        raise FileError(f"{path} is not a store of lsbc: {error}.") from error
    return group


def _create(group: Any, layout: Layout, request: Mapping[str, Any]) -> None:
    from zarr.codecs import BloscCodec

    n_year, shape, patch = len(layout.years), (layout.n_row, layout.n_col), (layout.patch, layout.patch)
    coarse = (layout.n_row // layout.ratio, layout.n_col // layout.ratio)
    coarse_patch = (layout.patch // layout.ratio,) * 2
    driver_chunk = (1, N_GROUP, *coarse) if layout.driver_by_year else (n_year, N_GROUP, *coarse_patch)

    def make(name: str, dims: str, size: tuple[int, ...], chunk: tuple[int, ...], dtype: str, fill: float) -> None:
        shuffle = "shuffle" if np.dtype(dtype).itemsize > 1 else "noshuffle"
        group.create_array(name, shape=size, chunks=chunk, dtype=dtype, fill_value=fill, dimension_names=dims.split(),
                           compressors=BloscCodec(cname="zstd", clevel=5, shuffle=shuffle))

    make("land_use", "year row col", (n_year, *shape), (n_year, *patch), "uint8", NO_DATA)
    make("statics", "layer row col", (len(layout.layers), *shape), (len(layout.layers), *patch), "float32", float("nan"))
    make("valid", "row col", shape, patch, "bool", False)
    make("valid_count", "drow dcol", coarse, coarse_patch, "int32", 0)
    make("driver", "year group drow dcol", (n_year, N_GROUP, *coarse), driver_chunk, "float64", 0.0)
    make("driver_valid", "drow dcol", coarse, coarse_patch if not layout.driver_by_year else coarse, "bool", False)
    make("finished", "patch_row patch_col", layout.n_patch, layout.n_patch, "uint8", 0)
    make("driver_finished", "year", (n_year,), (n_year,), "uint8", 0)
    group.attrs.update({
        "format": FORMAT, "format_version": FORMAT_VERSION, "layout": asdict(layout), "request": request,
        "classes": {"system": CLASS_SYSTEM, "version": CLASS_VERSION, "codes": list(CLASS_CODES), "names": list(CLASS_NAMES), "no_data": NO_DATA},
        "groups": list(GROUPS),
    })


class StoredDriver(Mapping):
    """year -> (fraction (6, drow, dcol) float64, valid (drow, dcol) bool), read when asked for."""

    def __init__(self, years: tuple[int, ...], fraction: Any, valid: np.ndarray) -> None:
        self._years, self._fraction, self._valid = years, fraction, valid

    def __getitem__(self, year: int) -> tuple[np.ndarray, np.ndarray]:
        if year not in self._years:
            raise KeyError(year)
        return np.asarray(self._fraction[self._years.index(year)]), self._valid

    def __iter__(self) -> Iterator[int]:
        return iter(self._years)

    def __len__(self) -> int:
        return len(self._years)


def open_store(path: Path | str) -> LandData:
    """The data of a finished store; maps and statics are read when pieces of them are cut."""
    path = Path(path)
    if not path.exists():
        unfinished = f"; {_part(path).name} beside it is not finished" if _part(path).exists() else ""
        raise FileError(f"Store {path} is not there{unfinished}.")
    group = _open_group(path, "r")
    layout, classes = group.attrs["layout"], group.attrs["classes"]
    if (classes["system"], classes["version"], tuple(classes["codes"])) != (CLASS_SYSTEM, CLASS_VERSION, CLASS_CODES):
        raise FileError(f"Store {path} has classes {classes['system']} v{classes['version']}; {CLASS_SYSTEM} v{CLASS_VERSION} is read.")
    statics = PatchCache(group["statics"])

    def versions(name: str, dtype: str = "float32") -> list[DatedField]:
        found = [DatedField(since, StoredArray(statics, k, dtype)) for k, (one, since) in enumerate(layout["layers"]) if one == name]
        return sorted(found, key=lambda version: version.since)

    koppen, dated = versions("koppen", "uint8"), {}
    if len(koppen) > 1:
        dated["koppen"] = tuple(koppen)
    for name in dict.fromkeys(one for one, _ in layout["layers"]):
        if name not in ("elevation", "koppen", "land"):
            dated[name] = tuple(versions(name))
    years = tuple(layout["years"])
    return LandData(
        years, layout["row0"], layout["col0"], StoredArray(PatchCache(group["land_use"])), tuple(one.values for one in versions("elevation")),
        koppen[0].values, versions("land", "uint8")[0].values, ratio=layout["ratio"], n_lat=layout["n_lat"], dated=dated,
        driver=StoredDriver(years, group["driver"], group["driver_valid"][:]), valid_cells=group["valid"])
