"""Computes tiles with a torch network on a device: channels, network and classes there, one byte a cell in and as little as is wanted out.

Knows tiles, windows and a network's `forward`; no ranks, no files, no allocation. Two slots of pinned memory take turns: while the device computes
one call, the host fills the next and lays the last one's rectangles into their cores.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lsbc.emulator.channels import Channel
from lsbc.emulator.classes import AFTER_DYNAMIC, FIRST_DYNAMIC
from lsbc.emulator.gate import check_logits
from lsbc.emulator.network.device_calls import Cores, Job, calls
from lsbc.emulator.network.device_channels import DeviceChannels, WindowShape
from lsbc.emulator.network.device_memory import Layout, Queues, Twin, named
from lsbc.emulator.tile_engine import Deliver, Rectangle, TileStatics, TileYear, Want, seconds_of_engine
from lsbc.emulator.windows import GPU_CELLS_A_CALL, batch_of

logger = logging.getLogger(__name__)

STATICS_SHARE = 0.5
"""Most of the device's free memory that statics may take; more, and they stay on the host and travel every year."""
CALL_SHARE = 0.4
"""Most of the device's free memory that a call may take where its size is measured."""
_N_SLOT = 2
_N_DYNAMIC = AFTER_DYNAMIC - FIRST_DYNAMIC


@dataclass
class _Slot:
    """Memory of one call, and what is under way in it."""

    inputs: Twin
    results: Twin
    shape: WindowShape | None = None
    jobs: list[Job] = field(default_factory=list)
    want: Want = "classes"
    gaps: bool = False
    done: Any = None


