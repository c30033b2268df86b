"""The rule by which host cells get each quantity from the classes they hold. Knows fractions and class values only, no maps and no files.

Fractions are (n_class, n_cell). Sums run over classes in their order, one cell at a time in effect, so that a cell's bits depend on its own
fractions alone: not on how many cells a rank has, nor on their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from lsbc.emulator.surface.tables import KINDS, ParameterTable
from lsbc.regrid.errors import ConfigError, ValueRangeError

BLENDING_HEIGHT_M = 50.0


def area_mean(fraction: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Sum of fraction times value: albedo, emissivity, plant cover.

    Args:
        fraction: (n_class, n_cell), columns sum to 1.  value: (n_class,).
    Returns:
        (n_cell,), in the units of `value`.
    """
    total, one = np.zeros(fraction.shape[1]), np.empty(fraction.shape[1])
    for k in np.flatnonzero(value):
        np.multiply(fraction[k], value[k], out=one)
        total += one
    return total


def vegetated_mean(fraction: np.ndarray, value: np.ndarray, plant_cover: np.ndarray) -> np.ndarray:
    """Mean over the vegetated area: leaf area index, root depth. Each class counts by its area times its plant cover.

    Args:
        fraction: (n_class, n_cell).  value, plant_cover: (n_class,); plant_cover [1].
    Returns:
        (n_cell,), in the units of `value`; 0 where nothing is vegetated.
    """
    vegetated = area_mean(fraction, plant_cover)
    share = np.where(vegetated > 0.0, vegetated, 1.0)
    return np.where(vegetated > 0.0, area_mean(fraction, plant_cover * value) / share, 0.0)


def roughness_mean(fraction: np.ndarray, z0_m: np.ndarray, blending_height_m: float = BLENDING_HEIGHT_M) -> np.ndarray:
    """Roughness length with the cell's mean neutral drag coefficient at a blending height (Mason 1988).

    Args:
        fraction: (n_class, n_cell).  z0_m: (n_class,), above 0 and under the blending height where a class has a share.
    Returns:
        (n_cell,) in m.
    Raises:
        ValueRangeError: a class that has a share has no such roughness, or a cell has no share of any class.
    """
    usable = (z0_m > 0.0) & (z0_m < blending_height_m)
    for k in np.flatnonzero(~usable):
        if (fraction[k] > 0.0).any():
            raise ValueRangeError(f"Class in row {k + 1} has a roughness length of {z0_m[k]:g} m and a share of cell {int(np.argmax(fraction[k] > 0.0)) + 1} "
                                  f"here; it must be above 0 and under the blending height of {blending_height_m:g} m.")
    drag = 1.0 / np.log(blending_height_m / np.where(usable, z0_m, 1.0)) ** 2
    mean = area_mean(fraction, np.where(usable, drag, 0.0))
    if not (mean > 0.0).all():
        raise ValueRangeError(f"Cell {int(np.argmin(mean > 0.0)) + 1} here has no share of any class: it has no roughness length.")
    return blending_height_m * np.exp(-1.0 / np.sqrt(mean))


def dominant(fraction: np.ndarray, class_ids: Iterable[int]) -> np.ndarray:
    """Id of the class of largest area, the lowest id on ties.

    Args:
        fraction: (n_class, n_cell).  class_ids: (n_class,) in any order.
    Returns:
        (n_cell,) int32.
    Raises:
        ValueRangeError: a cell has no share of any class, or a fraction is not finite.
    """
    ids = np.array(list(class_ids), np.int32)
    return ids[_dominant_row(fraction, ids)]


def of_dominant(fraction: np.ndarray, value: np.ndarray, class_ids: Iterable[int]) -> np.ndarray:
    """`value` (n_class,) of each cell's dominant class: numbers that no mean makes sense of (root layers, phenology types). Raises as `dominant`."""
    return value[_dominant_row(fraction, np.array(list(class_ids), np.int32))]


