"""Layouts of a host's arrays, against cells counted by hand: the value of cell k is k, of level l 100 l more."""

import numpy as np
import pytest

from lsbc.emulator.lent import lend
from lsbc.regrid.errors import FieldError

N_CELL = 11


def lend_here(values, n_level=1, n_cell=N_CELL, **layout):
    return lend("urban", values, n_level, n_cell, 3, **layout)


def blocks(n_block=3, nproma=4):
    """(3, 4) with 11 cells; the place behind the last one holds -1."""
    values = np.full((n_block, nproma), -1.0)
    values.ravel()[:N_CELL] = np.arange(N_CELL)
    return values


LAYOUTS = {
    "row": (np.arange(11.0), {}, True),
    "section": (np.arange(33.0)[::3], {}, True),
    "backwards": (np.arange(11.0)[::-1], {}, True),
    "patch": (np.arange(11.0).reshape(1, 11), {}, True),
    "patch of one column": (np.arange(11.0).reshape(11, 1), {}, True),
    "blocks": (blocks(), {"npromz": 3}, True),
    "blocks with gaps": (np.dstack([blocks(), blocks()])[:, :, 1], {"npromz": 3}, True),
    "blocks of a level": (np.stack([blocks()] * 5, axis=1)[:, 2], {"npromz": 3}, False),
    "part of a patch": (np.arange(60.0).reshape(4, 15)[:, :11][2:3], {}, True),
}


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_cells_are_read_in_their_order_and_in_the_hosts_own_type(name, dtype):
    values, layout, _ = LAYOUTS[name]
    expected = {"section": np.arange(0, 33, 3), "backwards": np.arange(10, -1, -1), "part of a patch": np.arange(30, 41)}.get(name, np.arange(11))
    lent = lend_here(values.astype(dtype), **layout)
    assert lent.read().tolist() == expected.tolist() and lent.read().dtype == dtype


@pytest.mark.parametrize("name", LAYOUTS)
def test_nothing_is_copied_where_one_stride_describes_the_cells(name):
    values, layout, is_in_place = LAYOUTS[name]
    assert np.shares_memory(lend_here(values, **layout).read(), values) is is_in_place


def test_a_patch_with_a_halo_is_read_row_by_row():
    memory = np.full((6, 9), -1.0)
    memory[2:4, 1:6] = np.arange(10.0).reshape(2, 5)
    assert lend_here(memory[2:4, 1:6], n_cell=10).read().tolist() == list(range(10))


def test_what_the_host_writes_later_is_what_is_read():
    memory = np.zeros((6, 9))
    lent = lend_here(memory[2:4, 1:6], n_cell=10)
    memory[2, 1] = 0.25
    assert lent.read()[0] == 0.25


def test_filling_a_section_leaves_what_lies_between_its_values():
    memory = np.full((6, 9), -1.0)
    lend_here(memory[2:4, 1:6], n_cell=10).fill(np.arange(10.0))
    assert memory[2:4, 1:6].tolist() == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert (memory == -1.0).sum() == memory.size - 10


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_filling_blocks_leaves_the_places_behind_the_last_cell(dtype):
    values = np.full((3, 4), -1.0, dtype)
    lend_here(values, npromz=3).fill(np.arange(11.0))
    assert values.tolist() == blocks().tolist()


def test_one_block_may_be_partly_used():
    values = np.full((1, 16), -1.0)
    lend_here(values, npromz=11).fill(np.arange(11.0))
    assert values[0, :11].tolist() == list(range(11)) and np.all(values[0, 11:] == -1.0)


