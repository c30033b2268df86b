"""Measures inference on this machine's GPU: the network alone, whole tiles, and two processes that share the GPU. One command, one table, no thresholds.

    python benchmarks/infer_gpu.py                      (about ten minutes on a GPU; says so and ends where there is none)
    python benchmarks/infer_gpu.py --device cpu --quick (tries the program itself, in under a minute)

Rows: `network` is a backend alone, from channels on the device to logits on the device. `tiles` is everything from last year's classes in host memory to this
year's in host memory, without (`classes`) and with (`scores`, `allocated`) what allocation needs. `2 ranks` share the device through mpirun, where that is here.
Columns: million cells computed a second; TFLOP/s by counted operations, and their share of the matrix rate measured first; time that is not the network's;
bytes a cell to the device and back; GB of the device's memory; seconds for the globe's land at 30 arc seconds (424 million cells computed, with halos of 24).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from lsbc.emulator.allocate import N_LAND_GROUP, allocate
from lsbc.emulator.artefact import Artefact, locate, read_artefact
from lsbc.emulator.channels import shown_prior
from lsbc.emulator.classes import N_GROUP
from lsbc.emulator.tile_engine import Rectangle, TileStatics, TileYear

SMALL = 48
"""Edge of the smallest rectangles that are computed of a tile."""
GLOBAL_CELLS = 424e6
"""309.6 million land cells times the 1.37 cells computed for each (`tiles_global.py`: halo 24, windows up to 1536 cells, one GPU)."""
HEAD = (f"{'what':24} {'backend':18} {'precision':9} {'windows':>14} {'Mcells/s':>9} {'TFLOP/s':>8} {'of rate':>7} {'not net':>7} "
        f"{'B in':>6} {'B out':>6} {'GB':>6} {'globe s':>8}")


@dataclass
class Bench:
    """What every measurement needs."""

    torch: Any
    device: str
    artefact: Artefact
    quick: bool
    flop_a_cell: float
    rate: float = 0.0

    @property
    def cuda(self) -> bool:
        return self.device != "cpu"

    def seconds(self, work: Callable[[], object], once: bool = False) -> float:
        """Median of several runs of at least a fifth of a second, after three to warm up (the second may record a graph); or a single run."""
        for _ in range(0 if once else 1 if self.quick else 3):
            work()
        self.wait()
        spent, repeats = [], 1
        while len(spent) < (1 if once else 3 if self.quick else 5):
            began = time.perf_counter()
            for _ in range(repeats):
                work()
            self.wait()
            took = time.perf_counter() - began
            if took < 0.2 and not self.quick and not once:
                repeats *= 2
            else:
                spent.append(took / repeats)
        return sorted(spent)[len(spent) // 2]

    def wait(self) -> None:
        if self.cuda:
            self.torch.cuda.synchronize()

    def memory_gb(self) -> float:
        """The most since the last call."""
        if not self.cuda:
            return 0.0
        most = self.torch.cuda.max_memory_reserved() * 1e-9
        self.torch.cuda.empty_cache()
        self.torch.cuda.reset_peak_memory_stats()
        return most

    def row(self, what: str, backend: str, precision: str, windows: str, cells: float, seconds: float, network_seconds: float | None = None,
            traffic: tuple[float, float] | None = None) -> None:
        """Print one line; `cells` are computed in `seconds`."""
        flops = cells * self.flop_a_cell / seconds
        outside = "" if network_seconds is None else f"{max(0.0, 1 - network_seconds / seconds):.0%}"
        to, back = ("", "") if traffic is None else (f"{value:.2f}" for value in traffic)
        print(f"{what:24} {backend:18} {precision:9} {windows:>14} {cells / seconds * 1e-6:9.2f} {flops * 1e-12:8.3f} {flops / self.rate:7.1%} {outside:>7} {to:>6} "
              f"{back:>6} {self.memory_gb():6.2f} {GLOBAL_CELLS / cells * seconds:8.1f}", flush=True)


def matrix_rate(bench: Bench) -> float:
    """FLOP/s of one large matrix product, the best of several: half precision on a GPU, float32 on a CPU."""
    torch, n = bench.torch, 1024 if not bench.cuda else 8192
    a = torch.randn((n, n), device=bench.device).to(torch.float16 if bench.cuda else torch.float32)
    return 2.0 * n**3 / min(bench.seconds(lambda: torch.mm(a, a)) for _ in range(3))


def flop_a_cell(torch: Any, module: Any, n_channel: int) -> float:
    """Multiplications and additions of the network for one cell, counted while it runs."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.zeros(1, n_channel, 96, 96))
    return counter.get_total_flops() / 96**2


