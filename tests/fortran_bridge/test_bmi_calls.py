"""The embedded side of BMI in Fortran and C, called as bmi.c does, on arrays of this process."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lsbc.fortran_bridge import bmi_calls
from lsbc.fortran_bridge.bmi_calls import BmiCalls
from lsbc.regrid.errors import Status

SOURCE = (Path(bmi_calls.__file__).parent / "lsbc_bmi.F90").read_text()
C_SOURCE = (Path(bmi_calls.__file__).parent / "lsbc_bmi_struct.c").read_text()
C_HEADER = (Path(__file__).parents[1] / "bridge" / "bmi_stand_in" / "bmi.h").read_text()


class FakeBmi:
    """Answers that need no run."""

    def __init__(self):
        self.values = np.arange(4.0)

    def get_component_name(self):
        return "fake"

    def get_input_var_names(self):
        return ("one", "three")

    def get_var_nbytes(self, name):
        return {"small": 32, "large": 2**31}[name]

    def get_grid_x(self, grid, x):
        x[:] = grid

    def get_value_ptr(self, name):
        return self.values

    def set_value_at_indices(self, name, inds, src):
        self.values[inds] = src

    def update(self):
        raise SystemExit(3)

    def finalize(self):
        pass


@pytest.fixture
def calls(monkeypatch):
    monkeypatch.setattr(bmi_calls, "_initialized", lambda config: FakeBmi())
    calls = BmiCalls()
    assert ask(calls, "initialize", np.empty(0)) == (0, b"")
    return calls


def ask(calls, function, memory, name=b"", number=0, index=()):
    index = np.array(index, np.int32)
    return calls.call(1, function, name, number, 0.0, (index.ctypes.data, len(index)), (memory.ctypes.data, memory.size, memory.dtype.str))


def test_answers_are_put_where_the_caller_says(calls):
    text, count, x = np.empty(8, "S1"), np.empty(1, np.int32), np.empty(3)
    assert ask(calls, "get_component_name", text)[0] == ask(calls, "get_var_nbytes", count, b"small")[0] == ask(calls, "get_grid_x", x, number=7)[0] == 0
    assert (text.tobytes(), count.tolist(), x.tolist()) == (b"fake    ", [32], [7.0] * 3)


def test_names_are_padded_to_the_same_length(calls):
    letters = np.empty((2, 6), "S1")
    assert ask(calls, "get_input_var_names", letters)[0] == 0
    assert letters.tobytes() == b"one   three "


def test_a_pointer_is_the_address_of_the_values_themselves(calls):
    found = np.empty(2, np.int64)
    assert ask(calls, "get_value_ptr", found, b"small")[0] == 0
    assert found.tolist() == [calls._instances[1].values.ctypes.data, 4]


def test_values_go_to_their_places(calls):
    assert ask(calls, "set_value_at_indices", np.array([8.0, 9.0]), b"small", index=[3, 0])[0] == 0
    assert calls._instances[1].values.tolist() == [9.0, 1.0, 2.0, 8.0]


@pytest.mark.parametrize(("function", "memory", "name", "status", "text"), [
    ("get_component_name", np.empty(3, "S1"), b"", Status.FIELD, b"gives 4 characters, more than the 3 of the variable"),
    ("get_var_nbytes", np.empty(1, np.int32), b"large", Status.FIELD, b"gives 2147483648, which an integer of BMI cannot hold"),
    ("other_type", np.empty(0), b"albedo", Status.FIELD, b"Variable 'albedo' is double precision"),
    ("update", np.empty(0), b"", Status.INTERNAL, b"SystemExit: 3"),
    ("no_such_function", np.empty(1, np.int32), b"", Status.INTERNAL, b"no_such_function"),
])
def test_failures_become_codes_and_texts(calls, function, memory, name, status, text):
    code, words = ask(calls, function, memory, name)
    assert code == status and text in words


def test_an_instance_is_gone_after_finalize(calls):
    assert ask(calls, "finalize", np.empty(0)) == (0, b"")
    code, text = ask(calls, "get_component_name", np.empty(8, "S1"))
    assert code == Status.STATE and b"get_component_name came before initialize or after finalize" in text


def test_the_last_finalize_ends_nothing_that_another_instance_may_need():
    done = subprocess.run([sys.executable, "-c", """
import atexit, os, sys, weakref
from lsbc.fortran_bridge.bmi_calls import BmiCalls
class Fake:
    def finalize(self): pass
kept, calls = Fake(), BmiCalls()
weakref.finalize(kept, print, "kept")
atexit.register(print, "registered")
calls._instances[1] = Fake()
assert calls.call(1, "finalize", b"", 1, 0.0, (0, 0), (0, 0, "i4")) == (0, b"")
sys.stdout.flush()
os._exit(0)
"""], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["registered"]


def test_an_instance_is_not_initialized_twice(calls):
    before = calls._instances[1]
    code, text = ask(calls, "initialize", np.empty(0))
    assert code == Status.STATE and b"initialize was called twice; call finalize in between" in text
    assert calls._instances[1] is before


def test_without_bmipy_the_text_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "bmipy", None)
    monkeypatch.delitem(sys.modules, "lsbc.emulator.adapters.bmi", raising=False)
    code, text = ask(BmiCalls(), "initialize", np.empty(0), b"lsbc.toml")
    assert code == Status.STARTUP and b"BMI needs bmipy" in text and b"pip install 'lsbc[bmi]'" in text


def test_the_fortran_type_has_every_function_of_bmi():
    bmipy = pytest.importorskip("bmipy", reason="needs bmipy")
    expected = set()
    for name in bmipy.Bmi.__abstractmethods__:
        by_type = "_value" in name
        expected |= {f"{name}_{kind}" for kind in ("int", "float", "double")} if by_type else {name}
    assert set(re.findall(r"^      procedure :: (\w+)", SOURCE, re.M)) == expected | {"last_error"}


def test_the_c_structure_has_every_function_of_bmi():
    bmipy = pytest.importorskip("bmipy", reason="needs bmipy")
    assert set(re.findall(r"^    int \(\*(\w+)\)", C_HEADER, re.M)) == bmipy.Bmi.__abstractmethods__
    assert sorted(re.findall(r"^    \.(\w+) = \1,$", C_SOURCE, re.M)) == sorted(bmipy.Bmi.__abstractmethods__)