@pytest.mark.parametrize(("shape", "layout", "cell"), [
    ((2, 11), {}, lambda level, k: (level, k)),
    ((2, 1, 11), {}, lambda level, k: (level, 0, k)),
    ((3, 2, 4), {"npromz": 3}, lambda level, k: (k // 4, level, k % 4)),
    ((11, 2), {"level_axis": 1}, lambda level, k: (k, level)),
    ((2, 3, 4), {"npromz": 3, "level_axis": 0}, lambda level, k: (level, k // 4, k % 4)),
    ((1, 2, 11), {"level_axis": 1}, lambda level, k: (0, level, k)),
])
def test_levels_lie_where_the_layout_says(shape, layout, cell):
    values = np.full(shape, -1.0)
    levels = np.arange(11.0) + 100.0 * np.arange(2)[:, None]
    lent = lend_here(values, n_level=2, **layout)
    lent.fill(levels)
    assert all(values[cell(level, k)] == k + 100 * level for level in range(2) for k in range(11))
    assert (values == -1.0).sum() == values.size - 22
    assert lent.read().tolist() == levels.tolist()


@pytest.mark.parametrize(("shape", "layout"), [((1, 11), {"level_axis": 0}), ((11, 1), {"level_axis": 1}), ((3, 1, 4), {"level_axis": 1, "npromz": 3})])
def test_one_level_may_have_an_axis_of_its_own(shape, layout):
    values = np.zeros(shape)
    lent = lend_here(values, **layout)
    lent.fill(np.arange(11.0))
    assert values.ravel()[:11].tolist() == list(range(11))
    assert lent.read().tolist() == list(range(11))


def test_a_rank_without_cells_lends_arrays_without_values():
    assert lend_here(np.zeros(0), n_cell=0).read().shape == (0,)
    lend_here(np.zeros((2, 0)), n_level=2, n_cell=0).fill(np.zeros((2, 0)))
    assert lend_here(np.zeros((0, 4)), n_cell=0).read().shape == (0,)
    for shape, n_level in (((0, 4), 1), ((0, 2, 4), 2)):
        no_blocks = lend_here(np.zeros(shape), n_level=n_level, n_cell=0, npromz=3)
        no_blocks.fill(np.zeros((2, 0))[:n_level] if n_level > 1 else np.zeros(0))
        assert no_blocks.read().size == 0


@pytest.mark.parametrize(("values", "n_level", "layout", "text"), [
    (np.zeros(10), 1, {}, r"'urban' has shape \(10,\) on rank 3, 10 cells; the grid has 11"),
    (np.zeros((3, 4)), 1, {}, r"shape \(3, 4\) on rank 3, 12 cells; the grid has 11"),
    (np.zeros((3, 4)), 1, {"npromz": 2}, "10 cells with npromz = 2; the grid has 11"),
    (np.zeros((3, 4)), 1, {"npromz": 5}, "npromz = 5, but blocks hold 4 cells"),
    (np.zeros((3, 4)), 1, {"npromz": -1}, "npromz = -1, but blocks hold 4 cells"),
    (np.zeros(11), 1, {"npromz": 11}, r"1 dimensions on rank 3; with 1 level\(s\) lsbc takes \(n_block, nproma\)"),
    (np.zeros(11), 2, {}, r"1 dimensions on rank 3; with 2 level\(s\) .* and one dimension for the levels"),
    (np.zeros((11, 2)), 2, {}, r"shape \(11, 2\) on rank 3, 11 along the axis of its 2 level"),
    (np.zeros((11, 3)), 2, {"level_axis": 1}, "3 along the axis of its 2 level"),
    (np.zeros((2, 1, 1, 11)), 2, {}, "4 dimensions"),
    (np.zeros((11, 2)), 2, {"level_axis": -1}, "2 dimensions on rank 3, but its levels are to lie along axis -1"),
    (np.zeros((11, 2)), 2, {"level_axis": 2}, "levels are to lie along axis 2"),
    (np.zeros((0, 4)), 1, {"npromz": 3}, r"shape \(0, 4\) on rank 3, 0 cells; the grid has 11"),
    (np.zeros(11, np.int64), 1, {}, "'urban' comes as int64 on rank 3; lsbc takes float32 and float64"),
    (np.zeros(11, ">f8"), 1, {}, "'urban' comes as >f8"),
])
def test_an_array_that_does_not_fit_is_refused_with_its_shape(values, n_level, layout, text):
    with pytest.raises(FieldError, match=text):
        lend_here(values, n_level, **layout)


def test_arrays_of_other_libraries_in_host_memory_are_used_in_place():
    class Foreign:
        """Has nothing but DLPack."""

        def __init__(self, array):
            self._array = array

        def __dlpack__(self, **options):
            return self._array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self._array.__dlpack_device__()

    values = np.zeros(11)
    lent = lend_here(Foreign(values))
    values[4] = 0.5
    assert lent.read()[4] == 0.5
    assert lend_here([0.5] * 11).read().tolist() == [0.5] * 11


def test_what_is_written_to_a_copy_would_be_lost_and_what_numpy_shares_is_not_a_copy():
    class Wrapped:
        """Gives numpy its own array."""

        def __init__(self, array):
            self.array = array

        def __array__(self, dtype=None, copy=None):
            return self.array

    values = np.zeros(11)
    lent = lend_here(Wrapped(values))
    lent.fill(np.arange(11.0))
    assert lent.is_writable and values.tolist() == list(range(11))
    assert not lend_here([0.5] * 11).is_writable
