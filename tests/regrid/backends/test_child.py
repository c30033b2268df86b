"""A regridder's process: what it answers, how it fails, and that nothing of it stays."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from lsbc.regrid.backends import child
from lsbc.regrid.errors import GridError, StartupError

HEAD = "import os, signal, subprocess, sys, time\nimport numpy as np\nfrom child_main import serve\n"
SUM = HEAD + """
def make(library, folder, request):
    return {"sum": np.load(os.path.join(folder, "numbers.npy")) + request["more"], "version": library}
serve(lambda: "adder 1", make)
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Call with a script's text: the job that runs it; all hand-over folders are made in tmp_path / "tmp"."""
    shutil.copy(Path(child.__file__).with_name("child_main.py"), tmp_path)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))

    def make(text, **options):
        (tmp_path / "script.py").write_text(text, encoding="utf-8")
        return child.Job("Adder", tmp_path / "script.py", "install it.", "LSBC_TEST_PYTHON", **options)
    return make


def is_gone(pid: int, within_s: float = 5.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_the_childs_arrays_come_back_and_its_folder_goes(job, tmp_path):
    answer, made = child.run(job(SUM), {"more": 2}, {"numbers": np.arange(3)})
    assert answer["version"] == "adder 1"
    assert made["sum"].tolist() == [2, 3, 4]
    assert not list((tmp_path / "tmp").iterdir())


def test_a_file_the_child_names_is_read_before_the_folder_goes(job):
    text = HEAD + 'serve(lambda: 0, lambda *a: open("more.txt", "w").write("7") and {"file": "more.txt"})'
    _, made = child.run(job(text), {}, {}, lambda path: {"more": path.read_text()})
    assert made == {"more": "7"}


def test_an_absent_library_is_named_with_the_remedy(job):
    with pytest.raises(StartupError, match=r"Adder is not available to .*python.*ModuleNotFoundError.*no_such_module.*install it\."):
        child.run(job(HEAD + "def load():\n    import no_such_module\nserve(load, None)"), {}, {})


def test_modules_beside_the_script_are_not_taken_for_libraries(job, tmp_path):
    (tmp_path / "esmf_like.py").write_text("", encoding="utf-8")
    with pytest.raises(StartupError, match="No module named 'esmf_like'"):
        child.run(job(HEAD + "def load():\n    import esmf_like\nserve(load, None)"), {}, {})


def test_an_exception_of_the_library_is_a_refusal_of_the_grids(job):
    with pytest.raises(GridError, match="Adder refused the grids: ValueError: cell 7 is odd"):
        child.run(job(HEAD + 'def make(*a):\n    raise ValueError("cell 7 is odd")\nserve(int, make)'), {}, {})


def test_esmfs_log_explains_a_refusal_without_dates_and_repeats(job):
    log = "20300101 000000.000 INFO PET0 a.F90:1 hello\\n" + 2 * "20300101 000000.000 ERROR            PET0 b.F90:12 check() Bad   cell\\n"
    text = HEAD + f'def make(*a):\n    open("PET0.ESMF_LogFile", "w").write("{log}")\n    raise ValueError("rc = 5")\nserve(int, make)'
    with pytest.raises(GridError, match=r"refused the grids: check\(\) Bad cell$"):
        child.run(job(text), {}, {})


def test_an_abort_of_the_library_is_a_refusal_in_its_own_words(job):
    words = "1 Fatal error in /a/b.c, line 9: ERROR(edges): cells overlap\\n---\\nMPI_ABORT was invoked on rank 0"
    text = HEAD + f'def make(*a):\n    print("{words}", flush=True)\n    os._exit(1)\nserve(int, make)'
    with pytest.raises(GridError, match=r"refused the grids: ERROR\(edges\): cells overlap$"):
        child.run(job(text), {}, {})


def test_an_end_before_the_library_was_loaded_is_an_error_of_the_installation(job):
    with pytest.raises(StartupError, match="ended with code 3 before its weights were ready; its last words: oh dear"):
        child.run(job('import os\nprint("oh dear", flush=True)\nos._exit(3)'), {}, {})


def test_a_child_the_system_killed_may_have_lacked_memory(job):
    with pytest.raises(StartupError, match="SIGKILL, short of memory"):
        child.run(job(HEAD + "def make(*a):\n    os.kill(os.getpid(), signal.SIGKILL)\nserve(int, make)"), {}, {})


def test_a_crash_names_the_signal(job):
    with pytest.raises(StartupError, match=r"killed by signal 11 \(SIGSEGV\)"):
        child.run(job(HEAD + "def make(*a):\n    os.kill(os.getpid(), signal.SIGSEGV)\nserve(int, make)"), {}, {})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_child_that_takes_too_long_is_stopped_with_all_it_started(job, tmp_path):
    text = HEAD + f"""
def make(*a):
    other = subprocess.Popen(["sleep", "60"])
    open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{other.pid}}")
    time.sleep(60)
serve(int, make)"""
    with pytest.raises(StartupError, match=r"did not finish within 2 s"):
        child.run(job(text, timeout_s=2.0), {}, {})
    assert all(is_gone(int(pid)) for pid in (tmp_path / "pids").read_text().split())
    assert not list((tmp_path / "tmp").iterdir())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux ends a child with its parent")
def test_a_killed_parent_leaves_no_child(job, tmp_path):
    made = job(HEAD + f'def make(*a):\n    open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))\n    time.sleep(60)\nserve(int, make)')
    code = f"from pathlib import Path; from lsbc.regrid.backends import child; child.run(child.Job('x', Path({str(made.script)!r}), '', 'X'), {{}}, {{}})"
    parent = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"TMPDIR": str(tmp_path / "tmp")})
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert parent.poll() is None
        time.sleep(0.02)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_the_environment_may_name_the_interpreter(job, monkeypatch):
    monkeypatch.setenv("LSBC_TEST_PYTHON", "/no/python")
    with pytest.raises(StartupError, match="'/no/python' .* does not exist"):
        child.run(job(SUM), {}, {})
    assert child.run(job(SUM, python=sys.executable), {"more": 0}, {"numbers": np.arange(2)})[1]["sum"].tolist() == [0, 1]


