"""lsbc's own component behind the C calls, without a compiled host: two instances side by side give the bits of each alone.

Usage: real_instances.py LIBLSBC. The couplings are the closed-form case of tests/case.py. `owned` is given as 1, and as
-1, what some Fortran compilers keep in a `.true.`.
"""

import ctypes
import sys
import tempfile
from pathlib import Path

import numpy as np

import case

SERIAL, N_YEAR = -1, 3
OUTPUTS = {"urban_frac": 1, "forest_frac": 1, "lai": 1, "coverage": 1, "lu_frac": 8, "leaf_area_index": 12, "leaf_area_index@200": 1, "vegetation_area_fraction": 52}
"""Name and number of levels."""


class Land:
    """One instance on its own host cells."""

    def __init__(self, library, config, host, owned):
        self._library, self._host = library, host
        self._n_cell = len(host.global_id)
        handle = ctypes.c_int32()
        self._check(library.lsbc_create(str(config).encode(), ctypes.c_int32(SERIAL), ctypes.byref(handle)), 0)
        self._handle = handle.value
        grid = [np.ascontiguousarray(array) for array in host.part(np.arange(self._n_cell), np.full(self._n_cell, owned, np.int32))]
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in grid]
        pointers.insert(3, ctypes.c_int32(host.vertex_lon_deg.shape[1]))
        self._check(library.lsbc_set_grid(self._handle, ctypes.c_int64(self._n_cell), *pointers), self._handle)

    def _check(self, status, handle):
        if status != 0:
            text = ctypes.create_string_buffer(2048)
            self._library.lsbc_last_error(handle, text, 2048)
            raise SystemExit(f"status {status}: {text.value.decode()}")

    def step(self, year):
        self._lent = self._host.states[year]
        for name, values in self._lent.items():
            self._check(self._library.lsbc_set_field(self._handle, name.encode(), ctypes.c_int64(self._n_cell), values.ctypes.data_as(ctypes.c_void_p)),
                        self._handle)
        self._check(self._library.lsbc_step_year(self._handle, year), self._handle)
        bits = b""
        for name, n_level in OUTPUTS.items():
            out = np.full((n_level, self._n_cell), np.nan)
            self._check(self._library.lsbc_get_field(self._handle, name.encode(), n_level, ctypes.c_int64(self._n_cell), out.ctypes.data_as(ctypes.c_void_p)),
                        self._handle)
            bits += out.tobytes()
        return bits

    def end(self):
        self._check(self._library.lsbc_destroy(self._handle), self._handle)


def make_folder(folder, seed):
    folder.mkdir()
    case.write_artefact(folder / "model")
    case.write_fine_file(folder / "fine.nc", case.first_map(seed))
    return case.write_config(folder, folder / "model", folder / "fine.nc", "directory = 'out'", "[grid]\nedges = 'latlon'", allocation=True)


def main():
    library = ctypes.CDLL(sys.argv[1])
    years = range(case.START_YEAR, case.START_YEAR + N_YEAR)
    with tempfile.TemporaryDirectory() as folder:
        configs = [make_folder(Path(folder) / str(seed), seed) for seed in (5, 6)]
        hosts = [case.make_host(), case.make_host(n=7, size_deg=0.25)]
        alone = []
        for config, host in zip(configs, hosts, strict=True):
            land = Land(library, config, host, owned=1)
            alone.append([land.step(year) for year in years])
            land.end()
        lands = [Land(library, config, host, owned=-1) for config, host in zip(configs, hosts, strict=True)]
        together = list(zip(*[[land.step(year) for land in lands] for year in years], strict=True))
        for land in lands:
            land.end()
    for which in range(2):
        if list(together[which]) != alone[which]:
            raise SystemExit(f"Instance {which} gives other bits beside another than alone, or where `owned` is -1.")
    if alone[0][0] == alone[0][-1] or not np.isfinite(np.frombuffer(alone[0][-1])).all():
        raise SystemExit("The case shows nothing: its fields do not change, or are not finite.")


if __name__ == "__main__":
    main()
