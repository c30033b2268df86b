"""A stand-in for ICON with ComIn: the module `comin` that ICON's Python adapter gives to a plugin, and the order of its calls.

Written from the interface's documented behaviour, for one rank at a time; a job of several ranks makes one on each. Stricter than ComIn
where it leaves a fault unseen: a variable is refused outside the entry points that it was asked for, and padding and unset values are NaN.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace

import numpy as np

ENTRY_POINTS = ("EP_SECONDARY_CONSTRUCTOR", "EP_ATM_INIT_FINALIZE", "EP_ATM_TIMELOOP_BEFORE", "EP_ATM_TIMELOOP_START", "EP_ATM_TIMELOOP_END",
                "EP_ATM_ADVECTION_AFTER", "EP_ATM_SURFACE_BEFORE", "EP_ATM_SURFACE_AFTER", "EP_ATM_WRITE_OUTPUT_BEFORE", "EP_ATM_CHECKPOINT_BEFORE",
                "EP_ATM_CHECKPOINT_AFTER", "EP_ATM_TIMELOOP_AFTER", "EP_DESTRUCTOR")
READ, WRITE = 2, 4


class HostStopped(BaseException):
    """ICON's `finish` was called: the process would be gone."""


class ComInError(RuntimeError):
    """The interface was used against its rules."""


class EntryPoint:
    """An entry point of ComIn 0.3 and later: a decorator that is an index as well."""

    def __init__(self, host, number):
        self.host, self.number = host, number

    def __call__(self, function):
        return self.host.register(self.number, function)

    def __index__(self):
        return self.number


@dataclass
class Variable:
    """Memory of one field (nproma, [nlev,] nblks, 1, 1 [, 1]) and what is known of it."""

    memory: np.ndarray
    metadata: dict = field(default_factory=dict)


class Handle:
    """What `var_get` returns."""

    def __init__(self, host, variable, context, flag):
        self.host, self.variable, self.context, self.flag = host, variable, context, flag

    def __array__(self):  # as the adapter's own: no dtype, no copy
        if self.host.entry_point not in self.context:
            raise ComInError(f"not asked for at {ENTRY_POINTS[self.host.entry_point]}")
        view = self.variable.memory.view()
        view.setflags(write=bool(self.flag & WRITE))
        return view


def partition(owner, vertex_of_cell, rank):
    """Local cells of a rank: its own, then as halo the others that share a vertex with them; and its vertices."""
    own = np.flatnonzero(owner == rank)
    near = np.isin(vertex_of_cell, vertex_of_cell[own]).any(axis=1)
    cells = np.concatenate([own[::-1], np.flatnonzero(near & (owner != rank))])
    return cells, np.unique(vertex_of_cell[cells])[::-1]


