"""The configuration of `lsbc data prepare`: one TOML file, checked while reading. Knows no data and opens none of the files it names."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lsbc.regrid.errors import ConfigError
from lsbc.training.config import read_toml

FINE = {"30 arcsec": 120, "0.01 deg": 100}
"""Name of a fine lattice -> cells per degree."""
DRIVER_PER_DEGREE = 4
VERSIONS = {"hilda": ("1.0", "2.0", "2.1"), "esa_cci": None, "modis": None}
"""Land-use product -> versions, None where any text will do: it is only written down."""
STATIC_PRODUCTS = ("topography", "koppen", "land_mask", "soilgrids", "raster")


def _need(ok: bool, key: str, rule: str, value: object) -> None:
    if not ok:
        raise ConfigError(f"{key} must be {rule}, got {value!r}.")


@dataclass(frozen=True, kw_only=True)
class StoreConfig:
    """Where the store goes and the size of its chunks: `patch_driver_cells` driver cells each way. `memory_mb` bounds what is held at once."""

    path: Path
    patch_driver_cells: int = 8
    memory_mb: int = 256
    sha256: bool = False

    def __post_init__(self) -> None:
        _need(self.patch_driver_cells >= 1, "store.patch_driver_cells", ">= 1", self.patch_driver_cells)
        _need(self.memory_mb >= 1, "store.memory_mb", ">= 1", self.memory_mb)


@dataclass(frozen=True, kw_only=True)
class LatticeConfig:
    """The fine lattice and the box of whole driver cells: west, south, east, north in degrees."""

    fine: str
    box: tuple[float, float, float, float] = (-180.0, -90.0, 180.0, 90.0)

    def __post_init__(self) -> None:
        _need(self.fine in FINE, "lattice.fine", f"one of {', '.join(FINE)}", self.fine)
        _need(len(self.box) == 4, "lattice.box", "[west, south, east, north]", self.box)
        west, south, east, north = self.box
        _need(-180 <= west < east <= 180 and -90 <= south < north <= 90, "lattice.box", "west < east in -180..180 and south < north in -90..90", self.box)
        _need(all(float(edge * DRIVER_PER_DEGREE).is_integer() for edge in self.box), "lattice.box", "on multiples of 0.25 degrees", self.box)


@dataclass(frozen=True, kw_only=True)
class LandUseConfig:
    """The yearly class maps: `files` with `{year}` in the name hold one year each, others several; `years` are first and last."""

    product: str
    version: str
    files: tuple[str, ...]
    years: tuple[int, int]
    variable: str | None = None
    resample: str = "majority"

    def __post_init__(self) -> None:
        _need(self.product in VERSIONS, "land_use.product", f"one of {', '.join(VERSIONS)}", self.product)
        versions = VERSIONS[self.product]
        _need(versions is None or self.version in versions, "land_use.version", f"one of {', '.join(versions or ())} for {self.product}", self.version)
        _need(len(self.files) > 0, "land_use.files", "one file or more", self.files)
        _need(len(self.years) == 2 and self.years[0] <= self.years[1], "land_use.years", "[first, last]", self.years)
        _need(self.resample in ("nearest", "majority"), "land_use.resample", "'nearest' or 'majority'", self.resample)


@dataclass(frozen=True, kw_only=True)
class DriverConfig:
    """LUH2 or LUH3 states files; the whole section is left out to aggregate the class maps instead."""

    files: tuple[str, ...]

    def __post_init__(self) -> None:
        _need(len(self.files) > 0, "driver.files", "one file or more", self.files)


@dataclass(frozen=True, kw_only=True)
class StaticConfig:
    """One static layer. `since`: the first year that may see it (left out: all years). `fill` for cells without data: a number or 'neighbours'."""

    product: str
    files: tuple[str, ...]
    variables: tuple[str, ...] = ()
    name: str | None = None
    since: int | None = None
    missing: tuple[float, ...] = ()
    fill: float | str | None = None
    legend: str = "beck30"

    def __post_init__(self) -> None:
        here = f"statics.{self.product}"
        _need(self.product in STATIC_PRODUCTS, "statics.product", f"one of {', '.join(STATIC_PRODUCTS)}", self.product)
        _need(len(self.files) > 0 and len(self.variables) in (0, len(self.files)), f"{here}.variables", "as many as files, or none", self.variables)
        _need(self.product in ("topography", "raster") or len(self.files) == 1, f"{here}.files", "one file", self.files)
        _need(self.name is not None or self.product not in ("soilgrids", "raster"), f"{here}.name", "given", self.name)
        _need(self.name is None or self.product in ("soilgrids", "raster"), f"{here}.name", "left out: the product names its layer", self.name)
        _need(self.since is not None or self.product not in ("koppen", "raster"), f"{here}.since", "the first year that may see it", self.since)
        _need(self.since is None or self.product not in ("topography", "land_mask"), f"{here}.since", "left out: every year sees this layer", self.since)
        _need(self.legend in ("beck30", "main"), f"{here}.legend", "'beck30' or 'main'", self.legend)
        _need(isinstance(self.fill, (float, int, type(None))) or self.fill == "neighbours", f"{here}.fill", "a number or 'neighbours'", self.fill)
        _need(isinstance(self.fill, (str, type(None))) or math.isfinite(self.fill), f"{here}.fill", "a finite number", self.fill)

    @property
    def layer(self) -> str:
        """Name of the layer in the store."""
        return {"topography": "elevation", "koppen": "koppen", "land_mask": "land"}.get(self.product, str(self.name))


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """Everything a store is made from; relative files lie in `data`."""

    path: Path
    data: Path
    store: StoreConfig
    lattice: LatticeConfig
    land_use: LandUseConfig
    driver: DriverConfig | None = None
    statics: tuple[StaticConfig, ...] = field(default=())

    def __post_init__(self) -> None:
        layers = [one.layer for one in self.statics]
        for name in ("elevation", "koppen"):
            _need(name in layers, "statics", f"at least one with the layer '{name}'", layers)
        oldest = min(one.since for one in self.statics if one.layer == "koppen")
        _need(oldest <= self.land_use.years[0], "statics.koppen.since", f"at most the first year, {self.land_use.years[0]}, for one of them", oldest)
        _need(layers.count("land") <= 1, "statics", "at most one land_mask", layers)
        twice = [one.layer for k, one in enumerate(self.statics)
                 if one.layer != "elevation" and (one.layer, one.since) in [(other.layer, other.since) for other in self.statics[:k]]]
        _need(not twice, "statics", "of different `since` where two have one name", twice)

    def file(self, name: str) -> Path:
        """Where a named file is."""
        return self.data / name


_SECTIONS: dict[str, type] = {"store": StoreConfig, "lattice": LatticeConfig, "land_use": LandUseConfig, "driver": DriverConfig, "statics": StaticConfig}
_REQUIRED = ("store", "lattice", "land_use")


def _section(name: str, table: dict[str, Any]) -> Any:
    section = _SECTIONS[name]
    known = {item.name: item for item in fields(section)}
    for key in table:
        if key not in known:
            raise ConfigError(f"Key {name}.{key} is unknown; section [{name}] takes {', '.join(known)}.")
    value = {key: tuple(entry) if isinstance(entry, list) else entry for key, entry in table.items()}
    for key, text, kind in _of_wrong_kind(section, value):
        raise ConfigError(f"{name}.{key} must be {kind}, got {text!r}.")
    if section is StoreConfig and "path" in value:
        value["path"] = Path(value["path"])
    try:
        return section(**value)
    except TypeError as error:
        raise ConfigError(f"Section [{name}] is incomplete: {str(error).split(') ')[-1]}.") from error


def _of_wrong_kind(section: type, value: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Keys whose value is of another kind than the declared one, with the kind in words."""
    kinds: dict[str, tuple[Any, str]] = {
        "Path": (str, "a path"), "str": (str, "text"), "str | None": (str, "text"), "bool": (bool, "true or false"),
        "int": (int, "a whole number"), "int | None": (int, "a whole number"), "float | str | None": ((int, float, str), "a number or text"),
    }
    for item in fields(section):
        if item.name not in value:
            continue
        entry, declared = value[item.name], str(item.type)
        if declared.startswith("tuple"):
            one = str if "str" in declared else (int if "int" in declared else (int, float))
            if not isinstance(entry, tuple) or not all(isinstance(part, one) and not isinstance(part, bool) for part in entry):
                yield item.name, entry, "a list of " + ("texts" if one is str else "numbers")
        elif not isinstance(entry, kinds[declared][0]) or (isinstance(entry, bool) and declared != "bool"):
            yield item.name, entry, kinds[declared][1]


def read_prepare_config(path: Path | str, data: Path | str | None = None, out: Path | str | None = None) -> PrepareConfig:
    """Read and check the TOML file; source files are relative to `data`, or to the TOML file, and so is the store unless `out` names it."""
    path = Path(path)
    table = read_toml(path)
    for name, entry in table.items():
        if name not in _SECTIONS:
            raise ConfigError(f"Section [{name}] of {path} is unknown; sections are {', '.join(_SECTIONS)}.")
        if not isinstance(entry, list if name == "statics" else dict):
            raise ConfigError(f"{name} of {path} must be written as {'[[statics]]' if name == 'statics' else f'a section [{name}]'}.")
    lacking = [name for name in _REQUIRED if name not in table]
    if lacking:
        raise ConfigError(f"Configuration {path} lacks the sections {', '.join(f'[{name}]' for name in lacking)}.")
    if out is not None:
        table["store"]["path"] = str(out)
    elif isinstance(table["store"].get("path"), str):
        table["store"]["path"] = str(path.parent / table["store"]["path"])
    sections = {name: tuple(_section(name, one) for one in entry) if name == "statics" else _section(name, entry) for name, entry in table.items()}
    return PrepareConfig(path=path, data=Path(data) if data is not None else path.parent, **sections)
