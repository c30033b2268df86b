"""`lsbc info`: what is installed, which models are shipped, and the field contract, as text."""

from __future__ import annotations

import importlib.util
from importlib import resources
from importlib.metadata import version
from pathlib import Path

from lsbc.emulator.artefact import CARD, read_artefact
from lsbc.emulator.config import SHIPPED
from lsbc.emulator.fields import FIELDS


def describe() -> str:
    """The whole page."""
    lines = [f"lsbc {version('lsbc')}", "", "backends"]
    for backend, module in (("onnxruntime (CPU default)", "onnxruntime"), ("torch (exported program)", "torch")):
        found = importlib.util.find_spec(module) is not None
        lines.append(f"  {backend:28s}{version(module) if found else 'not installed'}")
    lines += ["", "shipped models"]
    for folder in sorted(Path(str(resources.files("lsbc.emulator.models"))).iterdir()):
        if (folder / CARD).exists():
            artefact = read_artefact(folder)
            lines.append(f"  {SHIPPED}{artefact.name:20s}{len(artefact.channels)} channels, depth {artefact.depth}, tiles of {artefact.core} + 2 x {artefact.halo} "
                         f"cells of {artefact.fine.spacing_deg * 3600:g} arc seconds")
    for direction, title in (("in", "fields the host sets"), ("out", "fields the host gets")):
        lines += ["", title]
        lines += [f"  {i.name:12s}{i.units:6s}{i.n_level:2d}  {i.standard_name or '-':46s}{i.long_name}" for i in FIELDS if i.direction == direction]
    return "\n".join(lines)
