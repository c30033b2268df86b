"""WRF's rules for the land use in geo_em, wrfinput and wrflowinp files, as WRF, real.exe and geogrid apply them. Writes nothing."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.hosts.finding import NOTE, Findings, Rule
from lsbc.regrid.errors import FileError

SUM_TOLERANCE = 1e-6
"""Of LANDUSEF: float32 fractions of 20 classes were seen to sum to 1 within 5e-8."""
MODIS = "MODIFIED_IGBP_MODIS_NOAH"
MODIS_CODES = {"ISWATER": (17,), "ISLAKE": (21, -1), "ISURBAN": (13,), "ISICE": (15,)}
URBAN_CODES = (31, 32, 33, *range(51, 62))
"""Urban classes beside ISURBAN: 31..33 in older releases, the local climate zones 51..61 in today's tables."""

_TABLE = "landuse_init, phys/module_physics_init.F"
_REAL = "dyn_em/module_initialize_real.F"
_INPUT = "input_wrf, share/input_wrf.F"
_GEOGRID = "process_tile, WPS geogrid/src/process_tile_module.F"


def check(findings: Findings) -> None:
    """Look for broken rules in a geo_em, wrfinput or wrflowinp file.

    Raises:
        FileError: the file has neither LU_INDEX nor a field of wrflowinp, or its maps of land use have different dimensions.
    """
    file = findings.file
    if not any(name in file for name in ("LU_INDEX", "VEGFRA", "ALBBCK")):
        raise FileError(f"File {file.path} has neither LU_INDEX nor VEGFRA nor ALBBCK; a geo_em, wrfinput or wrflowinp file is expected.")
    if "LU_INDEX" in file:
        _land_use(findings)
    _units(findings)


def _land_use(findings: Findings) -> None:
    n_class = _attributes(findings)
    file = findings.file
    for name in ("LANDMASK", "IVGTYP", "LANDUSEF"):
        if name in file and (dims := file.dims(name)) != (cells := file.dims("LU_INDEX")) and (name != "LANDUSEF" or dims[:-3] + dims[-2:] != cells):
            raise FileError(f"File {file.path}: {name} has the dimensions {', '.join(dims) or '(none)'}, LU_INDEX {', '.join(cells) or '(none)'}; "
                            "these are not the same cells.")
    index = findings.finite("LU_INDEX", _TABLE)
    if n_class is not None:
        _codes(findings, index, n_class)
    if "LANDUSEF" in file:
        fractions = findings.finite("LANDUSEF", _REAL)
        axis = fractions.ndim - 3
        if n_class is not None and fractions.shape[axis] != n_class:
            findings.file_breaks(Rule("LANDUSEF has NUM_LAND_CAT classes", _INPUT, "Give the attribute the number of classes in the file."),
                                 "LANDUSEF", f"{fractions.shape[axis]} classes, NUM_LAND_CAT = {n_class}")
        _fractions(findings, fractions, axis)
        _dominant(findings, fractions, axis, index)
    if "LANDMASK" in file:
        _mask(findings, index)
    if "IVGTYP" in file:
        types = findings.finite("IVGTYP", _REAL)
        rule = Rule("IVGTYP equals LU_INDEX", f"init_domain_rk, {_REAL}",
                    "Change both: the land-surface scheme reads IVGTYP, the surface tables are read by LU_INDEX.")
        findings.cells(rule, "IVGTYP", types, types == np.where(np.isfinite(index), np.rint(index), types))


def _attributes(findings: Findings) -> int | None:
    """Number of classes; None where the file does not say it."""
    file, n_class = findings.file, findings.file.whole("NUM_LAND_CAT")
    for name in ("NUM_LAND_CAT", "ISWATER", "ISLAKE", "ISURBAN"):
        if file.whole(name) is None:
            findings.file_breaks(Rule("The attributes that name the classes are present", _INPUT, "Copy the attributes of the geo_em file."), name, "missing")
    if not file.text("MMINLU"):
        findings.file_breaks(Rule("MMINLU names the classes", f"phy_init, phys/module_physics_init.F; {_INPUT}",
                                  f"Write it, for MODIS classes '{MODIS}': without it WRF reads the codes as USGS classes."), "MMINLU", "missing or blank")
    if file.text("MMINLU") == MODIS:
        for name, known in (*MODIS_CODES.items(), ("NUM_LAND_CAT", (20, 21, 61))):
            if file.whole(name) is not None and file.whole(name) not in known:
                findings.file_breaks(Rule(f"{name} is {' or '.join(map(str, known))} with MODIS classes", "run/LANDUSE.TBL, WPS geogrid index files",
                                          f"Correct the attribute: MMINLU says {MODIS}."), name, str(file.whole(name)))
    for name in ("ISWATER", "ISLAKE", "ISURBAN"):
        code = file.whole(name)
        if code is not None and n_class is not None and code > n_class:
            findings.file_breaks(Rule(f"{name} is one of the file's classes", _REAL, "real.exe takes LANDUSEF of this class: correct it, or NUM_LAND_CAT."),
                                 name, f"{code}, NUM_LAND_CAT = {n_class}")
    return n_class


