"""Runs a regridder in a child process and brings its arrays back. Knows no grid and none of the regridders.

The child gets one folder: `request.json` and arrays as .npy; it leaves `answer.json` and its own .npy there. Whatever goes
wrong, the folder and the child are gone afterwards and the caller gets one sentence.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.regrid.errors import GridError, LsbcError, StartupError

LAUNCHERS = re.compile(r"OMPI_|PMIX|PMI_|PMI2_|PRTE_|ORTE_|SLURM|SRUN_|HYDRA_|HYDI_|MPIEXEC_|MPI_LOCAL|MPIR_|MV2_COMM|MV2_NODE"
                       r"|PALS_|ALPS_|PBS_|LSB_|LSF_|JSM_|FLUX_|COBALT_|I_MPI_HYDRA|I_MPI_PMI")
"""Variables of job launchers: a program started from inside a rank takes them for its own and dies in MPI_Init."""
ALONE = {"OMPI_MCA_ess_singleton_isolated": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
"""A single process needs no daemon of Open MPI beside it, which might outlive it."""
EXCERPT_LINES = 3
EXCERPT_LETTERS = 600
TERMINATE_SECONDS = 5.0


@dataclass(frozen=True)
class Job:
    """What to run: `script` by the interpreter `python`, else the one that the environment's `variable` names, else this one.

    `name` and `remedy` are for messages.
    """

    name: str
    script: Path
    remedy: str
    variable: str
    python: str | None = None
    timeout_s: float = 3600.0


def run(job: Job, request: dict, arrays: dict[str, np.ndarray],
        read_file: Callable[[Path], dict[str, np.ndarray]] | None = None) -> tuple[dict, dict[str, np.ndarray]]:
    """The child's answer and its arrays by name; `read_file` reads further ones from the file the answer names.

    Raises StartupError where the child cannot start, lacks its library, dies or takes too long; GridError where the
    regridder refuses the grids, with its own words.
    """
    python = interpreter(job.python or os.environ.get(job.variable) or None)
    with tempfile.TemporaryDirectory(prefix="lsbc-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _write_request(folder, request, arrays)
        code = _execute(job, python, folder)
        answer = _read_answer(job, folder, code)
        made = {key: np.load(folder / f"{key}.npy") for key in answer["arrays"]}
        return answer, made if read_file is None else made | read_file(folder / answer["file"])


def interpreter(python: str | None = None) -> str:
    """The Python that runs children: the one named, else this process's own, also where a host program embeds it."""
    if python is not None:
        if not os.access(python, os.X_OK):
            raise StartupError(f"The interpreter '{python}' for the regridder's process does not exist or cannot be run.")
        return str(python)
    beside = [Path(sys.prefix) / "bin" / name for name in ("python3", "python")]
    own = [Path(sys.executable)] if sys.executable and Path(sys.executable).name.startswith("python") else []
    for path in own + beside:
        if os.access(path, os.X_OK):
            return str(path)
    raise StartupError(f"No Python interpreter was found under {sys.prefix} to run the regridder with; name one with python=.")


def environment(python: str, parent: dict[str, str] | None = None) -> dict[str, str]:
    """The parent's environment without what a job launcher put there, and without another interpreter's search path."""
    parent = dict(os.environ) if parent is None else parent
    clean = {key: value for key, value in parent.items() if not LAUNCHERS.match(key)}
    for own in ("PYTHONHOME", "PYTHONSAFEPATH"):
        clean.pop(own, None)
    if Path(python).absolute() != Path(sys.executable or "/").absolute():
        clean.pop("PYTHONPATH", None)
    return clean | ALONE


def _write_request(folder: Path, request: dict, arrays: dict[str, np.ndarray]) -> None:
    try:
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        for key, array in arrays.items():
            np.save(folder / f"{key}.npy", array, allow_pickle=False)
    except OSError as error:
        raise StartupError(f"The grids could not be handed over in {folder}: {error.strerror}; set TMPDIR to a folder with room.")


def _execute(job: Job, python: str, folder: Path) -> int:
    with open(folder / "output.txt", "wb") as output:
        try:
            process = subprocess.Popen([python, str(job.script), str(folder)], cwd=folder, env=environment(python) | {"TMPDIR": str(folder)},
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        except OSError as error:
            raise StartupError(f"{job.name} could not be started with {python}: {error.strerror}.")
        try:
            return process.wait(job.timeout_s)
        except subprocess.TimeoutExpired:
            raise StartupError(f"{job.name} did not finish within {job.timeout_s:g} s and was stopped; cut the grids to the part "
                               "that overlaps, or allow it more with timeout_s=.")
        finally:
            if process.poll() is None:
                _end(process)


def _end(process: subprocess.Popen) -> None:
    """Stop the child and whatever it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(TERMINATE_SECONDS)
        except (ProcessLookupError, PermissionError):
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _read_answer(job: Job, folder: Path, code: int) -> dict:
    path = folder / "answer.json"
    answer = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if code == 0 and answer.get("outcome") == "done":
        return answer
    if answer.get("outcome") == "missing":
        raise StartupError(f"{job.name} is not available to {answer['python']} ({_short(answer['reason'])}); {job.remedy}")
    words = _log_excerpt(folder) or answer.get("reason") or _last_words(folder / "output.txt")
    raise _refusal(job, answer, code, words)


def _refusal(job: Job, answer: dict, code: int, words: str) -> LsbcError:
    if answer.get("outcome") == "refused" or (answer.get("outcome") == "loaded" and code > 0):
        return GridError(f"{job.name} refused the grids: {_short(words)}")
    hint = ", short of memory?" if code == -signal.SIGKILL else ""
    how = f"was killed by signal {-code} ({signal.Signals(-code).name}{hint})" if code < 0 else f"ended with code {code}"
    return StartupError(f"{job.name} {how} before its weights were ready; its last words: {_short(words) or 'none'}")


def _log_excerpt(folder: Path) -> str:
    """The reasons in ESMF's own logs, without dates, places and repeats."""
    reasons: list[str] = []
    for path in sorted(folder.glob("PET*ESMF_LogFile")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            found = re.match(r"\d+ [\d.]+ +ERROR +PET\d+ +\S+ +(.*)", line)
            text = re.sub(r"\s+", " ", found[1]).strip() if found else ""
            if text and text not in reasons:
                reasons.append(text)
    return "; ".join(reasons[:EXCERPT_LINES])


def _last_words(path: Path) -> str:
    """What the child printed last, without the banner of an MPI_Abort and the place in the library's source."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    lines = [line.strip() for line in text.split("MPI_ABORT was invoked")[0].splitlines() if re.search(r"\w", line)]
    return re.sub(r"^.*?Fatal error in \S+ line \d+: *", "", " | ".join(lines[-EXCERPT_LINES:]))


def _short(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= EXCERPT_LETTERS else text[: EXCERPT_LETTERS - 3] + "..."
