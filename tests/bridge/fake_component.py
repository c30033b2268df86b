"""A component with the calls of lsbc.emulator.component.Component and none of its work. Never learns land use.

Selected by LSBC_COMPONENT=fake_component:FakeComponent. The first word of the configuration's file name says how
`create` ends; the environment variable FAKE_STEP = "<what>" or "<what>@<rank>" makes `step_year` misbehave.
"""

import ctypes
import os
import signal
import threading
from collections import namedtuple
from pathlib import Path

import numpy as np

from lsbc.emulator.lent import lend
from lsbc.regrid.comm import agree
from lsbc.regrid.errors import ConfigError, FieldError, InternalError, StateError, YearError

FieldInfo = namedtuple("FieldInfo", "name standard_name units n_level direction")
FIELDS = (
    FieldInfo("urban", "area_fraction", "1", 1, "in"),
    FieldInfo("urban_frac", "area_fraction", "1", 1, "out"),
    FieldInfo("lu_frac", "area_fraction", "1", 3, "out"),
    FieldInfo("input_address", "", "1", 1, "out"),
)


def disturb_the_host():
    """Everything that a numerical library may do to its host in a step."""
    values = np.array([0.0, 1e300, -1.0])
    with np.errstate(all="ignore"):
        np.divide(values, 0.0), np.multiply(values, values), np.sqrt(values), np.exp(np.array([1e4]))
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: None)
    process = ctypes.CDLL(None)
    if hasattr(process, "omp_set_num_threads"):
        process.omp_set_num_threads(1)


def write_and_read_a_file():
    from netCDF4 import Dataset

    with Dataset("bridge_test.nc", "w") as file:
        file.createDimension("cell", 3)
        file.createVariable("urban", "f8", ("cell",), zlib=True)[:] = [0.25, 0.5, 0.75]
    with Dataset("bridge_test.nc") as file:
        assert file["urban"][:].tolist() == [0.25, 0.5, 0.75]


class FakeComponent:
    """`urban_frac` is urban + year; level k of `lu_frac` is urban * (k + 1)."""

    fields = FIELDS

    def __init__(self, comm):
        self._comm, self._urban, self._year, self._n_cell, self._closed = comm, None, None, None, False
        self._outputs = {}

    @classmethod
    def create(cls, config_path, comm):
        def load():
            word = Path(config_path).name.split(".")[0]
            if word == "badkey":
                raise ConfigError("model.colour is not a key.")
            if word == "defect":
                raise ValueError("no such luck")
            if word == "exit":
                raise SystemExit(3)
            if word == "long":
                raise ConfigError("x" * 10000)
            if word == "netcdf":
                write_and_read_a_file()
            if word == "rank1" and comm.rank == 1:
                raise ConfigError("only here")

        agree(comm, load)
        if Path(config_path).name == "unagreed.toml" and comm.rank == 1:
            raise ConfigError("nobody else knows")
        return cls(comm)

    def set_grid(self, global_id, lon_deg, lat_deg, vertex_lon_deg, vertex_lat_deg, owned):
        def check():
            assert vertex_lon_deg.shape == vertex_lat_deg.shape == (len(global_id), vertex_lon_deg.shape[1])
            assert all(len(array) == len(global_id) for array in (lon_deg, lat_deg, owned))
            # Corners are around their own cell: the axes were not swapped on the way.
            assert np.allclose(vertex_lon_deg.mean(axis=1), lon_deg) and np.allclose(vertex_lat_deg.mean(axis=1), lat_deg)

        agree(self._comm, check)
        self._n_cell = len(global_id)

    def forget_field(self, name):
        if name == "urban":
            self._urban = None
        self._outputs.pop(name, None)

    def _lend(self, name, values, direction, layout):
        info = next((field for field in FIELDS if field.name == name), None)
        if info is None or direction not in ("", info.direction):
            raise FieldError(f"Field '{name}' is not an {'output' if direction else 'input or output'}.")
        return lend(name, values, info.n_level, self._n_cell, self._comm.rank, **layout)

    def set_field(self, name, values, **layout):
        self.forget_field(name)
        lent = self._lend(name, values, "", layout)
        if name == "urban":
            self._urban = lent
        else:
            self._outputs[name] = lent

    def step_year(self, year):
        if year == self._year:
            return
        agree(self._comm, self._step, year)
        self._year = year
        for name, lent in self._outputs.items():
            lent.fill(self._values(name))

    def _step(self, year):
        if self._urban is None:
            raise FieldError("Field 'urban' was never set.")
        if self._year is not None and year != self._year + 1:
            raise YearError(f"Year {self._year} was the last, got {year}.")
        if np.add(np.float64(1.0), np.float64(2.0**-60)) != 1.0:
            raise InternalError("The rounding mode of the host reached the component.")
        disturb_the_host()
        what, _, rank = os.environ.get("FAKE_STEP", "").partition("@")
        if what == "raise" and (not rank or int(rank) == self._comm.rank):
            raise ZeroDivisionError("a defect")
        print(f"step {year}", flush=False)
        self._current = self._urban.read().astype(np.float64)

    def get_field(self, name, out, **layout):
        lent = self._lend(name, out, "out", layout)
        if self._year is None:
            raise StateError(f"Field '{name}' is not there before the first step_year.")
        lent.fill(self._values(name))

    def _values(self, name):
        if name == "lu_frac":
            return self._current * np.arange(1, 4)[:, None]
        return self._current + self._year if name == "urban_frac" else np.full(self._n_cell, self._urban.memory.ctypes.data, np.float64)

    def write_restart(self, path):
        agree(self._comm, lambda: Path(path).write_text(str(self._year)) if self._comm.rank == 0 else None)

    def read_restart(self, path):
        self._year = agree(self._comm, lambda: int(Path(path).read_text()))

    def close(self):
        if not self._closed:
            self._closed = True
            self._comm.free()
