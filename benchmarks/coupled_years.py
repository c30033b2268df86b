"""Seconds of each stage of a coupled year, the share outside the network, memory over many years, and a repeated year.

    mpirun -n 2 python benchmarks/coupled_years.py out/icon.toml --years 100

Years beyond the host file's last repeat its states of the last year. Files are written as in a real run, into a temporary folder.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import timeit
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import LUH2_STATES
from lsbc.emulator.component import Component
from lsbc.emulator.config import load_config
from lsbc.emulator.reader import read_host_file
from lsbc.regrid.comm import MpiComm


def resident_mb() -> float:
    return int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--years", type=int, default=20)
    options = parser.parse_args()
    comm = MpiComm.world()
    config = load_config(options.config)
    host = read_host_file(config.run.host)
    holder = tempfile.TemporaryDirectory() if comm.rank == 0 else None
    folder = Path(comm.bcast(holder.name if holder else None))
    copy = folder / "benchmark.toml"
    if comm.rank == 0:
        text = re.sub(r"(?m)^directory\s*=.*$", f'directory = "{folder / "out"}"', config.text)
        for key, path in (("fine", config.data.fine), ("host", config.run.host)):
            text = re.sub(rf"(?m)^{key}\s*=.*$", f'{key} = "{path}"', text)
        copy.write_text(text)
    comm.barrier()
    component, values, cells = start(copy, host, comm)
    memory, history = [], []
    for year in range(config.time.start_year, config.time.start_year + options.years):
        for name, state in host.states(min(year, int(host.year.max())), cells).items():
            values[name][:] = state
        component.step_year(year)
        memory.append(resident_mb())
        history.append(component.last_seconds)
        if comm.rank == 0:
            for old in (folder / "out").glob("l*.nc"):
                old.unlink()
    report(comm, history[1:], memory)
    again = min(timeit.repeat(lambda: component.step_year(component.year), number=10000, repeat=5)) / 10000
    if comm.rank == 0:
        print(f"\nstep_year for the year already reached, without the bridge: {1e6 * again:.2f} us")
    component.close()
    comm.barrier()
    if holder:
        holder.cleanup()


def start(config: Path, host, comm: MpiComm):
    cells = np.array_split(np.arange(len(host.global_id)), comm.size)[comm.rank]
    component = Component.create(config, MpiComm.world())
    component.set_grid(host.global_id[cells], host.lon_deg[cells], host.lat_deg[cells], host.vertex_lon_deg[cells], host.vertex_lat_deg[cells],
                       np.ones(len(cells), np.int32))
    values = {name: np.empty(len(cells)) for name in LUH2_STATES}
    for name, array in values.items():
        component.set_field(name, array)
    return component, values, cells


def report(comm: MpiComm, history: list[dict[str, float]], memory: list[float]) -> None:
    everyone = comm.allgather((history, memory))
    if comm.rank != 0:
        return
    print(f"{len(history)} years on {comm.size} rank(s); medians over years of the slowest rank\n\n| stage | seconds | share |\n|---|---|---|")
    medians = {stage: statistics.median(max(ranks[k][stage] for ranks, _ in everyone) for k in range(len(history))) for stage in history[0]}
    for stage, seconds in medians.items():
        print(f"| {stage} | {seconds:.4f} | {100 * seconds / medians['total']:.1f} % |")
    outside = [1.0 - ranks[k]["tiles: network"] / ranks[k]["total"] for ranks, _ in everyone for k in range(len(history))]
    print(f"| everything but the network, median of {len(outside)} rank-years | | {100 * statistics.median(outside):.1f} % |\n")
    print("| rank | MiB after year 1 | year 5 | last year | growth after year 5 |\n|---|---|---|---|---|")
    for rank, (_, mib) in enumerate(everyone):
        fifth = mib[min(4, len(mib) - 1)]
        print(f"| {rank} | {mib[0]:.1f} | {fifth:.1f} | {mib[-1]:.1f} | {100 * (mib[-1] / fifth - 1):.2f} % |")


if __name__ == "__main__":
    main()
