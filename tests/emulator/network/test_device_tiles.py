"""lsbc.emulator.network.device_tiles on torch's CPU device: the bits of one window at a time in numpy, whatever the order, the batch and the slot."""

import logging
import time
import weakref
from dataclasses import replace

import numpy as np
import pytest

from lsbc.emulator.classes import AFTER_DYNAMIC, FIRST_DYNAMIC, GROUPS, N_CLASS
from lsbc.emulator.host_tiles import HostTiles
from lsbc.emulator.network import device_calls, device_tiles
from lsbc.emulator.network.device_memory import Queues, Twin, named
from lsbc.emulator.network.device_tiles import DeviceTiles
from lsbc.emulator.tile_engine import Rectangle, TileStatics, TileYear
from lsbc.emulator.windows import GPU_CELLS_A_CALL
from lsbc.regrid.errors import DeviceError, GridError, InternalError

import case
import torch_case
from torch_case import HALO, RATIO, HostStencil, StencilNetwork

torch = pytest.importorskip("torch", reason="torch is not installed")

CORE = 60
WINDOW = CORE + 2 * HALO
CHANNELS = torch_case.artefact().channels
RECTANGLES = [(Rectangle(0, 0, 60, 60),), (Rectangle(0, 0, 20, 60), Rectangle(20, 30, 40, 30)), (),
              (Rectangle(40, 0, 20, 60), Rectangle(0, 0, 20, 20), Rectangle(0, 30, 20, 20)), (Rectangle(0, 0, 60, 60),), (Rectangle(20, 20, 20, 20),)]
ORIGINS = [(58, 28), (-2, -2), (118, 28), (21538, 43198), (16438, 22618), (178, -62)]
TILES = [torch_case.tile(k, *origin, WINDOW, windows, gap=0.1 * (k % 3)) for k, (origin, windows) in enumerate(zip(ORIGINS, RECTANGLES))]
TILES[2] = replace(TILES[2][0], statics={}), TILES[2][1]  # nothing is computed of it, so nobody asks for them
YEARS = {k: year for k, (_, year) in enumerate(TILES)}


def engine_of(network=None, batch=2, tiles=TILES) -> DeviceTiles:
    engine = DeviceTiles(network or StencilNetwork(), CHANNELS, RATIO, CORE, HALO, batch * WINDOW**2)
    engine.load([statics for statics, _ in tiles])
    return engine


def run(engine, want="scores", years=YEARS):
    """What is delivered, by position; every position once."""
    got = {}

    def deliver(k, core):
        assert k not in got
        got[k] = core.copy()
        core[...] = 99  # the array may be reused, by anybody

    engine.run(years, want, deliver)
    return got


def expected(k, want="scores", tiles=TILES):
    statics, year = tiles[k]
    scores, classes = np.zeros((N_CLASS, CORE, CORE), np.float32), np.zeros((CORE, CORE), np.uint8)
    for r in statics.windows:
        inside = slice(r.row, r.row + r.rows), slice(r.column, r.column + r.columns)
        dynamic = torch_case.expected_scores(CHANNELS, statics, year, r)[FIRST_DYNAMIC:AFTER_DYNAMIC]
        scores[FIRST_DYNAMIC:AFTER_DYNAMIC, *inside] = dynamic
        classes[inside] = np.argmax(dynamic, axis=0) + FIRST_DYNAMIC
    return scores if want == "scores" else classes


def assert_as_expected(got, want="scores", years=YEARS):
    assert sorted(got) == sorted(years)
    for k, core in got.items():
        assert core.tobytes() == expected(k, want).tobytes(), k


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("want", ["scores", "classes"])
def test_tiles_have_the_bits_of_one_window_at_a_time_in_numpy(want, batch):
    assert_as_expected(run(engine_of(batch=batch), want), want)


def test_calls_of_one_window_size_have_one_number_of_windows_and_the_last_is_filled_up():
    network = StencilNetwork()
    engine = engine_of(network, batch=2)
    run(engine)
    # 2 x 64 x 64 cells a call: 2 whole windows, 5 of 24 x 64, 5 of 44 x 34, 14 of 24 x 24
    assert sorted(set(network.shapes)) == [(2, len(CHANNELS), 64, 64), (5, len(CHANNELS), 24, 64), (5, len(CHANNELS), 44, 34), (14, len(CHANNELS), 24, 24)]
    assert (engine.n_window, engine.n_padding) == (2 + 5 + 5 + 14, 0 + 3 + 4 + 11)


