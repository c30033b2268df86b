"""Times what training spends: channels of one window, one sample, one optimiser step. No data files, no thresholds.

    python benchmarks/train.py [threads]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from lsbc.emulator.channels import Window
from lsbc.emulator.classes import NO_DATA
from lsbc.training.cases import one_prior
from lsbc.training.config import DataConfig, TrainingConfig
from lsbc.training.data import read_data
from lsbc.training.loop import new_network, weighted_cross_entropy
from lsbc.training.patches import DriverTable, PatchInputs, channel_list, cut, patch_channels
from lsbc.training.samples import Sampler


def best_ms(work: Callable[[], object], repeats: int = 7) -> float:
    """Shortest of several runs in milliseconds, after one to warm up."""
    work()
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return 1e3 * min(spent)


def main(threads: int) -> None:
    torch.set_num_threads(threads)
    config = TrainingConfig(path=Path("."), data=DataConfig(kind="synthetic"))
    config = replace(config, split=replace(config.split, train_years=(2000, 2006), test_years=(2007, 2010)))
    land = read_data(config.data)
    n = 288
    inputs = PatchInputs(Window(land.row0 - 24, land.col0 - 24, n), one_prior((2003, 2004), cut(land.map_of(2003), -24, -24, n, NO_DATA)))
    driver, channels = DriverTable(land), channel_list()
    ms = best_ms(lambda: patch_channels(land, driver, channels, inputs))
    print(f"channels {len(channels)} x {n} x {n}: {ms:.2f} ms, {1e6 * ms / n**2:.0f} ns a cell, {4 * len(channels)} bytes a cell")
    sampler = Sampler(land, config.split, config.samples, config.loss, seed=1)
    patch, batch = config.samples.patch, config.samples.batch
    print(f"one sample of {patch} x {patch}: {best_ms(lambda: sampler(0)):.2f} ms")
    x, target, weight = (torch.from_numpy(np.stack(part)) for part in zip(*(sampler(i) for i in range(batch)), strict=True))
    network = new_network(config).to(memory_format=torch.channels_last)
    x = x.contiguous(memory_format=torch.channels_last)
    for name, low in (("float32", False), ("bf16-mixed", True)):
        def step(low: bool = low) -> None:
            with torch.autocast("cpu", torch.bfloat16, enabled=low):
                logits = network(x)[:, 0].float()
            weighted_cross_entropy(logits, target[:, 0].long(), weight[:, 0]).backward()

        ms = best_ms(step, repeats=3)
        print(f"forward and backward, batch {batch}, {name}, {threads} threads: {ms:.0f} ms, {1e6 * ms / (batch * patch**2):.0f} ns a cell")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
