"""Tells what a folder of recordings holds. Replays nothing."""

from __future__ import annotations

from pathlib import Path

from lsbc.emulator.record_file import NO_YEAR, UNFINISHED, Call, RecordError, RecordReader, list_files, listed_names
from lsbc.emulator.recordings import join_calls
from lsbc.regrid.errors import Status


def describe(folder: str | Path) -> str:
    """What was recorded: instances, ranks, cells, calls, configuration."""
    lines = []
    for name, paths in list_files(Path(folder)).items():
        readers = {rank: RecordReader(path) for rank, path in paths.items()}
        header = next(iter(readers.values())).header
        size_mb = sum(path.stat().st_size for path in paths.values()) / 1e6
        lines += [f"instance {name}: {len(paths)} of {header.size} ranks, {size_mb:.2f} MB, begun {header.created}, lsbc {header.lsbc_version}",
                  f"  configuration {header.config_path}"]
        for rank in sorted(set(range(header.size)) - set(paths)):
            lines.append(f"  the file of rank {rank} is missing")
        for number, call in enumerate(join_calls([reader.calls for reader in readers.values()])):
            lines.append(f"  {number:4d} {_told(call)}")
            lines += [f"       refused afterwards: {line}" for line in call.remarks.splitlines()]
        lines += [f"  | {line}" for line in header.config_text.splitlines()]
    if not lines:
        raise RecordError(f"Folder {folder} holds no recording (no file instance<n>_rank<n>.nc).")
    return "\n".join(lines)


def _told(call: Call) -> str:
    end = {Status.OK: "done", UNFINISHED: "never came back"}.get(call.status, f"error {call.status}: {call.text}")
    words = [call.kind, "" if call.year == NO_YEAR else str(call.year), call.path, end]
    if call.states:
        words.append(f"({len(call.states.split())} states in)")
    if call.outputs:
        words.append(f"out: {' '.join(listed_names(call.outputs))}")
    if call.lent:
        words.append(f"lent: {' '.join(listed_names(call.lent))}")
    return " ".join(word for word in words if word)
