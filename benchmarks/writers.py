"""Times the writers of hosts' files for a million cells beside plain writing of as many bytes to the same disk, alternating. Needs no data.

    python benchmarks/writers.py [--cells 1000000] [--only WORD] [--folder DIRECTORY]

A row: bytes of the host's file, median seconds and MB/s of the writer, of a plain copy of the same file and of plain writing (all with fsync), the writer's
share of the plain speed, and by how much the writer's process grows. To add one: a function with `@case("target")` that makes what the writer needs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

CASES: dict[str, tuple[str, Callable[[Path, int], dict]]] = {}
BLOCK = 1 << 24
CLASSIC = "NETCDF3_64BIT_OFFSET"


def case(target: str, title: str = "") -> Callable:
    def note(make: Callable[[Path, int], dict]) -> Callable[[Path, int], dict]:
        CASES[title or target] = target, make
        return make
    return note


def side_of(n_cell: int) -> int:
    return int(round(n_cell**0.5))


def write_yearly(path: Path, n_cell: int) -> None:
    """A yearly file with few classes a cell and no cell but land, on a square map."""
    from year_files import write_year

    side = side_of(n_cell)
    rng = np.random.default_rng(1)
    fraction = np.zeros((8, side * side))
    for k, first in zip((1, 2, 3, 4, 5), rng.dirichlet(np.ones(5), side * side).T):
        fraction[k] = first
    lat, lon = np.meshgrid(30.0 + np.arange(side) / 100, 5.0 + np.arange(side) / 100, indexing="ij")
    write_year(path, fraction, lon, lat, koppen=3, coldest_month_k=275.0)


def grown(spec, side: int):
    """A sound small file of tests/host_files.py on a map of side x side: its second column everywhere."""
    from grid_files import Spec, Var

    variables = {}
    for name, var in spec.variables.items():
        dims = [dim for dim in var.dims if dim in ("south_north", "west_east", "lat", "lon")]
        if len(dims) == 2:
            values = np.repeat(np.repeat(var.values[..., :1, 1:2], side, axis=-2), side, axis=-1)
            variables[name] = Var(var.dims, values, var.attrs)
        else:
            variables[name] = var
    lat, lon = np.meshgrid(30.0 + np.arange(side) / 100, 5.0 + np.arange(side) / 100, indexing="ij")
    for names, values in ((("XLAT_M", "XLAT", "LATIXY"), lat), (("XLONG_M", "XLONG", "LONGXY"), lon)):
        for name in names:
            if name in variables:
                variables[name].values[...] = values
    return Spec(variables, spec.attrs)


@case("geo_em")
def geo_em(folder: Path, n_cell: int) -> dict:
    from host_files import geo_em

    return {"template": grown(geo_em(), side_of(n_cell)).write(folder / "geo_em.nc", CLASSIC)}


@case("wrfinput")
def wrfinput(folder: Path, n_cell: int) -> dict:
    from host_files import geo_em, times

    spec = grown(geo_em(True), side_of(n_cell))
    spec.variables["Times"] = times("2031-07-01_00:00:00")
    return {"template": spec.write(folder / "wrfinput.nc", CLASSIC)}


@case("extpar")
def extpar(folder: Path, n_cell: int) -> dict:
    from grid_files import Spec, Var
    from host_files import extpar

    small, n = extpar(), side_of(n_cell) ** 2
    lat, lon = np.meshgrid(30.0 + np.arange(side_of(n_cell)) / 100, 5.0 + np.arange(side_of(n_cell)) / 100, indexing="ij")
    variables = {name: Var(var.dims, np.repeat(var.values[..., :1], n, axis=-1), var.attrs) for name, var in small.variables.items()}
    variables["clat"].values[:], variables["clon"].values[:] = np.radians(lat.ravel()), np.radians(lon.ravel())
    variables |= {f"MONTHS_{k}": Var(("time", "cell"), np.ones((12, n), np.float32)) for k in range(3)}  # NDVI, albedo, ... which stay
    return {"template": Spec(variables, small.attrs).write(folder / "extpar.nc")}


@case("jsbach")
def jsbach(folder: Path, n_cell: int) -> dict:
    return {}


@case("fsurdat")
def fsurdat(folder: Path, n_cell: int) -> dict:
    from ctsm_files import surface

    spec = surface()
    for var in spec.variables.values():
        var.dims = tuple({"lsmlat": "lat", "lsmlon": "lon"}.get(dim, dim) for dim in var.dims)
    spec = grown(spec, side_of(n_cell))
    for var in spec.variables.values():
        var.dims = tuple({"lat": "lsmlat", "lon": "lsmlon"}.get(dim, dim) for dim in var.dims)
    return {"template": spec.write(folder / "fsurdat.nc")}


@case("landuse_timeseries")
def landuse_timeseries(folder: Path, n_cell: int) -> dict:
    return fsurdat(folder, n_cell)


@case("fraclut")
def fraclut(folder: Path, n_cell: int) -> dict:
    return {}


def plain_write(path: Path, n_byte: int) -> float:
    """Seconds to write that many bytes and bring them to the disk."""
    block = np.random.default_rng(0).bytes(BLOCK)
    start = time.perf_counter()
    with open(path, "wb", buffering=0) as out:
        for first in range(0, n_byte, BLOCK):
            out.write(block[: min(BLOCK, n_byte - first)])
        os.fsync(out.fileno())
    spent = time.perf_counter() - start
    path.unlink()
    return spent


def plain_copy(source: Path, path: Path) -> float:
    start = time.perf_counter()
    shutil.copyfile(source, path)
    with open(path, "rb+") as out:
        os.fsync(out.fileno())
    spent = time.perf_counter() - start
    path.unlink()
    return spent


def _measure(target: str, yearly: Path, out: Path, given: dict, queue) -> None:
    from lsbc.emulator.hosts.deliver import deliver, options_of

    options = options_of(target, given, out.parent)
    before = _memory_mb("VmRSS")
    start = time.perf_counter()
    deliver(target, yearly, out, options)
    spent = time.perf_counter() - start
    queue.put((spent, _memory_mb("VmHWM") - before))


def _memory_mb(name: str) -> float:
    """A line of /proc/self/status: VmRSS (memory now) or VmHWM (the most so far)."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name)) / 1024


