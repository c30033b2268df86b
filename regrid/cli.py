"""`lsbc regrid`: weights, apply, check, grid. Parses arguments and prints; the work is done elsewhere."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import time
from pathlib import Path

import numpy as np

from lsbc.regrid.errors import FileError, LsbcError, WeightError
from lsbc.regrid.generate import BACKENDS, METHODS, make_weights
from lsbc.regrid.grids import Grid, RectilinearGrid
from lsbc.regrid.sphere import EDGES
from lsbc.regrid.weights import Weights

GLOBAL_GRID = re.compile(r"r(\d+)x(\d+)")
GRID_HELP = ("a CF, WRF geo_em or wrfinput, ICON, SCRIP, ESMF mesh, UGRID or MPAS file, told apart by its content; "
             "or rNXxNY, a global grid whose first centre is at 0 E (as in CDO)")


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; the return value is the exit code (an `LsbcError`'s public status)."""
    options = _parser().parse_args(arguments)
    try:
        return options.action(options)
    except LsbcError as error:
        print(f"lsbc: {type(error).__name__}: {error}", file=sys.stderr)
        return int(error.status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lsbc regrid", description="Remapping weights: make, apply and check them. ESMF's conventions and file layout.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, action, help_text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.set_defaults(action=action)
        return command

    command = add("weights", _weights, "Make weights from one grid to another and write them in ESMF's layout.")
    command.add_argument("source", metavar="SRC", help=GRID_HELP)
    command.add_argument("destination", metavar="DST", help="the same")
    command.add_argument("-m", "--method", choices=[*METHODS, "nearest"], default="conserve", help="(%(default)s)")
    command.add_argument("--edges", choices=EDGES, help="how corners are joined, in both grids; by default boxes of meridians and "
                         "parallels are latlon and all others greatcircle (conserve2nd: greatcircle). ESMF's weights are --edges greatcircle")
    command.add_argument("--norm", choices=["dstarea", "fracarea"], default="dstarea", help="of conservative methods (%(default)s)")
    command.add_argument("--gradients", choices=["esmf", "exact"], default="esmf", help="of conserve2nd: ESMF's, or by true centroids (%(default)s)")
    command.add_argument("--backend", choices=BACKENDS, default="exact", help="(%(default)s)")
    command.add_argument("--python", metavar="INTERPRETER", help="that has esmpy or yac (this one)")
    command.add_argument("--unmapped", choices=["ignore", "error"], default="ignore", help="destination cells that nothing reaches (%(default)s)")
    for side in ("src", "dst"):
        command.add_argument(f"--{side}-variable", help="a variable on the grid that is meant, where the file has several")
        command.add_argument(f"--{side}-mask", help="a variable that is 0 or missing in the cells that take no part")
        command.add_argument(f"--{side}-units", choices=["degrees", "radians"], help="of coordinates without a units attribute")
    command.add_argument("-o", "--output", required=True, metavar="FILE")
    command = add("apply", _apply, "Remap the fields of IN that lie on the weights' source grid to OUT.")
    command.add_argument("weights", metavar="WEIGHTS")
    command.add_argument("input", metavar="IN")
    command.add_argument("output", metavar="OUT")
    command.add_argument("-v", "--variables", type=lambda text: text.split(","), help="names with commas between (all that fit)")
    command.add_argument("--missing", choices=["propagate", "skip"], default="propagate",
                         help="a missing source cell makes its destinations missing, or is left out of their means (%(default)s)")
    command.add_argument("--min-coverage", type=float, default=0.0, metavar="SHARE",
                         help="share of a destination cell, 0..1, that data must cover (%(default)s)")
    check = add("check", _check, "Say whether weights keep constants and integrals, and what is odd about them.")
    check.add_argument("weights", metavar="WEIGHTS")
    for bare in (command, check):
        for side in ("src", "dst"):
            bare.add_argument(f"--{side}", metavar="GRID", help="needed for files that hold weights alone")
    command = add("grid", _grid, "Say what grid a file holds.")
    command.add_argument("file", metavar="FILE", help=GRID_HELP)
    command.add_argument("--variable", help="a variable on the grid that is meant")
    command.add_argument("--units", choices=["degrees", "radians"], help="of coordinates without a units attribute")
    return parser


def grid_of(text: str, variable: str | None = None, mask: str | None = None, units: str | None = None) -> Grid:
    """The grid that a name on the command line stands for; raises FileError or GridError."""
    from lsbc.regrid.readers import read_grid

    named = GLOBAL_GRID.fullmatch(text)
    if named is None or Path(text).exists():
        return read_grid(text, variable=variable, mask=mask, units=units)
    n_lon, n_lat = (int(n) for n in named.groups())
    if not (n_lon and n_lat):
        raise FileError(f"'{text}' names a grid without cells; r360x180 has one-degree cells.")
    west = -180.0 / n_lon
    return RectilinearGrid.regular(west, west + 360.0, n_lon, -90.0, 90.0, n_lat, name=text)


def _weights(options: argparse.Namespace) -> int:
    from lsbc.regrid.weight_files import write_weights

    source = grid_of(options.source, options.src_variable, options.src_mask, options.src_units)
    destination = grid_of(options.destination, options.dst_variable, options.dst_mask, options.dst_units)
    start = time.perf_counter()
    weights = make_weights(source, destination, options.method, edges=options.edges, normalization=options.norm,
                           gradients=options.gradients, backend=options.backend, python=options.python)
    seconds = time.perf_counter() - start
    live = destination.mask & ~weights.is_mapped
    if live.any() and options.unmapped == "error":
        cell = int(np.flatnonzero(live)[0])
        raise WeightError(f"{live.sum()} of {destination.n_cell} destination cells are unmapped, the first is {cell} at (lon, lat) = "
                          f"({destination.lon_deg[cell]:.6g}, {destination.lat_deg[cell]:.6g}); --unmapped ignore lets them pass.")
    write_weights(options.output, weights)
    print(f"{_described(weights)}, made in {seconds:.2f} s")
    print(f"{_mapping(weights, int(live.sum()))}\n{options.output}")
    return 0


def _described(weights: Weights) -> str:
    rule = f" ({weights.normalization})" if weights.normalization != "none" else ""
    edges = f", {weights.edges} edges" if weights.edges else ""
    return f"{weights.method}{rule}{edges}: {weights.n_source} -> {weights.n_destination} cells, {weights.n_entry} weights"


def _mapping(weights: Weights, n_unmapped: int) -> str:
    rows = weights.row_sum[weights.is_mapped]
    sums = f"rows sum to {rows.min():.15g} .. {rows.max():.15g}" if len(rows) else "no row has an entry"
    return f"{int(weights.is_mapped.sum())} cells mapped, {n_unmapped} not reached, {sums}"


def _read(options: argparse.Namespace, **how) -> Weights:
    from lsbc.regrid.weight_files import read_weights

    return read_weights(options.weights, *(grid_of(name) if name else None for name in (options.src, options.dst)), **how)


def _apply(options: argparse.Namespace) -> int:
    from lsbc.regrid.apply import Remap
    from lsbc.regrid.field_files import remap_file

    weights = _read(options)
    remap = Remap(weights, missing=options.missing, min_coverage=options.min_coverage)
    command = shlex.join(["lsbc", "regrid", "apply", options.weights, options.input, options.output])
    names = remap_file(weights, remap, options.input, options.output, options.variables, f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}: {command}")
    print(f"{options.output}: {', '.join(names)}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from lsbc.regrid.check import check_weights

    report = check_weights(_read(options, strict=False))
    print(report)
    return 0 if report.is_sound else 1


def _grid(options: argparse.Namespace) -> int:
    grid = grid_of(options.file, options.variable, units=options.units)
    lon, lat = grid.lon_deg[grid.mask], grid.lat_deg[grid.mask]
    kind = {"RectilinearGrid": "boxes of meridians and parallels", "CurvilinearGrid": "curvilinear", "PolygonGrid": "unstructured"}[type(grid).__name__]
    print(f"{options.file}: {kind}, {' x '.join(map(str, grid.shape))} cells, {int(grid.mask.sum())} of them take part")
    print(f"centres {lon.min():.6g} .. {lon.max():.6g} E, {lat.min():.6g} .. {lat.max():.6g} N")
    if grid.has_corners:
        print(f"{grid.edges} edges, area {grid.area_sr[grid.mask].sum() / (4 * np.pi):.12g} of the sphere")
    else:
        print("no corners: bilinear and nearest methods only")
    print(f"fingerprint {grid.fingerprint[:16]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
