"""Makes weights with esmpy from a folder of arrays, as a process of its own: python esmf_child.py FOLDER.

Must never import lsbc: it runs in whatever interpreter has esmpy.
"""

import os
import sys

import numpy as np
from child_main import serve

METHODS = {"conserve": "CONSERVE", "conserve2nd": "CONSERVE_2ND", "bilinear": "BILINEAR", "patch": "PATCH",
           "neareststod": "NEAREST_STOD", "nearestdtos": "NEAREST_DTOS"}


def load_esmpy():
    """The module esmpy, started. netCDF4 goes first: with its wheel loaded after ESMF's own netCDF the process crashes."""
    beside = os.path.join(sys.prefix, "lib", "esmf.mk")
    if "ESMFMKFILE" not in os.environ and os.path.exists(beside):
        os.environ["ESMFMKFILE"] = beside
    try:
        import netCDF4  # noqa: F401
    except ImportError:
        pass
    import esmpy
    esmpy.Manager(debug=True)  # starts MPI, and keeps the log that says why ESMF refuses
    return esmpy


class Arrays:
    """The .npy files of one grid in the folder, by name."""

    def __init__(self, folder: str, side: str) -> None:
        self.folder, self.side = folder, side

    def path(self, name: str) -> str:
        return os.path.join(self.folder, f"{self.side}_{name}.npy")

    def __contains__(self, name: str) -> bool:
        return os.path.exists(self.path(name))

    def __getitem__(self, name: str) -> np.ndarray:
        return np.load(self.path(name))


def build_lattice(esmpy, part: dict, arrays: Arrays):
    """Field on a logically rectangular grid; ESMF's first index is our last."""
    size = np.array(part["shape"][::-1], np.int32)
    places = [esmpy.StaggerLoc.CENTER] + ([esmpy.StaggerLoc.CORNER] if "corner_lon" in arrays else [])
    turn = {"num_peri_dims": 1, "periodic_dim": 0, "pole_dim": 1} if part["is_round"] else {}
    if part["is_round"] and not part["has_poles"]:
        turn["pole_kind"] = np.array([esmpy.PoleKind.NONE] * 2, np.int32)
    grid = esmpy.Grid(size, staggerloc=places, coord_sys=esmpy.CoordSys.SPH_DEG, **turn)
    for place, prefix in zip(places, ("", "corner_")):
        for axis, name in enumerate(("lon", "lat")):
            grid.get_coords(axis, staggerloc=place)[...] = arrays[prefix + name].T
    if "mask" in arrays:
        grid.add_item(esmpy.GridItem.MASK, staggerloc=esmpy.StaggerLoc.CENTER)[...] = arrays["mask"].T
    return lambda: esmpy.Field(grid, staggerloc=esmpy.StaggerLoc.CENTER)


def build_mesh(esmpy, part: dict, arrays: Arrays):
    """Field on the cells of a mesh."""
    mesh = esmpy.Mesh(parametric_dim=2, spatial_dim=2, coord_sys=esmpy.CoordSys.SPH_DEG)
    node_lon, n_vertex = arrays["node_lon"], arrays["n_vertex"]
    mesh.add_nodes(len(node_lon), np.arange(1, len(node_lon) + 1, dtype=np.int32),
                   np.stack([node_lon, arrays["node_lat"]], axis=1).ravel(), np.zeros(len(node_lon), np.int32))
    mesh.add_elements(len(n_vertex), np.arange(1, len(n_vertex) + 1, dtype=np.int32), n_vertex, arrays["node"],
                      element_mask=arrays["mask"], element_coords=np.stack([arrays["lon"], arrays["lat"]], axis=1).ravel())
    return lambda: esmpy.Field(mesh, meshloc=esmpy.MeshLoc.ELEMENT)


def build_points(esmpy, part: dict, arrays: Arrays):
    """Field on points without cells."""
    stream = esmpy.LocStream(part["shape"][0], coord_sys=esmpy.CoordSys.SPH_DEG)
    stream["ESMF:Lon"], stream["ESMF:Lat"] = arrays["lon"], arrays["lat"]
    return lambda: esmpy.Field(stream)


BUILD = {"lattice": build_lattice, "mesh": build_mesh, "points": build_points}


def options(esmpy, request: dict, fields: dict) -> dict:
    """Arguments of esmpy.Regrid besides the two fields."""
    chosen = {"regrid_method": getattr(esmpy.RegridMethod, METHODS[request["method"]]), "factors": True,
              "unmapped_action": esmpy.UnmappedAction.IGNORE,
              "ignore_degenerate": request["source"]["has_mask"] or request["destination"]["has_mask"]}
    for side, name in (("source", "src_mask_values"), ("destination", "dst_mask_values")):
        if request[side]["has_mask"]:
            chosen[name] = np.array([0], np.int32)
    if request["is_conservative"]:
        norm = {"dstarea": esmpy.NormType.DSTAREA, "fracarea": esmpy.NormType.FRACAREA}
        return {**chosen, "norm_type": norm[request["normalization"]], "src_frac_field": fields["source"],
                "dst_frac_field": fields["destination"]}
    if request["method"] in ("bilinear", "patch"):
        pole = {"average": esmpy.PoleMethod.ALLAVG, "none": esmpy.PoleMethod.NONE}
        chosen["pole_method"] = pole[request["pole"]]
    return chosen


def make(esmpy, folder: str, request: dict) -> dict:
    """Row, column (0-based), value and version; for conservative methods also areas and fractions of both sides."""
    build = {side: BUILD[request[side]["kind"]](esmpy, request[side], Arrays(folder, side)) for side in ("source", "destination")}
    fields = {side: make_field() for side, make_field in build.items()}
    frac = {side: make_field() for side, make_field in build.items()} if request["is_conservative"] else {}
    regrid = esmpy.Regrid(fields["source"], fields["destination"], **options(esmpy, request, frac))
    value, index = regrid.get_factors(deep_copy=True)
    answer = {"row": index[:, 1] - 1, "column": index[:, 0] - 1, "value": value}
    for side, field in frac.items():
        fields[side].get_area()
        answer[f"{side}_frac"] = np.array(field.data.T, np.float64).ravel()
        answer[f"{side}_area"] = np.array(fields[side].data.T, np.float64).ravel()
    return {**answer, "version": f"ESMF {esmpy.api.constants._ESMF_VERSION} (esmpy {esmpy.__version__})"}


if __name__ == "__main__":
    serve(load_esmpy, make)
