"""Times the making of conservative weights by every engine that is installed, in one run on one machine; keeps no thresholds.

    python benchmarks/regrid.py [--size small] [--engines exact-boxes,esmpy] [--cases lambert] [--rounds 3] [--json]

Cases: 29,929 Lambert cells of 7.5 km (173 x 173) -> 1,000,000 boxes of 0.01 degrees; 20,480 triangles (R02B04) -> 0.25 degrees,
global. Every measurement is a process of its own; the engines take turns, and the median of the rounds is printed (engines that
need more than 10 s run once). Seconds run from two grids in memory to weights in memory, with the start of the child
process for esmpy and yac; the programs ESMF_RegridWeightGen and cdo run from grid files to a weight file. Memory is the
largest process's (ru_maxrss). LSBC_ESMF_PYTHON and LSBC_YAC_PYTHON name the interpreters that have esmpy and yac.

Three conventions of edges: "boxes" (great-circle polygons, boxes of meridians and parallels), "latlon" (all edges straight in
lon-lat), "greatcircle" (all edges, ESMF's only one). "rows" is the largest |row sum - 1|: what a constant field loses.
"integral" is the relative error of a smooth field's integral over the source cells wholly inside, with areas that no engine
made. "weights" is the largest difference from the exact engine's weights of the same convention.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from regrid_overlap import icosahedral_triangles, lambert_quads

from lsbc.regrid.errors import LsbcError
from lsbc.regrid.generate import make_weights
from lsbc.regrid.grids import CurvilinearGrid, Grid, PolygonGrid, RectilinearGrid
from lsbc.regrid.sphere import lon_lat_deg, unit_vector
from lsbc.regrid.weights import Weights

LONG_S = 10.0
EDGES = {"boxes": ("greatcircle", "latlon"), "latlon": ("latlon", "latlon"), "greatcircle": ("greatcircle", "greatcircle")}
CONVENTION = {"exact-boxes": "boxes", "exact-latlon": "latlon", "exact-greatcircle": "greatcircle", "esmpy": "greatcircle",
              "ESMF_RegridWeightGen": "greatcircle", "yac-boxes": "boxes", "yac-greatcircle": "greatcircle", "cdo": "boxes"}


class Absent(Exception):
    """An engine that is not installed, or that cannot treat the case."""


def lambert(size: str) -> tuple[Grid, RectilinearGrid]:
    n_side, n_box = {"full": (173, 1000), "small": (40, 100)}[size]
    lon, lat = lambert_quads(n_side, n_side, 7500.0 * 173 / n_side, 11.0, 48.0)
    source = CurvilinearGrid(*_centres(lon, lat, (n_side, n_side)), *(x.reshape(n_side, n_side, 4) for x in (lon, lat)), name="Lambert")
    return source, RectilinearGrid.regular(6.0, 16.0, n_box, 43.0, 53.0, n_box, name="boxes")


def icosahedral(size: str) -> tuple[Grid, RectilinearGrid]:
    n_split, n_lon = {"full": (5, 1440), "small": (2, 72)}[size]
    lon, lat = icosahedral_triangles(n_split)
    return PolygonGrid(*_centres(lon, lat, (len(lon),)), lon, lat, name="triangles"), RectilinearGrid.regular(-180, 180, n_lon, -90, 90, n_lon // 2)


CASES = {"lambert": lambert, "icosahedral": icosahedral}


def _centres(lon: np.ndarray, lat: np.ndarray, shape: tuple) -> tuple[np.ndarray, np.ndarray]:
    return tuple(x.reshape(shape) for x in lon_lat_deg(unit_vector(lon, lat).mean(axis=1)))


def esmpy(source: Grid, destination: Grid, folder: Path) -> tuple[Weights, float]:
    from lsbc.regrid.backends import esmf_weights

    return _timed(lambda: esmf_weights(source, destination))


def yac(source: Grid, destination: Grid, folder: Path) -> tuple[Weights, float]:
    from lsbc.regrid.backends import yac_weights

    return _timed(lambda: yac_weights(source, destination))


def exact(source: Grid, destination: Grid, folder: Path) -> tuple[Weights, float]:
    return _timed(lambda: make_weights(source, destination))


def esmf_program(source: Grid, destination: Grid, folder: Path) -> tuple[Weights, float]:
    program = _need("ESMF_RegridWeightGen")
    files = _scrip_files(source, destination, folder)
    regional = [flag for flag, grid in (("--src_regional", source), ("--dst_regional", destination)) if not getattr(grid, "is_round", False)]
    return _program([program, "-s", files[0], "-d", files[1], "-w", "weights.nc", "-m", "conserve", "-i", "--64bit_offset", *regional],
                    source, destination, folder)


def cdo(source: Grid, destination: RectilinearGrid, folder: Path) -> tuple[Weights, float]:
    program = _need("cdo")
    files = _scrip_files(source, destination, folder)
    step = [float(abs(edge[-1] - edge[0]) / (len(edge) - 1)) for edge in (destination.lon_edge_deg, destination.lat_edge_deg)]
    first = destination.lon_centre_deg[0], destination.lat_centre_deg[0]
    lines = [f"{axis}{what} = {value!r}" for what, values in (("size", destination.shape[::-1]), ("first", map(float, first)), ("inc", step))
             for axis, value in zip("xy", values)]
    (folder / "target.txt").write_text("gridtype = lonlat\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return _program([program, "-s", "-P", "1", "gencon,target.txt", f"-const,1,{files[0]}", "weights.nc"], source, destination, folder)


ENGINES = {"exact-boxes": exact, "exact-latlon": exact, "exact-greatcircle": exact, "esmpy": esmpy, "ESMF_RegridWeightGen": esmf_program,
           "yac-boxes": yac, "yac-greatcircle": yac, "cdo": cdo}


def _timed(work) -> tuple[Weights, float]:
    start = time.perf_counter()
    made = work()
    return made, time.perf_counter() - start


def _need(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise Absent(f"{program} is not on PATH")
    return path


def _scrip_files(source: Grid, destination: Grid, folder: Path) -> tuple[str, str]:
    from lsbc.regrid.readers import write_scrip

    for name, grid in (("source.nc", source), ("destination.nc", destination)):
        write_scrip(folder / name, grid)
    return "source.nc", "destination.nc"


def _program(command: list[str], source: Grid, destination: Grid, folder: Path) -> tuple[Weights, float]:
    from lsbc.regrid.backends.child import environment
    from lsbc.regrid.weight_files import read_weights

    alone = environment(sys.executable) | {"CDO_REMAP_NORM": "destarea", "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        logs = " ".join(path.read_text(errors="replace") for path in folder.glob("PET0*Log*"))
        errors = [re.sub(r"^.*PET0 +\S+ +", "", line) for line in logs.splitlines() if " ERROR " in line] or (done.stderr or done.stdout).split("\n")
        raise Absent(f"it refuses these files: {' '.join(errors[0].split())[:140]}")
    return read_weights(folder / "weights.nc", source, destination, strict=False), seconds


def measure(engine: str, case: str, size: str, keep: Path) -> dict:
    """One engine, once, in this process: seconds, memory, checks; the entries go to a file beside the others'."""
    source, destination = CASES[case](size)
    for_source, for_destination = (grid.with_edges(edges) for grid, edges in zip((source, destination), EDGES[CONVENTION[engine]]))
    with tempfile.TemporaryDirectory() as folder:
        weights, seconds = ENGINES[engine](for_source, for_destination, Path(folder))
    usage = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    key = weights.row.astype(np.int64) * weights.n_source + weights.column
    np.savez(keep / f"{engine}.npz", key=key, value=weights.value)
    return {"seconds": seconds, "memory_mb": usage / 1024, "entries": weights.n_entry, **checks(weights, for_source, for_destination)}


