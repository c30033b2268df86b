"""Times allocation of one tile of the shipped network beside the network itself, on one thread. No data files, no thresholds.

    python benchmarks/allocate.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lsbc.emulator.allocate import N_LAND_GROUP, allocate
from lsbc.emulator.artefact import read_artefact
from lsbc.emulator.classes import GROUPS, N_CLASS
from lsbc.emulator.network import load_network

SHIPPED = Path(__file__).resolve().parents[1] / "emulator" / "models" / "bavaria30"
CHANGED_SHARES = (0.002, 0.01, 0.03, 0.1)
"""Standard deviations of the change of a group's fraction in a driver cell; real years have 0.002 or less."""


def best_ms(work: Callable[[], object], repeats: int = 7) -> float:
    """Shortest of several runs in milliseconds, after one to warm up."""
    work()
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return 1e3 * min(spent)


def main() -> None:
    artefact = read_artefact(SHIPPED)
    network = load_network(artefact, "onnxruntime", "cpu")
    batch = network.buffer(1, artefact.window, artefact.window)
    batch[:] = np.random.default_rng(0).normal(size=batch.shape)
    ms_network = best_ms(lambda: network(batch), repeats=3)
    n, n_block = artefact.core, artefact.core // artefact.ratio
    print(f"network, window {artefact.window}: {ms_network:.0f} ms a tile")
    rng = np.random.default_rng(1)
    score = rng.normal(size=(N_CLASS, n, n)).astype(np.float32)
    old, carry = rng.integers(1, N_CLASS - 1, (n, n)).astype(np.uint8), np.zeros((n_block, n_block, N_LAND_GROUP))
    for share in CHANGED_SHARES:
        delta = rng.normal(0.0, share, (n_block, n_block, len(GROUPS)))
        delta[..., :N_LAND_GROUP] -= delta[..., :N_LAND_GROUP].mean(axis=-1, keepdims=True)
        ms = best_ms(lambda: allocate(score, old, delta, carry))
        moved = (allocate(score, old, delta, carry).core != old).mean()
        print(f"allocation, {n} x {n} cells, demand in all {n_block**2} driver cells, {100 * moved:.1f} % of the cells move: {ms:.1f} ms a tile, "
              f"{100 * ms / ms_network:.1f} % of the network's time, {1e6 * ms / n**2:.0f} ns a cell")


if __name__ == "__main__":
    main()
