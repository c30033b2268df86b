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
    numbers that look like years are years. Where the axis has no values, or only counts layers from 0 or 1, layer 0 is `first_year`,
    if the product has one.
    """
    years = stated_years(data, dimension, where)
    if years is not None:
        return years
    n_layer = len(data.dimensions[dimension])
    units, value = _axis(data, dimension)
    counts = value is None or any(np.array_equal(value, np.arange(n_layer) + start) for start in (0, 1))
    if first_year is None or not counts:
        first = "no values" if value is None or not len(value) else f"first value {value[0]:.9g}"
        raise FileError(f"{where}: the axis {dimension} with units '{units}', {first}, does not say its years; units 'years since ...' or "
                        f"'days since ...' are expected.")
    return [first_year + k for k in range(n_layer)]


def stated_years(data: object, dimension: str, where: str) -> list[int] | None:
    """Year of every layer by the values and units of the axis; None where they say none."""
    units, value = _axis(data, dimension)
    if value is None:
        return None
    since = _YEARS_SINCE.match(units)
    if (since or "since" in units) and not np.isfinite(value).all():
        raise FileError(f"{where}: the axis {dimension} with units '{units}' has no number in layer {int(np.argmin(np.isfinite(value)))}.")
    if since:
        return [int(since.group(1)) + int(np.floor(one + 1e-6)) for one in value]
    if "since" in units:
        return _dated(data[dimension], value, units, where)
    if units.lower() in _PLAIN_UNITS and (value == np.floor(value)).all() and ((value >= 800) & (value < 3100)).all():
        return [int(one) for one in value]
    return None


def _axis(data: object, dimension: str) -> tuple[str, np.ndarray | None]:
    if dimension not in data.variables:
        return "", None
    axis = data[dimension]
    if np.dtype(axis.dtype).kind not in "iuf":
        return str(getattr(axis, "units", "")), np.full(len(data.dimensions[dimension]), np.nan)
    return str(getattr(axis, "units", "")), np.ma.filled(np.ma.asarray(axis[:], np.float64), np.nan)


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
