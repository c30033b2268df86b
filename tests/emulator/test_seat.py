import pytest

from lsbc.emulator.artefact import read_artefact
from lsbc.emulator.config import ModelConfig
from lsbc.emulator.network import together
from lsbc.emulator.seat import take_seat
from lsbc.emulator.windows import Limits
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import DeviceError

import case


@pytest.fixture
def artefact(tmp_path):
    return read_artefact(case.write_artefact(tmp_path))


def test_a_rank_alone_owns_its_network(artefact):
    seat = take_seat(SerialComm(), ModelConfig(backend="onnxruntime"), artefact)
    assert seat.network.backend == "onnxruntime" and seat.group.size == 1 and seat.lost == ""
    assert seat.limits == Limits(576, 1) and "onnxruntime" in seat.facts["network_backend"]
    seat.close()
    assert seat.network is None


def test_a_gpu_that_cannot_be_had_is_replaced_where_the_configuration_says_so(artefact, monkeypatch):
    sound = together.open_network

    def full(artefact, choice, *rest):
        if choice.device == "cuda":
            raise DeviceError("cuda:0 is full")
        return sound(artefact, choice, *rest)

    on_gpu = together.Choice(backend="torch", device="cuda", precision="float32", reason="a test")
    monkeypatch.setattr(together, "open_network", full)
    with monkeypatch.context() as patched:
        patched.setattr(together, "choose", lambda *_: on_gpu)
        with pytest.raises(DeviceError, match="cuda:0 is full"):
            take_seat(SerialComm(), ModelConfig(), artefact)
    first = [on_gpu]
    really = together.choose
    monkeypatch.setattr(together, "choose", lambda *arguments: first.pop() if first else really(*arguments))
    seat = take_seat(SerialComm(), ModelConfig(deterministic=False, cpu_fallback=True), artefact)
    assert seat.lost == "cuda:0 is full" and seat.network.backend == "onnxruntime" and "CPU" in seat.facts["network_device"]
