"""A year's land use in CTSM's landunits, plant types and crop types, on a surface file whose lakes, wetlands, glaciers and ocean stay. Writes nothing.

Percent of a landunit (PCT_NAT_PFT, PCT_CFT) and landunits in percent of the cell's land (PCT_NATVEG, PCT_CROP, PCT_URBAN).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.hosts.blocks import Block, blocks, rows_sum
from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.land import land_shares
from lsbc.emulator.hosts.place import same_cells
from lsbc.emulator.hosts.template import plain
from lsbc.regrid.errors import ConfigError, FileError, ValueRangeError

N_NATURAL, N_GENERIC_CROP, N_URBAN = 15, 2, 3
PARTS = {"PCT_NAT_PFT": "natpft", "PCT_CFT": "cft", "PCT_URBAN": "numurbl"}
"""Variables with several values a cell and the dimension of these."""
FIXED = ("PCT_LAKE", "PCT_WETLAND", "PCT_GLACIER", "PCT_OCEAN")
"""Landunits that stay the host's; surface files before CTSM 5.2 have no PCT_OCEAN."""
TOO_SMALL_PERCENT = 1e-10
"""Of the cell: less is no area, as in the host's own mksurfdata_esmf (toosmallPFT)."""
CROP_TYPES = ("surface", "crosswalk")

_LAND_USE = (*PARTS, "PCT_NATVEG", "PCT_CROP", *FIXED, "URBAN_REGION_ID", "CANYON_HWR")
"""All that slices of a series are made from."""
_NEEDED = ("LONGXY", "LATIXY", "PCT_NATVEG", "PCT_CROP", *PARTS, *FIXED[:3])
_CLASS_IDS = (*range(N_NATURAL + N_GENERIC_CROP), 101)
_LARGEST_PERCENT = 100.0 + 1e-4
_URBAN_ORDER = (2, 1, 0)
"""Where new towns go: medium density, high density, tall buildings, the first that the host has parameters for."""


