"""JSBACH's rules for its yearly land-use file, bc_land_frac_11pfts_YYYY.nc, and for the step from one year to the next. Writes nothing."""

from __future__ import annotations

import re

import numpy as np

from lsbc.emulator.hosts.finding import NOTE, Findings, Rule
from lsbc.emulator.hosts.host_file import HostFile
from lsbc.regrid.errors import FileError

N_PFT = 11
PFT_NAMES = tuple(f"fract_pft{k:02d}" for k in range(1, N_PFT + 1))
SUM_TOLERANCE = 1e-11
"""JSBACH's min_tolerated_cf_mismatch."""
_EPSILON = np.finfo(np.float64).eps

_READ = "read_land_use_data, anthropogenic_lcc/mo_alcc_init.f90"
_UPDATE = "update_alcc, anthropogenic_lcc/mo_alcc_interface.f90"


def check(findings: Findings, next_year: HostFile | None = None) -> None:
    """Look for broken rules in one year's file, and in the change to `next_year`.

    Raises:
        FileError: a file has none of JSBACH's fractions.
    """
    file = findings.file
    for one in (file, next_year) if next_year is not None else (file,):
        if not any(name in one for name in PFT_NAMES):
            raise FileError(f"File {one.path} has none of fract_pft01..fract_pft{N_PFT}; JSBACH's land-use file of one year is expected.")
    _names(findings)
    fractions = {name: _one(findings, name) for name in PFT_NAMES if name in file}
    dims = {file.dims(name) for name in fractions}
    total = _sums(findings, list(fractions.values()), file.dims(next(iter(fractions)))) if len(dims) == 1 else None
    if "fract_veg" in file:
        vegetated = findings.finite("fract_veg", _READ)
        findings.within(Rule("fract_veg is in 0..1", _READ, "Write fractions of the cell."), "fract_veg", vegetated, 0, 1)
        if total is not None and vegetated.shape == total.shape:
            rule = Rule("The fractions sum to 1 where there is vegetation", "relative_fractions_in_file = .TRUE. (mo_alcc_init.f90)",
                        "Nothing if the fractions are of the cell; of the vegetated part, they leave some of it without a plant type.", NOTE)
            findings.cells(rule, "sum of fract_pft", total, (vegetated == 0) | (np.abs(total - 1) <= SUM_TOLERANCE) | (total > 1),
                           off=1 - total, dims=file.dims("fract_veg"))
    if next_year is not None:
        _change(findings, next_year)


def _names(findings: Findings) -> None:
    file = findings.file
    findings.present(PFT_NAMES, _READ, "JSBACH reads one variable for each child of the veg tile and stops without it.")
    extra = f"fract_pft{N_PFT + 1:02d}"
    if extra in file:
        findings.file_breaks(Rule(f"The file has {N_PFT} plant types (nr_of_pfts)", _READ, "Take another set of tiles, or leave these out: they are not read.", NOTE),
                             extra, "present")
    dims = {name: file.dims(name) for name in PFT_NAMES if name in file}
    first = next(iter(dims.values()))
    for name, other in dims.items():
        if other != first:
            findings.file_breaks(Rule("All fractions have the same dimensions", _READ, "Write each as a map on the grid's cells."), name, f"{other}, others {first}")
    if "time" in first:
        findings.file_breaks(Rule("The fractions have no time axis", _READ, "Write maps: the year is in the file's name.", NOTE), next(iter(dims)), f"{first}")
    singles = [name for name in dims if file.dtype(name) == np.float32]
    if singles:
        rule = Rule("Fractions are double precision", f"min_tolerated_cf_mismatch = {SUM_TOLERANCE:g}; {_READ}",
                    "Write float64 and divide by the sum last: rounded to float32, the fractions of most vegetated cells no longer sum to 1 so closely.", NOTE)
        findings.file_breaks(rule, ", ".join(singles), "float32")
    if not re.search(r"[1-9]\d{3}\.nc$", file.path.name):
        findings.file_breaks(Rule("The file's name ends in its year, 1000..9999", _READ, "Name it bc_land_frac_11pfts_YYYY.nc (alcc_filename_prefix).", NOTE),
                             "file name", file.path.name)


def _one(findings: Findings, name: str) -> np.ndarray:
    values = findings.finite(name, _READ).astype(np.float64)
    advice = "Clip and divide by the sum in float64: JSBACH stops."
    findings.within(Rule("Each fraction is 0 or more", _READ, advice), name, values, 0, np.inf)
    findings.within(Rule("Each fraction is at most 1 (+ 2.2e-16)", _READ, advice), name, values, -np.inf, 1 + _EPSILON)
    return values


def _sums(findings: Findings, fractions: list[np.ndarray], dims: tuple[str, ...]) -> np.ndarray:
    total = sum(fractions)
    rule = Rule(f"The fractions sum to 1 + {SUM_TOLERANCE:g} at most", _READ, "Divide by the sum in float64, as the last step before the file is written.")
    findings.cells(rule, "sum of fract_pft", total, total <= 1 + SUM_TOLERANCE, off=total, dims=dims)
    return total


def _change(findings: Findings, other: HostFile) -> None:
    """What a plant type gains must be lost by others, in each cell and both ways."""
    file = findings.file
    names = [name for name in PFT_NAMES if name in file and name in other]
    shapes = {tuple(one.sizes[dim] for dim in one.dims(name)) for one in (file, other) for name in names}
    if len(names) < N_PFT or len(shapes) > 1:
        findings.file_breaks(Rule("Both years have the same plant types and cells", _READ, "Check both files by themselves."), str(other.path),
                             f"{len(names)} plant types in both, shapes {sorted(shapes)}")
        return
    gained, lost, n_bad, dims = 0.0, 0.0, 0, file.dims(names[0])
    for name in names:
        later = other.values(name).astype(np.float64)
        n_bad += int((~np.isfinite(later)).sum())
        change = later - file.values(name)
        gained, lost = gained + np.maximum(change, 0), lost + np.maximum(-change, 0)
    if n_bad:
        findings.file_breaks(Rule("Every value of the next year is finite", _READ, "Fill these cells; check that file by itself."), str(other.path),
                             f"{n_bad} values are not")
    net, advice = np.asarray(gained - lost), "Keep each cell's sum of fractions from year to year"
    findings.cells(Rule(f"Gained area is no more than lost area (+ {SUM_TOLERANCE:g})", _UPDATE, f"{advice}: JSBACH stops."),
                   "gained - lost", net, net <= SUM_TOLERANCE, off=net, dims=dims)
    findings.cells(Rule(f"Lost area is no more than gained area (+ {SUM_TOLERANCE:g})", f"{_UPDATE}, which tests the other way alone",
                        f"{advice}: the vegetated area shrinks and JSBACH does not say so."),
                   "gained - lost", net, -net <= SUM_TOLERANCE, off=-net, dims=dims)
