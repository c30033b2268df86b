"""Regridding on its own: MODIS forest at 0.05 degrees to an ICON-style grid of triangles and on to a Lambert grid.

    .venv/bin/python examples/regrid_tour.py --out out/regrid

Writes three grids as a user would have them (CF, ICON, WRF-like SCRIP), then runs the commands of `lsbc regrid`, which are
printed, and draws what came out. Data: see DATA.md.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

import netCDF4
import numpy as np

from lsbc.regrid.cli import main as lsbc_regrid
from lsbc.regrid.grids import CurvilinearGrid
from lsbc.regrid.readers import read_grid, write_scrip
from lsbc.regrid.sphere import EARTH_RADIUS_M

from demo_input.icon_grid import triangles_over
from demo_input.region import Region
from demo_input.sources import IGBP_CELLS_PER_DEG, read_igbp

REGION = Region(-1.0, 19.0, 41.0, 53.0)
WATER, FOREST = 0, (1, 2, 3, 4, 5)
LAMBERT_SPACING_M = 15_000.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/regrid"))
    out = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    write_forest(out / "forest_0p05.nc")
    write_triangles(out / "icon_grid.nc")
    write_scrip(out / "lambert_scrip.nc", lambert())
    for line in (
        f"grid {out}/icon_grid.nc",
        f"weights {out}/forest_0p05.nc {out}/icon_grid.nc -o {out}/to_icon.nc",
        f"check {out}/to_icon.nc",
        f"apply {out}/to_icon.nc {out}/forest_0p05.nc {out}/forest_icon.nc --missing skip --min-coverage 0.5",
        f"weights {out}/icon_grid.nc {out}/lambert_scrip.nc -m bilinear -o {out}/to_lambert.nc",
        f"apply {out}/to_lambert.nc {out}/forest_icon.nc {out}/forest_lambert.nc",
    ):
        print(f"\n$ lsbc regrid {line}")
        status = lsbc_regrid(shlex.split(line))
        if status:
            return status
    print(f"\n{draw(out)}")
    return 0


def write_forest(path: Path) -> None:
    """Forest as 0 or 1 on the 0.05 degree lattice, missing over water; a CF file with bounds."""
    igbp = read_igbp(REGION)
    forest = np.where(np.isin(igbp, FOREST), 1.0, 0.0).astype(np.float32)
    edges = {"lat": np.linspace(REGION.south_deg, REGION.north_deg, igbp.shape[0] + 1),
             "lon": np.linspace(REGION.west_deg, REGION.east_deg, igbp.shape[1] + 1)}
    with netCDF4.Dataset(path, "w") as file:
        file.Conventions = "CF-1.11"
        file.createDimension("bnds", 2)
        for (name, edge), units in zip(edges.items(), ("degrees_north", "degrees_east")):
            file.createDimension(name, len(edge) - 1)
            axis = file.createVariable(name, "f8", (name,))
            axis.setncatts({"units": units, "standard_name": {"lat": "latitude", "lon": "longitude"}[name], "bounds": f"{name}_bnds"})
            axis[:] = 0.5 * (edge[1:] + edge[:-1])
            file.createVariable(f"{name}_bnds", "f8", (name, "bnds"))[:] = np.stack([edge[:-1], edge[1:]], axis=1)
        variable = file.createVariable("forest", "f4", ("lat", "lon"), fill_value=np.float32(-999), zlib=True)
        variable.setncatts({"long_name": f"forest in 2019 (MODIS MCD12C1, IGBP classes 1 to 5, {IGBP_CELLS_PER_DEG} cells a degree)", "units": "1"})
        variable[:] = np.ma.masked_where(igbp == WATER, forest)


def write_triangles(path: Path) -> None:
    """The triangles of R03B07 in the region, with the variables of an ICON grid file."""
    _, lon_deg, lat_deg = triangles_over(REGION)
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("cell", len(lon))
        file.createDimension("nv", 3)
        for name, values, dimensions in (("clon", lon.mean(axis=1), ("cell",)), ("clat", lat.mean(axis=1), ("cell",)),
                                         ("clon_vertices", lon, ("cell", "nv")), ("clat_vertices", lat, ("cell", "nv"))):
            variable = file.createVariable(name, "f8", dimensions)
            variable.units = "radian"
            variable[:] = values


def lambert() -> CurvilinearGrid:
    """60 x 80 cells of 15 km about 47 N, 9 E on the equal-area plane, as a limited-area model has them."""
    def lon_lat(x, y):
        lat_0, rho = np.radians(47.0), np.maximum(np.hypot(x, y), 1e-15)
        c = 2.0 * np.arcsin(rho / 2.0)
        lat = np.arcsin(np.cos(c) * np.sin(lat_0) + y * np.sin(c) * np.cos(lat_0) / rho)
        lon = np.arctan2(x * np.sin(c), rho * np.cos(lat_0) * np.cos(c) - y * np.sin(lat_0) * np.sin(c))
        return 9.0 + np.degrees(lon), np.degrees(lat)

    x, y = ((np.arange(n + 1) - n / 2) * LAMBERT_SPACING_M / EARTH_RADIUS_M for n in (80, 60))
    corners = lon_lat(*np.meshgrid(x, y))
    centres = lon_lat(*np.meshgrid(0.5 * (x[1:] + x[:-1]), 0.5 * (y[1:] + y[:-1])))
    return CurvilinearGrid(*centres, *corners, name="Lambert 15 km")


def draw(out: Path) -> Path:
    """The three fields side by side, in their own cells."""
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure

    colours = colormaps["YlGn"].with_extremes(bad="#b5d4e9")
    figure = Figure(figsize=(15, 4.4), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3, sharex=True, sharey=True)
    parts = (("forest_0p05.nc", "forest_0p05.nc", "given: MODIS, 0.05°"), ("forest_icon.nc", "icon_grid.nc", "conservative: 20 km triangles"),
             ("forest_lambert.nc", "lambert_scrip.nc", "bilinear from there: 15 km Lambert"))
    for panel, (fields, grid_file, title) in zip(axes, parts):
        grid = read_grid(out / grid_file)
        with netCDF4.Dataset(out / fields) as file:
            values = np.ma.filled(file["forest"][:].astype(float), np.nan).ravel()
        corners = np.stack([grid.vertex_lon_deg, grid.vertex_lat_deg], axis=2)
        drawn = PolyCollection(corners, array=values, cmap=colours, clim=(0, 1), edgecolors="face", linewidths=0.1)
        panel.add_collection(drawn)
        panel.set(title=title, xlim=(REGION.west_deg, REGION.east_deg), ylim=(REGION.south_deg, REGION.north_deg), xlabel="degrees east", aspect=1.45)
    axes[0].set_ylabel("degrees north")
    figure.colorbar(drawn, ax=axes, label="forest [1], blue: no data", shrink=0.9)
    target = out / "forest.png"
    figure.savefig(target)
    return target


if __name__ == "__main__":
    sys.exit(main())
