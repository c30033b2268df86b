"""Several recorded ranks as one: no cell twice, every value where it belongs, files of one run only."""

import numpy as np
import pytest

from lsbc.emulator.record_file import GRID_ARRAYS, Call, Header, RecordWriter, entry, file_name
from lsbc.emulator.recordings import Recordings, find_instance, join_calls, join_cells
from lsbc.regrid.errors import FileError


def cells(ids, owned, corners=3):
    n = len(ids)
    values = (np.array(ids, np.int64), np.arange(n) + 0.5, np.arange(n) - 0.5, np.zeros((n, corners)), np.ones((n, corners)), np.array(owned, np.int32))
    return dict(zip(GRID_ARRAYS, values))


def header(rank, size):
    return Header("1", "1", rank, size, "2031-01-01T00:00:00+00:00", "lsbc.toml", "")


def test_halo_cells_are_dropped_where_their_owner_or_their_twin_is_there():
    # 11 and 20 are owned next door, 99 is in both halos, 98 is owned elsewhere
    joined = join_cells([cells([10, 11, 99, 20], [1, 1, 0, 0]), cells([99, 20, 11, 98], [0, 1, 0, 0])])
    assert joined.arrays["global_id"].tolist() == [10, 11, 99, 20, 98]
    assert joined.arrays["owned"].tolist() == [1, 1, 0, 1, 0]
    assert [place.tolist() for place in joined.place] == [[0, 1, 2, 3], [2, 3, 1, 4]]
    assert joined.arrays["lon_deg"].tolist() == [0.5, 1.5, 2.5, 1.5, 3.5]  # the owner's


def test_cells_that_two_ranks_own_stay_two_so_that_the_error_comes_again():
    joined = join_cells([cells([10, 11], [1, 1]), cells([11], [1])])
    assert joined.arrays["global_id"].tolist() == [10, 11, 11]


def test_a_rank_without_cells_joins_whatever_its_corners():
    joined = join_cells([cells([], [], 4), cells([7], [1])])
    assert joined.arrays["vertex_lon_deg"].shape == (1, 3) and [len(place) for place in joined.place] == [0, 1]


def test_one_rank_alone_is_left_as_it_is_even_when_it_is_wrong():
    wrong = cells([7, 7], [1, 0]) | {"lon_deg": np.zeros(5)}
    assert join_cells([wrong]).arrays is wrong


def test_ranks_with_other_numbers_of_corners_are_not_joined():
    with pytest.raises(FileError, match="cannot be joined.*replay on as many ranks as were recorded"):
        join_cells([cells([1], [1], 3), cells([2], [1], 4)])


def test_calls_end_with_the_rank_that_has_fewest_and_know_what_any_knows():
    short = [Call("create", status=0), Call("step_year", 2000, states="urban:f8 range:f8")]
    long = [Call("create", status=0), Call("step_year", 2000, status=7, text="no", states="urban:f4", outputs="lai:f8"), Call("close")]
    joined = join_calls([short, long])
    assert len(joined) == 2
    assert (joined[1].status, joined[1].text, joined[1].states, joined[1].outputs) == (7, "no", "urban:f8", "lai:f8")


def test_ranks_that_made_different_calls_are_refused():
    with pytest.raises(FileError, match="disagree about call 0: step_year 2000 and step_year 2001"):
        join_calls([[Call("step_year", 2000)], [Call("step_year", 2001)]])


def test_values_of_halo_cells_are_the_owners_and_a_field_that_one_rank_lacks_is_missing(tmp_path):
    paths = []
    for rank, (grid, urban) in enumerate(((cells([10, 20], [1, 0]), [0.1, 0.9]), (cells([20, 10], [1, 0]), [0.2, 0.8]))):
        paths.append(tmp_path / file_name("1", rank))
        writer = RecordWriter(paths[-1], header(rank, 2))
        writer.begin(Call("set_grid"), {}, grid)
        states = {"urban": np.array(urban), **({"range": np.zeros(2)} if rank else {})}
        writer.begin(Call("step_year", 2000, states=" ".join(entry(n, a) for n, a in states.items())), states, {})
    recordings = Recordings(paths)
    recordings.set_grid(0)
    assert {name: values.tolist() for name, values in recordings.states(1).items()} == {"urban": [0.1, 0.2]}
    assert recordings.cell(1) == (20, 0.5, -0.5)


