"""Crosswalks in words, for the terminal. Knows the table, no cells."""

from __future__ import annotations

from lsbc.emulator.surface.crosswalk import Crosswalk, read_crosswalk, shipped_targets
from lsbc.emulator.surface.crosswalk_rules import HILDA_NAMES, KOPPEN, Row, span

_HEADINGS = ("code", "HILDA+ class", "Köppen", "coldest month", "share", "target class", "why")


def describe(crosswalk: Crosswalk, koppen: int | None = None) -> str:
    """The whole table, or its rows for one main Köppen group 1..5; one line per share."""
    table = crosswalk.table
    names = {target.id: f"{target.id} {target.name}" for target in crosswalk.classes}
    lines = [_HEADINGS]
    for row in table.rows:
        if koppen is None or koppen in row.koppen:
            lines += _row_lines(row, names)
    widths = [max(map(len, column)) for column in zip(*lines)]
    body = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    return "\n".join([f"{table.target}: {table.title}, version {table.version}, sha256 {crosswalk.sha256[:12]}", f"{table.source}",
                      f"Needs {_needs(crosswalk)}.", "", *body])


def describe_all() -> str:
    """One line for each shipped crosswalk."""
    crosswalks = [read_crosswalk(target) for target in shipped_targets()]
    return "\n".join(f"{c.table.target:10}  version {c.table.version:3}  {len(c.classes):2} classes  {len(c.table.rows):2} rows  {c.table.title}; "
                     f"needs {_needs(c)}" for c in crosswalks)


def _row_lines(row: Row, names: dict[int, str]) -> list[tuple[str, ...]]:
    climate = "any" if len(row.koppen) == 5 else "".join(KOPPEN[k - 1] for k in row.koppen)
    start = (str(row.code), HILDA_NAMES[row.code], climate, span(row.coldest_month_min_c, row.coldest_month_max_c))
    return [(*(start if first else ("",) * 4), f"{share:g}", names[target], row.why if first else "")
            for first, (target, share) in zip([True] + [False] * len(row.shares), row.shares)]


def _needs(crosswalk: Crosswalk) -> str:
    names = ["the Köppen group"] * crosswalk.needs_koppen + ["the coldest month's temperature"] * crosswalk.needs_coldest_month
    return " and ".join(names) or "no climate"
