"""Ranks that share a network, against ranks that have their own: the same bits, and the same error on all ranks when one fails."""


import numpy as np
import pytest
from broken_network import BrokenNetwork

from lsbc.emulator import share, step
from lsbc.emulator.component import Component
from lsbc.emulator.network import together
from lsbc.emulator.share import tiles_a_round
from lsbc.regrid.comm import MpiComm, SerialComm
from lsbc.regrid.errors import DeviceError, InternalError, StartupError

import case

YEARS = (2000, 2001, 2002)


def config(folder, comm, name="out", model="", allocation=True):
    path = folder / f"{name}.toml"
    if comm.rank == 0:
        text = case.write_config(folder, folder / "model", folder / "fine.nc", f"directory = '{name}'", allocation=allocation).read_text()
        path.write_text(text.replace("[data]", f"{model}\n[data]"))
    comm.barrier()
    return path


def dealt(comm, host, n_rank=None):
    """Cells dealt out to the first `n_rank` ranks."""
    return np.flatnonzero(np.arange(len(host.global_id)) % (n_rank or comm.size) == comm.rank)


def create(path, comm):
    return Component.create(path, SerialComm() if isinstance(comm, SerialComm) else MpiComm.world())


def assert_same_files(one, two):
    names = sorted(path.name for path in one.glob("*.nc"))
    assert len(names) == 2 * len(YEARS)
    for name in names:
        first, second = case.contents(one / name), case.contents(two / name)
        assert first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first), name


def run(path, comm, host, cells):
    component = create(path, comm)
    component.set_grid(*host.part(cells))
    case.couple(component, host, cells, *YEARS)
    component.close()


@pytest.mark.parametrize(("ranks_per_device", "allocation", "batch"), [(2, True, 0), (3, True, 0), (3, False, 0), (3, True, 3)])
def test_shared_networks_give_the_bits_of_one_rank(comm, folder, ranks_per_device, allocation, batch):
    """The last rank owns no cells."""
    host = case.make_host()
    shared = config(folder, comm, "shared", f"ranks_per_device = {ranks_per_device}\nbatch = {batch}", allocation)
    run(shared, comm, host, dealt(comm, host, max(comm.size - 1, 1)))
    alone = config(folder, comm, "alone", allocation=allocation)
    if comm.rank == 0:
        run(alone, SerialComm(), host, np.arange(81))
        assert_same_files(folder / "shared", folder / "alone")
    comm.barrier()


def test_ranks_without_tiles_only_wait(comm, folder):
    """One host cell on one tile: all ranks but one have nothing to compute."""
    host = case.make_host(1)
    shared = config(folder, comm, "shared", "ranks_per_device = 3")
    run(shared, comm, host, dealt(comm, host))
    alone = config(folder, comm, "alone")
    if comm.rank == 0:
        run(alone, SerialComm(), host, np.arange(1))
        assert_same_files(folder / "shared", folder / "alone")
    comm.barrier()


def test_only_owners_load_a_network(comm, folder):
    component = create(config(folder, comm, model="ranks_per_device = 2"), comm)
    loaded = comm.allgather(component._seat.network is not None)
    assert loaded == [rank % 2 == 0 for rank in range(comm.size)]
    assert "onnxruntime" in component._seat.facts["network_backend"]
    component.close()


