"""The plugin of ICON's Community Interface on the ranks at hand: the owners' bits everywhere, and one sentence for all when it fails on one."""

import os
import sys

import numpy as np
import pytest

from lsbc.emulator.adapters import comin
from lsbc.emulator.component import Component
from lsbc.regrid.comm import SerialComm

import case
from comin_stand_in import HostStopped, StandIn

FIELDS = ("lai", "albedo", "z0m", "lu_dominant", "valid_year")


@pytest.fixture(autouse=True)
def run_directory(folder):
    """All ranks run in the case's folder, as ICON's do, and leave no module `comin` behind."""
    before = os.getcwd()
    os.chdir(folder)
    yield
    os.chdir(before)
    sys.modules.pop("comin", None)


def as_icon_keeps_it(host):
    """The grid after its angles were radians."""
    for name in ("lon_deg", "lat_deg", "vertex_lon_deg", "vertex_lat_deg"):
        setattr(host, name, np.degrees(np.radians(getattr(host, name).round(9))))
    return host


def icon(comm, folder, host, states=None):
    """ICON's stand-in on this rank, cells dealt out like cards."""
    from mpi4py import MPI

    if comm.rank == 0:
        case.write_host_file(folder / "states.nc", states or host)
        case.write_config(folder, folder / "model", folder / "fine.nc", "directory = 'out'", "[comin]\nstates_file = 'states.nc'", allocation=True)
    comm.barrier()
    owner = np.arange(len(host.global_id)) * 31 % 97 % comm.size
    return StandIn(host, f"{comin.__file__} lsbc.toml", owner, comm.rank, comm=MPI.COMM_WORLD.py2f())


def serial_fields(host):
    component = Component.create("lsbc.toml", SerialComm())
    component.set_grid(*host.part(np.arange(len(host.global_id))))
    case.couple(component, host, np.arange(len(host.global_id)), 2000, 2001)
    fields = {name: np.empty(len(host.global_id)) for name in FIELDS}
    for name, values in fields.items():
        component.get_field(name, values)
    component.close()
    return fields


def test_own_and_halo_cells_have_the_bits_of_one_rank(comm, folder):
    host = as_icon_keeps_it(case.make_host())
    model = icon(comm, folder, host)
    model.prepare(comin.__file__, "2000-07-01T00:00:00", "2001-07-01T00:00:00")
    for date, checkpoint in (("2001-01-01T00:00:00", True), ("2001-07-01T00:00:00", False)):
        model.step(date, checkpoint)
    model.end()
    expected = comm.bcast(serial_fields(host) if comm.rank == 0 else None)
    n_halo = np.count_nonzero(np.asarray(model.domain.cells.decomp_domain) > 0)
    assert (n_halo > 0) == (comm.size > 1)
    for name in FIELDS:
        assert np.array_equal(model.values(f"lsbc_{name}")[0], expected[name][model.local]), name
    assert (folder / "lsbc_restart_DOM01_20010101T000000Z.nc").exists()


def test_what_only_one_rank_lacks_stops_icon_on_all_with_the_same_sentence(comm, folder):
    host = as_icon_keeps_it(case.make_host())
    owner = np.arange(len(host.global_id)) * 31 % 97 % comm.size
    lacking = np.flatnonzero(owner == comm.size - 1)[0]
    states = case.Host(*(np.delete(part, lacking, axis=0) for part in host.part(np.arange(len(host.global_id)))[:-1]),
                       {year: {name: np.delete(values, lacking) for name, values in of_year.items()} for year, of_year in host.states.items()})
    model = icon(comm, folder, host, states)
    with pytest.raises(HostStopped, match=f"lacks cell {host.global_id[lacking]} of ICON's grid"):
        model.prepare(comin.__file__, "2000-07-01T00:00:00", "2001-07-01T00:00:00")
    assert len(set(comm.allgather(model.finished))) == 1