# -- networks --------------------------------------------------------------------------------------------------------------------


def networks(bench: Bench) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """(backend, precision, how to load it); a backend's window may be fixed."""
    from lsbc.emulator.network.torch_exported import TorchExportedNetwork
    from lsbc.emulator.network.torchscript import TorchScriptNetwork

    def plain(precision: str) -> Any:
        network = TorchExportedNetwork(bench.artefact, bench.device, precision)
        network._run = network._launch  # noqa: SLF001 - to see what the graphs are worth
        return network

    precisions = ("float32",) if bench.quick else ("float16", "bfloat16", "tf32", "float32") if bench.cuda else ("float32", "bfloat16")
    for precision in precisions:
        if bench.cuda:
            yield "torch, plain", precision, lambda precision=precision: plain(precision)
            yield "torch, graphs", precision, lambda precision=precision: TorchExportedNetwork(bench.artefact, bench.device, precision)
        else:
            yield "torch", precision, lambda precision=precision: plain(precision)
    yield "torchscript", "float32", lambda: TorchScriptNetwork(bench.artefact, bench.device, "float32")


def window_sizes(bench: Bench) -> tuple[tuple[int, int], ...]:
    """(windows a call, edge in cells)."""
    halo, core = bench.artefact.halo, bench.artefact.core
    small, usual = SMALL + 2 * halo, core + 2 * halo
    if bench.quick:
        return ((1, small),)
    if not bench.cuda:
        return ((1, usual), (4, usual))
    return (1, usual), (2, usual), (8, usual), (32, usual), (12, small), (48, small), *((n, factor * core + 2 * halo) for factor in (3, 6) for n in (1, 2))


def measure_networks(bench: Bench) -> None:
    for backend, precision, load in networks(bench):
        network = attempt(f"{backend}, {precision}", load)
        for n, edge in window_sizes(bench) if network else ():
            attempt(f"{backend}, {precision}, {n} x {edge}", lambda network=network: network_row(bench, backend, precision, network, n, edge))
        network = None
        bench.memory_gb()
    if bench.cuda:
        measure_tensorrt(bench)


def network_seconds(bench: Bench, network: Any, n: int, rows: int, columns: int) -> float:
    """Of one call."""
    channels = bench.torch.rand((n, rows, columns, len(bench.artefact.channels)), device=bench.device).to(network.dtype).permute(0, 3, 1, 2)
    return bench.seconds(lambda: network.forward(channels))


def network_row(bench: Bench, backend: str, precision: str, network: Any, n: int, edge: int) -> None:
    bench.row("network", backend, precision, f"{n} x {edge}", n * edge**2, network_seconds(bench, network, n, edge, edge))


def measure_tensorrt(bench: Bench) -> None:
    """One engine for the artefact's own window; building it takes a minute."""
    if find_spec("torch_tensorrt") is None:
        print("absent: tensorrt: the package torch-tensorrt is not installed")
        return
    from lsbc.emulator.network.engine_cache import Engine
    from lsbc.emulator.network.tensorrt import TensorRTNetwork, build_engine

    edge = bench.artefact.window
    shape = (8, len(bench.artefact.channels), edge, edge)

    def measure() -> None:
        network = TensorRTNetwork(bench.artefact, bench.device, "float16", Engine(shape, build_engine(bench.artefact, "float16", shape, bench.device)))
        network_row(bench, "tensorrt", "float16", network, 8, edge)

    attempt("tensorrt, float16", measure)


def attempt(what: str, work: Callable[[], Any]) -> Any:
    """The result of `work`, or a line that says why there is none."""
    try:
        return work()
    except Exception as error:  # whatever a library does, the other lines are worth having
        print(f"absent: {what}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", flush=True)
        return None


# -- tiles -----------------------------------------------------------------------------------------------------------------------


