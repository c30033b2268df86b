"""Ends this program when a call of another library does not come back in time. Knows neither MPI nor any coupler.

A thread could not do it: such calls keep the interpreter's lock while they wait. Only for a program that lsbc owns, such as the
command line, never inside a host.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_WATCH = """
import os, select, sys
wait_s, sentence, watched = float(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def is_over(wait_s):
    return bool(select.select([0], [], [], wait_s)[0])
if not is_over(wait_s):
    os.write(2, (sentence + "\\n").encode())
    for signal in (15, 9):
        os.kill(watched, signal)
        if is_over(2.0):
            break
"""
"""The end of its input tells it that the block is over, or that the program is gone."""


@contextmanager
def patience(wait_s: float, sentence: str) -> Iterator[None]:
    """Print `sentence` to stderr and end this program by a signal when the block takes longer than `wait_s` seconds.

    Under mpirun the loss of one process ends the job.
    """
    watch = subprocess.Popen([sys.executable, "-I", "-S", "-c", _WATCH, str(wait_s), sentence, str(os.getpid())], stdin=subprocess.PIPE)
    try:
        yield
    finally:
        watch.stdin.close()
        watch.wait()