def checks(weights: Weights, source: Grid, destination: RectilinearGrid) -> dict[str, float]:
    """Row sums over all rows, and the integral of a smooth field over the source cells wholly inside the destination."""
    inside = np.ones(source.n_cell, bool)
    if not destination.is_round:
        margin_deg = 0.2
        for corner, edge in ((source.vertex_lon_deg, destination.lon_edge_deg), (source.vertex_lat_deg, destination.lat_edge_deg)):
            inside &= ((corner > edge.min() + margin_deg) & (corner < edge.max() - margin_deg)).all(axis=1)
    field = np.where(inside, 2.0 + np.cos(np.radians(source.lat_deg)) ** 2 * np.cos(2 * np.radians(source.lon_deg)), 0.0)
    mapped = np.bincount(weights.row, weights.value * field[weights.column], minlength=destination.n_cell)
    integral = field @ source.area_sr
    return {"rows": float(np.abs(weights.row_sum - 1.0).max()), "integral": float(abs(mapped @ destination.area_sr / integral - 1.0))}


def difference(path: Path, exact_path: Path) -> float | None:
    """Largest difference of two matrices; an entry that only one has counts as it is."""
    if not (path.exists() and exact_path.exists()):
        return None
    with np.load(path) as one, np.load(exact_path) as other:
        key = np.concatenate([one["key"], other["key"]])
        value = np.concatenate([one["value"], -other["value"]])
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    return float(np.abs(np.add.reduceat(value[order], first)).max())


