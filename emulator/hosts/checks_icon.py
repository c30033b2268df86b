"""ICON-NWP's rules for the land use in its external parameter (EXTPAR) file. Writes nothing."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.hosts.finding import NOTE, Findings, Rule
from lsbc.emulator.hosts.host_file import HostFile
from lsbc.regrid.errors import FileError

N_CLASS = 23
TOLERANCE = 1e-5
"""Of sums of float32 fractions."""
LEAST_FRACTION = 0.05
"""ICON's default frlnd_thrhld, frlake_thrhld and frsea_thrhld: a smaller part of a cell gets no tile."""

_INQUIRE = "inquire_extpar_file, src/shr_horizontal/mo_ext_data_inquire.f90"
_READ = "read_ext_data_atm, src/shr_horizontal/mo_ext_data_init.f90"
_LISTS = "init_index_lists, src/shr_horizontal/mo_ext_data_init.f90"
_EXTPAR = "EXTPAR's consistency check"

_RANGES = (
    ("PLCOV_MX", 0, 1, "PLCOV_MX is a fraction, 0..1", "Divide percent by 100."),
    ("LAI_MX", 0, 10, "LAI_MX is in 0..10 m2 m-2", "Correct these cells: EXTPAR's class table ends at 6."),
    ("ROOTDP", 0, 10, "ROOTDP is in 0..10 m", "Write metres: EXTPAR's class table ends at 2 m."),
    ("EMIS_RAD", 0.5, 1, "EMIS_RAD is in 0.5..1", "Write the emissivity as a fraction: EXTPAR's class table begins at 0.95."),
)


def check(findings: Findings, grid: HostFile | None = None) -> None:
    """Look for broken rules in an EXTPAR file; with its grid file, whether the two belong together.

    Raises:
        FileError: the file has no LU_CLASS_FRACTION.
    """
    file = findings.file
    if "LU_CLASS_FRACTION" not in file:
        raise FileError(f"File {file.path} has no LU_CLASS_FRACTION; an EXTPAR file of ICON is expected.")
    _source(findings, grid)
    land, lake = _surface_fractions(findings)
    _classes(findings, land)
    findings.present(("PLCOV_MX", "LAI_MX", "ROOTDP"), _READ, "Needed with ntiles = 1 alone; with tiles ICON takes its own class table.", NOTE)
    findings.present(("Z0",), _READ, "Needed with itype_z0 = 1 alone.", NOTE)
    findings.present(("EMIS_RAD",), _READ, "Needed with itype_lwemiss = 1 (EMISS with 2).", NOTE)
    for name, low, high, text, advice in _RANGES:
        if name in file:
            findings.within(Rule(text, _READ, advice), name, findings.finite(name, _READ), low, high)
    if "Z0" in file:
        roughness = findings.finite("Z0", _READ)
        findings.cells(Rule("Z0 is above 0 m", _READ, "Give these cells a roughness length: the turbulence scheme takes its logarithm."),
                       "Z0", roughness, roughness > 0, off=-roughness)


def _source(findings: Findings, grid: HostFile | None) -> None:
    file = findings.file
    if not any(word in file.text("rawdata") for word in ("GLC2000", "GLOBCOVER2009")):
        findings.file_breaks(Rule("The global attribute rawdata names GLOBCOVER2009 or GLC2000", _INQUIRE,
                                  "Write rawdata = 'GLOBCOVER2009': ICON stops with 'Unknown landcover data source'."),
                             "rawdata", f"'{file.text('rawdata')}'" if file.text("rawdata") else "missing")
    if not file.text("uuidOfHGrid"):
        findings.file_breaks(Rule("The file names its grid by uuidOfHGrid", _INQUIRE, "Copy the attribute of the grid file: ICON stops unless "
                                  "check_uuid_gracefully is set."), "uuidOfHGrid", "missing")
    elif grid is not None and file.text("uuidOfHGrid").lower() != grid.text("uuidOfHGrid").lower():
        findings.file_breaks(Rule("The file belongs to the grid file", _INQUIRE, "Take the external parameters of this grid."), "uuidOfHGrid",
                             f"{file.text('uuidOfHGrid')}, of the grid file '{grid.text('uuidOfHGrid')}'")
    n_cell = file.sizes[file.dims("LU_CLASS_FRACTION")[-1]]
    if grid is not None and grid.sizes.get("cell") != n_cell:
        findings.file_breaks(Rule("The file has the grid's cells", _READ, "Take the external parameters of this grid."), "LU_CLASS_FRACTION",
                             f"{n_cell} cells, the grid file {grid.sizes.get('cell')}")


