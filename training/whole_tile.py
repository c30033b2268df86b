"""Names the operators of an ONNX graph that may see a whole tile: norms over space, global pooling, attention. Runs nothing."""

from __future__ import annotations

NORMS_AND_POOLS = {
    "InstanceNormalization": "instance norm", "GroupNormalization": "group norm", "LayerNormalization": "layer norm",
    "MeanVarianceNormalization": "norm over space", "GlobalAveragePool": "global pooling, as in squeeze-and-excite",
    "GlobalMaxPool": "global pooling", "GlobalLpPool": "global pooling", "ReduceMean": "mean over an axis", "ReduceMax": "maximum over an axis",
    "ReduceSum": "sum over an axis", "ReduceL2": "norm over an axis", "Softmax": "softmax, as in attention", "MatMul": "matrix product, as in attention",
    "Gemm": "matrix product", "Attention": "attention", "GRU": "recurrent layer", "LSTM": "recurrent layer",
}


def whole_tile_operators(model: bytes) -> list[str]:
    """`operator (what it is, name of the node)` of every suspicious kind, first node of each, in the graph's order."""
    import onnx

    found: dict[str, str] = {}
    for node in onnx.load_from_string(model).graph.node:
        if node.op_type in NORMS_AND_POOLS:
            found.setdefault(node.op_type, f"{node.op_type} ({NORMS_AND_POOLS[node.op_type]}, node {node.name})")
    return list(found.values())
