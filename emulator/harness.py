"""`lsbc harness`: a host made of a recording. Replays the recorded calls on the component, on any number of ranks, and compares.

Knows what was called and what came of it; cells and values of several recorded ranks are joined in `recordings`.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.emulator.bit_compare import Difference, differ
from lsbc.emulator.component import Component
from lsbc.emulator.record_file import UNFINISHED, Call, Header, RecordError, listed_names, restart_content
from lsbc.emulator.recorder import file_sha256
from lsbc.emulator.recordings import Recordings, find_instance, join_calls
from lsbc.emulator.replay_config import parse_years, replay_config
from lsbc.regrid.atomic import whole_file
from lsbc.regrid.comm import Comm, agree
from lsbc.regrid.errors import LsbcError, Status

logger = logging.getLogger(__name__)

SAME_RUN_S = 600
"""Files of one run are begun within this time."""
ELSEWHERE = ("The recorded run had its files elsewhere: name them with --set data.fine=FILE and --set model.artefact=FOLDER, "
             "or give a configuration with --config.")


@dataclass
class Report:
    """What a replay found; `exit_code` is 0 where all was the same, 1 where not or nothing was compared, or the status of a call that failed alone."""

    instance: str
    recorded_ranks: int
    ranks: int
    verdict: str = "identical"
    exit_code: int = 0
    years: list[dict[str, Any]] = field(default_factory=list)
    first_difference: dict[str, Any] | None = None
    failure: dict[str, Any] | None = None

    def fail(self, verdict: str, code: int) -> None:
        """Only the first verdict that is not good stays."""
        if self.exit_code == 0:
            self.verdict, self.exit_code = verdict, code


def replay(folder: str | Path, new_comm: Callable[[], Comm], *, config: str | Path | None = None, settings: list[str] = (), years: str = ":",
           instance: str | None = None) -> Report:
    """Replay a recording and print what came of each year, on root (collective).

    Args:
        new_comm: gives a communicator of all ranks; called twice, the component owns one of them.
        config, settings: as in `replay_config`.
        years: "A:B", either may be left out: nothing is replayed after B, nothing compared before A.
    Raises:
        RecordError: the files are incomplete, damaged or do not belong together.  ConfigError: `config`, `settings` or `years`.
    """
    comm = new_comm()
    temporary = None
    try:
        first, last = parse_years(years)
        name, paths = agree(comm, find_instance, Path(folder), instance)
        mine = np.array_split(np.arange(len(paths)), comm.size)[comm.rank]  # in blocks: of failures on several ranks the lowest is told
        recordings = agree(comm, lambda: Recordings([paths[k] for k in mine]))
        headers = [header for part in comm.allgather([reader.header for reader in recordings.readers]) for header in part]
        calls = agree(comm, _calls_of_all, comm.allgather([reader.calls for reader in recordings.readers]))
        temporary = Path(comm.bcast(agree(comm, lambda: tempfile.mkdtemp(prefix="lsbc_replay_") if comm.rank == 0 else None)))
        agree(comm, lambda: temporary.mkdir(mode=0o700, exist_ok=True))  # of the same name on every node, each of which may have a folder of its own for it
        first_header = min(headers, key=lambda h: h.rank)
        path = agree(comm, lambda: replay_config(first_header, Path(config) if config else None, list(settings), temporary))
        run = _Replay(comm, Path(folder), recordings, Report(name, len(paths), comm.size), temporary, (first, last))
        run.check_headers(headers)
        run.go(calls, new_comm, path, first_header)
        return run.report
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        comm.free()


def _calls_of_all(parts: list[list[list[Call]]]) -> tuple[list[Call], int]:
    """The calls that every rank began, and how many the rank with most has."""
    ranks = [calls for part in parts for calls in part]
    return join_calls(ranks), max(len(calls) for calls in ranks)


class _Replay:
    """One replay on one rank."""

    def __init__(self, comm: Comm, folder: Path, recordings: Recordings, report: Report, temporary: Path, years: tuple[int | None, int | None]) -> None:
        self._comm, self._folder, self._recordings, self._temporary = comm, folder, recordings, temporary
        self._first, self._last = years
        self._component: Component | None = None
        self._bar: Any = None
        self._has_compared = False
        self._lent: dict[str, np.ndarray] = {}
        self.report = report

    def say(self, text: str) -> None:
        if self._comm.rank == 0:
            (self._bar.write if self._bar else print)(text)

    def check_headers(self, headers: list[Header]) -> None:
        """Warn of another version and of files that look like those of several runs; refuse those of several communicators."""
        if len({header.size for header in headers}) > 1 or sorted(header.rank for header in headers) != list(range(len(headers))):
            raise RecordError(f"The files of instance {self.report.instance} in {self._folder} are of runs on {sorted({h.size for h in headers})} ranks; "
                              "record each run in a folder of its own.")
        versions = sorted({header.lsbc_version for header in headers})
        if versions != [version("lsbc")]:
            self.say(f"warning: recorded with lsbc {', '.join(versions)}, replayed with {version('lsbc')}; other bits may be the version's")
        created = [datetime.fromisoformat(header.created) for header in headers]
        if (max(created) - min(created)).total_seconds() > SAME_RUN_S:
            self.say(f"warning: the files were begun between {min(created)} and {max(created)}: they may be of several runs")

    def go(self, calls_and_longest: tuple[list[Call], int], new_comm: Callable[[], Comm], config: Path, header: Header) -> None:
        calls, longest = calls_and_longest
        self._config, self._recorded_config = str(config), header.config_path
        wanted = list(itertools.takewhile(self._is_wanted, calls))
        if self._comm.rank == 0 and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=len(wanted), unit="call", leave=False)
        try:
            for number, call in enumerate(wanted):
                if not self._replay_call(number, call, new_comm):
                    return
                if self._bar:
                    self._bar.update()
        finally:
            if self._bar:
                self._bar.close()
                self._bar = None
        if longest > len(calls):
            self.say(f"the recording of some rank ends here, that of others has {longest - len(calls)} more calls")
        if self._component is not None:
            self._component.close()
        self._say_verdict()

    def _is_wanted(self, call: Call) -> bool:
        return call.kind != "close" and not (self._last is not None and call.kind == "step_year" and call.year > self._last)

    def _say_verdict(self) -> None:
        if self.report.verdict == "identical" and not self._has_compared:
            self.report.fail("nothing to compare", 1)
        first = self.report.first_difference
        if first is not None:
            self.say(f"first difference: {first['text']}")
        self.say(f"{self.report.verdict}: instance {self.report.instance}, recorded on {self.report.recorded_ranks} ranks, replayed on {self.report.ranks}")

    # --- calls --------------------------------------------------------------------------------------------------

    def _replay_call(self, number: int, call: Call, new_comm: Callable[[], Comm]) -> bool:
        """Make one call; whether to go on."""
        path, cells = self._temporary / f"restart_{number}.nc", ()
        if call.kind == "set_grid":
            cells = agree(self._comm, self._recordings.set_grid, number)
        elif call.kind in ("step_year", "read_restart"):
            agree(self._comm, self._lend, number, call)
        if call.kind == "read_restart":
            path = agree(self._comm, self._copy_of, call)
        status, text = Status.OK, ""
        try:
            if call.kind == "create":
                self._component = Component.create(self._config, new_comm())
            else:
                arguments = {"set_grid": cells, "step_year": (call.year,)}.get(call.kind, (path,))
                getattr(self._component, call.kind)(*arguments)
        except LsbcError as error:
            status, text = error.status, str(error)
        if not self._judge(call, status, text, str(path)):
            return False
        if status == Status.OK and call.kind in ("step_year", "read_restart") and (self._first is None or call.kind != "step_year" or call.year >= self._first):
            self._compare(number, call)
        if status == Status.OK and call.kind == "write_restart":
            self._compare_restart(call, path)
        return True

    def _lend(self, number: int, call: Call) -> None:
        for name in self._lent:
            self._component.forget_field(name)
        self._lent = self._recordings.to_lend(number, call)
        for name, values in self._lent.items():
            self._component.set_field(name, values)

    def _copy_of(self, call: Call) -> Path:
        if not call.copy:
            return self._temporary / "restart_that_was_not_there.nc"
        path = self._folder / call.copy
        if not path.is_file() or file_sha256(path) != call.sha256:
            raise RecordError(f"The copy {path} of restart {call.path} is missing or damaged; copy it from the recorded run again.")
        return path

    def _judge(self, call: Call, status: int, text: str, path: str) -> bool:
        """Whether a call ended as it did in the recorded run; whether to go on."""
        name = call.kind if call.kind != "step_year" else f"step_year {call.year}"
        recorded = f"recorded: error {call.status}: {call.text}"
        if status == Status.OK:
            if call.status in (Status.OK, UNFINISHED):
                if call.status == UNFINISHED:
                    self.say(f"{name}: the recorded run never came back from this call; the replay did")
                return True
            self.report.fail("not reproduced", 1)
            self.say(f"{name}: the replay succeeded; {recorded}")
        else:
            same = call.status == status and self._sentence(call.text, call.path) == self._sentence(text, path)
            self.report.failure = {"call": name, "status": int(status), "text": text, "recorded_status": call.status, "recorded_text": call.text, "same": same}
            if same:
                if self.report.exit_code == 0:
                    self.report.verdict = "reproduced"
                self.say(f"{name}: reproduced, error {int(status)}: {text}")
                return call.kind != "create" or self._end()
            self.report.fail("the same code, other words" if call.status == status else "failed", int(status))
            self.say(f"{name}: error {int(status)}: {text}" + (f" {ELSEWHERE}" if call.kind == "create" and call.status == Status.OK else ""))
            if call.status != Status.OK:
                self.say(f"{name}: {recorded if call.status != UNFINISHED else 'the recorded run never came back from this call'}")
        return self._end()

    def _end(self) -> bool:
        if self._component is not None:
            self._component.close()
        self._say_verdict()
        return False

    def _sentence(self, text: str, path: str) -> str:
        """A text without what a replay may change: ranks and paths."""
        for place, word in ((path, "RESTART"), (self._config, "CONFIG"), (self._recorded_config, "CONFIG")):
            text = text.replace(place, word) if place else text
        return re.sub(r"\brank \d+\b", "rank", re.sub(r"^rank \d+: ", "", text))

    # --- comparison ---------------------------------------------------------------------------------------------

    def _compare(self, number: int, call: Call) -> None:
        parts = self._comm.allgather(agree(self._comm, self._differences, number))
        fields = [info.name for info in self._component.fields if info.name in listed_names(call.outputs)]
        everything = sorted((entry for part in parts for entry in part), key=lambda entry: entry["recorded_rank"])
        found = {name: [entry for entry in everything if entry["field"] == name] for name in fields}
        self._has_compared |= bool(fields)
        year = self._component.year
        different = {name: {"largest": max(e["difference"].largest for e in entries), "cells": sum(e["difference"].n_cell for e in entries)}
                     for name, entries in found.items() if entries}
        self.report.years.append({"call": call.kind, "year": year, "fields": fields, "different": different})
        told = ", ".join(f"{name} {d['largest']:.3g} in {d['cells']} cells" for name, d in different.items())
        same = f"identical ({len(fields)} fields)" if fields else "no field was fetched"
        self.say(f"{year}: {f'largest difference: {told}' if different else same}{' after read_restart' if call.kind == 'read_restart' else ''}")
        if different:
            self.report.fail("different", 1)
            if self.report.first_difference is None:
                self.report.first_difference = self._first_difference(next(entries[0] for entries in found.values() if entries), year)

    def _differences(self, number: int) -> list[dict[str, Any]]:
        found, replayed = [], {}
        for reader, place, outputs in self._recordings.outputs(number):
            for name, recorded in outputs.items():
                if name not in replayed:
                    replayed[name] = np.empty((*recorded.shape[:-1], self._recordings.n_cell))
                    self._component.get_field(name, replayed[name])
                difference = differ(recorded, replayed[name][..., place])
                if difference is not None:
                    cell = self._recordings.cell(place[difference.position])
                    found.append({"field": name, "recorded_rank": reader.header.rank, "cell": cell, "difference": difference})
        return found

    @staticmethod
    def _first_difference(entry: dict[str, Any], year: int) -> dict[str, Any]:
        (global_id, lon, lat), difference = entry["cell"], entry["difference"]
        assert isinstance(difference, Difference)
        text = (f"field '{entry['field']}' level {difference.level}, cell {global_id} ({lon:.4f} E, {lat:.4f} N), year {year}, recorded rank {entry['recorded_rank']}: "
                f"recorded {difference.expected!r}, replayed {difference.found!r}")
        return {"text": text, "field": entry["field"], "year": year, "recorded_rank": entry["recorded_rank"], "global_id": global_id,
                "lon_deg": lon, "lat_deg": lat, **asdict(difference)}

    def _compare_restart(self, call: Call, path: Path) -> None:
        content = self._comm.bcast(agree(self._comm, lambda: restart_content(path) if self._comm.rank == 0 else None))
        if self._comm.rank == 0:
            path.unlink(missing_ok=True)
        if call.sha256 and content != call.sha256:
            self.report.fail("different", 1)
        if call.sha256:
            self._has_compared = True
            self.say(f"{self._component.year}: restart {'identical' if content == call.sha256 else 'different'}")


def write_report(report: Report, path: Path) -> None:
    """What was found as JSON; raises FileError where it cannot be written."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
