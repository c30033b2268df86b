"""Times the making of surface fields for a million host cells, memory to memory, on one thread. No data files, no thresholds.

    python benchmarks/surface.py [--cells 1000000] [--only WORD]

To add one: a function with `@benchmark("title")` that takes the number of cells, makes its input and returns what is to be timed.
"""

from __future__ import annotations

import argparse
import os
import statistics

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable

import numpy as np

from lsbc.emulator.classes import N_CLASS

BENCHMARKS: dict[str, Callable[[int], Callable[[], object]]] = {}
NOLEAP = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LAI_MAX = 10.0


def benchmark(title: str) -> Callable:
    def note(make: Callable[[int], Callable[[], object]]) -> Callable[[int], Callable[[], object]]:
        BENCHMARKS[title] = make
        return make
    return note


def class_fractions(n_cell: int) -> np.ndarray:
    """(n_cell, 8), rows sum to 1."""
    return np.random.default_rng(0).dirichlet(np.ones(N_CLASS), n_cell)


def latitudes(n_cell: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-90.0, 90.0, n_cell)


def months(n_cell: int) -> np.ndarray:
    """(12, n_cell) leaf area index with a season, 0 to 6."""
    phase = np.random.default_rng(2).uniform(0.0, 1.0, n_cell)
    return 3.0 + 3.0 * np.cos(2.0 * np.pi * (np.arange(12)[:, None] / 12.0 - phase))


@benchmark("season: 12 months of LAI from class fractions and latitude")
def monthly_lai(n_cell: int) -> Callable[[], object]:
    from lsbc.emulator.surface.season_table import monthly_lai, read_season_table
    table, fractions, lat = read_season_table(), class_fractions(n_cell), latitudes(n_cell)
    return lambda: monthly_lai(fractions, lat, table)


@benchmark("season: 12 months -> 52 weeks, means kept")
def weekly(n_cell: int) -> Callable[[], object]:
    from lsbc.emulator.surface.season import weekly
    monthly = months(n_cell)
    return lambda: weekly(monthly, NOLEAP)


@benchmark("season: 12 months -> 52 weeks, means kept, at most 10")
def weekly_limited(n_cell: int) -> Callable[[], object]:
    from lsbc.emulator.surface.season import weekly
    monthly = months(n_cell)
    return lambda: weekly(monthly, NOLEAP, LAI_MAX)


@benchmark("season: 12 months -> one day")
def one_day(n_cell: int) -> Callable[[], object]:
    from lsbc.emulator.surface.season import day
    monthly = months(n_cell)
    return lambda: day(monthly, NOLEAP, 200)


@benchmark("season: 12 months -> 365 days, a tenth of the cells")
def days(n_cell: int) -> Callable[[], object]:
    from lsbc.emulator.surface.season import daily
    monthly = months(n_cell // 10)
    return lambda: daily(monthly, NOLEAP)


def cells_of_a_year(n_cell: int) -> tuple:
    """Fractions as a map gives them, few classes a cell, and the climate of the cells."""
    from lsbc.emulator.boundary import CellState
    from lsbc.emulator.climate import HostClimate
    rng = np.random.default_rng(3)
    fractions = class_fractions(n_cell) * (rng.random((n_cell, N_CLASS)) < 0.6)
    fractions[:, 4] += 1e-3
    fractions /= fractions.sum(axis=1)[:, None]
    ids = np.arange(n_cell)
    climate = HostClimate(latitudes(n_cell), rng.integers(1, 6, n_cell), rng.uniform(230.0, 300.0, n_cell), ids, np.zeros(n_cell))
    return CellState(fractions, np.ones(n_cell), np.zeros(n_cell)), climate


def boundary_set(n_cell: int, crosswalk: str = "", parameters: str = "") -> Callable[[], object]:
    from pathlib import Path

    from lsbc.emulator.boundary import boundary_fields
    from lsbc.emulator.surface_settings import SurfaceConfig
    tables = SurfaceConfig(crosswalk=crosswalk, parameters=parameters).build(Path())
    cells, climate = cells_of_a_year(n_cell)
    return lambda: boundary_fields(cells, climate, 0.5, 2000, tables)


@benchmark("year: all fields without a host's classes")
def plain_set(n_cell: int) -> Callable[[], object]:
    return boundary_set(n_cell)


@benchmark("year: all fields, with WRF's classes")
def wrf_set(n_cell: int) -> Callable[[], object]:
    return boundary_set(n_cell, "modis")


@benchmark("year: all fields, with JSBACH's plant types")
def jsbach_set(n_cell: int) -> Callable[[], object]:
    return boundary_set(n_cell, "jsbach")


@benchmark("year: all fields, with ICON-NWP's classes and EXTPAR's parameters of them")
def icon_set(n_cell: int) -> Callable[[], object]:
    return boundary_set(n_cell, "globcover", "extpar_globcover")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="run those whose title has this word")
    args = parser.parse_args()
    for title, make in BENCHMARKS.items():
        if args.only in title:
            work = make(args.cells)
            spent = []
            for _ in range(6):
                start = time.perf_counter()
                work()
                spent.append(time.perf_counter() - start)
            print(f"{title}: {args.cells} cells, first {spent[0]:.3f} s, then {statistics.median(spent[1:]):.3f} s, best {min(spent):.3f} s", flush=True)


if __name__ == "__main__":
    main()
