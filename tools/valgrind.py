"""Run the bridge's test of all calls under valgrind's memcheck: valgrind.py BUILD. Fails on errors and leaks of lsbc's own C.

Python and its packages make memcheck speak all the time. An error is ours where the innermost frame outside the C library
and the loader lies in liblsbc or in the test program; the others are counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

OURS = ("liblsbc", "test_calls")
PASSED_OVER = ("vgpreload_", "ld-linux", "ld.so", "libc.so", "libc-", "libm.so", "libm-")
BRIDGE_TESTS = Path(__file__).resolve().parents[1] / "tests" / "bridge"


def frames(error: ElementTree.Element) -> list[tuple[str, str]]:
    """(file of the library or program, place in it) of the error, innermost first."""
    return [(Path(frame.findtext("obj", "?")).name, f"{frame.findtext('fn', '?')} ({frame.findtext('file', '?')}:{frame.findtext('line', '?')})")
            for frame in error.find("stack")]


def is_ours(error: ElementTree.Element) -> bool:
    """Whether the innermost frame that counts is one of lsbc."""
    return next((library.startswith(OURS) for library, _ in frames(error) if not library.startswith(PASSED_OVER)), False)


def run(build: Path, report: Path) -> int:
    """Exit status of the test; memcheck's errors are in `report`."""
    folder = build / "tests" / "bridge"
    environment = os.environ | {
        "PYTHONPATH": f"{folder / 'python'}:{BRIDGE_TESTS}", "PYTHONMALLOC": "malloc", "OMP_NUM_THREADS": "1",
        "LSBC_COMPONENT": "fake_component:FakeComponent", "LSBC_LOG_LEVEL": "CRITICAL",
    }
    command = ["valgrind", "--tool=memcheck", "--error-limit=no", "--num-callers=20", "--xml=yes", f"--xml-file={report}", folder / "test_calls"]
    return subprocess.run(command, env=environment, cwd=folder, check=False).returncode


def main(build: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "memcheck.xml"
        status = run(Path(build).resolve(), report)
        errors = list(ElementTree.parse(report).getroot().iter("error"))
    own = [error for error in errors if is_ours(error)]
    for error in own:
        print(error.findtext("kind"), *(place for _, place in frames(error)[:8]), sep="\n    ")
    print(f"valgrind: {len(own)} errors and leaks of lsbc, {len(errors) - len(own)} of Python and its packages; test_calls ended with {status}")
    return int(bool(own) or status != 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
