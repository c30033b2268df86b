import sys

import numpy as np
import pytest

from lsbc.regrid.comm import MpiComm, SerialComm, agree
from lsbc.regrid.errors import FieldError, GridError, InternalError, StartupError, Status


class TwoRanks(SerialComm):
    """Rank 1 of two, the other's outcome being given."""

    rank, size = 1, 2

    def __init__(self, other_status, other_text):
        self.other = (other_status, other_text)

    def allreduce_max(self, value):
        return max(value, self.other[0])

    def allgather(self, obj):
        return [self.other, obj]


def fail(error):
    raise error


def test_a_serial_communicator_is_one_rank_that_keeps_everything():
    comm = SerialComm()
    rows = np.arange(6).reshape(3, 2)
    received, count = comm.alltoallv(rows, np.array([3]))
    assert (comm.rank, comm.size, comm.allreduce_max(5), comm.allgather("x"), comm.gather("x")) == (0, 1, 5, ["x"], ["x"])
    assert np.array_equal(received, rows) and received is not rows and count.tolist() == [3]
    assert comm.bcast("x") == "x" and comm.point("x", 0, 0) == "x"
    assert comm.allreduce_or(np.array([1, 0, 3])).tolist() == [1, 0, 3]
    comm.barrier()
    comm.free()


def test_counts_must_match_the_rows():
    with pytest.raises(ValueError, match="send_count sums to 2, but there are 3 rows"):
        SerialComm().alltoallv(np.arange(3), np.array([2]))


def test_agree_returns_the_value_when_no_rank_fails():
    assert agree(SerialComm(), divmod, 7, 2) == (3, 1)


def test_agree_names_the_rank_and_keeps_the_class():
    with pytest.raises(GridError, match="^rank 0: two cells$"):
        agree(SerialComm(), fail, GridError("two cells"))


def test_agree_names_the_rank_once():
    with pytest.raises(GridError, match="^rank 3: two cells$"):
        agree(SerialComm(), fail, GridError("rank 3: two cells"))


def test_other_exceptions_become_internal_errors_with_their_type():
    with pytest.raises(InternalError, match="^rank 0: ZeroDivisionError: no$") as caught:
        agree(SerialComm(), fail, ZeroDivisionError("no"))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_rank_that_succeeds_raises_what_the_other_raised():
    with pytest.raises(FieldError, match="^rank 0: lost$"):
        agree(TwoRanks(int(Status.FIELD), "lost"), lambda: 1)


def test_the_lowest_failing_rank_is_the_one_reported():
    with pytest.raises(FieldError, match="^rank 0: lost$"):
        agree(TwoRanks(int(Status.FIELD), "lost"), fail, GridError("two cells"))


def test_missing_mpi4py_is_a_startup_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(StartupError, match="mpi4py cannot be loaded"):
        MpiComm.world()
