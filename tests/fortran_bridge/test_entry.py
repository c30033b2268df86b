"""The embedded side of the bridge without C: a plain cffi FFI stands for the host's memory, a fake for the component."""

import logging
import subprocess
import sys
from types import SimpleNamespace

import cffi
import numpy as np
import pytest

from lsbc.fortran_bridge import build_ffi, entry
from lsbc.regrid.errors import ConfigError, FieldError, StartupError, Status

FIELDS = (
    SimpleNamespace(name="urban", standard_name="area_fraction", units="1", n_level=1, direction="in"),
    SimpleNamespace(name="z0m", standard_name="", units="m", n_level=2, direction="out"),
)


class Component:
    """Keeps what it is given; `step_year` raises what the test put into `error`."""

    fields = FIELDS
    error = None

    def __init__(self, config_path, comm):
        self.config_path, self.comm, self.views, self.is_closed = config_path, comm, {}, False

    @classmethod
    def create(cls, config_path, comm):
        if config_path == "bad.toml":
            raise ConfigError("bad key")
        cls.last = cls(config_path, comm)
        return cls.last

    def set_grid(self, *grid):
        self.grid = grid

    def set_field(self, name, values, **layout):
        self.views[name], self.layout = values, layout

    def forget_field(self, name):
        self.views.pop(name, None)

    def step_year(self, year):
        self.year = year
        if self.error is not None:
            raise self.error

    def get_field(self, name, out, **layout):
        out[...] = np.arange(out.size).reshape(out.shape)

    def write_restart(self, path):
        self.path = path

    read_restart = write_restart

    def close(self):
        self.is_closed = True
        print("closed")


class Host:
    """Calls the bridge as the shim does and keeps the texts."""

    def __init__(self, find_class=lambda: Component):
        self.ffi = cffi.FFI()
        self.ffi.cdef(build_ffi._TYPES)
        self.text = {}
        lib = SimpleNamespace(lsbc_inner_text=lambda handle, text: self.text.__setitem__(handle, text.decode()))
        self.bridge = entry.Bridge(self.ffi, lib, find_class)

    def call(self, name, *arguments):
        try:
            return getattr(self.bridge, name)(*arguments)
        except BaseException as error:
            return self.bridge.failed(type(error), error, error.__traceback__.tb_next)

    def string(self, text):
        return self.ffi.new("char[]", text.encode())

    def array(self, array, address=None, **members):
        """`lsbc_array_t *` of a numpy array without gaps; members replace what is right."""
        right = {"address": self.ffi.cast("void *", array.ctypes.data) if address is None else address, "item_bytes": array.itemsize, "n_dim": array.ndim,
                 "extent": [*reversed(array.shape), *[0] * (3 - array.ndim)], "memory": 1}
        return self.ffi.new("lsbc_array_t *", right | members)

    def address(self, array):
        kind = {"f8": "double *", "f4": "float *", "i8": "int64_t *", "i4": "int32_t *"}[array.dtype.str[1:]]
        return self.ffi.cast(kind, array.ctypes.data)

    def create(self, handle=1, config="ok.toml"):
        return self.call("create", handle, self.string(config), entry.COMM_SERIAL)

    def set_grid(self, n_cell=2, n_vertex=4, **replaced):
        arrays = {
            "global_id": np.arange(2, dtype=np.int64), "lon": np.array([1.0, 2.0]), "lat": np.array([3.0, 4.0]),
            "vertex_lon": np.arange(8.0).reshape(2, 4), "vertex_lat": -np.arange(8.0).reshape(2, 4),
            "owned": np.array([1, 0], np.int32),
        }
        addresses = {name: self.address(array) for name, array in arrays.items()} | replaced
        a = SimpleNamespace(**addresses)
        status = self.call("set_grid", 1, n_cell, a.global_id, a.lon, a.lat, n_vertex, a.vertex_lon, a.vertex_lat, a.owned)
        for array in arrays.values():
            array[...] = 99
        return status


@pytest.fixture
def host():
    host = Host()
    assert host.create() == entry.DONE
    assert host.set_grid() == entry.DONE
    return host


def test_the_grid_outlives_the_arrays_of_the_host_and_keeps_its_shape(host):
    global_id, lon, lat, vertex_lon, vertex_lat, owned = Component.last.grid
    assert global_id.tolist() == [0, 1] and lon.tolist() == [1.0, 2.0] and lat.tolist() == [3.0, 4.0]
    assert vertex_lon.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]] and vertex_lat[1, 3] == -7
    assert owned.tolist() == [1, 0] and owned.dtype == np.int32 and global_id.dtype == np.int64


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_field_is_the_memory_of_the_host_and_cannot_be_written(host, dtype):
    values = np.array([0.25, 0.5], dtype)
    assert host.call("set_array", 1, host.string("urban"), host.array(values)) == entry.DONE
    view = Component.last.views["urban"]
    values[0] = 0.75
    assert view.tolist() == [0.75, 0.5] and view.dtype == dtype and view.ctypes.data == values.ctypes.data
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1.0


