"""lsbc from Python, without a host model: python examples/offline.py CONFIG HOST_FILE"""

import sys

import netCDF4
import numpy as np

from lsbc.emulator.component import Component
from lsbc.regrid.comm import SerialComm

config, host = sys.argv[1], netCDF4.Dataset(sys.argv[2])
land = Component.create(config, SerialComm())
cells = [np.asarray(host[name][:]) for name in ("global_id", "clon", "clat", "clon_vertices", "clat_vertices")]
land.set_grid(*cells, np.ones(len(cells[0]), np.int32))
states = {info.name: np.empty(len(cells[0])) for info in land.fields if info.direction == "in"}
for name, values in states.items():
    land.set_field(name, values)
for k, year in enumerate(host["year"][:]):
    for name, values in states.items():
        values[:] = host[name][k]
    land.step_year(int(year))
    lai = np.empty(len(cells[0]))
    land.get_field("lai", lai)
    print(year, f"mean leaf area index {lai.mean():.4f}")
land.close()
