"""`lsbc train|evaluate|export|data prepare|downscale`, also as `python -m lsbc.training`. Parses arguments; the work is done in `run`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from lsbc.emulator.config import SHIPPED
from lsbc.regrid.errors import LsbcError
from lsbc.training import run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lsbc", description="Make, score and write a network.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, text in (("train", "Train the network of CONFIG."), ("evaluate", "Score a network on held-out years and blocks."),
                       ("export", "Write the artefact of CONFIG, or derive further formats of an artefact.")):
        command = verbs.add_parser(verb, help=text, description=text)
        command.add_argument("config", type=Path, help="training configuration" + (", or an artefact: a directory or shipped:NAME" if verb == "export" else ""))
        command.add_argument("--data", type=Path, help="directory of the maps, instead of data.directory")
        command.add_argument("--coarse-elevation", type=Path, help="1/12 degree elevation, instead of data.coarse_elevation")
        if verb == "train":
            command.add_argument("--fresh", action="store_true", help="forget an earlier checkpoint")
        elif verb == "evaluate":
            _evaluate_options(command)
        else:
            command.add_argument("--formats", help="derive these from an artefact's weights: pt2, torchscript, int8, separated by commas")
            command.add_argument("-o", "--out", type=Path, help="write a copy of the artefact here instead of adding to it")
            command.add_argument("--config", dest="land", type=Path, help="training configuration whose maps an artefact is compared on; int8 needs it")
    data = verbs.add_parser("data", help="Prepare the maps a network is trained on.", description="Prepare the maps a network is trained on.")
    text = "Turn land-use products, drivers and statics into one store; a stopped run goes on."
    command = data.add_subparsers(dest="subverb", required=True).add_parser("prepare", help=text, description=text)
    command.add_argument("config", type=Path, help="what to read and which lattice to bring it to")
    command.add_argument("--data", type=Path, help="directory of the source files, instead of that of CONFIG")
    command.add_argument("--out", type=Path, help="the store to write, instead of store.path")
    command.add_argument("--fresh", action="store_true", help="delete an earlier store of this name")
    return parser


def _evaluate_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--artefact", type=Path, help="score this artefact's ONNX file instead of the checkpoint of CONFIG")
    command.add_argument("--out", type=Path, help="directory for the tables and pictures, instead of the run directory")
    command.add_argument("--only", choices=("reconstruction", "steps"), help="only this half of the tasks")
    command.add_argument("--predictors", help="only these, by name or its beginning, separated by commas")
    command.add_argument("--no-plots", action="store_true", help="tables only")


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; 0 when done, else the error's public status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] == "downscale":
        from lsbc.training import downscale

        return downscale.main(arguments[1:])
    parser = _parser()
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        if chosen.verb == "data":
            from lsbc.training.prepare import prepare

            prepare(chosen.config, chosen.data, chosen.out, fresh=chosen.fresh)
        elif chosen.verb == "train":
            run.train(chosen.config, chosen.data, chosen.coarse_elevation, fresh=chosen.fresh)
        elif chosen.verb == "evaluate":
            names = None if chosen.predictors is None else tuple(name.strip() for name in chosen.predictors.split(","))
            options = run.EvaluateOptions(artefact=chosen.artefact, out=chosen.out, only=chosen.only, predictors=names, plots=not chosen.no_plots)
            run.evaluate(chosen.config, chosen.data, chosen.coarse_elevation, options)
        elif chosen.config.is_dir() or str(chosen.config).startswith(SHIPPED):
            if not chosen.formats:
                parser.error(f"{chosen.config} is an artefact: say --formats with pt2, torchscript or int8")
            maps = None if chosen.land is None else run.Maps(config=chosen.land, data=chosen.data, coarse_elevation=chosen.coarse_elevation)
            run.add_formats(chosen.config, tuple(name.strip() for name in chosen.formats.split(",")), chosen.out, maps)
        elif chosen.formats or chosen.out or chosen.land:
            parser.error(f"--formats, --out and --config go with an artefact; {chosen.config} is a configuration and names them itself")
        else:
            run.export(chosen.config, chosen.data, chosen.coarse_elevation)
    except LsbcError as error:
        print(f"lsbc: {type(error).__name__}: {error}", file=sys.stderr)
        return int(error.status)
    return 0


if __name__ == "__main__":
    sys.exit(main())
