import numpy as np

from lsbc.emulator.network import Scratch


def test_views_of_one_scratch_share_its_memory_and_it_only_grows():
    sizes = []

    def allocate(n):
        sizes.append(n)
        return np.zeros(n, np.float32)

    scratch = Scratch(allocate)
    large = scratch.view(2, 3, 4)
    large[...] = 7.0
    assert np.array_equal(scratch.view(5), np.full(5, 7.0)) and np.shares_memory(scratch.view(2, 2), large)
    scratch.view(25)
    assert sizes == [0, 24, 25]
