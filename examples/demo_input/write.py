"""The files of the demonstration: fine-grid input, host file, configuration. Knows their layout, nothing about where values come from."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np

from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES, LUH2_STATES, NO_DATA

from .region import FINE_CELLS_PER_DEG, Region


def write_fine(path: Path, region: Region, layers: dict[str, np.ndarray], source: str) -> None:
    """Statics and first prior on the 30 arc second lattice: elevation, koppen, land, lu, known."""
    with netCDF4.Dataset(path, "w") as data:
        data.setncatts({"Conventions": "CF-1.11", "title": "Fine-grid input of lsbc", "source": source})
        _axis(data, "lat", region.lat_deg(FINE_CELLS_PER_DEG), "latitude", "degrees_north")
        _axis(data, "lon", region.lon_deg(FINE_CELLS_PER_DEG), "longitude", "degrees_east")
        attributes = {
            "elevation": {"standard_name": "surface_altitude", "units": "m"},
            "koppen": {"long_name": "main Koeppen-Geiger group", "flag_values": np.arange(6, dtype=np.uint8),
                       "flag_meanings": "none tropical arid temperate cold polar"},
            "land": {"standard_name": "land_binary_mask", "units": "1"},
            "lu": {"long_name": "land use, HILDA+ codes", "flag_values": np.array(CLASS_CODES, np.uint8),
                   "flag_meanings": " ".join(CLASS_NAMES)},
            "known": {"long_name": "1 where land use is given to the network, 0 where it is to be made", "units": "1"},
        }
        for name, attribute in attributes.items():
            kind, fill = ("f4", None) if name == "elevation" else ("u1", NO_DATA if name == "lu" else None)
            variable = data.createVariable(name, kind, ("lat", "lon"), zlib=True, fill_value=fill)
            variable.setncatts(attribute)
            variable.set_auto_maskandscale(False)
            variable[:] = layers[name]


def write_host(path: Path, cells: dict[str, np.ndarray], years: np.ndarray, states: np.ndarray, attributes: dict) -> None:
    """Host cells and their LUH2 states; `cells` holds global_id, clon, clat, clon_vertices, clat_vertices, perhaps i and j."""
    with netCDF4.Dataset(path, "w") as data:
        data.setncatts({"Conventions": "CF-1.11", "title": "Host cells and land-use states", **attributes})
        data.createDimension("cell", len(cells["global_id"]))
        data.createDimension("nv", cells["clon_vertices"].shape[1])
        data.createDimension("year", len(years))
        for name, values in cells.items():
            dims = ("cell", "nv") if name.endswith("_vertices") else ("cell",)
            variable = data.createVariable(name, values.dtype, dims, zlib=True)
            if name.startswith(("clon", "clat")):
                variable.units = "degrees_east" if name.startswith("clon") else "degrees_north"
            if name in ("clon", "clat"):
                variable.standard_name = "longitude" if name == "clon" else "latitude"
                variable.bounds = f"{name}_vertices"
            variable[:] = values
        data.createVariable("year", "i4", ("year",))[:] = years
        for level, name in enumerate(LUH2_STATES):
            variable = data.createVariable(name, "f8", ("year", "cell"), zlib=True)
            variable.setncatts({"standard_name": "area_fraction", "units": "1", "coordinates": "clat clon"})
            variable[:] = states[:, level]


def _axis(data: netCDF4.Dataset, name: str, values: np.ndarray, standard_name: str, units: str) -> None:
    data.createDimension(name, len(values))
    variable = data.createVariable(name, "f8", (name,))
    variable.setncatts({"standard_name": standard_name, "units": units})
    variable[:] = values


CONFIG = """\
# Made by examples/demo_data.py. Paths are relative to this file.
[model]
artefact = "shipped:bavaria30"
backend = "auto"
device = "auto"

[data]
fine = "fine.nc"

[time]
start_year = {first_year}

[allocation]
enabled = true

[output]
directory = "{host}"
landuse_map = true
host_fields = true
uncovered_cells = "error"

[surface]
crosswalk = "{crosswalk}"    # the host's own classes as well: host_lu_frac, host_lu_dominant
transitions = true           # from class by to class

[[deliver]]                  # files for others, made from lsbc_<year>.nc; `lsbc deliver --help` lists the writers
to = "fraclut"
file = "fracLut_{{year}}.nc"

[run]                       # for `lsbc run`, BMI and `lsbc yac`
host = "{host}_host.nc"
first_year = {first_year}
last_year = {last_year}
"""


CROSSWALKS = {"icon": "globcover", "wrf": "modis"}


def write_config(path: Path, host: str, first_year: int, last_year: int) -> None:
    """The component's configuration for one host."""
    path.write_text(CONFIG.format(host=host, crosswalk=CROSSWALKS[host], first_year=first_year, last_year=last_year), encoding="utf-8")
