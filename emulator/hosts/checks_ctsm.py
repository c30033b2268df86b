"""CTSM's rules for the land use in its surface file and in landuse.timeseries. Writes nothing."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.hosts.finding import NOTE, Findings, Rule
from lsbc.emulator.hosts.host_file import HostFile
from lsbc.regrid.errors import FileError

SUM_TOLERANCE = 1e-13
"""Of weights; CTSM's check_sums_equal_1 (1e-14 in older releases)."""
EXCESS_PERCENT = 1e-4
FIRST_SLICE_TOLERANCE = 1e-6
"""Of weights; CTSM's dynpft_check_consistency."""
SHARES = {"PCT_NAT_PFT": "natpft", "PCT_CFT": "cft"}
"""Parts of a landunit, which sum to 100 in every cell, and the dimension of the parts."""
SPECIAL = ("PCT_URBAN", "PCT_WETLAND", "PCT_LAKE", "PCT_GLACIER")
OCEAN = "PCT_OCEAN"
"""In surface files since CTSM 5.2 alone."""
LANDUNITS = ("PCT_NATVEG", "PCT_CROP", *SPECIAL)
"""In the order of CTSM's decrease_order; urban is medium, high density, then tall buildings, and glacier is never decreased."""

_SUMS = "check_sums_equal_1, src/main/surfrdUtilsMod.F90"
_SPECIAL = "surfrd_special, src/main/surfrdMod.F90"
_DATA = "surfrd_get_data, src/main/surfrdMod.F90"
_VEG = "surfrd_veg_all, src/main/surfrdMod.F90"
_FIRST = "dynpft_check_consistency, src/dyn_subgrid/dynpftFileMod.F90"
_YEARS = "set_info_from_year, src/dyn_subgrid/dynTimeInfoMod.F90"
_AREAS = "update_landunit_weights_one_gcell, src/dyn_subgrid/dynLandunitAreaMod.F90"
_URBAN = "dynurban_init, src/dyn_subgrid/dynurbanFileMod.F90"


def check(findings: Findings, surface: HostFile | None = None) -> None:
    """Look for broken rules in a surface file or a landuse.timeseries; with the surface file, whether the series begins with it.

    Raises:
        FileError: the file has no PCT_ variable, or `surface` is given and `findings.file` is no time series.
    """
    file = findings.file
    if not any(name in file for name in (*SHARES, *LANDUNITS)):
        raise FileError(f"File {file.path} has none of {', '.join((*SHARES, *LANDUNITS))}; a surface file or landuse.timeseries of CTSM is expected.")
    is_series = "YEAR" in file or "time" in file.sizes and any("time" in file.dims(name) for name in (*SHARES, *LANDUNITS) if name in file)
    if surface is not None and not is_series:
        raise FileError(f"File {file.path} is no landuse.timeseries; give that first and the surface file second.")
    findings.present(("PCT_NAT_PFT",) if is_series else ("PCT_NAT_PFT", *LANDUNITS), _FIRST if is_series else f"{_VEG}; surfrd_special",
                     "Add it: CTSM stops without it.")
    if is_series:
        _years(findings)
    for name, parts in SHARES.items():
        if name in file:
            _shares(findings, name, parts, is_series)
    areas = {name: _percent(findings, name, _SPECIAL if name in (*SPECIAL, OCEAN) else _VEG) for name in (*LANDUNITS, OCEAN) if name in file}
    if "PCT_URBAN" in areas and (urban := _all_urban(findings, areas.pop("PCT_URBAN"))) is not None:
        areas["PCT_URBAN"] = urban
    if "PCT_CROP" in areas and "PCT_CFT" not in file:
        rule = Rule("PCT_CROP is 0 where the file has no PCT_CFT", _VEG, "Add PCT_CFT, or put the crops into PCT_NAT_PFT.")
        findings.cells(rule, "PCT_CROP", areas["PCT_CROP"], areas["PCT_CROP"] == 0, off=areas["PCT_CROP"])
    _landunits(findings, areas, is_series)
    if surface is not None:
        _first_slice(findings, surface)


def _percent(findings: Findings, name: str, source: str) -> np.ndarray:
    values = findings.finite(name, source).astype(np.float64)
    findings.within(Rule("Values are percent, 0..100", source, "Correct these cells."), name, values, 0, 100 + EXCESS_PERCENT)
    largest = np.max(values, where=np.isfinite(values), initial=0)
    if name in SHARES and 0 < largest <= 1:
        findings.file_breaks(Rule("Values are percent, 0..100", source, "Multiply fractions by 100."), name, f"its largest value is {largest:g}")
    return values


def _shares(findings: Findings, name: str, parts: str, is_series: bool) -> None:
    file, dims = findings.file, findings.file.dims(name)
    expected = ("time", parts) if is_series else (parts,)
    if dims[:len(expected)] != expected:
        findings.file_breaks(Rule(f"{name} has the dimensions ({', '.join(expected)}, cells)", "dynVarMod, src/dyn_subgrid" if is_series else _VEG,
                                  "Reorder or rename them."), name, f"{dims}")
        return
    axis = len(expected) - 1
    total = (_percent(findings, name, _SUMS) / 100).sum(axis=axis)
    off = np.abs(total - 1)
    rule = Rule(f"{name} sums to 100 within {100 * SUM_TOLERANCE:g} in every cell, whatever its landunit's area", _SUMS,
                "Divide by the sum in float64 as the last step, and write float64; a cell without the landunit needs shares as well.")
    findings.cells(rule, f"sum of {name} / 100", total, off <= SUM_TOLERANCE, off=off, dims=tuple(np.delete(dims, axis)))
    if file.dtype(name) == np.float32:
        findings.file_breaks(Rule("Shares are double precision", _SUMS, "Write float64: shares rounded to float32 do not sum so closely.", NOTE), name, "float32")


