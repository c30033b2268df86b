"""Turns a trained network into the artefact directory: weights, ONNX and card, and other formats on request.

The artefact holds the network with batch norm folded into the convolutions; the run's checkpoint keeps it unfolded.
"""

from __future__ import annotations

import datetime
import io
import json
import tomllib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lsbc.emulator.channels import Window
from lsbc.emulator.classes import N_CLASS, NO_DATA
from lsbc.regrid.errors import ConfigError, ModelError
from lsbc.training.card import compose, to_toml
from lsbc.training.cases import one_prior
from lsbc.training.config import TrainingConfig
from lsbc.training.data import LandData
from lsbc.training.files import sha256_of, write_atomically
from lsbc.training.halo import exact_halo
from lsbc.training.holdout import test_pairs
from lsbc.training.patches import DriverTable, PatchInputs, channel_list, cut, patch_channels
from lsbc.training.predict import Network, torch_network
from lsbc.training.unet import UNet, fold_batch_norm

OPSET = 18
INPUT, OUTPUT = "channels", "logits"
WEIGHTS, ONNX, CARD = "weights.safetensors", "unet.onnx", "model.toml"
LIMIT_BYTES = 8_000_000
"""No file of an artefact may be larger."""


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


def _example(network: UNet) -> torch.Tensor:
    n_channel = network.down[0][0].in_channels
    return torch.zeros(2, n_channel, 8 << network.depth, 12 << network.depth)


def _free_axes(network: UNet) -> dict[int, Any]:
    cell = 1 << network.depth
    free = torch.export.Dim
    return {0: free("batch", min=1), 2: cell * free("row_block", min=2), 3: cell * free("column_block", min=2)}


def onnx_bytes(network: UNet) -> bytes:
    """The network as ONNX, float32, with free batch, row and column axes."""
    import onnx

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (_example(network),), buffer, dynamo=False, opset_version=OPSET, input_names=[INPUT],
                          output_names=[OUTPUT], do_constant_folding=True,
                          dynamic_axes={INPUT: {0: "batch", 2: "row", 3: "column"},
                                        OUTPUT: {0: "batch", 3: "row", 4: "column"}})
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def exported_program_bytes(network: UNet) -> bytes:
    """The network as a torch.export program (.pt2) with free batch, row and column axes."""
    program = torch.export.export(network, (_example(network),), dynamic_shapes=(_free_axes(network),))
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def torchscript_bytes(network: UNet) -> bytes:
    """The network as frozen TorchScript, traced."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.freeze(torch.jit.trace(network, _example(network))), buffer)
    return buffer.getvalue()


FORMATS = {"pt2": ("unet.pt2", exported_program_bytes), "torchscript": ("unet.ts.pt", torchscript_bytes)}


def onnx_network(model: bytes | Path) -> Network:
    """An ONNX model as a function of numpy arrays, one thread, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    content = model if isinstance(model, bytes) else str(model)
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda x: session.run([OUTPUT], {INPUT: x})[0]


