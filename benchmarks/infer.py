"""Speed, start-up and memory of every network backend that is installed, beside the machine's own convolution rate.

    python benchmarks/infer.py                      # the shipped model, CPU backends, one thread each
    python benchmarks/infer.py --artefact DIR --window 576 --rounds 15

Every backend and precision runs in a process of its own; the processes take turns, one window each, so that a noisy machine
is noisy for all of them alike. The convolution rate is that of single 3 x 3 convolutions of 32, 64 and 128 channels timed in the same turns,
mixed as the network's operations are. GPU figures: benchmarks/infer_gpu.py.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

CANDIDATES = (("onnxruntime", "float32"), ("onnxruntime", "int8"), ("torch", "float32"), ("torch", "bfloat16"), ("torchscript", "float32"),
              ("openvino", "float32"), ("openvino", "bfloat16"), ("openvino", "int8"))
CONVOLUTIONS = ((32, 1), (64, 2), (128, 4))
"""Channels and coarsening of the single 3 x 3 convolutions."""
DEFAULT = ("onnxruntime", "float32")


def resident_mb(key: str = "VmRSS") -> float:
    """This process's memory now (VmRSS) or at most so far (VmHWM), in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024 / 1e6


def operations_per_cell(model: bytes, window: int) -> dict[int, float]:
    """Floating-point operations (two a multiply-add) per cell of a window, by the number of channels that a convolution gives."""
    import onnx
    from onnx import shape_inference

    graph = onnx.load_from_string(model)
    for axis, value in zip(graph.graph.input[0].type.tensor_type.shape.dim, (1, None, window, window)):
        if value is not None:
            axis.dim_value = value
    graph = shape_inference.infer_shapes(graph, data_prop=True).graph
    weights = {item.name: tuple(item.dims) for item in graph.initializer}
    shapes = {item.name: [axis.dim_value for axis in item.type.tensor_type.shape.dim] for item in (*graph.value_info, *graph.output, *graph.input)}
    counts: dict[int, float] = {}
    for node in graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            whole = node.op_type == "Conv"
            n_out, n_in, *kernel = weights[node.input[1]] if whole else (weights[node.input[1]][k] for k in (1, 0, 2, 3))
            cells = np.prod(shapes[node.output[0] if whole else node.input[0]][2:])
            counts[n_out] = counts.get(n_out, 0.0) + 2.0 * n_out * n_in * np.prod(kernel) * cells / window**2
    return counts


def own_rate(counts: dict[int, float], rates: dict[int, float]) -> float:
    """GFLOP/s of a network each of whose layers ran as fast as a single 3 x 3 convolution of the nearest width."""
    seconds = sum(count / rates[min(rates, key=lambda width: abs(width - n_out))] for n_out, count in counts.items())
    return sum(counts.values()) / seconds


def serve_network(spec: dict) -> None:
    """Worker: load one network, say what it took, then time one window for each line on standard input."""
    from lsbc.emulator.artefact import locate, read_artefact
    from lsbc.emulator.network import load_network

    artefact = read_artefact(locate(spec["artefact"], Path.cwd()))
    network = load_network(artefact, spec["backend"], "cpu", spec["precision"])
    loaded = {"seconds": time.time() - spec["begun"], "mb": resident_mb()}
    batch = network.buffer(1, spec["window"], spec["window"])
    batch[...] = np.random.default_rng(0).random(batch.shape, np.float32)
    network(batch)
    print(json.dumps({**loaded, "mb_after_window": resident_mb("VmHWM")}), flush=True)
    _serve(lambda: network(batch))


