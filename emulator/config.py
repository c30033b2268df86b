"""One TOML file -> frozen configuration. Reads and checks keys only; never opens data, environment or network."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from lsbc.emulator.adapters.yac_settings import YacConfig, yac_problems
from lsbc.emulator.backends import BACKENDS, PRECISIONS
from lsbc.emulator.classes import LUH2_STATES
from lsbc.emulator.seasonal import CALENDARS
from lsbc.emulator.surface_settings import DeliverConfig, SurfaceConfig, deliveries
from lsbc.regrid.errors import ConfigError

SHIPPED = "shipped:"


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which artefact runs where and how. `artefact` is a directory, or `shipped:NAME` for one that comes with lsbc."""

    artefact: str = "shipped:bavaria30"
    backend: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    """auto: float32 on a CPU; on a GPU float16 where the card says that it passed, else float32."""
    deterministic: bool = True
    """The same bits on any number of ranks, or an error that says why not."""
    sha256: str = ""
    """The sha256 of model.toml, or its first 16 or more hex digits; empty: any."""
    batch: int = 0
    """Whole-tile windows in one call on a GPU; 0: chosen from the window."""
    window_cells: int = 0
    """Largest edge of a window, with its halo; 0: chosen from the device."""
    cache: Path | None = None
    """Directory for TensorRT engines; None: the user's cache directory."""
    cpu_fallback: bool = False
    """Go on on the CPU when the GPU is out of memory."""
    ranks_per_device: int = 0
    """Ranks that share one network; 0: all that share a GPU of the node, and none on a CPU."""

    CHOICES = {"backend": ("auto", *BACKENDS), "device": ("auto", "cpu", "cuda"), "precision": ("auto", *PRECISIONS)}


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The fine-grid file with statics and the first prior."""

    fine: Path


@dataclass(frozen=True, kw_only=True)
class GridConfig:
    """How the host's cells are bounded: by great circles, or by lines straight in longitude and latitude."""

    edges: str = "greatcircle"

    CHOICES = {"edges": ("greatcircle", "latlon")}


@dataclass(frozen=True, kw_only=True)
class TimeConfig:
    """The host's year of the first `step_year`; the fine-grid file's `lu` is that of the year `lead_years` after it."""

    start_year: int
    lead_years: int = 0
    """1: the fields are those of the year after the host's, made from that year's states (JSBACH reads next year's map)."""
    calendar: str = "standard"
    """Counts the days of weekly and daily values and of the files' `time`; no other field depends on it."""

    CHOICES = {"calendar": CALENDARS, "lead_years": (0, 1)}


@dataclass(frozen=True, kw_only=True)
class AllocationConfig:
    """Whether the map's class areas change as the coarse fractions do, or as the network alone thinks likely."""

    enabled: bool = True


@dataclass(frozen=True, kw_only=True)
class OutputConfig:
    """What is written each year, and what happens to host cells without fine data under them."""

    directory: Path | None = None
    landuse_map: bool = True
    host_fields: bool = True
    uncovered_cells: str = "error"
    min_coverage: float = 0.5

    CHOICES = {"uncovered_cells": ("error", "fill")}


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """For `lsbc run`, BMI and `lsbc yac`: the host file and the years."""

    host: Path
    first_year: int
    last_year: int


@dataclass(frozen=True, kw_only=True)
class ComInConfig:
    """Only for ICON's Community Interface: where the plugin's states come from, and which of ICON's variables it sets."""

    domain: int = 1
    """ICON's number of the domain that lsbc serves."""
    states_file: Path | None = None
    """Host file with the LUH2 states of the domain's cells, found by global id."""
    states: dict[str, str] = dataclasses.field(default_factory=dict)
    """LUH2 state -> the exposed variable that holds it; instead of `states_file`."""
    write: dict[str, str] = dataclasses.field(default_factory=dict)
    """Field of lsbc -> the variable of ICON that is kept at its values where lsbc covers the cell."""
    restart_directory: Path | None = None
    """Where lsbc's restart files lie; None: ICON's working directory."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The whole file; paths are absolute."""

    model: ModelConfig
    data: DataConfig
    grid: GridConfig
    time: TimeConfig
    allocation: AllocationConfig
    output: OutputConfig
    run: RunConfig | None
    comin: ComInConfig | None
    yac: YacConfig | None
    surface: SurfaceConfig
    deliver: tuple[DeliverConfig, ...]
    source: Path
    text: str


_SECTIONS = {"model": ModelConfig, "data": DataConfig, "grid": GridConfig, "time": TimeConfig, "allocation": AllocationConfig,
             "output": OutputConfig, "run": RunConfig, "comin": ComInConfig, "yac": YacConfig, "surface": SurfaceConfig}
_WITH_DEFAULTS = ("model", "grid", "allocation", "output", "surface")
_OPTIONAL = ("run", "comin", "yac")


