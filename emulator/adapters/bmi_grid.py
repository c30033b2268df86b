"""What BMI asks about the grid: one, unstructured, its faces the cells of this rank. Knows no fields and no time."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.adapters.bmi_arrays import fill
from lsbc.emulator.adapters.cell_mesh import Mesh, mesh_of_cells
from lsbc.regrid.errors import GridError
from lsbc.regrid.host_cells import HostCells

GRID = 0
"""The one grid: nodes in longitude and latitude, degrees; every variable has one value on each face."""


class GridAnswers:
    """The grid functions of BMI for a class that gives its cells; the topology is made when first asked for: many callers never do."""

    _mesh: Mesh | None = None

    def _n_face(self) -> int:
        raise NotImplementedError

    def _host_cells(self) -> HostCells:
        raise NotImplementedError

    def _topology(self, grid: int) -> Mesh:
        _check_grid(grid)
        if self._mesh is None:
            self._mesh = mesh_of_cells(self._host_cells())
        return self._mesh

    def _forget_mesh(self) -> None:
        self._mesh = None

    def get_grid_rank(self, grid: int) -> int:
        _check_grid(grid)
        return 2

    def get_grid_size(self, grid: int) -> int:
        """The number of nodes, as BMI has it for unstructured grids; variables have `get_grid_face_count` values."""
        return self.get_grid_node_count(grid)

    def get_grid_type(self, grid: int) -> str:
        _check_grid(grid)
        return "unstructured"

    def get_grid_shape(self, grid: int, shape: np.ndarray) -> np.ndarray:
        raise _without(grid, "shape")

    def get_grid_spacing(self, grid: int, spacing: np.ndarray) -> np.ndarray:
        raise _without(grid, "spacing")

    def get_grid_origin(self, grid: int, origin: np.ndarray) -> np.ndarray:
        raise _without(grid, "origin")

    def get_grid_x(self, grid: int, x: np.ndarray) -> np.ndarray:
        """Longitudes of the nodes, degrees east."""
        return fill("get_grid_x", x, self._topology(grid).node_lon_deg)

    def get_grid_y(self, grid: int, y: np.ndarray) -> np.ndarray:
        """Latitudes of the nodes, degrees north."""
        return fill("get_grid_y", y, self._topology(grid).node_lat_deg)

    def get_grid_z(self, grid: int, z: np.ndarray) -> np.ndarray:
        raise _without(grid, "z")

    def get_grid_node_count(self, grid: int) -> int:
        return len(self._topology(grid).node_lon_deg)

    def get_grid_edge_count(self, grid: int) -> int:
        return len(self._topology(grid).edge_nodes)

    def get_grid_face_count(self, grid: int) -> int:
        _check_grid(grid)
        return self._n_face()

    def get_grid_edge_nodes(self, grid: int, edge_nodes: np.ndarray) -> np.ndarray:
        return fill("get_grid_edge_nodes", edge_nodes, self._topology(grid).edge_nodes.ravel())

    def get_grid_face_edges(self, grid: int, face_edges: np.ndarray) -> np.ndarray:
        return fill("get_grid_face_edges", face_edges, self._topology(grid).face_edges)

    def get_grid_face_nodes(self, grid: int, face_nodes: np.ndarray) -> np.ndarray:
        return fill("get_grid_face_nodes", face_nodes, self._topology(grid).face_nodes)

    def get_grid_nodes_per_face(self, grid: int, nodes_per_face: np.ndarray) -> np.ndarray:
        return fill("get_grid_nodes_per_face", nodes_per_face, self._topology(grid).nodes_per_face)


def _check_grid(grid: int) -> None:
    if grid != GRID:
        raise GridError(f"There is no grid {grid!r}; all variables are on grid {GRID}.")


def _without(grid: int, what: str) -> GridError:
    _check_grid(grid)
    return GridError(f"Grid {GRID} has no {what}: it is unstructured, of nodes in longitude and latitude.")
