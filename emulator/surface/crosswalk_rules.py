"""The records of a crosswalk file and the rules they keep, each refusal with its row and column. Knows text and numbers, no cells."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from decimal import Decimal

from lsbc.regrid.errors import ConfigError

FORMAT = 1
HILDA_VERSIONS = ("1.0", "2.1")
HILDA_NAMES = {
    0: "ocean", 11: "urban", 22: "cropland", 23: "tree crops", 24: "agroforestry", 33: "pasture, rangeland", 40: "forest, type unknown",
    41: "evergreen needleleaf forest", 42: "evergreen broadleaf forest", 43: "deciduous needleleaf forest", 44: "deciduous broadleaf forest",
    45: "mixed forest", 55: "grass, shrub", 66: "sparse or no vegetation", 77: "water",
}
"""Codes of HILDA+ v1.0 and v2.1 together; a crosswalk has rows for each."""
KINDS = ("high", "low", "land", "urban", "bare", "ice", "lake", "ocean", "water", "unused")
"""What a target class is to a writer: high (trees) or low vegetation, `land` and `water` where a host does not tell further, `unused`: never filled."""
KOPPEN = "ABCDE"
"""Main Köppen groups 1 to 5."""
SUM_TOLERANCE = Decimal("1e-12")

_TABLE_KEYS = {"format", "target", "title", "version", "hilda_versions", "source", "classes", "rows"}
_CLASS_KEYS = {"id", "kind", "name"}
_ROW_KEYS = {"code", "koppen", "coldest_month_min_c", "coldest_month_max_c", "shares", "why"}


@dataclass(frozen=True)
class TargetClass:
    """One class of the host. Ids above 100 are not the host's numbers: they name area that goes elsewhere (urban, lake, ocean ...)."""

    id: int
    kind: str
    name: str


@dataclass(frozen=True)
class Row:
    """Shares of one code in the climates it holds for: `koppen` groups 1..5, coldest month in [min, max) °C."""

    number: int
    code: int
    koppen: tuple[int, ...]
    coldest_month_min_c: float
    coldest_month_max_c: float
    shares: tuple[tuple[int, float], ...]
    why: str

    def holds(self, koppen: int, coldest_month_c: float) -> bool:
        return koppen in self.koppen and self.coldest_month_min_c <= coldest_month_c < self.coldest_month_max_c


@dataclass(frozen=True)
class Table:
    """A crosswalk file, read: classes by id, rows by code and then as in the file."""

    target: str
    title: str
    version: str
    source: str
    classes: tuple[TargetClass, ...]
    rows: tuple[Row, ...]

    def edges(self, code: int) -> list[float]:
        """Coldest-month temperatures [°C] at which the rows of a code change, ascending."""
        limits = {limit for row in self.rows if row.code == code for limit in (row.coldest_month_min_c, row.coldest_month_max_c)}
        return sorted(limit for limit in limits if math.isfinite(limit))


def parse_table(text: str) -> tuple[Table | None, list[str]]:
    """A crosswalk from TOML text, and all that is wrong with it (one sentence each); no table if anything is."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        return None, [f"not a TOML file: {error}"]
    problems = _heading_problems(raw)
    classes = _all_of(raw, "classes", _target_class, problems)
    problems += [f"class {number}: id {cls.id} is used before" for number, cls in enumerate(classes, 1) if cls.id in {c.id for c in classes[:number - 1]}]
    by_id = {cls.id: cls for cls in classes}
    rows = _all_of(raw, "rows", lambda number, row: _row(number, row, by_id), problems) if classes else []
    table = Table(*(str(raw.get(key, "")) for key in ("target", "title", "version", "source")),
                  tuple(by_id[key] for key in sorted(by_id)), tuple(sorted(rows, key=lambda row: row.code)))
    if not problems:
        problems = [problem for code in HILDA_NAMES for problem in _climate_problems(table, code)]
    return (None if problems else table), problems


def class_problems(table: Table, expected: tuple[TargetClass, ...]) -> list[str]:
    """Where a user's classes differ from those of the shipped table for the same target; names are free."""
    mine, theirs = ({cls.id: cls for cls in classes} for classes in (table.classes, expected))
    missing = [f"class {key} ({theirs[key].name}) of target '{table.target}' is missing" for key in theirs if key not in mine]
    unknown = [f"class {key} ({mine[key].name}) is not one of target '{table.target}'" for key in mine if key not in theirs]
    changed = [f"class {key} has kind '{mine[key].kind}', target '{table.target}' has '{theirs[key].kind}'"
               for key in theirs if key in mine and mine[key].kind != theirs[key].kind]
    return missing + unknown + changed


def _heading_problems(raw: dict) -> list[str]:
    problems = [f"unknown key '{key}'" for key in raw if key not in _TABLE_KEYS]
    problems += [f"key '{key}' must be a text" for key in ("target", "title", "version", "source") if not _is_text(raw.get(key))]
    if raw.get("format") != FORMAT or isinstance(raw.get("format"), bool):
        problems.append(f"format is {raw.get('format')!r}, this lsbc reads {FORMAT}")
    if raw.get("hilda_versions") != list(HILDA_VERSIONS):
        problems.append(f"hilda_versions is {raw.get('hilda_versions')!r}, this lsbc knows {list(HILDA_VERSIONS)}")
    return problems


