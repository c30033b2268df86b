"""First-order conservative weights from shared areas. Knows areas: no corners, no fields, no ranks."""

from __future__ import annotations

import numpy as np

from lsbc.regrid import _kernel
from lsbc.regrid.areas import SharedAreas, shared_areas
from lsbc.regrid.errors import WeightError
from lsbc.regrid.grids import Grid
from lsbc.regrid.weights import Side, Weights

FULL = 1e-10
"""A cell covered to within this share is covered in full: its row sums to 1 to the last bit, as its parts are its area."""


def conservative_weights(source: Grid, destination: Grid, normalization: str = "dstarea", areas: SharedAreas | None = None) -> Weights:
    """Means of the source field over each destination cell.

    "dstarea": w = A_ij / A_j, a row sums to the covered share frac_b and sum(y A_b) = sum(x A_a frac_a);
    "fracarea": w = A_ij / covered A_j, a row sums to 1 and sum(y A_b frac_b) is kept (ESMF reference manual, "Conservative").

    Args:
        areas: those of `shared_areas(source, destination)`, when they are at hand.
    Raises:
        GridError: as `shared_areas`.
        WeightError: an unknown normalisation.
    """
    check_normalization(normalization)
    areas = shared_areas(source, destination) if areas is None else areas
    made = _kernel.conservative_rows(areas.offsets, areas.area_sr, areas.destination_area_sr, normalization == "fracarea", FULL)
    value, frac_b = (np.frombuffer(x) for x in made)
    return Weights(offsets=areas.offsets, column=areas.source.astype(np.int32), value=value,
                   source=Side.of(source, source_share(areas), areas.source_area_sr),
                   destination=Side.of(destination, frac_b, areas.destination_area_sr),
                   method="conserve", normalization=normalization, edges=edges_of(source, destination))


def check_normalization(normalization: str) -> None:
    """Raise WeightError for a normalisation that conservative weights do not have."""
    if normalization not in ("dstarea", "fracarea"):
        raise WeightError(f"Conservative weights are normalised by 'dstarea' or 'fracarea', got '{normalization}'.")


def covered_share(covered_sr: np.ndarray, area_sr: np.ndarray) -> np.ndarray:
    """Covered area over area, exactly 1 within `FULL`, 0 for cells of no area."""
    share = np.divide(covered_sr, area_sr, out=np.zeros(len(area_sr)), where=area_sr > 0.0)
    share[np.abs(share - 1.0) <= FULL] = 1.0
    return share


def source_share(areas: SharedAreas) -> np.ndarray:
    """frac_a: how much of each source cell the destination takes."""
    taken = np.bincount(areas.source, areas.area_sr, minlength=len(areas.source_area_sr))
    return covered_share(taken, areas.source_area_sr)


def edges_of(source: Grid, destination: Grid) -> str:
    """The convention of both grids, or "source/destination" where they differ."""
    return source.edges if source.edges == destination.edges else f"{source.edges}/{destination.edges}"