def real_tiles(data: LandData, config: TrainingConfig, window_cells: int, count: int = 4) -> np.ndarray:
    """Windows of the last test pair spread over the region, 60 % of the prior hidden; (count, channel, n, n)."""
    rng = np.random.default_rng(config.run.seed)
    cells = np.argwhere(data.valid)
    pairs = test_pairs(data, config.split)
    if not pairs:
        raise ConfigError(f"split.test_years {config.split.test_years} are not in the data, which hold {data.years[0]} to {data.years[-1]}.")
    driver, years, out = DriverTable(data), pairs[-1], []
    for row, col in cells[np.linspace(0, len(cells) - 1, count + 2).astype(int)[1:-1]]:
        window = Window(data.row0 + int(row) - window_cells // 2, data.col0 + int(col) - window_cells // 2, window_cells)
        prior = cut(data.map_of(years[0]), window.row0 - data.row0, window.col0 - data.col0, window_cells, NO_DATA)
        case = one_prior(years, prior, rng.random((window_cells, window_cells)) >= 0.6)
        out.append(patch_channels(data, driver, channel_list(config.samples.steps), PatchInputs(window, case)))
    return np.stack(out)


def compare(reference: Network, other: Network, tiles: np.ndarray) -> dict[str, float]:
    """Largest logit difference and share of changed classes of two runtimes, one tile at a time."""
    largest, changed = 0.0, []
    for tile in tiles:
        expected, got = reference(tile[None]), other(tile[None])
        largest = max(largest, float(np.abs(expected - got).max()))
        changed.append(float((expected.argmax(axis=2) != got.argmax(axis=2)).mean()))
    return {"largest_logit_difference": largest, "changed_class_share": float(np.mean(changed)), "tiles": len(tiles)}


def derive_formats(artefact: Path, target: Path, formats: tuple[str, ...]) -> Path:
    """Make other formats from the weights of an artefact; a `target` elsewhere gets a copy of its files first.

    Raises:
        ModelError: a format is unknown, or the weights are not the ones the card names.
    """
    unknown = sorted(set(formats) - set(FORMATS))
    if unknown:
        raise ModelError(f"Format {unknown[0]!r} is unknown; lsbc writes {', '.join(FORMATS)}.")
    card = tomllib.loads((artefact / CARD).read_text())
    found, named = sha256_of(artefact / WEIGHTS), card["files"][WEIGHTS]["sha256"]
    if found != named:
        raise ModelError(f"{artefact / WEIGHTS} has sha256 {found}; its card names {named}.")
    network = read_weights(artefact / WEIGHTS, len(card["channels"]), card["network"]["base_width"], card["network"]["depth"],
                           card["network"]["steps"])
    content = {} if target == artefact else {name: (artefact / name).read_bytes() for name in card["files"]}
    content |= {name: make(network) for name, make in (FORMATS[wish] for wish in formats)}
    for name, blob in content.items():
        write_atomically(target / name, blob)
        card["files"][name] = {"sha256": sha256_of(target / name), "bytes": len(blob)}
    write_atomically(target / CARD, to_toml(card).encode())
    return target / CARD


def _scores_of(config: TrainingConfig, checkpoint_sha256: str) -> Mapping[str, Any]:
    """The scores evaluate wrote for this very checkpoint; empty if there are none."""
    path = config.run.directory / "scores.json"
    if not path.is_file():
        return {}
    found = json.loads(path.read_text())
    return found["scores"] if found["checkpoint_sha256"] == checkpoint_sha256 else {}


def _network_table(network: UNet, config: TrainingConfig, halo: int) -> dict[str, Any]:
    return {"architecture": "unet", "base_width": config.network.base_width, "depth": config.network.depth, "halo": halo,
            "core": config.network.core, "window": config.network.core + 2 * halo, "batch": config.network.batch,
            "steps": config.samples.steps, "parameters": sum(weight.numel() for weight in network.parameters()), "opset": OPSET}


def export_artefact(trained: UNet, data: LandData, config: TrainingConfig, trained_on: Mapping[str, Any],
                    checkpoint_sha256: str) -> dict[str, Any]:
    """Write the artefact directory and return its card. A card is written last, so it never names a missing file."""
    network = fold_batch_norm(trained)
    content = {WEIGHTS: weights_bytes(network), ONNX: onnx_bytes(network)}
    content |= {name: make(network) for name, make in (FORMATS[wish] for wish in config.export.formats)}
    for name, blob in content.items():
        if len(blob) > LIMIT_BYTES:
            raise ModelError(f"{name} would have {len(blob)} bytes; an artefact's files have at most {LIMIT_BYTES}.")
    in_onnx, in_torch = onnx_network(content[ONNX]), torch_network(network)
    channels = channel_list(config.samples.steps)
    halo = exact_halo(in_onnx, len(channels), 1 << config.network.depth)
    table = _network_table(network, config, halo)
    precision = compare(in_torch, in_onnx, real_tiles(data, config, table["window"]))
    for name, blob in content.items():
        write_atomically(config.export.directory / name, blob)
    files = {name: {"sha256": sha256_of(config.export.directory / name), "bytes": len(blob)} for name, blob in content.items()}
    trained_on = {**trained_on, "checkpoint_sha256": checkpoint_sha256, "date": datetime.date.today().isoformat()}
    card = compose(config, channels, network=table, trained=trained_on, precision={"onnx_vs_torch": precision},
                   scores=_scores_of(config, checkpoint_sha256), files=files)
    write_atomically(config.export.directory / CARD, to_toml(card).encode())
    return card
