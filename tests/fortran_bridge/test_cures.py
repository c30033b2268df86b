"""tests/bridge/without_cures.py still finds what it takes out. Running it takes minutes; this does not."""

import importlib.util
import sys
from pathlib import Path

import pytest

BRIDGE = Path(__file__).resolve().parents[1] / "bridge"
ROOT = BRIDGE.parents[1]


@pytest.fixture(scope="module")
def without_cures():
    spec = importlib.util.spec_from_file_location("without_cures", BRIDGE / "without_cures.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["without_cures"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["without_cures"]


def test_every_trap_has_a_test_and_a_cure_to_take_out(without_cures):
    """Trap 2 is one of Python before 3.12."""
    assert {cure.trap for cure in without_cures.CURES} | {2} == set(range(1, 19))


def test_every_cure_is_where_it_is_taken_out(without_cures):
    lost = [(cure.name, name, text) for cure in without_cures.CURES for name, text, _ in cure.edits if text not in (ROOT / name).read_text()]
    assert lost == []


def test_a_cure_that_is_not_found_is_told(without_cures, tmp_path):
    (tmp_path / "a.c").write_text("int main(void) { return 0; }\n")
    cure = without_cures.Cure(99, "a cure", "test", "", (("a.c", "return 1;", ""),))
    with pytest.raises(SystemExit, match="Trap 99, a cure: the cure is not found in a.c: return 1;"):
        without_cures.take_out(tmp_path, cure)
