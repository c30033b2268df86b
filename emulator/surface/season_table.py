"""Leaf area index and vegetation fraction of host cells in each month, from a table by class, climate zone and month. Knows no days and no files but its own table."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources

import numpy as np

from lsbc.emulator.classes import CLASS_NAMES, N_CLASS
from lsbc.regrid.errors import ConfigError, FieldError, ValueRangeError

FORMAT = 1
LAI_MAX = 10.0
"""What the field `leaf_area_index` may have, m2 m-2."""
KEYS = {"format", "source", "lai_units", "extinction", "tropic_deg", "zone", "class", "row"}
N_MONTH, HALF_YEAR = 12, 6
ZONES = ("A", "B", "C", "D", "E")
"""Köppen's main groups, numbered from 1 as the host gives them."""
CHUNK_CELLS = 16384
SUM_TOLERANCE = 1e-12
"""Rounding by which a fraction may exceed 1, and the zones' shares miss it."""


@dataclass(frozen=True)
class SeasonTable:
    """Months of each class in each zone, as in the northern hemisphere.

    lai: (8, 5, 12) m2 m-2 of the vegetated area.  veg_max: (8, 5), vegetated share of the class at its greenest.
    zone_knots: for each zone its latitudes (absolute, degrees, rising) and its shares there.
    """

    lai: np.ndarray
    veg_max: np.ndarray
    zone_knots: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]
    tropic_deg: float
    extinction: float
    source: str

    @property
    def green(self) -> np.ndarray:
        """(8, 5, 12): share of `veg_max` that leaves cover, (1 - exp(-k LAI)) over its value in the greenest month; 0 where there is never a leaf."""
        cover = -np.expm1(-self.extinction * self.lai)
        most = cover.max(axis=-1, keepdims=True)
        return np.divide(cover, most, out=np.zeros_like(cover), where=most > 0.0)


def monthly_lai(fractions: np.ndarray, latitude_deg: np.ndarray, table: SeasonTable, koppen: np.ndarray | None = None) -> np.ndarray:
    """Leaf area index of the vegetated area in each month.

    Args:
        fractions: (n_cell, 8), class fractions of the cell.
        latitude_deg: (n_cell,), north positive; it gives the hemisphere, and the climate zone where `koppen` is not given.
        koppen: (n_cell,), 1 to 5 for A to E; 0 where unknown: latitude stands for it there.
    Returns:
        (12, n_cell) m2 m-2; 0 where nothing is vegetated. Classes weigh with their fraction times `veg_max`, the same in all months,
        so that LAI times the yearly maximum of the vegetated area is the leaf area. A cell's bits depend on its own values alone.
    Raises:
        FieldError: shapes.  ValueRangeError: a fraction, latitude or Köppen group is not finite or out of range.
    """
    return monthly_fields(fractions, latitude_deg, table, koppen)[0]


def monthly_veg_fraction(fractions: np.ndarray, latitude_deg: np.ndarray, table: SeasonTable, koppen: np.ndarray | None = None) -> np.ndarray:
    """Share of the cell that leaves cover in each month, (12, n_cell); arguments and errors as `monthly_lai`.

    A class covers `veg_max` (1 - exp(-k LAI)) / (1 - exp(-k LAI_max)) of its area: all of `veg_max` in its greenest month, nothing in a month without leaves.
    """
    return monthly_fields(fractions, latitude_deg, table, koppen)[1]


