"""Writes a network in the formats it can run in, as bytes. Knows the network and no data, no cards and no places."""

from __future__ import annotations

import copy
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lsbc.emulator.classes import N_CLASS
from lsbc.emulator.network.face import CHANNEL_BLOCK
from lsbc.training.unet import UNet, fold_batch_norm

OPSET = 18
INPUT, OUTPUT = "channels", "logits"
WEIGHTS = "weights.safetensors"
ONNX, INT8, PT2, TORCHSCRIPT = "unet.onnx", "unet.int8.onnx", "unet.pt2", "unet.ts.pt"
FILE_OF = {"onnx": ONNX, "int8": INT8, "pt2": PT2, "torchscript": TORCHSCRIPT}
"""Name of a format as a user writes it -> file of the artefact."""


def weights_bytes(network: UNet) -> bytes:
    """The state dict in safetensors format; keys as in `UNet` with the batch norms gone."""
    from safetensors.torch import save

    return save({key: value.contiguous() for key, value in network.state_dict().items()})


def read_weights(path: Path, n_channel: int, base_width: int, depth: int, n_step: int = 1) -> UNet:
    """The folded network of an artefact, in evaluation mode."""
    from safetensors.torch import load_file

    network = fold_batch_norm(UNet(n_channel, N_CLASS, base_width, depth, n_step))
    network.load_state_dict(load_file(path))
    return network.eval()


def _example(network: UNet, blocks: tuple[int, int]) -> torch.Tensor:
    return torch.zeros(2, network.down[0][0].in_channels, *(n << network.depth for n in blocks))


def _free_axes(network: UNet) -> dict[int, Any]:
    cell = 1 << network.depth
    free = torch.export.Dim
    return {0: free("batch", min=1), 2: cell * free("row_block", min=2), 3: cell * free("column_block", min=2)}


def in_whole_blocks(network: UNet) -> UNet:
    """A copy whose input channels are filled up to a multiple of 16 by channels of no weight.

    onnxruntime's fast convolutions take channels in blocks of 16; with 31 of them the first layer of the shipped network takes more
    than twice as long as with 32. The component keeps the channels without weight at 0 (`face.BlockedInput`).
    """
    first, head = network.down[0][0], network.head
    n_more = -first.in_channels % CHANNEL_BLOCK
    filled = copy.deepcopy(network)
    for layer, old in ((filled.down[0][0], first), (filled.head, head)):
        layer.in_channels += n_more
        layer.weight = torch.nn.Parameter(torch.nn.functional.pad(old.weight.detach(), (0, 0, 0, 0, 0, n_more)))
    return filled


def filled_up(channels: np.ndarray, n_channel: int) -> np.ndarray:
    """(n, channel, row, column) with channels of 0 behind, `n_channel` of them in all."""
    return np.pad(channels, ((0, 0), (0, n_channel - channels.shape[1]), (0, 0), (0, 0)))


def onnx_bytes(network: UNet) -> bytes:
    """The network as ONNX, float32, with free batch, row and column axes and channels in whole blocks."""
    import onnx

    network = in_whole_blocks(network)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (_example(network, (8, 12)),), buffer, dynamo=False, opset_version=OPSET, input_names=[INPUT],
                          output_names=[OUTPUT], do_constant_folding=True,
                          dynamic_axes={INPUT: {0: "batch", 2: "row", 3: "column"},
                                        OUTPUT: {0: "batch", 3: "row", 4: "column"}})
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def exported_program_bytes(network: UNet) -> bytes:
    """The network as a torch.export program (.pt2) with free batch, row and column axes.

    The example, which the file keeps, is small; where a node came from in the source, with the places of this machine, is left out.
    """
    network = copy.deepcopy(network)
    network.drop = torch.nn.Identity()  # does nothing in use
    for weight in network.parameters():
        weight.data = weight.data.clone(memory_format=torch.contiguous_format)  # the file keeps strides, and training leaves others than reading does
    program = torch.export.export(network, (_example(network, (2, 3)),), dynamic_shapes=(_free_axes(network),))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    ranges = sorted(program.range_constraints.items(), key=lambda item: str(item[0]))  # torch orders them by hashes of this process
    program.range_constraints.clear()
    program.range_constraints.update(ranges)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def torchscript_bytes(network: UNet) -> bytes:
    """The network as frozen TorchScript, traced; torch numbers its class names, so the bytes are the same only where a process does the same again."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.freeze(torch.jit.trace(network, _example(network, (8, 12)))), buffer)
    return buffer.getvalue()
