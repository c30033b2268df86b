"""Writes a WRF restart file (wrfrst) for the land use of a new year. Knows no rule of WRF's physics: those are in wrf_dependent and wrf_run.

A restart skips landuse_init, so that everything in the file that depends on land use is changed here. Cells whose LU_INDEX changes
get what landuse_init would give them; in all cells with lsbc's land use LANDUSEF and the fields that WRF has by date change. Soil,
snow, canopy and carbon are the model's state and stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lsbc.emulator.hosts import wrf_dependent, wrf_run, wrf_template
from lsbc.emulator.hosts.checks_wrf import MODIS
from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.patched import patched
from lsbc.emulator.hosts.template import mark
from lsbc.emulator.hosts.wrf_classes import URBAN, NewClasses, Template, new_classes
from lsbc.emulator.hosts.wrf_monthly import Dated, by_slabs, green_fraction
from lsbc.emulator.hosts.wrf_options import DatedOptions
from lsbc.emulator.hosts.wrf_run import WrfRun
from lsbc.emulator.hosts.write_wrf_input import OF_THE_YEAR
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import ConfigError, FileError, ValueRangeError

NEEDED = ("XLAT", "XLONG", "LU_INDEX", "IVGTYP", "LANDMASK", "XLAND", "SEAICE", "SNOWC", "SNOALB", "VEGFRA", "SHDMIN", "SHDMAX", "LAI",
          *wrf_dependent.START_FIELDS)
URBAN_NEEDED = ("TSK", "TSLB", "TS_URB", "TR_URB", "TB_URB", "TG_URB", "TC_URB", "TRL_URB", "TBL_URB", "TGL_URB")
READ = ("XLAT", "XLONG", "LU_INDEX", "IVGTYP", "LANDMASK", "XLAND", "SEAICE", "SNOWC")
"""Of NEEDED those that are class numbers or not written."""


@dataclass(frozen=True, kw_only=True)
class Options(DatedOptions):
    template: Path = option("the restart file (wrfrst) that is brought to the year's land use")
    landuse_tbl: Path = option("LANDUSE.TBL of the run")
    namelist: Path = option("namelist.input of the run: usemonalb, rdlai2d and rdmaxalb are not in the restart file")
    vegparm_tbl: Path | None = option("VEGPARM.TBL of the run; needed with Noah and rdmaxalb = .false.", default=None)
    season: str = option("season of LANDUSE.TBL: that of the file's date, or that of the run's start, which the other cells have", default="date",
                         choices=("date", "start"))
    crosswalk: str = option("crosswalk to WRF's MODIS classes: a shipped name or a .toml file", default="modis")


def write(year: YearFile, out: Path, options: Options) -> Iterable[str]:
    """Write `out` and return notes.

    Raises:
        FileError: the template is no restart file of this grid, or a table or the namelist cannot be read.
        ConfigError: the run uses a scheme that cannot be brought to another land use in a restart file.
        ValueRangeError: a field of the template or the yearly file is not finite or out of range in a cell that changes.
    """
    host = HostClasses.of(year, options.crosswalk)
    with patched(options.template, out) as data:
        restart = Restart(data, options.template, year)
        run = wrf_run.run_of(data, options.template, options.namelist)
        season = _season(run, options)
        table = wrf_dependent.LandUse.read(options.landuse_tbl, MODIS, season, restart.dtype)
        new = new_classes(host, restart.land_use())
        changed = np.flatnonzero(new.changed)
        restart.classes(new, changed)
        restart.dated(run, new.taken, options)
        restart.table_values(run, changed, table, wrf_dependent.snow_albedo(run, options.vegparm_tbl, MODIS, restart.dtype))
        notes = [*new.notes, *restart.urban(run, changed[new.index[changed] == URBAN]), *_notes(year, run, season), *table.notes]
        mark(data, {**host.attributes, "landuse_tbl": f"{options.landuse_tbl.name}, {MODIS}, {season}"}, year.year, notes)
    return notes


class Restart:
    """An open restart file. Cells are positions in the file's own order, which is that of the yearly file."""

    def __init__(self, data, path: Path, year: YearFile) -> None:
        self._data, self._path, self._year = data, path, year
        if missing := [name for name in NEEDED if name not in data.variables]:
            raise FileError(f"File {path} is no WRF restart file (wrfrst): it lacks {', '.join(missing)}.")
        for name in (*NEEDED, *(name for name in OF_THE_YEAR if name in data.variables)):
            wrf_template.require_map(data, name, path, kinds=wrf_template.NUMBERS if name in READ else wrf_template.FLOATS)
        self.dtype = np.dtype(data["Z0"].dtype)

    def land_use(self) -> Template:
        """Land is what mask, LU_INDEX and XLAND call so, without sea ice, which WRF makes land of class 15 (landuse_init)."""
        template = wrf_template.read_template(self._year, self._data, self._path)
        xland, ice = (wrf_template.flat(self._data, name) for name in ("XLAND", "SEAICE"))
        return replace(template, land=template.land & (xland == 1.0) & (ice <= 0.0))

    def put(self, name: str, values: np.ndarray, cells: np.ndarray) -> None:
        """Change some cells of a variable; the others keep their bits."""
        wrf_template.put_cells(self._data, name, values, cells)

    def finite(self, name: str, cells: np.ndarray) -> np.ndarray:
        """Values of some cells, which must all be finite."""
        values = wrf_template.flat(self._data, name)[..., cells]
        bad = ~np.isfinite(values).all(axis=tuple(range(values.ndim - 1)))
        if bad.any():
            where = self._year.name_of(int(cells[np.argmax(bad)]))
            raise ValueRangeError(f"File {self._path}: {name} is not finite in cell {where}, whose land use changes; repair the file.")
        return values

    def classes(self, new: NewClasses, changed: np.ndarray) -> None:
        """LU_INDEX and IVGTYP of changed cells, LANDUSEF of all."""
        for name in ("LU_INDEX", "IVGTYP"):
            self.put(name, new.index[changed], changed)
        if new.fractions is not None:
            wrf_template.put(self._data, "LANDUSEF", new.fractions)

    def dated(self, run: WrfRun, taken: np.ndarray, options: Options) -> None:
        """Fields that WRF has by date, in all cells that lsbc's land use is taken for."""
        course = wrf_template.read_course(self._year, options.albedo_course)
        today = Dated(self._year, taken, options.water_albedo, course).at(run.date)
        for name in ("VEGFRA", *(["LAI"] if run.reads_lai else []), *(["ALBBCK"] if run.usemonalb else [])):
            self.put(name, today[name], taken)
        fields = {name: wrf_template.flat(self._data, name) for name in OF_THE_YEAR if name in self._data.variables}
        for cells in by_slabs(self._year, taken):
            green = green_fraction(self._year, cells)
            for name, field in fields.items():
                field[cells] = 100.0 * OF_THE_YEAR[name](green)
        for name, field in fields.items():
            wrf_template.put(self._data, name, field)

    def table_values(self, run: WrfRun, changed: np.ndarray, table: wrf_dependent.LandUse, snow_albedo: np.ndarray | None) -> None:
        """What the tables give to the cells whose class changes."""
        classes = self.finite("LU_INDEX", changed)
        if snow_albedo is not None:
            self.put("SNOALB", snow_albedo[classes.astype(np.int64) - 1], changed)
        maps = [self.finite(name, changed) if run.usemonalb else None for name in ("ALBBCK", "SNOALB")]
        values = table.start(classes, self.finite("SNOWC", changed), *maps)
        for name in wrf_dependent.start_fields(run):
            self.put(name, values[name], changed)

    def urban(self, run: WrfRun, cells: np.ndarray) -> list[str]:
        """State of the urban canopy in cells that become urban; cells that were urban keep theirs, and their class."""
        if not run.urban or not len(cells):
            return []
        if run.urban != 1:
            first = self._year.name_of(int(cells[0]))
            raise ConfigError(f"File {self._path}: SF_URBAN_PHYSICS = {run.urban} and {len(cells)} cells become urban, {first} the first: the state of their buildings "
                              "cannot be made from the file; start that run from a new wrfinput file, or with SF_URBAN_PHYSICS 0 or 1.")
        if missing := [name for name in URBAN_NEEDED if name not in self._data.variables]:
            raise FileError(f"File {self._path}: SF_URBAN_PHYSICS = 1, but the file lacks {', '.join(missing)}.")
        for name in ("TSK", *wrf_dependent.URBAN_OF_TSK, *wrf_dependent.URBAN_ZERO, *wrf_dependent.URBAN_SOIL):
            if name in self._data.variables:
                wrf_template.require_map(self._data, name, self._path, levels=name in wrf_dependent.URBAN_SOIL)
        soil = self.finite("TSLB", cells)
        if len(soil) != wrf_dependent.URBAN_LAYERS:
            raise FileError(f"File {self._path}: TSLB has {len(soil)} layers; urban_var_init needs {wrf_dependent.URBAN_LAYERS}.")
        for name, values in wrf_dependent.urban_start(self.finite("TSK", cells), soil).items():
            if name in self._data.variables:
                self.put(name, values, cells)
        return [f"{len(cells)} cells became urban: their canopy starts from TSK and TSLB as at a run's start; WRF takes their urban fraction from URBPARM.TBL"]


def _season(run: WrfRun, options: Options) -> str:
    if options.season == "date":
        return run.season
    if run.started_in is None:
        raise ConfigError(f"File {options.template} does not tell the season of the run's start (LANDUSE_ISN is missing or neither 1 nor 2): use season = date.")
    return run.started_in


def _notes(year: YearFile, run: WrfRun, season: str) -> list[str]:
    notes = [f"not in the namelist, so WRF's own: {', '.join(run.defaults)}"] if run.defaults else []
    if run.started_in not in (None, season):
        notes.append(f"cells whose class changes have the table's {season} values (the file is of {run.date}), all others those of {run.started_in}, when the run "
                     "started; season = start gives all cells the season of the start")
    if run.date.year != year.year:
        notes.append(f"the restart file is of {run.date}, the land use of {year.year}")
    if run.sst_update:
        notes.append("SST_UPDATE = 1: from its next interval on WRF takes VEGFRA, LAI and ALBBCK from wrflowinp; write that file, too")
    return notes
