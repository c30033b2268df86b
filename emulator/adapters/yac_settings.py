"""The section [yac] of a configuration, and what can be wrong in it whatever the job. Never loads YAC."""

from __future__ import annotations

from dataclasses import dataclass

from lsbc.emulator.fields import OUTPUTS

METHODS = ("conservative", "nearest")


@dataclass(frozen=True, kw_only=True)
class YacConfig:
    """Only for `lsbc yac`: how YAC knows both sides, and what goes from one to the other once a model year."""

    host_component: str
    host_grid: str
    fields: tuple[str, ...]
    """Outputs that the host gets; the twelve states always come in."""
    component: str = "lsbc"
    grid: str = "lsbc_cells"
    host_time_step: str = "P1Y"
    """ISO 8601 time step of the host's fields; lsbc's own is a year, and so is the coupling period."""
    calendar: str = "proleptic-gregorian"
    couples: str = "lsbc"
    """Who tells YAC which field goes where: lsbc, or the host (or a coupling file that the host reads)."""
    to_lsbc: str = "conservative"
    to_host: str = "conservative"
    nearest_within_deg: float = 1.0
    """The method nearest takes no cell whose centre is farther away."""
    wait_s: float = 3600.0
    """How long the host may keep lsbc waiting: longer than its slowest model year takes."""

    CHOICES = {"calendar": ("proleptic-gregorian", "365-day", "360-day"), "couples": ("lsbc", "host"), "to_lsbc": METHODS, "to_host": METHODS}


def yac_problems(yac: YacConfig, uncovered_cells: str) -> list[str]:
    """What is wrong in [yac], beside `output.uncovered_cells`; empty if nothing is."""
    problems = [f"yac.{key} must be more than 0, got {getattr(yac, key)}" for key in ("wait_s", "nearest_within_deg") if not getattr(yac, key) > 0.0]
    problems += [f"yac.{key} and yac.host_{key} are both {getattr(yac, key)!r}: YAC knows each by its name" for key in ("component", "grid")
                 if getattr(yac, key) == getattr(yac, f"host_{key}")]
    outputs = [info.name for info in OUTPUTS]
    if not yac.fields or not set(yac.fields) <= set(outputs) or len(set(yac.fields)) < len(yac.fields):
        problems.append(f"yac.fields must name some of {', '.join(outputs)}, each once, got {list(yac.fields)}")
    if uncovered_cells == "fill" and yac.couples == "lsbc" and yac.to_host == "conservative":
        problems.append("output.uncovered_cells = 'fill' needs yac.to_host = 'nearest': a mean over fill values means nothing")
    return problems
