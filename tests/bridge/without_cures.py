"""Show that each known trap of embedding Python is caught by a test: take its cure out, and the test must fail.

Usage: without_cures.py [--only WORD]

WORD is a number of a trap or part of a test's name. In a copy of the source tree every cure is taken out alone, by a replacement
of text that must be found, and the test named with it is built and run. One line a cure says what the test did with it and
without it. Ends with 1 when a test fails with the cure, or passes without it. Touches nothing but its temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("CMakeLists.txt", "pyproject.toml", "cmake", "emulator", "regrid", "fortran_bridge", "tests", "examples")
WAIT_S = 20
"""How long a test may take before it hangs."""
TELLING = tuple(map(re.compile, (r"undefined symbol", r"not true|is not in|[Ss]ignal|attempted|traps of|old value|logical|status \d", r"[Ee]rror")))
"""Lines that say what went wrong, the best first."""
START, GUARD, SHIM, ENTRY = "fortran_bridge/start.c", "fortran_bridge/guard.c", "fortran_bridge/shim.c", "fortran_bridge/entry.py"
COMM, FORTRAN, BUILD = "regrid/comm.py", "fortran_bridge/lsbc.f90", "fortran_bridge/CMakeLists.txt"


@dataclass(frozen=True)
class Cure:
    """What keeps lsbc out of a trap. `edits` are (file, text, what stands there without the cure)."""

    trap: int
    name: str
    test: str
    program: str
    edits: tuple[tuple[str, str, str], ...]


SHOW_LIBPYTHON = (START, "    show_libpython();\n", "")
NO_WORKERS = (GUARD, "if (n_team > 1) GOMP_parallel", "if (0) GOMP_parallel")
SAVE_THREAD = "(void)PyEval_SaveThread();"
BEFORE_3_12 = (
    Cure(2, "lock of a second cffi library", "host_with_python", "test_python_host", (
        (START, "PyType_Modified(&PyCapsule_Type);", ""), (START, "if (PyCapsule_Type.tp_version_tag != 0) {", "if (0) {"))),
)
CURES = (
    Cure(1, "a failed start is not 0", "start_without_lsbc", "test_startup_failure", (
        (START, "status = import_needed();", "status = LSBC_OK;"), (START, "if (lsbc_inner_start() == 0 && ", "(void)lsbc_inner_start(); if (1 || "),
        (SHIM, "if (inner > 0) return LSBC_OK;", "if (inner >= 0) return LSBC_OK;"))),
    Cure(1, "an exception is not 0", "calls", "test_calls", ((ENTRY, ", error=-int(Status.INTERNAL), onerror=bridge.failed)", ")"),
                                                          (SHIM, "if (inner > 0) return LSBC_OK;", "if (inner >= 0) return LSBC_OK;"))),
    *(BEFORE_3_12 if sys.version_info < (3, 12) else ()),
    Cure(3, "libpython is global", "loaded_with_hidden_symbols", "test_plugin_host", (SHOW_LIBPYTHON,)),
    Cure(4, "the interpreter is named", "start_without_path", "test_create", (
        (START, "status = PyConfig_SetBytesString(&config, &config.executable, interpreter_path());", ""),)),
    Cure(4, "a failing `site` does not exit", "start_with_broken_site", "test_startup_failure", (
        (START, "status = Py_InitializeFromConfig(&config);", "Py_InitializeEx(0);"),)),
    Cure(5, "traps are masked", "traps_torch_host_first", "test_traps", ((GUARD, "if (guard->sse != SSE_DEFAULT) write_sse(SSE_DEFAULT);", ""),)),
    Cure(5, "traps of workers are masked", "traps_torch_host_first", "test_traps", (NO_WORKERS,)),
    Cure(5, "new workers get traps", "traps_torch_inside_first", "test_traps", ((GUARD, "if (guard->stamp != 0) on_workers", "if (0) on_workers"),)),
    Cure(5, "workers made by a clause are masked", "guard_by_registers", "test_guard_by_registers", (
        (GUARD, "larger(largest_team, omp_get_num_procs())", "largest_team"),)),
    Cure(5, "flags and traps come back", "guard_by_fenv", "test_guard_by_fenv", ((GUARD, "{ fesetenv(&guard->environment); }", "{ (void)guard; }"),)),
    Cure(6, "number of OpenMP threads comes back", "host_state", "test_host_state", ((GUARD, "omp_set_num_threads(guard->n_thread);", ""),)),
    Cure(7, "SIGINT ends the run", "host_state", "test_host_state", ((GUARD, "restore_signal(SIGINT, &guard->interrupt);", ""),)),
    Cure(7, "handler of SIGTERM comes back", "host_state", "test_host_state", ((GUARD, "restore_signal(SIGTERM, &guard->terminate);", ""),)),
    Cure(8, "exit functions run", "exit_functions", "test_exit", ((ENTRY, "atexit._run_exitfuncs()", "pass"),)),
    Cure(8, "buffers are written", "exit_functions", "test_exit", ((ENTRY, "stream.flush()", "pass"),)),
    Cure(9, "mpi4py leaves MPI_Init to the host", "mpi4py_before_mpi_init", "test_mpi_order", ((COMM, "mpi4py.rc.initialize = False", "pass"),)),
    Cure(10, "MPI brought by a plugin with hidden symbols", "plugin_with_mpi", "plugin_with_mpi load_plugin", (SHOW_LIBPYTHON,)),
    Cure(11, "ranks agree on a start", "one_rank_does_not_start", "test_ranks", (
        (SHIM, "MPI_Allreduce(&mine, &worst, 1, MPI_2INT, MPI_MAXLOC, comm);", "worst = mine;"),)),
    Cure(11, "ranks agree in a call", "defect_on_one_rank", "test_ranks", ((COMM, "if comm.allreduce_max(int(status)) == Status.OK:", "if status == Status.OK:"),)),
    Cure(12, "every rank has the text", "two_ranks", "test_ranks", ((SHIM, "MPI_Bcast(text, LSBC_TEXT_LENGTH, MPI_CHAR, worst.rank, comm);", ""),)),
    Cure(13, "no array on the stack", "small_stack", "test_stack", (
        (FORTRAN, "      integer(c_int64_t) :: n_cell\n      n_cell = size(global_id, kind=c_int64_t)",
         "      integer(c_int64_t) :: n_cell\n      real(c_double) :: work(size(lon))\n      work = lon\n      n_cell = size(work, kind=c_int64_t)"),
        (BUILD, "add_library(lsbc::fortran", "target_compile_options(lsbc_fortran PRIVATE -fstack-arrays -O0)\nadd_library(lsbc::fortran"))),
    Cure(14, "the lock of Python is free between calls", "instances_and_threads", "test_instances", ((START, SAVE_THREAD, ""),)),
    Cure(15, "a lent array is read at the step", "kept_address", "test_kept_address", (
        (ENTRY, "instance.component.set_field(field, memory, **layout)", "instance.component.set_field(field, memory.copy(), **layout)"),)),
    Cure(16, "no logical in the interface", "no_logicals", "", (("fortran_bridge/lsbc.h", "const int32_t *owned", "const _Bool *owned"),)),
    Cure(16, "-1 is true", "real_instances", "", (("emulator/component.py", "np.asarray(owned) != 0", "np.asarray(owned) == 1"),)),
    Cure(17, "the working directory is not searched", "start_among_shadows", "test_create", (
        (START, SAVE_THREAD, "PyRun_SimpleString(\"import sys; sys.path.insert(0, '')\"); " + SAVE_THREAD),)),
    Cure(18, "ranks take their imports from rank 0", "imports_from_rank_0", "test_shared_imports", ((SHIM, "is_shared = lsbc_share_begin(comm)", "is_shared = 0"),)),
)


@dataclass(frozen=True)
class Outcome:
    """How a test ended."""

    passed: bool
    words: str


class Tree:
    """A copy of the sources with a build folder."""

    def __init__(self, folder: Path) -> None:
        self.source, self.build = folder / "source", folder / "build"
        self.source.mkdir()
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.source / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif (ROOT / name).exists():
                shutil.copy(ROOT / name, self.source / name)
        self._call("cmake", "-S", str(self.source), "-B", str(self.build), f"-DPython_EXECUTABLE={sys.executable}")

    def _call(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done.stdout

    def make(self, targets: list[str]) -> None:
        self._call("cmake", "--build", str(self.build), "-j", "2", "--target", *targets)

    def tests(self) -> dict[str, dict]:
        """Test by name, as CTest tells it; those that are not built lack their command."""
        listed = json.loads(self._call("ctest", "--test-dir", str(self.build), "--show-only=json-v1"))
        return {test["name"]: test for test in listed["tests"]}

    def run(self, test: dict) -> Outcome:
        """Run one test as CTest would."""
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        environment = os.environ | dict(entry.split("=", 1) for entry in properties.get("ENVIRONMENT", [])) | {"PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(test["command"], cwd=properties.get("WORKING_DIRECTORY", self.build), env=environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
        try:
            printed, _ = process.communicate(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            end(process)
            return Outcome(False, f"hangs, ended after {WAIT_S} s")
        if process.returncode == 0:
            return Outcome(True, "passed")
        how = f"exit {process.returncode}" if process.returncode > 0 else signal.Signals(-process.returncode).name
        return Outcome(False, f"{how}: {telling_line(printed)}")


def end(process: subprocess.Popen) -> None:
    """End a process with all that it has started; mpirun ends its ranks when it is asked to."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def telling_line(printed: str) -> str:
    """The line that says best what went wrong, without the path before it, and the next."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()] or ["nothing printed"]
    at = next((k for pattern in TELLING for k, line in enumerate(lines) if pattern.search(line)), len(lines) - 1)
    return " | ".join(re.sub(r"^/\S*/", "", line) for line in lines[at:at + 2])[:250]


def take_out(source: Path, cure: Cure) -> dict[Path, str]:
    """Make the edits; returns what the files held before."""
    before: dict[Path, str] = {}
    for name, text, instead in cure.edits:
        path = source / name
        content = path.read_text()
        if text not in content:
            raise SystemExit(f"Trap {cure.trap}, {cure.name}: the cure is not found in {name}: {text}")
        before.setdefault(path, content)
        path.write_text(content.replace(text, instead))
    return before


def without(tree: Tree, cure: Cure, test: dict) -> Outcome:
    """Outcome of the test with the cure taken out; the tree is as before afterwards, but for what is built."""
    before = take_out(tree.source, cure)
    try:
        if cure.program:
            tree.make(["lsbc", *cure.program.split()])
        return tree.run(test)
    finally:
        for path, content in before.items():
            path.write_text(content)


def show(tree: Tree, cures: list[Cure]) -> bool:
    """One line a cure; whether every test told the difference."""
    tree.make(["lsbc", *dict.fromkeys(" ".join(cure.program for cure in cures).split())])
    tests, good = tree.tests(), True
    for cure in cures:
        test = tests.get(f"bridge_{cure.test}")
        if test is None:
            print(f"trap {cure.trap:2d}, {cure.name}: {cure.test} is not among the tests of this build", flush=True)
            continue
        if cure.program:
            tree.make(["lsbc", *cure.program.split()])
        cured, bare = tree.run(test), without(tree, cure, test)
        good = good and cured.passed and not bare.passed
        print(f"trap {cure.trap:2d}, {cure.name}: bridge_{cure.test}: with the cure: {cured.words}; without: {bare.words}", flush=True)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORD", help="number of a trap, or part of a test's name")
    word = parser.parse_args().only
    cures = [cure for cure in CURES if word in ("", str(cure.trap)) or not word.isdigit() and word in cure.test]
    if not cures:
        raise SystemExit(f"No trap has the number, and no test the name '{word}'.")
    with tempfile.TemporaryDirectory() as folder:
        return 0 if show(Tree(Path(folder)), cures) else 1


if __name__ == "__main__":
    sys.exit(main())
