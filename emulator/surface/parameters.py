"""Class parameters and the rule by which each quantity is averaged over a host cell. Knows fractions only, no maps.

Rules: albedo and emissivity are area means; LAI and root depth are means over the vegetated area;
roughness length is the mean of the neutral drag coefficient at a blending height (Mason 1988).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES
from lsbc.regrid.errors import ConfigError

PARAMETERS = ("albedo", "emissivity", "z0m", "lai", "veg_frac", "root_depth")
BLENDING_HEIGHT_M = 50.0


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
        ConfigError: a class or parameter is missing, unknown or not a number.
    """
    if text is None:
        text = resources.files("lsbc.emulator.surface").joinpath("modis_igbp.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    rows = {row.get("name"): row for row in table.get("class", [])}
    if set(rows) != set(CLASS_NAMES):
        raise ConfigError(f"Class table has classes {sorted(map(str, rows))}, needs {sorted(CLASS_NAMES)}.")
    columns = {}
    for parameter in PARAMETERS:
        for name in CLASS_NAMES:
            if not isinstance(rows[name].get(parameter), (int, float)):
                raise ConfigError(f"Class table lacks a number for {parameter} of class '{name}'.")
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
    drag = 1.0 / np.log(BLENDING_HEIGHT_M / table.z0m) ** 2
    vegetated = _mean(fraction, table.veg_frac)
    share = np.where(vegetated > 0.0, vegetated, 1.0)
    return {
        "albedo": _mean(fraction, table.albedo),
        "emissivity": _mean(fraction, table.emissivity),
        "z0m": BLENDING_HEIGHT_M * np.exp(-1.0 / np.sqrt(_mean(fraction, drag))),
        "lai": np.where(vegetated > 0.0, _mean(fraction, table.veg_frac * table.lai) / share, 0.0),
        "veg_frac": vegetated,
        "root_depth": np.where(vegetated > 0.0, _mean(fraction, table.veg_frac * table.root_depth) / share, 0.0),
    }


def _mean(fraction: np.ndarray, value: np.ndarray) -> np.ndarray:
    total = np.zeros(fraction.shape[0])
    for k in range(fraction.shape[1]):
        total += fraction[:, k] * value[k]
    return total
