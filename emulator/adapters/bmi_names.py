"""BMI variables of lsbc and the fields behind them: one variable a field, and one a level for fields of several. Holds no values.

Names are put together as CSDMS standard names are; lsbc's own names (`urban`, `albedo`, `lu_frac.forest`, `leaf_area_index.07`) are known as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from lsbc.emulator.fields import INPUTS, OUTPUTS, FieldInfo
from lsbc.regrid.errors import FieldError

_OUTPUT_NAMES = {
    "lu_dominant": "land_cover~dominant__class_code",
    "urban_frac": "land~urban__area_fraction",
    "crop_frac": "land~cropland__area_fraction",
    "pasture_frac": "land~pasture__area_fraction",
    "forest_frac": "land~forested__area_fraction",
    "lai": "land_vegetation__leaf-area_index",
    "albedo": "land_surface__albedo",
    "z0m": "atmosphere_bottom_air_flow__log_law_roughness_length",
    "veg_frac": "land_vegetation__area_fraction",
    "emissivity": "land_surface__emissivity",
    "root_depth": "land_vegetation_root__depth",
    "leaf_area_index": "land_vegetation~month-{level}__leaf-area_index",
    "vegetation_area_fraction": "land_leaves~month-{level}__area_fraction",
    "lu_frac": "land_cover~{level}__area_fraction",
    "climate_zone": "land_climate__koppen_group_code",
    "climate_coldest_month": "atmosphere_bottom_air~coldest-month__temperature",
    "coverage": "land_fine-data__area_fraction",
    "quality": "land_surface__quality_flag",
    "valid_year": "land_surface__valid_year",
}


@dataclass(frozen=True)
class Variable:
    """One value a cell: a field of one level, or one level of a field with several."""

    name: str
    """What BMI calls it."""
    alias: str
    """What lsbc calls it."""
    field: FieldInfo
    level: int

    @property
    def is_input(self) -> bool:
        return self.field.direction == "in"


def _variables() -> tuple[Variable, ...]:
    inputs = [Variable(f"land_luh2~{info.name}__area_fraction", info.name, info, 0) for info in INPUTS]
    outputs = []
    for info in OUTPUTS:
        name = _OUTPUT_NAMES[info.name]
        if info.levels:
            outputs += [Variable(name.format(level=level.replace("_", "-")), f"{info.name}.{level}", info, k) for k, level in enumerate(info.levels)]
        else:
            outputs.append(Variable(name, info.name, info, 0))
    return (*inputs, *outputs)


VARIABLES = _variables()
"""Inputs first, in the order of the field contract."""
_BY_NAME = {name: variable for variable in VARIABLES for name in (variable.alias, variable.name)}


def variable_of(name: str) -> Variable:
    """The variable with this BMI name or name of lsbc; raises FieldError when there is none."""
    try:
        return _BY_NAME[name]
    except (KeyError, TypeError):
        raise FieldError(f"There is no variable '{name}'; get_input_var_names and get_output_var_names list them.") from None
