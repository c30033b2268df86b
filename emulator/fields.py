"""The field contract: what a host may set and get, by name, with CF names, units and ranges. Computes nothing.

`FIELDS` are there with every configuration; `emulator.host_fields` adds those that a configuration asks for.
"""

from __future__ import annotations

from dataclasses import dataclass

from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES, LUH2_STATES

FILL = -9999.0
"""Value of every output field on host cells that are not covered, where the configuration allows such cells."""
QUALITY_SPARE = 2
QUALITY_FLAGS = {QUALITY_SPARE: "computed_by_fallback_device"}
"""Bits of the field `quality` and their meanings (1 is kept for cells held from last year, which nothing does yet)."""
MONTHS = tuple(f"{month:02d}" for month in range(1, 13))


@dataclass(frozen=True)
class FieldInfo:
    """One field of the contract. `levels` names the values of a cell where there are several, `axes` their dimensions in files with their lengths."""

    name: str
    standard_name: str
    long_name: str
    units: str
    direction: str
    valid_range: tuple[float, float] = (0.0, 1.0)
    levels: tuple[str, ...] = ()
    axes: tuple[tuple[str, int], ...] = ()
    optional: bool = False
    """Whether an input may be left out."""
    flags: tuple[tuple[int, str], ...] = ()
    """Whole numbers that the values may be, and their meanings in one word each."""

    @property
    def n_level(self) -> int:
        """Values a cell."""
        return max(1, len(self.levels))


INPUTS = tuple(FieldInfo(name, "area_fraction", f"LUH2 state {name}, fraction of the whole cell", "1", "in") for name in LUH2_STATES)
CLIMATE_INPUTS = (
    FieldInfo("koppen_group", "", "main Köppen group, 1 (A) to 5 (E), 0 unknown; without it that of the fine-grid file", "1", "in", (0.0, 5.0), optional=True),
    FieldInfo("coldest_month_temperature", "air_temperature", "mean near-surface air temperature of the coldest month", "K", "in", (173.15, 333.15), optional=True),
)
"""Read like the states at each `step_year`; they need not be set."""

CLASS_FIELDS = {"urban_frac": "urban", "crop_frac": "cropland", "pasture_frac": "pasture", "forest_frac": "forest"}
_ZONES = ((0, "unknown"), (1, "A_tropical"), (2, "B_arid"), (3, "C_temperate"), (4, "D_continental"), (5, "E_polar"))
_MONTH_AXIS = (("month", len(MONTHS)),)

OUTPUTS = (
    FieldInfo("lu_frac", "area_fraction", "area fraction of each land-use class", "1", "out", levels=CLASS_NAMES, axes=(("class", len(CLASS_NAMES)),)),
    FieldInfo("lu_dominant", "", "land-use class of largest area, HILDA+ code, lowest code on ties", "1", "out", (0.0, 77.0),
              flags=tuple(zip(CLASS_CODES, CLASS_NAMES))),
    *(FieldInfo(name, "area_fraction", f"area fraction of {cls}", "1", "out") for name, cls in CLASS_FIELDS.items()),
    FieldInfo("lai", "leaf_area_index", "leaf area index of the vegetated area, middle of its yearly range", "1", "out", (0.0, 10.0)),
    FieldInfo("albedo", "surface_albedo_assuming_no_snow", "snow-free surface albedo", "1", "out", (0.02, 0.9)),
    FieldInfo("z0m", "surface_roughness_length_for_momentum_in_air", "roughness length for momentum", "m", "out", (1e-5, 5.0)),
    FieldInfo("veg_frac", "vegetation_area_fraction", "vegetated area fraction", "1", "out"),
    FieldInfo("emissivity", "surface_longwave_emissivity", "longwave emissivity", "1", "out", (0.8, 1.0)),
    FieldInfo("root_depth", "root_depth", "root depth of the vegetated area", "m", "out", (0.0, 10.0)),
    FieldInfo("leaf_area_index", "leaf_area_index", "leaf area index of the vegetated area, mean of each month", "1", "out", (0.0, 10.0), MONTHS, _MONTH_AXIS),
    FieldInfo("vegetation_area_fraction", "vegetation_area_fraction", "area fraction that leaves cover, mean of each month", "1", "out", (0.0, 1.0), MONTHS, _MONTH_AXIS),
    FieldInfo("climate_zone", "", "main Köppen group of the cell's land, 1 (A) to 5 (E), 0 unknown", "1", "out", (0.0, 5.0), flags=_ZONES),
    FieldInfo("climate_coldest_month", "air_temperature", "mean near-surface air temperature of the coldest month, where it is known", "K", "out", (173.15, 333.15)),
    FieldInfo("coverage", "area_fraction", "share of the cell over fine-grid data", "1", "out"),
    FieldInfo("quality", "quality_flag", "bits: 2, part of the cell was computed by the fallback device", "1", "out", (0.0, 3.0)),
    FieldInfo("valid_year", "", "calendar year the fields are valid for", "1", "out", (-9999.0, 99999.0)),
)
"""In the order in which a host lists them."""
SEASONAL = tuple(info.name for info in OUTPUTS if info.levels == MONTHS)
"""Fields of months that a host may also get as weeks or for one day (`emulator.seasonal`)."""
FIELDS = (*INPUTS, *CLIMATE_INPUTS, *OUTPUTS)
BY_NAME = {info.name: info for info in FIELDS}
