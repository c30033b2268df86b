"""What it costs to bring fields to spread-out rows: time and bytes here, messages and bytes a rank on any number of ranks.

    python benchmarks/regrid_router.py                 # all of it; starts mpirun for the first part
    python benchmarks/regrid_router.py --ranks 1 2 --hosts 4 64 --n-split 6

First part: 12 fields from 30,000 Lambert cells of 7.5 km to 1,000,000 cells of 0.01 degrees, really exchanged. Second part:
a global triangle host against the 0.25 degree driver grid, counted from the shared areas alone. Keeps no thresholds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from regrid_overlap import icosahedral_triangles, lambert_quads

from lsbc.emulator.tiles import hilbert_index
from lsbc.regrid.areas import shared_areas
from lsbc.regrid.bounds import cell_boxes, touch
from lsbc.regrid.comm import Comm, MpiComm
from lsbc.regrid.corners import destination_boxes
from lsbc.regrid.distribute import DistributedRemap
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid
from lsbc.regrid.sphere import lon_lat_deg, unit_vector

N_FIELD, N_REPEAT, N_LOOKED_AT = 12, 31, 8


def polygons(lon_deg: np.ndarray, lat_deg: np.ndarray) -> PolygonGrid:
    return PolygonGrid(*lon_lat_deg(unit_vector(lon_deg, lat_deg).mean(axis=1)), lon_deg, lat_deg)


def runs_along_curve(grid: RectilinearGrid | tuple[int, int], n_rank: int, load: np.ndarray | None = None) -> np.ndarray:
    """Owner (n,) of each cell of a lattice: runs along a Hilbert curve with equal sums of `load` (default: equal numbers)."""
    n_row, n_column = grid if isinstance(grid, tuple) else grid.shape
    row, column = np.divmod(np.arange(n_row * n_column), n_column)
    order = np.argsort(hilbert_index(max(n_row, n_column).bit_length(), column, row), kind="stable")
    share = np.cumsum(np.ones(len(order)) if load is None else load[order])
    owner = np.empty(len(order), np.int64)
    owner[order] = np.minimum(share / share[-1] * n_rank, n_rank - 1).astype(np.int64)
    return owner


def median_seconds(comm: Comm, work) -> float:
    """Of the slowest rank in each round."""
    seconds = []
    for _ in range(N_REPEAT):
        comm.barrier()
        start = time.perf_counter()
        work()
        seconds.append(max(comm.allgather(time.perf_counter() - start)))
    return float(np.median(seconds))


def exchange_here() -> None:
    """One rank's part of the first part; rank 0 prints a line of JSON."""
    comm = MpiComm.world()
    source = polygons(*lambert_quads(173, 173, 7500.0, 11.0, 48.0))
    destination = RectilinearGrid.regular(6, 16, 1000, 43, 53, 1000)
    mine = np.flatnonzero(runs_along_curve((173, 173), comm.size) == comm.rank)
    need = np.flatnonzero(runs_along_curve(destination, comm.size) == comm.rank)
    part = source.take(mine)
    comm.barrier()
    start = time.perf_counter()
    remap = DistributedRemap.conservative(comm, part, destination, need)
    built = max(comm.allgather(time.perf_counter() - start))
    values = np.random.default_rng(0).random((source.n_cell, N_FIELD))[mine]
    exchange, whole = median_seconds(comm, lambda: remap.router.exchange(values)), median_seconds(comm, lambda: remap(values))
    sent = remap.router.traffic[0]
    sent[comm.rank] = 0
    parts = comm.gather((need, remap(values), int((sent > 0).sum()), int(sent.sum())))
    if comm.rank == 0:
        result = np.empty((destination.n_cell, N_FIELD))
        for cells, rows, _, _ in parts:
            result[cells] = rows
        print(json.dumps({"ranks": comm.size, "build_s": built, "exchange_ms": 1e3 * exchange, "remap_ms": 1e3 * whole,
                          "messages": max(p[2] for p in parts), "kilobytes": max(p[3] for p in parts) * N_FIELD * 8 / 1e3,
                          "md5": hashlib.md5(result.tobytes()).hexdigest()}), flush=True)


