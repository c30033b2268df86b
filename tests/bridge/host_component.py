"""The fake component, and what a test of the host's process needs from inside Python. Never learns land use.

Selected by LSBC_COMPONENT=host_component:HostComponent. The first word of the configuration's file name says what
`create` does besides. The output field `place` is 100 * rank + number of ranks.
"""

import atexit
import os
import signal
import sys
from pathlib import Path

import numpy as np

import lsbc.regrid
from lsbc.regrid.errors import InternalError

import fake_component


def look_at_the_place():
    """The interpreter is the one built in, and nothing was picked up in the working directory."""
    here = os.path.realpath(os.getcwd())
    for module in (np, lsbc.regrid):
        if os.path.realpath(module.__file__).startswith(here + os.sep):
            raise InternalError(f"{module.__name__} was found in the working directory.")
    if any(entry in ("", ".") for entry in sys.path):
        raise InternalError("The working directory is in sys.path.")
    if not isinstance(getattr(sys, "argv", None), list):
        raise InternalError("sys.argv does not exist.")
    wanted = os.environ.get("EXPECTED_PREFIX", sys.prefix)
    if sys.prefix != wanted:
        raise InternalError(f"The interpreter is at {sys.prefix}, not at {wanted}.")


def leave_something_for_the_exit():
    """What only the end of an interpreter would do: an exit function, and a line that is still in the buffer."""
    atexit.register(Path(os.environ["EXIT_FILE"]).write_text, "ran")
    sys.stdout.write("kept in the buffer")


def import_mpi4py():
    """As a library that somebody loads from his own component would, without a thought of the host."""
    from mpi4py import MPI

    assert MPI.COMM_NULL == MPI.COMM_NULL


def interrupt_the_run():
    """What a user does who does not want to wait for the start."""
    os.kill(os.getpid(), signal.SIGINT)


DEEDS = {"interrupt": interrupt_the_run, "place": look_at_the_place, "exit": leave_something_for_the_exit, "mpi4py": import_mpi4py}


class HostComponent(fake_component.FakeComponent):
    """See the module."""

    fields = (*fake_component.FIELDS, fake_component.FieldInfo("place", "", "1", 1, "out"))

    @classmethod
    def create(cls, config_path, comm):
        DEEDS.get(Path(config_path).name.split(".")[0], lambda: None)()
        return super().create(Path(config_path).with_name("ok.toml"), comm)

    def set_grid(self, global_id, lon_deg, lat_deg, vertex_lon_deg, vertex_lat_deg, owned):
        if len(global_id) < 1000:
            super().set_grid(global_id, lon_deg, lat_deg, vertex_lon_deg, vertex_lat_deg, owned)
        self._n_cell = len(global_id)

    def get_field(self, name, out, **layout):
        if name == "place":
            out[...] = 100 * self._comm.rank + self._comm.size
        else:
            super().get_field(name, out, **layout)
