"""Nodes, edges and faces of cells given by their corners."""

import numpy as np
import pytest

from lsbc.emulator.adapters.cell_mesh import mesh_of_cells
from lsbc.regrid.host_cells import HostCells

import case


def cells_of(lon, lat):
    lon, lat = np.array(lon, float), np.array(lat, float)
    middle = np.degrees(np.angle(np.exp(1j * np.radians(lon)).mean(axis=1)))
    return HostCells(np.arange(len(lon)), middle, lat.mean(axis=1), lon, lat, np.ones(len(lon), bool))


QUAD_AND_TRIANGLE = ([[0, 1, 1, 0], [1, 2, 1, 1]], [[0, 0, 1, 1], [0, 0, 1, 1]])
"""A square, and to its right a triangle whose last corner is given twice: they share the edge from (1, 0) to (1, 1)."""


def corners(mesh, face):
    start = mesh.nodes_per_face[:face].sum()
    nodes = mesh.face_nodes[start:start + mesh.nodes_per_face[face]]
    return list(zip(mesh.node_lon_deg[nodes].tolist(), mesh.node_lat_deg[nodes].tolist()))


def turned_to(place, ring):
    k = ring.index(place)
    return ring[k:] + ring[:k]


def test_a_square_and_a_triangle_share_two_nodes_and_an_edge():
    mesh = mesh_of_cells(cells_of(*QUAD_AND_TRIANGLE))
    assert (len(mesh.node_lon_deg), len(mesh.edge_nodes), mesh.nodes_per_face.tolist()) == (5, 6, [4, 3])
    assert turned_to((0.0, 0.0), corners(mesh, 0)) == [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    assert turned_to((1.0, 0.0), corners(mesh, 1)) == [(1.0, 0.0), (2.0, 0.0), (1.0, 1.0)]
    (shared,) = set(mesh.face_edges[:4]) & set(mesh.face_edges[4:])
    ends = mesh.edge_nodes[shared]
    assert set(zip(mesh.node_lon_deg[ends], mesh.node_lat_deg[ends])) == {(1.0, 0.0), (1.0, 1.0)}


def test_corners_given_clockwise_come_back_counter_clockwise():
    lon, lat = QUAD_AND_TRIANGLE
    mesh = mesh_of_cells(cells_of([row[::-1] for row in lon], [row[::-1] for row in lat]))
    assert turned_to((0.0, 0.0), corners(mesh, 0)) == [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    assert turned_to((1.0, 0.0), corners(mesh, 1)) == [(1.0, 0.0), (2.0, 0.0), (1.0, 1.0)]


def test_edge_k_of_a_face_joins_its_nodes_k_and_k_plus_one():
    mesh = mesh_of_cells(cells_of(*QUAD_AND_TRIANGLE))
    start = 0
    for n in mesh.nodes_per_face:
        nodes = mesh.face_nodes[start:start + n]
        for k in range(n):
            assert sorted(mesh.edge_nodes[mesh.face_edges[start + k]]) == sorted((nodes[k], nodes[(k + 1) % n]))
        start += n


def test_corners_that_differ_by_rounding_are_one_node():
    host = case.make_host(9)
    plain = np.unique(np.column_stack([host.vertex_lon_deg.ravel(), host.vertex_lat_deg.ravel()]), axis=0)
    assert len(plain) > 100  # the corners of the case do differ
    mesh = mesh_of_cells(HostCells(*host.part(np.arange(81))))
    assert (len(mesh.node_lon_deg), len(mesh.edge_nodes), len(mesh.nodes_per_face)) == (10 * 10, 2 * 9 * 10, 9 * 9)


def test_cells_on_both_sides_of_the_date_line_meet():
    mesh = mesh_of_cells(cells_of([[179, 180, 180, 179], [-180, -179, -179, -180]], [[0, 0, 1, 1]] * 2))
    assert (len(mesh.node_lon_deg), len(mesh.edge_nodes)) == (6, 7)


def test_cells_around_a_pole_are_triangles_with_one_node_there():
    lon = [[k * 60, (k + 1) * 60, (k + 1) * 60, k * 60] for k in range(6)]
    cells = HostCells(np.arange(6), np.arange(6) * 60 + 30.0, np.full(6, 85.0), lon, [[80, 80, 90, 90]] * 6, np.ones(6, bool), "latlon")
    mesh = mesh_of_cells(cells)
    assert mesh.nodes_per_face.tolist() == [3] * 6
    assert (len(mesh.node_lon_deg), len(mesh.edge_nodes)) == (7, 12)
    assert np.sum(mesh.node_lat_deg == 90.0) == 1


@pytest.mark.parametrize("n_vertex", [3, 6])
def test_a_rank_without_cells_has_an_empty_mesh(n_vertex):
    none = np.empty(0)
    mesh = mesh_of_cells(HostCells(none, none, none, np.empty((0, n_vertex)), np.empty((0, n_vertex)), none))
    assert [len(array) for array in vars(mesh).values()] == [0] * 6