def test_an_output_is_filled_in_place_with_levels_first(host):
    out = np.full((2, 2), -1.0)
    assert host.call("get_array", 1, host.string("z0m"), host.array(out)) == entry.DONE
    assert out.tolist() == [[0, 1], [2, 3]]


def test_an_output_may_be_lent_and_is_the_memory_of_the_host(host):
    out = np.full((2, 2), -1.0)
    assert host.call("set_array", 1, host.string("z0m"), host.array(out)) == entry.DONE
    Component.last.views["z0m"][1, 0] = 5.0
    assert out.tolist() == [[-1.0, -1.0], [5.0, -1.0]]


def test_a_rank_without_cells_may_pass_null(host):
    null = host.ffi.NULL
    empty = dict.fromkeys(("global_id", "lon", "lat", "vertex_lon", "vertex_lat", "owned"), null)
    assert host.set_grid(n_cell=0, **empty) == entry.DONE
    assert Component.last.grid[3].shape == (0, 4)
    assert host.call("set_array", 1, host.string("urban"), host.array(np.empty(0), null)) == entry.DONE
    assert host.call("get_array", 1, host.string("z0m"), host.array(np.empty((2, 0)), null)) == entry.DONE


@pytest.mark.parametrize(("replaced", "text"), [
    ({"n_cell": -1}, "n_cell must be 0 or more, got -1 on rank 0"),
    ({"n_vertex": 2}, "n_vertex must be 3 or more, got 2 on rank 0"),
    ({"n_vertex": -4}, "n_vertex must be 3 or more, got -4 on rank 0"),
    ({"vertex_lat": "NULL"}, "vertex_lat_deg is NULL on rank 0"),
])
def test_an_impossible_grid_is_an_error_that_names_the_argument(host, replaced, text):
    replaced = {name: host.ffi.NULL if value == "NULL" else value for name, value in replaced.items()}
    assert host.set_grid(**replaced) == -Status.GRID
    assert text in host.text[1]


@pytest.mark.parametrize(("name", "array", "text"), [
    (None, {}, "name of a field is NULL on rank 0"),
    ("urban", None, "'urban': the description of its array is NULL on rank 0"),
    ("urban", {"extent": [-1, 0, 0]}, "'urban' has -1 values on rank 0; an extent must be 0 or more"),
])
@pytest.mark.parametrize("call", ["set_array", "get_array"])
def test_an_impossible_field_is_an_error_that_names_it(host, call, name, array, text):
    pointer = host.ffi.NULL if name is None else host.string(name)
    values = np.zeros(2)
    described = host.ffi.NULL if array is None else host.array(values, **array)
    assert host.call(call, 1, pointer, described) == -Status.FIELD
    assert text in host.text[1]


@pytest.mark.parametrize("impossible", [{"item_bytes": 2}, {"extent": [2**62, 0, 0]}])
def test_an_impossible_array_takes_back_the_one_lent_before(host, impossible):
    values = np.zeros(2)
    assert host.call("set_array", 1, host.string("urban"), host.array(values)) == entry.DONE
    assert host.call("set_array", 1, host.string("urban"), host.array(values, **impossible)) == -Status.FIELD
    assert "urban" not in Component.last.views


def test_a_field_before_the_grid_is_an_error_of_state():
    host = Host()
    host.create()
    assert host.call("set_array", 1, host.string("urban"), host.array(np.zeros(2))) == -Status.STATE
    assert "call lsbc_set_grid first" in host.text[1]


def test_the_fields_can_be_listed(host):
    count, info = host.ffi.new("int32_t *"), host.ffi.new("lsbc_field_info_t *")
    assert host.call("field_count", 1, count) == entry.DONE and count[0] == 2
    assert host.call("field_info", 1, 1, info) == entry.DONE
    assert (host.ffi.string(info.name), host.ffi.string(info.units)) == (b"z0m", b"m")
    assert (host.ffi.string(info.standard_name), info.n_level, info.direction) == (b"", 2, 2)
    assert host.call("field_info", 1, 2, info) == -Status.FIELD
    assert "index must be 0..1" in host.text[1]