def test_the_order_of_tiles_changes_no_bit():
    engine = engine_of()
    for order in ([5, 4, 3, 2, 1, 0], [3, 0, 5, 1, 4, 2]):
        assert_as_expected(run(engine, years={k: YEARS[k] for k in order}))


def test_some_of_the_tiles_may_be_run():
    years = {k: YEARS[k] for k in (4, 1)}
    assert_as_expected(run(engine_of(), "classes", years), "classes", years)


def test_the_two_slots_are_used_again_and_again():
    engine = engine_of(batch=1)
    for want in ("classes", "scores", "classes", "scores"):
        assert_as_expected(run(engine, want), want)
    assert engine.n_window > 40


@pytest.mark.parametrize("want", ["scores", "classes"])
def test_the_host_s_engine_gives_the_same_tiles(want):
    host = HostTiles(HostStencil(), CHANNELS, RATIO, CORE, HALO, 2 * WINDOW**2)
    host.load([statics for statics, _ in TILES])
    ours, theirs = run(engine_of(), want), run(host, want)
    for k, (statics, _) in enumerate(TILES):
        for r in statics.windows:
            inside = slice(r.row, r.row + r.rows), slice(r.column, r.column + r.columns)
            dynamic = (slice(FIRST_DYNAMIC, AFTER_DYNAMIC), *inside) if want == "scores" else inside
            assert ours[k][dynamic].tobytes() == theirs[k][dynamic].tobytes()


