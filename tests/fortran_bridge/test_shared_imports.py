"""Modules from another process's bytes: the same modules, without their files; anything else the usual way."""

import importlib
import importlib.resources
import importlib.util
import inspect
import marshal
import os
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from lsbc.fortran_bridge import shared_imports
from lsbc.fortran_bridge.shared_imports import VERSION_BYTES, Finder, Giver, Taker

FILES = {"__init__.py": "from barnpkg.inner import VALUE\n", "inner.py": "VALUE = 7\n", "note.txt": "hay\n", "late.py": "LATE = True\n"}


@pytest.fixture
def barn(tmp_path, monkeypatch):
    """A package on the path, with a data file; forgotten afterwards."""
    folder = tmp_path / "barnpkg"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(sys.meta_path)
    yield folder
    sys.meta_path[:] = before
    forget()


def forget():
    for name in [name for name in sys.modules if name.split(".")[0] in ("barnpkg", "openbarn")]:
        del sys.modules[name]


def part_of(*names):
    """What a rank gives after it has imported these, which are then forgotten."""
    giver = Giver()
    giver.collect()
    for name in names:
        importlib.import_module(name)
    part = giver.collect()
    forget()
    return part


def test_a_module_comes_from_memory_with_the_path_of_its_file(barn):
    taker = Taker(part_of("barnpkg"))
    for path in barn.glob("*.py"):
        path.rename(path.with_suffix(".gone"))
    module = importlib.import_module("barnpkg")
    assert module.VALUE == 7
    assert module.__file__ == str(barn / "__init__.py")
    assert list(module.__path__) == [str(barn)]
    assert module.__spec__.cached == importlib.util.cache_from_source(module.__file__)
    assert taker.finder.n_taken == 2


def test_data_files_are_found_beside_a_module_from_memory(barn):
    Taker(part_of("barnpkg"))
    assert importlib.resources.files("barnpkg").joinpath("note.txt").read_text() == "hay\n"


def test_what_the_other_rank_has_not_imported_is_read_from_its_file(barn):
    taker = Taker(part_of("barnpkg"))
    assert importlib.import_module("barnpkg.late").LATE
    assert taker.finder.n_taken == 2


def test_looking_for_a_module_does_not_use_up_its_code(barn):
    taker = Taker(part_of("barnpkg"))
    assert importlib.util.find_spec("barnpkg").origin == str(barn / "__init__.py")
    assert taker.finder.n_taken == 0
    importlib.import_module("barnpkg")
    assert taker.finder.n_taken == 2


def test_a_module_that_is_loaded_again_is_read_from_its_file(barn):
    Taker(part_of("barnpkg"))
    module = importlib.import_module("barnpkg.inner")
    (barn / "inner.py").write_text("VALUE = 8888\n")
    assert importlib.reload(module).VALUE == 8888


def test_folders_without_a_module_of_their_own_are_packages_too(barn):
    (barn.parent / "openbarn").mkdir()
    (barn.parent / "openbarn" / "hay.py").write_text("BALES = 3\n")
    part = part_of("openbarn.hay")
    finder = Finder()
    assert finder.add(part)
    assert list(finder.find_spec("openbarn").submodule_search_locations) == [str(barn.parent / "openbarn")]
    assert finder.find_spec("openbarn.hay").origin == str(barn.parent / "openbarn" / "hay.py")


def test_code_that_is_not_of_the_source_is_compiled_again(barn):
    importlib.import_module("barnpkg.inner")
    forget()
    (barn / "inner.py").write_text("VALUE = 1234567\n")  # the .pyc beside it is of another size
    spec = PathFinder.find_spec("barnpkg.inner", [str(barn)])
    space = {}
    exec(marshal.loads(shared_imports._code("barnpkg.inner", spec)), space)
    assert space["VALUE"] == 1234567