def quantities_with_rule(table: ParameterTable, plant_cover: np.ndarray | None = None) -> tuple[str, ...]:
    """Names of the quantities that `aggregate` can bring to host cells."""
    return tuple(name for name, column in table.quantities.items() if column.rule not in (None, "vegetated") or column.weight is not None or
                 (column.rule == "vegetated" and plant_cover is not None))


def aggregate(fraction: np.ndarray, table: ParameterTable, names: Iterable[str] | None = None, plant_cover: np.ndarray | None = None,
              name_of: Callable[[int], str] = lambda cell: f"{cell + 1} here") -> dict[str, np.ndarray]:
    """Quantities of a table on host cells, each by the rule of its kind.

    Args:
        fraction: (n_class, n_cell), classes in the table's order (`table.select` gives another order).
        names: quantities wanted; all that have a rule where None.
        plant_cover: (n_class,) [1], the weight of vegetated means whose table has none (JSBACH, Noah-MP).
        name_of: a cell's name in messages, from its index.
    Returns:
        name -> (n_cell,) in SI units.
    Raises:
        ConfigError: a quantity that no rule or no plant cover is known for, or fractions of another number of classes.
        ValueRangeError: a class that has a share holds an impossible value, such as 999 or no roughness (the table's notes list them), or see `dominant`.
    """
    if fraction.ndim != 2 or fraction.shape[0] != len(table.class_ids):
        raise ConfigError(f"Fractions of shape {fraction.shape} do not fit table {table.name}: its {len(table.class_ids)} classes must be the first axis.")
    wanted = quantities_with_rule(table, plant_cover) if names is None else names
    return {name: _by_rule(fraction, table, name, plant_cover, name_of) for name in wanted}


def _by_rule(fraction: np.ndarray, table: ParameterTable, name: str, plant_cover: np.ndarray | None, name_of: Callable[[int], str]) -> np.ndarray:
    column = table.quantity(name)
    for k, value in enumerate(column.si):
        if not KINDS[column.kind].allows(value) and (fraction[k] > 0.0).any():
            cell = name_of(int(np.argmax(fraction[k] > 0.0)))
            raise ValueRangeError(f"Class {table.class_ids[k]} '{table.class_names[k]}' of table {table.name} has no usable {name} "
                                  f"({column.values[k]:g} {column.units}), but a share of cell {cell}: give that share to another class.")
    if column.rule == "area":
        return area_mean(fraction, column.si)
    if column.rule == "roughness":
        return roughness_mean(fraction, column.si)
    if column.rule == "dominant":
        return of_dominant(fraction, column.si, table.class_ids)
    if column.rule is None:
        raise ConfigError(f"Quantity '{name}' of table {table.name} is of kind '{column.kind}': no rule says how host cells get it.")
    cover = table.si(column.weight) if column.weight is not None else plant_cover
    if cover is None:
        raise ConfigError(f"Quantity '{name}' of table {table.name} is a mean over the vegetated area, and the table has no plant cover: give plant_cover.")
    return vegetated_mean(fraction, column.si, np.asarray(cover, np.float64))


def largest_row(fraction: np.ndarray, order: Iterable[int] | None = None) -> np.ndarray:
    """Row of the largest value of each column of (n_class, n_cell), (n_cell,) int64; -1 where none is above 0.

    Of equal ones the first in `order`, that of the rows where None.
    """
    row, most = np.full(fraction.shape[1], -1), np.zeros(fraction.shape[1])
    for k in range(len(fraction)) if order is None else order:
        larger = fraction[k] > most
        row[larger] = k
        np.copyto(most, fraction[k], where=larger)
    return row


def _dominant_row(fraction: np.ndarray, ids: np.ndarray) -> np.ndarray:
    row, total = largest_row(fraction, np.argsort(ids, kind="stable")), area_mean(fraction, np.ones(len(fraction)))
    sound = (row >= 0) & np.isfinite(total)
    if not sound.all():
        cell = int(np.argmin(sound))
        raise ValueRangeError(f"Cell {cell + 1} here has no dominant class: its fractions sum to {total[cell]:g}.")
    return row