def measured(target: str, yearly: Path, out: Path, given: dict) -> tuple[float, float]:
    """Seconds and MB grown of one call in a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_measure, args=(target, yearly, out, given, queue))
    process.start()
    result = queue.get()
    process.join()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="run those whose name has this word")
    parser.add_argument("--folder", type=Path, help="directory on the disk to measure; the system's temporary one by default")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        yearly = folder / "lsbc_2031.nc"
        write_yearly(yearly, args.cells)
        print(f"{'writer':20s}{'MB':>7s}{'s':>8s}{'MB/s':>8s}{'copy s':>8s}{'plain s':>9s}{'MB/s':>7s}{'share':>7s}{'grown MB':>10s}")
        for title, (target, make) in CASES.items():
            if args.only in title:
                row(folder, yearly, title, target, make(folder, args.cells), args.runs)


def row(folder: Path, yearly: Path, title: str, target: str, given: dict, n_run: int) -> None:
    out = folder / ("bc_land_frac_11pfts_2031.nc" if target == "jsbach" else "out.nc")
    spent: dict[str, list[float]] = {"writer": [], "copy": [], "plain": [], "grown": []}
    for _ in range(n_run):
        out.unlink(missing_ok=True)
        seconds, megabytes = measured(target, yearly, out, given)
        n_byte = out.stat().st_size
        spent["writer"].append(seconds)
        spent["grown"].append(megabytes)
        spent["copy"].append(plain_copy(out, folder / "copy"))
        spent["plain"].append(plain_write(folder / "plain", n_byte))
    out.unlink()
    for path in given.values():
        Path(path).unlink()
    writer, copy, plain, grown_mb = (statistics.median(spent[key]) for key in ("writer", "copy", "plain", "grown"))
    mb = n_byte / 1e6
    print(f"{title:20s}{mb:7.0f}{writer:8.2f}{mb / writer:8.0f}{copy:8.2f}{plain:9.2f}{mb / plain:7.0f}{plain / writer:7.0%}{grown_mb:10.0f}", flush=True)


if __name__ == "__main__":
    main()
