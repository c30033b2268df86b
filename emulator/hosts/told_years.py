"""What a file of several years says of each, when one of them is written anew. Knows global attributes `lsbc_...`, no field and no host."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

_PREFIX = "lsbc_"
_VALID_YEAR, _NOTES = f"{_PREFIX}valid_year", f"{_PREFIX}notes"
_LINE = re.compile(r"(-?\d+): (.*)")


def with_former_years(data, attributes: Mapping[str, str], year: int, notes: Iterable[str]) -> tuple[dict[str, str], list[int], list[str]]:
    """`attributes`, years and `notes` for `template.mark`, with those of the years that an open file tells of already.

    A text that is the same for all years stays one; else there is a line "2031: ..." for each, by ascending year. `year` takes the place of what the
    file said of it.
    """
    former = _former(data)
    years = sorted({*former, year})
    known = {name for name in data.ncattrs() if former and name.startswith(_PREFIX)} - {_VALID_YEAR, _NOTES}
    names = [*attributes, *sorted(name.removeprefix(_PREFIX) for name in known if name.removeprefix(_PREFIX) not in attributes)]
    told = {name: by_year(_text(data, f"{_PREFIX}{name}"), former, year, attributes.get(name, "")) for name in names}
    return told, years, [by_year(_text(data, _NOTES), former, year, "; ".join(notes))]


def by_year(former: str, former_years: Sequence[int], year: int, text: str) -> str:
    """`text` of a year beside the `former` text of other years: see `with_former_years`."""
    lines = dict(match.groups() for line in former.splitlines() if (match := _LINE.fullmatch(line)))
    apart = len(former_years) > 1 and sorted(map(int, lines)) == sorted(former_years)
    texts = {one: lines[str(one)] if apart else " ".join(former.splitlines()) for one in former_years} | {year: " ".join(text.splitlines())}
    return text if len(set(texts.values())) == 1 else "\n".join(f"{one}: {texts[one]}" for one in sorted(texts))


def _former(data) -> list[int]:
    years = np.ravel(data.getncattr(_VALID_YEAR)) if _VALID_YEAR in data.ncattrs() else np.array([])
    return [int(one) for one in years] if years.dtype.kind in "iu" else []


def _text(data, name: str) -> str:
    return str(data.getncattr(name)) if name in data.ncattrs() else ""
