"""lsbc.training.chunks: a stored array is cut like an array in memory."""

import pickle

import numpy as np
import pytest

from lsbc.training.chunks import PatchCache, StoredArray


class Counted:
    """An array in chunks of 3 x 4 that counts what is read from it."""

    chunks = (5, 3, 4)

    def __init__(self):
        self.values = np.random.default_rng(1).integers(0, 9, (5, 7, 10)).astype(np.uint8)
        self.shape, self.dtype, self.read = self.values.shape, self.values.dtype, []

    def __getitem__(self, key):
        self.read.append((key[1].start, key[2].start))
        return self.values[key]


@pytest.fixture
def source():
    return Counted()


@pytest.mark.parametrize("key", [np.s_[:], np.s_[2], np.s_[-1], np.s_[1:3, 2:5, 3:9], np.s_[4, 6:7, :], np.s_[:, 0, 9], np.s_[2, 3], np.s_[0, -1, -2],
                                 np.s_[..., 2:4], np.s_[[0, 3]], np.s_[:, ::2, 1:], np.s_[1:1], np.s_[:, 5:2, :], np.s_[2, 3:99, 8:99]])
def test_every_cut_gives_what_it_gives_from_memory(source, key):
    stored = StoredArray(PatchCache(source))
    np.testing.assert_array_equal(np.asarray(stored[key]), source.values[key])
    assert np.asarray(stored[key]).dtype == np.uint8


def test_a_layer_is_read_when_it_is_cut_and_not_before(source):
    layer = StoredArray(PatchCache(source))[3]
    assert source.read == [] and layer.shape == (7, 10) and layer.ndim == 2 and len(layer) == 7
    np.testing.assert_array_equal(layer[1:3, 1:3], source.values[3, 1:3, 1:3])
    assert source.read == [(0, 0)]


def test_comparisons_and_sums_are_those_of_the_values(source):
    stored = StoredArray(PatchCache(source))
    np.testing.assert_array_equal(stored != 3, source.values != 3)
    np.testing.assert_array_equal(np.isin(stored[1], (2, 3)), np.isin(source.values[1], (2, 3)))
    assert (stored[0] + 1.5).sum() == (source.values[0] + 1.5).sum()
    with pytest.raises(IndexError):
        stored[5]


def test_a_layer_may_have_another_type(source):
    layer = StoredArray(PatchCache(source), 2, "float32")
    assert layer.dtype == np.float32 and layer[0:2, 0:2].dtype == np.float32 and np.asarray(layer).dtype == np.float32


def test_the_last_chunks_are_kept_up_to_the_limit(source):
    stored = StoredArray(PatchCache(source, limit_bytes=2 * 5 * 3 * 4))
    for _ in range(3):
        stored[0, 0:3, 0:8]
    assert source.read == [(0, 0), (0, 4)]
    stored[0, 3:6, 0:4]
    stored[0, 0:3, 4:8]
    stored[0, 0:3, 0:4]
    assert source.read == [(0, 0), (0, 4), (3, 0), (0, 0)]


def test_a_copy_for_another_process_carries_no_chunks(source):
    stored = StoredArray(PatchCache(source))
    stored[0, 0:3, 0:4]
    copy = pickle.loads(pickle.dumps(stored))
    assert not copy._cache._kept
    np.testing.assert_array_equal(np.asarray(copy), source.values)
