"""Turns a trained network into the artefact directory: weights, network formats that passed their checks, and the card.

The artefact holds the network with batch norm folded into the convolutions; the run's checkpoint keeps it unfolded.
"""

from __future__ import annotations

import datetime
import json
import logging
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.regrid.errors import ModelError
from lsbc.training import formats as make
from lsbc.training.card import compose, to_toml
from lsbc.training.config import TrainingConfig
from lsbc.training.data import LandData
from lsbc.training.export_checks import CONTEXT_CORE, Checks, measured_halo, onnx_must_pass
from lsbc.training.export_tiles import calibration_tiles, real_tiles
from lsbc.training.files import sha256_of, write_atomically
from lsbc.training.formats import FILE_OF, INT8, ONNX, OPSET, PT2, WEIGHTS, read_weights
from lsbc.training.patches import channel_list
from lsbc.training.precision import random_tiles
from lsbc.training.predict import torch_network
from lsbc.training.quantise import float_layers, quantised_bytes
from lsbc.training.unet import UNet, fold_batch_norm

log = logging.getLogger(__name__)

CARD = "model.toml"
LIMIT_BYTES = 8_000_000
"""No file of an artefact may be larger."""


@dataclass(frozen=True)
class Exported:
    """Where the card is, what it says, and a sentence for every file or precision that did not pass."""

    path: Path
    card: dict[str, Any]
    failed: tuple[str, ...]


def _over_limit(name: str, blob: bytes) -> str:
    return f"{name} would have {len(blob)} bytes; an artefact's files have at most {LIMIT_BYTES}" if len(blob) > LIMIT_BYTES else ""


def _make(file: str, network: UNet, model: bytes, calibration: np.ndarray | None, checks: Checks) -> bytes | None:
    """The content of one further file if it passes, else None with the reason noted in `checks`."""
    if file != INT8:
        blob = make.exported_program_bytes(network) if file == PT2 else make.torchscript_bytes(network)
        if why := _over_limit(file, blob):
            checks.failed.append(f"{why}; it is not written.")
            return None
        return None if checks.judge(file, blob) else blob
    choices = float_layers(model)
    for keep in choices:
        blob = quantised_bytes(model, calibration, keep)
        if not checks.judge(file, blob, {"float32_layers": list(keep)}, quiet=keep != choices[-1]):
            return blob
    return None


def _write(directory: Path, content: Mapping[str, bytes], card: dict[str, Any]) -> None:
    """Write the files, note them in the card, and write it last, so that it never names a missing file."""
    for name, blob in content.items():
        write_atomically(directory / name, blob)
        card["files"][name] = {"sha256": sha256_of(directory / name), "bytes": len(blob)}
    write_atomically(directory / CARD, to_toml(card).encode())
    for name in {*FILE_OF.values()} - set(card["files"]):
        (directory / name).unlink(missing_ok=True)


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
                    checkpoint_sha256: str) -> Exported:
    """Write the artefact directory: weights, ONNX, the exported program, and those of `export.formats` that pass.

    Raises:
        ModelError: the network sees whole tiles, a file is too large, or ONNX does not compute what torch does; nothing is written then.
    """
    network = fold_batch_norm(trained)
    content = {WEIGHTS: make.weights_bytes(network), ONNX: make.onnx_bytes(network)}
    for name, blob in content.items():
        if why := _over_limit(name, blob):
            raise ModelError(f"{why}.")
    channels = channel_list(config.samples.steps)
    halo = measured_halo(content[ONNX], len(channels), config.network.depth)
    checks = Checks(torch_network(network), real_tiles(data, config, halo), config.network.depth)
    onnx_must_pass(checks, content[ONNX])
    for file in (PT2, *(FILE_OF[name] for name in config.export.formats)):
        calibration = calibration_tiles(data, config) if file == INT8 else None
        if (blob := _make(file, network, content[ONNX], calibration, checks)) is not None:
            content[file] = blob
    trained_on = {**trained_on, "checkpoint_sha256": checkpoint_sha256, "date": datetime.date.today().isoformat()}
    card = compose(config, channels, network=_network_table(network, config, halo), trained=trained_on, precision=checks.tables,
                   scores=_scores_of(config, checkpoint_sha256), files={})
    _write(config.export.directory, content, card)
    return Exported(config.export.directory / CARD, card, tuple(checks.failed))


def _checked_formats(formats: Iterable[str], has_maps: bool) -> tuple[str, ...]:
    formats = tuple(formats)
    known = [name for name in FILE_OF if name != "onnx"]
    for name in formats:
        if name not in known:
            raise ModelError(f"Format {name!r} is unknown; lsbc writes {', '.join(known)}.")
        if name == "int8" and not has_maps:
            raise ModelError("Format 'int8' needs maps to set the ranges of its numbers: name a training configuration with --config, and with --data where they are.")
    return formats


def _same_inputs(card: Mapping[str, Any], config: TrainingConfig) -> None:
    channels = [asdict(channel) for channel in channel_list(config.samples.steps)]
    if card["channels"] != channels or (card["network"]["depth"], card["network"]["core"]) != (config.network.depth, config.network.core):
        raise ModelError(f"Model '{card['name']}' has other channels, depth or core than the networks of {config.path.name}; name the configuration it was trained with.")


def derived_formats(artefact: Path, target: Path, formats: Iterable[str], maps: tuple[LandData, TrainingConfig] | None = None) -> Exported:
    """Make other formats from the weights of an artefact; a `target` elsewhere gets a copy of its files first.

    Args:
        maps: land and configuration to compare on; without them random numbers are compared on, and only float32 is judged.
    Raises:
        ModelError: a format is unknown or needs maps, or files that are used or copied are not the ones the card names.
    """
    formats = _checked_formats(formats, maps is not None)
    card = tomllib.loads((artefact / CARD).read_text())
    for name in (WEIGHTS, ONNX) if target == artefact else card["files"]:
        found, named = sha256_of(artefact / name), card["files"][name]["sha256"]
        if found != named:
            raise ModelError(f"{artefact / name} has sha256 {found}; its card names {named}.")
    shape, n_channel = card["network"], len(card["channels"])
    network = read_weights(artefact / WEIGHTS, n_channel, shape["base_width"], shape["depth"], shape["steps"])
    if maps is not None:
        _same_inputs(card, maps[1])
    tiles = random_tiles(n_channel, shape["halo"], CONTEXT_CORE) if maps is None else real_tiles(*maps, shape["halo"])
    checks = Checks(torch_network(network), tiles, shape["depth"], only_float32=maps is None)
    content = {} if target == artefact else {name: (artefact / name).read_bytes() for name in card["files"]}
    for file in (FILE_OF[name] for name in formats):
        calibration = calibration_tiles(*maps) if file == INT8 else None
        if (blob := _make(file, network, (artefact / ONNX).read_bytes(), calibration, checks)) is not None:
            content[file] = blob
    card["precision"] = card.get("precision", {}) | checks.tables
    _write(target, content, card)
    return Exported(target / CARD, card, tuple(checks.failed))


def derive_formats(artefact: Path, target: Path, formats: Iterable[str]) -> Path:
    """`derived_formats` without maps; the path of the card."""
    return derived_formats(artefact, target, formats).path
