"""Which calendar year each layer of a NetCDF variable stands for. Knows time axes, no maps.

"years since" is read by hand: calendar libraries refuse it.
"""

from __future__ import annotations

import re

import numpy as np

from lsbc.regrid.errors import FileError

_YEARS_SINCE = re.compile(r"\s*(?:common_)?years? since\s+(-?\d+)", re.IGNORECASE)
_PLAIN_UNITS = ("", "1", "year", "years", "yr", "yyyy", "calendar year")


def layer_years(data: object, dimension: str, where: str, first_year: int | None = None) -> list[int]:
    """Year of every layer along `dimension`.

    Units "years since Y" mean Y + value; "days since" (or hours, seconds) are read in the file's own calendar; plain whole
    numbers that look like years are years. Where there is no such axis, layer 0 is `first_year`, if the product has one.
    """
    if dimension in data.variables:
        axis = data[dimension]
        value = np.ma.filled(axis[:], np.nan).astype(np.float64)
        units = str(getattr(axis, "units", ""))
        since = _YEARS_SINCE.match(units)
        if since:
            return [int(since.group(1)) + int(np.floor(one + 1e-6)) for one in value]
        if "since" in units:
            return _dated(axis, value, units, where)
        if units.lower() in _PLAIN_UNITS and (value == np.floor(value)).all() and ((value >= 800) & (value < 3100)).all():
            return [int(one) for one in value]
    if first_year is None:
        raise FileError(f"{where}: the axis {dimension} does not say its years; units 'years since ...' or 'days since ...' are expected.")
    return [first_year + k for k in range(len(data.dimensions[dimension]))]


def _dated(axis: object, value: np.ndarray, units: str, where: str) -> list[int]:
    import cftime

    calendar = str(getattr(axis, "calendar", "standard"))
    try:
        return [date.year for date in cftime.num2date(value, units, calendar)]
    except ValueError as error:
        raise FileError(f"{where}: the axis {axis.name} with units '{units}', calendar '{calendar}' cannot be read: {error}.") from error


def span(years: list[int]) -> str:
    """Years in words for a message.

    >>> span([2000, 2001, 2002]), span([1990, 2000]), span([])
    ('2000..2002', '1990, 2000', 'none')
    """
    if years and len(years) > 2 and sorted(years) == list(range(min(years), max(years) + 1)):
        return f"{min(years)}..{max(years)}"
    return ", ".join(str(year) for year in sorted(years)) or "none"
