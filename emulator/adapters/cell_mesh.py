"""Nodes, edges and faces of a rank's cells, from the corners of each cell. Knows geometry only: no fields, no framework."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbc.regrid.host_cells import HostCells
from lsbc.regrid.neighbours import corner_places
from lsbc.regrid.sphere import unit_vector


@dataclass(frozen=True)
class Mesh:
    """Faces are the cells in their order; all numbers start at 0.

    node_lon_deg, node_lat_deg (n_node,); edge_nodes int64 (n_edge, 2), the lower node first; nodes_per_face int64 (n_face,);
    face_nodes and face_edges int64 (sum of nodes_per_face,), counter-clockwise, edge k of a face from its node k to the next.
    """

    node_lon_deg: np.ndarray
    node_lat_deg: np.ndarray
    edge_nodes: np.ndarray
    nodes_per_face: np.ndarray
    face_nodes: np.ndarray
    face_edges: np.ndarray


def mesh_of_cells(cells: HostCells) -> Mesh:
    """Corners at the same place are one node; a corner that repeats the one before it counts once."""
    n_face, n_vertex = cells.vertex_lon_deg.shape
    lon, lat = cells.vertex_lon_deg.ravel(), cells.vertex_lat_deg.ravel()
    corner, node = np.unique(corner_places(unit_vector(lon, lat), n_vertex), return_inverse=True)
    node = node.reshape(n_face, n_vertex).astype(np.int64)
    kept = node != np.roll(node, 1, axis=1)
    nodes_per_face = kept.sum(axis=1)
    tail = node[kept]
    first = np.cumsum(nodes_per_face) - nodes_per_face
    following = np.arange(1, len(tail) + 1)
    following[first + nodes_per_face - 1] = first
    head = tail[following]
    n_node = np.int64(len(corner))
    edge, face_edges = np.unique(np.minimum(tail, head) * n_node + np.maximum(tail, head), return_inverse=True)
    edge_nodes = np.column_stack(np.divmod(edge, max(n_node, 1)))
    return Mesh(lon[corner], lat[corner], edge_nodes, nodes_per_face, tail, face_edges.ravel())
