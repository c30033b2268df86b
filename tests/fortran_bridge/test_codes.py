"""The header, the Fortran module, the inner header and Python say the same."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lsbc.fortran_bridge import build_ffi, entry, host_array
from lsbc.regrid.errors import Status

FOLDER = Path(entry.__file__).parent
HEADER = (FOLDER / "lsbc.h").read_text()
MODULE = (FOLDER / "lsbc.f90").read_text()


def _one_line(text: str) -> str:
    return " ".join(re.sub(r"/\*.*?\*/", " ", text, flags=re.S).split())


def test_codes_of_the_header_are_those_of_python():
    codes = {name: int(value) for name, value in re.findall(r"#define LSBC_(?:ERR_)?(\w+) (\d+)", HEADER)}
    assert {name: codes[name] for name in Status.__members__} == {name: int(code) for name, code in Status.__members__.items()}
    others = {"TEXT_LENGTH", "FIELD_IN", "FIELD_OUT", "MEMORY_ANY", "MEMORY_HOST", "MEMORY_DEVICE", "REAL32", "REAL64"}
    assert {name for name in codes if not name.startswith("VERSION_")} - set(Status.__members__) == others


def test_codes_of_the_fortran_module_are_those_of_the_header():
    in_header = {f"lsbc_{name.lower()}": int(value) for name, value in re.findall(r"#define LSBC_(?!VERSION_)(\w+) \(?(-?\d+)\)?", HEADER)}
    in_module = {name: int(value) for name, value in re.findall(r"parameter :: (lsbc_\w+) = (-?\d+)", MODULE)}
    assert in_module == in_header


def test_directions_are_those_of_the_header():
    assert {"in": 1, "out": 2} == entry.DIRECTION
    assert "#define LSBC_FIELD_IN 1" in HEADER and "#define LSBC_FIELD_OUT 2" in HEADER


def test_inner_calls_are_declared_alike_in_c_and_in_python():
    inner = _one_line((FOLDER / "inner.h").read_text())
    for call in _one_line(build_ffi._PYTHON_CALLS + build_ffi._C_CALLS).split(";"):
        assert call.strip() in inner
    defined = re.findall(r"lsbc_inner_(\w+)\(", build_ffi._PYTHON_CALLS)
    assert sorted(defined) == sorted(entry.CALLS)


def test_kinds_of_memory_and_values_are_those_of_the_header():
    numbers = {name: int(value) for name, value in re.findall(r"#define LSBC_((?:MEMORY|REAL)\w+) (\d)", HEADER)}
    assert numbers == {"MEMORY_ANY": 0, "MEMORY_HOST": host_array.MEMORY_HOST, "MEMORY_DEVICE": host_array.MEMORY_DEVICE,
                       "REAL32": 4, "REAL64": 8}
    assert sorted(host_array._DTYPE) == [4, 8]


@pytest.mark.parametrize("name", ["lsbc_field_info_t", "lsbc_array_t"])
def test_a_structure_is_declared_alike_in_c_and_in_python(name):
    declaration = rf"typedef struct {name} {{[^}}]*}} {name};"
    assert re.findall(declaration, _one_line(build_ffi._TYPES)) == re.findall(declaration, _one_line(HEADER)) != []


def test_the_array_of_the_fortran_module_has_the_members_of_the_header():
    in_header = re.search(r"typedef struct lsbc_array_t {(.*?)}", _one_line(HEADER)).group(1)
    in_module = re.search(r"type, bind\(c\) :: c_array\n(.*?)end type", (FOLDER / "lsbc_c.f90").read_text(), re.S).group(1)
    kinds = {"void *": "type(c_ptr)", "int32_t ": "integer(c_int32_t)", "int64_t ": "integer(c_int64_t)"}
    expected = [(kinds[kind], name, count) for kind, name, count in re.findall(r"(void \*|int\d+_t )(\w+)(?:\[(\d)\])?;", in_header)]
    assert re.findall(r"(\S+) :: (\w+)(?:\((\d)\))?", in_module) == expected != []


def test_starting_the_bridge_imports_neither_torch_nor_mpi():
    # Before Python 3.12 cffi must start before torch is imported.
    code = "import sys, lsbc.fortran_bridge.entry, lsbc.regrid.comm; sys.exit(bool({'torch', 'mpi4py'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
