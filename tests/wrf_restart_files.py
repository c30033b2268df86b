"""A small sound WRF restart file (wrfrst) with the names, dimensions and types of WRF's Registry, and the yearly file and namelist that go with it.

Twelve cells, 3 x 4, in the order in which the file has them; LU_INDEX before, and what the yearly file of `write_inputs` makes of it (FOREST 5, CROP 12, URBAN 13):

    0 ocean 17      1 lake 21          2 sea ice 15       3 glacier 15
    4 5 -> 12       5 5 -> 13          6 12 -> 5, snow    7 12 -> 12
    8 5, not covered 9 10, lsbc: water 10 13 -> 12         11 5 -> 5, a quarter water
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from grid_files import Spec, Var
from year_files import fractions, write_year

MAP = ("Time", "south_north", "west_east")
LEVELS = ("Time", "soil_layers_stag", "south_north", "west_east")
OLD_INDEX = [17, 21, 15, 15, 5, 5, 12, 12, 5, 10, 13, 5]
NEW_INDEX = [17, 21, 15, 15, 12, 13, 5, 12, 5, 10, 12, 5]
CHANGED = [4, 5, 6, 10]
TAKEN = [4, 5, 6, 7, 10, 11]
NAMELIST = """ &time_control
 restart                             = .true.,
 history_outname                     = 'wrfout_d<domain>_<date>'   ! a comment
 /

 &physics
 sf_surface_physics                  = 2,     2,
 usemonalb                           = {usemonalb},
 rdlai2d                             = {rdlai2d}
 rdmaxalb                            = {rdmaxalb},
 /
"""

TABLE_COLUMNS = "ALBD   SLMO   SFEM   SFZ0 THERIN   SCFX   SFHC"


def cells(values, dtype=np.float32) -> Var:
    """A map from its twelve values, or one value for all."""
    return Var(MAP, np.broadcast_to(np.asarray(values, dtype), 12).reshape(1, 3, 4).copy())


def layers(start: float) -> Var:
    """Four soil layers, each cell with a value of its own."""
    values = start + np.arange(4)[:, None] + np.arange(12) / 16
    return Var(LEVELS, values.astype(np.float32).reshape(1, 4, 3, 4))


def restart(date: str = "2031-01-01_00:00:00", surface: int = 2, **attributes) -> Spec:
    """The file of one date; `attributes` change global ones (None: without it)."""
    index = np.array(OLD_INDEX)
    lat, lon = np.meshgrid([46.0, 46.25, 46.5], [10.0, 10.5, 11.0, 11.5], indexing="ij")
    water, ice = np.isin(index, (17, 21)), np.arange(12) == 2
    shares = np.zeros((1, 21, 12), np.float32)
    shares[0, index - 1, np.arange(12)] = 1
    shares[0, [4, 16], 11] = 0.75, 0.25
    fields = {
        "Times": Var(("Time", "DateStrLen"), np.array([list(date)], "S1")), "XLAT": cells(lat.ravel()), "XLONG": cells(lon.ravel()),
        "LU_INDEX": cells(index), "IVGTYP": cells(index, np.int32), "ISLTYP": cells(np.where(water, 14, 6), np.int32),
        "LANDUSEF": Var(("Time", "land_cat_stag", "south_north", "west_east"), shares.reshape(1, 21, 3, 4)),
        "LANDMASK": cells(~water), "LAKEMASK": cells(index == 21), "XLAND": cells(np.where(index == 17, 2, 1)), "SEAICE": cells(0.875 * ice),
        "XICEM": cells(0.875 * ice), "SNOWC": cells(np.where(np.arange(12) == 6, 0.75, 0.25)), "SNOALB": cells(0.625), "SNOW": cells(3), "VEGFRA": cells(33),
        "SHDMIN": cells(11), "SHDMAX": cells(77), "SHDAVG": cells(44), "LAI": cells(1.75), "CANWAT": cells(0.5), "TSK": cells(280 + np.arange(12) / 8),
        "TSLB": layers(270.0), "SMOIS": layers(0.25), "SH2O": layers(0.125), "T": Var(("Time", "bottom_top", *MAP[1:]), np.ones((1, 5, 3, 4), np.float32)),
        "LANDUSE_ISN": Var(("Time",), np.array([2], np.int32)), "ITIMESTEP": Var(("Time",), np.array([77], np.int32)),
    }
    for n, name in enumerate(("ALBBCK", "ALBEDO", "EMBCK", "EMISS", "Z0", "ZNT", "THC", "MAVAIL")):
        fields[name] = cells(0.25 + n / 32 + np.arange(12) / 1024)
    if surface == 4:
        fields |= {name: cells(100 + n) for n, name in enumerate(("LFMASS", "RTMASS", "STMASS", "WOOD", "STBLCP", "FASTCP", "XSAI", "CANLIQ", "CANICE", "TV", "TG"))}
    attrs = {"TITLE": " OUTPUT FROM WRF V4.7.1 MODEL", "MMINLU": "MODIFIED_IGBP_MODIS_NOAH", "NUM_LAND_CAT": 21, "ISWATER": 17, "ISLAKE": 21, "ISURBAN": 13, "ISICE": 15,
             "SF_SURFACE_PHYSICS": surface, "SF_URBAN_PHYSICS": 0, "SF_SURFACE_MOSAIC": 0, "SST_UPDATE": 0, "CEN_LAT": np.float32(46.25), "JULYR": 2020, "JULDAY": 1,
             **({"DVEG": 4, "OPT_CROP": 0} if surface == 4 else {}), **attributes}
    return Spec(fields, {name: np.int32(value) if type(value) is int else value for name, value in attrs.items() if value is not None})


def with_urban_canopy(spec: Spec) -> Spec:
    """The fields of SF_URBAN_PHYSICS = 1 as they are since the run's first, warm day."""
    for name in ("TS_URB", "TR_URB", "TB_URB", "TG_URB", "TC_URB", "TGR_URB"):
        spec.variables[name] = cells(300)
    for name in ("XXXR_URB2D", "XXXB_URB2D", "XXXG_URB2D", "XXXC_URB2D", "CMCR_URB", "DRELR_URB", "FRC_URB2D"):
        spec.variables[name] = cells(0.5)
    for name in ("TRL_URB", "TBL_URB", "TGL_URB", "TGRL_URB", "SMR_URB"):
        spec.variables[name] = layers(300.0)
    spec.attrs["SF_URBAN_PHYSICS"] = np.int32(1)
    return spec


