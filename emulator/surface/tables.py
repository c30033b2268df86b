"""Parameter tables of host models: one row a class, one column a quantity, with units, source and known anomalies. Knows no fractions and no cells.

A table holds what its source says, right or wrong. What breaks a rule must be listed under `known_anomaly` and is then kept and
told in `notes`; anything else that breaks one is refused.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from types import MappingProxyType

import numpy as np

from lsbc.emulator.surface.units import NOT_STATED, si_units, to_si
from lsbc.regrid.errors import ConfigError, FileError


@dataclass(frozen=True)
class Kind:
    """What a quantity is: its units in SI, its possible values there, and the rule by which host cells get it (None: by none)."""

    rule: str | None
    units: str
    low: float
    high: float
    above_low: bool = False

    def allows(self, value: float) -> bool:
        return (self.low < value if self.above_low else self.low <= value) and value <= self.high

    def describe(self) -> str:
        return f"{'above' if self.above_low else 'from'} {self.low:g} to {self.high:g}{'' if self.units == '1' else f' {self.units}'} in SI"


KINDS = {
    "albedo": Kind("area", "1", 0.0, 1.0),
    "emissivity": Kind("area", "1", 0.0, 1.0, above_low=True),
    "plant_cover": Kind("area", "1", 0.0, 1.0),
    "fraction": Kind("area", "1", 0.0, 1.0),
    "skin_conductivity": Kind("area", "W m-2 K-1", 0.0, 1e10),
    "roughness": Kind("roughness", "m", 0.0, 10.0, above_low=True),
    "canopy_roughness": Kind("roughness", "m", 0.0, 10.0),
    "leaf_area": Kind("vegetated", "m2 m-2", 0.0, 15.0),
    "root_depth": Kind("vegetated", "m", 0.0, 20.0),
    "canopy_height": Kind("vegetated", "m", 0.0, 120.0),
    "stomatal_resistance": Kind("vegetated", "s m-1", 0.0, 1e4),
    "class_id": Kind("dominant", "1", 0.0, 1e6),
    "number": Kind("dominant", "1", 0.0, 1e6),
    "other": Kind(None, NOT_STATED, -math.inf, math.inf),
}
"""Physically possible values, wider than what a host accepts: they catch wrong units and displaced numbers. `canopy_roughness` may be 0 (no canopy)."""


@dataclass(frozen=True)
class Quantity:
    """One column. `values` (n_class,) are in `units`, as the source has them; `weight` names the plant cover that a vegetated mean is taken over."""

    name: str
    values: np.ndarray
    units: str
    kind: str = "other"
    weight: str | None = None
    description: str = ""

    @property
    def si(self) -> np.ndarray:
        """(n_class,) in `si_units`."""
        return to_si(self.values, self.units)

    @property
    def si_units(self) -> str:
        return si_units(self.units)

    @property
    def rule(self) -> str | None:
        return KINDS[self.kind].rule


@dataclass(frozen=True)
class KnownAnomaly:
    """Quantities of a class that hold `value` although a rule or common sense says otherwise, and why we believe the source has an error."""

    class_id: int
    quantities: tuple[str, ...]
    value: float
    why: str


@dataclass(frozen=True)
class ParameterTable:
    """One host table. `constants` are numbers of the file that belong to no class (Noah's ISWATER); `notes` belong into every output made from it."""

    name: str
    source: str
    licence: str
    class_system: str
    class_ids: tuple[int, ...]
    class_names: tuple[str, ...]
    quantities: Mapping[str, Quantity]
    constants: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()

    def quantity(self, name: str) -> Quantity:
        """One column; ConfigError where the table has none of that name."""
        if name not in self.quantities:
            raise ConfigError(f"Table {self.name} has no quantity '{name}'; it has {', '.join(self.quantities)}.")
        return self.quantities[name]

    def si(self, name: str) -> np.ndarray:
        """(n_class,) values of one column in SI."""
        return self.quantity(name).si

    def rows(self, class_ids: Iterable[int]) -> np.ndarray:
        """Row of each class id, for gathering; ConfigError names the first id that the table does not have."""
        place = {class_id: row for row, class_id in enumerate(self.class_ids)}
        wanted = [int(class_id) for class_id in class_ids]
        for class_id in wanted:
            if class_id not in place:
                raise ConfigError(f"Table {self.name} has no class {class_id}; it has {self.class_ids[0]}..{self.class_ids[-1]} ({len(self.class_ids)} classes).")
        return np.array([place[class_id] for class_id in wanted], np.int64)

    def select(self, class_ids: Iterable[int]) -> ParameterTable:
        """The same table with these classes only, in this order (that of a crosswalk's target classes)."""
        rows = self.rows(class_ids)
        columns = {name: replace(column, values=_frozen(column.values[rows])) for name, column in self.quantities.items()}
        return replace(self, class_ids=tuple(self.class_ids[row] for row in rows), class_names=tuple(self.class_names[row] for row in rows),
                       quantities=MappingProxyType(columns))


def checked(table: ParameterTable, known: Iterable[KnownAnomaly], keep_stale: bool = False,
            place: Callable[[int, str], str] | None = None) -> ParameterTable:
    """The table with its known anomalies as notes.

    Args:
        keep_stale: pass over listed anomalies that the table does not have (host files of other versions), instead of refusing the list.
        place: where the value of a class and quantity stands, for messages (file, section, line).
    Raises:
        ConfigError: a value is impossible, or a minimum above its maximum, and not listed; or the list is at odds with the table.
        FileError: the former, with `place` given.
    """
    known = tuple(known)
    listed, notes = set(), list(table.notes)
    for anomaly in known:
        if _holds(table, anomaly):
            listed |= {(anomaly.class_id, name) for name in anomaly.quantities}
            row = table.class_ids.index(anomaly.class_id)
            notes.append(f"{table.name}: class {anomaly.class_id} '{table.class_names[row]}', {', '.join(anomaly.quantities)} = {anomaly.value:g}, "
                         f"left as it is: {anomaly.why}")
        elif not keep_stale:
            raise ConfigError(f"Table {table.name} lists a known anomaly, class {anomaly.class_id} {', '.join(anomaly.quantities)} = {anomaly.value:g}, "
                              "that its rows do not have: take it off the list.")
    for class_id, names, sentence in anomalies(table):
        if not any((class_id, name) in listed for name in names):
            if place is not None:
                raise FileError(f"{place(class_id, names[0])}: class {class_id}: {sentence}; correct the file.")
            raise ConfigError(f"Table {table.name}, class {class_id}: {sentence}; correct it, or list it as a known_anomaly with its value and why.")
    return replace(table, notes=tuple(notes))


def anomalies(table: ParameterTable) -> list[tuple[int, tuple[str, ...], str]]:
    """(class id, quantities, sentence) of every value that its kind forbids and every minimum above its maximum."""
    found = []
    for name, column in table.quantities.items():
        kind = KINDS[column.kind]
        top = name.replace("min", "max").replace("MIN", "MAX").replace("Min", "Max")
        above = table.quantities.get(top) if top != name else None
        for row, class_id in enumerate(table.class_ids):
            value = float(column.si[row])
            if not kind.allows(value):
                found.append((class_id, (name,), f"{name} is {column.values[row]:g} {column.units}, must be {kind.describe()}"))
            if above is not None and not value <= above.si[row]:
                found.append((class_id, (name, top), f"{name} {column.values[row]:g} is above {top} {above.values[row]:g}"))
    return found


def _holds(table: ParameterTable, anomaly: KnownAnomaly) -> bool:
    if anomaly.class_id not in table.class_ids or not set(anomaly.quantities) <= set(table.quantities):
        return False
    row = table.class_ids.index(anomaly.class_id)
    return all(table.quantities[name].values[row] == anomaly.value for name in anomaly.quantities)


def _frozen(values: np.ndarray) -> np.ndarray:
    values = np.array(values, np.float64)
    values.flags.writeable = False
    return values


def column_of(name: str, values: Iterable[float], units: str, kind: str, place: str, weight: str | None = None, description: str = "") -> Quantity:
    """A column whose units and kind fit.

    Raises:
        ConfigError: unknown units or kind, units of another kind, a number that is not finite; the message starts with `place`.
    """
    array = _frozen(np.array(list(values), np.float64))
    if kind not in KINDS:
        raise ConfigError(f"{place}: quantity '{name}' is of unknown kind '{kind}'; known are {', '.join(KINDS)}.")
    if KINDS[kind].rule and si_units(units) != KINDS[kind].units:
        raise ConfigError(f"{place}: quantity '{name}' is in '{units}', but its kind '{kind}' is in '{KINDS[kind].units}' or a multiple of it.")
    if not np.isfinite(array).all():
        raise ConfigError(f"{place}: quantity '{name}' has a value that is not finite in row {int(np.argmin(np.isfinite(array))) + 1}.")
    si_units(units)
    return Quantity(name, array, units, kind, weight, description)


def shipped_tables() -> tuple[str, ...]:
    """Names that `read_parameter_table` takes."""
    folder = resources.files("lsbc.emulator.surface").joinpath("tables")
    return tuple(sorted(path.name.removesuffix(".toml") for path in folder.iterdir() if path.name.endswith(".toml")))


def read_parameter_table(name_or_path: str | Path) -> ParameterTable:
    """A shipped table by name ('extpar_globcover'), or a user's own TOML file in the same layout.

    Raises:
        FileError: no such file.
        ConfigError: a key, class or number is missing, unknown or impossible (see `checked`).
    """
    text = str(name_or_path)
    if text in shipped_tables():
        return table_from_toml(resources.files("lsbc.emulator.surface").joinpath("tables", f"{text}.toml").read_text(encoding="utf-8"), text)
    if not text.endswith(".toml"):
        raise ConfigError(f"Parameter table '{text}' is not one of {', '.join(shipped_tables())}, nor a .toml file.")
    try:
        return table_from_toml(Path(text).read_text(encoding="utf-8"), text)
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"Parameter table {text} cannot be read: {error}.")