def record_climate(folder, *ranks):
    """A `set_grid` and a `step_year` of ranks with cells of their own, and a climate where a number stands for it."""
    paths = []
    for rank, (ids, koppen) in enumerate(ranks):
        paths.append(folder / file_name("1", rank))
        writer = RecordWriter(paths[-1], header(rank, len(ranks)))
        writer.begin(Call("set_grid"), {}, cells(ids, [1] * len(ids)))
        states = {"urban": np.full(len(ids), 0.1), **({"koppen_group": np.full(len(ids), koppen)} if koppen else {})}
        writer.begin(Call("step_year", 2000, states=" ".join(entry(n, a) for n, a in states.items())), states, {})
    recordings = Recordings(paths)
    recordings.set_grid(0)
    return recordings


def test_a_climate_that_some_ranks_lent_cannot_be_joined(tmp_path):
    recordings = record_climate(tmp_path, ([10], 3.0), ([20], None))
    with pytest.raises(FileError, match=r"'koppen_group' was lent for step_year on recorded rank 0 and not on rank 1.*as many ranks as were recorded \(2\)"):
        recordings.states(1)
    alone = Recordings([tmp_path / file_name("1", 1)])
    alone.set_grid(0)
    assert list(alone.states(1)) == ["urban"]


def test_a_rank_without_cells_need_not_lend_a_climate(tmp_path):
    recordings = record_climate(tmp_path, ([], None), ([20, 30], 4.0))
    assert recordings.states(1)["koppen_group"].tolist() == [4.0, 4.0]


def test_what_was_lent_for_days_and_weeks_is_room_in_the_replay(tmp_path):
    paths = [tmp_path / file_name("1", rank) for rank in (0, 1)]
    for rank, path in enumerate(paths):
        writer = RecordWriter(path, header(rank, 2))
        writer.begin(Call("set_grid"), {}, cells([10 + rank], [1]))
        writer.begin(Call("step_year", 2000, lent="leaf_area_index:52" if rank else "leaf_area_index@366:1"), {}, {})
    recordings = Recordings(paths)
    recordings.set_grid(0)
    lent = recordings.to_lend(1, Call("step_year", 2000))
    assert {name: array.shape for name, array in lent.items()} == {"leaf_area_index@366": (2,), "leaf_area_index": (52, 2)}
    assert join_calls([reader.calls for reader in recordings.readers])[1].lent == "leaf_area_index@366:1 leaf_area_index:52"
    assert Recordings([]).to_lend(1, Call("step_year", 2000, states="urban:f8"))["urban"].shape == (0,)


def test_missing_files_and_instances_are_named(tmp_path):
    with pytest.raises(FileError, match="holds no recording"):
        find_instance(tmp_path, None)
    for rank in (0, 2):
        RecordWriter(tmp_path / file_name("1", rank), header(rank, 3))
    with pytest.raises(FileError, match=r"recorded on 3 ranks, but there are 2 files, none of rank 1; copy all.*-x LSBC_RECORD"):
        find_instance(tmp_path, None)
    RecordWriter(tmp_path / file_name("1", 1), header(1, 3))
    assert [path.name for path in find_instance(tmp_path, None)[1]] == [file_name("1", rank) for rank in range(3)]
    RecordWriter(tmp_path / file_name("2", 0), header(0, 1))
    with pytest.raises(FileError, match="several instances; name one with --instance: 1, 2"):
        find_instance(tmp_path, None)
    with pytest.raises(FileError, match="holds no instance 3; there are 1, 2"):
        find_instance(tmp_path, "3")
    assert len(find_instance(tmp_path, "2")[1]) == 1
