"""The `lsbc` command. Parses arguments and prints; the work is done elsewhere."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
import time
from importlib.metadata import entry_points, version
from pathlib import Path

from lsbc.emulator.log import log_level
from lsbc.regrid.errors import LsbcError, Status

_LAST_WORDS_S = 0.5
"""An aborted job may lose what mpirun has not passed on yet."""
TRAINING_COMMANDS = {"train": "Train a network.", "evaluate": "Score a network on held-out years and blocks.",
                     "export": "Write a model artefact, or derive further network formats from one.",
                     "data": "Prepare the maps a network is trained on (`lsbc data prepare`).",
                     "downscale": "Make the class map of a later year from one map and coarse class-area changes."}


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; the return value is the exit code (an `LsbcError`'s public status)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in TRAINING_COMMANDS:
        return _training(arguments)
    if arguments and arguments[0] == "regrid":
        from lsbc.regrid.cli import main as regrid

        return regrid(arguments[1:])
    if arguments and arguments[0] == "deliver":
        from lsbc.emulator.hosts.deliver_cli import main as deliver

        return deliver(arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        logging.basicConfig(level=log_level(), format="%(levelname).1s %(name)s: %(message)s")
        return options.action(options)
    except LsbcError as error:
        print(f"lsbc: {type(error).__name__}: {error}", file=sys.stderr)
        return int(error.status)


def _training(arguments: list[str]) -> int:
    """Training is a layer above this one: it registers its command line as an entry point, so nothing here imports it."""
    entry, = entry_points(group="lsbc.commands", name="training")
    try:
        return entry.load()(arguments)
    except ImportError as error:
        print(f"lsbc: `lsbc {arguments[0]}` needs the training extra ({error}): pip install 'lsbc[train]'.", file=sys.stderr)
        return int(Status.STARTUP)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lsbc", description="1 km land use and land-surface boundary conditions for weather and climate models.")
    parser.add_argument("--version", action="version", version=f"lsbc {version('lsbc')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, action, help_text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.set_defaults(action=action)
        return command

    command = add("run", _run, "Run the years of CONFIG without a host model (also under mpirun).")
    command.add_argument("config")
    command.add_argument("--restart", help="carry on from this restart file")
    command.add_argument("--write-restart", help="write a restart here after the last year")
    command = add("yac", _yac, "Run the years of CONFIG as a component of a YAC job (under mpirun, beside the host's ranks).")
    command.add_argument("config")
    command.add_argument("--restart", help="carry on from this restart file")
    command.add_argument("--write-restart", help="write a restart here after the last year")
    add("check", _check, "Say all that is wrong with CONFIG, short of running it.").add_argument("config")
    command = add("check-host", _check_host, "Say what HOST would refuse or misread in its land-use file.")
    command.add_argument("host", choices=("wrf", "icon", "jsbach", "ctsm"))
    command.add_argument("file")
    command.add_argument("file2", nargs="?", help="icon: the grid file; jsbach: the next year's file; ctsm: the surface file of a landuse.timeseries")
    command = add("climate", _climate, "Write a climate file: the mean temperature of the coldest month of each of the host's cells.")
    command.add_argument("monthly", metavar="MONTHLY.nc", help="monthly means of near-surface air temperature [K or degC] on a grid, of one year or several")
    command.add_argument("cells", metavar="CELLS", help="the host's cells: the run's host file, or a grid file as for `lsbc regrid grid` (ids 1, 2, ... in its order)")
    command.add_argument("-o", "--output", required=True, metavar="climate.nc")
    command.add_argument("-v", "--variable", help="name of the temperature, where MONTHLY.nc has several")
    command = add("plot", _plot, "Draw maps of a landuse_<year>.nc or lsbc_<year>.nc file.")
    command.add_argument("file")
    command.add_argument("-o", "--output", help="PNG file, or a directory (beside FILE by default)")
    command.add_argument("-v", "--variable", help="field of an lsbc_<year>.nc file (lu_dominant by default)")
    command = add("record", _record, "Run COMMAND, a host model (also mpirun ...), and record in FOLDER what it exchanges with lsbc.")
    command.add_argument("folder")
    command.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")
    _harness_options(add("harness", _harness, "Replay a recording without its host and compare, bit for bit (also under mpirun, on any number of ranks)."))
    add("info", _info, "Print version, backends, shipped models and the field contract.")
    _crosswalk_options(add("crosswalk", _crosswalk, "Show, list or check the tables from HILDA+ classes to a host's own classes."))
    _parameters_options(add("parameters", _parameters, "Show or list the class parameters of host models."))
    commands.add_parser("regrid", help="Make, apply and check remapping weights.")  # `lsbc.regrid.cli` parses its arguments
    commands.add_parser("deliver", help="Write a host's own land-use file from lsbc_<year>.nc.")  # `hosts.deliver_cli` parses its arguments
    for name, text in TRAINING_COMMANDS.items():
        commands.add_parser(name, help=text)  # for the list; `_training` parses their arguments
    return parser


def _crosswalk_options(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(required=True, metavar="ACTION", dest="what")
    action = actions.add_parser("show", help="Print a table.")
    action.add_argument("crosswalk", help="name of a shipped table, or a file")
    action.add_argument("--koppen", type=str.upper, choices=list("ABCDE"), help="only the rows for this main Köppen group")
    actions.add_parser("list", help="Print the names of the shipped tables.")
    actions.add_parser("check", help="Say all that is wrong with a table of your own.").add_argument("file")


def _parameters_options(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(required=True, metavar="ACTION", dest="what")
    action = actions.add_parser("show", help="Print a table.")
    action.add_argument("table", help="name of a shipped table, a .toml file, or WRF's LANDUSE.TBL, VEGPARM.TBL or NoahmpTable.TBL")
    action.add_argument("--system", help="land-use system in a .TBL file, such as MODIFIED_IGBP_MODIS_NOAH")
    action.add_argument("--season", help="SUMMER or WINTER, for LANDUSE.TBL")
    action.add_argument("--quantity", nargs="+", help="only these columns")
    action.add_argument("--si", action="store_true", help="in SI units instead of the table's own")
    actions.add_parser("list", help="Print the names of the shipped tables.")


def _harness_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder")
    command.add_argument("--config", help="replay with this configuration instead of the recorded one")
    command.add_argument("--set", nargs="+", action="extend", default=[], metavar="SECTION.KEY=VALUE", help="change keys of the configuration")
    command.add_argument("--years", default=":", metavar="FIRST:LAST", help="compare only these years, and replay none after them")
    command.add_argument("--instance", help="which instance, where FOLDER holds several")
    command.add_argument("--report", metavar="FILE.json", help="write what was found to a file")
    command.add_argument("--describe", action="store_true", help="only tell what was recorded")


def _record(options: argparse.Namespace) -> int:
    from lsbc.emulator.recorder import run_recorded

    run_recorded(options.folder, options.command[1:] if options.command[:1] == ["--"] else options.command)
    return 0


def _harness(options: argparse.Namespace) -> int:
    if options.describe:
        from lsbc.emulator.recordings_text import describe

        print(describe(options.folder))
        return 0
    from lsbc.emulator.harness import replay, write_report
    from lsbc.regrid.comm import MpiComm

    def work(comm) -> int:
        report = replay(options.folder, MpiComm.world, config=options.config, settings=options.set, years=options.years, instance=options.instance)
        if options.report and comm.rank == 0:
            write_report(report, Path(options.report))
        return report.exit_code

    return _on_all_ranks(work)


def _run(options: argparse.Namespace) -> int:
    from lsbc.emulator.offline import run

    return _on_all_ranks(lambda comm: run(options.config, comm, options.restart, options.write_restart) or 0)


def _on_all_ranks(work) -> int:
    """Exit code of `work`, given a communicator of all ranks; one rank that fails alone ends the job."""
    from lsbc.regrid.comm import MpiComm

    comm = MpiComm.world()
    if comm.rank != 0:
        logging.getLogger("lsbc").setLevel(logging.WARNING)
    try:
        return work(comm)
    except LsbcError:
        raise  # the same on all ranks
    except BaseException:
        if comm.size > 1:  # this rank alone knows: the others would wait for ever
            logging.getLogger(__name__).exception("rank %d", comm.rank)
            comm.abort(int(Status.INTERNAL))
        raise


def _yac(options: argparse.Namespace) -> int:
    from lsbc.emulator.adapters.yac import Coupling
    from lsbc.emulator.adapters.yac_run import read_settings, run

    config = read_settings(options.config)
    coupling = Coupling.join(config.yac)
    if coupling.comm.rank != 0:
        logging.getLogger("lsbc").setLevel(logging.WARNING)
    try:
        run(config, coupling, options.restart, options.write_restart)
    except BaseException as error:  # the other programs of the job wait for this one: only its end frees them
        if not isinstance(error, LsbcError):
            logging.getLogger(__name__).exception("rank %d", coupling.comm.rank)
        print(f"lsbc: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        time.sleep(_LAST_WORDS_S)
        coupling.comm.abort(int(error.status if isinstance(error, LsbcError) else Status.INTERNAL))
        raise
    return 0


def _check(options: argparse.Namespace) -> int:
    from lsbc.emulator.offline import check

    problems = check(options.config)
    for problem in problems:
        print(f"- {problem}")
    print(f"{options.config}: {len(problems)} problem(s)" if problems else f"{options.config}: ready to run")
    return 1 if problems else 0


def _check_host(options: argparse.Namespace) -> int:
    from lsbc.emulator.hosts.check import check_host

    report = check_host(options.host, options.file, options.file2)
    print(report.text)
    return report.exit_code


def _climate(options: argparse.Namespace) -> int:
    from lsbc.emulator.climate_file import write_climate

    command = shlex.join(["lsbc", "climate", options.monthly, options.cells, "-o", options.output, *(["-v", options.variable] if options.variable else [])])
    history = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}: {command}"
    outcome = write_climate(Path(options.monthly), options.cells, Path(options.output), options.variable, history)
    for note in outcome.notes:
        print(f"note: {note}", file=sys.stderr)
    print(outcome.text)
    return 0


def _plot(options: argparse.Namespace) -> int:
    from lsbc.emulator.plot import plot_file

    source = Path(options.file)
    target = Path(options.output) if options.output else source.with_suffix(".png")
    if target.is_dir():
        target /= source.with_suffix(".png").name
    print(plot_file(source, target, options.variable))
    return 0


def _crosswalk(options: argparse.Namespace) -> int:
    from lsbc.emulator.surface import crosswalk, crosswalk_text

    if options.what == "list":
        print(crosswalk_text.describe_all())
    elif options.what == "show":
        koppen = 1 + "ABCDE".index(options.koppen) if options.koppen else None
        print(crosswalk_text.describe(crosswalk.read_crosswalk(options.crosswalk), koppen))
    else:
        _, problems = crosswalk.try_crosswalk(Path(options.file))
        for problem in problems:
            print(f"- {problem}")
        print(f"{options.file}: {len(problems)} problem(s)" if problems else f"{options.file}: keeps every rule")
        return int(Status.CONFIG) if problems else 0
    return 0


def _parameters(options: argparse.Namespace) -> int:
    from lsbc.emulator.surface import tables_text

    if options.what == "list":
        print(tables_text.describe_all())
    else:
        print(tables_text.describe(tables_text.open_table(options.table, options.system, options.season), options.quantity, options.si))
    return 0


def _info(options: argparse.Namespace) -> int:
    from lsbc.emulator.info import describe

    print(describe())
    return 0


if __name__ == "__main__":
    sys.exit(main())
