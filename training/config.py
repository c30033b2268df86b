"""The training configuration: one TOML file, read once, checked while reading. Knows no data, no torch, no ranks."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from lsbc.regrid.errors import ConfigError


def _need(ok: bool, key: str, rule: str, value: object) -> None:
    if not ok:
        raise ConfigError(f"{key} must be {rule}, got {value!r}.")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where the maps come from. `synthetic` makes its own and needs no file; a `store` is the directory that `lsbc data prepare` wrote."""

    kind: str = "bavaria"
    directory: Path = Path(".")
    land_use: str = "bavaria_lu7_30arcsec_1992_2020.nc"
    statics: str = "bavaria_statics_30arcsec.nc"
    coarse_elevation: Path | None = None

    def __post_init__(self) -> None:
        _need(self.kind in ("bavaria", "synthetic", "store"), "data.kind", "'bavaria', 'synthetic' or 'store'", self.kind)


@dataclass(frozen=True, kw_only=True)
class SplitConfig:
    """What is kept out of training: later years, and whole driver cells with a buffer around them."""

    train_years: tuple[int, int] = (1992, 2012)
    test_years: tuple[int, int] = (2013, 2020)
    held_out_share: float = 0.15
    check_share: float = 0.05
    buffer_cells: int = 4
    seed: int = 30

    def __post_init__(self) -> None:
        _need(self.train_years[0] < self.train_years[1], "split.train_years", "first < last", self.train_years)
        _need(self.train_years[1] < self.test_years[0] <= self.test_years[1], "split.test_years",
              f"after the training years, which end in {self.train_years[1]}", self.test_years)
        _need(0.0 <= self.held_out_share < 1.0, "split.held_out_share", "in [0, 1)", self.held_out_share)
        _need(0.0 <= self.check_share < 1.0 - self.held_out_share, "split.check_share",
              f"in [0, 1 - held_out_share={self.held_out_share})", self.check_share)
        _need(self.buffer_cells >= 0, "split.buffer_cells", ">= 0", self.buffer_cells)


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """How patches are drawn; every `_share` is a probability per sample.

    prior_years: as many earlier maps are shown at most, each with its own mask.  steps: years predicted at once.
    focus_share: the patch lies where the coarse fractions change much.  soft_target_share: a hidden cell is asked for the
    class of one of its sub-pixels instead of their majority, where the data hold sub-pixels.
    """

    patch: int = 144
    margin: int = 8
    batch: int = 8
    prior_years: int = 1
    steps: int = 1
    backward_share: float = 0.0
    focus_share: float = 0.0
    soft_target_share: float = 0.0
    human_footprint_share: float = 0.7
    same_year_share: float = 0.2
    full_prior_share: float = 0.2
    no_prior_share: float = 0.05
    lattice_share: float = 0.15
    block_share: float = 0.15
    static_classes_known_share: float = 0.5
    coarse_noise_share: float = 0.35
    coarse_elevation_share: float = 0.4
    elevation_jitter_share: float = 0.5

    def __post_init__(self) -> None:
        _need(self.patch > 2 * self.margin >= 0 and self.patch % 8 == 0, "samples.patch",
              f"a multiple of 8 and over twice margin={self.margin}", self.patch)
        _need(self.batch >= 1, "samples.batch", ">= 1", self.batch)
        _need(self.prior_years >= 1, "samples.prior_years", ">= 1", self.prior_years)
        _need(self.steps >= 1, "samples.steps", ">= 1", self.steps)
        for item in fields(self):
            if item.name.endswith("_share"):
                value = getattr(self, item.name)
                _need(0.0 <= value <= 1.0, f"samples.{item.name}", "in [0, 1]", value)
        masks = self.full_prior_share + self.no_prior_share + self.lattice_share + self.block_share
        _need(masks <= 1.0, "samples: the four mask shares", "at most 1 together", masks)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Shape of the U-Net and the tiles it is used with."""

    depth: int = 2
    base_width: int = 32
    dropout: float = 0.0
    core: int = 240
    batch: int = 1

    def __post_init__(self) -> None:
        _need(1 <= self.depth <= 4, "network.depth", "1..4", self.depth)
        _need(0.0 <= self.dropout < 1.0, "network.dropout", "in [0, 1)", self.dropout)
        _need(self.base_width >= 1, "network.base_width", ">= 1", self.base_width)
        _need(self.core % (1 << self.depth) == 0, "network.core", f"a multiple of {1 << self.depth}", self.core)


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Weights of the cross entropy: hidden cells ~ frequency of the class**-class_power (clipped), known ones that change times change_weight.

    `teacher` is the checkpoint of a trained U-Net; its divergence from the network then makes up `teacher_share` of the loss.
    """

    teacher: Path | None = None
    teacher_share: float = 0.5
    class_power: float = 0.2
    class_weight_limit: float = 2.0
    change_weight: float = 10.0

    def __post_init__(self) -> None:
        _need(0.0 <= self.teacher_share <= 1.0, "loss.teacher_share", "in [0, 1]", self.teacher_share)
        _need(0.0 <= self.class_power <= 1.0, "loss.class_power", "in [0, 1]", self.class_power)
        _need(self.class_weight_limit >= 1.0, "loss.class_weight_limit", ">= 1", self.class_weight_limit)
        _need(self.change_weight >= 1.0, "loss.change_weight", ">= 1", self.change_weight)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """The optimisation itself: trapezoid learning rate (warm-up, flat, linear decay to zero).

    `start_from` is the checkpoint of another run whose network is the first one here, without its deepest levels if it has more
    of them; its optimiser is not taken over.
    """

    directory: Path = Path("out")
    start_from: Path | None = None
    steps: int = 4000
    steps_per_epoch: int = 100
    check_every: int = 5
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 100
    decay_share: float = 0.4
    seed: int = 1
    threads: int = 2
    accelerator: str = "cpu"
    devices: int = 1
    loader_workers: int = 0
    precision: str = "bf16-mixed"

    def __post_init__(self) -> None:
        _need(self.steps_per_epoch >= 1, "run.steps_per_epoch", ">= 1", self.steps_per_epoch)
        _need(self.steps >= 1 and self.steps % self.steps_per_epoch == 0, "run.steps",
              f"a positive multiple of steps_per_epoch={self.steps_per_epoch}", self.steps)
        _need(self.accelerator in ("cpu", "gpu"), "run.accelerator", "'cpu' or 'gpu'", self.accelerator)
        _need(self.devices >= 1, "run.devices", ">= 1", self.devices)
        _need(self.loader_workers >= 0, "run.loader_workers", ">= 0", self.loader_workers)
        _need(0.0 <= self.decay_share <= 1.0, "run.decay_share", "in [0, 1]", self.decay_share)
        _need(self.precision in ("32-true", "bf16-mixed"), "run.precision", "'32-true' or 'bf16-mixed'", self.precision)


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """The artefact: where it goes, its name, what the card says about its origin, and which formats beside ONNX and the exported program."""

    directory: Path = Path("out/artefact")
    name: str = "unnamed"
    formats: tuple[str, ...] = ("int8",)
    licence: str = ""
    attribution: tuple[str, ...] = ()
    data: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        unknown = sorted(set(self.formats) - {"int8", "torchscript"})
        _need(not unknown, "export.formats", "of 'int8', 'torchscript' (ONNX and pt2 are always written)", unknown)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Everything one training run depends on."""

    path: Path
    data: DataConfig = field(default_factory=DataConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    samples: SampleConfig = field(default_factory=SampleConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    run: RunConfig = field(default_factory=RunConfig)
    export: ExportConfig = field(default_factory=ExportConfig)

    def with_data(self, directory: Path | str | None, coarse_elevation: Path | str | None = None) -> TrainingConfig:
        """The same with other input places, as given on the command line."""
        data = self.data
        if directory is not None:
            data = replace(data, directory=Path(directory))
        if coarse_elevation is not None:
            data = replace(data, coarse_elevation=Path(coarse_elevation))
        return replace(self, data=data)


_SECTIONS: dict[str, type] = {
    "data": DataConfig, "split": SplitConfig, "samples": SampleConfig, "network": NetworkConfig,
    "loss": LossConfig, "run": RunConfig, "export": ExportConfig,
}
_PATH_KEYS = ("directory", "coarse_elevation", "start_from", "teacher")


def _section(name: str, table: dict[str, Any], base: Path) -> Any:
    section = _SECTIONS[name]
    known = {item.name for item in fields(section)}
    for key in table:
        if key not in known:
            raise ConfigError(f"Key {name}.{key} is unknown; section [{name}] takes {', '.join(sorted(known))}.")
    value = {key: tuple(entry) if isinstance(entry, list) else entry for key, entry in table.items()}
    for key in _PATH_KEYS:
        if key in value:
            value[key] = base / str(value[key])
    return section(**value)


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; raises ConfigError if it cannot be read."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"Configuration {path} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"Configuration {path} is not TOML: {error}.") from error


def read_config(path: Path | str) -> TrainingConfig:
    """Read and check a training TOML; paths in it are relative to the file."""
    path = Path(path)
    table = read_toml(path)
    for name in table:
        if name not in _SECTIONS:
            raise ConfigError(f"Section [{name}] of {path} is unknown; sections are {', '.join(_SECTIONS)}.")
    return TrainingConfig(path=path, **{name: _section(name, entry, path.parent) for name, entry in table.items()})
