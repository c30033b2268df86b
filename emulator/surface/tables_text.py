"""Parameter tables in words, for the terminal. Knows tables, no cells."""

from __future__ import annotations

from lsbc.emulator.surface.tables import ParameterTable, Quantity, read_parameter_table, shipped_tables
from lsbc.emulator.surface.wrf_tables import read_wrf_table

WIDTH = 170


def open_table(name_or_path: str, system: str | None = None, season: str | None = None) -> ParameterTable:
    """A shipped table, a .toml file, or one of WRF's .TBL files; `system` and `season` choose within the last. Raises as their readers do."""
    if name_or_path in shipped_tables() or name_or_path.endswith(".toml") or not name_or_path.upper().endswith(".TBL"):
        return read_parameter_table(name_or_path)
    return read_wrf_table(name_or_path, system, season)


def describe(table: ParameterTable, names: list[str] | None = None, si: bool = False) -> str:
    """Head, values (as in the source, or in SI), single numbers and notes; wide tables in several blocks."""
    columns = [table.quantity(name) for name in names or table.quantities]
    head = [f"{table.name}: {table.class_system}, {len(table.class_ids)} classes", f"source: {table.source}", f"licence: {table.licence}"]
    left = _padded(["id", ""] + [str(class_id) for class_id in table.class_ids]), _padded(["class", ""] + list(table.class_names), left=True)
    lines, block = [], list(left)
    for column in columns:
        cells = _padded(_cells(column, si))
        if len(block) > 2 and sum(len(part[0]) + 2 for part in block) + len(cells[0]) > WIDTH:
            lines, block = lines + ["", *_joined(block)], list(left)
        block.append(cells)
    lines += ["", *_joined(block)]
    single = [f"{name} = {value:g}" for name, value in table.constants.items()]
    notes = [f"- {note}" for note in table.notes]
    return "\n".join([*head, *lines, *(["", "Single numbers: " + ", ".join(single)] if single else []), *(["", "Notes:", *notes] if notes else [])])


def describe_all() -> str:
    """One line for each shipped table."""
    tables = [read_parameter_table(name) for name in shipped_tables()]
    return "\n".join(f"{table.name:20}  {len(table.class_ids):2} classes  {len(table.notes):2} notes  {table.class_system}" for table in tables)


def _cells(column: Quantity, si: bool) -> list[str]:
    values, units = (column.si, column.si_units) if si else (column.values, column.units)
    return [column.name, f"[{units}]" if units else "[?]", *(f"{value:g}" for value in values)]


def _padded(cells: list[str], left: bool = False) -> list[str]:
    width = max(map(len, cells))
    return [cell.ljust(width) if left else cell.rjust(width) for cell in cells]


def _joined(block: list[list[str]]) -> list[str]:
    return ["  ".join(parts).rstrip() for parts in zip(*block)]
