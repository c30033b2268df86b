"""The communicator of all ranks, and a folder with a small case that all of them see."""

import tempfile
from pathlib import Path

import pytest

from lsbc.regrid.comm import MpiComm

import case


@pytest.fixture(scope="module")
def comm():
    comm = MpiComm.world()
    yield comm
    comm.free()


@pytest.fixture
def folder(comm):
    """One folder for all ranks, with the closed-form network and the first map."""
    holder = tempfile.TemporaryDirectory() if comm.rank == 0 else None
    path = Path(comm.bcast(holder.name if holder else None))
    if comm.rank == 0:
        case.write_artefact(path / "model")
        case.write_fine_file(path / "fine.nc", case.first_map())
    comm.barrier()
    yield path
    comm.barrier()
    if holder:
        holder.cleanup()
