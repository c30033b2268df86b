"""Run with mpirun on 1, 2, 3 ranks; every rank runs every test."""

import numpy as np
import pytest

from lsbc.regrid.errors import FieldError, GridError
from lsbc.regrid.route import Router

N_ID = 20_000


def scattered(comm):
    """All ids, scattered over the fine lattice, and those of this rank; with three ranks or more, rank 1 has none."""
    random = np.random.default_rng(1)
    ids = random.choice(933_120_000, N_ID, replace=False)
    owner = random.integers(0, comm.size, N_ID)
    if comm.size > 2:
        owner[owner == 1] = 2
    return ids, ids[owner == comm.rank]


def test_every_rank_gets_the_rows_of_the_ids_it_asked_for(comm):
    ids, have = scattered(comm)
    need = np.random.default_rng(10 + comm.rank).choice(ids, 0 if comm.rank == 2 else 7_000)
    router = Router.build(comm, have, need)
    for dtype, tail in ((np.int64, ()), (np.float64, (3,)), (np.float32, (2,)), (np.int64, ())):
        def rows(i):
            return (i.reshape(-1, *[1] * len(tail)) % 1_000_003 + np.arange(int(np.prod(tail))).reshape(tail)).astype(dtype)

        assert np.array_equal(router.exchange(rows(have)), rows(need))


def test_an_id_held_twice_is_an_error_on_all_ranks(comm):
    _, have = scattered(comm)
    twice = 5 if comm.size > 1 else [5, 5]
    mine = np.append(have[have != 5], twice) if comm.rank in (0, comm.size - 1) else have[have != 5]
    with pytest.raises(GridError, match="rank 0: holds the cell id 5, "):
        Router.build(comm, mine, have)


def test_an_id_nobody_holds_is_an_error_on_all_ranks(comm):
    _, have = scattered(comm)
    last = comm.size - 1
    need = np.append(have[:10], 933_120_001) if comm.rank == last else have[:10]
    with pytest.raises(GridError, match=f"^rank {last}: needs the host cell id 933120001, which no rank holds"):
        Router.build(comm, have, need, "host cell")


def test_rows_of_the_wrong_number_on_one_rank_are_an_error_on_all_ranks(comm):
    _, have = scattered(comm)
    router = Router.build(comm, have, have[:5])
    with pytest.raises(FieldError, match=f"^rank {comm.size - 1}: .* shape"):
        router.exchange(np.zeros(len(have) + (comm.rank == comm.size - 1)))
