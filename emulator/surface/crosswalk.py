"""From HILDA+ class fractions to a host's own classes, by a table of shares. Knows fractions and climates of cells, no maps and no host files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from lsbc.emulator.surface.crosswalk_rules import HILDA_NAMES, Table, TargetClass, class_problems, parse_table
from lsbc.regrid.errors import ConfigError, FieldError, FileError, ValueRangeError

CODES = tuple(HILDA_NAMES)
"""HILDA+ codes in the order of the rows of `fractions` and `shares`."""
UNKNOWN_KOPPEN = 0
NO_CLASS = -1
"""`dominant` where no class of the wanted kind has any area."""
_COLDEST_RANGE_C = (-100.0, 60.0)


@dataclass(frozen=True, eq=False)
class _Lookup:
    """One code: which of its rows holds in a climate, and the rows' shares."""

    edges_c: np.ndarray
    row: np.ndarray
    """(6, n_edge + 2): by Köppen group (0 unknown) and temperature class (last: unknown); -1 where the unknown one matters."""
    shares: np.ndarray
    """(n_row, n_target)."""

    @classmethod
    def of(cls, table: Table, code: int) -> _Lookup:
        rows = [row for row in table.rows if row.code == code]
        edges = table.edges(code)
        known = np.array([[next(i for i, row in enumerate(rows) if row.holds(koppen, low)) for low in (-np.inf, *edges)] for koppen in range(1, 6)])
        row = np.full((6, len(edges) + 2), -1)
        row[1:, :-1] = known
        row[0, :-1] = _common(known, axis=0)
        row[1:, -1] = _common(known, axis=1)
        row[0, -1] = _common(known.ravel(), axis=0)
        column = {target.id: k for k, target in enumerate(table.classes)}
        shares = np.zeros((len(rows), len(table.classes)))
        for i, entry in enumerate(rows):
            for target_id, share in entry.shares:
                shares[i, column[target_id]] = share
        return cls(np.array(edges), row, shares)

    @property
    def needs(self) -> tuple[bool, bool]:
        """Whether Köppen group and coldest month matter."""
        known = self.row[1:, :-1]
        return bool((known != known[:1]).any()), bool((known != known[:, :1]).any())

    def rows_of(self, koppen: np.ndarray, coldest_month_c: np.ndarray) -> np.ndarray:
        step = np.searchsorted(self.edges_c, coldest_month_c, side="right")
        step[np.isnan(coldest_month_c)] = len(self.edges_c) + 1
        return self.row[koppen, step]


