"""Turns land-use products, drivers and statics into one store, patch by patch and restartable. Knows no file formats.

A block of neighbouring patches is read at once, as many as the allowed memory holds: rows of a raster are long, and each is read once a block.
"""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES, NO_DATA, OCEAN, index_of_codes
from lsbc.regrid.errors import ValueRangeError
from lsbc.training.driver import aggregate_groups, row_weights
from lsbc.training.prepare_config import PrepareConfig, read_prepare_config
from lsbc.training.readers.window import Window
from lsbc.training.sources import ALWAYS, Sources, open_sources
from lsbc.training.store import Layout, StoreWriter

log = logging.getLogger(__name__)

_BYTES_PER_CELL, _BYTES_PER_SOURCE_CELL = 60, 35
"""What reading one layer takes beside the stored values: shares and results of a fine cell, values and areas of the source's cells under it."""


def request_of(config: PrepareConfig, sources: Sources) -> dict[str, Any]:
    """All that decides what is in the store, as plain tables: settings, and the name and size of every file."""
    table = {"lattice": asdict(config.lattice), "land_use": asdict(config.land_use), "driver": asdict(config.driver) if config.driver else None,
             "statics": [asdict(one) for one in config.statics], "patch_driver_cells": config.store.patch_driver_cells}
    return {**table, "files": sources.files, "classes": dict(zip(CLASS_NAMES, CLASS_CODES, strict=True))}


def layout_of(config: PrepareConfig, sources: Sources) -> Layout:
    """Cells, years and layers of the store; without a land mask there is a layer made from the class maps."""
    region = sources.region
    layers = [(layer.name, layer.since) for layer in sources.layers]
    if "land" not in dict(layers):
        layers.append(("land", ALWAYS))
    return Layout(region.lattice.n_lat, region.row0, region.col0, region.n_row, region.n_col, sources.ratio,
                  config.store.patch_driver_cells * sources.ratio, sources.years, tuple(layers), sources.driver is not None)


def _blocks(unfinished: list[tuple[int, int]], most: int) -> list[list[tuple[int, int]]]:
    """Runs of at most `most` neighbours in a row of patches.

    >>> _blocks([(0, 0), (0, 1), (0, 3), (1, 0)], 2)
    [[(0, 0), (0, 1)], [(0, 3)], [(1, 0)]]
    """
    blocks: list[list[tuple[int, int]]] = []
    for place in unfinished:
        last = blocks[-1] if blocks else None
        if last and len(last) < most and last[-1] == (place[0], place[1] - 1):
            last.append(place)
        else:
            blocks.append([place])
    return blocks


def _class_index(sources: Sources, window: Window) -> np.ndarray:
    out = np.empty((len(sources.years), *window.shape), np.uint8)
    for layer, year in zip(out, sources.years, strict=True):
        layer[:] = index_of_codes(sources.class_maps.codes(year, window))
    return out


def _statics(sources: Sources, layout: Layout, window: Window, class_index: np.ndarray) -> np.ndarray:
    out = np.empty((len(layout.layers), *window.shape), np.float32)
    for k, layer in enumerate(sources.layers):
        out[k] = layer.read(window)
    if len(layout.layers) > len(sources.layers):
        out[-1] = ((class_index != OCEAN) & (class_index != NO_DATA)).any(axis=0)
    return out


def _write_block(writer: StoreWriter, sources: Sources, block: list[tuple[int, int]]) -> None:
    layout = writer.layout
    cells = [layout.cells(*place) for place in block]
    rows, west, east = cells[0][0], cells[0][1].start, cells[-1][1].stop
    window = replace(sources.region, row0=layout.row0 + rows.start, col0=layout.col0 + west, n_row=rows.stop - rows.start, n_col=east - west)
    class_index = _class_index(sources, window)
    statics = _statics(sources, layout, window, class_index)
    weight = row_weights(window.row0, window.n_row, layout.n_lat)
    for place, (_, cols) in zip(block, cells, strict=True):
        part = np.s_[:, :, cols.start - west:cols.stop - west]
        driver = None
        if sources.driver is None:
            # A cell without data in some year counts in none: what comes and goes is no change of land use.
            always = (class_index[part] != NO_DATA).all(axis=0)
            years = [aggregate_groups(np.where(always, layer, np.uint8(NO_DATA)), layout.ratio, weight) for layer in class_index[part]]
            driver = np.stack([fraction for fraction, _ in years]), years[0][1]
        writer.write_patch(place, class_index[part], statics[part], driver)


def _write_driver(writer: StoreWriter, sources: Sources, progress: bool) -> None:
    for year in tqdm(writer.unfinished_driver_years, desc="driver years", disable=not progress):
        fraction, valid = sources.driver.groups(year, sources.coarse_region)
        if writer.driver_valid is not None and (writer.driver_valid != valid).any():
            raise ValueRangeError(_comes_and_goes(sources, year, valid, writer.driver_valid))
        writer.write_driver_year(year, fraction, valid)


def _comes_and_goes(sources: Sources, year: int, valid: np.ndarray, first_valid: np.ndarray) -> str:
    row, col = (int(k) for k in np.argwhere(valid != first_valid)[0])
    region, first = sources.coarse_region, sources.years[0]
    lat, lon = region.lattice.lat_centre_deg(region.row0 + row), region.lattice.lon_centre_deg(region.col0 + col)
    has, lacks = (year, first) if valid[row, col] else (first, year)
    return (f"The LUH states at {lat:.3f} N {lon:.3f} E have data in {has} (file {sources.driver.path(has)}) and none in {lacks} "
            f"(file {sources.driver.path(lacks)}); the cells with data must be those of every year.")


def _size_mb(path: Path) -> float:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 2**20


def prepare(config: Path | str, data: Path | str | None = None, out: Path | str | None = None, *, fresh: bool = False,
            progress: bool | None = None) -> Path:
    """Make the store of a configuration, or go on with it; returns its path. A finished store of the same content is left alone."""
    settings = read_prepare_config(config, data, out)
    progress = sys.stderr.isatty() if progress is None else progress
    start = time.perf_counter()
    sources = open_sources(settings)
    layout, path = layout_of(settings, sources), settings.store.path
    writer = StoreWriter.open(path, layout, request_of(settings, sources), fresh)
    if writer is None:
        log.info("store %s is there already", path)
        return path
    _write_driver(writer, sources, progress)
    reading = _BYTES_PER_CELL + _BYTES_PER_SOURCE_CELL * sources.source_cells
    per_patch = layout.patch**2 * (len(layout.years) + 4 * len(layout.layers) + reading)
    todo, done = writer.unfinished, layout.n_patch[0] * layout.n_patch[1]
    with tqdm(total=done, initial=done - len(todo), desc="patches", unit="patch", disable=not progress) as bar:
        for block in _blocks(todo, max(1, int(settings.store.memory_mb * 2**20 / per_patch))):
            _write_block(writer, sources, block)
            bar.update(len(block))
    writer.finish()
    log.info("store %s: %d x %d cells, %d years, %d of %d patches written in %.1f s, %.1f MB", path, layout.n_row, layout.n_col, len(layout.years),
             len(todo), done, time.perf_counter() - start, _size_mb(path))
    return path
