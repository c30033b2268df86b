"""torch.export's program: float32 (the reference) and bfloat16 on the CPU, float16, float32 and TF32 on a GPU."""

from __future__ import annotations

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.network.device_memory import named
from lsbc.emulator.network.program_file import load_program
from lsbc.emulator.network.torch_network import TorchNetwork, one_thread, torch_type


class TorchExportedNetwork(TorchNetwork):
    """The artefact's exported program in channels-last memory, its weights in the type of `precision`."""

    backend = "torch"
    model_file = BACKENDS["torch"].model_file

    def __init__(self, artefact: Artefact, device: str, precision: str = "float32", deterministic: bool = True):
        import torch

        # guards would be Python code from the file; the sizes they check are on the pooling lattice by construction
        module = load_program(artefact, self.model_file).module(check_guards=False)
        with named(device, f"the weights of model '{artefact.name}'"), one_thread(torch):
            module = module.to(device=device, dtype=torch_type(precision)).to(memory_format=torch.channels_last)
        super().__init__(artefact, module, device, precision, deterministic)
