"""The climate of host cells: where it comes from (fine-grid file, a file of the host's cells, or the host itself), checked. Knows no classes and no tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import NO_DATA
from lsbc.emulator.fields import CLIMATE_INPUTS, FieldInfo
from lsbc.emulator.plan import Plan
from lsbc.emulator.reader import FineFile, read_climate_file
from lsbc.emulator.surface.units import ZERO_C_IN_K
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import ValueRangeError
from lsbc.regrid.host_cells import HostCells

N_GROUP = 5


@dataclass(frozen=True)
class HostClimate:
    """Of each cell, (n_cell,): latitude, north positive; main Köppen group 1 (A) to 5 (E), int64, 0 unknown; mean of the coldest month [K], NaN unknown."""

    latitude_deg: np.ndarray
    koppen: np.ndarray
    coldest_month_k: np.ndarray
    global_id: np.ndarray
    longitude_deg: np.ndarray

    @property
    def coldest_month_c(self) -> np.ndarray:
        """(n_cell,) [°C]."""
        return self.coldest_month_k - ZERO_C_IN_K

    def part(self, cells: slice) -> HostClimate:
        """The climate of some of the cells."""
        return HostClimate(self.latitude_deg[cells], self.koppen[cells], self.coldest_month_k[cells], self.global_id[cells], self.longitude_deg[cells])

    def name_of(self, cell: int) -> str:
        """A cell in words, for messages."""
        return f"{int(self.global_id[cell])} ({self.longitude_deg[cell]:.4f} E, {self.latitude_deg[cell]:.4f} N)"


def zone_of_cells(comm: Comm, plan: Plan, fine_file: FineFile) -> np.ndarray:
    """The Köppen group of the largest part of each cell's land, the lowest on ties, int64 (n_cell,) for all cells passed; 0 where the file says none (collective)."""
    tiles = plan.tiles
    cores = agree(comm, lambda: [_zones(fine_file.window("koppen", tile.row0 + tiles.halo, tile.col0 + tiles.halo, tiles.core, tiles.core)) for tile in plan.local])
    fine = plan.to_host.exchange(np.concatenate([np.zeros(0, np.uint8), *(core.ravel() for core in cores)]))
    fraction = agree(comm, plan.fractions.fractions, fine, N_GROUP + 1, NO_DATA)[0][:, 1:]
    zone = np.where((fraction > 0.0).any(axis=1), np.argmax(fraction, axis=1) + 1, 0) if len(fraction) else np.zeros(0)
    return plan.to_all_cells.exchange(np.asarray(zone, np.float64)[:, None])[:, 0].astype(np.int64)


def _zones(koppen: np.ndarray) -> np.ndarray:
    return np.where(koppen == 0, NO_DATA, koppen).astype(np.uint8)


def climate_of(comm: Comm, plan: Plan, zone: np.ndarray, known: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]) -> HostClimate:
    """The climate from the fine-grid file's zones, what a climate file knows better (`known_climate`), and what the host gives, by input name (collective).

    What a host gives in its halo is not looked at: the owner's values count there.

    Raises:
        ValueRangeError: a value of the host is not finite or out of its range; the cell is named.
    """
    cells, owned = plan.cells, plan.owned
    best = agree(comm, _owned_values, cells, owned, known, given)
    best[:, 0] = np.where(np.isnan(best[:, 0]), zone[owned], best[:, 0])
    koppen, coldest = np.ascontiguousarray(plan.to_all_cells.exchange(best).T)
    koppen = koppen.astype(np.int64)
    return HostClimate(cells.lat_deg, koppen, coldest, cells.global_id, cells.lon_deg)


def _owned_values(cells: HostCells, owned: np.ndarray, known: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n_owned, 2): each climate input, the host's own where it gives it, else the file's, else NaN."""
    out = np.full((len(owned), len(CLIMATE_INPUTS)), np.nan)
    for column, info in zip(out.T, CLIMATE_INPUTS):
        if info.name in given:
            column[:] = np.asarray(given[info.name], np.float64)[owned]
            _check(info, column, cells, owned)
        elif info.name in known:
            column[:] = known[info.name][owned]
    return out


def _check(info: FieldInfo, values: np.ndarray, cells: HostCells, where: np.ndarray, may_lack: bool = False) -> None:
    """Refuse values of the cells at positions `where` that are out of the field's range."""
    low, high = info.valid_range
    good = (values >= low) & (values <= high) | (np.isnan(values) & may_lack)
    if info.name == "koppen_group":
        good &= (values == np.floor(values)) | np.isnan(values)
    if not good.all():
        bad = int(np.argmin(good))
        k = int(where[bad])
        wanted = f"{low:g}..{high:g} {info.units}" if info.units == "K" else "a whole number 0..5"
        raise ValueRangeError(f"Field '{info.name}' is {values[bad]:g} in cell {int(cells.global_id[k])} ({cells.lon_deg[k]:.4f} E, {cells.lat_deg[k]:.4f} N); "
                              f"it must be {wanted}{' (degrees Celsius?)' if info.units == 'K' and -100.0 < values[bad] < 60.0 else ''}.")


def known_climate(path: Path | None, cells: HostCells) -> dict[str, np.ndarray]:
    """What a climate file says of the cells, by input name, NaN where it lacks a value; nothing where there is no file.

    Raises:
        FileError: see `read_climate_file`.  ValueRangeError: a value out of its range; the cell is named.
    """
    known = {} if path is None else read_climate_file(path, cells.global_id, [info.name for info in CLIMATE_INPUTS])
    for info in CLIMATE_INPUTS:
        if info.name in known:
            _check(info, known[info.name], cells, np.arange(cells.n_cell), may_lack=True)
    return known
