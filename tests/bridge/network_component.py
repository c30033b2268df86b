"""A component whose step runs sigmoid, silu and softmax on inputs that overflow inside them. Never learns land use.

Selected by LSBC_COMPONENT=network_component:NetworkComponent. NETWORK = onnxruntime or torch is the library that computes.
It has two threads in the first step, one in the second, then two. A wrong result is an InternalError, so that a step that says it is done has computed.
"""

import os

import numpy as np

from lsbc.regrid.errors import InternalError

import fake_component

N_ROW, N_COLUMN = 300, 1000
"""Enough for a library to share the work among its threads."""


def inputs():
    """Ordinary ones times 50, and rows from -500 to 500: exp of them is infinite in single precision."""
    random = np.random.default_rng(3).normal(size=(N_ROW, N_COLUMN)) * 50.0
    random[::7] = np.linspace(-500.0, 500.0, N_COLUMN)
    return random.astype(np.float32)


def expected(x):
    """Sigmoid, silu and softmax of each row, in double precision."""
    x = x.astype(np.float64)
    sigmoid = np.where(x >= 0, 1.0, np.exp(-np.abs(x))) / (1.0 + np.exp(-np.abs(x)))
    weight = np.exp(x - x.max(axis=1, keepdims=True))
    return sigmoid, x * sigmoid, weight / weight.sum(axis=1, keepdims=True)


def onnxruntime_network(n_thread):
    import onnxruntime
    from onnx import TensorProto, helper

    nodes = [helper.make_node("Sigmoid", ["x"], ["sigmoid"]), helper.make_node("Mul", ["x", "sigmoid"], ["silu"]),
             helper.make_node("Softmax", ["x"], ["softmax"], axis=1)]
    shape = ["row", "column"]
    graph = helper.make_graph(nodes, "traps", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("sigmoid", "silu", "softmax")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_thread
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})


def torch_network(n_thread):
    import torch

    def run(x):
        torch.set_num_threads(n_thread)
        x = torch.from_numpy(x)
        return [y.numpy() for y in (torch.sigmoid(x), torch.nn.functional.silu(x), torch.softmax(x, dim=1))]

    return run


class NetworkComponent(fake_component.FakeComponent):
    """See the module."""

    @classmethod
    def create(cls, config_path, comm):
        component = super().create(config_path, comm)
        make = {"onnxruntime": onnxruntime_network, "torch": torch_network}[os.environ["NETWORK"]]
        component.networks = [make(1), make(2)]
        return component

    def _step(self, year):
        super()._step(year)
        network = self.networks[year % 2]
        x = inputs()
        for name, is_now, must_be in zip(("sigmoid", "silu", "softmax"), network(x), expected(x), strict=True):
            if not np.allclose(is_now, must_be, rtol=1e-5, atol=1e-4):
                raise InternalError(f"{name} is wrong.")
