"""What the start of lsbc costs on ranks: file-metadata system calls, seconds of lsbc_create, memory; alone and with one rank that reads for all.

    python benchmarks/startup.py                                      # needs strace, mpicc (or what MPICC names) and the built bridge
    python benchmarks/startup.py --build build --ranks 1 2 8 --backends onnxruntime torch --rounds 5

Timed runs take turns, so that a noisy machine is noisy for all alike; calls are counted in runs of their own. Counted are the calls that name a file,
those that ask about an open one, and those that list a folder, between the beginning of lsbc_create and the end of lsbc_set_grid.
LSBC_PYTHON chooses the interpreter, as always.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np

TRACE = "strace", "-f", "-qq", "-e", "trace=%file,getdents64,fstat", "-o"
CALL = re.compile(r"^\d+\s+(\w+)\((.*)")
STAGE, NAME = re.compile(r'"lsbc-stage-(\w+)"'), re.compile(r'"([^"]*)"')
CELLS_PER_DEGREE, N_DEGREE, WEST, SOUTH = 120, 2, 9, 47


def write_input(folder: Path, backend: str) -> Path:
    """A configuration with the shipped model on a small fine grid: forest and crops, a third of it unknown."""
    from netCDF4 import Dataset

    n = CELLS_PER_DEGREE * N_DEGREE
    row, column = np.indices((n, n)) // 6
    fields = {"lu": np.where((row + column) % 2, 22, 44).astype(np.uint8), "known": ((row + 2 * column) % 3 > 0).astype(np.uint8),
              "land": np.ones((n, n), np.uint8), "koppen": np.full((n, n), 3, np.uint8), "elevation": (row + column).astype(np.float32)}
    fields["lu"][fields["lu"] == 44] = 40
    with Dataset(folder / "fine.nc", "w") as data:
        for name, start in (("lat", SOUTH), ("lon", WEST)):
            data.createDimension(name, n)
            data.createVariable(name, "f8", (name,))[:] = start + (np.arange(n) + 0.5) / CELLS_PER_DEGREE
        for name, values in fields.items():
            data.createVariable(name, values.dtype, ("lat", "lon"))[:] = values
    config = folder / f"{backend}.toml"
    config.write_text(f'[model]\nartefact = "shipped:bavaria30"\nbackend = "{backend}"\n[data]\nfine = "fine.nc"\n[time]\nstart_year = 2019\n')
    return config


def compile_host(build: Path, folder: Path) -> Path:
    here, host, library = Path(__file__).resolve().parent, folder / "startup_host", build.resolve() / "fortran_bridge"
    subprocess.run([os.environ.get("MPICC", "mpicc"), "-O2", here / "startup_host.c", "-I", here.parent / "fortran_bridge", "-o", host, "-L", library, "-llsbc",
                    f"-Wl,-rpath,{library}"], check=True)
    return host


def run(host: Path, config: Path, n_rank: int, shared: str, trace: Path | None = None) -> list[dict]:
    """What each rank says; with `trace` its system calls go to trace.RANK."""
    environment = {**os.environ, "LSBC_SHARED_IMPORTS": shared, "LSBC_LOG_LEVEL": "ERROR", "OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1",
                   "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
    program = [str(host), str(config), "2019"]
    if trace is not None:
        rank = "${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-$SLURM_PROCID}}"
        program = ["sh", "-c", f'exec {" ".join(TRACE)} "{trace}.{rank}" "$@"', "sh", *program]
    done = subprocess.run(["mpirun", "-n", str(n_rank), *program], capture_output=True, text=True, env=environment, timeout=900)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or len(rows) != n_rank:
        sys.exit(f"{' '.join(program)} on {n_rank} ranks ended with {done.returncode}: {done.stderr[-2000:]}")
    return sorted(rows, key=lambda row: row["rank"])


def count(trace: Path) -> Counter:
    """Calls of one rank by the place of the file, from lsbc_create to the end of lsbc_set_grid."""
    stage, places = "", Counter()
    for line in trace.read_text(errors="replace").splitlines():
        call = CALL.match(line)
        if call is None:
            continue
        begins = STAGE.search(call[2])
        if begins:
            stage = begins[1]
        elif stage in ("create", "grid"):
            name = NAME.search(call[2])
            places[place_of(name[1]) if name and name[1] else "a file or folder that is open"] += 1
    return places


def place_of(path: str) -> str:
    """The package, or what else a path belongs to."""
    for part, name in (("site-packages/", None), ("/lib/python3", "standard library"), ("/proc", "system"), ("/sys", "system"), ("/usr", "system"), ("/lib", "system"),
                       ("/etc", "system"), ("/dev", "system"), (str(Path(__file__).resolve().parents[1]), "lsbc")):
        at = path.find(part)
        if at >= 0 and (name is None or part.startswith("/lib/python") or at == 0):
            return name or re.split(r"[/.-]", path[at + len(part):])[0] or "site-packages"
    return "other"


def measure(host: Path, folder: Path, options: argparse.Namespace) -> dict:
    """(backend, ranks, shared) -> (lists of rows, Counter of each rank)."""
    cases = [(backend, n_rank, shared) for backend in options.backends for n_rank in options.ranks for shared in ("01" if n_rank > 1 else "0")]
    configs = {backend: write_input(folder, backend) for backend in options.backends}
    runs: dict = {case: [] for case in cases}
    for _ in range(options.rounds):
        for case in cases:
            runs[case].append(run(host, configs[case[0]], *case[1:]))
    out = {}
    for case in cases:
        trace = folder / "-".join(map(str, ("trace", *case)))
        run(host, configs[case[0]], *case[1:], trace)
        out[case] = runs[case], [count(Path(f"{trace}.{rank}")) for rank in range(case[1])]
    return out


def report(results: dict) -> None:
    print("| backend | ranks | one reads | calls, rank 0 | calls, each other rank | calls in all | create [s], median (least) | MB a rank | bits |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (backend, n_rank, shared), (runs, counts) in results.items():
        totals = [sum(places.values()) for places in counts]
        seconds = [max(row["create_s"] for row in rows) for rows in runs]
        others = f"{statistics.median(totals[1:]):.0f}" if n_rank > 1 else ""
        memory = statistics.median(row["create_mb"] for rows in runs for row in rows)
        bits = " ".join(sorted({rows[0]["bits"] for rows in runs}))
        print(f"| {backend} | {n_rank} | {'yes' if shared == '1' else 'no'} | {totals[0]} | {others} | {sum(totals)} "
              f"| {statistics.median(seconds):.2f} ({min(seconds):.2f}) | {memory:.0f} | {bits} |")
    for (backend, n_rank, shared), (_, counts) in results.items():
        if n_rank == max(case[1] for case in results):
            most = ", ".join(f"{name} {number}" for name, number in counts[-1].most_common(9))
            print(f"\n{backend}, last of {n_rank} ranks, {'one reads' if shared == '1' else 'all read'}: {most}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--backends", nargs="+", default=["onnxruntime", *(["torch"] if find_spec("torch") else [])])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{os.environ.get('LSBC_PYTHON') or 'the interpreter that was built in'}; this one is Python {sysconfig.get_python_version()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report(measure(compile_host(options.build, folder), folder, options))


if __name__ == "__main__":
    main()
