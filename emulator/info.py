"""`lsbc info`: what is installed, which devices are seen, which models are shipped, and the field contract, as text."""

from __future__ import annotations

from importlib.metadata import version

from lsbc.emulator.artefact import Artefact, read_artefact, shipped_models
from lsbc.emulator.backends import BACKENDS, PRECISIONS
from lsbc.emulator.config import SHIPPED
from lsbc.emulator.devices import cpu_instruction_sets, find_gpus
from lsbc.emulator.fields import FIELDS


def describe() -> str:
    """The whole page."""
    lines = [f"lsbc {version('lsbc')}", "", f"{'backends':16s}{'':46s}precisions, the usual one first"]
    for backend in BACKENDS.values():
        runs = "; ".join(f"{'GPU' if kind == 'cuda' else 'CPU'}: {', '.join(precisions)}" for kind, precisions in backend.precisions.items())
        lines.append(f"  {backend.name:14s}{backend.version or f'not installed: {backend.install}':46s}{runs}")
    gpus = find_gpus()
    lines += ["", "devices", f"  CPU           {' '.join(cpu_instruction_sets())}"]
    lines += [f"  cuda:{k:<9d}{name}" for k, name in enumerate(gpus.names)] or [f"  no GPU        {gpus.problem}"]
    lines += ["", "shipped models"]
    for folder in shipped_models():
        artefact = read_artefact(folder)
        lines.append(f"  {SHIPPED}{artefact.name:20s}{len(artefact.channels)} channels, depth {artefact.depth}, tiles of {artefact.core} + 2 x {artefact.halo} "
                     f"cells of {artefact.fine.spacing_deg * 3600:g} arc seconds; {', '.join(sorted(artefact.files))}")
        lines.append(f"    may run with {_admitted(artefact)}")
    for direction, title in (("in", "the host sets"), ("out", "the host gets")):
        lines += ["", f"{title:28s}{'units':>5s} {'levels':>7s}  {'CF standard name':46s}meaning"]
        lines += [f"  {i.name:26s}{i.units:>5s} {i.n_level:7d}  {i.standard_name or '-':46s}{i.long_name}" for i in FIELDS if i.direction == direction]
    return "\n".join(lines)


def _admitted(artefact: Artefact) -> str:
    """Backends and precisions that the card allows, such as "onnxruntime float32, int8; openvino float32"."""
    found = {backend.name: [precision for precision in PRECISIONS if any(precision in some for some in backend.precisions.values())
                            and artefact.allows(backend.name, precision)] for backend in BACKENDS.values()}
    return "; ".join(f"{name} {', '.join(precisions)}" for name, precisions in found.items() if precisions)
