"""Device memory through a stand-in for the CUDA driver whose memory faults when the host touches it, and through a GPU where there is one."""

import ctypes
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lsbc.emulator import cuda_memory
from lsbc.emulator.cuda_memory import DeviceArray, from_interface
from lsbc.emulator.lent import lend
from lsbc.regrid.errors import DeviceError

STAND_IN = Path(__file__).parents[1] / "bridge" / "cuda_stand_in.c"
N_BYTE = 4096


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler for the stand-in of the CUDA driver")
    path = tmp_path_factory.mktemp("cuda") / "stand_in.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", path, STAND_IN], check=True)
    driver = ctypes.CDLL(str(path))
    for name in ("stand_in_allocate", "stand_in_last_stream", "stand_in_context"):
        getattr(driver, name).restype = ctypes.c_void_p
    driver.memory = driver.stand_in_allocate(ctypes.c_size_t(N_BYTE))
    return driver


@pytest.fixture
def driver(library, monkeypatch):
    monkeypatch.setattr(cuda_memory, "_loaded", lambda: library)
    put(library, np.zeros(N_BYTE // 8))
    return library


def put(driver, values, offset=0):
    """Write the device's memory behind the back of the code under test."""
    driver.cuCtxPushCurrent_v2(context_of(driver))
    assert driver.cuMemcpyHtoDAsync_v2(ctypes.c_uint64(driver.memory + offset), ctypes.c_void_p(values.ctypes.data), ctypes.c_size_t(values.nbytes), None) == 0
    driver.cuStreamSynchronize(None)
    driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))


def look(driver, n, dtype=np.float64):
    values = np.empty(n, dtype)
    driver.cuCtxPushCurrent_v2(context_of(driver))
    assert driver.cuMemcpyDtoHAsync_v2(ctypes.c_void_p(values.ctypes.data), ctypes.c_uint64(driver.memory), ctypes.c_size_t(values.nbytes), None) == 0
    driver.cuStreamSynchronize(None)
    driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
    return values


def context_of(driver):
    context = ctypes.c_void_p()
    assert driver.cuPointerGetAttribute(ctypes.byref(context), 1, ctypes.c_uint64(driver.memory)) == 0
    return context


def array(driver, shape, strides=None, dtype=np.float64, offset=0, stream=0):
    strides = strides or tuple(np.empty(shape, dtype).strides)
    return DeviceArray(driver.memory + offset, shape, np.dtype(dtype), strides, stream)


def test_without_a_driver_there_is_no_device_memory(monkeypatch):
    monkeypatch.setattr(cuda_memory, "_loaded", lambda: None)
    with pytest.raises(DeviceError, match="no CUDA driver .* is loaded in this process"):
        DeviceArray(4096, (2,), np.dtype(float), (8,)).to_host()


def test_values_are_read_on_the_hosts_stream_with_one_copy_and_the_context_is_put_back(driver):
    put(driver, np.arange(11.0))
    before = driver.stand_in_copies()
    lent = lend("urban", array(driver, (11,), stream=0x55), 1, 11, 0)
    assert lent.read().tolist() == list(range(11))
    assert driver.stand_in_copies() == before + 1 and driver.stand_in_last_stream() == 0x55
    assert driver.stand_in_context() is None


def test_what_kernels_write_later_is_read_at_the_next_reading(driver):
    lent = lend("urban", array(driver, (3,)), 1, 3, 0)
    put(driver, np.array([0.25, 0.5, 0.75]))
    assert lent.read().tolist() == [0.25, 0.5, 0.75]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_filling_blocks_with_gaps_leaves_every_other_byte(driver, dtype):
    put(driver, np.full(40, -1.0, dtype))
    item = np.dtype(dtype).itemsize
    lend("lai", array(driver, (3, 4), (8 * item, item), dtype), 1, 11, 0, npromz=3).fill(np.arange(11.0))
    expected = np.full((5, 8), -1.0)
    expected[:3, :4] = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, -1]]
    assert look(driver, 40, dtype).tolist() == expected.ravel().tolist()