def run_case(case: str, options: argparse.Namespace) -> list[dict]:
    """All rounds of one case; every engine's measurements gathered into one record."""
    records = {engine: {"case": case, "engine": engine, "edges": CONVENTION[engine], "times_s": []} for engine in options.engines}
    with tempfile.TemporaryDirectory(prefix="lsbc-bench-") as keep:
        for _ in range(options.rounds):
            for engine, record in records.items():
                if "absent" in record or max(record["times_s"], default=0.0) > LONG_S:
                    continue
                command = [sys.executable, __file__, "--measure", engine, case, options.size, keep]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                answer = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else {"absent": f"failed: {done.stderr[-300:]}"}
                record |= answer
                record["times_s"].append(answer.get("seconds", 0.0))
        for engine, record in records.items():
            record["weights"] = difference(Path(keep) / f"{engine}.npz", Path(keep) / f"exact-{record['edges']}.npz")
            record["seconds"] = float(np.median(record["times_s"]))
    return list(records.values())


def show(records: list[dict]) -> None:
    exact_s = {record["edges"]: record["seconds"] for record in records if record["engine"].startswith("exact") and "absent" not in record}
    print(f"\n{records[0]['case']}\n{'engine':22s}{'edges':>12s}{'seconds':>9s}{'runs':>5s}{'times exact':>12s}{'MB':>7s}{'entries':>10s}"
          f"{'rows':>9s}{'integral':>10s}{'weights':>9s}")
    for record in records:
        head = f"{record['engine']:22s}{record['edges']:>12s}"
        if "absent" in record:
            print(f"{head}  absent: {record['absent']}")
            continue
        ratio = f"{record['seconds'] / exact_s[record['edges']]:.1f}" if record["edges"] in exact_s else "-"
        apart = "-" if record["weights"] is None else f"{record['weights']:.1e}"
        print(f"{head}{record['seconds']:9.2f}{len(record['times_s']):5d}{ratio:>12s}{record['memory_mb']:7.0f}{record['entries']:10d}"
              f"{record['rows']:9.1e}{record['integral']:10.1e}{apart:>9s}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("full", "small"), default="full")
    parser.add_argument("--engines", type=lambda text: text.split(","), default=list(ENGINES))
    parser.add_argument("--cases", type=lambda text: text.split(","), default=list(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", nargs=4, metavar=("ENGINE", "CASE", "SIZE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        engine, case, size, keep = options.measure
        try:
            print(json.dumps(measure(engine, case, size, Path(keep))))
        except (Absent, LsbcError) as error:
            print(json.dumps({"absent": str(error)}))
        return
    for name, known in (("engines", ENGINES), ("cases", CASES)):
        if unknown := set(getattr(options, name)) - set(known):
            parser.error(f"--{name}: {', '.join(sorted(unknown))} not among {', '.join(known)}")
    found = [run_case(case, options) for case in options.cases]
    if options.json:
        print(json.dumps([record for records in found for record in records], indent=1))
        return
    for records in found:
        show(records)


if __name__ == "__main__":
    main()
