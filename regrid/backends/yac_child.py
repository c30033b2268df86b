"""Makes weights with yac from a folder of arrays, as a process of its own: python yac_child.py FOLDER.

Must never import lsbc, and must never share a process with anything worth keeping: yac ends it on any error.
"""

import os
from importlib import metadata

import numpy as np
from child_main import serve

SIDES = ("source", "destination")


def load_yac():
    """The module yac.core; importing it starts MPI."""
    from yac import core
    return core


def field(core, folder: str, side: str, part: dict):
    """Field on the cells of one grid; angles arrive in degrees and yac wants radians."""
    def array(name: str) -> np.ndarray:
        return np.load(os.path.join(folder, f"{side}_{name}.npy"))

    def radians(name: str) -> np.ndarray:
        return np.radians(array(name)).ravel()

    if part["kind"] == "lattice":
        grid = core.BasicGrid.reg_2d_new(side, radians("corner_lon"), radians("corner_lat"), [part["is_round"], False])
    else:
        grid = core.BasicGrid.unstruct_new(side, array("n_vertex"), radians("node_lon"), radians("node_lat"), array("node"),
                                           lonlat_edges=part["has_parallels"])
    cell = core.yac_location.YAC_LOC_CELL
    grid.set_global_index(cell, np.arange(part["n_cell"]))  # else yac numbers the cells of a mesh as it likes
    lon, lat = np.broadcast_arrays(np.radians(array("lon")), np.radians(array("lat")))
    place = grid.add_coordinates(cell, np.ascontiguousarray(lon).ravel(), np.ascontiguousarray(lat).ravel())
    mask = grid.add_mask(cell, array("mask").ravel().astype(bool)) if part["has_mask"] else None
    return core.InterpField(place, mask)


def make(core, folder: str, request: dict) -> dict:
    """Leave yac's weight file as weights.nc."""
    stack = core.InterpolationStack()
    if request["method"] == "neareststod":
        stack.add_nnn(n=1)
    else:
        stack.add_conservative(order=request["order"], enforced_conserv=False, partial_coverage=True,
                               normalisation=core.yac_interp_method_conserv_normalisation.YAC_INTERP_CONSERV_DESTAREA)
    fields = [field(core, folder, side, request[side]) for side in SIDES]
    weights = core.compute_weights(stack, *fields)
    weights.write_to_file(os.path.join(folder, "weights.nc"), *SIDES)
    return {"file": "weights.nc", "version": f"yac {metadata.version('yac')}"}


if __name__ == "__main__":
    serve(load_yac, make)
