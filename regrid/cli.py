"""`lsbc regrid`: weights, apply, check, grid. Parses arguments and prints; the work is done elsewhere."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
import time
from pathlib import Path

import numpy as np

from lsbc.regrid.errors import FileError, LsbcError, WeightError
from lsbc.regrid.generate import ALIASES, BACKENDS, METHODS, make_weights
from lsbc.regrid.grids import Grid, RectilinearGrid
from lsbc.regrid.readers.grid_file import UNITS
from lsbc.regrid.sphere import EDGES
from lsbc.regrid.weights import Side, Weights

GLOBAL_GRID = re.compile(r"r(\d+)x(\d+)")
GRID_HELP = ("a CF, WRF geo_em or wrfinput, ICON, SCRIP, ESMF mesh, UGRID or MPAS file, told apart by its content; "
             "or rNXxNY, a global grid whose first centre is at 0 E (as in CDO)")


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; the return value is the exit code (an `LsbcError`'s public status)."""
    options = _parser().parse_args(arguments)
    try:
        status = options.action(options)
        sys.stdout.flush()
        return status
    except LsbcError as error:
        print(f"lsbc: {type(error).__name__}: {error}", file=sys.stderr)
        return int(error.status)
    except BrokenPipeError:  # whoever reads (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lsbc regrid", description="Remapping weights: make, apply and check them. ESMF's conventions and file layout.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, action, help_text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.set_defaults(action=action)
        return command

    command = add("weights", _weights, "Make weights from one grid to another and write them in ESMF's layout.")
    command.add_argument("src", metavar="SRC", help=GRID_HELP)
    command.add_argument("dst", metavar="DST", help="the same")
    command.add_argument("-m", "--method", choices=[*METHODS, *ALIASES], default="conserve", metavar="METHOD",
                         help=f"{', '.join(METHODS)}, or nearest (conserve)")
    command.add_argument("--edges", choices=EDGES, help="how corners are joined, in both grids; by default boxes of meridians and "
                         "parallels are latlon and all others greatcircle (conserve2nd: greatcircle). ESMF's weights are --edges greatcircle")
    command.add_argument("--norm", choices=["dstarea", "fracarea"], help="of conservative methods (dstarea)")
    command.add_argument("--gradients", choices=["esmf", "exact"], help="of conserve2nd: ESMF's, or by true centroids (esmf)")
    command.add_argument("--backend", choices=BACKENDS, default="exact", help="(%(default)s)")
    command.add_argument("--python", metavar="INTERPRETER", help="that has esmpy or yac (this one)")
    command.add_argument("--unmapped", choices=["ignore", "error"], default="ignore", help="destination cells that nothing reaches (%(default)s)")
    command.add_argument("-o", "--output", required=True, metavar="FILE")
    _add_grid_options(command)
    command = add("apply", _apply, "Remap the fields of IN that lie on the weights' source grid to OUT.")
    command.add_argument("weights", metavar="WEIGHTS")
    command.add_argument("input", metavar="IN")
    command.add_argument("output", metavar="OUT")
    command.add_argument("-v", "--variables", type=lambda text: [name.strip() for name in text.split(",")], help="names with commas between (all that fit)")
    command.add_argument("--missing", choices=["propagate", "skip"], default="propagate",
                         help="a missing source cell makes its destinations missing, or is left out of their means (%(default)s)")
    command.add_argument("--min-coverage", type=float, default=0.0, metavar="SHARE",
                         help="share of a destination cell, 0..1, that data must cover (%(default)s)")
    command.add_argument("--unchecked", action="store_true", help="do not compare the coordinates in IN with those of the weights")
    _add_weight_file_options(command)
    command = add("check", _check, "Say whether weights keep constants and integrals, and what is odd about them.")
    command.add_argument("weights", metavar="WEIGHTS")
    _add_weight_file_options(command)
    command = add("grid", _grid, "Say what grid a file holds.")
    command.add_argument("file", metavar="FILE", help=GRID_HELP)
    command.add_argument("--variable", help="a variable on the grid that is meant")
    command.add_argument("--units", choices=UNITS, help="of coordinates without a units attribute")
    return parser


def _add_grid_options(command: argparse.ArgumentParser) -> None:
    for side in ("src", "dst"):
        command.add_argument(f"--{side}-variable", help="a variable on the grid that is meant, where the file has several")
        command.add_argument(f"--{side}-mask", metavar="VARIABLE", help="that is 0 or missing in the cells that take no part")
        command.add_argument(f"--{side}-missing", metavar="VARIABLE", help="that is missing in the cells that take no part; 0 is a value")
        command.add_argument(f"--{side}-units", choices=UNITS, help="of coordinates without a units attribute")


