import signal
import subprocess
import sys
import time

import pytest

from lsbc.emulator.adapters.patience import patience


def test_a_block_in_time_goes_on_without_a_word(capfd):
    with patience(30.0, "too long"):
        pass
    with pytest.raises(KeyError), patience(30.0, "too long"):
        raise KeyError
    assert capfd.readouterr().err == ""


def test_a_call_that_keeps_the_interpreter_busy_is_ended_with_the_sentence():
    code = ("import ctypes; from lsbc.emulator.adapters.patience import patience\n"
            "with patience(0.3, 'component A waited for component B'):\n    ctypes.PyDLL(None).sleep(60)")  # PyDLL keeps the interpreter's lock
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, "component A waited for component B\n")
    assert time.monotonic() - began < 20.0
