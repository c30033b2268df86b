"""Judge weights: row sums, conservation, signs, coverage, areas, and known traps. Knows weights only: no files, no fields."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lsbc.regrid import weight_rules
from lsbc.regrid.sphere import polygon_area_sr
from lsbc.regrid.weight_rules import expected_row_sum, place
from lsbc.regrid.weights import Side, Weights

CONSERVATION_TOLERANCE = 1e-6
"""Shares of a source cell that may go astray before weights are called unsound."""

REMARK_TOLERANCE = 1e-9
AREA_TOLERANCE = 1e-6
CLOSING_FACTOR = 1.5
"""A cell whose area exceeds that of its corners by this closes its row round the globe."""


@dataclass(frozen=True, kw_only=True)
class Worst:
    """The largest error of a kind: `cell` counts from 0, `where` is its place in words; nan and -1 where nothing is known."""

    error: float = math.nan
    cell: int = -1
    where: str = ""

    def __str__(self) -> str:
        return "not known" if self.cell < 0 else f"{self.error:.3g} in cell {self.cell}{self.where}"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What `check_weights` found.

    `faults` make weights unfit for use, `remarks` are worth knowing; errors are shares of cells.
    """

    method: str
    normalization: str
    edges: str
    generator: str
    n_source: int
    n_destination: int
    n_entry: int
    weight_min: float
    weight_max: float
    n_negative: int
    row_sum_min: float
    row_sum_max: float
    row_error: Worst
    conservation: Worst
    n_unmapped: int
    n_unmapped_live: int
    area_a_globe: float
    area_b_globe: float
    faults: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        lines = [
            f"Weights by {self.generator}: {self.method}, normalisation {self.normalization}{f', edges {self.edges}' if self.edges else ''}",
            f"  {self.n_source} source cells -> {self.n_destination} destination cells, {self.n_entry} entries",
            f"  weights               {self.weight_min:.6g} .. {self.weight_max:.6g}, {self.n_negative} negative",
            f"  row sums (mapped)     {self.row_sum_min:.15g} .. {self.row_sum_max:.15g}",
            f"  row sum error         {self.row_error} (against frac_b)",
            *([] if math.isnan(self.conservation.error) else [f"  conservation error    {self.conservation} (share of the source cell)"]),
            f"  unmapped cells        {self.n_unmapped}, of which {self.n_unmapped_live} not masked",
            *([f"  area / globe          source {_known(self.area_a_globe)}, destination {_known(self.area_b_globe)}"] if self.area_b_globe else []),
            *(f"  remark: {text}" for text in self.remarks),
            *(f"  FAULT: {text}" for text in self.faults),
            f"  {'sound' if self.is_sound else 'NOT TO BE USED'}",
        ]
        return "\n".join(lines)


def _known(value: float) -> str:
    return "not known" if math.isnan(value) else f"{value:.12g}"


def check_weights(weights: Weights) -> Report:
    """Measure weights by their own claims; raises nothing. Weights of `read_weights(..., strict=False)` are welcome.

    The conservation error is |sum_j w_ij A_j (frac_b) - A_i frac_a| / A_i, known where the weights come with areas.
    """
    total, mapped = weights.row_sum, weights.is_mapped
    live = np.ones(len(mapped), bool) if weights.destination.mask is None else weights.destination.mask
    row_error, conservation = _row_error(weights, total), _conservation(weights)
    faults = weight_rules.faults(weights)
    if weights.method.startswith("conserve") and conservation.error > CONSERVATION_TOLERANCE:
        faults.append(f"area is not kept: source cell {conservation.cell}{conservation.where} gives away "
                      f"{conservation.error:.3g} of itself more or less than its frac_a says.")
    area_faults, remarks = _areas(weights)
    remarks += _remarks(weights, total, conservation)
    values = weights.value if weights.n_entry else np.array([math.nan])
    sums = total[mapped] if mapped.any() else np.array([math.nan])
    return Report(
        method=weights.method, normalization=weights.normalization, edges=weights.edges, generator=weights.generator,
        n_source=weights.n_source, n_destination=weights.n_destination, n_entry=weights.n_entry,
        weight_min=float(values.min()), weight_max=float(values.max()), n_negative=int((weights.value < 0.0).sum()),
        row_sum_min=float(sums.min()), row_sum_max=float(sums.max()), row_error=row_error, conservation=conservation,
        n_unmapped=int((~mapped).sum()), n_unmapped_live=int((~mapped & live).sum()),
        area_a_globe=_globe(weights.source), area_b_globe=_globe(weights.destination),
        faults=tuple(faults + area_faults), remarks=tuple(remarks))