def test_a_large_round_takes_a_few_tiles_of_each_rank(comm, folder):
    host = case.make_host()
    component = create(config(folder, comm, model="ranks_per_device = 4"), comm)
    cells = dealt(comm, host)
    component.set_grid(*host.part(cells))
    if component._seat.group.size > 1:
        slots = component._tiles._slots
        assert slots.shape == (2, component._seat.group.size, max(1, 8 // component._seat.group.size))
        assert slots.nbytes < 2 * 8 * 1.2 * (8 * 4 * 60 * 60 + 64 * 64 + 60 * 60 + 2 * 6 * 8 * 36)
    component.close()


def test_where_calls_hold_several_windows_there_are_two_rounds_as_each_ends_with_calls_that_are_not_full(comm, folder):
    host = case.make_host()
    component = create(config(folder, comm, model="ranks_per_device = 3\nbatch = 3"), comm)
    component.set_grid(*host.part(dealt(comm, host)))
    if component._seat.group.size > 1:
        most = np.bincount(component._plan.owner).max()
        assert component._tiles._slots.shape[2] == max(-(-most // 2), 8 // component._seat.group.size)
    component.close()


def test_rounds_are_smaller_where_the_node_has_less_memory(comm, folder, monkeypatch):
    host = case.make_host()
    component = create(config(folder, comm, "shared", "ranks_per_device = 3\nbatch = 3"), comm)
    group, ordinary = component._seat.group, component._seat.group.shared_memory
    few, asked = max(1, 8 // group.size), []

    def memory(n_byte, n_group):
        asked.append(n_byte)
        if len(asked) == 1 and group.size > 1:
            raise StartupError("no memory")
        return ordinary(n_byte, n_group)

    monkeypatch.setattr(group, "shared_memory", memory)
    monkeypatch.setattr(share, "TILES_A_ROUND", 1)
    cells = dealt(comm, host)
    component.set_grid(*host.part(cells))
    if group.size > 1:
        assert len(asked) == 2 and asked[1] < asked[0] and component._tiles._slots.shape[2] < few
    case.couple(component, host, cells, *YEARS)
    component.close()
    alone = config(folder, comm, "alone")
    if comm.rank == 0:
        run(alone, SerialComm(), host, np.arange(81))
        assert_same_files(folder / "shared", folder / "alone")
    comm.barrier()


def test_rounds_are_as_large_as_memory_allows():
    assert tiles_a_round(8, 18 << 20, 1000) == 4096 // (2 * 8 * 18)
    assert tiles_a_round(8, 18 << 20, 5) == 3
    assert tiles_a_round(64, 100 << 20, 1000) == 1
    assert [tiles_a_round(n, 1000, 0) for n in (2, 3, 8, 9)] == [4, 2, 1, 1]


def test_memory_that_one_group_cannot_have_is_an_error_on_all_and_the_others_give_theirs_back(comm, folder, monkeypatch):
    component = create(config(folder, comm, model="ranks_per_device = 2"), comm)
    group, host = component._seat.group, case.make_host()
    got, ordinary = [], group.shared_memory

    def memory(n_byte, n_group):
        if comm.rank < 2:
            raise StartupError("no memory")  # on all ranks of the group, as `shared_memory` promises
        got.append(ordinary(n_byte, n_group))
        return got[0]

    monkeypatch.setattr(group, "shared_memory", memory)
    if comm.size == 1:
        component.close()
        pytest.skip("one rank shares with nobody")
    fails_everywhere(comm, StartupError, "rank 0: no memory", lambda: component.set_grid(*host.part(dealt(comm, host))))
    assert len(got) == (comm.rank >= 2 and group.size > 1) and all(memory.array.size == 0 for memory in got)
    component.close()


def fails_everywhere(comm, error, match, action):
    with pytest.raises(error, match=match) as caught:
        action()
    texts = set(comm.allgather((int(caught.value.status), str(caught.value))))
    assert len(texts) == 1, texts


@pytest.mark.parametrize(("how", "error", "match"), [("memory", DeviceError, r"out of memory .* Lower model\.batch or model\.window_cells"),
                                                     ("nan", InternalError, r"1 values that are not finite in tile \d+")])
@pytest.mark.parametrize(("call", "ranks_per_device"), [(1, 1), (1, 2), (3, 3)])
def test_a_network_that_fails_on_one_owner_is_an_error_on_all_and_the_year_can_be_made_again(comm, folder, how, error, match, call, ranks_per_device):
    host = case.make_host()
    cells = dealt(comm, host)
    component = create(config(folder, comm, model=f"ranks_per_device = {ranks_per_device}"), comm)
    network = None
    if component._seat.network is not None and comm.rank == (comm.size - 1) // ranks_per_device * ranks_per_device:
        network = component._seat.network = BrokenNetwork(component._seat.network, how=how)
    component.set_grid(*host.part(cells))
    case.couple(component, host, cells, 2000)
    before = np.empty((8, len(cells)))
    component.get_field("lu_frac", before)
    if network:
        network._fails = lambda n: n == network.calls_before + call
        network.calls_before = network.calls
    fails_everywhere(comm, error, match, lambda: case.couple(component, host, cells, 2001))
    after = np.empty_like(before)
    component.get_field("lu_frac", after)
    assert component.year == 2000 and np.array_equal(before, after)
    if network:
        network._fails = lambda n: False
    case.couple(component, host, cells, 2001, 2002)
    component.close()
    alone = config(folder, comm, "alone")
    if comm.rank == 0:
        run(alone, SerialComm(), host, np.arange(81))
        assert_same_files(folder / "out", folder / "alone")
    comm.barrier()


@pytest.mark.parametrize(("place", "victim"), [("allocate", 0), ("allocate", -1), ("_cores", -1), ("tile_year", -1)])
def test_a_rank_that_cannot_give_its_tiles_or_use_its_results_is_an_error_on_all(comm, folder, monkeypatch, place, victim):
    host = case.make_host()
    cells = dealt(comm, host)
    component = create(config(folder, comm, model="ranks_per_device = 3"), comm)
    component.set_grid(*host.part(cells))
    case.couple(component, host, cells, 2000)

    def fails(*_):
        raise ValueError("no such luck")

    with monkeypatch.context() as patched:
        if comm.rank == victim % comm.size:
            patched.setattr(step, place, fails)
        fails_everywhere(comm, InternalError, f"rank {victim % comm.size}: ValueError: no such luck", lambda: case.couple(component, host, cells, 2001))
    assert component.year == 2000
    case.couple(component, host, cells, 2001)
    component.close()


def test_a_network_that_cannot_be_loaded_by_an_owner_is_an_error_on_all(comm, folder, monkeypatch):
    def full(*_):
        raise DeviceError("cuda:0 is full")

    if comm.rank == 0:
        monkeypatch.setattr(together, "open_network", full)
    fails_everywhere(comm, DeviceError, "rank 0: cuda:0 is full", lambda: create(config(folder, comm, model="ranks_per_device = 2"), comm))


@pytest.mark.parametrize("ranks_per_device", [1, 2])
def test_an_owner_that_loses_its_device_goes_on_on_the_cpu_for_its_group(comm, folder, ranks_per_device):
    """Only host cells over tiles of the first group are marked, the map is the same, and other ranks' networks go on."""
    host = case.make_host()
    cells = dealt(comm, host)
    path = config(folder, comm, model=f"ranks_per_device = {ranks_per_device}\ndeterministic = false\ncpu_fallback = true")
    component = create(path, comm)
    if comm.rank == 0:
        component._seat.network = BrokenNetwork(component._seat.network, fails=lambda call: True)
    component.set_grid(*host.part(cells))
    case.couple(component, host, cells, 2000)
    assert not any(comm.allgather(bool(component._state.by_spare.any())))
    case.couple(component, host, cells, 2001, 2002)
    in_first_group = component._seat.group.size > 0 and comm.rank < ranks_per_device
    assert component._state.by_spare.tolist() == [in_first_group] * len(component._plan.local)
    quality = np.empty(len(cells))
    component.get_field("quality", quality)
    everyone = np.concatenate(comm.allgather(quality))
    assert set(everyone) == ({0.0, 2.0} if comm.size > ranks_per_device else {2.0})
    component.close()
    alone = config(folder, comm, "alone")
    if comm.rank == 0:
        run(alone, SerialComm(), host, np.arange(81))
        for year in YEARS:
            maps = [case.contents(folder / name / f"landuse_{year}.nc")["landuse"] for name in ("out", "alone")]
            assert np.array_equal(*maps)
    comm.barrier()