@dataclass(frozen=True, eq=False)
class Crosswalk:
    """A crosswalk that kept every rule; `sha256` is that of its text, for provenance."""

    table: Table
    sha256: str
    lookups: tuple[_Lookup, ...]

    @property
    def classes(self) -> tuple[TargetClass, ...]:
        """Target classes in the order of `n_target`, ascending ids."""
        return self.table.classes

    @property
    def needs_koppen(self) -> bool:
        return any(lookup.needs[0] for lookup in self.lookups)

    @property
    def needs_coldest_month(self) -> bool:
        return any(lookup.needs[1] for lookup in self.lookups)

    def shares(self, koppen: int | None, coldest_month_c: float | None) -> np.ndarray:
        """Shares of every code in one climate, (n_code, n_target), rows sum to 1.

        Args:
            koppen: main group 1 (A) to 5 (E).  coldest_month_c: mean of the coldest month [°C].  None: unknown.
        Raises:
            ValueRangeError: what is unknown matters to a code, which is named.
        """
        koppen_of, coldest = _climate(1, [UNKNOWN_KOPPEN if koppen is None else koppen], None if coldest_month_c is None else [coldest_month_c])
        out = np.zeros((len(CODES), len(self.classes)))
        for k, lookup in enumerate(self.lookups):
            row = int(lookup.rows_of(koppen_of, coldest)[0])
            if row < 0:
                raise ValueRangeError(f"Crosswalk '{self.table.target}': code {CODES[k]} depends on {self._unknown(k, koppen_of[0], coldest[0])}, which is unknown.")
            out[k] = lookup.shares[row]
        return out

    def apply(self, fractions: np.ndarray, koppen: np.ndarray | None, coldest_month_c: np.ndarray | None = None, *,
              codes: tuple[int, ...] = CODES, name_of: Callable[[int], str] = str) -> np.ndarray:
        """Fractions in the host's classes.

        Args:
            fractions: (n_code, n_cell), area fractions in [0, 1]; row k belongs to `codes[k]` (lsbc's own maps: `classes.CLASS_CODES`).
            koppen: (n_cell,) integer, 1 (A) to 5 (E), 0 unknown.  coldest_month_c: (n_cell,) [°C], NaN unknown.  None: unknown everywhere.
            name_of: a cell's name in messages, from its index.
        Returns:
            (n_target, n_cell); each cell keeps its sum to rounding. Sums run by code, each cell for itself: bits do not depend on the cells' order.
        Raises:
            FieldError: a shape or code does not fit.  ValueRangeError: a fraction or climate is out of range, or a climate that matters
            to a class present in the cell is unknown; the cell is named by its index.
        """
        fractions = np.asarray(fractions, np.float64)
        if not set(codes) <= set(CODES) or len(set(codes)) < len(codes):
            raise FieldError(f"Crosswalk '{self.table.target}': codes {tuple(codes)} must differ and be among {CODES}.")
        if fractions.ndim != 2 or len(fractions) != len(codes):
            raise FieldError(f"Crosswalk '{self.table.target}': fractions have shape {fractions.shape}, needed is ({len(codes)}, n_cell).")
        bad = ~((fractions >= 0.0) & (fractions <= 1.0 + 1e-12))
        if bad.any():
            k, cell = np.argwhere(bad)[0]
            raise ValueRangeError(f"Crosswalk '{self.table.target}': fraction of code {codes[k]} in cell {name_of(int(cell))} is {fractions[k, cell]}, not within 0..1.")
        koppen, coldest = _climate(fractions.shape[1], koppen, coldest_month_c, name_of)
        out = np.zeros((len(self.classes), fractions.shape[1]))
        for code in sorted(codes):
            self._add(out, CODES.index(code), fractions[list(codes).index(code)], koppen, coldest, name_of)
        return out

    def _add(self, out: np.ndarray, k: int, fraction: np.ndarray, koppen: np.ndarray, coldest: np.ndarray, name_of: Callable[[int], str]) -> None:
        lookup = self.lookups[k]
        if len(lookup.shares) == 1:
            for target in np.flatnonzero(lookup.shares[0]):
                out[target] += lookup.shares[0, target] * fraction
            return
        row = lookup.rows_of(koppen, coldest)
        undecided = (row < 0) & (fraction > 0.0)
        if undecided.any():
            cell = int(np.argmax(undecided))
            raise ValueRangeError(f"Crosswalk '{self.table.target}': code {CODES[k]} ({HILDA_NAMES[CODES[k]]}) in cell {name_of(cell)} depends on "
                                  f"{self._unknown(k, koppen[cell], coldest[cell])}, which is unknown there: give it by surface.climate or as a field (docs/input.md).")
        for target in np.flatnonzero(lookup.shares.any(axis=0)):
            out[target] += lookup.shares[row, target] * fraction

    def _unknown(self, k: int, koppen: int, coldest_month_c: float) -> str:
        koppen_matters, coldest_matters = self.lookups[k].needs
        matters = {"the Köppen group": koppen_matters and koppen == UNKNOWN_KOPPEN,
                   "the temperature of the coldest month": coldest_matters and np.isnan(coldest_month_c)}
        return " and ".join(name for name, unknown in matters.items() if unknown)

    def members(self, kind: str | None = None) -> np.ndarray:
        """Positions among the target classes of those of a kind, or of all."""
        return np.array([k for k, target in enumerate(self.classes) if kind in (None, target.kind)], int)

    def cover(self, target_fractions: np.ndarray, kind: str) -> np.ndarray:
        """Area (n_cell,) of all classes of a kind, summed by ascending id; from (n_target, n_cell)."""
        total = np.zeros(target_fractions.shape[1])
        for k in self.members(kind):
            total += target_fractions[k]
        return total

    def dominant(self, target_fractions: np.ndarray, kind: str | None = None) -> np.ndarray:
        """Id of the class of largest area, (n_cell,) int32, the lowest id on ties; `NO_CLASS` where none of the kind has area."""
        members = self.members(kind)
        if not len(members):
            raise FieldError(f"Crosswalk '{self.table.target}' has no class of kind '{kind}'.")
        among = target_fractions[members]
        ids = np.array([self.classes[k].id for k in members], np.int32)
        return np.where((among > 0.0).any(axis=0), ids[np.argmax(among, axis=0)], np.int32(NO_CLASS))


