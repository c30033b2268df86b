"""A host component that couples to `lsbc yac` through YAC: mpirun -n 1 python examples/yac_host.py CONFIG : -n 2 lsbc yac CONFIG

It has the cells and states of the host file in [run], takes its names from [yac], and prints one line a year. --save FOLDER keeps
what it received. Several ranks share the cells.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import mpi4py

mpi4py.rc.initialize = mpi4py.rc.finalize = False  # YAC starts and ends MPI
import netCDF4  # noqa: E402
import numpy as np  # noqa: E402
import yac  # noqa: E402
from mpi4py import MPI  # noqa: E402

STATES = ("primf", "primn", "secdf", "secdn", "urban", "c3ann", "c4ann", "c3per", "c4per", "c3nfx", "pastr", "range")
LEVELS = {"lu_frac": 8, "leaf_area_index": 12, "vegetation_area_fraction": 12}
"""Values per cell, where a field of lsbc has more than one."""
TIME_STEP = "P1Y"


class Host:
    """The host's cells, its states, and the fields that YAC moves."""

    def __init__(self, config_path: Path) -> None:
        config = tomllib.loads(config_path.read_text(encoding="utf-8"))
        self.names, self.run = config["yac"], config["run"]
        self.fields = {name: LEVELS.get(name, 1) for name in self.names["fields"]}
        self.path = config_path.parent / self.run["host"]

    def years(self) -> range:
        """The years that are coupled."""
        return range(self.run["first_year"], self.run["last_year"] + 1)

    def start(self) -> None:
        """Join YAC, with lsbc and whoever else is in the job, and take a share of the cells."""
        yac.def_calendar(yac.Calendar.PROLEPTIC_GREGORIAN)
        self.yac = yac.YAC()
        self.yac.def_datetime(f"{self.years()[0]:04d}-01-01T00:00:00", f"{self.years()[-1]:04d}-12-31T00:00:00")
        self.component = self.yac.def_comp(self.names["host_component"])
        self.ranks = self.component.comp_comm
        self.read_cells()

    def read_cells(self) -> None:
        """This rank's cells and states."""
        with netCDF4.Dataset(self.path) as data:
            data.set_auto_mask(False)
            self.position = np.array_split(np.arange(len(data.dimensions["cell"])), self.ranks.size)[self.ranks.rank]
            self.cells = {name: data[name][:][self.position] for name in ("clon", "clat", "clon_vertices", "clat_vertices")}
            self.states = {int(year): {name: data[name][k][self.position] for name in STATES} for k, year in enumerate(data["year"][:])}

    def define(self) -> None:
        """Tell YAC the cells and fields; lsbc says what is coupled."""
        n_cell, n_vertex = self.cells["clon_vertices"].shape
        grid = yac.UnstructuredGrid(self.names["host_grid"], np.full(n_cell, n_vertex), np.radians(self.cells["clon_vertices"]).ravel(),
                                    np.radians(self.cells["clat_vertices"]).ravel(), np.arange(n_cell * n_vertex))
        grid.set_global_index(self.position, yac.Location.CELL)
        points = grid.def_points(yac.Location.CELL, np.radians(self.cells["clon"]), np.radians(self.cells["clat"]))

        def field(name: str, n_level: int) -> yac.Field:
            return yac.Field.create(name, self.component, points, n_level, TIME_STEP, yac.TimeUnit.ISO_FORMAT)

        self.to_lsbc = {name: field(name, 1) for name in STATES}
        self.from_lsbc = {name: field(name, n_level) for name, n_level in self.fields.items()}
        self.yac.enddef()

    def couple(self, year: int) -> dict[str, np.ndarray]:
        """One year: send the states, receive lsbc's fields, (n_level, n_cell); NaN where lsbc has no cell."""
        for name, field in self.to_lsbc.items():
            field.put(self.states[year][name])
        received = {name: np.full((n_level, len(self.position)), np.nan) for name, n_level in self.fields.items()}
        for name, field in self.from_lsbc.items():
            field.get(received[name])
        return received

    def print_means(self, year: int, received: dict[str, np.ndarray]) -> None:
        """Means over the cells of all ranks in which lsbc has one."""
        names = [name for name, n_level in self.fields.items() if n_level == 1]
        mine = np.array([(np.nansum(received[name]), np.count_nonzero(~np.isnan(received[name]))) for name in names])
        total = self.ranks.reduce(mine, MPI.SUM)
        if self.ranks.rank == 0:
            print(year, " ".join(f"{name} {value / n:.4f}" for name, (value, n) in zip(names, total)), flush=True)


def main(host: Host, save: Path | None) -> None:
    """Couple every year."""
    host.start()
    host.define()
    kept = []
    for year in host.years():
        kept.append(host.couple(year))
        host.print_means(year, kept[-1])
    if save is not None:
        np.savez(save / f"host_{host.ranks.rank}.npz", position=host.position, **{name: np.stack([year[name] for year in kept]) for name in host.fields})
    host.yac.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--save", type=Path, help="folder for host_<rank>.npz")
    options = parser.parse_args()
    main(Host(options.config), options.save)
