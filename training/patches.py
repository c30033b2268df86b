"""One window of a region: what is shown of it, and the channels made of that by the component's own code. Knows no samples.

Statics are those that the earliest year of a case could have had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from lsbc.emulator.channels import Channel, Window, assemble, channel_names, delta_family
from lsbc.emulator.classes import NO_DATA
from lsbc.emulator.terrain import slope_and_northness
from lsbc.training.cases import Case
from lsbc.training.data import LandData
from lsbc.training.driver import aggregate_groups, row_weights

_NORMALISATION = {
    "prior.age": ("year", 0.0, 0.1),
    "static.elevation": ("m", 500.0, 0.002),
    "static.slope": ("m m-1", 0.0, 10.0),
    "static.human_footprint": ("1", 15.0, 0.1),
}
"""Units, offset and scale of the channels that are not fractions or flags."""


def channel_list(n_step: int = 1) -> tuple[Channel, ...]:
    """The channels of a network of `n_step` years at once, with their normalisation."""
    return tuple(Channel(name, "1", 0.0, 20.0) if name.startswith("delta") else Channel(name, *_NORMALISATION.get(name, ("1",)))
                 for name in channel_names(n_step))


def n_step(channels: tuple[Channel, ...]) -> int:
    """How many years a network with these channels predicts at once."""
    families = {channel.name.partition(".")[0] for channel in channels}
    step = 1
    while delta_family(step) in families:
        step += 1
    return step


def cut(field: np.ndarray, row: int, col: int, n: int, fill: int | float) -> np.ndarray:
    """The n x n cells from (row, col) of a 2-D field, which may reach outside; there `fill`."""
    out = np.full((n, n), fill, field.dtype)
    top, left = max(row, 0), max(col, 0)
    bottom, right = min(row + n, field.shape[0]), min(col + n, field.shape[1])
    if top < bottom and left < right:
        out[top - row:bottom - row, left - col:right - col] = field[top:bottom, left:right]
    return out


class _Ringed(Mapping):
    """Driver fractions of the years of some data with a ring of nothing around, made when first asked for and kept."""

    def __init__(self, driver: Mapping[int, tuple[np.ndarray, np.ndarray]], pad: tuple[tuple[int, int], ...]) -> None:
        self._driver, self._pad, self._kept = driver, pad, {}

    def __getitem__(self, year: int) -> np.ndarray:
        if year not in self._kept:
            self._kept[year] = np.pad(self._driver[year][0], self._pad)
        return self._kept[year]

    def __iter__(self) -> Iterator[int]:
        return iter(self._driver)

    def __len__(self) -> int:
        return len(self._driver)


class DriverTable:
    """Driver fractions of every year of a region with a ring without data around: the data's own, else aggregated once from the maps."""

    ring = 12

    def __init__(self, data: LandData) -> None:
        driver = data.driver
        if driver is None:
            weight = row_weights(data.row0, data.shape[0], data.n_lat)
            valid = data.valid
            driver = {year: aggregate_groups(np.where(valid, layer, np.uint8(NO_DATA)), data.ratio, weight)
                      for year, layer in zip(data.years, data.class_index, strict=True)}
        self.fraction = _Ringed(driver, ((0, 0), (self.ring, self.ring), (self.ring, self.ring)))
        self.valid = np.pad(driver[data.years[0]][1], self.ring)
        self.row0 = data.row0 // data.ratio - self.ring
        self.col0 = data.col0 // data.ratio - self.ring

    def around(self, window: Window, ratio: int) -> tuple[slice, slice]:
        """Rows and columns of the table that the channels of a window are made from."""
        return tuple(slice(start // ratio - 1 - first, (start + window.n - 1) // ratio + 2 - first)
                     for start, first in ((window.row0, self.row0), (window.col0, self.col0)))

    def seen(self, inputs: PatchInputs, steps: int, ratio: int) -> tuple[np.ndarray, np.ndarray]:
        """Fractions (6, drow, dcol) of the prior's year and (step, 6, drow, dcol) of the years asked for, cut to `around`.

        Beyond the last year there is, the driver no longer changes.
        """
        years, place = (inputs.case.years[1], *inputs.further_years), self.around(inputs.window, ratio)
        way = 1 if years[0] >= inputs.case.years[0] else -1
        wanted = [*years, *(years[-1] + way * k for k in range(1, steps))][:steps]
        held = [min(max(year, min(self.fraction)), max(self.fraction)) for year in wanted]
        return self.fraction[inputs.case.years[0]][:, *place], np.stack([self.fraction[year][:, *place] for year in held])


@dataclass(frozen=True)
class PatchInputs:
    """What one window's channels are made of, beside the data themselves; the case's arrays are (n, n), cut to the window."""

    window: Window
    case: Case
    elevation: int = 0
    blank_outside: bool = False
    human_footprint: bool = True
    further_years: tuple[int, ...] = ()
    """Years asked for after the case's own, of a network that predicts several."""

    @property
    def earliest(self) -> int:
        """The first year of all that are shown or asked for."""
        return min(*self.case.years, *self.further_years)


def patch_statics(data: LandData, inputs: PatchInputs) -> dict[str, np.ndarray]:
    """Static fields (n, n) of a window as they were known in the earliest of its years."""
    window, case = inputs.window, inputs.case
    row, col, n = window.row0 - data.row0, window.col0 - data.col0, window.n
    wide = cut(data.elevations[inputs.elevation], row - 1, col - 1, n + 2, 0.0)
    inside = cut(np.broadcast_to(True, data.shape), row - 1, col - 1, n + 2, False)
    if inputs.blank_outside:
        inside[1:-1, 1:-1] &= case.prior != NO_DATA
    slope, northness = slope_and_northness(wide, inside, window.row0, data.n_lat)
    koppen = data.dated_field("koppen", inputs.earliest)
    koppen = data.koppen if koppen is None else koppen
    footprint = data.dated_field("human_footprint", inputs.earliest) if inputs.human_footprint else None
    statics = {"elevation": wide[1:-1, 1:-1].copy(), "slope": slope, "northness": northness,
               "koppen": cut(koppen, row, col, n, 0), "land": cut(data.land, row, col, n, 0),
               "human_footprint": np.full((n, n), np.nan, np.float32) if footprint is None else cut(footprint, row, col, n, np.nan)}
    if inputs.blank_outside:
        for name, field in statics.items():
            field[case.prior == NO_DATA] = np.nan if name == "human_footprint" else 0
    return statics


def patch_channels(data: LandData, driver: DriverTable, channels: tuple[Channel, ...], inputs: PatchInputs,
                   fractions: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
    """Channels (channel, n, n) of a window in global indices, from what `DriverTable.seen` gives, or from that changed."""
    window, case = inputs.window, inputs.case
    now, following = fractions or driver.seen(inputs, n_step(channels), data.ratio)
    rows, cols = driver.around(window, data.ratio)
    out = np.empty((len(channels), window.n, window.n), np.float32)
    assemble(channels, window, data.ratio, now, following, driver.valid[rows, cols], driver.row0 + rows.start, driver.col0 + cols.start,
             case.prior, case.known, patch_statics(data, inputs), out, case.age)
    return out
