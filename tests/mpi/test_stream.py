"""Streaming items to root: in order, from whoever owns them, and with one error for all when root fails half-way."""

import numpy as np
import pytest

from lsbc.emulator.stream import stream_to_root
from lsbc.regrid.errors import FileError


def test_items_arrive_in_order_from_their_owners(comm):
    got = []
    stream_to_root(comm, [k % comm.size for k in range(7)], lambda k: np.array([k, comm.rank]), lambda items: got.extend(items))
    expected = [[k, k % comm.size] for k in range(7)] if comm.rank == 0 else []
    assert [item.tolist() for item in got] == expected


def test_a_failure_half_way_is_one_error_on_all_ranks(comm):
    def save(items):
        next(items)
        raise FileError("disk full")

    with pytest.raises(FileError, match="rank 0: disk full"):
        stream_to_root(comm, [k % comm.size for k in range(7)], lambda k: np.zeros(1000), save)
    assert comm.allgather(comm.rank) == list(range(comm.size))


@pytest.mark.parametrize("bad", [0, 1, 5])
def test_an_owner_that_cannot_make_its_item_is_one_error_on_all_ranks(comm, bad):
    owners = [k % comm.size for k in range(7)]

    def value(k):
        if k == bad:
            raise FileError(f"item {k} is lost")
        return np.zeros(100_000)

    with pytest.raises(FileError, match=f"rank {owners[bad]}: item {bad} is lost"):
        stream_to_root(comm, owners, value, lambda items: list(items))
    assert comm.allgather(comm.rank) == list(range(comm.size))
