"""What weights of each method must obey: signs, row sums, masks. Knows weights only; no files, no fields.

A broken rule is a sentence, not an error.
"""

from __future__ import annotations

import numpy as np

from lsbc.regrid.weights import Weights

ROW_TOLERANCE = 1e-6
"""Row sums may miss their value by this: single-precision files and yac's coverage tests do."""

SIGN_TOLERANCE = 1e-12
TWICE = 1.5
"""A cell covered more often than this is covered twice, not a little too much."""

NEAREST = ("neareststod", "nearestdtos")
_POSITIVE = ("conserve", "bilinear", *NEAREST)
_ONE = ("bilinear", "patch", "neareststod")


def faults(weights: Weights) -> list[str]:
    """A sentence for each broken rule, the gravest first; empty for sound weights. Costs a few passes over the entries."""
    total = weights.row_sum
    found = [covered_twice(weights, total), _sign(weights), _row_sums(weights, total), _nearest(weights), *_masks(weights)]
    return [sentence for sentence in found if sentence]


def expected_row_sum(weights: Weights) -> np.ndarray | None:
    """What each row must sum to (n_b,), unmapped rows 0; None where nothing is known.

    dstarea: the covered share frac_b, None unless it is known; fracarea, bilinear, patch, nearest source: 1.
    """
    if weights.method in _ONE or weights.normalization == "fracarea":
        return weights.is_mapped.astype(float)
    return weights.destination.frac if weights.normalization == "dstarea" else None


def covered_twice(weights: Weights, total: np.ndarray) -> str:
    """Sentence where conservative weights count cells twice, by the coverage of either side.

    ESMF takes every two-dimensional SCRIP grid for periodic unless told otherwise: it joins the last column to the first,
    and on a regional grid that extra cell goes back over the whole region.
    """
    if not weights.method.startswith("conserve"):
        return ""
    frac_b = weights.destination.frac
    if frac_b is None and weights.normalization == "dstarea":
        frac_b = total
    for side, frac, what, option in (("destination", frac_b, "source", "--src_regional"),
                                     ("source", weights.source.frac, "destination", "--dst_regional")):
        if frac is None or frac.max(initial=0.0) <= TWICE:
            continue
        k = int(np.argmax(frac > TWICE))
        return (f"{side} cell {k}{place(weights, side, k)} is covered {frac[k]:.4g} times, as are {int((frac > TWICE).sum())} "
                f"of {len(frac)}: the {what} grid lies over itself. ESMF takes a two-dimensional SCRIP grid for periodic "
                f"and closes it round the globe; make the weights again with {option}, or remove doubled {what} cells.")
    return ""


def place(weights: Weights, side: str, cell: int) -> str:
    """" at 12.5 E 40 N" where the coordinates are known."""
    where = weights.source if side == "source" else weights.destination
    return "" if where.lon_deg is None else f" at {where.lon_deg[cell]:.6g} E {where.lat_deg[cell]:.6g} N"


def _sign(weights: Weights) -> str:
    if weights.method not in _POSITIVE or weights.value.min(initial=0.0) >= -SIGN_TOLERANCE:
        return ""
    k = int(np.argmin(weights.value))
    row = int(np.searchsorted(weights.offsets, k, side="right")) - 1
    return (f"{int((weights.value < -SIGN_TOLERANCE).sum())} weights are negative, the least {weights.value[k]:.6g} from source "
            f"cell {weights.column[k]} to destination cell {row}{place(weights, 'destination', row)}; "
            f"weights of method '{weights.method}' never are.")


def _row_sums(weights: Weights, total: np.ndarray) -> str:
    expected = expected_row_sum(weights)
    if expected is None:
        if weights.normalization != "dstarea":
            return ""
        expected = np.minimum(total, 1.0)
    wrong = ~(np.abs(total - expected) <= ROW_TOLERANCE)
    if not wrong.any():
        return ""
    k = int(np.argmax(np.abs(total - expected)))
    if weights.normalization != "dstarea":
        source = "the sum that its method has"
    else:
        source = "the largest share there is" if weights.destination.frac is None else "the file's frac_b"
    return (f"{int(wrong.sum())} rows do not sum to what they must; the worst is destination cell {k}"
            f"{place(weights, 'destination', k)} with {total[k]:.9g} instead of {expected[k]:.9g}, {source}.")


def _nearest(weights: Weights) -> str:
    if weights.method not in NEAREST:
        return ""
    wrong = np.flatnonzero(np.abs(weights.value - 1.0) > SIGN_TOLERANCE)
    if len(wrong):
        return f"weight {wrong[0]} is {weights.value[wrong[0]]:.6g}; those of nearest neighbours are 1."
    return ""


def _masks(weights: Weights) -> list[str]:
    found = []
    for side, cells, what in ((weights.source, weights.column, "source"), (weights.destination, None, "destination")):
        if side.mask is None or side.mask.all():
            continue
        used = np.bincount(cells, minlength=weights.n_source) > 0 if cells is not None else weights.is_mapped
        wrong = np.flatnonzero(used & ~side.mask)
        if len(wrong):
            k = int(wrong[0])
            found.append(f"{len(wrong)} {what} cells are masked but have weights, the first is {k}{place(weights, what, k)}.")
    return found
