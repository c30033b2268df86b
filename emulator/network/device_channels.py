"""Builds the network's input channels of many windows at once on a device, bit for bit as `lsbc.emulator.channels` does in float32.

Knows windows, drivers and statics of tiles, no tiles' years and no network. One byte a cell and a few kB of driver values come from the host;
statics lie where they are, packed cell by cell into 8-byte words in the network's own precision, so that a gather moves whole cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lsbc.emulator.channels import Channel, Window, assemble_shown, channel_names, taps
from lsbc.emulator.classes import GROUPS, N_GROUP, NO_DATA
from lsbc.emulator.network.device_memory import WORD, Layout
from lsbc.emulator.tile_engine import TileStatics, TileYear
from lsbc.regrid.errors import ModelError

_DRIVER = ("coarse", "delta")
_SHOWN = ("prior",)
_SHOWN_TOO = "static.outside"
_PLACE = ("static cell", "row tap", "column tap")


@dataclass(frozen=True)
class WindowShape:
    """What all windows of one call have in common; edges in fine cells, halo included."""

    n: int
    rows: int
    columns: int

    def __str__(self) -> str:
        return f"{self.n} windows of {self.rows} x {self.columns} cells"


@dataclass(frozen=True)
class Axis:
    """Where a window lies along one axis."""

    start: int
    """First cell, counted in the tile's own window."""
    phase: int
    """The first cell's place in its driver cell."""
    driver_start: int
    """First driver cell that is sent, counted in the tile's block; -1 where the block begins one later, which is enough for some."""
    driver_first: int
    driver_last: int
    """First and last driver cell that are needed, counted likewise."""

    @classmethod
    def of(cls, tile_start: int, start: int, n: int, ratio: int, block_start: int) -> Axis:
        """From global indices of the tile's first fine cell and of its block's first driver cell."""
        driver, phase = divmod(tile_start + start, ratio)
        lower = [(2 * index + 1 - ratio) // (2 * ratio) - block_start for index in (tile_start + start, tile_start + start + n - 1)]
        return cls(start, phase, driver - 1 - block_start, lower[0], lower[1] + 1)


@dataclass(frozen=True)
class Place:
    """Where a window lies in its tile."""

    row: Axis
    column: Axis
    static_cell: int
    """Position of its first cell among the packed cells of all tiles."""


class DeviceChannels:
    """Channels of one network on one device.

    Raises:
        ModelError: a channel lsbc does not know.
    """

    def __init__(self, channels: Sequence[Channel], ratio: int, device: Any, dtype: Any) -> None:
        import torch

        self._torch, self._ratio, self._device, self._dtype = torch, ratio, device, dtype
        self.n_channel = len(channels)
        self._taps: dict[int, tuple[Any, Any, Any]] = {}
        self._made: dict[tuple[int, int], Any] = {}
        unknown = [channel.name for channel in channels if channel.name not in channel_names(1)]
        if unknown:
            raise ModelError(f"Input channel {unknown[0]!r} is unknown; lsbc makes {', '.join(channel_names(1))}.")
        family = [channel.name.partition(".")[0] for channel in channels]
        driver = [k for k, name in enumerate(family) if name in _DRIVER]
        looked_up = [k for k, name in enumerate(family) if name in _SHOWN or channels[k].name == _SHOWN_TOO]
        fixed = [k for k in range(len(channels)) if k not in driver and k not in looked_up]
        self._runs = {"driver": _runs(driver), "shown": _runs(looked_up), "statics": _runs(fixed)}
        self._static_channels = [channels[k] for k in fixed]
        self._per_word = WORD // dtype.itemsize
        self.n_word = self._words(len(fixed))
        self._table = self._pack(_planes([channels[k] for k in looked_up], np.arange(256, dtype=np.uint8).reshape(16, 16), {})).view(256, -1).to(device)
        which = [_DRIVER.index(family[k]) * N_GROUP + GROUPS.index(channels[k].name.partition(".")[2]) for k in driver]
        self._driver_fields = torch.tensor(which, dtype=torch.int64, device=device)
        self._offset, self._scale = (torch.tensor([getattr(channels[k], what) for k in driver], dtype=torch.float32, device=device)
                                     for what in ("offset", "scale"))
        self._any_offset, self._scaled = any(channels[k].offset != 0.0 for k in driver), [channels[k].scale != 1.0 for k in driver]

    def _words(self, n_channel: int) -> int:
        return max(1, -(-n_channel // self._per_word))

    def pack_statics(self, statics: Mapping[str, np.ndarray], window: int) -> Any:
        """A tile's statics, normalised, as words on the host: int64 (window, window, n_word)."""
        return self._pack(_planes(self._static_channels, np.full((window, window), NO_DATA, np.uint8), statics))

    def _pack(self, planes: np.ndarray) -> Any:
        """float32 (channel, rows, columns) -> int64 (rows, columns, word), filled up with zeros."""
        torch = self._torch
        cells = torch.zeros((*planes.shape[1:], self._words(len(planes)) * self._per_word), dtype=self._dtype, device="cpu")
        cells[..., : len(planes)] = torch.from_numpy(planes).permute(1, 2, 0)
        return cells.view(torch.int64)

    def layout(self, shape: WindowShape, with_statics: bool) -> Layout:
        """What comes from the host for one call; with the statics where they do not lie on the device."""
        n_row, n_column = (_span(edge, self._ratio) for edge in (shape.rows, shape.columns))
        statics = {"statics": ("int64", (shape.n, shape.rows, shape.columns, self.n_word))} if with_statics else {}
        return Layout.of(driver=("float64", (shape.n, len(_DRIVER), N_GROUP, n_row, n_column)), place=("int64", (shape.n, len(_PLACE))), **statics,
                         shown=("uint8", (shape.n, shape.rows, shape.columns)), valid=("uint8", (shape.n, n_row, n_column)))

    def place(self, shape: WindowShape, tile: TileStatics, row: int, column: int, position: int, tile_columns: int) -> Place:
        """Of the window whose first cell is at (row, column) of the window of the tile at `position` in the list."""
        return Place(Axis.of(tile.row0, row, shape.rows, self._ratio, tile.driver_row0),
                     Axis.of(tile.col0, column, shape.columns, self._ratio, tile.driver_col0), (position * tile_columns + row) * tile_columns + column)

    def fill(self, into: Mapping[str, np.ndarray], k: int, tile: TileStatics, at: Place, year: TileYear) -> bool:
        """Write window `k` of a call into the host's arrays, `layout(...).arrays(memory)`.

        Returns:
            Whether a driver cell around the window lacks data.
        Raises:
            GridError: the tile's driver cells do not cover the window.
        """
        row, column = at.row, at.column
        rows, columns = into["shown"].shape[1:]
        n_row, n_column = year.valid.shape
        if row.driver_first < 0 or column.driver_first < 0 or row.driver_last >= n_row or column.driver_last >= n_column:
            taps(tile.row0 + row.start, rows, self._ratio, tile.driver_row0, n_row, "row")
            taps(tile.col0 + column.start, columns, self._ratio, tile.driver_col0, n_column, "column")
        into["shown"][k] = year.shown[row.start: row.start + rows, column.start: column.start + columns]
        into["place"][k] = at.static_cell, row.phase, column.phase
        driver, valid = into["driver"][k], into["valid"][k]
        for array, block in ((driver[0], year.now), (driver[1], year.following), (valid, year.valid)):
            _cut(array, block, row.driver_start, column.driver_start)
        return not valid.all()

    @staticmethod
    def fill_up(into: Mapping[str, np.ndarray], used: int) -> None:
        """Point the windows that a call does not need at places that exist; what they hold is never used."""
        into["place"][used:] = 0

    def assemble(self, shape: WindowShape, inputs: Mapping[str, Any], statics: Any, tile_columns: int, gaps: bool, out: Any) -> None:
        """Fill `out` (n, rows, columns, channel), in the network's precision, on the device.

        Args:
            inputs: `layout(...).tensors(memory)`.
            statics: int64 (cell, n_word) of all tiles, or None: they are in `inputs`.
            tile_columns: cells along one row of a tile's statics.
            gaps: whether `fill` said so of any window.
        """
        static_cell, row_tap, column_tap = inputs["place"].unbind(1)
        if self._runs["driver"]:
            self._write_driver(shape, inputs, row_tap, column_tap, gaps, out)
        if self._runs["shown"]:
            codes = inputs["shown"].flatten().to(self._torch.int32)
            self._write("shown", self._table.index_select(0, codes).view(self._dtype).view(shape.n, shape.rows, shape.columns, -1), out)
        if self._runs["statics"]:
            cells = inputs["statics"] if statics is None else self._cut_statics(shape, statics, static_cell, tile_columns)
            self._write("statics", cells.view(self._dtype).view(shape.n, shape.rows, shape.columns, -1), out)

    def _cut_statics(self, shape: WindowShape, statics: Any, first_cell: Any, tile_columns: int) -> Any:
        """Rows of the windows: each is one piece of `columns` cells of the packed memory."""
        pieces = statics.view(-1).unfold(0, shape.columns * self.n_word, self.n_word)
        return pieces[(first_cell[:, None] + self._multiples(shape.rows, tile_columns)).flatten()]

    def _write(self, family: str, block: Any, out: Any) -> None:
        for start, stop, at in self._runs[family]:
            out[..., at: at + stop - start].copy_(block[..., start:stop])

    def _write_driver(self, shape: WindowShape, inputs, row_tap, column_tap, gaps: bool, out) -> None:
        """Bilinear fractions and their changes, gaps mended, normalised; operation by operation as in `channels`."""
        torch, valid = self._torch, inputs["valid"] != 0
        driver = torch.where(valid[:, None, None], inputs["driver"], 0.0)
        driver[:, 1] -= driver[:, 0]
        field = driver.flatten(1, 2).index_select(1, self._driver_fields)
        planes = self._bilinear(shape, field, row_tap, column_tap)
        if gaps:
            planes /= self._weight_left(shape, valid, row_tap, column_tap)
        if self._any_offset:
            planes -= self._offset
        for start, stop, at in self._runs["driver"]:
            part, target = planes[..., start:stop], out[..., at: at + stop - start]
            if any(self._scaled[start:stop]):
                torch.mul(part, self._scale[start:stop], out=target)
            else:
                target.copy_(part)

    def _bilinear(self, shape: WindowShape, field, row_tap, column_tap):
        """(n, field, n_drow, n_dcol) float64 -> (n, rows, columns, field) float32: along columns in float64, along rows in float32."""
        n, n_field, n_row, n_column = field.shape
        lower, share, _ = self._tap_tables(shape.columns)
        low_at = self._flat(lower[column_tap], n_column)
        cells = field.permute(0, 3, 2, 1).reshape(n * n_column, n_row * n_field)
        low, high = cells[low_at], cells[low_at + 1]
        columns = (low + (high - low) * share[column_tap].view(-1, 1)).to(self._torch.float32).view(n, shape.columns, n_row, n_field)
        lines = columns.permute(0, 2, 1, 3).contiguous().view(n, n_row, shape.columns * n_field)
        step = (lines[:, 1:] - lines[:, :-1]).view(n * (n_row - 1), -1)
        lower, _, share = self._tap_tables(shape.rows)
        lower = lower[row_tap]
        planes = step[self._flat(lower, n_row - 1)]
        planes *= share[row_tap].view(-1, 1)
        planes += lines.view(n * n_row, -1)[self._flat(lower, n_row)]
        return planes.view(n, shape.rows, shape.columns, n_field)

    def _weight_left(self, shape: WindowShape, valid, row_tap, column_tap):
        """What is left of 1 where taps without data are taken out, (n, rows, columns, 1) float32; exactly 1 where none is or all are."""
        torch = self._torch
        weight = self._bilinear(shape, valid[:, None].to(torch.float64), row_tap, column_tap)
        n, n_row, n_column = valid.shape
        at = self._flat(self._tap_tables(shape.columns)[0][column_tap], n_column)
        cells = valid.permute(0, 2, 1).reshape(n * n_column, n_row)
        pair = (cells[at] & cells[at + 1]).view(n, shape.columns, n_row).permute(0, 2, 1).reshape(n * n_row, shape.columns)
        at = self._flat(self._tap_tables(shape.rows)[0][row_tap], n_row)
        whole = (pair[at] & pair[at + 1]).view(n, shape.rows, shape.columns, 1)
        return torch.where(whole | (weight <= 0.0), 1.0, weight)

    def _flat(self, lower, n: int):
        """Positions within each window's `n` cells, (window, edge) -> positions in all windows' cells, flat."""
        return (lower + self._multiples(len(lower), n)[:, None]).flatten()

    def _multiples(self, n: int, step: int) -> Any:
        """0, step, 2 step ... (n,), made once."""
        if (n, step) not in self._made:
            self._made[n, step] = self._torch.arange(n, device=self._device) * step
        return self._made[n, step]

    def _tap_tables(self, n: int) -> tuple[Any, Any, Any]:
        """For each offset in a driver cell (ratio, n): the lower tap, counted from the driver cell before, and the share of the upper one, float64 and float32."""
        if n not in self._taps:
            found = [taps(phase, n, self._ratio, -1, _span(n, self._ratio), "edge") for phase in range(self._ratio)]
            parts = [t.lower for t in found], [t.share_upper for t in found], [t.share_upper.astype(np.float32) for t in found]
            self._taps[n] = tuple(self._torch.from_numpy(np.stack(part)).to(self._device) for part in parts)
        return self._taps[n]


def _runs(positions: Sequence[int]) -> list[tuple[int, int, int]]:
    """Neighbouring channels: (first, after the last) among these, and the first's position among all.

    >>> _runs([4, 5, 6, 9])
    [(0, 3, 4), (3, 4, 9)]
    """
    breaks = [k for k in range(1, len(positions)) if positions[k] != positions[k - 1] + 1]
    ends = [0, *breaks, len(positions)] if positions else []
    return [(a, b, positions[a]) for a, b in zip(ends[:-1], ends[1:])]


def _span(n: int, ratio: int) -> int:
    """Driver cells that `n` fine cells need at most, one before the first included."""
    return (2 * (n + ratio - 2) + 1 - ratio) // (2 * ratio) + 3


def _planes(channels: Sequence[Channel], shown: np.ndarray, statics: Mapping[str, np.ndarray]) -> np.ndarray:
    """Channels that no driver enters, float32 (channel, n, n), from the code that every other engine uses."""
    n = len(shown)
    out, plain = np.empty((len(channels), n, n), np.float32), np.zeros((N_GROUP, 3, 3))
    assemble_shown(channels, Window(0, 0, n), n, plain, plain, np.ones((3, 3), bool), -1, -1, shown, statics, out)
    return out


def _cut(target: np.ndarray, block: np.ndarray, row: int, column: int) -> None:
    """Copy the part of a driver block that begins at (row, column); cells outside the block are 1 there, and no tap."""
    rows, columns = target.shape[-2:]
    low_row, low_column = max(row, 0), max(column, 0)
    part = block[..., low_row: row + rows, low_column: column + columns]
    if part.shape != target.shape:
        target[...] = 1
    target[..., low_row - row: low_row - row + part.shape[-2], low_column - column: low_column - column + part.shape[-1]] = part
