"""LUH2 (v2h, v2f) and LUH3 (CMIP7) states as driver fractions. Knows the files' time axes, fills and sums; no fine lattice.

pltns (plantations, the 13th state of LUH3) counts as forest. Secondary biomass and age are no areas and are not read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.emulator.classes import GROUP_STATES, LUH2_STATES
from lsbc.regrid.errors import FileError, ValueRangeError
from lsbc.training.readers.raster import NetCdfRaster, numbers, open_netcdf
from lsbc.training.readers.window import Window
from lsbc.training.readers.years import layer_years, span

SPACING_DEG = 0.25
LARGEST_SUM = 1.0001
PLANTATIONS = "pltns"
_GROUP_OF_EXTRA = {PLANTATIONS: "forest"}
_UNITS = ("1", "")


class _StatesFile:
    def __init__(self, path: Path) -> None:
        self.path, self._data = path, open_netcdf(path)
        missing = [name for name in LUH2_STATES if name not in self._data.variables]
        if missing:
            raise FileError(f"File {path} lacks the states {', '.join(missing)}.")
        names = (*LUH2_STATES, *(name for name in _GROUP_OF_EXTRA if name in self._data.variables))
        self.states = {name: NetCdfRaster(path, name, self._data) for name in names}
        for name, raster in self.states.items():
            if raster.units.strip() not in _UNITS:
                raise FileError(f"File {path}: {name} has units '{raster.units}'; fractions of the cell, units '1', are expected.")
            for axis_name, axis in (("latitude", raster.lat), ("longitude", raster.lon)):
                if abs(axis.step_deg - SPACING_DEG) > 1e-5:
                    raise FileError(f"File {path}: {axis_name} has steps of {axis.step_deg:.6f} degrees; LUH has {SPACING_DEG}.")
                off = axis.start_deg / SPACING_DEG
                if abs(off - round(off)) > 0.02:
                    raise FileError(f"File {path}: the first {axis_name} from the south-west is {axis.start_deg + axis.step_deg / 2:.6f}; cell edges on "
                                    f"multiples of {SPACING_DEG} degrees are expected.")
            if raster.layer_dim is None:
                raise FileError(f"File {path}: {name} has no time axis.")
        self.years = layer_years(self._data, self.states[LUH2_STATES[0]].layer_dim, f"File {path}")


class LuhStates:
    """States of the years that some files hold together; where two hold a year (2015), the first one named is read."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        for path in files:
            if not path.is_file():
                raise FileError(f"File {path} is not there.")
        self._files = [_StatesFile(path) for path in files]

    def _file(self, year: int) -> _StatesFile:
        for file in self._files:
            if year in file.years:
                return file
        held = "; ".join(f"{file.path} holds {span(file.years)}" for file in self._files)
        raise FileError(f"Year {year} of the LUH states is missing: {held}.")

    def need(self, years: tuple[int, ...]) -> None:
        """Raises FileError unless every year is held."""
        for year in years:
            self._file(year)

    def path(self, year: int) -> Path:
        """The file a year is read from."""
        return self._file(year).path

    def states(self, year: int, window: Window) -> dict[str, np.ndarray]:
        """Fractions (float64) of the whole driver cell by LUH name, rows south to north, NaN where there is no data."""
        file = self._file(year)
        index = file.years.index(year)
        out = {}
        for name, raster in file.states.items():
            rows, cols = (np.rint(axis.position(edges, circular)).astype(int) for axis, edges, circular in
                          ((raster.lat, window.lat_edges_deg, False), (raster.lon, window.lon_edges_deg, True)))
            value = raster.block((rows[0], rows[-1]), (cols[0], cols[-1]), numbers, np.float64(np.nan), index)
            if (value < 0).any():
                raise ValueRangeError(_message(file, name, year, value, value < 0, window, "negative"))
            out[name] = value
        return out

    def groups(self, year: int, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Fractions (6, row, col) of the driver groups and where they have data, (row, col) bool.

        `other` is what the states leave of 1. Sums over 1, up to 1.0001, are scaled to 1; larger ones are an error.
        """
        states = self.states(year, window)
        file = self._file(year)
        known = {name: np.isfinite(states[name]) for name in states}
        valid = known[LUH2_STATES[0]]
        for name, has in known.items():
            if (has != valid).any():
                raise ValueRangeError(_message(file, name, year, states[name], has != valid, window, f"another fill than {LUH2_STATES[0]}"))
        full = {name: np.where(np.isfinite(value), value, 0.0) for name, value in states.items()}
        group_sums = [sum(full[name] for name in members) for members in GROUP_STATES.values()]
        for name, group in _GROUP_OF_EXTRA.items():
            if name in full:
                group_sums[list(GROUP_STATES).index(group)] = group_sums[list(GROUP_STATES).index(group)] + full[name]
        total = sum(group_sums)
        if (total > LARGEST_SUM).any():
            raise ValueRangeError(_message(file, "the sum of the states", year, total, total > LARGEST_SUM, window, f"over {LARGEST_SUM}"))
        scale = np.maximum(total, 1.0)
        fraction = np.stack([*(one / scale for one in group_sums), np.maximum(1.0 - total, 0.0)])
        return np.where(valid, fraction, 0.0), valid


def _message(file: _StatesFile, name: str, year: int, value: np.ndarray, bad: np.ndarray, window: Window, what: str) -> str:
    row, col = (int(k) for k in np.argwhere(bad)[0])
    lat, lon = window.lattice.lat_centre_deg(window.row0 + row), window.lattice.lon_centre_deg(window.col0 + col)
    return f"File {file.path}: {name} of year {year} is {value[row, col]:.9g} at {lat:.3f} N {lon:.3f} E: {what}."