def test_an_interpreter_that_does_not_exist_is_refused():
    with pytest.raises(StartupError, match="'/no/python' .* does not exist"):
        child.interpreter("/no/python")


def test_a_host_program_that_embeds_python_is_not_taken_for_the_interpreter(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/usr/bin/true")
    assert Path(child.interpreter()).name.startswith("python")


def test_no_interpreter_at_all_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(StartupError, match="name one with python="):
        child.interpreter()


def test_the_child_sees_nothing_of_a_job_launcher():
    launcher = ("OMPI_COMM_WORLD_RANK", "OMPI_MCA_ess", "PMIX_RANK", "PMI_FD", "PMI_RANK", "SLURM_PROCID", "HYDI_CONTROL_FD", "PALS_RANKID", "FLUX_URI")
    clean = child.environment(sys.executable, dict.fromkeys(launcher, "1") | {"HOME": "/home/me", "ESMFMKFILE": "/lib/esmf.mk", "PYTHONHOME": "/x"})
    assert not set(launcher) & set(clean)
    assert "PYTHONHOME" not in clean
    assert (clean["HOME"], clean["ESMFMKFILE"]) == ("/home/me", "/lib/esmf.mk")


def test_another_interpreter_does_not_inherit_this_ones_search_path():
    assert child.environment(sys.executable, {"PYTHONPATH": "/mine"})["PYTHONPATH"] == "/mine"
    assert "PYTHONPATH" not in child.environment("/other/python", {"PYTHONPATH": "/mine"})


def test_a_temporary_folder_without_room_is_said(job, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(np, "save", full)
    with pytest.raises(StartupError, match="No space left on device; set TMPDIR"):
        child.run(job(SUM), {}, {"numbers": np.arange(3)})