def serve_convolution(spec: dict) -> None:
    """Worker: one 3 x 3 convolution with onnxruntime, timed like the networks."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    channels, edge, rng = spec["channels"], spec["window"] // spec["coarser"], np.random.default_rng(0)
    shape = [1, channels, edge, edge]
    weight = numpy_helper.from_array(rng.standard_normal((channels, channels, 3, 3), np.float32), "w")
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])], "one",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = rng.random(shape, np.float32)
    print(json.dumps({}), flush=True)
    _serve(lambda: session.run(None, {"x": x}))


def _serve(work) -> None:
    work()
    for line in sys.stdin:
        begun = time.perf_counter()
        for _ in range(int(line)):
            work()
        print(json.dumps({"seconds": (time.perf_counter() - begun) / int(line)}), flush=True)


class Worker:
    """A process that serves one network or one convolution."""

    def __init__(self, spec: dict) -> None:
        spec = {**spec, "begun": time.time()}
        self._process = subprocess.Popen([sys.executable, __file__, "--worker", json.dumps(spec)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True)
        line = self._process.stdout.readline()
        self.refusal = None if line else self._process.stderr.read().strip().splitlines()[-1]
        self.start = json.loads(line) if line else {}
        self.seconds: list[float] = []

    def ask(self, repeats: int = 1) -> None:
        """Begin `repeats` runs; `take` waits for them."""
        self._process.stdin.write(f"{repeats}\n")
        self._process.stdin.flush()

    def take(self) -> float:
        """Seconds of one run, the mean over those asked for."""
        return json.loads(self._process.stdout.readline())["seconds"]

    def turn(self) -> None:
        """One run, booked."""
        self.ask()
        self.seconds.append(self.take())

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()


def two_ranks(spec: dict, rounds: int) -> float:
    """Windows a second of two one-thread processes side by side over those of one alone, median of interleaved rounds."""
    pair, gains = (Worker(spec), Worker(spec)), []
    for _ in range(rounds):
        pair[0].ask(4)
        alone = pair[0].take()
        for worker in pair:
            worker.ask(4)
        both = [worker.take() for worker in pair]
        pair[1].ask(4)
        alone = (alone + pair[1].take()) / 2
        gains.append(sum(alone / seconds for seconds in both))
    for worker in pair:
        worker.close()
    return statistics.median(gains)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artefact", default="shipped:bavaria30", help="shipped:NAME or a directory")
    parser.add_argument("--window", type=int, help="cells along one side; the model's own tile by default")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        spec = json.loads(options.worker)
        (serve_network if "backend" in spec else serve_convolution)(spec)
        return
    if find_spec("onnx") is None:
        print("This benchmark counts operations and builds single convolutions with onnx, which is not installed: pip install onnx.")
        return
    from lsbc.emulator.artefact import locate, read_artefact

    artefact = read_artefact(locate(options.artefact, Path.cwd()))
    window = options.window or artefact.window
    counts = operations_per_cell(artefact.file_bytes("unet.onnx"), window)
    per_cell = sum(counts.values())
    print(f"{artefact.name}, window {window}, batch 1, one thread a process: {per_cell / 1e3:.0f} kFLOP a cell; medians of {options.rounds} rounds\n")
    with tempfile.TemporaryDirectory() as folder:
        measure({"artefact": str(with_torchscript(artefact, Path(folder))), "window": window}, artefact, counts, options.rounds)


def with_torchscript(artefact, folder: Path) -> Path:
    """A copy of the artefact that also has TorchScript, which is not shipped; the artefact itself where torch is not installed."""
    if "unet.ts.pt" in artefact.files or find_spec("torch") is None:
        return artefact.directory
    from lsbc.training.export import derive_formats

    return derive_formats(artefact.directory, folder, ("torchscript",)).parent


def measure(common: dict, artefact, counts: dict[int, float], rounds: int) -> None:
    """All backends, the pair of processes, and what goes on round the network."""
    window, per_cell = common["window"], sum(counts.values())
    networks = {key: Worker({**common, "backend": key[0], "precision": key[1]}) for key in CANDIDATES}
    kernels = {channels: Worker({"window": window, "channels": channels, "coarser": coarser}) for channels, coarser in CONVOLUTIONS}
    present = {key: worker for key, worker in networks.items() if worker.refusal is None}
    for _ in range(rounds):
        for worker in (*present.values(), *kernels.values()):
            worker.turn()
    rates = {channels: 18 * channels**2 * (window // coarser) ** 2 / statistics.median(kernels[channels].seconds) / 1e9 for channels, coarser in CONVOLUTIONS}
    mixed = own_rate(counts, rates)
    print("3 x 3 convolution alone, onnxruntime: " + ", ".join(f"{c} channels {rate:.0f} GFLOP/s" for c, rate in rates.items())
          + f"; mixed as in the network {mixed:.0f} GFLOP/s\n")
    report(artefact.card.get("precision", {}), networks, window, per_cell, mixed)
    for worker in (*present.values(), *kernels.values()):
        worker.close()
    gain = two_ranks({**common, "backend": DEFAULT[0], "precision": DEFAULT[1]}, rounds)
    print(f"\ntwo processes side by side, {' '.join(DEFAULT)}: {gain:.2f} times the windows a second of one")
    round_the_network(artefact)


def round_the_network(artefact, n_tile: int = 6, repeats: int = 5) -> None:
    """Time of whole tiles beside the network's own: assembly of channels, classes, cropping and mosaic; then allocation."""
    from infer_gpu import allocation, make_tiles, nothing

    from lsbc.emulator.host_tiles import HostTiles
    from lsbc.emulator.network import load_network
    from lsbc.emulator.tile_engine import Rectangle

    core = artefact.core
    tiles = make_tiles(artefact, n_tile, core, (Rectangle(0, 0, core, core),))
    engine = HostTiles(load_network(artefact, *DEFAULT[:1], "cpu"), artefact.channels, artefact.ratio, core, artefact.halo)
    engine.load([statics for statics, _ in tiles])
    years = {k: year for k, (_, year) in enumerate(tiles)}
    engine.run(years, "classes", nothing)
    shares: dict[str, list[float]] = {"likeliest class": [], "areas met": []}
    for _ in range(repeats):
        for what, want, deliver in (("likeliest class", "classes", nothing), ("areas met", "scores", allocation(artefact, core, n_tile))):
            engine.seconds.update(dict.fromkeys(engine.seconds, 0.0))
            begun = time.perf_counter()
            engine.run(years, want, deliver)
            shares[what].append((time.perf_counter() - begun) / engine.seconds["network"] - 1.0)
    print("round the network, of its own time: " + ", ".join(f"{what} {100 * statistics.median(found):.1f} %" for what, found in shares.items()))


