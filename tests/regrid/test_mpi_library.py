"""mpi4py against the MPI library of the process: stand-ins for both, so that it runs beside any MPI, and without."""

import importlib.machinery
import os
import shutil
import subprocess
import sys

import pytest

from lsbc.regrid import mpi_library
from lsbc.regrid.mpi_library import MPICH, OPEN_MPI

CODE = """
import ctypes, os, sys
if sys.argv[1]: ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
sys.path.insert(0, sys.argv[2])
from lsbc.regrid.comm import load_mpi
from lsbc.regrid.errors import StartupError
try:
    load_mpi()
except StartupError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Kind -> a shared library that has the symbols by which the kinds differ."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler for the stand-in of an MPI library")
    folder, paths = tmp_path_factory.mktemp("libmpi"), {None: ""}
    for kind, more in ((OPEN_MPI, "int ompi_mpi_comm_world;"), (MPICH, "")):
        paths[kind] = folder / f"libmpi_{len(paths)}.so"
        source = f"int MPI_Initialized(int *flag) {{ *flag = 0; return 0; }} {more}"
        subprocess.run([compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", paths[kind]], input=source, text=True, check=True)
    return paths


@pytest.fixture
def mpi4py(tmp_path):
    """Make a package mpi4py whose extension module asks for symbols, and is no library."""
    def make(symbols):
        package = tmp_path / "mpi4py"
        package.mkdir()
        (package / "__init__.py").write_text("class rc: initialize = finalize = None\n")
        (package / f"MPI{importlib.machinery.EXTENSION_SUFFIXES[0]}").write_bytes(b"\0".join([b"", *symbols, b""]))
        return tmp_path
    return make


def said(library, place):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LD_PRELOAD")}
    done = subprocess.run([sys.executable, "-c", CODE, str(library), str(place)], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_mpi4py_of_mpich_is_refused_beside_a_host_with_open_mpi(library, mpi4py):
    text = said(library[OPEN_MPI], mpi4py([b"MPI_Init", b"MPI_Comm_f2c"]))
    assert "is built for MPICH or a library of its kind" in text and "but the host runs Open MPI; build it with the host's MPI" in text


def test_mpi4py_of_open_mpi_is_refused_beside_a_host_with_mpich(library, mpi4py):
    text = said(library[MPICH], mpi4py([b"MPI_Init", b"ompi_mpi_comm_world"]))
    assert "is built for Open MPI, but the host runs MPICH or a library of its kind" in text


@pytest.mark.parametrize(("kind", "symbols"), [(OPEN_MPI, [b"ompi_mpi_comm_world"]), (MPICH, [b"MPI_Init"]), (None, [b"MPI_Init"])])
def test_mpi4py_of_the_same_kind_or_in_a_process_without_mpi_is_loaded(library, mpi4py, kind, symbols):
    # The stand-in is no library: that the loader says so shows that it was asked.
    assert "mpi4py cannot be loaded" in said(library[kind], mpi4py(symbols))


def test_a_longer_name_is_not_the_mark_of_open_mpi(tmp_path):
    path = tmp_path / "MPI.so"
    path.write_bytes(b"\0ompi_mpi_comm_world_of_another\0")
    assert mpi_library.kind_of_extension(str(path)) == MPICH


def test_mpi4py_that_finds_no_mpi_library_is_a_startup_error(tmp_path):
    package = tmp_path / "mpi4py"
    package.mkdir()
    (package / "__init__.py").write_text("class rc: initialize = finalize = None\n")
    (package / "MPI.py").write_text("raise RuntimeError('cannot load MPI library')\n")
    assert "mpi4py cannot be loaded: cannot load MPI library; build it with the host's MPI" in said("", tmp_path)
