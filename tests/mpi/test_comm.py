"""Run with mpirun on 1, 2, 3 ranks; every rank runs every test."""

import numpy as np
import pytest

from lsbc.regrid import comm as comm_module
from lsbc.regrid.comm import MpiComm, agree
from lsbc.regrid.errors import GridError, InternalError, StartupError


@pytest.fixture(scope="module")
def comm():
    comm = MpiComm.world()
    yield comm
    comm.free()
    comm.free()


def test_reductions_see_every_rank(comm):
    assert comm.allreduce_max(comm.rank) == comm.size - 1
    assert comm.allreduce_or(np.array([1 << comm.rank, 0])).tolist() == [(1 << comm.size) - 1, 0]
    assert comm.allgather(comm.rank) == list(range(comm.size))


def test_a_part_of_the_job_knows_its_ranks_in_the_whole(comm):
    assert comm.job_ranks() is None
    alone = comm.node_group(comm.rank, 0)
    assert alone.job_ranks() == ((comm.rank,) if comm.size > 1 else None)
    alone.free()


def test_objects_reach_the_root_the_others_and_one_another(comm):
    last = comm.size - 1
    assert comm.bcast({"from": comm.rank}, last) == {"from": last}
    assert comm.gather(comm.rank * 2, last) == (list(range(0, 2 * comm.size, 2)) if comm.rank == last else None)
    moved = comm.point(np.full(3, comm.rank), last, 0)
    assert moved.tolist() == [last] * 3 if comm.rank == 0 else moved is None
    comm.barrier()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("tail", [(), (5,)])
def test_rows_go_to_the_rank_they_are_meant_for(comm, dtype, tail):
    """Rank r sends d + 1 rows of the number 10 r + d to rank d; the last rank of three or more sends nothing."""
    silent = comm.size - 1 if comm.size > 2 else -1
    send_count = np.arange(1, comm.size + 1) * (comm.rank != silent)
    numbers = np.repeat(10 * comm.rank + np.arange(comm.size), send_count).astype(dtype)
    rows = np.broadcast_to(numbers.reshape(-1, *[1] * len(tail)), (len(numbers), *tail))
    received, count = comm.alltoallv(rows, send_count)
    expected = [0 if source == silent else comm.rank + 1 for source in range(comm.size)]
    assert count.tolist() == expected and received.shape == (sum(expected), *tail) and received.dtype == dtype
    assert received.reshape(len(received), -1)[:, 0].tolist() == np.repeat(10 * np.arange(comm.size) + comm.rank, expected).tolist()


def test_one_rank_that_fails_makes_all_ranks_raise(comm):
    def work():
        if comm.rank == comm.size - 1:
            raise GridError("two cells")
        return "fine"

    with pytest.raises(GridError, match=f"^rank {comm.size - 1}: two cells$"):
        agree(comm, work)


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt])
def test_a_rank_that_would_end_fails_with_the_others_which_wait_for_it(comm, end):
    def work():
        if comm.rank == comm.size - 1:
            raise end(3)

    expected, text = (InternalError, f"^rank {comm.size - 1}: {end.__name__}: 3$") if comm.size > 1 else (end, "3")
    with pytest.raises(expected, match=text):
        agree(comm, work)


def test_the_lowest_failing_rank_speaks_for_all(comm):
    def work():
        raise ValueError(f"number {comm.rank}")

    with pytest.raises(InternalError, match="^rank 0: ValueError: number 0$"):
        agree(comm, work)


def test_a_duplicate_of_the_hosts_communicator_counts_the_same_ranks(comm):
    from mpi4py import MPI

    copy = MpiComm.from_fortran(MPI.COMM_WORLD.py2f())
    assert (copy.rank, copy.size) == (comm.rank, comm.size) == (MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size)
    copy.free()
    copy.free()


@pytest.mark.parametrize("n_color", [1, 2])
def test_ranks_of_a_node_form_groups_in_the_order_they_ask_for(comm, n_color):
    color = comm.local_rank % n_color
    group = comm.node_group(color, -comm.local_rank)
    members = [k for k in range(comm.local_size) if k % n_color == color]
    assert group.size == len(members) and group.allgather(comm.local_rank) == members[::-1]
    group.free()


def test_what_one_rank_writes_the_others_read_after_they_met(comm):
    group = comm.node_group(0, comm.local_rank)
    memory = group.shared_memory(8 * group.size)
    numbers = memory.array.view(np.int64)
    assert numbers.tolist() == [0] * group.size
    for turn in range(1, 50):
        memory.meet()
        numbers[group.rank] = 1000 * turn + group.rank
        memory.meet()
        assert numbers.tolist() == [1000 * turn + k for k in range(group.size)]
    del numbers
    memory.free()
    memory.free()
    group.free()


def test_memory_that_the_node_does_not_have_is_refused_on_all_ranks(comm, monkeypatch):
    group = comm.node_group(0, comm.local_rank)
    if comm.rank == 0:
        monkeypatch.setattr(comm_module, "_shared_bytes_left", lambda: 3.0 * 2**20)
    with pytest.raises(StartupError, match=r"Memory of 4 x 1 MiB .* /dev/shm has 3 MiB left\. Make it larger"):
        group.shared_memory(2**20, n_group=4)
    memory = group.shared_memory(2**20, n_group=3)
    assert memory.array.size == 2**20
    memory.free()
    group.free()


def test_more_memory_than_any_node_has_is_refused(comm):
    if not np.isfinite(comm_module._shared_bytes_left()):
        pytest.skip("this node does not tell how much shared memory it has")
    group = comm.node_group(0, comm.local_rank)
    with pytest.raises(StartupError, match="cannot be had"):
        group.shared_memory(2**60)
    group.free()
