"""Draw the maps of one demonstration run: demo_maps.py --fine FINE_NC --results FOLDER

Before (the first map given), the 1 km map of the first and the last year, what changed between them, and fields on
the host's cells: dominant class, leaf area in July, albedo, the host's own classes, and what became town.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lsbc.emulator import plot
from lsbc.regrid.errors import LsbcError

HOST_FIELDS = ("lu_dominant", "leaf_area_index.7", "albedo", "host_lu_dominant", "transitions.cropland.urban")


def draw(fine: Path, results: Path) -> list[Path]:
    """Make every map; returns their paths."""
    maps = sorted(results.glob("landuse_[0-9]*.nc"))
    hosts = sorted(results.glob("lsbc_[0-9]*.nc"))
    if len(maps) < 2 or not hosts:
        raise FileNotFoundError(f"{results} holds {len(maps)} landuse_<year>.nc and {len(hosts)} lsbc_<year>.nc; two and one are needed")
    first, last = maps[0], maps[-1]
    made = [
        plot.plot_landuse(fine, results / "map_1_given.png", "Land use as given, before the first step"),
        plot.plot_landuse(first, results / f"map_2_{first.stem}.png"),
        plot.plot_landuse(last, results / f"map_3_{last.stem}.png"),
        plot.plot_change(first, last, results / "map_4_change.png"),
    ]
    made += [plot.plot_host(hosts[-1], name, results / f"map_{k}_host_{name.replace('.', '_')}.png") for k, name in enumerate(HOST_FIELDS, 5)]
    return made


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fine", type=Path, required=True, help="fine-grid input file")
    parser.add_argument("--results", type=Path, required=True, help="folder with the component's files; maps go there too")
    options = parser.parse_args(arguments)
    try:
        for path in draw(options.fine, options.results):
            print(path)
    except (LsbcError, OSError) as error:
        print(f"demo_maps: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
