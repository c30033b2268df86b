"""The field contract: what a host may set and get, by name, with CF names, units and ranges. Computes the outputs' arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES, LUH2_STATES, N_CLASS
from lsbc.emulator.gate import check_fractions, check_range
from lsbc.emulator.surface.parameters import ClassTable, surface_parameters

FILL = -9999.0
"""Value of every output field on host cells that are not covered, where the configuration allows such cells."""
QUALITY_SPARE = 2
QUALITY_FLAGS = {QUALITY_SPARE: "computed_by_fallback_device"}
"""Bits of the field `quality` and their meanings (1 is kept for cells held from last year, which nothing does yet)."""


@dataclass(frozen=True)
class FieldInfo:
    """One field of the contract; `n_level` counts values per cell."""

    name: str
    standard_name: str
    long_name: str
    units: str
    n_level: int
    direction: str
    valid_range: tuple[float, float] = (0.0, 1.0)


INPUTS = tuple(FieldInfo(name, "area_fraction", f"LUH2 state {name}, fraction of the whole cell", "1", 1, "in") for name in LUH2_STATES)

_CLASS_FIELDS = {"urban_frac": "urban", "crop_frac": "cropland", "pasture_frac": "pasture", "forest_frac": "forest"}

OUTPUTS = (
    FieldInfo("lu_frac", "area_fraction", "area fraction of each land-use class", "1", N_CLASS, "out"),
    FieldInfo("lu_dominant", "", "land-use class of largest area, HILDA+ code, lowest code on ties", "1", 1, "out", (0.0, 77.0)),
    *(FieldInfo(name, "area_fraction", f"area fraction of {cls}", "1", 1, "out") for name, cls in _CLASS_FIELDS.items()),
    FieldInfo("lai", "leaf_area_index", "leaf area index of the vegetated area, middle of its yearly range", "1", 1, "out", (0.0, 10.0)),
    FieldInfo("albedo", "surface_albedo_assuming_no_snow", "snow-free surface albedo", "1", 1, "out", (0.02, 0.9)),
    FieldInfo("z0m", "surface_roughness_length_for_momentum_in_air", "roughness length for momentum", "m", 1, "out", (1e-5, 5.0)),
    FieldInfo("veg_frac", "vegetation_area_fraction", "vegetated area fraction", "1", 1, "out"),
    FieldInfo("emissivity", "surface_longwave_emissivity", "longwave emissivity", "1", 1, "out", (0.8, 1.0)),
    FieldInfo("root_depth", "root_depth", "root depth of the vegetated area", "m", 1, "out", (0.0, 10.0)),
    FieldInfo("coverage", "area_fraction", "share of the cell over fine-grid data", "1", 1, "out"),
    FieldInfo("quality", "quality_flag", "bits: 2, part of the cell was computed by the fallback device", "1", 1, "out", (0.0, 3.0)),
    FieldInfo("valid_year", "", "calendar year the fields are valid for", "1", 1, "out", (-9999.0, 99999.0)),
)
FIELDS = (*INPUTS, *OUTPUTS)
BY_NAME = {info.name: info for info in FIELDS}


def boundary_fields(fraction: np.ndarray, coverage: np.ndarray, quality: np.ndarray, min_coverage: float, year: int, table: ClassTable) -> dict[str, np.ndarray]:
    """All output fields of one year on host cells.

    Args:
        fraction: (n_cell, 8) of the covered area.  coverage: (n_cell,) in [0, 1].  quality: (n_cell,) bits of `QUALITY_FLAGS`.
    Returns:
        name -> float64 (n_cell,), or (n_level, n_cell) C-contiguous for `lu_frac`; cells with less than
        `min_coverage` hold `FILL` in all but `coverage`, `quality` and `valid_year`.
    Raises:
        InternalError: a value left its range (the output gate).
    """
    covered = coverage >= min_coverage
    check_fractions(fraction, covered)
    out = {"lu_frac": np.ascontiguousarray(fraction.T)}
    out["lu_dominant"] = np.array(CLASS_CODES, np.float64)[np.argmax(fraction, axis=1)] if len(fraction) else np.zeros(0)
    for name, cls in _CLASS_FIELDS.items():
        out[name] = fraction[:, CLASS_NAMES.index(cls)].copy()
    somewhere = np.where(covered[:, None], fraction, 1.0 / N_CLASS)  # uncovered cells are overwritten below
    out |= surface_parameters(somewhere, table)
    for name, values in out.items():
        check_range(name, values[..., covered], *BY_NAME[name].valid_range)
        values[..., ~covered] = FILL
    out["coverage"] = coverage.copy()
    out["quality"] = quality.copy()
    out["valid_year"] = np.full(len(coverage), float(year))
    return out
