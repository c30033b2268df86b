"""Run with mpirun on 1, 2, 3 ranks; every rank runs every test. One rank's result is the expected value."""

import hashlib

import numpy as np
import pytest

from lsbc.regrid.aggregate import FractionPlan
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import GridError
from lsbc.regrid.lattice import Lattice
from lsbc.regrid.lattice_means import LatticeMeans
from lsbc.regrid.overlap import overlap_polygons
from lsbc.regrid.route import Router

from shapes import rotation, triangles

LATTICE = Lattice(90, 180)
LON, LAT = triangles(3, rotation(3))
N = len(LON)
IDS = np.random.default_rng(4).permutation(10 * N)[:N]
FIELDS = np.random.default_rng(5).random((N, 4))


def owned(comm):
    """Scattered, permuted ownership; with three ranks or more, rank 1 has no polygons."""
    random = np.random.default_rng(comm.size)
    owner = random.integers(0, comm.size, N)
    if comm.size > 2:
        owner[owner == 1] = 0
    return np.random.default_rng(comm.rank).permutation(np.flatnonzero(owner == comm.rank))


def md5(comm, ids, values):
    """Digest of all ranks' rows in ascending id."""
    parts = comm.allgather((ids, values))
    ids, values = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    return hashlib.md5(values[np.argsort(ids)].tobytes()).hexdigest()


def test_cell_means_are_the_same_bits_on_any_number_of_ranks(comm):
    mine, cells = owned(comm), np.arange(comm.rank, LATTICE.n_cell, comm.size)
    plan = LatticeMeans.build(comm, overlap_polygons(LON[mine], LAT[mine], LATTICE), IDS[mine], cells)
    alone = LatticeMeans.build(SerialComm(), overlap_polygons(LON, LAT, LATTICE), IDS, np.arange(LATTICE.n_cell))
    assert md5(comm, cells, plan.apply(FIELDS[mine])) == hashlib.md5(alone.apply(FIELDS).tobytes()).hexdigest()
    assert md5(comm, cells, plan.coverage) == hashlib.md5(alone.coverage.tobytes()).hexdigest()


def test_cells_wanted_by_several_ranks_or_by_none_are_served(comm):
    mine = owned(comm)
    cells = np.array([7, 8, 16199]) if comm.rank == 0 else np.array([8], np.int64) if comm.rank == 1 else np.empty(0, np.int64)
    plan = LatticeMeans.build(comm, overlap_polygons(LON[mine], LAT[mine], LATTICE), IDS[mine], cells)
    alone = LatticeMeans.build(SerialComm(), overlap_polygons(LON, LAT, LATTICE), IDS, cells)
    assert plan.apply(FIELDS[mine]).tobytes() == alone.apply(FIELDS).tobytes()


def test_class_fractions_are_the_same_bits_on_any_number_of_ranks(comm):
    """The class map is spread over the ranks in bands and routed to the polygons."""
    classes = np.random.default_rng(6).integers(0, 8, LATTICE.n_cell).astype(np.uint8)
    band = np.array_split(np.arange(LATTICE.n_cell), comm.size)[comm.rank]
    mine = owned(comm)
    plan = FractionPlan.from_overlap(overlap_polygons(LON[mine], LAT[mine], LATTICE), len(mine))
    fraction, _ = plan.fractions(Router.build(comm, band, plan.need).exchange(classes[band]), 8)
    alone = FractionPlan.from_overlap(overlap_polygons(LON, LAT, LATTICE), N)
    expected, _ = alone.fractions(classes[alone.need], 8)
    assert md5(comm, mine, fraction) == hashlib.md5(expected.tobytes()).hexdigest()


def test_a_polygon_owned_twice_is_an_error_on_all_ranks(comm):
    mine = np.arange(5 if comm.rank else 6) + 6 * comm.rank
    ids = np.where(mine == mine[-1], 999_999, mine) if comm.size > 1 else np.append(mine[:-1], mine[0])
    with pytest.raises(GridError, match="holds the host cell id"):
        LatticeMeans.build(comm, overlap_polygons(LON[mine], LAT[mine], LATTICE), ids, np.arange(3))


def test_a_cell_outside_the_lattice_on_one_rank_is_an_error_on_all_ranks(comm):
    mine = owned(comm)
    need = np.array([LATTICE.n_cell if comm.rank == comm.size - 1 else 0])
    with pytest.raises(GridError, match=f"^rank {comm.size - 1}: Cells must be a list of ids"):
        LatticeMeans.build(comm, overlap_polygons(LON[mine], LAT[mine], LATTICE), IDS[mine], need)