def load_config(path: str | Path) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigError: the file is absent or not TOML, or any key is unknown, missing or of the wrong
            type; one message lists everything that is wrong.
    """
    config, problems = read_config(path)
    if problems:
        raise ConfigError(f"{path}: " + "; ".join(problems))
    assert config is not None
    return config


def read_config(path: str | Path) -> tuple[Config | None, list[str]]:
    """The configuration and every problem found in it (the configuration is None if there are any)."""
    source = Path(path).absolute()
    try:
        text = source.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        return None, [f"cannot be read ({error})"]
    except tomllib.TOMLDecodeError as error:
        return None, [f"is not valid TOML ({error})"]
    problems = [f"unknown section [{name}]; there are {', '.join((*_SECTIONS, 'deliver'))}" for name in table if name not in (*_SECTIONS, "deliver")]
    sections = {}
    for name, cls in _SECTIONS.items():
        if name in table or name in _WITH_DEFAULTS:
            sections[name] = _section(name, cls, table.get(name, {}), source.parent, problems)
        elif name in _OPTIONAL:
            sections[name] = None
        else:
            problems.append(f"section [{name}] is missing")
    deliver = deliveries(table.get("deliver", []), source.parent, problems)
    if problems:
        return None, problems
    config = Config(source=source, text=text, deliver=deliver, **sections)
    problems = _cross_checks(config)
    return (None, problems) if problems else (config, [])


def _section(name: str, cls: type, table: Any, base: Path, problems: list[str]) -> Any:
    if not isinstance(table, dict):
        problems.append(f"{name} must be a section [{name}], got {table!r}")
        return None
    hints = {key: hint for key, hint in get_type_hints(cls).items()}
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in table:
        if key not in fields:
            problems.append(f"unknown key {name}.{key}; [{name}] has {', '.join(fields)}")
    values = {}
    before = len(problems)
    for key, field in fields.items():
        if key in table:
            values[key] = _value(f"{name}.{key}", hints[key], table[key], base, problems)
            choices = getattr(cls, "CHOICES", {}).get(key)
            if choices and values[key] not in choices:
                problems.append(f"{name}.{key} must be one of {', '.join(map(str, choices))}, got {table[key]!r}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            problems.append(f"{name}.{key} is missing")
    return cls(**values) if len(problems) == before else None


def _value(where: str, hint: Any, value: Any, base: Path, problems: list[str]) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
    if hint is Path and isinstance(value, str) and value:
        return (base / value).resolve()
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if hint == dict[str, str] and isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        return dict(value)
    if hint == tuple[str, ...] and isinstance(value, list) and all(isinstance(text, str) for text in value):
        return tuple(value)
    if hint is not Path and type(value) is hint:
        return value
    word = {dict[str, str]: "a table of strings", tuple[str, ...]: "a list of strings",
            Path: "a path", str: "a string", int: "a whole number", float: "a number", bool: "true or false"}[hint]
    problems.append(f"{where} must be {word}, got {value!r}")
    return None


def _cross_checks(config: Config) -> list[str]:
    problems = _model_checks(config.model)
    if not 0.0 < config.output.min_coverage <= 1.0:
        problems.append(f"output.min_coverage must lie in (0, 1], got {config.output.min_coverage}")
    if config.run is not None:
        first, last = config.run.first_year, config.run.last_year
        if last < first:
            problems.append(f"run.last_year={last} lies before run.first_year={first}")
        if first < config.time.start_year:
            problems.append(f"run.first_year={first} lies before time.start_year={config.time.start_year}")
    if config.deliver and (config.output.directory is None or not config.output.host_fields):
        problems.append("[[deliver]] needs output.directory and output.host_fields = true: hosts' files are written from the yearly file")
    if config.comin is not None:
        problems += _comin_checks(config.comin)
    if config.yac is not None:
        problems += yac_problems(config.yac, config.output.uncovered_cells)
    problems += _lead_checks(config)
    return problems


def _lead_checks(config: Config) -> list[str]:
    """A year ahead needs states that the host can give a year ahead: a coupler and ICON's variables have those of the time they are read at."""
    if config.time.lead_years == 0:
        return []
    sections = ["[yac]"] * (config.yac is not None) + ["[comin.states]"] * (config.comin is not None and bool(config.comin.states))
    return [f"time.lead_years = {config.time.lead_years} cannot be had with {name}: states come from there at the time they are valid for, not a year ahead"
            for name in sections]


def _comin_checks(comin: ComInConfig) -> list[str]:
    problems = [] if comin.domain >= 1 else [f"comin.domain must be 1 or more, got {comin.domain}"]
    if (comin.states_file is None) == (not comin.states):
        problems.append("[comin] needs one of states_file and [comin.states]: ICON itself has no LUH2 states")
    elif comin.states and set(comin.states) != set(LUH2_STATES):
        missing, unknown = set(LUH2_STATES) - set(comin.states), set(comin.states) - set(LUH2_STATES)
        problems.append(f"[comin.states] must name a variable for each of {', '.join(LUH2_STATES)}"
                        f"{'; missing: ' + ', '.join(sorted(missing)) if missing else ''}{'; unknown: ' + ', '.join(sorted(unknown)) if unknown else ''}")
    return problems


def _model_checks(model: ModelConfig) -> list[str]:
    """What is wrong in [model] whatever the machine and the artefact."""
    problems = [f"model.{key} must be 0 or more, got {getattr(model, key)}" for key in ("batch", "window_cells", "ranks_per_device") if getattr(model, key) < 0]
    if model.sha256 and not re.fullmatch("[0-9a-f]{16,64}", model.sha256):
        problems.append(f"model.sha256 must be 16 to 64 hex digits (0-9, a-f), got {model.sha256!r}")
    if model.deterministic and model.cpu_fallback:
        problems.append("model.cpu_fallback = true needs model.deterministic = false: a CPU gives other bits than a GPU")
    if model.deterministic and model.precision == "tf32":
        problems.append("model.precision = 'tf32' needs model.deterministic = false: which products are rounded to TF32 is up to the library")
    backend = BACKENDS.get(model.backend)
    if backend is not None:
        devices = {kind: precisions for kind, precisions in backend.precisions.items() if model.device in ("auto", kind)}
        if not devices:
            problems.append(f"model.backend = '{model.backend}' runs on {' or '.join(backend.precisions)}, not on model.device = '{model.device}'")
        elif model.precision != "auto" and not any(model.precision in precisions for precisions in devices.values()):
            told = "; ".join(f"{kind}: {', '.join(precisions)}" for kind, precisions in devices.items())
            problems.append(f"model.backend = '{model.backend}' has no model.precision = '{model.precision}' ({told})")
    return problems
