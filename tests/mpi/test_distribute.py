"""Run with mpirun on 1, 2, 3 ranks; every rank runs every test.

What weights give is summed here, entry by entry; what cells give on many ranks is compared with one rank's result.
"""

import numpy as np
import pytest

from lsbc.regrid import rows
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.distribute import DistributedRemap
from lsbc.regrid.errors import ConfigError, FieldError, GridError
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid
from lsbc.regrid.readers import read_grid
from lsbc.regrid.sphere import lon_lat_deg, unit_vector
from lsbc.regrid.weights import Side, Weights

from shapes import rotation, triangles
from shared import shared

N_SOURCE, N_DESTINATION, N_FIELD = 500, 900, 5
VALUES = np.random.default_rng(7).normal(size=(N_SOURCE, N_FIELD))


def whole():
    """About five cells a row, a seventh of the rows empty."""
    random = np.random.default_rng(8)
    key = np.unique(random.integers(0, N_SOURCE * N_DESTINATION, 5 * N_DESTINATION))
    row, column = np.divmod(key, N_SOURCE)
    row, column = row[row % 7 > 0], column[row % 7 > 0]
    return Weights.from_entries(row=row, column=column, value=random.random(len(row)), source=Side(shape=(N_SOURCE,)),
                                destination=Side(shape=(N_DESTINATION,), frac=np.linspace(0, 1, N_DESTINATION)), normalization="dstarea", method="conserve")


def expected(weights, need, values):
    """Sums in the order of the entries, one addition after another."""
    out = np.full((len(need), values.shape[1]), np.nan)
    for k, row in enumerate(need):
        at = range(weights.offsets[row], weights.offsets[row + 1])
        if len(at):
            out[k] = 0.0
        for entry in at:
            out[k] += weights.value[entry] * values[weights.column[entry]]
    return out


def owned(comm, n, seed):
    """Scattered, permuted ownership; with three ranks or more, rank 1 has nothing."""
    owner = np.random.default_rng(seed + comm.size).integers(0, comm.size, n)
    if comm.size > 2:
        owner[owner == 1] = 2
    return np.random.default_rng(comm.rank).permutation(np.flatnonzero(owner == comm.rank))


def spread(comm, have, need, weights=None):
    return DistributedRemap.from_weights(comm, (weights or whole()) if comm.rank == 0 else None, have, need)


@pytest.mark.parametrize("entries_at_once", [rows.ENTRIES_AT_ONCE, 1000])
def test_rows_are_summed_to_the_same_bits_whoever_holds_the_cells(comm, entries_at_once, monkeypatch):
    monkeypatch.setattr(rows, "ENTRIES_AT_ONCE", entries_at_once)
    have, need = owned(comm, N_SOURCE, 1), owned(comm, N_DESTINATION, 2)
    plan = spread(comm, have, need)
    assert plan(VALUES[have]).tobytes() == expected(whole(), need, VALUES).tobytes()
    assert plan(VALUES[have, 0]).tobytes() == expected(whole(), need, VALUES[:, :1]).tobytes()
    assert np.array_equal(plan.coverage, np.linspace(0, 1, N_DESTINATION)[need])


def test_rows_wanted_by_several_ranks_or_by_none_are_served(comm):
    have = owned(comm, N_SOURCE, 1)
    need = np.array([7, 8, 898, 8]) if comm.rank == 0 else np.array([8]) if comm.rank == 1 else np.empty(0, np.int64)
    assert spread(comm, have, need)(VALUES[have]).tobytes() == expected(whole(), need, VALUES).tobytes()


def test_no_rank_but_0_holds_rows_of_others(comm):
    need = owned(comm, N_DESTINATION, 2)
    plan = spread(comm, owned(comm, N_SOURCE, 1), need)
    assert plan.weights.n_entry == np.diff(whole().offsets)[need].sum() and plan.weights.n_source == len(plan.source_id)