@pytest.mark.parametrize("has_current", [False, True])
def test_memory_of_a_pool_which_has_no_context_is_reached_in_the_threads_or_the_devices_own(driver, has_current):
    put(driver, np.arange(3.0))
    own = context_of(driver)
    driver.stand_in_is_pool(1)
    try:
        if has_current:
            driver.cuCtxPushCurrent_v2(own)
        lent = lend("lai", array(driver, (3,)), 1, 3, 0)
        assert lent.read().tolist() == [0.0, 1.0, 2.0] and driver.stand_in_retained() == 0
        if has_current:
            driver.cuCtxPushCurrent_v2(own)  # the stand-in has room for one
        lent.fill(np.full(3, 7.0))
        assert driver.stand_in_retained() == 0
    finally:
        driver.stand_in_is_pool(0)
    assert look(driver, 3).tolist() == [7.0, 7.0, 7.0]


def test_an_address_that_the_driver_does_not_know_is_refused(driver):
    with pytest.raises(DeviceError, match="cuPointerGetAttribute of the CUDA driver failed with 1"):
        DeviceArray(4096, (2,), np.dtype(float), (8,)).to_host()


def test_a_section_that_runs_backwards_begins_at_its_last_byte(driver):
    put(driver, np.arange(6.0))
    backwards = array(driver, (3,), (-16,), offset=40)
    assert backwards.to_host().tolist() == [5.0, 3.0, 1.0]
    lend("lai", backwards, 1, 3, 0).fill(np.array([50.0, 30.0, 10.0]))
    assert look(driver, 6).tolist() == [0.0, 10.0, 2.0, 30.0, 4.0, 50.0]


def test_an_array_without_values_asks_nothing_of_the_driver(driver):
    before = driver.stand_in_copies()
    lent = lend("lai", DeviceArray(0, (0,), np.dtype(float), (8,)), 1, 0, 0)
    lent.fill(np.zeros(0))
    assert lent.read().shape == (0,) and driver.stand_in_copies() == before


def test_arrays_of_gpu_libraries_are_taken_by_their_interface(driver):
    class OfALibrary:
        __cuda_array_interface__ = {"version": 3, "shape": (2, 3), "typestr": "<f4", "data": (driver.memory, False), "strides": None, "stream": 2}

    put(driver, np.arange(6, dtype=np.float32))
    lent = lend("urban", OfALibrary(), 1, 6, 0)
    assert lent.read().tolist() == [0, 1, 2, 3, 4, 5] and driver.stand_in_last_stream() == 2


def test_our_own_array_says_the_same_by_that_interface(driver):
    ours = array(driver, (3, 4), (64, 8), stream=7)
    assert from_interface(ours) == ours
    assert not from_interface(replace(ours, is_writable=False)).is_writable
    assert array(driver, (2,)).__cuda_array_interface__["stream"] == 1  # 0 would be ambiguous, says the interface


def test_a_mask_is_refused():
    class Masked:
        __cuda_array_interface__ = {"version": 3, "shape": (2,), "typestr": "<f8", "data": (4096, False), "mask": object()}

    with pytest.raises(DeviceError, match="with a mask"):
        from_interface(Masked())


def test_a_refusal_of_the_driver_is_an_error_with_its_words(driver):
    too_long = DeviceArray(driver.memory, (N_BYTE,), np.dtype(float), (8,))
    with pytest.raises(DeviceError, match="cuMemcpyDtoHAsync_v2 .* failed with 700: an illegal memory access"):
        too_long.to_host()
    assert driver.stand_in_context() is None


def test_memory_of_a_real_gpu_is_read_and_filled():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        values = torch.arange(12.0, device="cuda", dtype=torch.float64)
        strided = values[::2]
        lent = lend("urban", strided, 1, 6, 0)
        assert lent.read().tolist() == [0, 2, 4, 6, 8, 10]
        lent.fill(-np.arange(6.0))
    assert values.tolist() == [0, 1, -1, 3, -2, 5, -3, 7, -4, 9, -5, 11]
