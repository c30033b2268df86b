import numpy as np
import pytest

from lsbc.regrid import rows
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.rows import LocalRows, fetch_rows, rows_of, runs
from lsbc.regrid.weights import Side, Weights


def weights(n_source=5, frac=None):
    """Row 0 takes cells 1 and 4, row 1 nothing, row 2 cell 1."""
    return Weights.from_entries(row=[0, 0, 2], column=[1, 4, 1], value=[0.25, 0.5, 1.0], source=Side(shape=(n_source,)),
                                destination=Side(shape=(3,), frac=frac))


def as_lists(made: LocalRows):
    return [x.tolist() for x in (made.n_entry, made.frac, made.source_id, made.column, made.value)]


@pytest.mark.parametrize("n_source", [5, 1000])
def test_rows_are_fetched_in_the_order_asked_for_over_the_source_cells_in_use(n_source):
    made = fetch_rows(SerialComm(), weights(n_source), n_source, np.array([2, 1, 0, 2]))
    assert as_lists(made) == [[1, 0, 2, 1], [1.0, 0.0, 1.0, 1.0], [1, 4], [0, 0, 1, 0], [1.0, 0.25, 0.5, 1.0]]


def test_nothing_is_fetched_by_a_rank_that_wants_nothing():
    assert as_lists(fetch_rows(SerialComm(), weights(), 5, np.empty(0, np.int64))) == [[], [], [], [], []]


@pytest.mark.parametrize("n_source", [5, 1000])
def test_all_rows_name_their_source_cells_by_id(n_source):
    made = rows_of(weights(n_source, frac=[0.5, 0.0, 0.75]), 10 * np.arange(n_source))
    assert as_lists(made) == [[2, 0, 1], [0.5, 0.0, 0.75], [10, 40], [0, 1, 0], [0.25, 0.5, 1.0]]


def test_empty_rows_are_rows_without_entries():
    assert as_lists(LocalRows.empty(2)) == [[0, 0], [0.0, 0.0], [], [], []]


@pytest.mark.parametrize(("n_entry", "expected"), [
    ([4, 4, 4], [(0, 2), (2, 3)]), ([0, 0], [(0, 2)]), ([20, 1], [(0, 1), (1, 2)]), ([1, 20, 0, 0], [(0, 1), (1, 4)])])
def test_batches_of_ranks_stay_below_ten_entries_unless_one_rank_has_more(monkeypatch, n_entry, expected):
    monkeypatch.setattr(rows, "ENTRIES_AT_ONCE", 10)
    assert list(rows._batches(np.array(n_entry))) == expected


def test_runs_follow_one_another():
    assert runs(np.array([5, 0, 9]), np.array([2, 3, 0])).tolist() == [5, 6, 0, 1, 2]
