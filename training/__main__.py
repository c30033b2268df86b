"""`python -m lsbc.training train|evaluate|export CONFIG` and `formats ARTEFACT`: training without the main command line."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from lsbc.regrid.errors import LsbcError
from lsbc.training import run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lsbc.training", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("train", "evaluate", "export"):
        command = verbs.add_parser(verb)
        command.add_argument("config", type=Path)
        command.add_argument("--data", type=Path, help="directory of the maps, instead of data.directory")
        command.add_argument("--coarse-elevation", type=Path, help="1/12 degree elevation, instead of data.coarse_elevation")
        if verb == "train":
            command.add_argument("--fresh", action="store_true", help="forget an earlier checkpoint")
    command = verbs.add_parser("formats", help="derive other network formats from an artefact's weights")
    command.add_argument("artefact", type=Path)
    command.add_argument("--format", action="append", choices=("pt2", "torchscript"), required=True)
    command.add_argument("--target", type=Path, help="write a copy of the artefact here instead of adding to it")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; 0 when done, else the error's public status."""
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        if chosen.verb == "formats":
            run.add_formats(chosen.artefact, tuple(chosen.format), chosen.target)
        elif chosen.verb == "train":
            run.train(chosen.config, chosen.data, chosen.coarse_elevation, fresh=chosen.fresh)
        else:
            getattr(run, chosen.verb)(chosen.config, chosen.data, chosen.coarse_elevation)
    except LsbcError as error:
        print(f"lsbc: {error}", file=sys.stderr)
        return int(error.status)
    return 0


if __name__ == "__main__":
    sys.exit(main())
