"""`lsbc info`: what is installed, which models are shipped, and the field contract, as text."""

from __future__ import annotations

import importlib.util
from importlib.metadata import version

from lsbc.emulator.artefact import read_artefact, shipped_models
from lsbc.emulator.config import SHIPPED
from lsbc.emulator.fields import FIELDS


def describe() -> str:
    """The whole page."""
    lines = [f"lsbc {version('lsbc')}", "", "backends"]
    for backend, module in (("onnxruntime (CPU default)", "onnxruntime"), ("torch (exported program)", "torch")):
        found = importlib.util.find_spec(module) is not None
        lines.append(f"  {backend:28s}{version(module) if found else 'not installed'}")
    lines += ["", "shipped models"]
    for folder in shipped_models():
        artefact = read_artefact(folder)
        lines.append(f"  {SHIPPED}{artefact.name:20s}{len(artefact.channels)} channels, depth {artefact.depth}, tiles of {artefact.core} + 2 x {artefact.halo} "
                     f"cells of {artefact.fine.spacing_deg * 3600:g} arc seconds; {', '.join(sorted(artefact.files))}")
    for direction, title in (("in", "the host sets"), ("out", "the host gets")):
        lines += ["", f"{title:16s}{'units':>5s} {'levels':>7s}  {'CF standard name':46s}meaning"]
        lines += [f"  {i.name:14s}{i.units:>5s} {i.n_level:7d}  {i.standard_name or '-':46s}{i.long_name}" for i in FIELDS if i.direction == direction]
    return "\n".join(lines)
