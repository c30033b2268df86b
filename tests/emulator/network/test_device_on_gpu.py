"""lsbc.emulator.network.device_tiles on a GPU: needs one, and is skipped where there is none."""

import numpy as np
import pytest

from lsbc.emulator.classes import AFTER_DYNAMIC, FIRST_DYNAMIC
from lsbc.emulator.network.device_channels import DeviceChannels, WindowShape
from lsbc.emulator.network.device_memory import Queues
from lsbc.emulator.network.device_tiles import DeviceTiles
from lsbc.emulator.tile_engine import Rectangle
from lsbc.regrid.errors import DeviceError

import torch_case
from torch_case import HALO, RATIO, ConvolutionNetwork, StencilNetwork

torch = pytest.importorskip("torch", reason="torch is not installed")

GPU = "cuda:0"
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")

CORE = 180
WINDOW = CORE + 2 * HALO
CHANNELS = torch_case.artefact(scales=False).channels
CUTS = [(Rectangle(0, 0, 180, 180),), (Rectangle(0, 0, 60, 180), Rectangle(120, 60, 60, 60)), (Rectangle(60, 120, 60, 60), Rectangle(0, 0, 60, 60))]
TILES = [torch_case.tile(k, 177 * k, 20000 + 211 * k, WINDOW, CUTS[k % 3], gap=0.1 * (k % 2)) for k in range(12)]
YEARS = {k: year for k, (_, year) in enumerate(TILES)}


def engine_of(network, batch=3) -> DeviceTiles:
    engine = DeviceTiles(network, CHANNELS, RATIO, CORE, HALO, batch * WINDOW**2)
    engine.load([statics for statics, _ in TILES])
    return engine


def run(engine, want="scores", years=YEARS):
    got = {}
    engine.run(years, want, lambda k, core: got.__setitem__(k, core.copy()))
    return got


def assert_same(first, second):
    for k in first:
        assert first[k].tobytes() == second[k].tobytes(), k