def _surface_fractions(findings: Findings) -> tuple[np.ndarray | None, np.ndarray | None]:
    """FR_LAND and FR_LAKE, None where they are missing."""
    file = findings.file
    findings.present(("FR_LAND", "FR_LAKE"), _READ, "Add them: ICON reads them always.")
    names = [name for name in ("FR_LAND", "FR_LAKE", "FR_OCEAN") if name in file]
    values = {name: findings.finite(name, _LISTS) for name in names}
    for name in names:
        findings.within(Rule(f"{name} is in 0..1", _LISTS, "Write fractions of the cell."), name, values[name], 0, 1)
    land, lake, ocean = (values.get(name) for name in ("FR_LAND", "FR_LAKE", "FR_OCEAN"))
    if land is None or lake is None:
        return land, lake
    dims, total = file.dims("FR_LAND"), land.astype(np.float64) + lake
    if ocean is not None:
        off = np.abs(total + ocean - 1)
        findings.cells(Rule(f"FR_LAND + FR_LAKE + FR_OCEAN = 1 within {TOLERANCE:g}", _EXTPAR, "Make the three agree again."),
                       "FR_LAND + FR_LAKE + FR_OCEAN", total + ocean, off <= TOLERANCE, off=off, dims=dims)
    else:
        findings.cells(Rule(f"FR_LAND + FR_LAKE is at most 1 (+ {TOLERANCE:g})", _LISTS, "Correct them: what is left is ICON's sea."),
                       "FR_LAND + FR_LAKE", total, total <= 1 + TOLERANCE, off=total, dims=dims)
    sea = 1 - total
    rule = Rule(f"Lake and sea do not share a cell (both {LEAST_FRACTION:g} or more)", _LISTS, "Give the water of the cell to one of them: ICON stops with "
                "'Lake and sea tiles must not coexist on any grid point'.")
    findings.cells(rule, "FR_LAKE", lake, (lake < LEAST_FRACTION) | (sea < LEAST_FRACTION) | ~np.isfinite(sea), off=np.fmin(lake, sea))
    return land, lake


def _classes(findings: Findings, land: np.ndarray | None) -> None:
    file, name = findings.file, "LU_CLASS_FRACTION"
    dims, fractions = file.dims(name), findings.finite(name, _LISTS)
    axis = fractions.ndim - 2
    if axis < 0 or fractions.shape[axis] != N_CLASS:
        findings.file_breaks(Rule(f"LU_CLASS_FRACTION has {N_CLASS} classes, its cells last", _INQUIRE, "Write (class, cell): the index is a row of ICON's class "
                                  "table."), name, f"{dict(zip(dims, fractions.shape))}")
        return
    findings.within(Rule("LU_CLASS_FRACTION is in 0..1", _LISTS, "Write fractions of the cell, not percent."), name, fractions, 0, 1)
    total = fractions.sum(axis=axis, dtype=np.float64)
    off, rest = np.abs(total - 1), tuple(np.delete(dims, axis))
    is_land = np.broadcast_to(land > LEAST_FRACTION if land is not None and land.shape == total.shape[-land.ndim:] else True, total.shape)
    advice = "Divide each cell's fractions by their sum: ICON makes its tiles from them."
    findings.cells(Rule(f"LU_CLASS_FRACTION sums to 1 within {TOLERANCE:g} on land (FR_LAND above {LEAST_FRACTION:g})", _LISTS, advice),
                   "sum of LU_CLASS_FRACTION", total, (off <= TOLERANCE) | ~is_land, off=off, dims=rest)
    findings.cells(Rule(f"LU_CLASS_FRACTION sums to 1 within {TOLERANCE:g} elsewhere", _EXTPAR, "ICON does not read these cells' classes.", NOTE),
                   "sum of LU_CLASS_FRACTION", total, (off <= TOLERANCE) | is_land, off=off, dims=rest)
