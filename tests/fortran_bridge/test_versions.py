"""Everything that names a version of lsbc names that of pyproject.toml, and fpm's manifest covers the Fortran module.

What CMake makes is looked for in the build folder, named by LSBC_BUILD (make test does so).
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from lsbc.fortran_bridge import startup
from lsbc.regrid.errors import StartupError

ROOT = Path(__file__).resolve().parents[2]
BRIDGE = ROOT / "fortran_bridge"
BUILD = Path(os.environ.get("LSBC_BUILD", ROOT / "build")).resolve()
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
MAJOR, MINOR, PATCH = VERSION.split(".")


def built(pattern):
    """Files in the build folder."""
    found = sorted(BUILD.glob(pattern))
    if not found:
        pytest.skip(f"{BUILD} has no {pattern} (make build; LSBC_BUILD names another folder)")
    return found


def test_the_version_is_three_numbers_as_cmake_and_the_header_need_it():
    assert MAJOR.isdecimal() and MINOR.isdecimal() and PATCH.isdecimal()


def test_the_header_has_the_version_of_the_project():
    macros = dict(re.findall(r"#define LSBC_VERSION_(\w+) (\d+)\n", (BRIDGE / "lsbc.h").read_text()))
    assert macros == {"MAJOR": MAJOR, "MINOR": MINOR, "PATCH": PATCH}


def test_fpm_has_the_version_of_the_project():
    assert tomllib.loads((ROOT / "fpm.toml").read_text())["version"] == VERSION


def test_the_installed_package_has_the_version_of_the_project():
    assert importlib.metadata.version("lsbc") == VERSION


def test_pkg_config_has_the_version_of_the_project():
    assert re.findall(r"^Version: (.*)$", built("lsbc.pc")[0].read_text(), re.M) == [VERSION]


def test_the_cmake_package_has_the_version_of_the_project():
    assert re.findall(r'^set\(PACKAGE_VERSION "(.*)"\)$', built("lsbcConfigVersion.cmake")[0].read_text(), re.M) == [VERSION]


@pytest.mark.parametrize("pattern", ["liblsbc.so", "liblsbc_fortran-*-*.so"])
def test_the_name_that_hosts_record_changes_with_every_version_that_may_break_them(pattern):
    # Before 1.0 a minor version may break a host, from then on only a major one.
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not here")
    for library in built(f"fortran_bridge/{pattern}"):
        said = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
        so_version = f"{MAJOR}.{MINOR}" if MAJOR == "0" else MAJOR
        assert re.findall(r"\(SONAME\).*\[(.*)\]", said) == [f"{library.name}.{so_version}"]


def test_a_library_of_the_version_of_the_package_may_start():
    startup.check_library_version(importlib.metadata.version("lsbc"))


def test_a_library_of_another_version_than_the_package_is_refused_with_both_named(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", {"lsbc": "0.2.0"}.get)
    with pytest.raises(StartupError, match=r"liblsbc is version 0\.1\.9, the Python package lsbc in .* is version 0\.2\.0"):
        startup.check_library_version("0.1.9")


def test_a_package_that_is_not_installed_is_refused(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(StartupError, match=r"liblsbc is version 0\.1\.9, but no Python package lsbc is installed in "):
        startup.check_library_version("0.1.9")


def test_fpm_builds_every_module_that_module_lsbc_is_made_of():
    needed, found = {"lsbc"}, set()
    while needed - found:
        name = min(needed - found)
        found.add(name)
        needed |= set(re.findall(r"^ *use (lsbc\w*)", (BRIDGE / f"{name}.f90").read_text(), re.M))
    links = {path.stem: path.resolve() for path in (BRIDGE / "fpm").iterdir()}
    assert links == {name: BRIDGE / f"{name}.f90" for name in needed}
