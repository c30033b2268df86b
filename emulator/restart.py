"""Write and read the state, exactly, for any number of ranks. Root streams one tile at a time; no rank holds the whole map.

NetCDF4: `landuse(tile, row, col)` class index of every tile of the domain, `driver_fraction(driver_cell, group)`,
`carry(tile, driver_row, driver_col, land_group)`, `by_spare(tile)` where a fallback
device computed the year (optional), `landuse_before(tile, row, col)` last year's classes where the run wants transitions (optional),
attributes that name model, grid and year, and a sha256 over the content.
Tiles are those of the size the network's card names, whatever size they have in the run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.classes import CLASS_SYSTEM, CLASS_VERSION, GROUPS, NO_DATA, STATIC_CLASSES
from lsbc.emulator.plan import Plan, card_pieces
from lsbc.emulator.state import State
from lsbc.emulator.stream import stream_to_root
from lsbc.regrid.atomic import whole_file
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import RestartError

FORMAT = 1
MAPS = ("landuse", "landuse_before")


def identity(artefact: Artefact, plan: Plan) -> dict[str, str]:
    """What a restart must share with the run that reads it."""
    return {"model_sha256": artefact.fingerprint, "host_grid": plan.fingerprint, "classes": f"{CLASS_SYSTEM} {CLASS_VERSION}",
            "tile_lattice": f"{artefact.fine.n_lat}x{artefact.fine.n_lon}/{artefact.core}", "groups": " ".join(GROUPS)}


def write_restart(comm: Comm, plan: Plan, artefact: Artefact, state: State, path: Path) -> None:
    """Write the state of all ranks to one file (collective)."""
    pieces = card_pieces(plan)
    mine = np.flatnonzero(pieces.rank == comm.rank)
    block = plan.domain.card.core // plan.ratio
    carry = np.zeros((len(mine), block, block, state.carry.shape[-1]))
    for out, k in zip(carry, mine.tolist()):
        at, row, col = pieces.local[k], pieces.row[k] // plan.ratio, pieces.col[k] // plan.ratio
        out[...] = state.carry[at, row: row + block, col: col + block]
    parts = comm.gather((plan.driver_cell, state.driver, plan.domain.card_tiles[mine], carry, state.by_spare[pieces.local[mine]]))

    def save(blocks: Iterator[np.ndarray]) -> None:
        with whole_file(path) as temporary:
            _save(temporary, blocks, plan, identity(artefact, plan), state, *_merge_driver(parts))

    maps = [core for core in (state.core, state.before) if core is not None]
    n_tile = len(pieces.rank)
    stream_to_root(comm, np.tile(pieces.rank, len(maps)), lambda k: maps[k // n_tile][pieces.local[k % n_tile]][pieces.cells(k % n_tile)], save)


def _merge_driver(parts: list[tuple]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Driver cells of all ranks and their fractions; the carried demand, and whether a spare engine computed it, of all tiles in their order."""
    unique, first = np.unique(np.concatenate([part[0] for part in parts]), return_index=True)
    order = np.argsort(np.concatenate([np.array(part[2], np.int64) for part in parts]))
    return unique, np.concatenate([part[1] for part in parts])[first], *(np.concatenate([part[k] for part in parts])[order] for k in (3, 4))