@dataclass(frozen=True)
class LandUse:
    """A surface file, open, beside a yearly file on the same cells; `dims` are those of a map."""

    path: Path
    data: Any
    classes: HostClasses
    crop_types: str
    dims: tuple[str, ...]

    @classmethod
    def on(cls, path: Path, data, classes: HostClasses, crop_types: str) -> LandUse:
        """`data` is the open file `path`, or a copy of it.

        Raises:
            FileError: it is no surface file with separate crops, its percentages are not double precision, a variable lies on other dimensions, or its cells
                are others.
            ConfigError: a crosswalk to other classes.
        """
        ids = {target.id for target in classes.crosswalk.classes}
        if not {*_CLASS_IDS} <= ids or max(i for i in ids if i <= 100) >= len(_CLASS_IDS):
            raise ConfigError(f"Crosswalk {classes.crosswalk.table.target} is not for CTSM's classes 0 to 16 and 101; take 'ctsm' or one made from it.")
        missing = [name for name in _NEEDED if name not in data.variables]
        if missing:
            raise FileError(f"File {path} has no {', '.join(missing)}; a surface file of CTSM (fsurdat) with crops on a landunit of their own is expected.")
        dims = data.variables["LONGXY"].dimensions
        if not dims:
            raise FileError(f"File {path}: LONGXY is a single number; a map of cells is expected.")
        lon, lat = (require_dims(path, data, name, dims)[...] for name in ("LONGXY", "LATIXY"))
        for name in (*PARTS, "PCT_NATVEG", "PCT_CROP", *FIXED):
            if name in data.variables:
                require_form(path, data, name, (PARTS[name], *dims) if name in PARTS else dims)
        for name, parts in (("URBAN_REGION_ID", ()), ("CANYON_HWR", (PARTS["PCT_URBAN"],))):
            if name in data.variables:
                require_dims(path, data, name, (*parts, *dims))
        sizes = {dim: len(data.dimensions[dim]) for dim in PARTS.values()}
        if sizes["natpft"] != N_NATURAL or sizes["numurbl"] != N_URBAN or sizes["cft"] < N_GENERIC_CROP:
            raise FileError(f"File {path} has {sizes['natpft']} natural plant types, {sizes['cft']} crop types and {sizes['numurbl']} urban classes; "
                            f"needed are {N_NATURAL}, at least {N_GENERIC_CROP}, and {N_URBAN}.")
        same_cells(classes.year, lon, lat, path)
        return cls(path, data, classes, crop_types, dims)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(self.data.dimensions[dim]) for dim in self.dims)

    def of(self, block: Block, counts: Counter[str]) -> dict[str, np.ndarray]:
        """Percentages of some cells, (n,) or (part, n) float64; without PCT_CFT where that stays the surface file's.

        Cells that lsbc does not cover, without land in its map or without room beside what is fixed keep the file's numbers. `counts` grows by the
        cells with a rule of their own.

        Raises:
            ValueRangeError: the file's numbers are no percentages, or a climate that matters is unknown; the cell is named.
        """
        old = {name: self.read(name, block) for name in ("PCT_NAT_PFT", "PCT_NATVEG", "PCT_CROP", "PCT_URBAN")}
        room = 100.0 - rows_sum(np.stack([self.read(name, block) for name in FIXED if name in self.data.variables]))
        parts = self._parts(block)
        mix, allowed = self._urban_mix(block, old["PCT_URBAN"])
        counts["have towns in lsbc's map and no urban parameters in the surface file (URBAN_REGION_ID): that share goes to the other landunits"] += int(
            ((parts[-1] > 0.0) & (room > TOO_SMALL_PERCENT) & ~allowed).sum())
        parts[-1] = np.where(allowed, parts[-1], 0.0)
        parts = np.where(parts * room > TOO_SMALL_PERCENT, parts, 0.0)
        natural, crop, urban = parts[:N_NATURAL], parts[N_NATURAL:-1], parts[-1]
        n_natural, n_crop, total = rows_sum(natural), rows_sum(crop), rows_sum(parts)
        covered, new = self.classes.year.covered(block.cells), total > 0.0
        counts["not covered by lsbc keep the surface file's land use"] += int((~covered).sum())
        counts["without land in lsbc's map keep the surface file's land use"] += int((covered & ~new & (room > TOO_SMALL_PERCENT)).sum())
        each = np.where(new, room / np.where(new, total, 1.0), 0.0)
        out = {"PCT_NAT_PFT": _shares(natural, n_natural, old["PCT_NAT_PFT"]), "PCT_NATVEG": np.where(new, n_natural * each, old["PCT_NATVEG"]),
               "PCT_CROP": np.where(new, n_crop * each, old["PCT_CROP"]), "PCT_URBAN": np.where(new, mix * (urban * each), old["PCT_URBAN"])}
        if self.crop_types == "crosswalk":
            types = self.read("PCT_CFT", block)
            wanted = np.zeros(types.shape)
            wanted[:N_GENERIC_CROP] = crop
            out["PCT_CFT"] = _shares(wanted, n_crop, types)
        return out

    def sha256(self) -> str:
        """Fingerprint of the file's own land use: other land use, lakes, ice, ocean or urban regions have another one, whatever else is in the file."""
        digest = hashlib.sha256()
        for name in _LAND_USE:
            if name in self.data.variables:
                digest.update(f"{name} {self.data.variables[name].shape} ".encode())
                for block in blocks(self.shape):
                    digest.update(np.ascontiguousarray(block.read(self.data.variables[name]).T, np.float64))
        return digest.hexdigest()

    def read(self, name: str, block: Block) -> np.ndarray:
        """Percentages as the file has them; raises ValueRangeError where they are none."""
        values = block.read(self.data.variables[name])
        good = (values >= 0.0) & (values <= _LARGEST_PERCENT)
        if not good.all():
            at = np.argwhere(~good)[0]
            cell = self.classes.year.name_of(block.cells.start + int(at[-1]))
            raise ValueRangeError(f"File {self.path}: {name} is {values[tuple(at)]:g} in cell {cell}, not a percentage of 0..100; correct the file.")
        return values

    def _parts(self, block: Block) -> np.ndarray:
        """Shares of land without the host's ice: 15 natural types, 2 crops, urban, (18, n); all 0 where lsbc has no land."""
        lake, ocean = (self.read(name, block) if name in self.data.variables else 0.0 for name in ("PCT_LAKE", "PCT_OCEAN"))
        land = np.maximum(100.0 - lake - ocean, TOO_SMALL_PERCENT)
        ice = self.read("PCT_GLACIER", block) / land
        parts = self.classes.apply(land_shares(self.classes.year, block.cells, ice), block.cells)
        rows = {target.id: k for k, target in enumerate(self.classes.crosswalk.classes)}
        return parts[[rows[i] for i in _CLASS_IDS]]

    def _urban_mix(self, block: Block, old: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How towns split into density classes (3, n), and whether CTSM has urban parameters for the cell at all (CheckUrban stops without them)."""
        total = rows_sum(old)
        variables = self.data.variables
        known = block.read(variables["URBAN_REGION_ID"]) > 0 if "URBAN_REGION_ID" in variables else np.zeros(block.n_cell, bool)
        valid = np.broadcast_to(known, old.shape).copy()
        if "CANYON_HWR" in variables:
            valid &= block.read(variables["CANYON_HWR"]) > 0.0
        mix = np.zeros(old.shape)
        free = np.ones(block.n_cell, bool)
        for k in _URBAN_ORDER:
            mix[k] = free & valid[k]
            free &= ~valid[k]
        built = total > 0.0
        return np.where(built, old / np.where(built, total, 1.0), mix), built | ~free


def require_form(path: Path, data, name: str, dims: tuple[str, ...]) -> None:
    """Make sure that a variable is double precision on these dimensions; raises FileError."""
    variable = require_dims(path, data, name, dims)
    if variable.dtype != np.float64:
        raise FileError(f"File {path}: {name} is {variable.dtype}; CTSM wants sums within 1e-13 (check_sums_equal_1), which needs double precision: make the file with "
                        "outnc_double = .true. or convert it.")


def require_dims(path: Path, data, name: str, dims: tuple[str, ...]):
    """A variable of numbers on these dimensions; raises FileError."""
    variable = plain(data, name, path)
    if variable.dimensions != dims:
        raise FileError(f"File {path}: {name} lies on ({', '.join(variable.dimensions)}), expected is ({', '.join(dims)}).")
    return variable


def _shares(parts: np.ndarray, total: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Percent of the landunit, which sum to 100; the old ones where it has no area."""
    there = total > 0.0
    return np.where(there, 100.0 * (parts / np.where(there, total, 1.0)), old)
