"""A small Zarr store of years for the tests of what writes them: 12 cells in three chunks, one group with a fourth of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.emulator.hosts.zarr_plan import ArrayPlan, StorePlan

CHUNKS = (0, 1, 2)


def small_plan(zarr_format: int = 2, **layout) -> StorePlan:
    """`a` (time, cell) and `b` (time, level, cell) in the root, `a` in the group `coarse`."""
    arrays = (
        ArrayPlan("cell", ("cell",), (12,), (12,), "int64", {"standard_name": "healpix_index"}, values=lambda: np.arange(12)),
        ArrayPlan("crs", (), (), (), "int32", {"grid_mapping_name": "healpix"}, values=lambda: np.array(0)),
        ArrayPlan("time", ("time",), (), (), "int64", {"units": "days since 2000-01-01", "calendar": "365_day"}, of_years=lambda years: 365 * (np.array(years) - 2000)),
        ArrayPlan("valid_year", ("time",), (), (), "int32", {}, of_years=np.array),
        ArrayPlan("a", ("time", "cell"), (12,), (4,), "float64", {"units": "1"}, float("nan")),
        ArrayPlan("b", ("time", "level", "cell"), (2, 12), (2, 4), "int8", {"units": "1"}, -1),
        ArrayPlan("coarse/valid_year", ("time",), (), (), "int32", {}, of_years=np.array),
        ArrayPlan("coarse/a", ("time", "cell"), (3,), (1,), "float32", {"units": "1"}, float("nan")),
    )
    return StorePlan(zarr_format, {"cells": 12, "zarr_format": zarr_format, **layout}, arrays,
                     lambda records: {"": {"title": "small", "first": records[0]["year"]}, "coarse": {"title": "smaller"}})


def chunk_values(year: int, chunk: int, version: float = 0.0) -> dict[str, np.ndarray]:
    """Values that tell year, chunk and version."""
    a = year + version + np.arange(4 * chunk, 4 * chunk + 4) / 100.0
    return {"a": a, "b": np.array([[chunk] * 4, [int(version) + 10] * 4]), "coarse/a": a[:1]}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