class Counting:
    """An MPI communicator that notes whom this rank sends to and receives from."""

    def __init__(self, real):
        self.real, self.sent, self.received = real, [], []

    def Isend(self, buffer, dest, tag):
        self.sent.append(dest)
        return self.real.Isend(buffer, dest, tag)

    def Irecv(self, buffer, source, tag):
        self.received.append(source)
        return self.real.Irecv(buffer, source, tag)

    def __getattr__(self, name):
        if name.startswith(("Alltoall", "Neighbor", "Gather", "Allgather", "Bcast")):
            raise AssertionError(f"an exchange calls {name}")
        return getattr(self.real, name)


def test_an_exchange_is_one_message_a_neighbour_and_none_to_strangers(comm):
    """Rows need only cells of the next rank and of their own, so that each rank has one neighbour either way."""
    n = comm.size
    have = np.arange(10 * comm.rank, 10 * comm.rank + 10)
    row = np.repeat(np.arange(n), 20)
    column = np.concatenate([np.sort(np.concatenate([np.arange(10 * r, 10 * r + 10), np.arange(10) + 10 * ((r + 1) % n)])) for r in range(n)])
    row, column = np.unique(np.stack([row, column]), axis=1)
    weights = Weights.from_entries(row=row, column=column, value=np.ones(len(row)), source=Side(shape=(10 * n,)), destination=Side(shape=(n,)))
    plan = spread(comm, have, [comm.rank], weights)
    comm._comm = counting = Counting(comm._comm)
    try:
        result = plan(np.tile(have[:, None] * 1.0, (1, 12)))
    finally:
        comm._comm = counting.real
    after, before = (comm.rank + 1) % n, (comm.rank - 1) % n
    sent, received = plan.router.traffic
    assert set(np.flatnonzero(sent)) == {comm.rank, before} and set(np.flatnonzero(received)) == {comm.rank, after}
    assert (counting.received, counting.sent) == (([after], [before]) if n > 1 else ([], []))
    both = {comm.rank, after}
    assert result.tolist() == [[sum(10 * 10 * r + 45 for r in both)] * 12]


def test_an_id_out_of_range_on_one_rank_is_an_error_on_all_ranks(comm):
    last = comm.size - 1
    need = [N_DESTINATION] if comm.rank == last else []
    with pytest.raises(GridError, match=f"^rank {last}: The destination id {N_DESTINATION}"):
        spread(comm, owned(comm, N_SOURCE, 1), need)


def test_rank_0_without_weights_is_an_error_on_all_ranks(comm):
    with pytest.raises(GridError, match="^rank 0: Rank 0 spreads the weights"):
        DistributedRemap.from_weights(comm, "no.nc" if comm.rank else None, [], [])


@pytest.mark.parametrize("wrong", ["fields", "dtype", "rows"])
def test_values_that_differ_on_one_rank_are_an_error_on_all_ranks(comm, wrong):
    have = owned(comm, N_SOURCE, 1)
    plan = spread(comm, have, owned(comm, N_DESTINATION, 2))
    values, is_last = VALUES[have], comm.rank == comm.size - 1
    if is_last:
        values = {"fields": values[:, 1:], "dtype": values.astype(np.float32), "rows": np.append(values, values[:1], axis=0)}[wrong]
    if comm.size == 1 and wrong != "rows":
        pytest.skip("one rank differs from nobody")
    with pytest.raises(FieldError, match=f"^rank {comm.size - 1}: "):
        plan(values)


BOXES = RectilinearGrid.regular(-180, 180, 90, -90, 90, 45, mask=np.arange(4050) % 11 > 0)


def globe(edges="greatcircle"):
    """A tiling of the globe by triangles with scattered ids, some of them masked."""
    lon, lat = triangles(3, rotation(3))
    n = len(lon)
    return PolygonGrid(*lon_lat_deg(unit_vector(lon, lat).mean(axis=1)), lon, lat, global_id=np.random.default_rng(4).permutation(10 * n)[:n],
                       mask=np.arange(n) % 13 > 0, edges=edges)


def part(grid, cells):
    return grid.take(cells) if len(cells) else None


