"""Yearly maps of class codes spread over one or many files. Knows files and years; what a code means comes in as a legend."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lsbc.regrid.errors import FileError, ValueRangeError
from lsbc.training.readers.legends import decoder
from lsbc.training.readers.raster import GeoTiffRaster, Raster, open_raster
from lsbc.training.readers.resample import codes_of
from lsbc.training.readers.window import Window
from lsbc.training.readers.years import layer_years, span, stated_years

YEAR = "{year}"


class YearlyMaps:
    """Finds the map of a year: files with `{year}` in the name hold one each, others hold years along their time axis.

    The first file that holds a year is the one read.
    """

    def __init__(self, files: tuple[Path, ...], variable: str | None = None, first_year: int | None = None) -> None:
        self.files, self.variable, self.first_year = files, variable, first_year
        self._open: dict[Path, Raster] = {}
        self._years: dict[Path, list[int]] = {}

    def raster(self, path: Path) -> Raster:
        """The open raster of a file."""
        if path not in self._open:
            if not path.is_file():
                raise FileError(f"File {path} is not there.")
            self._open[path] = open_raster(path, self.variable)
        return self._open[path]

    def _years_of(self, path: Path) -> list[int]:
        if path not in self._years:
            raster = self.raster(path)
            if isinstance(raster, GeoTiffRaster) or raster.layer_dim is None:
                raise FileError(f"File {path} holds one map and does not say of which year: put {YEAR} into its name.")
            self._years[path] = layer_years(raster.data, raster.layer_dim, f"File {path}", self.first_year)
        return self._years[path]

    def _check_year_of_name(self, path: Path, year: int) -> None:
        """A file with the year in its name has one layer, or an axis that says which layer is that year."""
        raster = self.raster(path)
        if path in self._years or isinstance(raster, GeoTiffRaster) or raster.layer_dim is None:
            return
        years, n_layer = stated_years(raster.data, raster.layer_dim, f"File {path}"), len(raster.data.dimensions[raster.layer_dim])
        if years is None and n_layer != 1:
            raise FileError(f"File {path}: {raster.variable} has {n_layer} layers along {raster.layer_dim}, which does not say their years; "
                            f"one is expected in the file of {year}.")
        if years is not None and year not in years:
            raise FileError(f"File {path}: {raster.variable} is of {span(years)} by its axis {raster.layer_dim}, but of {year} by its name.")
        if years is not None:
            self._years[path] = years

    def path_of(self, year: int) -> Path:
        """The file that holds a year; FileError naming the files and the years they hold."""
        tried = []
        for file in self.files:
            if YEAR in file.name:
                path = file.with_name(file.name.replace(YEAR, str(year)))
                if path.is_file():
                    self._check_year_of_name(path, year)
                    return path
                tried.append(str(path))
            elif year in self._years_of(file):
                return file
            else:
                tried.append(f"{file} (variable {self.raster(file).variable}, years {span(self._years_of(file))})")
        raise FileError(f"No map of year {year}: looked for {'; '.join(tried)}.")

    def locate(self, year: int) -> tuple[Raster, int | None]:
        """The raster that holds a year and the layer in it."""
        path = self.path_of(year)
        return self.raster(path), (None if path not in self._years else self._years[path].index(year))


class ClassMaps:
    """Yearly maps in HILDA+ codes (uint8, NO_DATA outside) on windows of a lattice."""

    def __init__(self, maps: YearlyMaps, legend: Mapping[int, int], what: str, resample: str) -> None:
        self.maps, self.resample = maps, resample
        self._decode = decoder(legend, what)

    def codes(self, year: int, window: Window) -> np.ndarray:
        """(n_row, n_col) of one year, rows south to north."""
        raster, index = self.maps.locate(year)
        try:
            return codes_of(raster, window, self._decode, self.resample, index)
        except ValueRangeError as error:
            raise ValueRangeError(f"Year {year}: {error}") from error
