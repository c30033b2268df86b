"""Readers of WRF's own LANDUSE.TBL, VEGPARM.TBL and NoahmpTable.TBL, as the host reads them. Knows no cells and no crosswalk.

Rows are list-directed Fortran input: commas or blanks part the numbers, so a comma left out (rows 1, 11 and 14 of VEGPARM.TBL's
MODIS block) changes nothing; it is told in the table's notes. Columns that lsbc does not know are kept without units.
"""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from lsbc.emulator.surface.namelist import Group, lines_of, number_of, read_groups
from lsbc.emulator.surface.tables import KnownAnomaly, ParameterTable, Quantity, checked, column_of, known_from
from lsbc.emulator.surface.units import NOT_STATED, spelled
from lsbc.regrid.errors import ConfigError, FileError

SOURCE = "the host's own {file}, read from {path}"
LICENCE = "WRF: public domain"
NOAHMP_LICENCE = "NCAR/noahmp: see its LICENSE.txt"

_LEAVES = ("m2 m-2", "leaf_area")
LANDUSE_COLUMNS = {"ALBD": ("%", "albedo"), "SLMO": ("1", "fraction"), "SFEM": ("1", "emissivity"), "SFZ0": ("cm", "roughness")}
VEGPARM_COLUMNS = {
    "SHDFAC": ("1", "plant_cover"), "NROOT": ("1", "number"), "RS": ("s m-1", "stomatal_resistance"), "SNUP": ("m", "other"), "MAXALB": ("%", "albedo"),
    "LAIMIN": _LEAVES, "LAIMAX": _LEAVES, "LAI": _LEAVES, "EMISSMIN": ("1", "emissivity"), "EMISSMAX": ("1", "emissivity"), "LEMI": ("1", "emissivity"),
    "ALBEDOMIN": ("1", "albedo"), "ALBEDOMAX": ("1", "albedo"), "ALBEDO": ("1", "albedo"), "Z0MIN": ("m", "roughness"), "Z0MAX": ("m", "roughness"),
    "Z0": ("m", "roughness"), "ZTOPV": ("m", "canopy_height"), "ZBOTV": ("m", "canopy_height"), "PC": ("1", "plant_cover"), "IFOR": ("1", "class_id"),
}
"""Column -> units in the file and kind; the files do not say units, these are what WRF's code takes them for (z0 is cm in one, m in the other)."""
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
NOAHMP_COLUMNS = {
    "Z0MVT": ("m", "canopy_roughness"), "HVT": ("m", "canopy_height"), "HVB": ("m", "canopy_height"), "NROOT": ("1", "number"),
    "RS": ("s m-1", "stomatal_resistance"), "LAIMIN": _LEAVES,
    **{f"LAI_{month}": _LEAVES for month in _MONTHS}, **{f"SAI_{month}": _LEAVES for month in _MONTHS},
}
"""Columns whose kind lsbc knows; the units of all others are read from the comment above them, where it names any."""


def read_wrf_table(path: str | Path, system: str | None = None, season: str | None = None) -> ParameterTable:
    """One of the three tables, told apart by its first lines; arguments as below (`season` for LANDUSE.TBL only)."""
    first = next((text.strip() for _, text in _content(path)), "")
    if first.startswith("&"):
        return read_noahmp(path, system)
    return read_vegparm(path, system) if first == "Vegetation Parameters" else read_landuse(path, system, season)


def read_landuse(path: str | Path, system: str | None, season: str | None) -> ParameterTable:
    """One land-use system and season of LANDUSE.TBL.

    Args:
        system: name in the file, such as MODIFIED_IGBP_MODIS_NOAH.  season: SUMMER or WINTER (ALL-SEASON in LW12).
    Raises:
        FileError: the file cannot be read or breaks its layout; names file, section and line.
        ConfigError: no such system or season; lists those of the file.
    """
    lines = _content(path)
    start, count, n_season, names = _chosen(path, _headers(path, lines), system)
    blocks, at = {}, start + 1
    for _ in range(n_season):
        number, label = (lines[at][0], lines[at][1].strip()) if at < len(lines) else (lines[-1][0], "")
        if not label or number_of(re.split(r"[\s,]", label)[0]) is not None:
            raise FileError(f"{path}, section {system}, line {number}: expected the name of a season, got '{label[:40]}'.")
        blocks[label], at = _Rows(path, f"{system} {label}", lines, at + 1, count, names), at + 1 + count
    if season not in blocks:
        raise ConfigError(f"{path}, section {system}: season must be one of {', '.join(blocks)}, got {season!r}.")
    return _table(path, "LANDUSE.TBL", system, blocks[season], LANDUSE_COLUMNS, season=season)