def write_inputs(folder: Path, usemonalb: bool = False, rdlai2d: bool = False, rdmaxalb: bool = True, **fields) -> tuple[Path, Path]:
    """Yearly file and namelist; `fields` as of `write_year`."""
    land = fractions({0: 1}, {77: 1}, {22: 1}, {22: 1}, {22: 0.75, 40: 0.25}, {11: 0.625, 40: 0.375}, {40: 1}, {22: 0.5, 40: 0.375, 33: 0.125}, {}, {77: 1}, {22: 1},
                     {40: 0.5, 22: 0.25, 0: 0.25})
    spec = restart().variables
    year = write_year(folder / "lsbc_2031.nc", land, spec["XLONG"].values.astype(np.float64), spec["XLAT"].values.astype(np.float64), 2031, **fields)
    namelist = folder / "namelist.input"
    namelist.write_text(NAMELIST.format(**{name: f".{str(value).lower()}." for name, value in
                                           (("usemonalb", usemonalb), ("rdlai2d", rdlai2d), ("rdmaxalb", rdmaxalb))}))
    return year, namelist


def landuse_tbl(path: Path) -> Path:
    """A LANDUSE.TBL of 21 classes and two seasons whose numbers are all different and none exact in binary."""
    lines = ["OLD", f"1,1, '{TABLE_COLUMNS}'", "ALL", "1, 10., .1, .9, 10., 3., 1., 1.0e5, 'one class'", "MODIFIED_IGBP_MODIS_NOAH", f"21,2, '{TABLE_COLUMNS}   '"]
    for n, season in enumerate(("SUMMER", "WINTER")):
        lines += [season, *(f"{k}, {10.3 + k + n / 2:.2f}, {0.011 * k + n / 8:.3f}, {0.873 + 0.003 * k + n / 32:.4f}, {1.37 * k + n:.2f}, {3.1 + k / 7 + n:.3f}, "
                            f"{1.07 + k / 9 - n / 4:.3f}, 20.8e5, 'class {k}'" for k in range(1, 22))]
    path.write_text("\n".join(lines) + "\n")
    return path


def landuse_row(path: Path, season: str, class_id: int) -> list[np.float32]:
    """Its numbers (ALBD, SLMO, SFEM, SFZ0, THERIN, SCFX, SFHC) as a Fortran program reads them into single precision."""
    lines = path.read_text().split("MODIFIED_IGBP_MODIS_NOAH\n")[1].split(f"{season}\n")[1].splitlines()
    return [np.float32(word) for word in lines[class_id - 1].split("'")[0].replace(",", " ").split()[1:]]
