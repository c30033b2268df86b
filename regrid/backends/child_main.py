"""The child's side of a hand-over: read the request, load the library, leave the answer. Scripts beside it import it by this name.

Must never import lsbc: it runs in whatever interpreter has the library.
"""

import ctypes
import json
import os
import signal
import sys

import numpy as np

PR_SET_PDEATHSIG = 1


def serve(load, make) -> None:
    """Answer the request in the folder named on the command line, then exit.

    load() gives the library; make(library, folder, request) gives the answer's entries, arrays among them.
    """
    forget_own_folder()
    die_with_parent()
    sys.exit(answer_request(sys.argv[1], load, make))


def forget_own_folder() -> None:
    """Modules beside this one have the names of libraries; they must not be found in their stead."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [place for place in sys.path if os.path.abspath(place or ".") != here]


def die_with_parent() -> None:
    """Where Linux offers it: a parent that is killed leaves no child behind."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (AttributeError, OSError, TypeError):
        pass


def answer_request(folder: str, load, make) -> int:
    with open(os.path.join(folder, "request.json"), encoding="utf-8") as file:
        request = json.load(file)
    try:
        library = load()
    except Exception as error:
        reply(folder, outcome="missing", python=sys.executable, reason=f"{type(error).__name__}: {error}")
        return 1
    reply(folder, outcome="loaded")
    try:
        made = make(library, folder, request)
    except Exception as error:
        reply(folder, outcome="refused", reason=f"{type(error).__name__}: {error}")
        return 1
    arrays = {name: array for name, array in made.items() if isinstance(array, np.ndarray)}
    for name, array in arrays.items():
        np.save(os.path.join(folder, f"{name}.npy"), array, allow_pickle=False)
    words = {name: word for name, word in made.items() if name not in arrays}
    reply(folder, outcome="done", arrays=list(arrays), **words)
    return 0


def reply(folder: str, **answer) -> None:
    """Leave the answer under its final name only when it is whole."""
    path = os.path.join(folder, "answer.json")
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(answer, file)
    os.replace(path + ".part", path)