def _all_of(raw: dict, key: str, read, problems: list[str]) -> list:
    entries = raw.get(key)
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        problems.append(f"key '{key}' must be a list of tables")
        return []
    found = []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(read(number, entry))
        except ConfigError as error:
            problems.append(str(error))
    return found


def _target_class(number: int, entry: dict) -> TargetClass:
    place = f"class {number}"
    _known_keys(place, entry, _CLASS_KEYS)
    if not _is_integer(entry.get("id")) or entry["id"] < 0:
        raise ConfigError(f"{place}, column 'id': must be an integer from 0, got {entry.get('id')!r}")
    if entry.get("kind") not in KINDS:
        raise ConfigError(f"{place}, column 'kind': {entry.get('kind')!r} is not one of {', '.join(KINDS)}")
    if not _is_text(entry.get("name")):
        raise ConfigError(f"{place}, column 'name': must be a text")
    return TargetClass(entry["id"], entry["kind"], entry["name"])


def _row(number: int, entry: dict, classes: dict[int, TargetClass]) -> Row:
    place = f"row {number} (code {entry.get('code')})"
    _known_keys(place, entry, _ROW_KEYS)
    if not _is_integer(entry.get("code")) or entry["code"] not in HILDA_NAMES:
        raise ConfigError(f"{place}, column 'code': not one of HILDA+ {', '.join(map(str, HILDA_NAMES))}")
    koppen = entry.get("koppen", [1, 2, 3, 4, 5])
    if not isinstance(koppen, list) or not koppen or not all(_is_integer(k) and 1 <= k <= 5 for k in koppen) or len(set(koppen)) < len(koppen):
        raise ConfigError(f"{place}, column 'koppen': must be a list of main groups 1 (A) to 5 (E), got {koppen!r}")
    low, high = (_limit(place, entry, key, default) for key, default in (("coldest_month_min_c", -math.inf), ("coldest_month_max_c", math.inf)))
    if not low < high:
        raise ConfigError(f"{place}, column 'coldest_month_max_c': {high:g} is not above coldest_month_min_c = {low:g}")
    if not _is_text(entry.get("why")):
        raise ConfigError(f"{place}, column 'why': must say where the decision comes from")
    return Row(number, entry["code"], tuple(sorted(koppen)), low, high, _shares(place, entry.get("shares"), classes), entry["why"])


def _shares(place: str, entry: object, classes: dict[int, TargetClass]) -> tuple[tuple[int, float], ...]:
    if not isinstance(entry, dict) or not entry:
        raise ConfigError(f"{place}, column 'shares': must be {{ class = share, ... }}")
    shares = {}
    for key, value in entry.items():
        column = f"{place}, column shares.{key}"
        if not (key.isascii() and key.isdigit() and str(int(key)) == key and int(key) in classes):
            raise ConfigError(f"{column}: no such target class")
        if classes[int(key)].kind == "unused":
            raise ConfigError(f"{column}: class '{classes[int(key)].name}' is unused and takes no area")
        share = _number(column, value)
        if not 0 < share <= 1:
            raise ConfigError(f"{column}: a share is above 0 and at most 1, got {share}")
        shares[int(key)] = share
    total = sum(shares.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise ConfigError(f"{place}, column 'shares': the shares sum to {total}, not to 1")
    return tuple((key, float(shares[key] / total)) for key in sorted(shares))


def _climate_problems(table: Table, code: int) -> list[str]:
    """Climates of a code that no row, or more than one, holds for."""
    rows = [row for row in table.rows if row.code == code]
    if not rows:
        return [f"code {code} ({HILDA_NAMES[code]}) has no row"]
    limits = [-math.inf, *table.edges(code), math.inf]
    problems = []
    for koppen in range(1, 6):
        for low, high in zip(limits, limits[1:]):
            holding = [row.number for row in rows if row.holds(koppen, low)]
            if len(holding) != 1:
                found = f"rows {' and '.join(map(str, holding))} all hold" if holding else "no row holds"
                problems.append(f"code {code} ({HILDA_NAMES[code]}): {found} in Köppen {KOPPEN[koppen - 1]}, coldest month {span(low, high)}")
    return problems


def span(low: float, high: float) -> str:
    """Words for a range of coldest-month temperatures [low, high) in °C."""
    if math.isinf(low) and math.isinf(high):
        return "any"
    if math.isinf(low):
        return f"below {high:g} °C"
    return f"from {low:g} °C" if math.isinf(high) else f"{low:g} to {high:g} °C"


def _limit(place: str, entry: dict, key: str, default: float) -> float:
    return float(_number(f"{place}, column '{key}'", entry[key])) if key in entry else default


def _number(column: str, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not Decimal(value).is_finite():
        raise ConfigError(f"{column}: must be a finite number, got {value}")
    return Decimal(value)


def _known_keys(place: str, entry: dict, known: set[str]) -> None:
    for key in entry:
        if key not in known:
            raise ConfigError(f"{place}: unknown column '{key}', known are {', '.join(sorted(known))}")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
