"""Times the application of weights next to scipy, torch and esmpy, where they are installed. One thread; keeps no thresholds.

    OMP_NUM_THREADS=1 python benchmarks/regrid_apply.py [--rows 1000000] [--rounds 9] [--skip torch,esmpy] [--json]

Rows x fields from a Lambert-like source of 173 x 173 cells. All variants take turns in every round, with the bandwidth of a
copy measured in the same round. A figure is the median of the rounds: milliseconds, and in brackets how many times longer
than moving every byte (weights, source, result) once. "into" reuses its result array, the others make a new one each time.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable

import numpy as np

from lsbc.regrid.apply import Remap
from lsbc.regrid.weights import Side, Weights

N_SIDE = 173
CASES = [(12, "float64"), (40, "float64"), (12, "float32"), (40, "float32")]


def weights_of(n_row: int, pattern: str) -> Weights:
    """About four entries a row. "bilinear": four neighbours, runs of rows share them. "mixed": one to seven of them."""
    n_i = int(np.sqrt(n_row))
    n_j = n_row // n_i
    v, u = np.meshgrid((np.arange(n_j) + 0.5) / n_j - 0.5, (np.arange(n_i) + 0.5) / n_i - 0.5, indexing="ij")
    x, y = (N_SIDE / 2 + 0.8 * N_SIDE * part.ravel() for part in (u - 0.1 * v, v + 0.1 * u))
    column = (np.floor(y).astype(np.int64) * N_SIDE + np.floor(x).astype(np.int64))[:, None] + [0, 1, N_SIDE, N_SIDE + 1]
    rng = np.random.default_rng(1)
    if pattern == "bilinear":
        fx, fy = x % 1, y % 1
        value = np.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy], axis=1)
    else:
        column = np.concatenate([column, column[:, :2] + 2 * N_SIDE, column[:, :1] + 2 * N_SIDE + 2], axis=1)
        value = rng.random(column.shape) * (np.arange(7) < rng.integers(1, 8, len(column))[:, None])
        value /= value.sum(axis=1, keepdims=True)
    row, used = np.nonzero(value)
    side = Side(shape=(N_SIDE, N_SIDE)), Side(shape=(n_j, n_i))
    return Weights.from_entries(row, column[row, used], value[row, used], source=side[0], destination=side[1], method="unknown")


def ours(weights: Weights, values: np.ndarray) -> dict[str, Callable]:
    remap, skip = Remap(weights), Remap(weights, "skip")
    out = np.zeros((weights.n_destination, values.shape[1]), values.dtype)
    return {"Remap into": lambda: remap(values, out=out), "Remap skip into": lambda: skip(values, out=out),
            "Remap": lambda: remap(values)}


def scipys(weights: Weights, values: np.ndarray) -> dict[str, Callable]:
    from scipy.sparse import csr_matrix

    matrix = csr_matrix((weights.value.astype(values.dtype), weights.column, weights.offsets.astype(np.int32)),
                        shape=(weights.n_destination, weights.n_source))
    return {"scipy csr @ dense": lambda: matrix @ values}


def torchs(weights: Weights, values: np.ndarray) -> dict[str, Callable]:
    import torch

    from lsbc.regrid.apply_torch import TorchRemap

    torch.set_num_threads(1)
    remap, tensor = TorchRemap(weights, dtype=values.dtype.name), torch.from_numpy(values)
    matrix, out = remap._matrix, torch.zeros((weights.n_destination, values.shape[1]), dtype=tensor.dtype)

    def into() -> np.ndarray:
        torch.mm(matrix, tensor, out=out)
        return out.numpy()

    return {"torch sparse CSR into": into, "torch sparse CSR": lambda: (matrix @ tensor).numpy()}


def esmpys(weights: Weights, values: np.ndarray) -> dict[str, Callable]:
    """Points with all fields as an ungridded axis; ESMF reads the weights from a file."""
    import netCDF4  # noqa: I001  esmpy first and netCDF4 after it ends in a segmentation fault
    import esmpy

    esmpy.Manager(debug=False, endFlag=esmpy.constants.EndAction.KEEP_MPI)
    kind = esmpy.TypeKind.R8 if values.dtype == np.float64 else esmpy.TypeKind.R4
    n_field = values.shape[1]
    places = [esmpy.LocStream(n, coord_sys=esmpy.CoordSys.CART) for n in (weights.n_source, weights.n_destination)]
    source, destination = (esmpy.Field(place, typekind=kind, ndbounds=[n_field]) for place in places)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weights.nc")
        with netCDF4.Dataset(path, "w", format="NETCDF3_64BIT_OFFSET") as file:
            file.createDimension("n_s", weights.n_entry)
            for name, array in (("row", weights.row + 1), ("col", weights.column + 1), ("S", weights.value)):
                file.createVariable(name, array.dtype, ("n_s",))[:] = array
        regrid = esmpy.RegridFromFile(source, destination, path)
    source.data[...] = values

    def into() -> np.ndarray:
        regrid(source, destination)
        return destination.data

    return {"esmpy into": into}


def variants(weights: Weights, values: np.ndarray, left_out: list[str]) -> tuple[dict[str, Callable], dict[str, str]]:
    """What can be timed here, and why the rest cannot."""
    found, absent = {}, {}
    for name, make in (("ours", ours), ("scipy", scipys), ("torch", torchs), ("esmpy", esmpys)):
        if name in left_out:
            continue
        try:
            found |= make(weights, values)
        except Exception as error:  # whatever keeps another program from running is printed, not raised
            absent[name] = f"{type(error).__name__}: {error}"
    return found, absent


def seconds(work: Callable) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(works: dict[str, Callable], n_byte: int, n_round: int) -> dict[str, tuple[float, float]]:
    """Milliseconds and times over the roofline, medians over the rounds."""
    here, there = np.ones(16 << 20), np.zeros(16 << 20)
    times, ratios = {name: [] for name in works}, {name: [] for name in works}
    for work in works.values():
        work()
    order = list(works.items())
    for turn in range(n_round):
        per_byte = min(seconds(lambda: np.copyto(there, here)) for _ in range(3)) / (2 * here.nbytes)
        for name, work in order[turn % len(order):] + order[:turn % len(order)]:  # nobody always comes first
            took = seconds(work)
            times[name].append(1e3 * took)
            ratios[name].append(took / (per_byte * n_byte))
    return {name: (float(np.median(times[name])), float(np.median(ratios[name]))) for name in works}


def worst_difference(works: dict[str, Callable], values: np.ndarray) -> float:
    first, *others = (np.array(work()) for work in works.values())
    return max(float(np.abs(other.reshape(first.shape) - first).max()) for other in others) / float(np.abs(values).max())


def as_text(row: dict) -> str:
    head = (f"{row['pattern']}, {row['n_row']} rows, {row['n_entry']} entries, {row['n_field']} x {row['dtype']}: "
            f"{row['mbyte']:.0f} MB, results differ by {row['difference']:.1e}")
    figures = [f"    {name:24s} {ms:8.1f} ms  ({ratio:5.1f})" for name, (ms, ratio) in row["ms_and_ratio"].items()]
    return "\n".join([head, *figures, *(f"    {name}: {why}" for name, why in row["absent"].items())])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--skip", default="", help="libraries to leave out, separated by commas")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = []
    for pattern in ("bilinear", "mixed"):
        weights = weights_of(options.rows, pattern)
        for n_field, dtype in CASES:
            values = np.random.default_rng(2).random((weights.n_source, n_field)).astype(dtype)
            works, absent = variants(weights, values, options.skip.split(","))
            item = values.itemsize
            n_byte = weights.offsets.nbytes + weights.n_entry * 12 + values.nbytes + weights.n_destination * n_field * item
            row = {"pattern": pattern, "n_row": weights.n_destination, "n_entry": weights.n_entry, "n_field": n_field,
                   "dtype": dtype, "mbyte": n_byte / 1e6, "difference": worst_difference(works, values), "absent": absent,
                   "ms_and_ratio": measure(works, n_byte, options.rounds)}
            report.append(row)
            if not options.json:
                print(as_text(row), flush=True)
    if options.json:
        print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
