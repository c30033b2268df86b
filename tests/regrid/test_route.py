import numpy as np
import pytest

from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import FieldError, GridError
from lsbc.regrid.route import BLOCK, Router, directory_rank


def router(have, need):
    return Router.build(SerialComm(), np.array(have, np.int64), np.array(need, np.int64))


def test_rows_come_back_in_the_order_of_need():
    assert router([30, 10, 20], [10, 20, 30, 10]).exchange(np.array([3.0, 1.0, 2.0])).tolist() == [1.0, 2.0, 3.0, 1.0]


def test_ids_near_the_end_of_the_fine_lattice_need_no_more_memory_than_ids_near_its_beginning():
    last = 933_119_999
    assert router([last, 0], [last]).exchange(np.array([[1, 2], [3, 4]], np.uint8)).tolist() == [[1, 2]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64, np.bool_, "S3"])
@pytest.mark.parametrize("tail", [(), (3,), (2, 2)])
def test_any_type_and_row_shape_is_moved(dtype, tail):
    values = np.arange(4 * int(np.prod(tail))).reshape(4, *tail).astype(dtype)
    moved = router([5, 6, 7, 8], [8, 5]).exchange(values)
    assert moved.dtype == values.dtype and np.array_equal(moved, values[[3, 0]])


def test_results_stay_when_the_next_exchange_reuses_the_buffers():
    plan = router([1, 2], [2, 1])
    first = plan.exchange(np.array([1.0, 2.0]))
    plan.exchange(np.array([7.0, 8.0]))
    plan.exchange(np.array([[7.0, 7.0], [8.0, 8.0]]))
    assert first.tolist() == [2.0, 1.0]


def test_a_plan_without_rows_moves_nothing():
    assert router([], []).exchange(np.empty((0, 4))).shape == (0, 4)


def test_a_plan_says_how_many_rows_travel():
    sent, received = router([30, 10, 20], [10, 20, 10]).traffic
    assert sent.tolist() == [3] and received.tolist() == [3]


def test_neighbouring_ids_share_a_directory_rank_and_blocks_go_round():
    assert directory_rank(np.array([0, BLOCK - 1, BLOCK, 3 * BLOCK]), 3).tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize(("have", "need", "message"), [
    ([4, 5, 4], [4], "rank 0: holds the cell id 4, twice"),
    ([4, 5], [5, 6], "rank 0: needs the cell id 6, which no rank holds"),
    ([], [6], "rank 0: needs the cell id 6, which no rank holds"),
    ([-4], [], "The cell id -4 is negative"),
])
def test_impossible_plans_name_the_id(have, need, message):
    with pytest.raises(GridError, match=message):
        router(have, need)


def test_ids_must_be_a_list():
    with pytest.raises(GridError, match=r"The cell ids must be a list, got an array of shape \(1, 2\)"):
        Router.build(SerialComm(), np.zeros((1, 2), np.int64), np.zeros(0, np.int64))


def test_values_of_another_length_are_refused():
    with pytest.raises(FieldError, match=r"shape \(3,\); this rank holds 2 rows"):
        router([1, 2], [1]).exchange(np.zeros(3))


def test_python_objects_are_refused():
    with pytest.raises(FieldError, match="not Python objects"):
        router([1], [1]).exchange(np.array([None]))
