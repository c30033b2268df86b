"""Fractions of a yearly file in a host's own classes, some cells at a time. Knows no file format and no grid of any host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import CLASS_CODES
from lsbc.emulator.hosts.year_file import Cells, YearFile
from lsbc.emulator.surface.crosswalk import Crosswalk, read_crosswalk


@dataclass(frozen=True, eq=False)
class HostClasses:
    """A yearly file seen through a crosswalk; rows of what it returns are `crosswalk.classes`."""

    year: YearFile
    crosswalk: Crosswalk

    @classmethod
    def of(cls, year: YearFile, crosswalk: str | Path) -> HostClasses:
        """`crosswalk` is the name of a shipped one or a file; raises as `read_crosswalk`."""
        return cls(year, read_crosswalk(crosswalk))

    def fractions(self, cells: Cells) -> np.ndarray:
        """Area fractions of the whole cell, (n_target, n): columns sum to 1 to rounding, or are all 0 where lsbc does not cover the cell.

        Raises:
            ValueRangeError: a class that is there depends on a climate that is unknown; the cell is named.
        """
        year = self.year

        def name_of(k: int) -> str:
            return year.name_of(int(np.arange(year.n_cell)[cells][k] if isinstance(cells, slice) else cells[k]))

        return self.crosswalk.apply(year.lu_frac(cells), year.koppen(cells), year.coldest_month_c(cells), codes=CLASS_CODES, name_of=name_of)

    @property
    def attributes(self) -> dict[str, str]:
        """Global attributes that say where the host's classes come from: those of the yearly file and the crosswalk's."""
        table = self.crosswalk.table
        return {**self.year.provenance, "crosswalk": f"{table.target}, version {table.version}, sha256 {self.crosswalk.sha256}"}