def read_vegparm(path: str | Path, system: str | None) -> ParameterTable:
    """One land-use system of VEGPARM.TBL; what follows its rows (BARE, NATURAL, CROP, ...) is in `constants`. Raises as `read_landuse`."""
    lines = _content(path)
    start, count, _, names = _chosen(path, _headers(path, lines), system)
    rows = _Rows(path, system, lines, start + 1, count, names)
    constants, at = {}, start + 1 + count
    while at + 1 < len(lines) and lines[at][1].strip() != "Vegetation Parameters":
        key, (number, text) = lines[at][1].strip(), lines[at + 1]
        if number_of(text.strip()) is None:
            raise FileError(f"{path}, section {system}, line {number}: expected the number of {key}, got '{text.strip()[:40]}'.")
        constants[key], at = number_of(text.strip()), at + 2
    return _table(path, "VEGPARM.TBL", system, rows, VEGPARM_COLUMNS, constants, weight="SHDFAC")


def read_noahmp(path: str | Path, system: str | None) -> ParameterTable:
    """The vegetation parameters of one land-use system of NoahmpTable.TBL (or MPTABLE.TBL); ISWATER and the like are in `constants`.

    Args:
        system: the file's VEG_DATASET_DESCRIPTION, in any case, '_' for blanks: USGS, MODIFIED_IGBP_MODIS_NOAH.
    Raises:
        FileError, ConfigError: as `read_landuse`.
    """
    groups = read_groups(path)
    systems = {}
    for name, group in groups.items():
        if name.endswith("_veg_categories") and "VEG_DATASET_DESCRIPTION" in group.entries:
            systems["_".join(group.entries["VEG_DATASET_DESCRIPTION"].values[0].upper().split())] = name.removesuffix("_veg_categories")
    if system not in systems:
        raise ConfigError(f"{path}: the land-use system must be one of {', '.join(systems)}, got {system!r}.")
    categories, group = groups[f"{systems[system]}_veg_categories"], groups.get(f"{systems[system]}_parameters")
    if group is None or "NVEG" not in categories.entries:
        raise FileError(f"{path}, section &{categories.name}, line {categories.line}: NVEG or the group &{systems[system]}_parameters is missing.")
    n_class = int(number_of(categories.entries["NVEG"].values[0]) or 0)
    quantities, constants = _noahmp_columns(path, group, n_class)
    names, notes = _noahmp_class_names(path, group, n_class)
    source = SOURCE.format(file="NoahmpTable.TBL", path=Path(path).name)
    table = ParameterTable(f"NoahmpTable.TBL {system}", source, NOAHMP_LICENCE, system, tuple(range(1, n_class + 1)), names,
                           MappingProxyType(quantities), MappingProxyType(constants), notes)
    return checked(table, (), keep_stale=True, place=lambda class_id, name: f"{path}, section &{group.name}, line {group.entries[name].line}")


def _content(path: str | Path) -> list[tuple[int, str]]:
    """(1-based number, text) of the lines that are neither blank nor comments ('!')."""
    return [(number, text) for number, text in enumerate(lines_of(path), start=1) if text.strip() and not text.lstrip().startswith("!")]


class _Rows:
    """`count` rows of a block: `values` (row, column), class `names`, line `numbers`, and `notes` on commas left out."""

    def __init__(self, path: str | Path, section: str, lines: list[tuple[int, str]], start: int, count: int, columns: list[str]) -> None:
        self.section, self.columns, self.values, self.names, self.numbers, self.notes = section, columns, [], [], [], []
        if start + count > len(lines):
            raise FileError(f"{path}, section {section}, line {lines[-1][0]}: the file ends with {start + count - len(lines)} of {count} rows missing.")
        for number, line in lines[start:start + count]:
            where = f"{path}, section {section}, line {number}"
            text, quote, rest = line.partition("'")
            tokens = text.replace(",", " ").split()
            if not quote or not tokens or re.search(r",\s*,", text):
                raise FileError(f"{where}: a row must be a class, its numbers and a name in quotes, without empty fields, got '{line.strip()[:40]}'.")
            numbers = [number_of(token) for token in tokens]
            if None in numbers:
                raise FileError(f"{where}: '{tokens[numbers.index(None)]}' is not a number.")
            if len(numbers) != 1 + len(columns) or numbers[0] != len(self.names) + 1:
                raise FileError(f"{where}: expected class {len(self.names) + 1} and {len(columns)} numbers ({' '.join(columns)}), "
                                f"got class {numbers[0]:g} and {len(numbers) - 1}.")
            self.names.append(rest.split("'")[0].strip())
            self.values.append(numbers[1:])
            self.numbers.append(number)
            if missing := len(tokens) - text.count(","):
                self.notes.append(f"line {number} (class {len(self.names)} '{self.names[-1]}') lacks {missing} comma(s); read as the host does")


