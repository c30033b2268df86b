"""What a check of a host's file has found, and the comparisons that find it. Knows no host.

Each comparison says what is good, so that NaN, which no comparison holds for, is never taken for good; values that are not finite
are found first and by themselves, and the later rules then speak of the other cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lsbc.emulator.hosts.host_file import HostFile

ERROR, NOTE = "error", "note"


@dataclass(frozen=True)
class Rule:
    """What must be true, where the host says so, and what to do where it is not."""

    text: str
    source: str
    advice: str
    severity: str = ERROR


@dataclass(frozen=True)
class Finding:
    """One broken rule. `count` of `total` values break it; both are 0 where the rule is about the file as a whole."""

    rule: Rule
    subject: str
    count: int = 0
    total: int = 0
    worst: str = ""

    @property
    def text(self) -> str:
        where = f"{self.subject}: " + (f"{self.count} of {self.total} values, {self.worst}" if self.total else self.worst)
        return f"{self.rule.severity}: {self.rule.text} ({self.rule.source})\n    {where}\n    -> {self.rule.advice}"


@dataclass
class Findings:
    """The broken rules of one file, in the order in which they are looked for."""

    file: HostFile
    found: list[Finding] = field(default_factory=list)

    def file_breaks(self, rule: Rule, subject: str, what: str) -> None:
        """Add a finding about the file as a whole."""
        self.found.append(Finding(rule, subject, worst=what))

    def present(self, names, source: str, advice: str, severity: str = ERROR) -> list[str]:
        """Those of `names` that the file has; one finding names all others."""
        missing = [name for name in names if name not in self.file]
        if missing:
            self.file_breaks(Rule("The file has the variables that the host reads", source, advice, severity), ", ".join(missing), "missing")
        return [name for name in names if name in self.file]

    def finite(self, name: str, source: str) -> np.ndarray:
        """Values of a variable; those that are missing, NaN or infinite are found here."""
        values = self.file.values(name)
        rule = Rule("Every value is finite", f"no host tests for NaN, which passes every comparison of {source}",
                    "Fill these cells: missing values and NaN reach the model's physics.")
        self._add(rule, name, self.file.dims(name), values, ~np.isfinite(values), np.zeros(values.shape))
        return values

    def cells(self, rule: Rule, name: str, values: np.ndarray, good: np.ndarray, *, off: np.ndarray | None = None,
              dims: tuple[str, ...] | None = None, detail: str = "") -> None:
        """Find the finite `values` that are not `good`; the worst has the largest `off`, the first one where all are alike.

        Args:
            name: variable, or what the values were computed from.
            dims: names of the axes of `values`; those of the variable `name` by default.
            detail: more about the cells, for the user.
        """
        bad = np.isfinite(values) & ~good
        self._add(rule, name, self.file.dims(name) if dims is None else dims, values, bad, np.zeros(values.shape) if off is None else off, detail)

    def within(self, rule: Rule, name: str, values: np.ndarray, low: float, high: float, dims: tuple[str, ...] | None = None) -> None:
        """Find values outside `low`..`high`, both ends allowed."""
        good = (values >= low) & (values <= high)
        self.cells(rule, name, values, good, off=np.fmax(low - values, values - high), dims=dims)

    def _add(self, rule: Rule, name: str, dims: tuple[str, ...], values, bad, off, detail: str = "") -> None:
        if not bad.any():
            return
        index = np.unravel_index(int(np.argmax(np.where(bad, np.nan_to_num(off, nan=np.inf), -np.inf))), values.shape)
        place = self.file.place(dims, tuple(int(i) for i in index))
        worst = f"worst {float(values[index]):.17g} at {place}" + (f"; {detail}" if detail else "")
        self.found.append(Finding(rule, name, int(bad.sum()), int(values.size), worst))