def test_a_name_that_does_not_fit_is_an_error_and_not_cut(host):
    info = host.ffi.new("lsbc_field_info_t *")
    Component.last.fields = (SimpleNamespace(name="x" * 64, standard_name="", units="1", n_level=1, direction="in"),)
    assert host.call("field_info", 1, 0, info) == -Status.INTERNAL
    assert "longer than 63 bytes" in host.text[1]


def test_an_error_of_ours_gives_its_own_code_and_text(host):
    Component.last.error = FieldError("Field 'urban' was never set on rank 0.")
    assert host.call("step_year", 1, 2019) == -Status.FIELD
    assert host.text[1] == "Field 'urban' was never set on rank 0."


@pytest.mark.parametrize("error", [ZeroDivisionError("why"), SystemExit(3), KeyboardInterrupt(), MemoryError()])
def test_any_other_exception_is_internal_and_names_its_type_and_place(host, error, capfd):
    Component.last.error = error
    assert host.call("step_year", 1, 2019) == -Status.INTERNAL
    assert host.text[1].startswith(f"{type(error).__name__}: {error}")
    assert "test_entry.py:" in host.text[1] and "in step_year" in host.text[1]


def test_the_traceback_of_a_defect_goes_to_the_log(host, caplog):
    logging.getLogger("lsbc").propagate = True
    Component.last.error = ZeroDivisionError("why")
    host.call("step_year", 1, 2019)
    assert "Traceback" in caplog.text and "ZeroDivisionError: why" in caplog.text


def test_a_failed_create_leaves_a_text_and_can_be_dropped():
    host = Host()
    assert host.create(handle=5, config="bad.toml") == -Status.CONFIG
    assert host.text[5] == "bad key"
    assert host.call("step_year", 5, 2019) == -Status.STATE
    assert host.call("drop", 5) == entry.DONE and host.call("drop", 5) == entry.DONE


@pytest.mark.parametrize(("is_last_user", "ran"), [(0, []), (1, ["exit"])])
def test_what_was_registered_for_the_end_runs_with_the_last_user_alone(host, monkeypatch, is_last_user, ran):
    calls = []
    monkeypatch.setattr(entry.atexit, "_run_exitfuncs", lambda: calls.append("exit"))
    assert host.call("destroy", 1, is_last_user) == entry.DONE
    assert calls == ran


def after_exit_functions(program):
    """What a program prints that runs the exit functions as `destroy` does and lives on; its own exit runs nothing."""
    words = f"import os, sys\nfrom lsbc.fortran_bridge.entry import _run_exit_functions\n{program}\nsys.stdout.flush()\nos._exit(0)"
    return subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout.split()


def test_exit_functions_leave_what_another_instance_may_need():
    assert after_exit_functions("""
import atexit, weakref
class Thing: pass
kept, gone = Thing(), Thing()
weakref.finalize(kept, print, "kept")
weakref.finalize(gone, print, "gone")
atexit.register(print, "registered")
_run_exit_functions()
del gone
_run_exit_functions()
""") == ["registered", "gone"]


def test_torch_has_its_operators_after_the_exit_functions():
    pytest.importorskip("torch", reason="torch is not installed")
    assert after_exit_functions("import torch\n_run_exit_functions()\nprint(torch.ops.prims.device_put.default)") == ["prims.device_put.default"]


def test_destroy_closes_flushes_and_forgets(host, capsys):
    component = Component.last
    assert host.call("destroy", 1, 0) == entry.DONE
    assert component.is_closed and "closed" in capsys.readouterr().out
    assert host.call("destroy", 1, 0) == -Status.STATE
    assert host.call("step_year", 1, 2019) == -Status.STATE


def test_restart_paths_reach_the_component(host):
    assert host.call("write_restart", 1, host.string("a/ü.nc")) == entry.DONE
    assert Component.last.path == "a/ü.nc"
    assert host.call("read_restart", 1, host.ffi.NULL) == -Status.STATE
    assert "path of a restart file is NULL on rank 0" in host.text[1]


def test_instances_share_nothing(host):
    first = Component.last
    assert host.create(handle=2) == entry.DONE
    host.call("step_year", 2, 2031)
    assert Component.last.year == 2031 and not hasattr(first, "year")


def test_prepare_finds_what_is_missing_before_any_collective_call(monkeypatch):
    def missing():
        raise StartupError("nothing here")

    host = Host(missing)
    assert host.call("prepare", 0, entry.COMM_SERIAL) == -Status.STARTUP
    assert host.text[0] == "nothing here"
    monkeypatch.setenv("LSBC_LOG_LEVEL", "LOUD")
    assert Host().call("prepare", 0, entry.COMM_SERIAL) == -Status.CONFIG