_KEYS = {"source", "licence", "class_system", "quantity", "columns", "rows", "known_anomaly"}


def table_from_toml(text: str, name: str) -> ParameterTable:
    """A table from TOML text; `name` is used in messages and notes."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"Parameter table {name} is not TOML: {error}.")
    if wrong := (set(data) ^ _KEYS) - {"known_anomaly"}:
        raise ConfigError(f"Parameter table {name} has unknown or lacks keys {sorted(wrong)}; it needs {sorted(_KEYS - {'known_anomaly'})}.")
    columns, rows = data["columns"], data["rows"]
    if columns[:2] != ["id", "name"] or sorted(columns[2:]) != sorted(data["quantity"]):
        raise ConfigError(f"Parameter table {name}: columns must be id, name and the quantities {sorted(data['quantity'])}, got {columns}.")
    _check_rows(rows, columns, name)
    quantities = {}
    for place, key in enumerate(columns[2:], start=2):
        keys = data["quantity"][key]
        if unknown := set(keys) - {"units", "kind", "weight", "description"}:
            raise ConfigError(f"Parameter table {name}: quantity '{key}' has unknown keys {sorted(unknown)}.")
        if lacking := {"units", "kind"} - set(keys):
            raise ConfigError(f"Parameter table {name}: quantity '{key}' lacks {sorted(lacking)}.")
        values = [row[place] for row in rows]
        quantities[key] = column_of(key, values, keys["units"], keys["kind"], f"Parameter table {name}", keys.get("weight"), keys.get("description", ""))
    for key, column in quantities.items():
        if column.weight is not None and (column.weight not in quantities or quantities[column.weight].kind != "plant_cover"):
            raise ConfigError(f"Parameter table {name}: weight '{column.weight}' of quantity '{key}' is not a quantity of kind plant_cover.")
    ids, names = tuple(row[0] for row in rows), tuple(row[1] for row in rows)
    table = ParameterTable(name, data["source"], data["licence"], data["class_system"], ids, names, MappingProxyType(quantities))
    return checked(table, known_from(data.get("known_anomaly", []), name))


def known_from(entries: list[dict], name: str) -> list[KnownAnomaly]:
    """The anomalies listed in a TOML file."""
    for entry in entries:
        if not {"class", "quantities", "value", "why"} <= set(entry):
            raise ConfigError(f"{name}: a known_anomaly needs class, quantities, value and why, got {sorted(entry)}.")
    return [KnownAnomaly(entry["class"], tuple(entry["quantities"]), float(entry["value"]), entry["why"]) for entry in entries]


def _check_rows(rows: list, columns: list[str], name: str) -> None:
    seen = set()
    for number, row in enumerate(rows, start=1):
        if len(row) != len(columns):
            raise ConfigError(f"Parameter table {name}, row {number}: {len(row)} entries, the {len(columns)} columns are {columns}.")
        if type(row[0]) is not int or not isinstance(row[1], str) or row[0] in seen:
            raise ConfigError(f"Parameter table {name}, row {number}: must start with a class id of its own and a name, got {row[:2]}.")
        seen.add(row[0])
        for key, value in zip(columns[2:], row[2:]):
            if type(value) not in (int, float):
                raise ConfigError(f"Parameter table {name}, row {number}: {key} of class {row[0]} must be a number, got {value!r}.")
    if not rows:
        raise ConfigError(f"Parameter table {name} has no rows.")
