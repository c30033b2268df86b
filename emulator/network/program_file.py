"""Reads exported programs (.pt2) so that nothing in the file is run while it is read. Knows the archive's format; torch is imported here only when asked.

`torch.export.load` unpickles weights and sample inputs where the archive says so, calls whatever function a node names, and evaluates
expressions and guards as Python. A program of lsbc holds raw weights and a graph of ATen operators: anything else is refused, guards are left out.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any

from lsbc.emulator.artefact import Artefact
from lsbc.regrid.errors import ModelError

_MEMBERS = re.compile(r"models/model\.json|data/weights/(weight_\d+|model_weights_config\.json)|data/constants/(tensor_\d+|model_constants_config\.json)|"
                      r"data/sample_inputs/model\.pt|archive_format|archive_version|byteorder|\.data/(version|serialization_id)")
_OPERATOR = re.compile(r"torch\.ops\.aten\.(?P<name>[a-z]\w*)\.[A-Za-z]\w*")
_TOUCH_FILES = ("from_file", "save")
_NAMES_IN_EXPRESSIONS = re.compile(r"Symbol|Integer|Mul|Add|Pow|Mod|FloorDiv|Max|Min|positive|integer|nonnegative|True|[su]\d+|int_oo|oo")


def load_program(artefact: Artefact, name: str) -> Any:
    """The artefact's `torch.export.ExportedProgram`.

    Raises:
        ModelError: the file is missing, is not the card's, or holds more than raw weights and ATen operators.
    """
    import torch

    content = artefact.file_bytes(name)
    problem = _problem(content)
    if problem:
        raise ModelError(f"{name} of model '{artefact.name}' {problem}; lsbc reads programs written by `lsbc export --formats pt2` only.")
    return torch.export.load(io.BytesIO(content))


def _problem(content: bytes) -> str:
    """What an archive holds that lsbc does not read; empty if nothing."""
    import torch

    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        return f"is not an exported program ({error})"
    names = [name.partition("/")[2] for name in archive.namelist()]
    folder = archive.namelist()[0].partition("/")[0] if names else ""
    strange = [name for name in names if not _MEMBERS.fullmatch(name)]
    if strange or len(set(names)) != len(names):
        return f"holds {strange[0]!r}, which does not belong there" if strange else "holds a member twice"
    if "models/model.json" not in names:
        return "holds no graph"
    for kind in ("weights", "constants"):
        config = json.loads(archive.read(f"{folder}/data/{kind}/model_{kind}_config.json"))["config"]
        if any(entry["use_pickle"] for entry in config.values()):
            return f"holds pickled {kind}"
    try:
        torch.load(io.BytesIO(archive.read(f"{folder}/data/sample_inputs/model.pt")), weights_only=True)
    except Exception:
        return "holds sample inputs that are more than tensors"
    return _graph_problem(json.loads(archive.read(f"{folder}/models/model.json")))


def _graph_problem(graph: Any) -> str:
    """A node that is no ATen operator, or an expression with other names than arithmetic needs."""
    waiting = [graph]
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, dict):
            expressions = [piece.get("expr_str", ""), *piece.get("range_constraints", ())]
            for target in (piece[key] for key in ("target", "as_operator") if isinstance(piece.get(key), str)):
                found = _OPERATOR.fullmatch(target)
                if not found or found["name"] in _TOUCH_FILES:
                    return f"calls {target!r}, which {'reads or writes files' if found else 'is no ATen operator'}"
            for expression in expressions:
                for word in re.findall(r"[^\W\d]\w*|[^\w\s()*+,'=/-]", expression):
                    if not _NAMES_IN_EXPRESSIONS.fullmatch(word):
                        return f"has {word!r} in the size {expression!r}"
            waiting += piece.values()
        elif isinstance(piece, list):
            waiting += piece
    return ""
