import numpy as np
import pytest

from lsbc.emulator.network.face import BlockedInput, channels_fit
from lsbc.regrid.errors import ModelError


def test_what_the_caller_fills_is_passed_on_without_a_copy_and_the_rest_of_the_block_is_zero():
    memory = BlockedInput(31, 32)
    memory.view(2, 4, 8)[...] = 7.0
    seen = memory.view(2, 4, 4)
    seen[...] = 3.0
    whole = memory.whole(seen)
    assert np.shares_memory(whole, seen) and whole.shape == (2, 32, 4, 4) and whole.flags.c_contiguous
    assert (whole[:, :31] == 3.0).all() and (whole[:, 31] == 0.0).all()


def test_other_arrays_are_copied_and_stay_as_they_are():
    memory = BlockedInput(31, 32)
    other = np.random.default_rng(0).random((1, 31, 4, 6))
    first = other.copy()
    whole = memory.whole(other)
    assert not np.shares_memory(whole, other) and np.array_equal(whole[:, :31], first.astype(np.float32)) and (whole[:, 31:] == 0.0).all()


def test_a_view_of_another_shape_at_the_same_place_is_not_taken_for_the_whole():
    memory = BlockedInput(3, 16)
    wide = memory.view(1, 4, 8)
    wide[...] = np.arange(96).reshape(1, 3, 4, 8)
    part = wide[:, :, :, :4]
    expected = part.copy()
    assert np.array_equal(memory.whole(part)[:, :3], expected)


def test_a_batch_of_other_channels_is_refused():
    with pytest.raises(ModelError, match="takes 3 channels, a batch of shape .1, 1, 4, 4. has 1"):
        BlockedInput(3, 16).whole(np.zeros((1, 1, 4, 4), np.float32))


def test_a_file_may_have_whole_blocks_and_nothing_else():
    assert [channels_fit(31, n) for n in (30, 31, 32, 48)] == [False, True, True, False] and channels_fit(32, 32)