def _codes(findings: Findings, index: np.ndarray, n_class: int) -> None:
    urban = np.isin(index, URBAN_CODES) & (index > n_class)
    zero = index == 0
    findings.cells(Rule("LU_INDEX is not 0", f"{_TABLE}; init_domain_rk, {_REAL}", "Give these cells a class: landuse_init takes 0 for water, "
                        "while the land-surface scheme has no class 0."), "LU_INDEX", index, ~zero)
    good = (index >= 1) & (index <= n_class) & (index == np.rint(index))
    findings.cells(Rule("LU_INDEX is a whole number of 1..NUM_LAND_CAT", _TABLE, "Correct the code: WRF stops with 'LANDUSE OUTSIDE RANGE' beyond its table."),
                   "LU_INDEX", index, good | zero | urban, off=np.fmax(1 - index, index - n_class))
    codes = ", ".join(f"{int(code)} in {int((index == code).sum())} cells" for code in np.unique(index[urban]))
    rule = Rule("Urban classes in LU_INDEX are among the file's classes", "run/LANDUSE.TBL ('Unassigned' rows), VEGPARM.TBL and NoahmpTable.TBL (20 classes)",
                "Codes 31..33 are urban only to older releases with sf_urban_physics; today's are 51..61, with NUM_LAND_CAT = 61. LANDUSEF knows none of them: "
                "use ISURBAN, or classes and attributes of one kind throughout.")
    findings.cells(rule, "LU_INDEX", index, ~urban, detail=f"{codes}, beside {n_class} classes")


def _fractions(findings: Findings, fractions: np.ndarray, axis: int) -> None:
    findings.within(Rule("LANDUSEF is in 0..1", _GEOGRID, "Write fractions of the cell, not percent."), "LANDUSEF", fractions, 0, 1)
    total = fractions.sum(axis=axis, dtype=np.float64)
    off = np.abs(total - 1)
    dims = tuple(np.delete(findings.file.dims("LANDUSEF"), axis))
    findings.cells(Rule(f"LANDUSEF sums to 1 within {SUM_TOLERANCE:g}", _GEOGRID, "Divide each cell's fractions by their sum."),
                   "sum of LANDUSEF", total, off <= SUM_TOLERANCE, off=off, dims=dims)


def _dominant(findings: Findings, fractions: np.ndarray, axis: int, index: np.ndarray) -> None:
    """A note: whoever made the file may have had reasons. The urban codes beyond the classes are another rule's."""
    file, n_class = findings.file, fractions.shape[axis]
    whole = np.isfinite(fractions).all(axis=axis)
    largest = np.where(np.isfinite(fractions), fractions, -1).argmax(axis=axis) + 1.0
    good = (index == largest) | ~whole | (index < 1) | (index > n_class)
    detail = ""
    if "LANDMASK" in file:
        is_water = np.isin(np.arange(1, n_class + 1), [code for code in (file.whole("ISWATER"), file.whole("ISLAKE")) if code])
        water_class = is_water.reshape([-1 if k == axis else 1 for k in range(fractions.ndim)])
        on_land = np.expand_dims(file.values("LANDMASK") >= 0.5, axis)
        ours = np.where(water_class != on_land, fractions, -1).argmax(axis=axis) + 1.0
        detail = f"{int((~good & (index == ours)).sum())} of them follow geogrid's rule, the largest of the land classes where LANDMASK is 1, of water where it is 0"
    rule = Rule("LU_INDEX is the class with the largest LANDUSEF, the lowest code of equal ones", _GEOGRID,
                "Nothing, if you know why; WRF reads LU_INDEX, and LANDUSEF only for mosaic tiles, lakes and urban fractions.", NOTE)
    findings.cells(rule, "LU_INDEX", index, good, detail=detail)


def _mask(findings: Findings, index: np.ndarray) -> None:
    file, mask = findings.file, findings.finite("LANDMASK", _REAL)
    findings.cells(Rule("LANDMASK is 0 or 1", _REAL, "Write 1 for land and 0 for water."), "LANDMASK", mask, (mask == 0) | (mask == 1))
    codes = [code for code in (file.whole("ISWATER"), file.whole("ISLAKE")) if code is not None and code > 0]
    if file.whole("ISWATER") is None:
        return
    on_water = np.isin(index, codes)
    rule = Rule("LANDMASK is 0 exactly where LU_INDEX is ISWATER or ISLAKE", f"'mismatch_landmask_ivgtyp' of init_domain_rk, {_REAL}",
                "Change both together, and the soil class (14 is water): real.exe stops, or makes the cell land of class 5 or water on its own.")
    findings.cells(rule, "LU_INDEX", index, (mask == 0) == on_water)
    lake = file.whole("ISLAKE") or -1
    if "IVGTYP" in file and lake > 0:
        rule = Rule("No lake class is left in a wrfinput file", f"{_TABLE}; run/LANDUSE.TBL ('Unassigned' row)",
                    "Put ISWATER in its place unless sf_lake_physics = 1: the surface table has no lake (z0 80 cm, a land cell).", NOTE)
        findings.cells(rule, "LU_INDEX", index, index != lake)


_PERCENT = Rule("Values are percent, 0..100", f"init_domain_rk, {_REAL}", "Multiply fractions by 100.")
_FRACTION = Rule("Values are fractions, 0..1", f"init_domain_rk, {_REAL}", "Divide percent by 100.")
_NOT_NEGATIVE = Rule("Values are not negative", f"init_domain_rk, {_REAL}", "Correct these cells.")


def _units(findings: Findings) -> None:
    for name, rule, high in (("ALBEDO12M", _PERCENT, 100), ("VEGFRA", _PERCENT, 100), ("SHDMAX", _PERCENT, 100), ("SHDMIN", _PERCENT, 100),
                             ("GREENFRAC", _FRACTION, 1), ("ALBBCK", _FRACTION, 1), ("LAI12M", _NOT_NEGATIVE, np.inf), ("LAI", _NOT_NEGATIVE, np.inf)):
        if name not in findings.file:
            continue
        values = findings.finite(name, _REAL)
        findings.within(rule, name, values, 0, high)
        largest = np.max(values, where=np.isfinite(values), initial=0)
        if high == 100 and name != "SHDMIN" and 0 < largest <= 1:
            findings.file_breaks(_PERCENT, name, f"its largest value is {largest:g}, as if it were a fraction")