def shipped_targets() -> list[str]:
    """Names of the crosswalks that come with lsbc."""
    return sorted(path.name.removesuffix(".toml") for path in _folder().iterdir() if path.name.endswith(".toml"))


def read_crosswalk(name_or_path: str | Path) -> Crosswalk:
    """The shipped crosswalk of that name, or a user's own from a file; a file for a shipped target has just that target's classes.

    Raises:
        ConfigError: no such crosswalk, or it breaks a rule; row and column are named.  FileError: the file cannot be read.
    """
    crosswalk, problems = try_crosswalk(name_or_path)
    if crosswalk is None:
        more = f" (and {len(problems) - 1} more: `lsbc crosswalk check` tells all)" if len(problems) > 1 else ""
        raise ConfigError(f"Crosswalk {name_or_path}: {problems[0]}{more}.")
    return crosswalk


def try_crosswalk(name_or_path: str | Path) -> tuple[Crosswalk | None, list[str]]:
    """Like `read_crosswalk`, with all broken rules instead of the first."""
    raw = _text(name_or_path)
    try:
        table, problems = parse_table(raw.decode())
    except UnicodeDecodeError as error:
        return None, [f"not UTF-8 text: {error}"]
    if table is not None and table.target in shipped_targets() and name_or_path != table.target:
        problems = class_problems(table, read_crosswalk(table.target).classes)
    if problems:
        return None, problems
    return Crosswalk(table, hashlib.sha256(raw).hexdigest(), tuple(_Lookup.of(table, code) for code in CODES)), []


def _text(name_or_path: str | Path) -> bytes:
    if str(name_or_path) in shipped_targets() and not isinstance(name_or_path, Path):
        return _folder().joinpath(f"{name_or_path}.toml").read_bytes()
    try:
        return Path(name_or_path).read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"Crosswalk '{name_or_path}' is neither a file nor one of {', '.join(shipped_targets())}.") from None
    except OSError as error:
        raise FileError(f"Crosswalk {name_or_path} cannot be read: {error.strerror}.") from error


def _folder():
    return resources.files("lsbc.emulator.surface").joinpath("crosswalks")


def _common(rows: np.ndarray, axis: int) -> np.ndarray:
    """The value along an axis where it is the same all along, else -1."""
    first = rows.take(0, axis)
    return np.where((rows == np.expand_dims(first, axis)).all(axis=axis), first, -1)


def _climate(n_cell: int, koppen, coldest_month_c, name_of: Callable[[int], str] = str) -> tuple[np.ndarray, np.ndarray]:
    """Checked climate arrays, (n_cell,) each: Köppen group int64 (0 unknown), coldest month float64 (NaN unknown)."""
    koppen = np.full(n_cell, UNKNOWN_KOPPEN) if koppen is None else np.asarray(koppen)
    coldest = np.full(n_cell, np.nan) if coldest_month_c is None else np.asarray(coldest_month_c, np.float64)
    for name, values in (("koppen", koppen), ("coldest_month_c", coldest)):
        if values.shape != (n_cell,):
            raise FieldError(f"Climate '{name}' has shape {values.shape}, the fractions have {n_cell} cells.")
    if koppen.dtype.kind not in "iu":
        raise FieldError(f"Climate 'koppen' has type {koppen.dtype}, needed are integers 1 (A) to 5 (E), 0 where unknown.")
    low, high = _COLDEST_RANGE_C
    for name, values, bad in (("koppen", koppen, (koppen < 0) | (koppen > 5)), ("coldest_month_c", coldest, (coldest < low) | (coldest > high))):
        if bad.any():
            cell = int(np.argmax(bad))
            wanted = "0..5" if name == "koppen" else f"{low:g}..{high:g} °C (kelvin?)"
            raise ValueRangeError(f"Climate '{name}' is {values[cell]} in cell {name_of(cell)}, outside {wanted}.")
    return koppen.astype(np.int64), coldest