class DeviceTiles:
    """A `TileEngine` of a torch network; `torch_device` may be the CPU, and then nothing is gained but the same code is run.

    Calls have a fixed number of windows for each window size and the last one is filled up, so that a result depends on nothing it was
    computed with. Scores of static classes are 0: nothing asks for them, so they do not travel.
    """

    def __init__(self, network: Any, channels: Sequence[Channel], ratio: int, core: int, halo: int, cells_a_call: int = GPU_CELLS_A_CALL) -> None:
        """Args:
            network: with `torch_device`, `dtype`, `forward`, and `fixed_window` where it takes one shape only.
            ratio: fine cells along one side of a driver cell.  core, halo: of the tiles.
            cells_a_call: as in `windows.batch_of`; 0: the usual ones, or fewer where the device's free memory holds no more, which is not the same on
                every device or day. Never more: last calls are filled up, and there is one for each window size.
                After an error of memory, an engine made with half of it may do: nothing of this one stays.
        """
        import torch

        self._torch, self._network = torch, network
        self._core, self._halo, self._window = core, halo, core + 2 * halo
        self._device, self._dtype = network.torch_device, network.dtype
        with named(self._device, "the tables of the input channels"):
            self._queues = Queues(self._device)
            self._channels = DeviceChannels(channels, ratio, self._device, self._dtype)
        self._from_memory, self._cells_a_call = cells_a_call == 0, cells_a_call or GPU_CELLS_A_CALL
        self._tiles: list[TileStatics] = []
        self._jobs: list[list[Job]] = []
        self._statics: Any = None
        self._place: dict[int, int] = {}
        """Position of a tile with a rectangle -> its place among those whose statics are packed."""
        self.resident = True
        """Whether the tiles' statics lie on the device."""
        self._slots: list[_Slot] = []
        self._layouts: dict[WindowShape, Layout] = {}
        self._planes: Any = None
        self.seconds = seconds_of_engine()
        self.n_window = self.n_padding = 0
        """Windows computed so far, and how many of them only filled up a call."""
        self.n_byte = {"to device": 0, "to host": 0}
        """Bytes that travelled so far, statics included."""

    @property
    def cells_a_call(self) -> int:
        """About how many cells a call computes."""
        return self._cells_a_call

    def load(self, statics: Sequence[TileStatics]) -> None:
        """Take the tiles: their statics go to the device once, if they fit.

        Raises:
            DeviceError: out of memory, or the device failed.
        """
        self._tiles, self._statics, self._planes, self._slots = list(statics), None, None, []
        with named(self._device, f"{len(self._tiles)} tiles"), self._torch.no_grad():
            self._load_statics()
            self._choose_batch()
            self._plan()
            self._queues.drain()

    def run(self, years: Mapping[int, TileYear], want: Want, deliver: Deliver) -> None:
        """Compute tiles; see `TileEngine`. Cells outside every rectangle and static classes hold 0.

        Raises:
            InternalError: the network returned values that are not finite.  DeviceError: out of memory, or the device failed.
            GridError: a tile's driver cells do not cover its windows.
        """
        cores = Cores(self._core, want, {k: len(self._jobs[k]) for k in years}, deliver)
        turn = 0
        try:
            cores.hand_over_empty()
            with self._torch.no_grad():
                self._make_room(want)
                for shape, jobs in calls([job for k in years for job in self._jobs[k]], cores):
                    slot = self._slots[turn % _N_SLOT]
                    self._finish(slot, cores)
                    self._start(slot, shape, jobs, years, want)
                    turn += 1
                for k in range(_N_SLOT):
                    self._finish(self._slots[(turn + k) % _N_SLOT], cores)
        except BaseException:
            self._abandon()
            raise

    def bytes_per_window(self, rows: int, columns: int) -> int:
        """Device memory that one window of this size, halo included, takes in the network, measured; 0 on the CPU."""
        channels = self._torch.zeros((1, rows, columns, self._channels.n_channel), dtype=self._dtype, device=self._device)
        with named(self._device, f"one window of {rows} x {columns} cells"), self._torch.no_grad():
            return self._queues.peak_bytes(lambda: self._network.forward(channels.permute(0, 3, 1, 2)))

    # -- plan --------------------------------------------------------------------------------------------------------------------

    def _load_statics(self) -> None:
        """Pack the statics of all tiles with a rectangle, int64 (cell, word), and put them on the device if they fit."""
        self._place = {position: k for k, position in enumerate(position for position, tile in enumerate(self._tiles) if tile.windows)}
        n_cell, n_word = len(self._place) * self._window**2, self._channels.n_word
        free = self._queues.free_bytes()
        self.resident = free is None or n_cell * n_word * 8 <= STATICS_SHARE * free
        where = self._device if self.resident else "cpu"
        with named(where, f"the statics of {len(self._place)} tiles"):
            self._statics = self._torch.empty((n_cell, n_word), dtype=self._torch.int64, device=where)
            for position, k in self._place.items():
                packed = self._channels.pack_statics(self._tiles[position].statics, self._window)
                self._statics[k * self._window**2: (k + 1) * self._window**2] = packed.view(-1, n_word).to(where)
        self.n_byte["to device"] += n_cell * n_word * 8 if self.resident else 0
        if not self.resident:
            logger.warning("statics of %d tiles take %.1f GB, more than %.0f %% of the %.1f GB free on %s: they travel from the host every year",
                           len(self._place), n_cell * n_word * 8e-9, 100 * STATICS_SHARE, 1e-9 * free, self._device)

    def _sizes(self) -> list[tuple[int, int]]:
        """Rows and columns of every window size, halo included, largest first."""
        return sorted({(r.rows + 2 * self._halo, r.columns + 2 * self._halo) for tile in self._tiles for r in tile.windows}, reverse=True)

    def _choose_batch(self) -> None:
        """Measure the network where the call's size is not given, and make calls smaller if they must be."""
        if not self._from_memory or not self._sizes():
            return
        rows, columns = max(self._sizes(), key=lambda size: size[0] * size[1])
        taken, free = self.bytes_per_window(rows, columns), self._queues.free_bytes()
        if taken and free is not None:
            self._cells_a_call = min(GPU_CELLS_A_CALL, max(1, int(CALL_SHARE * free / taken)) * rows * columns)
            logger.info("%s: one window of %d x %d cells takes %.2f GB of %.1f GB free, so a call computes %d", self._device, rows, columns,
                        1e-9 * taken, 1e-9 * free, self._cells_a_call // (rows * columns))

    def _plan(self) -> None:
        """Shapes, layouts, jobs and the memory of both slots."""
        fixed = getattr(self._network, "fixed_window", None)
        shapes = [WindowShape(fixed[0] if fixed else batch_of(*size, self._cells_a_call), *size) for size in self._sizes()]
        self._layouts = {shape: self._channels.layout(shape, not self.resident) for shape in shapes}
        shape_of = {(shape.rows, shape.columns): shape for shape in shapes}
        self._jobs = [[self._job(shape_of[r.rows + 2 * self._halo, r.columns + 2 * self._halo], k, r) for r in tile.windows]
                      for k, tile in enumerate(self._tiles)]
        self._slots = [_Slot(Twin(self._queues), Twin(self._queues)) for _ in range(_N_SLOT)]
        if shapes:
            largest = max(shapes, key=lambda shape: shape.n * shape.rows * shape.columns)
            with named(self._device, f"the input of {largest}"):
                n_cell = largest.n * largest.rows * largest.columns
                self._planes = self._torch.zeros(n_cell * self._channels.n_channel, dtype=self._dtype, device=self._device)
                for slot in self._slots:
                    slot.inputs.grow(max(layout.n_byte for layout in self._layouts.values()))

    def _job(self, shape: WindowShape, position: int, r: Rectangle) -> Job:
        """A rectangle's window begins one halo before it, and so do the tile's window and its core."""
        return Job(position, r, shape, self._channels.place(shape, self._tiles[position], r.row, r.column, self._place[position], self._window))

    def _result_layout(self, shape: WindowShape, want: Want) -> Layout:
        """What comes back of one call: a sum for each window that is finite only if all its scores are, and the core's part."""
        core = shape.rows - 2 * self._halo, shape.columns - 2 * self._halo
        kind, size = ("uint8", (shape.n, *core)) if want == "classes" else (str(self._dtype).removeprefix("torch."), (shape.n, _N_DYNAMIC, *core))
        return Layout.of(total=("float32", (shape.n,)), part=(kind, size))

    # -- run ---------------------------------------------------------------------------------------------------------------------

    def _make_room(self, want: Want) -> None:
        """Memory for the largest result of a call."""
        for shape in sorted(self._layouts, key=lambda shape: -self._result_layout(shape, want).n_byte)[:1]:
            with named(self._device, f"the result of {shape}"):
                for slot in self._slots:
                    slot.results.grow(self._result_layout(shape, want).n_byte)

    def _start(self, slot: _Slot, shape: WindowShape, jobs: list[Job], years: Mapping[int, TileYear], want: Want) -> None:
        """Fill a slot on the host and give its work to the three queues."""
        began, layout, result = time.perf_counter(), self._layouts[shape], self._result_layout(shape, want)
        with named(self._device, str(shape)):
            slot.gaps = self._fill(slot, layout, jobs, years)
            slot.shape, slot.jobs, slot.want = shape, jobs, want
            slot.inputs.send(layout.n_byte)
            with self._queues.queue("compute"):
                scores = self._scores(slot, began)
                began = time.perf_counter()
                self._reduce(scores, result.tensors(slot.results.device), want)
            slot.done = slot.results.fetch(result.n_byte)
        self.seconds["classes"] += time.perf_counter() - began
        self.n_window, self.n_padding = self.n_window + shape.n, self.n_padding + shape.n - len(jobs)
        self.n_byte["to device"] += layout.n_byte
        self.n_byte["to host"] += result.n_byte

    def _fill(self, slot: _Slot, layout: Layout, jobs: list[Job], years: Mapping[int, TileYear]) -> bool:
        into, gaps = layout.arrays(slot.inputs.host.numpy()), False
        for k, job in enumerate(jobs):
            gaps |= self._channels.fill(into, k, self._tiles[job.position], job.at, years[job.position])
            if not self.resident:
                rows, columns = into["shown"].shape[1:]
                tile = self._statics.view(-1, self._window, self._window, self._channels.n_word)[self._place[job.position]].numpy()
                into["statics"][k] = tile[job.at.row.start:, job.at.column.start:][:rows, :columns]
        self._channels.fill_up(into, len(jobs))
        return gaps

    def _scores(self, slot: _Slot, began: float) -> Any:
        """Channels and network of a filled slot: scores of the rectangles, (n, class, rows, columns)."""
        shape, halo = slot.shape, self._halo
        planes = self._planes[: shape.n * shape.rows * shape.columns * self._channels.n_channel].view(shape.n, shape.rows, shape.columns, -1)
        self._channels.assemble(shape, self._layouts[shape].tensors(slot.inputs.device), self._statics if self.resident else None, self._window,
                                slot.gaps, planes)
        assembled = time.perf_counter()
        logits = self._network.forward(planes.permute(0, 3, 1, 2))
        self.seconds["channels"] += assembled - began
        self.seconds["network"] += time.perf_counter() - assembled
        return logits[:, 0, :, halo: shape.rows - halo, halo: shape.columns - halo]

    def _reduce(self, scores: Any, into: dict[str, Any], want: Want) -> None:
        """Dynamic classes' scores, or the likeliest of them, and the sums, to where they leave from."""
        into["total"].copy_(scores.sum(dim=(1, 2, 3), dtype=self._torch.float32))
        dynamic = scores[:, FIRST_DYNAMIC:AFTER_DYNAMIC]
        if want == "scores":
            into["part"].copy_(dynamic)
        else:
            into["part"].copy_(dynamic.contiguous().argmax(dim=1)).add_(FIRST_DYNAMIC)

    def _finish(self, slot: _Slot, cores: Cores) -> None:
        """Wait for a slot's result and lay it into the cores; nothing to do if the slot is free."""
        if not slot.jobs:
            return
        began = time.perf_counter()
        with named(self._device, str(slot.shape)):
            self._queues.wait(slot.done)
        waited = time.perf_counter()
        result = self._result_layout(slot.shape, slot.want).tensors(slot.results.host)
        self._check_finite(slot, result["total"])
        jobs, slot.jobs = slot.jobs, []
        delivered = sum(cores.put(job.position, job.rectangle, result["part"][k]) for k, job in enumerate(jobs))
        self.seconds["network"] += waited - began
        self.seconds["classes"] += time.perf_counter() - waited - delivered

    def _check_finite(self, slot: _Slot, total: Any) -> None:
        """A sum that is not finite may come from finite scores, so they are made again and looked at one by one."""
        if bool(self._torch.isfinite(total[: len(slot.jobs)]).all()):
            return
        with named(self._device, str(slot.shape)), self._queues.queue("compute"):
            scores = self._scores(slot, time.perf_counter())
            for k, job in enumerate(slot.jobs):
                check_logits(scores[k].to("cpu", self._torch.float32).numpy(), self._tiles[job.position].tile)

    def _abandon(self) -> None:
        """Leave nothing under way after a failure."""
        for slot in self._slots:
            slot.jobs = []
        with contextlib.suppress(RuntimeError):  # the failure that led here is the one to tell of
            self._queues.drain()