def make_tiles(artefact: Artefact, n: int, core: int, windows: tuple[Rectangle, ...], seed: int = 0) -> list[tuple[TileStatics, TileYear]]:
    """Tiles of noise side by side; they share one set of statics."""
    rng, window, ratio = np.random.default_rng(seed), core + 2 * artefact.halo, artefact.ratio
    shape, n_driver = (window, window), window // ratio + 4
    fields = ("elevation", "slope", "northness", "human_footprint")
    statics = {name: rng.random(shape, np.float32) for name in fields} | {"koppen": rng.integers(1, 6, shape, np.uint8), "land": np.ones(shape, np.uint8)}
    shown = shown_prior(rng.integers(1, 7, shape, np.uint8), np.ones(shape, bool))
    now = rng.random((2, N_GROUP, n_driver, n_driver))
    out = []
    for k in range(n):
        row0, col0 = 8 * core - artefact.halo, (8 + k) * core - artefact.halo
        out.append((TileStatics(k, row0, col0, statics, row0 // ratio - 1, col0 // ratio - 1, windows),
                    TileYear(shown, *now, np.ones((n_driver, n_driver), bool))))
    return out


def tile_kinds(bench: Bench) -> tuple[tuple[str, int, int, tuple[Rectangle, ...]], ...]:
    """(name, number, core, windows): large windows as inland, small ones as along coasts."""
    core = bench.artefact.core
    small = tuple(Rectangle(r, c, SMALL, SMALL) for r in range(0, core - SMALL + 1, 2 * SMALL) for c in range(0, core - SMALL + 1, 2 * SMALL))
    if bench.quick:
        return (("small windows", 2, core, small[:2]),)
    if not bench.cuda:
        return (("whole tiles", 4, core, (Rectangle(0, 0, core, core),)),)
    whole = tuple((name, n, factor * core, (Rectangle(0, 0, factor * core, factor * core),)) for name, n, factor in (("whole tiles", 16, 3), ("large tiles", 4, 6)))
    return *whole, ("small windows", 200, core, small)


def measure_tiles(bench: Bench) -> None:
    for backend, precision, load in networks(bench):
        if backend == "torchscript" or (bench.cuda and precision not in ("float16", "float32")):
            continue
        calls = (60_000,) if bench.quick else (112_896,) if not bench.cuda else (400_000,) if backend == "torch, plain" else (200_000, 400_000, 903_168, 3_612_672)
        for name, n, core, windows in tile_kinds(bench):
            for cells_a_call in calls:
                attempt(f"{name}, {backend}, {precision}, {cells_a_call} cells a call",
                        lambda: tile_rows(bench, backend, precision, load, make_tiles(bench.artefact, n, core, windows), core, cells_a_call, name))
                bench.memory_gb()


def tile_rows(bench: Bench, backend: str, precision: str, load: Callable[[], Any], tiles: list, core: int, cells_a_call: int, name: str) -> None:
    """Classes, scores, and scores with allocation, for one size of calls."""
    from lsbc.emulator.network.device_tiles import DeviceTiles
    from lsbc.emulator.windows import batch_of

    network, halo = load(), bench.artefact.halo
    engine = DeviceTiles(network, bench.artefact.channels, bench.artefact.ratio, core, halo, cells_a_call)
    engine.load([statics for statics, _ in tiles])
    years, edge = {k: year for k, (_, year) in enumerate(tiles)}, tiles[0][0].windows[0].rows + 2 * halo
    n = batch_of(edge, edge, cells_a_call)
    a_call = network_seconds(bench, network, n, edge, edge)
    kinds = [("classes", nothing), ("scores", nothing)]
    if cells_a_call in (60_000, 400_000):  # allocation is the host's and the same for all: once is enough
        kinds.append(("allocated", allocation(bench.artefact, core, len(tiles))))
    for what, deliver in kinds:
        want = "classes" if what == "classes" else "scores"
        engine.run(years, want, nothing)  # memory for the results is made once
        windows, sent, fetched = engine.n_window, *engine.n_byte.values()
        engine.run(years, want, nothing)
        windows, sent, fetched = engine.n_window - windows, engine.n_byte["to device"] - sent, engine.n_byte["to host"] - fetched
        cells = windows * edge**2
        seconds = bench.seconds(lambda: engine.run(years, want, deliver), once=what == "allocated")
        bench.row(f"{name}, {what}", backend, precision, f"{n} x {edge}", cells, seconds, windows / n * a_call, (sent / cells, fetched / cells))


def nothing(_k: int, _result: np.ndarray) -> None:
    """Takes a tile and leaves it."""


def allocation(artefact: Artefact, core: int, n_tile: int) -> Callable[[int, np.ndarray], None]:
    """What the coupled year does with a tile's scores."""
    rng, n_block = np.random.default_rng(1), core // artefact.ratio
    old = rng.integers(1, 7, (core, core)).astype(np.uint8)
    delta = rng.normal(0.0, 0.002, (n_block, n_block, N_GROUP))
    delta[..., :N_LAND_GROUP] -= delta[..., :N_LAND_GROUP].mean(axis=-1, keepdims=True)
    carry = np.zeros((n_tile, n_block, n_block, N_LAND_GROUP))
    return lambda k, score: allocate(score, old, delta, carry[k]) and None


# -- ranks that share ------------------------------------------------------------------------------------------------------------


def measure_sharing(bench: Bench, options: argparse.Namespace) -> None:
    """The same tiles by one rank, and by two that share the device: what is gained is allocation on two processors."""
    if shutil.which("mpirun") is None:
        print("absent: 2 ranks: mpirun is not on PATH")
        return
    for n_rank in (1, 2):
        command = ["mpirun", "--oversubscribe", "-n", str(n_rank), sys.executable, __file__, "--device", options.device or "cuda", "--artefact",
                   str(bench.artefact.directory), "--worker", *(["--quick"] if bench.quick else [])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        said = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not said:
            print(f"absent: {n_rank} ranks: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
            continue
        found = json.loads(said[-1])
        bench.row(f"{n_rank} rank{'s' * (n_rank > 1)}, allocated", "torch", found["precision"], found["windows"], found["cells"], found["seconds"])


def work_as_rank(bench: Bench) -> None:
    """One of the processes of `measure_sharing`."""
    from lsbc.emulator.network.device_tiles import DeviceTiles
    from lsbc.emulator.network.torch_exported import TorchExportedNetwork
    from lsbc.emulator.safe_tiles import Makers, SafeTiles
    from lsbc.emulator.share import share, slot_type
    from lsbc.regrid.comm import MpiComm

    comm, artefact = MpiComm.world(), bench.artefact
    name, n, core, windows = tile_kinds(bench)[0]
    cells_a_call, precision = 60_000 if bench.quick else 400_000, "float16" if bench.cuda else "float32"
    tiles = make_tiles(artefact, n, core, windows)[comm.rank::comm.size]
    engine = None
    if comm.rank == 0:
        network = TorchExportedNetwork(artefact, bench.device, precision)
        engine = SafeTiles(Makers(lambda cells: DeviceTiles(network, artefact.channels, artefact.ratio, core, artefact.halo, cells), 1), cells_a_call, True)
    window = core + 2 * artefact.halo
    shared = share(comm, comm, engine, slot_type(window, core, window // artefact.ratio + 4, True))
    shared.load([statics for statics, _ in tiles])
    years, deliver = {k: year for k, (_, year) in enumerate(tiles)}, allocation(artefact, core, len(tiles))
    spent = []
    for _ in range(2 if bench.quick else 5):
        comm.barrier()
        began = time.perf_counter()
        shared.run(years, "scores", deliver)
        comm.barrier()
        spent.append(time.perf_counter() - began)
    shared.close()
    if comm.rank == 0:
        edge = windows[0].rows + 2 * artefact.halo
        print(json.dumps({"precision": precision, "windows": name, "cells": n * len(windows) * edge**2, "seconds": sorted(spent[1:])[len(spent[1:]) // 2]}), flush=True)


# -- all of it -------------------------------------------------------------------------------------------------------------------


def prepare(options: argparse.Namespace, folder: Path) -> Bench:
    """The artefact with the formats this needs, derived from its weights where it lacks them."""
    import torch

    from lsbc.emulator.network.program_file import load_program

    torch.set_num_threads(1)
    artefact = read_artefact(locate(options.artefact, Path.cwd()))
    missing = [name for name, file in (("pt2", "unet.pt2"), ("torchscript", "unet.ts.pt")) if file not in artefact.files]
    if missing:
        from lsbc.training.export import derive_formats

        artefact = read_artefact(derive_formats(artefact.directory, folder, missing).parent)
    module = load_program(artefact, "unet.pt2").module(check_guards=False)
    return Bench(torch, "cpu" if options.device == "cpu" else "cuda:0", artefact, options.quick, flop_a_cell(torch, module, len(artefact.channels)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), help="default: the GPU")
    parser.add_argument("--artefact", default="shipped:bavaria30")
    parser.add_argument("--quick", action="store_true", help="one small measurement of each kind")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if find_spec("torch") is None:
        print("torch is not installed: nothing to measure. pip install torch, with CUDA for a GPU.")
        return
    import torch

    if options.device != "cpu" and not torch.cuda.is_available():
        print(f"There is no CUDA GPU here that torch {torch.__version__} can use: nothing was measured. `--device cpu --quick` tries the program itself.")
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = prepare(options, Path(folder) / "model")
        if options.worker:
            work_as_rank(bench)
            return
        bench.rate = matrix_rate(bench)
        name = torch.cuda.get_device_name(0) if bench.cuda else "CPU, one thread"
        print(f"{name}, torch {torch.__version__}; model {bench.artefact.name}: {bench.flop_a_cell * 1e-3:.0f} kFLOP a cell; matrix products "
              f"{bench.rate * 1e-12:.2f} TFLOP/s in {'float16' if bench.cuda else 'float32'}")
        print(HEAD)
        measure_networks(bench)
        measure_tiles(bench)
        measure_sharing(bench, options)


if __name__ == "__main__":
    main()
