"""Chooses a host's checks, runs them on its files, and puts what they found into words. Knows no rule of any host."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from lsbc.emulator.hosts.finding import ERROR, Finding, Findings
from lsbc.emulator.hosts.host_file import opened
from lsbc.regrid.errors import FileError

SECOND_FILE = {"wrf": "", "icon": "the grid file", "jsbach": "the land-use file of the next year", "ctsm": "the surface file of the first year"}
"""The hosts, and what the second file is for each."""


@dataclass(frozen=True)
class HostReport:
    path: Path
    findings: tuple[Finding, ...]

    @property
    def n_error(self) -> int:
        return sum(finding.rule.severity == ERROR for finding in self.findings)

    @property
    def exit_code(self) -> int:
        return 1 if self.n_error else 0

    @property
    def text(self) -> str:
        head = f"{self.path}: {self.n_error} error(s), {len(self.findings) - self.n_error} note(s)"
        return "\n".join([*(finding.text for finding in self.findings), head])


def check_host(host: str, path: Path | str, second: Path | str | None = None) -> HostReport:
    """Hold a host's land-use file to the host's own rules.

    Raises:
        FileError: a file cannot be read, is not of this host, or `second` is given and the host's checks take one file.
    """
    if second is not None and not SECOND_FILE[host]:
        raise FileError(f"The checks of {host} take one file; check {second} by itself.")
    check = import_module(f"lsbc.emulator.hosts.checks_{host}").check
    with opened(path) as file:
        findings = Findings(file)
        if second is None:
            check(findings)
        else:
            with opened(second) as other:
                check(findings, other)
    return HostReport(Path(path), tuple(findings.found))
