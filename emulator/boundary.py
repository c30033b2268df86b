"""A year's output fields of host cells from their class fractions. Knows fractions, climates and tables only; no maps, no ranks, no files."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES, N_CLASS
from lsbc.emulator.climate import HostClimate
from lsbc.emulator.fields import CLASS_FIELDS, FILL, OUTPUTS, FieldInfo
from lsbc.emulator.gate import check_fractions, check_range
from lsbc.emulator.host_fields import HostFields
from lsbc.emulator.surface.aggregate import largest_row
from lsbc.emulator.surface.parameters import ClassTable, surface_parameters
from lsbc.emulator.surface.season_table import SeasonTable, monthly_fields

CHUNK_CELLS = 16384
"""Cells worked on at a time, so that what is made on the way stays in the cache. The bits do not depend on it."""


@dataclass(frozen=True)
class Tables:
    """What turns class fractions into fields: lsbc's own class values, their months, and what a configuration adds in the host's classes."""

    classes: ClassTable
    season: SeasonTable
    host: HostFields = field(default_factory=HostFields)

    @property
    def outputs(self) -> tuple[FieldInfo, ...]:
        """The fields that `boundary_fields` returns."""
        return (*OUTPUTS, *self.host.outputs)

    @cached_property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Valid range of each field."""
        return {info.name: info.valid_range for info in self.outputs}


@dataclass(frozen=True)
class CellState:
    """What a year's map says of each host cell: fraction (n_cell, 8) of the covered area, coverage (n_cell,) in [0, 1], quality (n_cell,) bits of `QUALITY_FLAGS`."""

    fraction: np.ndarray
    coverage: np.ndarray
    quality: np.ndarray


def boundary_fields(cells: CellState, climate: HostClimate, min_coverage: float, year: int, tables: Tables) -> dict[str, np.ndarray]:
    """All output fields of one year on host cells.

    Returns:
        name -> float64 (n_cell,), or (n_level, n_cell) C-contiguous where a field has several levels; cells with less than
        `min_coverage` hold `FILL` in all but the climate, `coverage`, `quality` and `valid_year`.
    Raises:
        InternalError: a value left its range (the output gate).
        ValueRangeError: the host's classes depend on a climate that is unknown in a cell.
    """
    n_cell = len(cells.coverage)
    out = {info.name: np.empty((info.n_level, n_cell) if info.levels else n_cell) for info in tables.outputs}
    for first in range(0, max(n_cell, 1), CHUNK_CELLS):
        part = slice(first, first + CHUNK_CELLS)
        chunk = CellState(cells.fraction[part], cells.coverage[part], cells.quality[part])
        for name, values in _of_chunk(chunk, climate.part(part), min_coverage, tables).items():
            out[name][..., part] = values
    out["climate_zone"][:] = climate.koppen
    out["climate_coldest_month"][:] = np.where(np.isnan(climate.coldest_month_k), FILL, climate.coldest_month_k)
    out["coverage"][:], out["quality"][:], out["valid_year"][:] = cells.coverage, cells.quality, float(year)
    return out


def _of_chunk(cells: CellState, climate: HostClimate, min_coverage: float, tables: Tables) -> dict[str, np.ndarray]:
    """What comes from the class fractions, of a few cells."""
    fraction = cells.fraction
    covered = cells.coverage >= min_coverage
    check_fractions(fraction, covered)
    by_class = np.ascontiguousarray(fraction.T)
    out = {"lu_frac": by_class}
    out["lu_dominant"] = np.array(CLASS_CODES, np.float64)[largest_row(by_class)]
    for name, cls in CLASS_FIELDS.items():
        out[name] = by_class[CLASS_NAMES.index(cls)].copy()
    somewhere = fraction if covered.all() else np.where(covered[:, None], fraction, 1.0 / N_CLASS)  # uncovered cells are overwritten below
    out |= surface_parameters(somewhere, tables.classes)
    out["leaf_area_index"], out["vegetation_area_fraction"] = monthly_fields(somewhere, climate.latitude_deg, tables.season, climate.koppen)
    out |= tables.host.fields(by_class, climate, covered)
    for name, values in out.items():
        inside = values if covered.all() else values[..., covered]
        check_range(name, inside[inside != FILL] if name.startswith("host_") else inside, *tables.ranges[name])
        if not covered.all():
            values[..., ~covered] = FILL
    return out