def test_modules_without_a_pyc_file_are_given_all_the_same(barn, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    taker = Taker(part_of("barnpkg"))
    assert not (barn / "__pycache__").exists()
    assert importlib.import_module("barnpkg").VALUE == 7
    assert taker.finder.n_taken == 2


@pytest.mark.parametrize("change", ["path", "version", "interpreter"])
def test_nothing_is_taken_from_another_python(barn, monkeypatch, change):
    part = part_of("barnpkg")
    if change == "path":
        monkeypatch.setattr(sys, "path", [*sys.path, "/nowhere"])
    elif change == "version":
        monkeypatch.setattr(sys, "version", "3.99")
    else:
        monkeypatch.setenv("LSBC_PYTHON", "/nowhere/python")
    before = list(sys.meta_path)
    with pytest.raises(ImportError, match="Rank 0 runs another Python"):
        Taker(part)
    assert sys.meta_path == before


def test_extension_modules_that_their_package_chooses_itself_are_left_to_it():
    spec = importlib.util.spec_from_file_location("barnpkg.MPI", "/nowhere/MPI.openmpi.cpython-311-x86_64-linux-gnu.so")
    assert shared_imports._row("barnpkg.MPI", spec) is None
    usual = importlib.util.spec_from_file_location("barnpkg.MPI", f"/nowhere/MPI{importlib.machinery.EXTENSION_SUFFIXES[0]}")
    assert shared_imports._row("barnpkg.MPI", usual) == ("barnpkg.MPI", usual.origin, None, None)


@pytest.mark.parametrize("is_told", [True, False])
def test_inspect_knows_the_files_of_modules_from_memory_without_looking(barn, monkeypatch, is_told):
    monkeypatch.setattr(inspect, "_filesbymodname", {})
    monkeypatch.setattr(inspect, "modulesbyfile", {})
    monkeypatch.setattr(shared_imports, "startup_stages", lambda: ())
    part = part_of("barnpkg")
    taker = Taker(part)
    if is_told:
        taker.take(part)
    module = importlib.import_module("barnpkg.inner")
    looked = []
    monkeypatch.setattr(os.path, "realpath", lambda path, old=os.path.realpath: looked.append(str(path)) or old(path))
    assert inspect.getmodule(compile("0", str(barn / "inner.py"), "exec")) is module
    assert (str(barn / "inner.py") not in looked) is is_told


def test_the_true_path_of_a_module_behind_a_link_is_given(barn):
    (barn.parent / "link").symlink_to(barn, target_is_directory=True)
    (barn / "other.py").symlink_to(barn / "late.py")
    giver = Giver()
    assert giver._true_path(str(barn.parent / "link" / "inner.py")) == os.path.realpath(barn / "inner.py")
    assert giver._true_path(str(barn.parent / "link" / "other.py")) == os.path.realpath(barn / "late.py")
    assert giver._true_path(None) is None


def test_each_module_is_given_once(barn):
    giver = Giver()
    giver.collect()
    importlib.import_module("barnpkg")
    assert {row[0] for row in marshal.loads(giver.collect())[1]} == {"barnpkg", "barnpkg.inner"}
    assert marshal.loads(giver.collect())[1] == []


def test_a_stage_that_fails_is_told_by_the_rank_that_gives_and_passed_over_by_the_one_that_takes(barn, monkeypatch):
    def stage():
        raise RuntimeError("no such library")

    part = part_of("barnpkg")
    monkeypatch.setattr(shared_imports, "startup_stages", lambda: (stage,))
    taker = Taker(part)
    taker.take(part)
    giver = Giver()
    giver.early()
    with pytest.raises(RuntimeError, match="no such library"):
        giver.early()


def test_parts_end_after_the_stages(monkeypatch):
    ran = []
    monkeypatch.setattr(shared_imports, "startup_stages", lambda: (lambda: ran.append(1), lambda: ran.append(2)))
    giver = Giver()
    assert [giver.early() is None for _ in range(4)] == [False, False, False, True]
    assert ran == [1, 2]


CHILD = """
import sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event in ("open", "os.listdir") else None)
if len(sys.argv) > 1:
    import marshal
    content = open(sys.argv[1], "rb").read()
    code, path, part = marshal.loads(content[int(sys.argv[2]):])
    from types import ModuleType
    module = ModuleType("lsbc.fortran_bridge.shared_imports")
    exec(code, module.__dict__)
    taker = module.Taker(part)
before = len(opened)
import lsbc.emulator.component
import lsbc.regrid.areas as areas
print(len([path for path in opened[before:] if path.endswith((".py", ".pyc")) or "." not in path.rpartition("/")[2]]), areas.__file__)
"""


def test_a_fresh_interpreter_opens_hardly_any_file_of_python(tmp_path):
    def run(code, *arguments):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LSBC_PYTHON": ""}
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    run(f"import lsbc.emulator.component, lsbc.regrid.areas\nfrom lsbc.fortran_bridge.shared_imports import Giver\n"
        f"open({str(tmp_path / 'part')!r}, 'wb').write(Giver().early())")
    n_usual, usual = run(CHILD)
    n_shared, shared = run(CHILD, str(tmp_path / "part"), str(VERSION_BYTES))
    assert int(n_usual) > 200
    assert int(n_shared) < 10
    assert Path(shared) == Path(usual)
