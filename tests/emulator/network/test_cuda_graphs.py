"""The logic of recording and replaying, with a stand-in for torch.cuda that records on the CPU. What a GPU does is not tried here."""

import logging
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from lsbc.emulator.network import cuda_graphs  # noqa: E402
from lsbc.emulator.network.cuda_graphs import GraphedCalls  # noqa: E402


class StandIn:
    """torch.cuda as far as graphs need it: a graph runs what was computed while it was captured, on the same tensors."""

    def __init__(self):
        self.replays, self.current = 0, "main"
        self.capturing, self.fail, self.differ = None, False, False
        self.n_stream = 0

    def Stream(self, device):
        self.n_stream += 1
        return SimpleNamespace(name="side", wait_stream=lambda other: None)

    def current_stream(self, device):
        return SimpleNamespace(name=self.current, wait_stream=lambda other: None)

    @contextmanager
    def stream(self, stream):
        before, self.current = self.current, stream.name
        try:
            yield
        finally:
            self.current = before

    def graph_pool_handle(self):
        return "pool"

    def CUDAGraph(self):
        return SimpleNamespace(replay=None)

    @contextmanager
    def graph(self, graph, pool, stream, capture_error_mode):
        assert (pool, self.current, stream.name, capture_error_mode) == ("pool", "side", "side", "thread_local")
        if self.fail:
            self.current = "lost"
            raise RuntimeError("operation not permitted when stream is capturing\nmore")
        self.capturing = graph
        yield
        self.capturing = None


@pytest.fixture
def setting(monkeypatch):
    cuda = StandIn()
    monkeypatch.setattr(torch, "cuda", cuda)
    launches = []

    def run(channels):
        launches.append(tuple(channels.shape))
        result = channels * 2.0
        if cuda.capturing is not None:
            def replay():
                cuda.replays += 1
                result.copy_(channels * 2.0 + (1.0 if cuda.differ else 0.0))

            cuda.capturing.replay = replay
        return result

    return SimpleNamespace(cuda=cuda, launches=launches, calls=GraphedCalls(run, "cuda:0"))


MEMORY = torch.zeros(3 * 24 * 24)


def batch(value, edge=8, memory=MEMORY):
    """Windows filled with one number, channels last, at the start of one memory that all sizes share."""
    return memory[: 3 * edge * edge].view(1, edge, edge, 3).permute(0, 3, 1, 2).fill_(float(value))


def test_a_shape_is_recorded_when_it_comes_back_and_replayed_from_then_on(setting):
    assert [float(setting.calls(batch(k)).mean()) for k in range(1, 6)] == [2.0, 4.0, 6.0, 8.0, 10.0]
    plain, warm_ups_and_capture = 2, cuda_graphs._WARM_UPS + 1
    assert len(setting.launches) == plain + warm_ups_and_capture and setting.cuda.replays == 1 + 3
    assert setting.cuda.current == "main"


def test_each_shape_has_its_own_graph(setting):
    for _ in range(3):
        assert float(setting.calls(batch(1, 8)).mean()) == 2.0 and float(setting.calls(batch(5, 16)).mean()) == 10.0
    assert len(setting.calls._graphs) == 2


def test_all_graphs_are_recorded_on_one_stream_so_that_they_share_the_pools_memory(setting):
    for edge in (8, 16, 24, 8, 16, 24):
        setting.calls(batch(1, edge))
    assert len(setting.calls._graphs) == 3 and setting.cuda.n_stream == 1


def test_a_shape_in_other_memory_is_not_taken_for_the_recorded_one(setting):
    for _ in range(3):
        setting.calls(batch(1))
    assert float(setting.calls(batch(7, memory=torch.zeros(3 * 8 * 8))).mean()) == 14.0
    assert float(setting.calls(batch(4)).mean()) == 8.0


def test_a_shape_that_comes_once_is_never_recorded(setting):
    for edge in (8, 16, 24):
        setting.calls(batch(1, edge))
    assert setting.launches == [(1, 3, 8, 8), (1, 3, 16, 16), (1, 3, 24, 24)]


def test_large_batches_are_launched_plainly(setting, monkeypatch):
    monkeypatch.setattr(cuda_graphs, "MOST_CELLS", 63)
    for _ in range(4):
        setting.calls(batch(1))
    assert len(setting.launches) == 4


def test_a_capture_that_fails_leaves_right_results_one_line_in_the_log_and_the_stream_as_it_was(setting, caplog):
    setting.cuda.fail = True
    with caplog.at_level(logging.WARNING):
        assert [float(setting.calls(batch(k, edge)).mean()) for edge in (8, 16) for k in (1, 2, 3)] == [2.0, 4.0, 6.0] * 2
    assert [record.message for record in caplog.records] == [
        "no CUDA graph for shape (1, 3, 8, 8), plain launches from now on: RuntimeError: operation not permitted when stream is capturing"]
    assert setting.cuda.current == "main"


def test_a_graph_that_gives_other_bits_is_not_used(setting, caplog):
    setting.cuda.differ = True
    with caplog.at_level(logging.WARNING):
        assert [float(setting.calls(batch(k)).mean()) for k in (1, 2, 3)] == [2.0, 4.0, 6.0]
    assert "gives other bits than plain launches" in caplog.text


def test_a_whole_network_runs_through_graphs(derived_model, monkeypatch):
    import numpy as np

    from lsbc.emulator.network.torch_exported import TorchExportedNetwork

    import network_cases

    network = TorchExportedNetwork(derived_model, "cpu")
    data = [network_cases.noise(1, 96, 96, seed) for seed in range(3)]
    expected = [network(one).copy() for one in data]
    cuda, launch = StandIn(), network._launch

    def recordable(channels):
        result = launch(channels)
        if cuda.capturing is not None:
            cuda.capturing.replay = lambda: result.copy_(launch(channels))
        return result

    monkeypatch.setattr(torch, "cuda", cuda)
    network._run = GraphedCalls(recordable, "cuda:0")
    memory = torch.zeros(data[0].size)
    channels = memory.view(1, 96, 96, 31).permute(0, 3, 1, 2)
    for one, wanted in zip(data * 2, expected * 2):
        channels.copy_(torch.from_numpy(one))
        assert np.array_equal(network.forward(channels).numpy(), wanted)
    assert len(network._run._graphs) == 1
