"""Makes weights with yac from a folder of arrays, as a process of its own: python yac_child.py FOLDER.

Must never import lsbc, and must never share a process with anything worth keeping: yac ends it on any error.
"""

import json
import os
import sys
from importlib import metadata

import numpy as np

SIDES = ("source", "destination")


def forget_own_folder() -> None:
    """Modules beside this script have the names of libraries; they must not be found in their stead."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != here]


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


def make(core, folder: str, request: dict) -> None:
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


def reply(folder: str, **answer) -> None:
    """Leave the answer under its final name only when it is whole."""
    path = os.path.join(folder, "answer.json")
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(answer, file)
    os.replace(path + ".part", path)


def main(folder: str) -> int:
    with open(os.path.join(folder, "request.json"), encoding="utf-8") as file:
        request = json.load(file)
    try:
        from yac import core
    except Exception as error:
        reply(folder, outcome="missing", python=sys.executable, reason=f"{type(error).__name__}: {error}")
        return 1
    reply(folder, outcome="loaded")
    make(core, folder, request)
    reply(folder, outcome="done", arrays=[], file="weights.nc", version=f"yac {metadata.version('yac')}")
    return 0


if __name__ == "__main__":
    forget_own_folder()
    sys.exit(main(sys.argv[1]))
