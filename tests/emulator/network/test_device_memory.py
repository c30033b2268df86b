"""lsbc.emulator.network.device_memory: who waits for whom, with a stand-in for CUDA that writes down what it is told."""

import contextlib

import numpy as np
import pytest

from lsbc.emulator.network.device_memory import Layout, Queues, Twin, is_memory_error

torch = pytest.importorskip("torch", reason="torch is not installed")


class FakeCuda:
    """torch.cuda's part that `Queues` uses; `log` says what happened in which stream."""

    def __init__(self):
        self.log, self.current = [], "host"
        cuda = self

        class Stream:
            def __init__(self, device):
                self.name = None

            def wait_event(self, event):
                cuda.log.append((self.name, "waits for", event.where))

        class Event:
            def record(self, stream):
                self.where = stream.name
                cuda.log.append((stream.name, "marked", None))

            def synchronize(self):
                cuda.log.append(("host", "waits for", self.where))

        self.Stream, self.Event = Stream, Event

    @contextlib.contextmanager
    def stream(self, stream):
        before, self.current = self.current, stream.name
        yield
        self.current = before

    def synchronize(self, device):
        self.log.append(("host", "waits for", "everything"))


@pytest.fixture
def cuda(monkeypatch):
    fake = FakeCuda()
    for name in ("Stream", "Event", "stream", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, getattr(fake, name))
    monkeypatch.setattr(Queues, "host_bytes", lambda self, n: torch.zeros(n, dtype=torch.uint8))
    return fake


def queues_on(cuda) -> Queues:
    queues = Queues(torch.device("cuda", 0))
    for name, stream in queues._streams.items():
        stream.name = name
    queues.device = torch.device("cpu")  # where the stand-in's memory is
    return queues


def test_a_call_is_computed_after_its_inputs_came_and_fetched_after_it_is_computed(cuda):
    queues = queues_on(cuda)
    inputs, results = Twin(queues), Twin(queues)
    for twin in (inputs, results):
        twin.grow(16)
    cuda.log.clear()
    inputs.host[:] = torch.arange(16, dtype=torch.uint8)
    inputs.send(16)
    with queues.queue("compute"):
        assert cuda.current == "compute"
        results.device.copy_(inputs.device).add_(1)
    assert cuda.current == "host"
    queues.wait(results.fetch(16))
    assert cuda.log == [("to device", "marked", None), ("compute", "waits for", "to device"),
                        ("compute", "marked", None), ("to host", "waits for", "compute"), ("to host", "marked", None), ("host", "waits for", "to host")]
    assert results.host.tolist() == list(range(1, 17))


def test_new_memory_is_zero_before_any_queue_uses_it_and_stays_where_it_is(cuda):
    twin = Twin(queues_on(cuda))
    twin.grow(64)
    assert cuda.log == [("host", "waits for", "everything")]
    before = twin.host.data_ptr(), twin.device.data_ptr()
    twin.grow(32)
    assert (twin.host.data_ptr(), twin.device.data_ptr()) == before and len(cuda.log) == 1
    twin.grow(128)
    assert len(twin.host) == len(twin.device) == 128


def test_on_the_cpu_nothing_waits_and_the_same_calls_work():
    queues = Queues(torch.device("cpu"))
    twin = Twin(queues)
    twin.grow(8)
    twin.host[:] = 7
    twin.send(8)
    queues.wait(twin.fetch(8))
    queues.drain()
    assert twin.host.tolist() == [7] * 8 and queues.free_bytes() is None and queues.peak_bytes(lambda: None) == 0


def test_a_layout_shows_the_same_memory_to_numpy_and_torch():
    layout = Layout.of(a=("float64", (2, 3)), b=("int64", (1,)), c=("float16", (5,)), d=("uint8", (3,)))
    assert layout.n_byte == 48 + 8 + 16 + 8
    memory = np.zeros(layout.n_byte, np.uint8)
    arrays, tensors = layout.arrays(memory), layout.tensors(torch.from_numpy(memory))
    for k, name in enumerate("abcd"):
        arrays[name][...] = k + 1
        assert (tensors[name] == k + 1).all() and tensors[name].shape == arrays[name].shape


@pytest.mark.parametrize(("error", "of_memory"), [
    (MemoryError(), True), (torch.OutOfMemoryError("CUDA out of memory."), True), (RuntimeError("CUDA error: out of memory"), True),
    (torch.AcceleratorError("CUDA error: out of memory"), True), (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
    (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), False), (RuntimeError("size mismatch"), False),
    (ValueError("out of memory"), False)])
def test_memory_errors_are_told_from_others(error, of_memory):
    assert is_memory_error(error) == of_memory
