"""What tests of the network backends share: the shipped model in every format, and the ways in which bits must not change."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lsbc.emulator.artefact import Artefact, locate, read_artefact
from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.emulator.network.face import CHANNEL_BLOCK

EXACT_HALO = read_artefact(locate("shipped:bavaria30", Path())).halo
ADMITTED = ("onnxruntime_int8", "openvino_bfloat16", "openvino_int8", "torch_bfloat16", "torch_float16")


def admitted(artefact: Artefact) -> Artefact:
    """The artefact with a card that says that every precision passed its test."""
    tables = {entry: {"passed": True} for entry in ADMITTED}
    return replace(artefact, card=artefact.card | {"precision": tables})


def derived(folder: Path, *formats: str) -> Artefact:
    """The shipped model with further formats, made from its weights; all precisions admitted."""
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    from lsbc.training.export import derive_formats

    derive_formats(locate("shipped:bavaria30", folder), folder, formats)
    return admitted(read_artefact(folder))


def quantised(folder: Path) -> Artefact:
    """The shipped model with its convolutions in int8 (unet.int8.onnx), calibrated on noise; only good for comparing bits and rough values."""
    pytest.importorskip("onnx", reason="onnx is not installed")
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Noise(CalibrationDataReader):
        left = [noise(1, 96, 96, seed) for seed in range(2)]

        def get_next(self):
            return {"channels": in_whole_blocks(self.left.pop())} if self.left else None

    shutil.copytree(locate("shipped:bavaria30", folder), folder, dirs_exist_ok=True)
    path = folder / "unet.int8.onnx"
    quantize_static(str(folder / "unet.onnx"), str(path), Noise(), per_channel=True, weight_type=QuantType.QInt8)
    artefact = read_artefact(folder)
    return admitted(replace(artefact, files=artefact.files | {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}))


def in_whole_blocks(batch: np.ndarray) -> np.ndarray:
    """(n, channel, rows, columns) with channels of 0 behind, as many as the file takes."""
    return np.pad(batch, ((0, 0), (0, -batch.shape[1] % CHANNEL_BLOCK), (0, 0), (0, 0)))


def noise(n: int, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """float32 (n, channel, rows, columns) in 0..1."""
    return np.random.default_rng(seed).random((n, len(CHANNEL_NAMES), rows, columns), np.float32)


def check_neighbours_in_a_batch(network, edge: int = 96) -> None:
    """A window's logits depend neither on the other windows of its batch nor on its place among them, nor on what was computed before."""
    batch = noise(3, edge, edge)
    first = network(batch).copy()
    assert np.isfinite(first).all() and np.array_equal(network(batch), first)
    network(noise(1, edge, edge + 16, seed=3))
    assert np.array_equal(network(batch), first)
    assert np.array_equal(network(batch[::-1].copy()), first[::-1])
    others = noise(3, edge, edge, seed=1)
    others[1] = batch[1]
    assert np.array_equal(network(others)[1], first[1])


def check_context(network, shift: int = 16) -> None:
    """With the exact halo around it, a core comes out with the same bits from the middle of a larger window."""
    large = noise(1, 160 + 2 * shift, 144 + 3 * shift)
    small = large[:, :, shift: shift + 160, 2 * shift: 2 * shift + 144].copy()
    inside = network(large)[..., shift + EXACT_HALO: shift + 160 - EXACT_HALO, 2 * shift + EXACT_HALO: 2 * shift + 144 - EXACT_HALO].copy()
    assert np.array_equal(network(small)[..., EXACT_HALO:-EXACT_HALO, EXACT_HALO:-EXACT_HALO], inside)


def convolution(batch: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """3 x 3 convolution with zeros around, in float64: (n, channel, y, x), (out, channel, 3, 3) -> (n, out, y, x)."""
    padded = np.pad(batch.astype(np.float64), ((0, 0), (0, 0), (1, 1), (1, 1)))
    n_row, n_column = batch.shape[2:]
    return sum(np.einsum("oc,ncyx->noyx", kernel[:, :, a, b].astype(np.float64), padded[:, :, a: a + n_row, b: b + n_column]) for a in range(3) for b in range(3))