def _row_error(weights: Weights, total: np.ndarray) -> Worst:
    expected = expected_row_sum(weights)
    if expected is None:
        return Worst()
    error = np.abs(total - expected)
    k = int(np.argmax(error))
    return Worst(error=float(error[k]), cell=k, where=place(weights, "destination", k))


def _conservation(weights: Weights) -> Worst:
    a, b = weights.source, weights.destination
    area_a, area_b, frac_a, frac_b = a.area_sr, b.area_sr, a.frac, b.frac
    if any(part is None for part in (area_a, area_b, frac_a)) or not (area_a > 0).any() or not (area_b > 0).any():
        return Worst()
    if weights.normalization == "fracarea":
        if frac_b is None:
            return Worst()
        area_b = area_b * frac_b
    given = np.bincount(weights.column, weights.value * area_b[weights.row], minlength=weights.n_source)
    sound = area_a > 0
    error = np.divide(np.abs(given - area_a * frac_a), area_a, out=np.where(given > 0, math.inf, 0.0), where=sound)
    k = int(np.argmax(error))
    return Worst(error=float(error[k]), cell=k, where=place(weights, "source", k))


def _globe(side: Side) -> float:
    return math.nan if side.area_sr is None else float(side.area_sr.sum() / (4.0 * math.pi))


def _areas(weights: Weights) -> tuple[list[str], list[str]]:
    """Areas against corners, where the edge convention is known: (faults, remarks)."""
    faults, remarks = [], []
    for what, side, edges in zip(("source", "destination"), (weights.source, weights.destination), weights.side_edges):
        if not edges or side.vertex_lon_deg is None or side.area_sr is None or not (side.area_sr > 0).any():
            continue
        enclosed = np.abs(polygon_area_sr(*_finite(side), edges))
        live = (enclosed > 0) & (side.area_sr > 0) if side.mask is None else (enclosed > 0) & (side.area_sr > 0) & side.mask
        ratio = np.divide(side.area_sr, enclosed, out=np.ones(side.n_cell), where=live)
        k = int(np.argmax(np.abs(ratio - 1.0)))
        if _closes_rows(side, ratio):
            faults.append(f"{what} cell {k}{place(weights, what, k)} has {ratio[k]:.3g} times the area that its corners enclose, "
                          "as have all cells of the last column: ESMF took the grid for periodic and closed it round the globe "
                          f"(--{'src' if what == 'source' else 'dst'}_regional prevents it).")
        elif abs(ratio[k] - 1.0) > AREA_TOLERANCE:
            remarks.append(f"area of {what} cell {k}{place(weights, what, k)} is {ratio[k]:.9g} times what its corners enclose; "
                           "areas were given by the user, or edges are curved otherwise.")
    return faults, remarks


def _finite(side: Side) -> tuple[np.ndarray, np.ndarray]:
    return np.nan_to_num(side.vertex_lon_deg), np.nan_to_num(side.vertex_lat_deg)


def _closes_rows(side: Side, ratio: np.ndarray) -> bool:
    if len(side.shape) != 2 or side.shape[1] < 2:
        return False
    large = ratio.reshape(side.shape) > CLOSING_FACTOR
    return bool(large[:, -1].all() and not large[:, :-1].any())


def _remarks(weights: Weights, total: np.ndarray, conservation: Worst) -> list[str]:
    found = []
    if weights.method == "unknown":
        found.append("the file does not say its method, so signs and row sums cannot be judged.")
        frac = weights.destination.frac
        if frac is not None and (np.abs(total - frac) > REMARK_TOLERANCE).any():
            k = int(np.argmax(np.abs(total - frac)))
            found.append(f"row {k} sums to {total[k]:.9g}, its frac_b is {frac[k]:.9g}.")
    if REMARK_TOLERANCE < conservation.error <= CONSERVATION_TOLERANCE:
        found.append(f"area is kept to {conservation.error:.3g} of a source cell only.")
    return found


__all__ = ["Report", "Worst", "check_weights"]
