"""What a year leaves on disk: the yearly files, hosts' own files made from them, and the summary. Knows no order of calls and changes no state."""

from __future__ import annotations

import hashlib
import json
import logging
import tomllib
from typing import Any

import numpy as np

from lsbc.emulator.artefact import Artefact
from lsbc.emulator.config import Config
from lsbc.emulator.fields import FILL, FieldInfo
from lsbc.emulator.output import read_history, write_host_fields, write_landuse_map, write_summary
from lsbc.emulator.plan import Plan
from lsbc.emulator.state import State
from lsbc.emulator.surface.parameters import ClassTable
from lsbc.regrid.comm import Comm, agree

logger = logging.getLogger(__name__)

_DECISIVE = ("model", "data", "grid", "time", "allocation", "surface")


class YearOutput:
    """The files of one instance, in `output.directory`; nothing where there is none."""

    def __init__(self, comm: Comm, config: Config, artefact: Artefact, facts: dict[str, str]):
        self._comm, self._config = comm, config
        training = artefact.card.get("training", {})
        self._provenance = {
            "model": artefact.name, "model_sha256": artefact.fingerprint, "config_sha256": hashlib.sha256(config.text.encode()).hexdigest(),
            "settings_sha256": settings_sha256(config), **facts,
            "training_data": str(training.get("data", "")), "attribution": "; ".join(training.get("attribution", [])),
        }
        self._history: list[dict] | None = []
        """Years in `summary.json`; None after a restart, until the file of the part before is read."""

    def provenance(self, plan: Plan) -> dict[str, str]:
        """Attributes that say where a file came from."""
        return {**self._provenance, "host_grid": plan.fingerprint}

    def write(self, plan: Plan, state: State, infos: tuple[FieldInfo, ...]) -> None:
        """The year's files (collective); `infos` are the output fields.

        Raises:
            FileError, ConfigError, ValueRangeError: on all ranks; each file is whole or as it was.
        """
        output = self._config.output
        if output.directory is None:
            return
        provenance, calendar = self.provenance(plan), self._config.time.calendar
        yearly = output.directory / f"lsbc_{state.year}.nc"
        if output.host_fields:
            write_host_fields(self._comm, plan, state, infos, yearly, provenance, calendar=calendar)
        if output.landuse_map:
            write_landuse_map(self._comm, plan, state.core, state.year, output.directory / f"landuse_{state.year}.nc", provenance, calendar=calendar)
        for delivery in self._config.deliver:
            agree(self._comm, self._deliver, delivery, yearly, delivery.path(output.directory, state.year))

    def _deliver(self, delivery, yearly, out) -> None:
        if self._comm.rank == 0:
            from lsbc.emulator.hosts.deliver import deliver

            for note in deliver(delivery.to, yearly, out, delivery.options):
                logger.info("%s: %s", out, note)

    def restarted(self) -> None:
        """The run goes on from a restart: years before it come from the summary that is there."""
        self._history = None

    def summarise(self, plan: Plan, state: State, seconds: dict[str, float], n_tile: int) -> None:
        """Log the year and add it to `summary.json` (collective)."""
        everyone = self._comm.gather({"seconds": seconds, "cells": len(plan.owned), "tiles": n_tile, "dropped": state.dropped_cells,
                                      "closure": _closure_error(state.fields, plan.owned)})
        agree(self._comm, self._summarise, plan, state.year, everyone)

    def _summarise(self, plan: Plan, year: int, everyone: list[dict[str, Any]] | None) -> None:
        if everyone is None:
            return
        slowest = {stage: max(rank["seconds"][stage] for rank in everyone) for stage in everyone[0]["seconds"]}
        dropped = sum(rank["dropped"] for rank in everyone)
        logger.info("year %d: %s", year, ", ".join(f"{stage} {value:.3f} s" for stage, value in slowest.items()))
        if dropped > 0.0:
            logger.warning("year %d: the map lacks the classes to shrink for %.1f of the demanded fine cells of change", year, dropped)
        if self._config.output.directory is None:
            return
        path = self._config.output.directory / "summary.json"
        history = read_history(path, year) if self._history is None else [entry for entry in self._history if entry["year"] < year]
        history.append({"year": year, "seconds": {stage: round(value, 6) for stage, value in slowest.items()},
                        "demand_dropped_fine_cells": round(dropped, 3), "largest_error_of_fraction_sums": max(rank["closure"] for rank in everyone)})
        write_summary(path, {
            **self.provenance(plan), "ranks": self._comm.size, "cells": sum(rank["cells"] for rank in everyone),
            "cells_per_rank": [rank["cells"] for rank in everyone], "tiles": len(plan.all_tiles),
            "tiles_per_rank": [rank["tiles"] for rank in everyone], "years": history,
            "checks_passed": ["inputs finite, in range, sums at most 1.0001", "class map: water, ocean and missing cells unchanged, known classes only",
                              "fractions in 0..1, sums 1 within 1e-12", "all boundary fields finite and in range"],
        })
        self._history = history


def settings_sha256(config: Config) -> str:
    """Of what decides the fields: not how long a run is, where it writes, and what hosts are served, so that a run may go on in parts."""
    table = tomllib.loads(config.text)
    decisive = {section: table[section] for section in _DECISIVE if section in table}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()


def table_facts(classes: ClassTable, tables: Any) -> dict[str, str]:
    """Attributes that name the tables which the fields come from, and the known errors of the host's."""
    facts = {"class_parameters": classes.source, "season_table": tables.season.source}
    host = tables.host
    if host.crosswalk is not None:
        facts["crosswalk"] = f"{host.crosswalk.table.target}, version {host.crosswalk.table.version}, sha256 {host.crosswalk.sha256}"
    if host.parameters is not None:
        facts["host_parameters"] = f"{host.parameters.name}: {host.parameters.source}"
        facts["host_parameters_notes"] = "; ".join(host.parameters.notes)
    return facts


def _closure_error(fields: dict[str, np.ndarray], owned: np.ndarray) -> float:
    """Largest distance of the sum of a covered cell's fractions from 1."""
    fraction = fields["lu_frac"][:, owned]
    covered = fraction[0] != FILL if fraction.size else np.zeros(0, bool)
    return float(np.abs(fraction[:, covered].sum(axis=0) - 1.0).max(initial=0.0))
