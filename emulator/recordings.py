"""Recordings of several ranks joined into those of one: calls, cells and values. Knows no component and no communicator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lsbc.emulator.fields import CLIMATE_INPUTS
from lsbc.emulator.record_file import GRID_ARRAYS, UNFINISHED, Call, RecordError, RecordReader, list_files, listed_names
from lsbc.regrid.errors import Status


def find_instance(folder: Path, instance: str | None) -> tuple[str, list[Path]]:
    """The instance to replay and its files, rank by rank.

    Raises:
        RecordError: there is none, there are several and none is named, or files of ranks are missing.
    """
    files = list_files(folder)
    if not files:
        raise RecordError(f"Folder {folder} holds no recording (no file instance<n>_rank<n>.nc).")
    if instance is None and len(files) > 1:
        raise RecordError(f"Folder {folder} holds recordings of several instances; name one with --instance: {', '.join(files)}.")
    name = instance if instance is not None else next(iter(files))
    if name not in files:
        raise RecordError(f"Folder {folder} holds no instance {name}; there are {', '.join(files)}.")
    paths = files[name]
    size = RecordReader(next(iter(paths.values()))).header.size
    missing = [rank for rank in range(size) if rank not in paths]
    if missing or len(paths) != size:
        raise RecordError(f"Instance {name} in {folder} was recorded on {size} ranks, but there are {len(paths)} files"
                          f"{f', none of rank {missing[0]}' if missing else ''}; copy all of them, of one run alone, and see that every node's ranks "
                          "get LSBC_RECORD (Open MPI: mpirun -x LSBC_RECORD).")
    return name, [paths[rank] for rank in range(size)]


def join_calls(ranks: list[list[Call]]) -> list[Call]:
    """The collective calls that all of these ranks began; a status is known if one of them knows it.

    `states` are those that every rank has, `outputs` and `lent` those that any has.
    Raises:
        RecordError: ranks made different calls.
    """
    joined = []
    for number, together in enumerate(zip(*ranks)):
        first = together[0]
        for call in together:
            if (call.kind, call.year) != (first.kind, first.year):
                raise RecordError(f"Recorded ranks disagree about call {number}: {first.kind} {first.year} and {call.kind} {call.year}; "
                                  "the host made different calls on them, or the files are of several runs.")
        known = next((call for call in together if call.status != UNFINISHED), first)
        found = {name: next((getattr(call, name) for call in together if getattr(call, name)), "") for name in ("path", "copy", "sha256")}
        states = [word for word in first.states.split() if all(word.split(":")[0] in listed_names(call.states) for call in together)]
        outputs = dict.fromkeys(word for call in together for word in call.outputs.split())
        lent = dict.fromkeys(word for call in together for word in call.lent.split())
        remarks = dict.fromkeys(line for call in together for line in call.remarks.splitlines())
        joined.append(replace(first, status=known.status, text=known.text, states=" ".join(states), outputs=" ".join(outputs), lent=" ".join(lent),
                              remarks="\n".join(remarks), **found))
    return joined


@dataclass(frozen=True)
class JoinedCells:
    """Grid arrays of several ranks as those of one, and where each rank's cells are among them."""

    arrays: dict[str, np.ndarray]
    place: list[np.ndarray]
    """Of each rank, (n_cell,): position of its cells among the joined ones."""
    kept: list[np.ndarray]
    """Of each rank, bool (n_cell,): whether the joined cell is this one, and not that of its owner or of a rank before."""


def join_cells(grids: list[dict[str, np.ndarray]]) -> JoinedCells:
    """Join cells; of a halo cell that another of these ranks owns, or a rank before has in its halo too, one is left.

    One rank alone, and cells that break the contract within a rank, stay as they are.
    Raises:
        RecordError: arrays of different ranks do not fit together.
    """
    sizes = [len(np.atleast_1d(grid["global_id"])) for grid in grids]
    if len(grids) == 1:
        return JoinedCells(grids[0], [np.arange(sizes[0])], [np.ones(sizes[0], bool)])
    some = [grid for grid, n in zip(grids, sizes) if n] or grids[:1]
    if any(grid[name].shape != (len(grid["global_id"]), *some[0][name].shape[1:]) for grid in some for name in GRID_ARRAYS):
        raise RecordError("The recorded cells of different ranks cannot be joined: their arrays have other sizes, or other numbers of corners; "
                          "replay on as many ranks as were recorded.")
    merged = {name: np.concatenate([grid[name] for grid in some]) for name in GRID_ARRAYS}
    rank = np.repeat(np.arange(len(grids)), sizes)
    ids, owned = merged["global_id"], merged["owned"] != 0
    kept = owned.copy()
    for k in range(len(grids)):
        here = ~owned & (rank == k)
        kept |= here & ~np.isin(ids, ids[owned & (rank != k)]) & ~np.isin(ids, ids[kept & ~owned & (rank < k)])
    order = np.lexsort((~owned[kept], ids[kept]))
    place = np.empty(len(ids), np.int64)
    place[kept] = np.arange(np.count_nonzero(kept))
    place[~kept] = order[np.searchsorted(ids[kept][order], ids[~kept])]
    ends = np.cumsum(sizes)[:-1]
    return JoinedCells({name: values[kept] for name, values in merged.items()}, np.split(place, ends), np.split(kept, ends))