def test_the_map_is_that_of_the_closed_form_without_tiles():
    previous = case.first_map()[:180, :180]
    halo_map = np.full((180 + 2 * HALO,) * 2, 255, np.uint8)
    halo_map[HALO:-HALO, HALO:-HALO] = previous
    coarse, delta = np.array([0.05, 0.4, 0.15, 0.25, 0.1, 0.05]), np.array([0.01, -0.02, 0.0, 0.01, 0.0, 0.0])
    ones = np.ones((6, 5, 5))
    now, following = coarse[:, None, None] * ones, (coarse + delta)[:, None, None] * ones
    flat = {name: np.zeros((WINDOW, WINDOW), np.float32) for name in ("elevation", "slope", "northness", "human_footprint", "koppen", "land")}
    tiles = []
    for row, column in ((r, c) for r in (0, 60, 120) for c in (0, 60, 120)):
        tiles.append((TileStatics(len(tiles), row - HALO, column - HALO, flat, (row - HALO) // 30 - 1, (column - HALO) // 30 - 1, RECTANGLES[0]),
                      TileYear(halo_map[row: row + WINDOW, column: column + WINDOW], now, following, np.ones((5, 5), bool))))
    engine = DeviceTiles(StencilNetwork(), torch_case.artefact(scales=False).channels, RATIO, CORE, HALO, 4 * WINDOW**2)
    engine.load([statics for statics, _ in tiles])
    got = run(engine, "classes", {k: year for k, (_, year) in enumerate(tiles)})
    everywhere = np.ones((len(GROUPS), 180, 180))
    best = case.expected_year(previous, coarse[:, None, None] * everywhere, delta[:, None, None] * everywhere)
    ours = np.block([[got[3 * i + j] for j in range(3)] for i in range(3)])
    dynamic = ~np.isin(previous, (0, 7, 255))
    assert dynamic.mean() > 0.9 and np.array_equal(ours[dynamic], best[dynamic])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_scores_of_a_network_in_half_precision_arrive_in_float32_as_they_are(dtype):
    network, seen = StencilNetwork(dtype=dtype), []
    original = network.forward
    network.forward = lambda channels: seen.append(original(channels).clone()) or seen[-1]
    engine = engine_of(network, batch=1, tiles=TILES[:1])
    got = run(engine, years={0: YEARS[0]})[0]
    inner = slice(HALO, -HALO)
    assert got.dtype == np.float32
    assert np.array_equal(got[FIRST_DYNAMIC:AFTER_DYNAMIC], seen[0][0, 0, FIRST_DYNAMIC:AFTER_DYNAMIC, inner, inner].float().numpy())
    rounding = {"float16": 0.003, "bfloat16": 0.02}[dtype]
    assert np.abs(got - expected(0)).max() < rounding * np.abs(expected(0)).max()


def test_of_equal_scores_the_lowest_class_is_taken():
    network = StencilNetwork()
    network.forward = lambda channels: torch.zeros((len(channels), 1, N_CLASS, *channels.shape[2:]))
    got = run(engine_of(network, tiles=TILES[:1]), "classes", {0: YEARS[0]})[0]
    assert (got == FIRST_DYNAMIC).all()


def test_statics_that_do_not_fit_stay_on_the_host_and_the_log_says_so(monkeypatch, caplog):
    resident = engine_of()
    monkeypatch.setattr(Queues, "free_bytes", lambda self: 1 << 20)
    caplog.set_level(logging.WARNING)
    engine = engine_of()
    assert resident.resident and not engine.resident
    assert "statics of 5 tiles take" in caplog.text and "travel from the host every year" in caplog.text
    assert_as_expected(run(engine))
    run(resident)
    cells = 2 * 64 * 64 + 5 * 24 * 64 + 5 * 44 * 34 + 14 * 24 * 24
    once = 5 * WINDOW**2 * 5 * 8  # five tiles with rectangles, nine channels of 4 bytes in five words
    assert engine.n_byte["to device"] - (resident.n_byte["to device"] - once) == cells * 5 * 8


def test_one_byte_a_core_cell_comes_back_with_classes():
    engine = engine_of()
    run(engine, "classes")
    calls = [(2, 60, 60), (5, 20, 60), (5, 40, 30), (14, 20, 20)]
    assert engine.n_byte["to host"] == sum(n * rows * columns + -(-4 * n // 8) * 8 for n, rows, columns in calls)


def test_cores_that_wait_for_their_last_window_are_not_kept_without_end(monkeypatch):
    monkeypatch.setattr(device_calls, "OPEN_BYTES", 1)
    pairs = (Rectangle(0, 0, 60, 30), Rectangle(0, 30, 60, 20))
    tiles = [torch_case.tile(20 + k, 60 * k, 0, WINDOW, pairs if k % 2 else (pairs[0], Rectangle(0, 40, 20, 20))) for k in range(8)]
    network, most = StencilNetwork(), []
    put = device_calls.Cores.put
    monkeypatch.setattr(device_calls.Cores, "put", lambda self, *rest: [put(self, *rest), most.append(len(self._open))][0])
    engine = engine_of(network, batch=3, tiles=tiles)
    got = run(engine, years={k: year for k, (_, year) in enumerate(tiles)})
    assert all(np.array_equal(got[k], expected(k, tiles=tiles)) for k in range(8))
    assert max(most) < 8


# -- what can go wrong -----------------------------------------------------------------------------------------------------------


def spoil(network, change, call=None):
    """Change the scores of one call, or of all."""
    original = network.forward

    def forward(channels):
        logits = original(channels)
        if call in (None, len(network.shapes)):
            change(logits)
        return logits

    network.forward = forward


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("want", ["scores", "classes"])
def test_scores_that_are_not_finite_are_an_error_that_names_the_tile_and_counts_them(want, value):
    network = StencilNetwork()

    def change(logits):
        if len(logits) == 2:  # the second whole window is that of tile 1004
            logits[1, 0, 0, 10, 20:25] = value
            logits[1, 0, 3, 11, 20:25] = -value

    spoil(network, change)
    with pytest.raises(InternalError, match="returned 10 values that are not finite in tile 1004"):
        run(engine_of(network), want)


def test_scores_outside_the_rectangle_and_of_windows_that_fill_up_may_be_anything():
    network = StencilNetwork()

    def spoilt(logits):
        logits[:, 0, :, : HALO] = float("nan")
        if len(logits) == 5:
            logits[1:] = float("nan")

    years = {k: YEARS[k] for k in (0, 1, 4)}
    spoil(network, spoilt)
    assert_as_expected(run(engine_of(network), years=years), years=years)


def test_large_finite_scores_whose_sum_overflows_are_no_error():
    network = StencilNetwork()
    spoil(network, lambda logits: logits.fill_(3e38))
    got = run(engine_of(network, tiles=TILES[:1]), years={0: YEARS[0]})[0]
    assert (got[FIRST_DYNAMIC:AFTER_DYNAMIC] == np.float32(3e38)).all()


def out_of_memory(*_args, **_kwargs):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nMore lines")


@pytest.mark.parametrize("call", [1, 2, 4])
def test_no_memory_in_the_network_is_an_error_that_names_device_and_windows(call):
    network = StencilNetwork()
    spoil(network, out_of_memory, call)
    engine = engine_of(network)
    with pytest.raises(DeviceError, match=r"cpu is out of memory for \d+ windows of \d+ x \d+ cells: CUDA out of memory\. Tried to allocate 20\.00 GiB\.$"):
        run(engine)
    assert_as_expected(run(engine))  # nothing is left over


@pytest.mark.parametrize(("place", "owner"), [("assemble", device_tiles.DeviceChannels), ("send", Twin), ("fetch", Twin), ("_reduce", DeviceTiles)])
def test_no_memory_at_any_stage_of_a_call_is_the_same_error_and_leaves_nothing_under_way(monkeypatch, place, owner):
    engine = engine_of()
    calls, original = [], getattr(owner, place)

    def failing(self, *rest):
        calls.append(place)
        return out_of_memory() if len(calls) == 3 else original(self, *rest)

    monkeypatch.setattr(owner, place, failing)
    with pytest.raises(DeviceError, match=r"cpu is out of memory for \d+ windows of"):
        run(engine)
    monkeypatch.undo()
    assert_as_expected(run(engine))


def test_no_memory_while_waiting_for_a_call_is_the_same_error(monkeypatch):
    engine = engine_of()
    with monkeypatch.context() as patch:
        patch.setattr(Queues, "wait", lambda self, mark: out_of_memory())
        with pytest.raises(DeviceError, match="2 windows of 64 x 64 cells|windows of"):
            run(engine)
    assert_as_expected(run(engine))


@pytest.mark.parametrize("words", ["[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes", "CUDA error: out of memory",
                                   "CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"])
def test_no_memory_for_buffers_is_named_whatever_the_library_says(monkeypatch, words):
    def failing(self, n):
        raise RuntimeError(words)

    with monkeypatch.context() as patch:
        patch.setattr(Twin, "grow", failing)
        with pytest.raises(DeviceError, match="cpu is out of memory for the input of 2 windows of 64 x 64 cells"):
            engine_of()
    engine = engine_of()
    with monkeypatch.context() as patch:
        patch.setattr(Twin, "grow", failing)
        with pytest.raises(DeviceError, match="cpu is out of memory for the result of"):
            run(engine)


def test_no_memory_for_statics_is_named(monkeypatch):
    engine = DeviceTiles(StencilNetwork(), CHANNELS, RATIO, CORE, HALO)
    monkeypatch.setattr(torch, "empty", out_of_memory)
    with pytest.raises(DeviceError, match="cpu is out of memory for the statics of 5 tiles"):
        engine.load([statics for statics, _ in TILES])


@pytest.mark.parametrize("place", ["__init__", "free_bytes", "host_bytes", "drain"])
def test_a_device_that_fails_before_the_first_call_is_a_device_error(monkeypatch, place):
    def gone(*_):
        raise torch.AcceleratorError("CUDA error: the device is lost")

    monkeypatch.setattr(Queues, place, gone)
    with pytest.raises(DeviceError, match="cpu failed at .*: CUDA error: the device is lost"):
        engine_of()


def test_another_failure_of_the_device_is_a_device_error_and_not_one_of_memory():
    with pytest.raises(DeviceError, match="cuda:1 failed at 2 windows: CUDA error: an illegal memory access was encountered"), named("cuda:1", "2 windows"):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors")


def test_a_defect_is_not_called_a_failure_of_the_device():
    with pytest.raises(RuntimeError, match="shape mismatch"), named("cuda:0", "2 windows"):
        raise RuntimeError("shape mismatch")


@pytest.mark.parametrize("error", [ValueError("from the caller"), MemoryError("the caller's own"), KeyboardInterrupt()])
def test_an_error_of_the_receiver_goes_through_and_leaves_nothing_under_way(error):
    engine, seen = engine_of(batch=1), []

    def deliver(k, core):
        seen.append(k)
        if len(seen) == 3:
            raise error

    with pytest.raises(type(error)):
        engine.run(YEARS, "scores", deliver)
    assert len(seen) == 3
    assert_as_expected(run(engine))


def test_a_driver_that_does_not_cover_a_tile_is_an_error_and_leaves_nothing_under_way():
    engine = engine_of()
    year = YEARS[4]
    short = TileYear(year.shown, year.now[:, :2], year.following[:, :2], year.valid[:2])
    with pytest.raises(GridError, match="Driver cells along the row must cover"):
        run(engine, years={**YEARS, 4: short})
    assert_as_expected(run(engine))


def test_after_an_error_of_memory_an_engine_with_half_the_call_takes_over():
    network = StencilNetwork()
    spoil(network, lambda logits: out_of_memory() if len(logits) > 2 else None)
    engine, got = engine_of(network, batch=4), {}
    with pytest.raises(DeviceError, match="out of memory"):
        engine.run(YEARS, "scores", lambda k, core: got.__setitem__(k, core.copy()))
    engine = engine_of(StencilNetwork(), batch=2)
    engine.run({k: year for k, year in YEARS.items() if k not in got}, "scores", lambda k, core: got.__setitem__(k, core.copy()))
    assert_as_expected(got)


def test_an_engine_that_is_gone_leaves_no_memory_behind():
    network = StencilNetwork()
    engine = engine_of(network)
    run(engine)
    held = [weakref.ref(thing) for thing in (engine, engine._channels, engine._planes, engine._statics, engine._slots[0].inputs)]
    del engine
    assert not any(reference() is not None for reference in held)


def test_the_size_of_a_call_comes_from_free_memory_only_if_it_is_not_given(monkeypatch):
    monkeypatch.setattr(Queues, "free_bytes", lambda self: 100 << 20)
    monkeypatch.setattr(Queues, "peak_bytes", lambda self, work: [work(), 8 << 20][1])
    engine = DeviceTiles(StencilNetwork(), CHANNELS, RATIO, CORE, HALO, cells_a_call=0)
    engine.load([statics for statics, _ in TILES])
    assert engine.cells_a_call == 5 * 64 * 64  # two fifths of 100 MB, 8 MB a window
    assert_as_expected(run(engine))
    assert engine_of(batch=3).cells_a_call == 3 * 64 * 64


def test_much_free_memory_makes_no_call_larger_than_usual_as_last_calls_are_filled_up(monkeypatch):
    monkeypatch.setattr(Queues, "free_bytes", lambda self: 100 << 30)
    monkeypatch.setattr(Queues, "peak_bytes", lambda self, work: 8 << 20)
    engine = DeviceTiles(StencilNetwork(), CHANNELS, RATIO, CORE, HALO, cells_a_call=0)
    engine.load([statics for statics, _ in TILES])
    assert engine.cells_a_call == GPU_CELLS_A_CALL


def test_a_network_built_for_one_shape_is_called_with_that_shape():
    network = StencilNetwork()
    network.fixed_window = (3, WINDOW, WINDOW)
    run(engine_of(network, batch=1, tiles=[TILES[0], TILES[4]]), years={0: YEARS[0], 1: YEARS[4]})
    assert network.shapes == [(3, len(CHANNELS), WINDOW, WINDOW)]


def test_seconds_are_booked_without_those_of_the_receiver():
    engine = engine_of()
    engine.run(YEARS, "classes", lambda k, core: time.sleep(0.2))
    assert set(engine.seconds) == {"channels", "network", "classes"}
    assert all(value > 0.0 for value in engine.seconds.values()) and engine.seconds["classes"] < 0.5


def test_an_engine_without_tiles_does_nothing():
    engine = DeviceTiles(StencilNetwork(), CHANNELS, RATIO, CORE, HALO)
    engine.load([])
    assert run(engine, years={}) == {}
