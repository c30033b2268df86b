"""Measures the files of an artefact before any is written: reach, lattice, and every precision against the float32 reference.

A file whose own precision fails is left out; another precision of a file that is kept gets a table that says it did not pass.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from lsbc.regrid.errors import ModelError
from lsbc.training.formats import ONNX
from lsbc.training.halo import Run, check_lattice, core_is_exact, exact_halo, random_context
from lsbc.training.precision import Tiles, compare, complaint
from lsbc.training.runtimes import NotHere, Setting, Unwritten, as_function, onnxruntime_network, settings_of
from lsbc.training.whole_tile import whole_tile_operators

log = logging.getLogger(__name__)

CONTEXT_CORE = 96
"""Cells of the core that is compared with itself in a larger context."""


def measured_halo(model: bytes, n_channel: int, depth: int) -> int:
    """The exact halo of a float32 ONNX model whose windows lie on the lattice of 2**depth cells.

    Raises:
        ModelError: the network sees the whole tile, or has another lattice; the message names what was seen.
    """
    run = onnxruntime_network(model)
    try:
        halo = exact_halo(run, n_channel, 1 << depth)
    except ModelError as error:
        seen = whole_tile_operators(model)
        raise ModelError(f"{error} " + (f"Its graph has {', '.join(seen)}; use layers that see their neighbours only." if seen
                                        else "No operator of its graph is known for that; look for layers that use the tile's size.")) from error
    check_lattice(run, n_channel, halo, 1 << depth)
    return halo


@dataclass
class Checks:
    """Judges files one after the other. `tables` holds what was measured, `failed` a sentence for everything that did not pass.

    only_float32: other precisions are not measured, for the tiles are no land.
    """

    reference: Run
    tiles: Tiles
    depth: int
    only_float32: bool = False
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    @cached_property
    def expected(self) -> np.ndarray:
        """Logits of the reference."""
        return self.tiles.logits(self.reference)

    @cached_property
    def expected_year(self) -> np.ndarray:
        """Maps of the reference after a coupled year."""
        return self.tiles.year.maps(self.reference)

    def judge(self, file: str, content: bytes, more: Mapping[str, Any] | None = None, *, quiet: bool = False) -> str:
        """Measure a file in every setting there is; what its own precision fails by, empty if the file may be written.

        Args:
            more: further keys of the tables.  quiet: a failure is not noted, for another try follows.
        """
        tables, notes = {}, []
        for place, setting in enumerate(settings_of(file)):
            if self.only_float32 and setting.precision != "float32":
                continue
            try:
                table = self._measure(setting, content)
            except NotHere as missing:
                log.info("precision %s was not measured: %s", setting.name, missing)
                continue
            why = self._why_not(setting, table)
            log.info("precision %s: logits %.2g, classes %.4f %%, areas %.3f %%%s", setting.name, table["largest_logit_difference"],
                     100 * table["changed_class_share"], 100 * table["worst_class_area_bias"], f" - fails: {why}" if why else "")
            if why and place == 0:
                if not quiet:
                    self.failed.append(f"{file} is not written: {why}.")
                return why
            tables[setting.name] = table | dict(more or {}) | {"passed": not why}
            if why:
                notes.append(f"{setting.name} did not pass: {why}.")
        self.tables |= tables
        self.failed += notes
        return ""

    def _measure(self, setting: Setting, content: bytes) -> dict[str, Any]:
        n_channel, (_, n_step, n_class, *_) = self.tiles.channels.shape[1], self.expected.shape
        network = setting.load(Unwritten(content, (None,) * n_channel, n_class, n_step), setting.precision)
        run = as_function(network)
        table = compare(self.expected, self.tiles.logits(run), self.tiles.counted)
        if self.tiles.year is not None:
            table |= self.tiles.year.compare(self.expected_year, self.tiles.year.maps(run))
        context = random_context(n_channel, CONTEXT_CORE + 2 * (self.tiles.halo + (2 << self.depth)))
        return table | {"same_bits_in_context": core_is_exact(run, context, CONTEXT_CORE, self.tiles.halo), "inputs": self.tiles.inputs,
                        "measured_on": "cpu", "library": network.versions}

    def _why_not(self, setting: Setting, table: Mapping[str, Any]) -> str:
        reasons = [complaint(table, setting.precision)]
        if not table["same_bits_in_context"]:
            reasons.append(f"cells differ between a window with halo {self.tiles.halo} and a larger context")
        return "; ".join(reason for reason in reasons if reason)


def onnx_must_pass(checks: Checks, content: bytes) -> None:
    """Judge the float32 ONNX file, which every artefact has.

    Raises:
        ModelError: it does not compute what torch computes.
    """
    why = checks.judge(ONNX, content)
    if why:
        raise ModelError(f"{ONNX} does not compute what the trained network computes in torch: {why}.")
