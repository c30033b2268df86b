"""Turns a float32 ONNX file into one with 8-bit integer convolutions. Knows the graph and calibration tiles, nothing of land use.

Quantise-dequantise pairs around 3x3 convolutions and poolings; weights with one scale per output channel and seven bits, so that the
sums are right on CPUs without VNNI as well. Layers that meet the channels themselves stay in float32: the channels' ranges differ by orders of
magnitude (a yearly change of a fraction beside a flag), and eight bits for all of them together lose the small ones.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lsbc.training.formats import INPUT, filled_up


def float_layers(model: bytes) -> tuple[tuple[str, ...], ...]:
    """Choices of convolutions to leave in float32, fewest first: the first stage and the head; also the last stage."""
    import onnx

    names = [node.name for node in onnx.load_from_string(model).graph.node if node.op_type == "Conv"]
    first_stage, last_stage, head = names[:2], names[-3:-1], names[-1:]
    return ((*first_stage, *head), (*first_stage, *last_stage, *head))


def quantised_bytes(model: bytes, tiles: np.ndarray, keep: tuple[str, ...]) -> bytes:
    """The model with int8 convolutions but those in `keep`.

    Args:
        model: float32 ONNX.  tiles: (tile, channel, row, col) float32 that set the ranges; values beyond them are cut off later.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    class Tiles(CalibrationDataReader):
        """One tile after the other."""

        def __init__(self) -> None:
            self.left: Iterator[np.ndarray] = iter(tiles)

        def get_next(self) -> dict[str, np.ndarray] | None:
            tile = next(self.left, None)
            return None if tile is None else {INPUT: filled_up(tile[None], n_channel)}

    graph = onnx.load_from_string(model)
    n_channel = graph.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    add_pre_process_metadata(graph)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "int8.onnx"
        quantize_static(graph, path, Tiles(), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv", "MaxPool"], per_channel=True,
                        reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=list(keep),
                        calibrate_method=CalibrationMethod.MinMax)
        quantised = onnx.load(path)
    onnx.checker.check_model(quantised)
    return quantised.SerializeToString(deterministic=True)
