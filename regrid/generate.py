"""Makes remapping weights between two grids, by method and engine. Knows which module does what; computes nothing itself."""

from __future__ import annotations

from lsbc.regrid.errors import WeightError
from lsbc.regrid.grids import Grid
from lsbc.regrid.weights import METHODS as ALL_METHODS
from lsbc.regrid.weights import Weights

METHODS = tuple(method for method in ALL_METHODS if method != "unknown")
"""ESMF's names."""
ALIASES = {"nearest": "neareststod", "nearest_s2d": "neareststod", "nearest_d2s": "nearestdtos", "conservative": "conserve"}
"""Other words for the same, among them xESMF's."""
BACKENDS = {"exact": ("conserve", "conserve2nd", "bilinear", "neareststod", "nearestdtos"), "esmf": METHODS,
            "yac": ("conserve", "conserve2nd", "neareststod")}
"""Engines and the methods each has."""


def make_weights(source: Grid, destination: Grid, method: str = "conserve", *, edges: str | None = None,
                 normalization: str = "dstarea", gradients: str = "esmf", backend: str = "exact",
                 python: str | None = None) -> Weights:
    """Weights that bring fields from the cells of `source` to those of `destination`.

    Args:
        method: "conserve", "conserve2nd", "bilinear", "nearest" ("neareststod"), "nearestdtos", or "patch" (ESMF only).
        edges: convention of the cell edges of both grids, "latlon", "greatcircle" (ESMF's) or "planar". If None, each grid's own, but
            great circles where nothing else is known: for "conserve2nd" and for conservative weights by ESMF.
        normalization: of conservative methods, "dstarea" or "fracarea".
        gradients: of "conserve2nd", by ESMF's rule or by true centroids ("exact": a tenth of the error on fine grids).
        backend: "exact" (lsbc's own), "esmf" or "yac", each in a process of its own.
        python: interpreter that has the backend's package; this process's own by default.
    Returns:
        One row for each destination cell; cells that nothing reaches, and masked ones, have an empty row.
    Raises:
        WeightError: an unknown method, normalisation or backend.
        GridError: the grids do not suit the method.
        StartupError: the backend is not installed.
    """
    method = ALIASES.get(method, method)
    for value, known, what in ((method, METHODS, "Method"), (backend, BACKENDS, "Backend")):
        if value not in known:
            raise WeightError(f"{what} '{value}' is not known; choose from {', '.join(known)}.")
    if method not in BACKENDS[backend]:
        raise WeightError(f"Backend '{backend}' has no method '{method}'; it has {', '.join(BACKENDS[backend])}"
                          f"{'; patch is made by the backend esmf' if method == 'patch' else ''}.")
    if edges is None and (method == "conserve2nd" or (backend == "esmf" and method == "conserve")):
        edges = "greatcircle"
    if edges is not None:
        source, destination = source.with_edges(edges), destination.with_edges(edges)
    if backend == "esmf":
        from lsbc.regrid.backends.esmf import esmf_weights
        return esmf_weights(source, destination, method, normalization, python=python)
    if backend == "yac":
        from lsbc.regrid.backends.yac import yac_weights
        return yac_weights(source, destination, method, normalization, python=python)
    return _exact(source, destination, method, normalization, gradients)


def _exact(source: Grid, destination: Grid, method: str, normalization: str, gradients: str) -> Weights:
    if method == "conserve":
        from lsbc.regrid.conserve import conservative_weights
        return conservative_weights(source, destination, normalization)
    if method == "conserve2nd":
        from lsbc.regrid.conserve2nd import second_order_weights
        return second_order_weights(source, destination, normalization, gradients)
    if method == "bilinear":
        from lsbc.regrid.bilinear import bilinear_weights
        return bilinear_weights(source, destination)
    from lsbc.regrid.nearest import nearest_weights
    return nearest_weights(source, destination, method)