@pytest.mark.parametrize("normalization", ["dstarea", "fracarea"])
def test_cell_means_are_the_same_bits_whoever_owns_the_cells(comm, normalization):
    source, values = globe(), np.random.default_rng(5).random((512, N_FIELD))
    mine, need = owned(comm, source.n_cell, 1), owned(comm, BOXES.n_cell, 2)
    plan = DistributedRemap.conservative(comm, part(source, mine), BOXES, need, normalization)
    alone = DistributedRemap.conservative(SerialComm(), source, BOXES, need, normalization)
    assert plan(values[mine]).tobytes() == alone(values).tobytes()
    assert plan.coverage.tobytes() == alone.coverage.tobytes() and len(need) == len(plan.coverage)


def test_cells_of_any_shape_are_the_same_bits_whoever_owns_the_cells(comm):
    source, lon_lat = globe(), triangles(2, rotation(6))
    destination = PolygonGrid(*lon_lat_deg(unit_vector(*lon_lat).mean(axis=1)), *lon_lat)
    mine, want = owned(comm, source.n_cell, 1), owned(comm, destination.n_cell, 2)
    values = np.random.default_rng(5).random((512, N_FIELD))
    plan = DistributedRemap.conservative(comm, part(source, mine), part(destination, want))
    alone = DistributedRemap.conservative(SerialComm(), source, destination)
    assert plan(values[mine]).tobytes() == alone(values)[want].tobytes()


def test_only_cells_that_touch_the_destination_travel(comm):
    """Each rank wants one box of 4 degrees: a handful of the 512 triangles, of 20 degrees a side, can touch it."""
    mine = owned(comm, 512, 1)
    plan = DistributedRemap.conservative(comm, part(globe(), mine), BOXES, [2000 + 11 * comm.rank])
    assert 1 <= plan.weights.n_source <= 6


def test_a_cell_owned_twice_is_an_error_on_all_ranks(comm):
    if comm.size == 1:
        pytest.skip("one rank cannot own a cell twice: its own grid is checked")
    mine = owned(comm, 512, 1)
    mine = np.unique(np.append(mine, 0)) if comm.rank in (0, comm.size - 1) else mine[mine != 0]
    with pytest.raises(GridError, match=f"^rank 0: holds the source cell id {globe().global_id[0]}, and so does rank {comm.size - 1}"):
        DistributedRemap.conservative(comm, part(globe(), mine), BOXES)


def test_parts_with_other_edges_are_an_error_on_all_ranks(comm):
    source = globe("greatcircle" if comm.rank < comm.size - 1 else "latlon")
    if comm.size == 1:
        pytest.skip("one rank differs from nobody")
    with pytest.raises(GridError, match=f"latlon edges on rank {comm.size - 1} and greatcircle ones on rank 0"):
        DistributedRemap.conservative(comm, part(source, np.arange(5) + 5 * comm.rank), BOXES)


def test_a_destination_id_that_is_none_on_one_rank_is_an_error_on_all_ranks(comm):
    last = comm.size - 1
    with pytest.raises(GridError, match=f"^rank {last}: The destination id 4050"):
        DistributedRemap.conservative(comm, part(globe(), owned(comm, 512, 1)), BOXES, [4050] if comm.rank == last else [])


def test_no_source_at_all_is_an_error_on_all_ranks(comm):
    with pytest.raises(GridError, match="^No rank passes any source cell"):
        DistributedRemap.conservative(comm, None, BOXES)


@pytest.mark.parametrize("rule", [{"missing": "ignore"}, {"min_coverage": -0.5}, {"foo": 1}])
def test_a_rule_that_is_none_on_one_rank_is_an_error_on_all_ranks(comm, rule):
    last = comm.size - 1
    rules = rule if comm.rank == last else {}
    with pytest.raises(ConfigError, match=f"^rank {last}: "):
        DistributedRemap.from_weights(comm, whole() if comm.rank == 0 else None, owned(comm, N_SOURCE, 1), [], **rules)
    with pytest.raises(ConfigError, match=f"^rank {last}: "):
        DistributedRemap.conservative(comm, part(globe(), owned(comm, 512, 1)), BOXES, [], **rules)