def monthly_fields(fractions: np.ndarray, latitude_deg: np.ndarray, table: SeasonTable, koppen: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """`monthly_lai` and `monthly_veg_fraction` in one go; arguments and errors as theirs."""
    fractions, latitude_deg = np.asarray(fractions, np.float64), np.asarray(latitude_deg, np.float64)
    _check(fractions, latitude_deg, koppen)
    curve = np.concatenate([table.lai, table.green], axis=-1)
    lai, cover = np.empty((N_MONTH, len(latitude_deg))), np.empty((N_MONTH, len(latitude_deg)))
    for first in range(0, len(latitude_deg), CHUNK_CELLS):
        part = slice(first, first + CHUNK_CELLS)
        by_class, lat = np.ascontiguousarray(fractions[part].T), latitude_deg[part]
        group = np.zeros(len(lat), np.int64) if koppen is None else np.asarray(koppen)[part]
        for zone in np.unique(group).tolist():
            cells = np.flatnonzero(group == zone) if (group != zone).any() else slice(None)
            months, vegetated = _of_zone(by_class[:, cells], lat[cells], zone, table, curve)
            lai[:, part][:, cells] = np.divide(months[:N_MONTH], vegetated, out=np.zeros_like(months[:N_MONTH]), where=vegetated > 0.0)
            cover[:, part][:, cells] = np.minimum(months[N_MONTH:], 1.0)
    return lai, cover


def north_share(latitude_deg: np.ndarray, tropic_deg: float) -> np.ndarray:
    """Weight of the northern months: 1 from `tropic_deg` northward, 0 from its mirror southward, linear between (1/2 at the equator)."""
    return np.clip(0.5 + latitude_deg / (2.0 * tropic_deg), 0.0, 1.0)


def zone_shares(latitude_deg: np.ndarray, table: SeasonTable) -> np.ndarray:
    """(5, n_cell) shares of the climate zones, from latitude alone."""
    return np.stack([np.interp(np.abs(latitude_deg), at, share) for at, share in table.zone_knots])


def _of_zone(by_class: np.ndarray, latitude_deg: np.ndarray, zone: int, table: SeasonTable, curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums over classes of fraction x veg_max x curve in cells of one climate zone (0: of the shares that the latitude gives), and the same without the curve.

    Args:
        by_class: (8, n_cell).  curve: (8, 5, 24), two fields of 12 months.
    Returns:
        (24, n_cell) with the hemisphere's seasons, and (n_cell,).
    """
    n_cell = len(latitude_deg)
    share = None if zone else zone_shares(latitude_deg, table)
    months, vegetated, one = np.zeros((2 * N_MONTH, n_cell)), np.zeros(n_cell), np.empty((2 * N_MONTH, n_cell))
    for k in np.flatnonzero(table.veg_max.max(axis=1) > 0.0):
        if not by_class[k].any():
            continue
        alike = np.all(table.lai[k] == table.lai[k, 0]) and np.all(table.veg_max[k] == table.veg_max[k, 0])
        for z in [zone - 1] if zone else [0] if alike else range(len(ZONES)):
            area = table.veg_max[k, z] * (by_class[k] if zone or alike else share[z] * by_class[k])
            vegetated += area
            np.multiply(curve[k, z][:, None], area, out=one)
            months += one
    north = north_share(latitude_deg, table.tropic_deg)
    if not (north == 1.0).all():
        turned = months.reshape(2, N_MONTH, n_cell)[:, np.roll(np.arange(N_MONTH), -HALF_YEAR)].reshape(months.shape)
        months *= north
        months += (1.0 - north) * turned
    return months, vegetated


def _check(fractions: np.ndarray, latitude_deg: np.ndarray, koppen: np.ndarray | None) -> None:
    n_cell = latitude_deg.size
    if latitude_deg.shape != (n_cell,) or fractions.shape != (n_cell, N_CLASS) or (koppen is not None and np.shape(koppen) != (n_cell,)):
        raise FieldError(f"Class fractions have shape {fractions.shape}, latitudes {latitude_deg.shape}"
                         f"{'' if koppen is None else f', Köppen groups {np.shape(koppen)}'}; (n_cell, {N_CLASS}) and (n_cell,) are needed.")
    for name, good, values in (("Latitude", np.abs(latitude_deg) <= 90.0, latitude_deg),
                               ("A class fraction", ((fractions >= 0.0) & (fractions <= 1.0 + SUM_TOLERANCE)).all(axis=1), fractions),
                               *([] if koppen is None else [("Köppen group", np.isin(koppen, range(len(ZONES) + 1)), np.asarray(koppen))])):
        if not good.all():
            cell = int(np.argmin(good))
            raise ValueRangeError(f"{name} of cell {cell} is out of range: {values[cell]}; latitudes are -90 to 90, fractions 0 to 1, groups 0 to {len(ZONES)}.")


def read_season_table(text: str | None = None) -> SeasonTable:
    """The shipped table, or one from TOML text in the same layout (`seasons/lai_noahmp_modis.toml` explains it).

    Raises:
        ConfigError: the text is no TOML, or a class, zone, row or value is missing, unknown or out of range.
    """
    if text is None:
        text = resources.files("lsbc.emulator.surface").joinpath("seasons/lai_noahmp_modis.toml").read_text(encoding="utf-8")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The season table is no TOML: {error}.") from error
    if data.get("format") != FORMAT or set(data) - KEYS:
        raise ConfigError(f"The season table has format {data.get('format')} and the keys {sorted(set(data))}; format {FORMAT} has {sorted(KEYS)}.")
    rows = {row.get("modis"): row for row in _entries(data, "row")}
    lai, veg_max = np.empty((N_CLASS, len(ZONES), N_MONTH)), np.empty((N_CLASS, len(ZONES)))
    for k, entry in enumerate(_named(data, "class", CLASS_NAMES)):
        numbers = entry.get("modis")
        numbers = numbers if isinstance(numbers, list) else [numbers] * len(ZONES)
        if len(numbers) != len(ZONES) or any(number not in rows for number in numbers):
            raise ConfigError(f"Season table, class '{entry['name']}': modis is {numbers}; needed is one row of the table, or one for each of {len(ZONES)} zones.")
        for z, number in enumerate(numbers):
            where = f"row {number}"
            lai[k, z] = _numbers(rows[number], "lai", where, 0.0, LAI_MAX, N_MONTH)
            veg_max[k, z] = _numbers(rows[number] | entry, "veg_max", where, 0.0, 1.0)[0]
    return SeasonTable(lai, veg_max, _zone_knots(data), _numbers(data, "tropic_deg", "head", 1e-6, 90.0)[0],
                       _numbers(data, "extinction", "head", 1e-6, 10.0)[0], str(data.get("source", "")))


def _entries(data: dict, kind: str) -> list[dict]:
    entries = data.get(kind)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"The season table needs [[{kind}]] entries.")
    return entries


def _named(data: dict, kind: str, names: tuple[str, ...]) -> list[dict]:
    found = [entry.get("name") for entry in _entries(data, kind)]
    if sorted(map(str, found)) != sorted(names):
        raise ConfigError(f"The season table has the entries {found} as {kind}; needed, once each: {', '.join(names)}.")
    entries = {entry["name"]: entry for entry in data[kind]}
    return [entries[name] for name in names]


def _numbers(entry: dict, key: str, where: str, low: float, high: float, n: int = 1) -> list[float]:
    value = entry.get(key)
    values = value if isinstance(value, list) else [value]
    if len(values) != n or not all(isinstance(v, (int, float)) and not isinstance(v, bool) and np.isfinite(v) and low <= v <= high for v in values):
        raise ConfigError(f"Season table, {where}: {key} is {value}; {n} finite number(s) in [{low:g}, {high:g}] are needed.")
    return [float(v) for v in values]


def _zone_knots(data: dict) -> tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]:
    knots = []
    for zone in _named(data, "zone", ZONES):
        at = zone.get("abs_latitude_deg")
        n = len(at) if isinstance(at, list) else 1
        knots.append((tuple(_numbers(zone, "abs_latitude_deg", f"zone {zone['name']}", 0.0, 90.0, n)),
                      tuple(_numbers(zone, "share", f"zone {zone['name']}", 0.0, 1.0, n))))
        if any(b <= a for a, b in zip(knots[-1][0], knots[-1][0][1:], strict=False)):
            raise ConfigError(f"Season table, zone {zone['name']}: abs_latitude_deg is {at}; it must rise.")
    for at in sorted({a for places, _ in knots for a in places}):
        total = sum(float(np.interp(at, *zone)) for zone in knots)
        if abs(total - 1.0) > SUM_TOLERANCE:
            raise ConfigError(f"Season table: the zones' shares sum to {total:.6g} at {at:g} degrees; they must sum to 1 at every latitude.")
    return tuple(knots)
