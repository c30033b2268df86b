"""Parameters of lsbc's own classes, and host cells' values from them by the rules of `aggregate`. Knows fractions only, no maps."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES
from lsbc.emulator.fields import BY_NAME
from lsbc.emulator.surface.aggregate import BLENDING_HEIGHT_M, area_mean, roughness_mean, vegetated_mean
from lsbc.regrid.errors import ConfigError

__all__ = ["BLENDING_HEIGHT_M", "PARAMETERS", "ClassTable", "read_class_table", "surface_parameters"]

PARAMETERS = ("albedo", "emissivity", "z0m", "lai", "veg_frac", "root_depth")


@dataclass(frozen=True)
class ClassTable:
    """One value per class and parameter, (8,) each; `source` names the table they come from."""

    albedo: np.ndarray
    emissivity: np.ndarray
    z0m: np.ndarray
    lai: np.ndarray
    veg_frac: np.ndarray
    root_depth: np.ndarray
    source: str


def read_class_table(text: str | None = None) -> ClassTable:
    """The shipped table, or one from TOML text in the same layout.

    Raises:
        ConfigError: the text is no TOML, or a class or parameter is missing, unknown, not a number, or one that no field may have.
    """
    if text is None:
        text = resources.files("lsbc.emulator.surface").joinpath("modis_igbp.toml").read_text(encoding="utf-8")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"Class table is no TOML: {error}.") from error
    entries = table.get("class", [])
    if not isinstance(entries, list) or not all(isinstance(row, dict) for row in entries):
        raise ConfigError("Class table needs [[class]] entries.")
    rows = {row.get("name"): row for row in entries}
    if set(rows) != set(CLASS_NAMES):
        raise ConfigError(f"Class table has classes {sorted(map(str, rows))}, needs {sorted(CLASS_NAMES)}.")
    columns = {}
    for parameter in PARAMETERS:
        low, high = BY_NAME[parameter].valid_range
        for name in CLASS_NAMES:
            value = rows[name].get(parameter)
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                raise ConfigError(f"Class table lacks a number for {parameter} of class '{name}'.")
            if not low <= value <= high:
                raise ConfigError(f"Class table: {parameter} of class '{name}' is {value}; it must lie in {low:g}..{high:g} {BY_NAME[parameter].units}.")
        columns[parameter] = np.array([float(rows[name][parameter]) for name in CLASS_NAMES])
    return ClassTable(source=str(table.get("source", "")), **columns)


def surface_parameters(fraction: np.ndarray, table: ClassTable) -> dict[str, np.ndarray]:
    """Surface parameters of host cells from their class fractions.

    Args:
        fraction: (n_cell, 8), rows sum to 1.
    Returns:
        albedo [1], emissivity [1], z0m [m], lai [m2 m-2 of the vegetated area], veg_frac [1], root_depth [m of the
        vegetated area], each (n_cell,); lai and root_depth are 0 where nothing is vegetated.
        Sums run over classes in index order, so that the bits depend on the fractions alone.
    """
    by_class = fraction.T
    return {
        "albedo": area_mean(by_class, table.albedo),
        "emissivity": area_mean(by_class, table.emissivity),
        "z0m": roughness_mean(by_class, table.z0m),
        "lai": vegetated_mean(by_class, table.lai, table.veg_frac),
        "veg_frac": area_mean(by_class, table.veg_frac),
        "root_depth": vegetated_mean(by_class, table.root_depth, table.veg_frac),
    }
