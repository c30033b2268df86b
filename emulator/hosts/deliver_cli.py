"""`lsbc deliver`: parses the command line of the writers and calls them, one yearly file after the other. Knows no format of any host."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from collections.abc import Iterable
from pathlib import Path

from lsbc.emulator.hosts.deliver import WRITERS, deliver, is_series, options_of, writer
from lsbc.emulator.hosts.options import kind_of
from lsbc.emulator.hosts.year_file import open_year
from lsbc.emulator.log import log_level
from lsbc.regrid.errors import ConfigError, LsbcError


def main(arguments: list[str]) -> int:
    """Exit code of `lsbc deliver TARGET YEARFILE... -o OUT [options]`."""
    options = _parser(arguments[0] if arguments and arguments[0] in WRITERS else None).parse_args(arguments)
    logging.basicConfig(level=log_level(), format="%(levelname).1s %(name)s: %(message)s")
    try:
        given = {field.name: getattr(options, field.name) for field in dataclasses.fields(writer(options.target).Options) if getattr(options, field.name) is not None}
        chosen = options_of(options.target, given, Path.cwd())
        years = [_year_of(yearly) for yearly in options.yearly]
        if len(years) > 1 and "{year}" not in options.output and not is_series(options.target):
            raise ConfigError(f"{len(years)} yearly files would all become {options.output}; put {{year}} into the name.")
        if twice := sorted({year for year in years if years.count(year) > 1}):
            raise ConfigError(f"Several yearly files are of the year {twice[0]}; give one for each year.")
        for yearly in _progress(sorted(options.yearly, key=_year_of)):
            out = Path(options.output.replace("{year}", f"{_year_of(yearly):04d}"))
            for note in deliver(options.target, Path(yearly), out, chosen):
                print(f"{out}: {note}")
            print(out)
    except LsbcError as error:
        print(f"lsbc: {type(error).__name__}: {error}", file=sys.stderr)
        return int(error.status)
    return 0


def _year_of(yearly: str) -> int:
    with open_year(yearly) as year:
        return year.year


def _progress(yearly: list[str]) -> Iterable[str]:
    """The files, with a progress bar on a terminal where there are several."""
    if len(yearly) > 1 and sys.stderr.isatty():
        from tqdm import tqdm

        return tqdm(yearly, unit="year")
    return yearly


def _parser(target: str | None) -> argparse.ArgumentParser:
    """With the options of `target` alone: the others' modules are not loaded."""
    parser = argparse.ArgumentParser(prog="lsbc deliver", description="Write a host's own land-use file from a yearly file of lsbc.",
                                     epilog="`lsbc deliver TARGET --help` tells the options of a target; docs/hosts/ what each of them writes.")
    targets = parser.add_subparsers(required=True, metavar="TARGET", dest="target")
    for name in WRITERS if target is None else [target]:
        if target is None:
            targets.add_parser(name, help=_first_line(name))
            continue
        command = targets.add_parser(name, help=_first_line(name), description=writer(name).__doc__)
        command.add_argument("yearly", nargs="+", metavar="YEARFILE", help="lsbc_<year>.nc of a run, one or more")
        command.add_argument("-o", "--output", required=True, help="file to write; {year} in its name becomes the year")
        for field in dataclasses.fields(writer(name).Options):
            _add_option(command, writer(name).Options, field)
    return parser


def _first_line(target: str) -> str:
    return str(writer(target).__doc__).splitlines()[0]


def _add_option(command: argparse.ArgumentParser, options: type, field: dataclasses.Field) -> None:
    kind, flag, text = kind_of(options, field.name), f"--{field.name.replace('_', '-')}", str(field.metadata.get("help", "")).replace("%", "%%")
    required = field.default is dataclasses.MISSING
    if not required and field.default is not None:
        text += f" (default: {field.default})"
    if kind is bool:
        command.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text, required=required)
    else:
        command.add_argument(flag, type=Path if kind is Path else kind, default=None, help=text, required=required, choices=field.metadata.get("choices") or None)