def _save(path: Path, blocks, plan: Plan, names: dict[str, str], state: State, driver_cell, driver, carry, by_spare) -> None:
    from netCDF4 import Dataset

    core, card_tiles = plan.domain.card.core, plan.domain.card_tiles
    digest = hashlib.sha256()
    with Dataset(path, "w") as data:
        for name, size in (("tile", len(card_tiles)), ("row", core), ("col", core), ("driver_cell", len(driver_cell)), ("group", len(GROUPS)),
                           ("driver_row", carry.shape[1]), ("driver_col", carry.shape[2]), ("land_group", carry.shape[3])):
            data.createDimension(name, size)
        tile_id = data.createVariable("tile", "i8", ("tile",))
        maps = [data.createVariable(name, "u1", ("tile", "row", "col"), zlib=True, complevel=1, chunksizes=(1, core, core))
                for name in (MAPS if state.before is not None else MAPS[:1])]
        cell_id = data.createVariable("driver_cell", "i8", ("driver_cell",))
        fraction = data.createVariable("driver_fraction", "f8", ("driver_cell", "group"))
        carried = data.createVariable("carry", "f8", ("tile", "driver_row", "driver_col", "land_group"))
        spare = data.createVariable("by_spare", "u1", ("tile",))
        data.set_auto_mask(False)
        spare[:] = by_spare
        tile_id[:], cell_id[:], fraction[:], carried[:] = card_tiles, driver_cell, driver, carry
        for k, block in enumerate(blocks):
            maps[k // len(card_tiles)][k % len(card_tiles)] = block
            digest.update(np.ascontiguousarray(block))
        for array in (card_tiles, driver_cell, driver, carry, by_spare.astype(np.uint8)):
            digest.update(np.ascontiguousarray(array))
        data.setncatts({"title": "lsbc restart", "format": np.int32(FORMAT), "year": np.int32(state.year), **names, "content_sha256": digest.hexdigest()})


def read_restart(comm: Comm, plan: Plan, artefact: Artefact, path: Path) -> State:
    """The state on this rank, without its boundary fields (collective).

    Raises:
        RestartError: the file is missing, damaged, or belongs to another grid or model.
    """
    agree(comm, _verify, path, identity(artefact, plan), comm.rank == 0)
    return agree(comm, _load, plan, path)


def _open(path: Path):
    from netCDF4 import Dataset

    try:
        data = Dataset(path)
    except (OSError, RuntimeError) as error:
        raise RestartError(f"Restart file {path} cannot be opened: {error}.") from error
    data.set_auto_mask(False)
    return data


def _verify(path: Path, names: dict[str, str], check_content: bool) -> None:
    with _open(path) as data:
        try:
            theirs = {name: str(data.getncattr(name)) for name in ("format", "content_sha256", *names)}
            if theirs["format"] != str(FORMAT):
                raise RestartError(f"Restart file {path} has format {theirs['format']}, this lsbc reads {FORMAT}.")
            for name, ours in names.items():
                if theirs[name] != ours:
                    raise RestartError(f"Restart file {path} was written for {name} '{theirs[name]}', this run has '{ours}'.")
            if check_content and _content_sha256(data) != theirs["content_sha256"]:
                raise RestartError(f"Restart file {path} is damaged: its content does not match its sha256.")
        except (AttributeError, IndexError, KeyError, OSError, RuntimeError) as error:
            raise RestartError(f"Restart file {path} is damaged or not a restart of lsbc: {error}.") from error


def _content_sha256(data) -> str:
    digest = hashlib.sha256()
    for name in MAPS:
        for k in range(len(data.dimensions["tile"]) if name in data.variables else 0):
            digest.update(np.ascontiguousarray(data[name][k]))
    for name in ("tile", "driver_cell", "driver_fraction", "carry", *(["by_spare"] if "by_spare" in data.variables else [])):
        digest.update(np.ascontiguousarray(data[name][:]))
    return digest.hexdigest()


def _load(plan: Plan, path: Path) -> State:
    with _open(path) as data:
        tiles, cells = np.asarray(data["tile"][:]), np.asarray(data["driver_cell"][:])
        pieces = card_pieces(plan)
        mine = np.flatnonzero(pieces.local >= 0)
        where = _find(path, "tile", tiles, plan.domain.card_tiles[mine])
        core = np.full((len(plan.local), plan.tiles.core, plan.tiles.core), NO_DATA, np.uint8)
        before = core.copy() if MAPS[1] in data.variables else None
        block, n_block = plan.domain.card.core // plan.ratio, plan.tiles.core // plan.ratio
        carry = np.zeros((len(plan.local), n_block, n_block, data["carry"].shape[-1]))
        spare = np.asarray(data["by_spare"][:], bool) if "by_spare" in data.variables else np.zeros(len(tiles), bool)
        by_spare = np.zeros(len(plan.local), bool)
        np.logical_or.at(by_spare, pieces.local[mine], spare[where])
        for k, position in zip(mine.tolist(), where.tolist()):
            at, row, col = pieces.local[k], pieces.row[k] // plan.ratio, pieces.col[k] // plan.ratio
            core[at][pieces.cells(k)], carry[at, row: row + block, col: col + block] = data["landuse"][position], data["carry"][position]
            if before is not None:
                before[at][pieces.cells(k)] = data[MAPS[1]][position]
        for k in range(len(plan.local)):
            _check_static(path, plan, k, core[k])
        rows = _find(path, "driver cell", cells, plan.driver_cell)
        first, last = (int(rows.min()), int(rows.max()) + 1) if len(rows) else (0, 0)
        driver = np.asarray(data["driver_fraction"][first:last], np.float64)[rows - first]
        return State(int(data.getncattr("year")), core, driver, carry, {}, by_spare, before)


def _check_static(path: Path, plan: Plan, k: int, core: np.ndarray) -> None:
    """Water, ocean and missing cells must be those of the fine-grid file that the run uses."""
    inner = slice(plan.tiles.halo, plan.tiles.halo + plan.tiles.core)
    prior = plan.local[k].prior[inner, inner]
    fixed = (*STATIC_CLASSES, NO_DATA)
    differ = np.where(np.isin(prior, fixed) | np.isin(core, fixed), prior != core, False)
    if differ.any():
        row, col = np.argwhere(differ)[0]
        lattice, tile = plan.tiles.fine, plan.local[k]
        raise RestartError(
            f"Restart file {path} was written for another fine-grid file: water, ocean or missing cells differ in tile {tile.tile}, first at "
            f"{lattice.lon_centre_deg(tile.col0 + plan.tiles.halo + int(col)):.4f} E, {lattice.lat_centre_deg(tile.row0 + plan.tiles.halo + int(row)):.4f} N.")


def _find(path: Path, what: str, present: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    where = np.searchsorted(present, wanted)
    found = (where < len(present)) & (present[np.minimum(where, len(present) - 1)] == wanted) if len(present) else np.zeros(len(wanted), bool)
    if not found.all():
        raise RestartError(f"Restart file {path} lacks {what} {int(wanted[~found][0])}.")
    return where