def inside(k):
    mask = np.zeros((CORE, CORE), bool)
    for r in TILES[k][0].windows:
        mask[r.row: r.row + r.rows, r.column: r.column + r.columns] = True
    return mask


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_channels_are_those_of_the_cpu_to_rounding(dtype):
    out, shape = [], WindowShape(2, WINDOW, WINDOW)
    for where in ("cpu", GPU):
        device, kind = torch.device(where), getattr(torch, dtype)
        maker = DeviceChannels(torch_case.artefact().channels, RATIO, device, kind)
        layout = maker.layout(shape, with_statics=False)
        memory = np.zeros(layout.n_byte, np.uint8)
        into = layout.arrays(memory)
        for k in range(2):
            maker.fill(into, k, TILES[k][0], maker.place(shape, TILES[k][0], 0, 0, k, WINDOW), TILES[k][1])
        packed = torch.stack([maker.pack_statics(TILES[k][0].statics, WINDOW) for k in range(2)]).to(device)
        planes = torch.zeros((2, WINDOW, WINDOW, len(CHANNELS)), dtype=kind, device=device)
        maker.assemble(shape, layout.tensors(torch.from_numpy(memory).to(device)), packed.view(-1, maker.n_word), WINDOW, True, planes)
        out.append(planes.float().cpu())
    torch.testing.assert_close(out[1], out[0], rtol={"float32": 1e-6, "float16": 1e-3, "bfloat16": 8e-3}[dtype], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_bits_are_the_same_again_in_another_order_at_other_places_and_in_another_instance(dtype):
    engine = engine_of(ConvolutionNetwork(GPU, dtype))
    first = run(engine)
    assert_same(first, run(engine))
    assert_same(first, run(engine, years=dict(reversed(YEARS.items()))))
    few = {k: YEARS[k] for k in (5, 9, 2)}
    assert_same(run(engine, years=few), first)
    assert_same(first, run(engine_of(ConvolutionNetwork(GPU, dtype))))


def test_classes_are_the_likeliest_of_the_scores():
    engine = engine_of(ConvolutionNetwork(GPU, "float16"))
    scores, classes = run(engine), run(engine, "classes")
    for k in YEARS:
        best = np.argmax(scores[k][FIRST_DYNAMIC:AFTER_DYNAMIC], axis=0) + FIRST_DYNAMIC
        assert np.array_equal(classes[k][inside(k)], best[inside(k)])


def test_float32_is_strict_and_agrees_with_the_cpu():
    on_cpu, on_gpu = run(engine_of(ConvolutionNetwork("cpu"))), run(engine_of(ConvolutionNetwork(GPU)))
    largest = max(np.abs(scores).max() for scores in on_cpu.values())
    for k in YEARS:
        assert np.abs(on_gpu[k] - on_cpu[k]).max() < 1e-5 * largest  # TF32 is off by 1e-3


def test_float16_changes_few_classes():
    on_cpu, on_gpu = run(engine_of(ConvolutionNetwork("cpu")), "classes"), run(engine_of(ConvolutionNetwork(GPU, "float16")), "classes")
    differ = np.mean(np.concatenate([(on_cpu[k] != on_gpu[k])[inside(k)] for k in YEARS]))
    assert differ < 0.005


def test_the_stencil_whose_bits_hang_on_no_batch_agrees_with_numpy():
    got = run(engine_of(StencilNetwork(GPU)))
    for k, (statics, year) in enumerate(TILES):
        for r in statics.windows:
            part = got[k][FIRST_DYNAMIC:AFTER_DYNAMIC, r.row: r.row + r.rows, r.column: r.column + r.columns]
            expected = torch_case.expected_scores(CHANNELS, statics, year, r)[FIRST_DYNAMIC:AFTER_DYNAMIC]
            np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("slow", ["before", "after"])
def test_three_queues_give_what_one_at_a_time_gives(monkeypatch, slow):
    """The network is held up by some milliseconds, so that a copy that does not wait comes too early or too late."""
    network, square = ConvolutionNetwork(GPU), torch.ones((4096, 4096), device=GPU)
    original = network.forward

    def hold_up():
        for _ in range(8):
            torch.mm(square, square)

    def held_up(channels):
        if slow == "before":
            hold_up()
        logits = original(channels)
        if slow == "after":
            hold_up()
        return logits

    network.forward = held_up
    engine = engine_of(network, batch=1)
    together = [run(engine, want) for want in ("scores", "classes", "scores")]
    mark = Queues.mark
    monkeypatch.setattr(Queues, "mark", lambda self, name: [self.drain(), mark(self, name)][1])
    one_by_one = [run(engine, want) for want in ("scores", "classes", "scores")]
    for a, b in zip(together, one_by_one):
        assert_same(a, b)


def test_statics_from_the_host_give_the_same_bits(monkeypatch):
    resident = run(engine_of(ConvolutionNetwork(GPU, "float16")))
    monkeypatch.setattr(Queues, "free_bytes", lambda self: 1 << 20)
    engine = engine_of(ConvolutionNetwork(GPU, "float16"))
    assert not engine.resident
    assert_same(resident, run(engine))


def test_cuda_graphs_change_no_bit():
    graphs = pytest.importorskip("lsbc.emulator.network.cuda_graphs", reason="CUDA graphs are not there")
    plain, recorded = ConvolutionNetwork(GPU, "float16"), ConvolutionNetwork(GPU, "float16")
    recorded.forward = graphs.GraphedCalls(recorded.forward, recorded.torch_device)
    expected, engine = run(engine_of(plain)), engine_of(recorded)
    for _ in range(3):
        assert_same(expected, run(engine))


def test_no_memory_on_the_gpu_is_named_and_the_engine_works_on():
    network = ConvolutionNetwork(GPU)
    original, calls = network.forward, []

    def hungry(channels):
        calls.append(1)
        if len(calls) == 3:
            torch.empty(1 << 50, dtype=torch.uint8, device=GPU)
        return original(channels)

    network.forward = hungry
    engine = engine_of(network)
    with pytest.raises(DeviceError, match=r"cuda:0 is out of memory for \d+ windows of \d+ x \d+ cells: CUDA out of memory"):
        run(engine)
    assert_same(run(engine), run(engine_of(ConvolutionNetwork(GPU))))


def test_a_call_is_sized_by_what_a_window_takes():
    engine = DeviceTiles(ConvolutionNetwork(GPU), CHANNELS, RATIO, CORE, HALO, cells_a_call=0)
    engine.load([statics for statics, _ in TILES])
    one = engine.bytes_per_window(WINDOW, WINDOW)
    assert one > WINDOW**2 * 32 * 4  # the first layer's planes, at least
    assert engine.cells_a_call >= WINDOW**2
    run(engine)