def _years(findings: Findings) -> None:
    if not findings.present(("YEAR",), _YEARS, "Add YEAR(time): CTSM finds its slice by it."):
        return
    years = findings.finite("YEAR", _YEARS)
    step, dims = np.diff(years), findings.file.dims("YEAR")
    findings.cells(Rule("YEAR increases from slice to slice", _YEARS, "Sort the slices by year, each year once."), "step of YEAR", step, step > 0, off=-step, dims=dims)
    findings.cells(Rule("YEAR has no gap", _YEARS, "Add the missing years: CTSM stops with 'model year not found in pftdyn timeseries'."),
                   "step of YEAR", step, (step == 1) | (step <= 0), off=step, dims=dims)


def _all_urban(findings: Findings, values: np.ndarray) -> np.ndarray | None:
    """PCT_URBAN of all density classes together; None where its dimension of three classes is not as CTSM has it."""
    dims = findings.file.dims("PCT_URBAN")
    if "numurbl" not in dims or findings.file.sizes["numurbl"] != 3:
        findings.file_breaks(Rule("PCT_URBAN has the dimension numurbl of 3: tall buildings, high, medium density", f"{_SPECIAL}; {_URBAN}",
                                  "Write the three density classes in this order."), "PCT_URBAN", f"{dict(zip(dims, values.shape))}")
        return None
    return values.sum(axis=dims.index("numurbl"))


def _landunits(findings: Findings, areas: dict[str, np.ndarray], is_series: bool) -> None:
    shapes = {values.shape for values in areas.values()}
    if len(shapes) > 1:
        findings.file_breaks(Rule("The landunits' areas are on the same cells", _DATA, "Write them on one grid."), ", ".join(areas), f"{sorted(shapes)}")
        return
    if not areas:
        return
    plain = next((name for name in areas if name != "PCT_URBAN"), None)
    dims = findings.file.dims(plain) if plain else tuple(dim for dim in findings.file.dims("PCT_URBAN") if dim != "numurbl")
    special = np.asarray(sum(areas[name] for name in (*SPECIAL, OCEAN) if name in areas), np.float64)
    total = np.asarray(sum(areas.values()), np.float64)
    if is_series:
        rule = Rule(f"PCT_CROP, PCT_URBAN and PCT_LAKE are together at most 100 + {EXCESS_PERCENT:g}", _AREAS,
                    "Correct them: CTSM takes what is too much from natural vegetation, crop, urban (medium, high density, tall), wetland, lake, in this order.")
        findings.cells(rule, f"sum of {', '.join(areas)}", total, total <= 100 + EXCESS_PERCENT, off=total, dims=dims)
        return
    if special.shape == total.shape:
        findings.cells(Rule(f"Wetland, lake, urban, glacier and ocean are together at most 100 + {EXCESS_PERCENT:g}", _SPECIAL, "Correct them: CTSM stops with "
                            "'patch cover>100'."), f"sum of {', '.join(name for name in (*SPECIAL, OCEAN) if name in areas)}", special,
                       special <= 100 + EXCESS_PERCENT, off=special, dims=dims)
    if areas.keys() >= set(LANDUNITS):
        weight = sum(values / 100 for values in areas.values())
        off = np.abs(weight - 1)
        findings.cells(Rule(f"The landunits sum to 100 within {100 * SUM_TOLERANCE:g}", f"{_DATA}: {_SUMS}", "Divide by the sum in float64 as the last step."),
                       f"sum of {', '.join(areas)} / 100", weight, off <= SUM_TOLERANCE, off=off, dims=dims)


def _first_slice(findings: Findings, surface: HostFile) -> None:
    name, file = "PCT_NAT_PFT", findings.file
    if name not in file or name not in surface or "time" not in file.dims(name):
        findings.file_breaks(Rule("Both files have PCT_NAT_PFT", _FIRST, "Check both files by themselves."), name, f"missing in {file.path} or {surface.path}")
        return
    first, start = file.values(name)[0].astype(np.float64) / 100, surface.values(name).astype(np.float64) / 100
    if first.shape != start.shape:
        findings.file_breaks(Rule("Both files have the same plant types and cells", _FIRST, "Take the surface file of this grid."), name,
                             f"{first.shape}, in {surface.path} {start.shape}")
        return
    if not np.isfinite(start).all():
        findings.file_breaks(Rule("Every value of the surface file is finite", _FIRST, "Fill these cells; abs(NaN) > tolerance is false, so CTSM does not see it."),
                             name, f"{int((~np.isfinite(start)).sum())} values of {surface.path} are not")
    off = np.abs(first - start)
    findings.cells(Rule(f"The first slice agrees with the surface file within {FIRST_SLICE_TOLERANCE:g}", _FIRST, "Take the surface file of the series' first year, or "
                        "begin the series with it (check_dynpft_consistency = .false. skips CTSM's test)."),
                   "difference of PCT_NAT_PFT / 100", off, off <= FIRST_SLICE_TOLERANCE, off=off, dims=surface.dims(name))