class StandIn:
    """One rank of ICON with one domain.

    Args:
        grid: global_id, lon_deg, lat_deg, vertex_lon_deg, vertex_lat_deg of all cells.  owner: rank of each cell.
        comm: Fortran handle of the workers' communicator.  modern: entry points as in ComIn 0.3 and later, without `register_callback`.
    """

    def __init__(self, grid, options, owner=None, rank=0, nproma=7, comm=0, modern=False):
        self.options, self.rank, self.nproma, self.comm, self.modern = options, rank, nproma, comm, modern
        self.callbacks = {number: [] for number in range(len(ENTRY_POINTS))}
        self.variables, self.requested, self.entry_point, self.primary = {}, [], None, True
        self.finished = None
        self.global_data = SimpleNamespace(nproma=nproma, n_dom=1, lrestartrun=False)
        self._describe(grid, np.zeros(len(grid.global_id), int) if owner is None else owner)

    def _describe(self, grid, owner):
        corners = np.stack([grid.vertex_lon_deg, grid.vertex_lat_deg], axis=-1)
        places, vertex_of_cell = np.unique(corners.reshape(-1, 2).round(9), axis=0, return_inverse=True)
        self.local, vertices = partition(owner, vertex_of_cell.reshape(corners.shape[:2]), self.rank)
        local_vertex = np.zeros(len(places), int)
        local_vertex[vertices] = np.arange(len(vertices))
        vertex = local_vertex[vertex_of_cell.reshape(corners.shape[:2])[self.local]]
        n, nproma = len(self.local), self.nproma
        self.n_block = max(-(-n // nproma), 1)
        cells = SimpleNamespace(
            ncells=n, nblks=self.n_block, max_connectivity=vertex.shape[1], glb_index=memoryview(grid.global_id[self.local].astype(np.int32)),
            clon=self.blocked(np.radians(grid.lon_deg[self.local])), clat=self.blocked(np.radians(grid.lat_deg[self.local])),
            decomp_domain=self.blocked((owner[self.local] != self.rank).astype(np.int32), -1),
            vertex_idx=self.blocked((vertex % nproma + 1).astype(np.int32), 0), vertex_blk=self.blocked((vertex // nproma + 1).astype(np.int32), 0))
        verts = SimpleNamespace(nverts=len(vertices), vlon=self.blocked(np.radians(places[vertices, 0])), vlat=self.blocked(np.radians(places[vertices, 1])))
        self.domain = SimpleNamespace(cells=cells, verts=verts, nlev=3)

    def blocked(self, values, padding=np.nan):
        """(nproma, nblks, ...) in Fortran order, as a buffer, with padding after the last cell."""
        n_block = max(-(-len(values) // self.nproma), 1)
        rows = np.full((n_block * self.nproma, *values.shape[1:]), padding, values.dtype)
        rows[:len(values)] = values
        return memoryview(np.asfortranarray(rows.reshape(self.nproma, n_block, *values.shape[1:], order="F")))

    def expose(self, name, values=None, levels=0):
        """One of ICON's own variables; `values` of all cells of the grid, NaN without."""
        shape = (self.nproma, levels, self.n_block, 1, 1) if levels else (self.nproma, self.n_block, 1, 1, 1)
        memory = np.full(shape, np.nan, order="F")
        if values is not None:
            memory.ravel(order="F")[:len(self.local)] = values[self.local]
        self.variables[name, 1] = Variable(memory)

    def values(self, name):
        """A variable as this rank has it, own and halo cells in local order, then the padding."""
        flat = self.variables[name, 1].memory.ravel(order="F")
        return flat[:len(self.local)], flat[len(self.local):]

    # --- the module ---------------------------------------------------------------------------------------------------

    def module(self):
        """The module `comin`."""
        module = ModuleType("comin")
        points = {name: EntryPoint(self, number) if self.modern else number for number, name in enumerate(ENTRY_POINTS)}
        vars(module).update(points, COMIN_ZAXIS_2D=1, COMIN_FLAG_READ=READ, COMIN_FLAG_WRITE=WRITE, ComInError=ComInError, var_get=self.var_get,
                            var_request_add=self.var_request_add, metadata_set=self.metadata_set, var_descr_list=lambda: iter(list(self.variables)),
                            descrdata_get_domain=self.get_domain, descrdata_get_global=lambda: self.global_data,
                            descrdata_get_simulation_interval=lambda: self.interval, current_get_datetime=lambda: self.now, finish=self.finish,
                            current_get_plugin_info=lambda: SimpleNamespace(options=self.options, args=shlex.split(self.options)[1:]),
                            parallel_get_host_mpi_comm=lambda: self.comm, parallel_get_host_mpi_rank=lambda: self.rank)
        if not self.modern:
            module.register_callback = lambda entry_point: lambda function: self.register(entry_point, function)
        return module

    def register(self, entry_point, function):
        if not self.primary:
            raise ComInError("callback registered after the primary constructor")
        self.callbacks[int(entry_point)].append(function)
        return function

    def var_request_add(self, descriptor, lmodexclusive):
        if not self.primary:
            raise ComInError("variable requested after the primary constructor")
        if descriptor in self.requested:
            raise ComInError("variable requested before")
        self.requested.append(descriptor)
        self.expose(descriptor[0])

    def metadata_set(self, descriptor, **metadata):
        assert all(isinstance(value, (bool, int, float, str)) for value in metadata.values())
        self.variables[descriptor].metadata.update(metadata)

    def var_get(self, context, descriptor, flag):
        if self.entry_point != ENTRY_POINTS.index("EP_SECONDARY_CONSTRUCTOR"):
            raise ComInError("var_get outside the secondary constructor")
        return Handle(self, self.variables[descriptor], [number.__index__() for number in context], flag)

    def get_domain(self, number):
        assert number == 1
        return self.domain

    def finish(self, routine, text):
        self.finished = (routine, text)
        raise HostStopped(text)

    # --- the run ------------------------------------------------------------------------------------------------------

    def call(self, name):
        """Call what was registered at an entry point."""
        self.entry_point = ENTRY_POINTS.index(name)
        for function in self.callbacks[self.entry_point]:
            function()

    def prepare(self, script, start, stop, experiment_start=None):
        """Everything before the time loop. `experiment_start` makes it a resumed run, in which ICON's date is that until the first step."""
        self.interval = SimpleNamespace(exp_start=experiment_start or start, exp_stop=stop, run_start=start, run_stop=stop)
        self.global_data.lrestartrun = experiment_start is not None
        self.now = self.interval.exp_start
        sys.modules["comin"] = self.module()
        with open(script, encoding="utf-8") as file:
            exec(compile(file.read(), str(script), "exec"), {})  # no __name__ and no __file__, as in the adapter
        self.primary = False
        for name in ("EP_SECONDARY_CONSTRUCTOR", "EP_ATM_INIT_FINALIZE", "EP_ATM_WRITE_OUTPUT_BEFORE", "EP_ATM_TIMELOOP_BEFORE"):
            self.call(name)

    def step(self, date, checkpoint=False):
        """One time step that ends at `date`; ICON sets its clock after TIMELOOP_START."""
        self.call("EP_ATM_TIMELOOP_START")
        self.now = date
        points = ["EP_ATM_ADVECTION_AFTER", "EP_ATM_SURFACE_BEFORE", "EP_ATM_SURFACE_AFTER", "EP_ATM_WRITE_OUTPUT_BEFORE"]
        for name in points + ["EP_ATM_CHECKPOINT_BEFORE", "EP_ATM_CHECKPOINT_AFTER"] * checkpoint + ["EP_ATM_TIMELOOP_END"]:
            self.call(name)

    def end(self):
        """What follows the time loop."""
        self.call("EP_ATM_TIMELOOP_AFTER")
        self.call("EP_DESTRUCTOR")