def first_part(ranks: list[int]) -> None:
    if shutil.which("mpirun") is None:
        print("mpirun is not on the path: nothing exchanged.")
        return
    print(f"{N_FIELD} float64 fields, 29,929 cells of 7.5 km to 1,000,000 of 0.01 degrees, {os.cpu_count()} cores; "
          f"median of {N_REPEAT}, slowest rank; most of any rank for messages and bytes sent to others")
    print(f"{'ranks':>6}{'build [s]':>11}{'exchange [ms]':>15}{'remap [ms]':>12}{'messages':>10}{'sent [kB]':>11}  md5 of the result")
    for n_rank in ranks:
        command = ["mpirun", "--oversubscribe", "-n", str(n_rank), sys.executable, str(Path(__file__).resolve()), "--exchange-here"]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip("- ")]
            print(f"{n_rank:6d}  mpirun ended with {done.returncode}: {' '.join(said)[:400]}")
            continue
        row = json.loads(done.stdout.strip().splitlines()[-1])
        print(f"{n_rank:6d}{row['build_s']:11.2f}{row['exchange_ms']:15.2f}{row['remap_ms']:12.1f}{row['messages']:10d}"
              f"{row['kilobytes']:11.0f}  {row['md5']}")


def hierarchical(n_split: int) -> np.ndarray:
    """Position of each of the bisected icosahedron's triangles along the curve that fills one triangle after another."""
    place = np.arange(20)
    for _ in range(n_split):
        place = np.concatenate([4 * place + child for child in range(4)])
    return place


def second_part(hosts: list[int], n_split: int) -> None:
    start = time.perf_counter()
    host, driver = polygons(*icosahedral_triangles(n_split)), RectilinearGrid.regular(-180, 180, 1440, -90, 90, 720)
    areas = shared_areas(host, driver)
    place, host_box = hierarchical(n_split), cell_boxes(host)
    print(f"\n{host.n_cell} triangles to {driver.n_cell} cells of 0.25 degrees, {len(areas.area_sr)} shared areas, prepared in "
          f"{time.perf_counter() - start:.0f} s; messages and bytes of {N_FIELD} float64 fields to other ranks, per exchange")
    print(f"{'':24}{'messages sent':>16}{'received':>14}{'sent [kB]':>18}{'received [kB]':>18}{'corners fetched':>17}")
    print(f"{'ranks':>6}{'rows owned by':>18}" + f"{'max':>8}{'mean':>8}{'max':>7}{'mean':>7}" + f"{'max':>9}{'mean':>9}" * 2 + f"{'over used':>17}")
    for by, load in (("number", None), ("area", driver.area_sr)):
        for n_rank in hosts:
            row_owner, host_owner = runs_along_curve(driver, n_rank, load), place * n_rank // host.n_cell
            print(f"{n_rank:6d}{by:>18}{counted(n_rank, areas, row_owner, host_owner)}{fetched_over_used(n_rank, areas, row_owner, driver, host_box):17.2f}")


def counted(n_rank: int, areas, row_owner: np.ndarray, host_owner: np.ndarray) -> str:
    """Messages and bytes, as columns of the table."""
    n_host = len(host_owner)
    to, cell = np.divmod(np.unique(row_owner[areas.destination] * n_host + areas.source), n_host)
    route, n_row = np.unique(host_owner[cell] * n_rank + to, return_counts=True)
    sender, receiver = np.divmod(route, n_rank)
    away = sender != receiver
    text = ""
    for end, width in ((sender, 8), (receiver, 7)):
        n_message = np.bincount(end[away], minlength=n_rank)
        text += f"{n_message.max():{width}d}{n_message.mean():{width}.1f}"
    for end in (sender, receiver):
        kilobytes = np.bincount(end[away], n_row[away], minlength=n_rank) * N_FIELD * 8 / 1e3
        text += f"{kilobytes.max():9.0f}{kilobytes.mean():9.0f}"
    return text


def fetched_over_used(n_rank: int, areas, row_owner: np.ndarray, driver: RectilinearGrid, host_box: np.ndarray) -> float:
    """How many corners travel at set-up for each cell that is needed, worst of some ranks."""
    worst = 0.0
    for rank in np.unique(np.linspace(0, n_rank - 1, N_LOOKED_AT).astype(int)):
        fetched = touch(host_box, destination_boxes(driver, np.flatnonzero(row_owner == rank))).sum()
        worst = max(worst, fetched / len(np.unique(areas.source[row_owner[areas.destination] == rank])))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, nargs="*", default=[1, 2, 4], help="numbers of ranks to run here")
    parser.add_argument("--hosts", type=int, nargs="*", default=[4, 64, 1024, 4096], help="numbers of ranks to count for")
    parser.add_argument("--n-split", type=int, default=8, help="bisections of the icosahedron; 8 is R02B07")
    parser.add_argument("--exchange-here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.exchange_here:
        exchange_here()
        return
    first_part(options.ranks)
    if options.hosts:
        second_part(options.hosts, options.n_split)


if __name__ == "__main__":
    main()