class Recordings:
    """What some recorded ranks exchanged, as if they had been one; none at all is a rank without cells."""

    def __init__(self, paths: list[Path]) -> None:
        self.readers = [RecordReader(path) for path in paths]
        self._cells: JoinedCells | None = None

    def set_grid(self, number: int) -> tuple[np.ndarray, ...]:
        """Arguments of `Component.set_grid` in a call; the values of later calls refer to it, unless it was refused."""
        if not self.readers:
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0, np.int32)
        cells = join_cells([reader.grid(number) for reader in self.readers])
        if self._cells is None or any(reader.calls[number].status == Status.OK for reader in self.readers):
            self._cells = cells
        return tuple(cells.arrays[name] for name in GRID_ARRAYS)

    @property
    def n_cell(self) -> int:
        return len(self._cells.arrays["global_id"]) if self._cells else 0

    def states(self, number: int) -> dict[str, np.ndarray]:
        """The lent values at a call, (n_cell,) float64; a field that any of the ranks lacks is missing.

        Raises:
            RecordError: a field that need not be lent was lent on some of the ranks alone; no joined array can say so.
        """
        parts = [reader.values("states", number) for reader in self.readers]
        self._require_alike(number, parts)
        joined = {}
        for name in parts[0] if parts else ():
            if all(name in part for part in parts):
                joined[name] = np.empty(self.n_cell)
                for part, place, kept in zip(parts, self._cells.place, self._cells.kept):
                    joined[name][place[kept]] = part[name][kept]
        return joined

    def _require_alike(self, number: int, parts: list[dict[str, np.ndarray]]) -> None:
        """Refuse climates that a part of the ranks lent; those of ranks without cells do not count."""
        counted = [(reader.header.rank, part) for reader, part, place in zip(self.readers, parts, self._cells.place if self._cells else ()) if len(place)]
        for info in CLIMATE_INPUTS:
            have, lack = ([rank for rank, part in counted if (info.name in part) is wanted] for wanted in (True, False))
            if have and lack:
                call, size = self.readers[0].calls[number], self.readers[0].header.size
                raise RecordError(f"Field '{info.name}' was lent for {call.kind} on recorded rank {have[0]} and not on rank {lack[0]}, which this replay "
                                  f"joins on one rank; replay on as many ranks as were recorded ({size}).")
            for part in parts if have else ():
                part.setdefault(info.name, np.zeros(0))

    def to_lend(self, number: int, call: Call) -> dict[str, np.ndarray]:
        """Arrays as the hosts of these ranks had lent them for a call, by the names asked for: `states`, and room for outputs of weeks and days.

        Without ranks, arrays of no cells for the states of the joined `call`. Raises as `states`.
        """
        if not self.readers:
            return dict.fromkeys(listed_names(call.states), np.zeros(0))
        views = dict(word.rsplit(":", 1) for reader in self.readers for word in reader.calls[number].lent.split())
        return self.states(number) | {name: np.empty((int(n_level), self.n_cell) if int(n_level) > 1 else self.n_cell) for name, n_level in views.items()}

    def outputs(self, number: int) -> Iterator[tuple[RecordReader, np.ndarray, dict[str, np.ndarray]]]:
        """Of each recorded rank its file, the positions of its cells, and the fields that its host got of a call."""
        for k, reader in enumerate(self.readers):
            if len(self._cells.place[k]):
                yield reader, self._cells.place[k], reader.values("outputs", number)

    def cell(self, position: int) -> tuple[int, float, float]:
        """Global id and centre of a joined cell."""
        return tuple(self._cells.arrays[name][position].item() for name in ("global_id", "lon_deg", "lat_deg"))
