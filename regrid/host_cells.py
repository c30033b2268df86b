"""The cells of one rank of the host, checked. Knows no land use and no files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lsbc.regrid import cell_checks
from lsbc.regrid.cell_checks import Cells
from lsbc.regrid.errors import GridError

if TYPE_CHECKING:
    from lsbc.regrid.comm import Comm


@dataclass(frozen=True)
class HostCells:
    """This rank's cells of the host grid, checked; corners are kept counter-clockwise. There may be none.

    global_id int64 (n,), lon_deg and lat_deg (n,), vertex_lon_deg and vertex_lat_deg (n, n_vertex), owned bool (n,);
    edges as in `overlap_polygons`.
    Raises GridError naming the global id and the place of the first cell that breaks a rule.
    """

    global_id: np.ndarray
    lon_deg: np.ndarray
    lat_deg: np.ndarray
    vertex_lon_deg: np.ndarray
    vertex_lat_deg: np.ndarray
    owned: np.ndarray
    edges: str = "greatcircle"

    def __post_init__(self) -> None:
        for name, dtype in (("global_id", np.int64), ("lon_deg", float), ("lat_deg", float), ("vertex_lon_deg", float),
                            ("vertex_lat_deg", float), ("owned", bool)):
            object.__setattr__(self, name, np.array(getattr(self, name), dtype, order="C"))
        self._check_sizes()
        if self.n_cell == 0:
            return
        cells = Cells("Host cell", self.global_id, self.lon_deg, self.lat_deg, self.vertex_lon_deg, self.vertex_lat_deg,
                      np.ones(self.n_cell, bool), self.edges)
        cell_checks.check_values(cells)
        cell_checks.check_ids(cells)
        cell_checks.check_shapes(cells, cell_checks.turn_counter_clockwise(cells))
        for array in vars(self).values():
            if isinstance(array, np.ndarray):
                array.setflags(write=False)

    @property
    def n_cell(self) -> int:
        return len(self.global_id)

    def refuse_radians(self, comm: Comm) -> None:
        """Raise on all ranks when degrees look like radians. Collective, as one rank may well own a patch near 0, 0."""
        seen = int(self.n_cell > 0)
        small = int(cell_checks.looks_like_radians(self.lon_deg, self.lat_deg, self.vertex_lon_deg, self.vertex_lat_deg))
        anything = comm.allreduce_max(seen)
        if anything and not comm.allreduce_max(seen - small):
            raise GridError(f"All host {cell_checks.RADIANS}")

    def _check_sizes(self) -> None:
        n = len(self.global_id) if self.global_id.ndim == 1 else -1
        shape = self.vertex_lon_deg.shape
        for name in ("global_id", "lon_deg", "lat_deg", "owned"):
            if getattr(self, name).shape != (n,):
                raise GridError(f"Grid array '{name}' has shape {getattr(self, name).shape}; global_id has {n} cells.")
        if len(shape) != 2 or shape[0] != n or self.vertex_lat_deg.shape != shape or (n and shape[1] < 3):
            raise GridError(f"Corner arrays have shapes {shape} and {self.vertex_lat_deg.shape}; "
                            f"expected ({n}, n_vertex) with 3 or more corners.")
