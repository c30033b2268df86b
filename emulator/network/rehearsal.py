"""Load the configured network on one rank alone and drop it, for the modules that it brings. Knows no ranks."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

from lsbc.emulator.artefact import locate, read_artefact
from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.config import load_config
from lsbc.emulator.devices import Gpus, find_gpus
from lsbc.emulator.network.choose import choose, may_use_gpu, open_network


def rehearse(config_path: str | Path) -> None:
    """Load what `network_for` would load here, on the CPU where the backend can: no memory of a GPU is taken.

    Raises:
        LsbcError: as `load_config`, `read_artefact`, `choose` and `open_network`; the caller's own start then says it to all ranks.
    """
    config = load_config(config_path)
    artefact = read_artefact(locate(config.model.artefact, config.source.parent), config.model.sha256)
    chosen = choose(artefact, config.model, find_gpus(may_use_gpu(artefact, config.model)))
    if "cpu" not in BACKENDS[chosen.backend].precisions:
        importlib.import_module(BACKENDS[chosen.backend].module)
    else:
        on_cpu = replace(config.model, backend=chosen.backend, device="cpu", precision="auto" if chosen.device == "cuda" else chosen.precision)
        open_network(artefact, choose(artefact, on_cpu, Gpus()))
