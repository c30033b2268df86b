"""Writes a year's land use into a copy of CTSM's surface file (fsurdat). Knows no time series. Lakes, wetlands, glaciers, ocean and all else stay the file's own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lsbc.emulator.hosts.blocks import blocks
from lsbc.emulator.hosts.ctsm_land_use import CROP_TYPES, LandUse
from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.options import option
from lsbc.emulator.hosts.patched import patched
from lsbc.emulator.hosts.template import mark
from lsbc.emulator.hosts.year_file import YearFile


@dataclass(frozen=True, kw_only=True)
class Options:
    template: Path = option("the surface file (fsurdat) to update")
    crop_types: str = option("shares of the crop types: those of the surface file, or the crosswalk's (rainfed C3 alone)", default="surface", choices=CROP_TYPES)
    crosswalk: str = option("crosswalk: a shipped name or a .toml file", default="ctsm")


def write(year: YearFile, out: Path, options: Options) -> list[str]:
    """Write the surface file `out` with the land use of `year`; returns notes.

    Raises:
        FileError, ConfigError, ValueRangeError: as `LandUse.on` and `LandUse.of`, or a file cannot be read or written.
    """
    classes, counts = HostClasses.of(year, options.crosswalk), Counter()
    with patched(options.template, out) as data:
        land_use = LandUse.on(options.template, data, classes, options.crop_types)
        for block in blocks(land_use.shape):
            for name, values in land_use.of(block, counts).items():
                block.put(data.variables[name], values)
        notes = notes_of(counts)
        mark(data, classes.attributes, year.year, notes)
    return notes


def notes_of(counts: Counter[str]) -> list[str]:
    """What was counted, in words."""
    return [f"{n} cell(s) {what}" for what, n in counts.items() if n]