def _add_weight_file_options(command: argparse.ArgumentParser) -> None:
    for side in ("src", "dst"):
        command.add_argument(f"--{side}", metavar="GRID", help="needed for files that hold weights alone")
    command.add_argument("--method", choices=METHODS, help="of files that do not say")
    command.add_argument("--norm", choices=["dstarea", "fracarea", "none"], help="of files that do not say")
    _add_grid_options(command)


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


def _side(options: argparse.Namespace, side: str) -> Grid:
    """The source ("src") or destination ("dst") grid with the options that belong to it."""
    name, missing = getattr(options, side), getattr(options, f"{side}_missing")
    grid = grid_of(name, *(getattr(options, f"{side}_{what}") for what in ("variable", "mask", "units")))
    if missing is None:
        return grid
    from lsbc.regrid.field_files import missing_cells

    return grid.with_mask(grid.mask & ~missing_cells(name, missing, Side(shape=grid.shape)))


def _refuse_overwriting(output: str, *inputs: str | None) -> None:
    for name in filter(None, inputs):
        if Path(name).exists() and Path(output).exists() and Path(output).samefile(name):
            raise FileError(f"{output} is a file to be read; write the result to another one.")


def _check_words(options: argparse.Namespace) -> None:
    if options.norm and not options.method.startswith("conserve"):
        raise WeightError(f"--norm {options.norm} is for conservative methods; {options.method} has no normalisation.")
    if options.gradients and options.method != "conserve2nd":
        raise WeightError(f"--gradients {options.gradients} is for conserve2nd; {options.method} has no gradients.")


def _weights(options: argparse.Namespace) -> int:
    from lsbc.regrid.weight_files import write_weights

    _refuse_overwriting(options.output, options.src, options.dst)
    options.method = ALIASES.get(options.method, options.method)
    _check_words(options)
    source, destination = _side(options, "src"), _side(options, "dst")
    start = time.perf_counter()
    weights = make_weights(source, destination, options.method, edges=options.edges, normalization=options.norm or "dstarea",
                           gradients=options.gradients or "esmf", backend=options.backend, python=options.python)
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
    rows, frac = weights.row_sum[weights.is_mapped], weights.destination.frac[weights.is_mapped]
    partly = f"{int((frac < 1.0 - 1e-9).sum())} of them in part, " if weights.method.startswith("conserve") else ""
    sums = f"rows sum to {rows.min():.15g} .. {rows.max():.15g}" if len(rows) else "no row has an entry"
    return f"{int(weights.is_mapped.sum())} cells mapped, {partly}{n_unmapped} not reached, {sums}"


def _read(options: argparse.Namespace, **how) -> Weights:
    from lsbc.regrid.weight_files import read_weights

    grids = (_side(options, side) if getattr(options, side) else None for side in ("src", "dst"))
    return read_weights(options.weights, *grids, method=options.method, normalization=options.norm, **how)


def _apply(options: argparse.Namespace) -> int:
    from lsbc.regrid.apply import Remap
    from lsbc.regrid.field_files import remap_file

    _refuse_overwriting(options.output, options.weights, options.input, options.src, options.dst)
    weights = _read(options)
    remap = Remap(weights, missing=options.missing, min_coverage=options.min_coverage)
    command = shlex.join(["lsbc", "regrid", "apply", options.weights, options.input, options.output])
    outcome = remap_file(weights, remap, options.input, options.output, options.variables, is_checked=not options.unchecked,
                         history=f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}: {command}")
    for notice in [*outcome.notices, *_sums_that_are_no_means(weights, options)]:
        print(f"note: {notice}", file=sys.stderr)
    print(f"{options.output}: {', '.join(outcome.remapped)}")
    if outcome.left_out and not options.variables:
        print(f"left out, not on the source grid: {', '.join(outcome.left_out)}")
    return 0


def _sums_that_are_no_means(weights: Weights, options: argparse.Namespace) -> list[str]:
    """ESMF's "dstarea" takes what is not covered for 0, so coasts and borders fade; its "nearestdtos" adds sources up."""
    many = weights.row_sum > 1.0 + 1e-6
    if weights.method == "nearestdtos" and many.any():
        return [f"{many.sum()} destination cells are nearest to several source cells and hold their sum (nearestdtos)"]
    partly = weights.is_mapped & (weights.row_sum < 1.0 - 1e-6)
    if options.missing == "skip" or weights.normalization != "dstarea" or not partly.any():
        return []
    return [f"{partly.sum()} destination cells are covered in part and hold the sum over that part (dstarea), not its mean; "
            "--missing skip or --norm fracarea weights give the mean, --min-coverage leaves such cells out"]


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