def report(card: dict, networks: dict[tuple[str, str], Worker], window: int, per_cell: float, convolution_gflops: float) -> None:
    """The table; accuracy columns are what the card recorded when the model was exported."""
    print("| backend | precision | kcells/s | GFLOP/s | of the convolution rate | speed over the default (quartiles) | start s | MB loaded | MB peak, one window"
          " | changed classes | worst class-area bias |\n" + "|---" * 11 + "|")
    base = networks[DEFAULT]
    for (backend, precision), worker in networks.items():
        if worker.refusal is not None:
            print(f"| {backend} | {precision} | {worker.refusal} " + "| " * 8 + "|")
            continue
        seconds = statistics.median(worker.seconds)
        gflops = per_cell * window**2 / seconds / 1e9
        ratios = [a / b for a, b in zip(base.seconds, worker.seconds)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        found = card.get(f"{backend}_{precision}", {})
        share, bias = (f"{100 * found[key]:.3f} %" if key in found else "-" for key in ("changed_class_share", "worst_class_area_bias"))
        begun = f"{worker.start['seconds']:.2f} | {worker.start['mb']:.0f} | {worker.start['mb_after_window']:.0f}"
        print(f"| {backend} | {precision} | {window**2 / seconds / 1e3:.0f} | {gflops:.0f} | {gflops / convolution_gflops:.2f} | "
              f"{middle:.2f} ({low:.2f}-{high:.2f}) | {begun} | {share} | {bias} |")


if __name__ == "__main__":
    main()
