import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from lsbc.emulator.artefact import Artefact  # noqa: E402
from lsbc.emulator.network import program_file  # noqa: E402
from lsbc.emulator.network.program_file import load_program  # noqa: E402
from lsbc.regrid.errors import ModelError  # noqa: E402

EXECUTED = []


class Trap:
    """Unpickling it leaves a mark."""

    def __reduce__(self):
        return (EXECUTED.append, (1,))


@pytest.fixture(scope="module")
def members(derived_model):
    archive = zipfile.ZipFile(io.BytesIO(derived_model.file_bytes("unet.pt2")))
    return {name: archive.read(name) for name in archive.namelist()}


def rewritten(members, **changes):
    """The archive with some members replaced or added; names without the folder."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in (members | {f"archive/{name}": content for name, content in changes.items()}).items():
            archive.writestr(name, content)
    return out.getvalue()


def load(derived_model, monkeypatch, content):
    monkeypatch.setattr(Artefact, "file_bytes", lambda self, name: content)
    return load_program(replace(derived_model), "unet.pt2")


def graph_with(members, change):
    graph = json.loads(members["archive/models/model.json"])
    change(graph)
    return {"models/model.json": json.dumps(graph).encode()}


def test_a_program_of_lsbc_loads_and_computes(derived_model):
    with torch.no_grad():
        logits = load_program(derived_model, "unet.pt2").module(check_guards=False)(torch.zeros(1, 31, 96, 96))
    assert logits.shape == (1, 1, 8, 96, 96)


def test_sample_inputs_that_would_run_code_are_refused_unread(derived_model, members, monkeypatch):
    trap = io.BytesIO()
    torch.save(((Trap(),), {}), trap)
    with pytest.raises(ModelError, match=r"unet\.pt2 of model 'bavaria30' holds sample inputs that are more than tensors"):
        load(derived_model, monkeypatch, rewritten(members, **{"data/sample_inputs/model.pt": trap.getvalue()}))
    assert EXECUTED == []


def test_pickled_weights_are_refused(derived_model, members, monkeypatch):
    config = members["archive/data/weights/model_weights_config.json"].replace(b'"use_pickle": false', b'"use_pickle": true', 1)
    with pytest.raises(ModelError, match="holds pickled weights"):
        load(derived_model, monkeypatch, rewritten(members, **{"data/weights/model_weights_config.json": config}))


@pytest.mark.parametrize("name", ["data/weights/model.pt", "data/aotinductor/model/model.so", "models/other.json", "data/constants/custom_obj_0"])
def test_members_that_do_not_belong_there_are_refused(derived_model, members, monkeypatch, name):
    with pytest.raises(ModelError, match=f"holds '{name}', which does not belong there"):
        load(derived_model, monkeypatch, rewritten(members, **{name: b"x"}))


@pytest.mark.parametrize("target", ["torch.load", "torch.ops.load_library", "_operator.call", "os.system", "torch.ops.aten.relu.default.__class__.__call__",
                                    "torch.ops.aten.__dir__", "torch.ops.aten.relu"])
def test_nodes_that_are_no_aten_operators_are_refused(derived_model, members, monkeypatch, target):
    def change(graph):
        graph["graph_module"]["graph"]["nodes"][0]["target"] = target

    with pytest.raises(ModelError, match=f"calls '{target}', which is no ATen operator"):
        load(derived_model, monkeypatch, rewritten(members, **graph_with(members, change)))


@pytest.mark.parametrize("target", ["torch.ops.aten.save.default", "torch.ops.aten.from_file.default", "torch.ops.aten.from_file.out"])
def test_operators_that_read_or_write_files_are_refused(derived_model, members, monkeypatch, target):
    def change(graph):
        graph["graph_module"]["graph"]["nodes"][0]["target"] = target

    with pytest.raises(ModelError, match=f"calls '{target}', which reads or writes files"):
        load(derived_model, monkeypatch, rewritten(members, **graph_with(members, change)))


def test_an_operator_that_is_an_argument_is_looked_at_too(derived_model, members, monkeypatch):
    def change(graph):
        graph["graph_module"]["graph"]["nodes"][0]["inputs"][0]["arg"] = {"as_operator": "torch.hub.load"}

    with pytest.raises(ModelError, match="calls 'torch.hub.load', which is no ATen operator"):
        load(derived_model, monkeypatch, rewritten(members, **graph_with(members, change)))


@pytest.mark.parametrize(("expression", "word"), [("exec(s1)", "exec"), ("s1.__class__", r"\."), ("Symbol(chr(65))", "chr"), ("[s1 for s1 in s2]", r"\[")])
def test_sizes_that_are_more_than_arithmetic_are_refused(derived_model, members, monkeypatch, expression, word):
    def change(graph):
        graph["range_constraints"][expression] = {"min_val": 1, "max_val": None}

    with pytest.raises(ModelError, match=f"has '{word}' in the size"):
        load(derived_model, monkeypatch, rewritten(members, **graph_with(members, change)))


def test_guards_in_the_file_are_not_run(derived_model, members, monkeypatch):
    def change(graph):
        graph["guards_code"] = ["__import__('sys').modules['nothing']"]

    program = load(derived_model, monkeypatch, rewritten(members, **graph_with(members, change)))
    with torch.no_grad():
        assert np.isfinite(program.module(check_guards=False)(torch.zeros(1, 31, 16, 16)).numpy()).all()


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_what_is_no_archive_is_refused(derived_model, monkeypatch, content):
    with pytest.raises(ModelError, match="is not an exported program"):
        load(derived_model, monkeypatch, content)


def test_an_archive_without_a_graph_is_refused(derived_model, members, monkeypatch):
    rest = {name: content for name, content in members.items() if not name.endswith("models/model.json")}
    with pytest.raises(ModelError, match="holds no graph"):
        load(derived_model, monkeypatch, rewritten(rest))
    assert program_file._problem(rewritten(members)) == ""