def _headers(path: str | Path, lines: list[tuple[int, str]]) -> list[tuple[str, int, int, int, list[str]]]:
    """(system, index in `lines`, n_class, n_season, columns) of every block: a name line, then `61,2, 'ALBD SLMO ...'`."""
    found = []
    for place, (_, line) in enumerate(lines):
        if place and (match := re.match(r"\s*(\d+)\s*,\s*(\d+)\s*,?\s*'([A-Z][^']*)'\s*$", line)) and match.group(3).split()[0].isupper():
            found.append((lines[place - 1][1].strip(), place, int(match.group(1)), int(match.group(2)), match.group(3).split()))
    if not found:
        raise FileError(f"{path}: no land-use system found (a name, then a line like \"61,2, 'ALBD SLMO ...'\"): not a LANDUSE.TBL, VEGPARM.TBL or NoahmpTable.TBL.")
    return found


def _chosen(path: str | Path, headers: list, system: str | None) -> tuple[int, int, int, list[str]]:
    for name, *rest in headers:
        if name == system:
            return tuple(rest)
    raise ConfigError(f"{path}: the land-use system must be one of {', '.join(header[0] for header in headers)}, got {system!r}.")


def _table(path: str | Path, file: str, system: str, rows: _Rows, known_columns: dict, constants: dict | None = None,
           season: str | None = None, weight: str | None = None) -> ParameterTable:
    quantities: dict[str, Quantity] = {}
    for place, name in enumerate(rows.columns):
        units, kind = known_columns.get(name, (NOT_STATED, "other"))
        uses = weight if kind in ("leaf_area", "stomatal_resistance", "canopy_height") and weight in rows.columns else None
        quantities[name] = column_of(name, [row[place] for row in rows.values], units, kind, f"{path}, section {system}", uses)
    title = " ".join(filter(None, (file, system, season)))
    notes = tuple(f"{title}: {note}" for note in rows.notes)
    table = ParameterTable(title, SOURCE.format(file=file, path=Path(path).name), LICENCE, system, tuple(range(1, len(rows.names) + 1)), tuple(rows.names),
                           MappingProxyType(quantities), MappingProxyType(constants or {}), notes)
    return checked(table, _known(file, system), keep_stale=True,
                   place=lambda class_id, name: f"{path}, section {rows.section}, line {rows.numbers[class_id - 1]}")


def _known(file: str, system: str) -> list[KnownAnomaly]:
    text = resources.files("lsbc.emulator.surface").joinpath("wrf_known_anomalies.toml").read_text(encoding="utf-8")
    entries = [entry for entry in tomllib.loads(text)["known_anomaly"] if (entry["file"], entry["system"]) == (file, system)]
    return known_from(entries, "wrf_known_anomalies.toml")


def _noahmp_columns(path: str | Path, group: Group, n_class: int) -> tuple[dict[str, Quantity], dict[str, float]]:
    """Columns with `n_class` values, and the single numbers of the group."""
    quantities, constants = {}, {}
    said = {text.partition(":")[0].strip().upper(): text.partition(":")[2].strip() for _, text in group.comments}
    for name, entry in group.entries.items():
        where = f"{path}, section &{group.name}, line {entry.line}"
        values = [number_of(value) for value in entry.values]
        if None in values:
            raise FileError(f"{where}: {name} has '{entry.values[values.index(None)]}', which is not a number.")
        if len(values) == 1 and n_class != 1:
            constants[name] = values[0]
            continue
        if len(values) != n_class:
            raise FileError(f"{where}: {name} has {len(values)} values, NVEG is {n_class}.")
        description = said.get(name) or said.get(name.partition("_")[0]) or entry.comment
        in_brackets = (spelled(text) for text in re.findall(r"[(\[]([^()\[\]]+)[)\]]", description))
        units, kind = NOAHMP_COLUMNS.get(name, (next(filter(None, in_brackets), NOT_STATED), "other"))
        quantities[name] = column_of(name, values, units, kind, where, description=description)
    return quantities, constants


def _noahmp_class_names(path: str | Path, group: Group, n_class: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Class names from the comments above the first entry, and a note where they are not all there (the host does not need them)."""
    first = min(entry.line for entry in group.entries.values()) if group.entries else 0
    names = {}
    for line, text in group.comments:
        if line < first and (match := re.match(r"(\d+)\s*[:,]?\s*'?([^'>]*?)'?\s*(?:->.*)?$", text)):
            names[int(match.group(1))] = match.group(2).strip()
    missing = [k for k in range(1, n_class + 1) if not names.get(k)]
    notes = (f"{Path(path).name}: the comments of &{group.name} name no class {', '.join(map(str, missing))}",) if missing else ()
    return tuple(names.get(k) or f"class {k}" for k in range(1, n_class + 1)), notes