@pytest.mark.parametrize("rule", [{"missing": "skip"}, {"min_coverage": 0.5}, {"normalization": "fracarea"}])
def test_other_rules_on_one_rank_than_on_rank_0_are_an_error_on_all_ranks(comm, rule):
    if comm.size == 1:
        pytest.skip("one rank differs from nobody")
    last, (name, value) = comm.size - 1, *rule.items()
    rules = rule if comm.rank == last else {}
    with pytest.raises(ConfigError, match=f"^rank {last}: {name} is {value!r} on this rank, but .* on rank 0"):
        DistributedRemap.conservative(comm, part(globe(), owned(comm, 512, 1)), BOXES, [], **rules)
    if name != "normalization":
        with pytest.raises(ConfigError, match=f"^rank {last}: {name} is {value!r} on this rank"):
            DistributedRemap.from_weights(comm, whole() if comm.rank == 0 else None, owned(comm, N_SOURCE, 1), [], **rules)


def test_negative_weights_on_one_rank_forbid_skipping_on_all_ranks(comm):
    last = comm.size - 1
    weights = Weights.from_entries(row=np.arange(comm.size), column=np.arange(comm.size), value=np.where(np.arange(comm.size) == last, -1.0, 1.0),
                                   source=Side(shape=(comm.size,)), destination=Side(shape=(comm.size,)))
    with pytest.raises(GridError, match=f"^rank {last}: missing = 'skip' is no mean"):
        DistributedRemap.from_weights(comm, weights if comm.rank == 0 else None, [comm.rank], [comm.rank], missing="skip")


def test_missing_values_are_skipped_to_the_same_bits_whoever_owns_the_cells(comm):
    source, values = globe(), np.random.default_rng(5).random((512, N_FIELD))
    values[np.random.default_rng(6).random(values.shape) < 0.2] = np.nan
    mine, need = owned(comm, source.n_cell, 1), owned(comm, BOXES.n_cell, 2)
    rules = {"missing": "skip", "min_coverage": 0.5}
    plan = DistributedRemap.conservative(comm, part(source, mine), BOXES, need, **rules)
    alone = DistributedRemap.conservative(SerialComm(), source, BOXES, need, **rules)
    assert plan(values[mine]).tobytes() == alone(values).tobytes()


ESMF_WEIGHTS = "esmf_reference/weights/c_R02B03_to_ll1deg_conserve.nc"


def esmf_result(path, values):
    """What the file's entries make of the source values, added in their order."""
    import netCDF4

    with netCDF4.Dataset(path) as file:
        row, column, value = (file[name][:].data for name in ("row", "col", "S"))
        n_destination = len(file.dimensions["n_b"])
    whole, order = np.zeros(n_destination), np.lexsort((column, row))
    np.add.at(whole, row[order] - 1, value[order] * values[column[order] - 1])
    return whole


def test_a_weight_file_is_applied_as_it_says(comm):
    """ESMF's own weights from triangles to a globe of boxes."""
    path, values = shared(ESMF_WEIGHTS), np.random.default_rng(9).random(5120)
    have, need = owned(comm, 5120, 1), owned(comm, 64800, 2)
    plan = DistributedRemap.from_weights(comm, path if comm.rank == 0 else None, have, need)
    assert plan(values[have]).tobytes() == esmf_result(path, values)[need].tobytes()


def test_cells_that_are_spread_out_give_what_esmf_gives(comm):
    """The same grids with ESMF's great circles; ESMF's rows are right to 2e-11."""
    source = read_grid(shared("esmf_reference/grids/icosa_R02B03_scrip.nc"))
    destination = read_grid(shared("esmf_reference/grids/ll_1deg.nc"), edges="greatcircle")
    values = np.random.default_rng(9).random(5120)
    have, need = owned(comm, 5120, 1), owned(comm, 64800, 2)
    plan = DistributedRemap.conservative(comm, part(source, have), destination, need)
    assert np.abs(plan(values[have]) - esmf_result(shared(ESMF_WEIGHTS), values)[need]).max(initial=0.0) <= 2e-11
