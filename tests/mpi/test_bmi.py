"""BMI on ranks: each sees its own cells, with the bits of one rank, and all get the same error."""

import numpy as np
import pytest

from lsbc.emulator.component import Component
from lsbc.regrid.errors import FieldError, InternalError

import case

pytest.importorskip("bmipy", reason="BMI needs bmipy")
from lsbc.emulator.adapters.bmi import LsbcBmi  # noqa: E402

N = 81


@pytest.fixture
def config(comm, folder):
    if comm.rank == 0:
        case.write_host_file(folder / "host.nc", case.make_host(years=2))
        case.write_config(folder, folder / "model", folder / "fine.nc", allocation=True,
                          extra=f"[grid]\nedges = 'latlon'\n[run]\nhost = '{folder / 'host.nc'}'\nfirst_year = 2000\nlast_year = 2001\n")
    comm.barrier()
    return folder / "lsbc.toml"


@pytest.fixture
def bmi(comm, config):
    from mpi4py import MPI

    bmi = LsbcBmi(MPI.COMM_WORLD)
    bmi.initialize(config)
    yield bmi
    bmi.finalize()


def values(bmi):
    return np.stack([bmi.get_value_ptr(name) for name in bmi.get_output_var_names()])


def test_ranks_together_have_the_bits_of_one(comm, config, bmi):
    bmi.update()
    assert bmi.get_current_time() == 1.0
    got = np.concatenate(comm.allgather(values(bmi)), axis=1)
    alone = LsbcBmi()
    alone.initialize(config)
    alone.update()
    assert got.tobytes() == values(alone).tobytes()
    alone.finalize()


def test_each_rank_has_the_grid_of_its_own_cells(comm, bmi):
    mine = np.array_split(np.arange(N), comm.size)[comm.rank]
    nodes = np.unique(np.concatenate([mine // 9 * 10 + mine % 9 + k for k in (0, 1, 10, 11)]))
    assert (bmi.get_grid_face_count(0), bmi.get_grid_node_count(0)) == (len(mine), len(nodes))


def test_a_value_that_one_rank_lacks_is_an_error_on_all(comm, bmi):
    if comm.rank == comm.size - 1:
        bmi.set_value_at_indices("urban", [0], [np.nan])
    with pytest.raises(FieldError, match=f"rank {comm.size - 1}: Input 'urban' is NaN for year 2001 in cell"):
        bmi.update()
    assert bmi.get_current_time() == 0.0


def test_a_rank_without_memory_for_its_arrays_fails_with_the_others(comm, config, monkeypatch):
    from mpi4py import MPI

    def no_memory(*_):
        raise MemoryError("none left")

    if comm.rank == comm.size - 1:
        monkeypatch.setattr(Component, "set_field", no_memory)
    with pytest.raises(InternalError, match=f"rank {comm.size - 1}: MemoryError: none left"):
        LsbcBmi(MPI.COMM_WORLD).initialize(config)
