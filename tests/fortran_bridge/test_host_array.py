"""`lsbc_array_t` as numpy sees it: the first extent is the last axis, steps are in bytes, nothing is copied."""

import cffi
import numpy as np
import pytest

from lsbc.emulator.cuda_memory import DeviceArray
from lsbc.fortran_bridge import build_ffi, host_array
from lsbc.regrid.errors import FieldError

FFI = cffi.FFI()
FFI.cdef(build_ffi._TYPES)
VALUES = np.arange(24.0)


def described(values=VALUES, **members):
    right = {"address": FFI.cast("void *", values.ctypes.data), "item_bytes": values.itemsize, "n_dim": 1, "extent": [values.size, 0, 0],
             "memory": host_array.MEMORY_HOST}
    return FFI.new("lsbc_array_t *", right | members)


def read(array):
    return host_array.host_array(FFI, "urban", array, 3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_row_is_the_hosts_own_memory(dtype):
    values = np.arange(24, dtype=dtype)
    memory, layout = read(described(values))
    values[5] = -1.0
    assert memory[5] == -1.0 and memory.dtype == dtype and layout == {}


def test_the_first_dimension_is_the_last_axis():
    memory, _ = read(described(n_dim=3, extent=[4, 3, 2]))
    assert memory.tolist() == np.arange(24.0).reshape(2, 3, 4).tolist()


def test_steps_make_sections_of_any_direction():
    memory, _ = read(described(n_dim=2, extent=[3, 2, 0], stride_bytes=[16, 64, 0]))
    assert memory.tolist() == [[0, 2, 4], [8, 10, 12]]
    last = FFI.cast("void *", VALUES[23:].ctypes.data)
    memory, _ = read(described(address=last, extent=[4, 0, 0], stride_bytes=[-24, 0, 0]))
    assert memory.tolist() == [23, 20, 17, 14]


def test_blocks_and_levels_are_told_in_words_of_axes():
    assert read(described(n_dim=2, extent=[4, 6, 0], npromz=3))[1] == {"npromz": 3}
    assert read(described(n_dim=3, extent=[4, 3, 2], level_dim=1))[1] == {"level_axis": 2}
    assert read(described(n_dim=3, extent=[4, 3, 2], level_dim=3))[1] == {"level_axis": 0}


def test_device_memory_is_not_touched():
    nowhere = FFI.cast("void *", 4096)
    found, _ = read(described(address=nowhere, memory=host_array.MEMORY_DEVICE, n_dim=2, extent=[4, 3, 0], stream=FFI.cast("void *", 7)))
    assert found == DeviceArray(4096, (3, 4), np.dtype(float), (32, 8), 7)


def test_arrays_without_values_need_no_address():
    memory, _ = read(described(address=FFI.NULL, n_dim=2, extent=[0, 3, 0]))
    assert memory.shape == (3, 0)


@pytest.mark.parametrize(("members", "text"), [
    ({"n_dim": 0}, "'urban' comes with 0 dimensions and 8 bytes a value on rank 3; lsbc takes 1 to 3, and 4 or 8"),
    ({"n_dim": 4}, "comes with 4 dimensions"),
    ({"item_bytes": 2}, "and 2 bytes a value"),
    ({"extent": [-1, 0, 0]}, "'urban' has -1 values on rank 3; an extent must be 0 or more"),
    ({"n_dim": 2, "extent": [4, -6, 0]}, "4 x -6 values"),
    ({"address": FFI.NULL}, "'urban' has 24 values but their address is NULL on rank 3"),
    ({"memory": 3}, "memory is 3 on rank 3"),
    ({"level_dim": 2}, r"level_dim is 2 on rank 3; the array has 1 dimension\(s\)"),
    ({"level_dim": -1}, "level_dim is -1"),
    ({"extent": [2**60, 0, 0]}, f"'urban' has {2**60} values, 8 bytes apart, on rank 3: no memory is that large"),
    ({"n_dim": 2, "extent": [2**62, 2**62, 0]}, "no memory is that large"),
    ({"n_dim": 2, "extent": [2**62, 2, 0], "stride_bytes": [0, 8, 0]}, "no memory is that large"),
    ({"stride_bytes": [-2**63, 0, 0]}, "no memory is that large"),
])
def test_an_impossible_description_is_refused_with_its_values(members, text):
    with pytest.raises(FieldError, match=text):
        read(described(**members))


def test_no_description_is_refused():
    with pytest.raises(FieldError, match="'urban': the description of its array is NULL on rank 3"):
        read(FFI.NULL)
