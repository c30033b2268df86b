"""A run recorded on the ranks at hand, replayed on one of them alone and on all: the same bits."""

import numpy as np
import pytest

from lsbc.emulator import harness
from lsbc.emulator.component import Component
from lsbc.emulator.harness import replay
from lsbc.emulator.record_file import RecordReader, file_name
from lsbc.emulator.recorder import Recorded
from lsbc.regrid.comm import MpiComm, SerialComm
from lsbc.regrid.errors import LsbcError, Status, ValueRangeError

import case

YEARS = (2000, 2001)


def scattered(comm, host):
    """Owned cells dealt out like cards, and in the halo some that the next rank owns and one that every rank but its owner has."""
    everything = np.arange(len(host.global_id))
    dealt = (everything * 31) % 97 % comm.size
    mine = everything[dealt == comm.rank][::-1]
    halo = everything[dealt == (comm.rank + 1) % comm.size][:3] if comm.size > 1 else everything[:0]
    halo = np.union1d(halo, everything[40:41][dealt[40:41] != comm.rank])
    return np.concatenate([mine, halo]), np.concatenate([np.ones(len(mine), np.int32), np.zeros(len(halo), np.int32)])


def record(comm, folder, host, cells, owned):
    path = folder / "lsbc.toml"
    if comm.rank == 0:
        case.write_config(folder, folder / "model", folder / "fine.nc", allocation=True)
    comm.barrier()
    land = Recorded(Component, folder / "rec").create(path, MpiComm.world())
    land.set_grid(*host.part(cells, owned))
    return land


def couple(land, host, cells, owned, *years):
    """The halo's states are old ones: nobody may look at them."""
    for year in years:
        for name, values in host.states[year].items():
            land.set_field(name, np.where(owned, values[cells], 0.5))
        land.step_year(year)
        land.get_field("lu_frac", np.empty((8, len(cells)), np.float32))


def alone_and_together(comm, folder):
    """Reports of a replay on rank 0 alone and on all ranks."""
    comm.barrier()
    alone = replay(folder / "rec", SerialComm) if comm.rank == 0 else None
    return comm.bcast(alone), replay(folder / "rec", MpiComm.world)


def test_a_replay_on_one_rank_and_on_all_gives_the_recorded_bits(comm, folder):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    land = record(comm, folder, host, cells, owned)
    couple(land, host, cells, owned, *YEARS)
    land.close()
    for report in alone_and_together(comm, folder):
        assert (report.verdict, report.exit_code, report.recorded_ranks) == ("identical", 0, comm.size)
        assert [(year["year"], year["fields"], year["different"]) for year in report.years] == [(year, ["lu_frac"], {}) for year in YEARS]
    recorded = RecordReader(folder / "rec" / file_name("1", comm.rank))
    assert np.array_equal(recorded.grid(1)["global_id"], host.global_id[cells])


def test_every_rank_writes_the_configuration_that_it_reads_as_it_may_be_alone_on_its_node(comm, folder, monkeypatch):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    record(comm, folder, host, cells, owned).close()
    written, write = [], harness.replay_config
    monkeypatch.setattr(harness, "replay_config", lambda *arguments: written.append(write(*arguments)) or written[-1])
    comm.barrier()
    replay(folder / "rec", MpiComm.world)
    assert len(written) == 1 and comm.allgather(written[0]) == [written[0]] * comm.size
    assert not written[0].parent.exists()


def test_a_failure_of_the_last_rank_is_reproduced_wherever_its_cells_are_now(comm, folder):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    land = record(comm, folder, host, cells, owned)
    couple(land, host, cells, owned, 2000)
    if comm.rank == comm.size - 1:
        host.states[2001]["urban"][cells[owned == 1][0]] = np.nan
    with pytest.raises(LsbcError, match=f"rank {comm.size - 1}: Field 'urban' is nan"):
        couple(land, host, cells, owned, 2001)
    for report in alone_and_together(comm, folder):
        assert (report.verdict, report.exit_code, report.failure["status"]) == ("reproduced", 0, Status.VALUE)


def test_of_failures_on_several_ranks_the_lowest_is_reproduced_on_fewer_ranks(comm, folder):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    land = record(comm, folder, host, cells, owned)
    for name, values in host.states[2000].items():
        land.set_field(name, np.where(name == "urban" and comm.rank > 0, np.nan, values[cells]))
    if comm.size > 1:
        with pytest.raises(ValueRangeError, match="rank 1: Field 'urban' is nan"):
            land.step_year(2000)
    land.close()
    comm.barrier()
    fewer = comm.node_group(int(comm.rank < 2), comm.rank)
    report = replay(folder / "rec", lambda: fewer.node_group(0, fewer.rank)) if comm.rank < 2 else None
    assert report is None or comm.size == 1 or report.verdict == "reproduced"
    fewer.free()


def test_a_difference_on_the_last_rank_is_told_on_all(comm, folder):
    from netCDF4 import Dataset

    host = case.make_host()
    cells, owned = scattered(comm, host)
    land = record(comm, folder, host, cells, owned)
    couple(land, host, cells, owned, 2000)
    if comm.rank == comm.size - 1:
        with Dataset(folder / "rec" / file_name("1", comm.rank), "a") as data:
            data.set_auto_mask(False)
            values = data["outputs_values"]["lu_frac_f8"][2]
            values[4, 1] = 7.0
            data["outputs_values"]["lu_frac_f8"][2] = values
    expected = comm.bcast(int(host.global_id[cells[1]]), comm.size - 1)
    for report in alone_and_together(comm, folder):
        first = report.first_difference
        assert (report.verdict, first["field"], first["level"], first["recorded_rank"], first["global_id"], first["expected"]) == (
            "different", "lu_frac", 4, comm.size - 1, expected, 7.0)


def test_instances_on_parts_of_the_job_get_files_of_their_own(comm, folder):
    path = folder / "lsbc.toml"
    if comm.rank == 0:
        case.write_config(folder, folder / "model", folder / "fine.nc", allocation=True)
    comm.barrier()
    host, everything = case.make_host(), np.arange(81)
    own = comm.node_group(comm.rank, 0)  # an ensemble of members of one rank, all at once
    land = Recorded(Component, folder / "rec").create(path, own)
    land.set_grid(*host.part(everything))
    couple(land, host, everything, np.ones(81), 2000)
    land.close()
    comm.barrier()
    names = sorted(file.name for file in (folder / "rec").iterdir())
    assert len(names) == comm.size and all(name.endswith("_rank0000.nc") for name in names)
    if comm.rank == 0:
        for name in names:
            assert replay(folder / "rec", SerialComm, instance=name.partition("_rank")[0].removeprefix("instance")).verdict == "identical"
