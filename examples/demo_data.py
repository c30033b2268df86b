"""Make the input of the demonstration: fine.nc, a host file and a configuration for each host model.

    python examples/demo_data.py --out DIR [--bavaria FOLDER] [--host icon|wrf|both] [--icon-grid FILE]

Without --bavaria: the Alps and southern Germany in 2019, from open data inside PyPI packages (see examples/DATA.md).
With --bavaria: annual maps of Bavaria (bavaria_lu7_30arcsec_1992_2020.nc, bavaria_statics_30arcsec.nc), 2014 to 2020.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np

from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.lattice import Lattice
from lsbc.regrid.overlap import overlap_polygons

from demo_input import icon_grid, lambert_grid, scenario, sources, write
from demo_input.region import DRIVER_CELLS_PER_DEG, FINE_CELLS_PER_DEG, Region

ALPS = Region(8.0, 14.0, 46.0, 50.0)
ALPS_FIRST_YEAR, BAVARIA_FIRST_YEAR = 2019, 2014
N_YEAR = 7
WRF_PROJECTION = {"true_lat1_deg": 46.0, "true_lat2_deg": 48.0}
WRF_DX_M = 9000.0
WRF_LARGEST_SIDE = 60
LEAST_VALID_SHARE = 0.999
DRIVER = Lattice(180 * DRIVER_CELLS_PER_DEG, 360 * DRIVER_CELLS_PER_DEG)
FINE = Lattice(180 * FINE_CELLS_PER_DEG, 360 * FINE_CELLS_PER_DEG)


@dataclass(frozen=True)
class Scene:
    """One region: layers on the fine lattice and driver states (year, 12, rows, columns), NaN where the driver has no data."""

    region: Region
    first_year: int
    layers: dict[str, np.ndarray]
    states: np.ndarray
    source: str


def alps_scene() -> Scene:
    """2019 from MODIS at 0.05 degrees, three quarters of it hidden; the years after from the scenario."""
    land = sources.read_land(ALPS)
    codes = scenario.hilda_codes(sources.read_igbp(ALPS))
    lu, known = scenario.first_prior(codes, land)
    block = sources.IGBP_CELLS_PER_DEG // DRIVER_CELLS_PER_DEG
    first = scenario.states_of_map(codes, ALPS.lat_deg(sources.IGBP_CELLS_PER_DEG), block)
    layers = {"elevation": sources.read_elevation_m(ALPS), "koppen": sources.read_koppen(ALPS),
              "land": land, "lu": lu, "known": known}
    source = "MCD12C1 v006 2019 (NASA), Koeppen-Geiger (Beck et al. 2018), GLOBE land mask, altitude of pvlib; see examples/DATA.md"
    return Scene(ALPS, ALPS_FIRST_YEAR, layers, scenario.scenario(first, N_YEAR), source)


def bavaria_scene(folder: Path) -> Scene:
    """Observed annual maps: the whole map of the first year is known, the states are those of the maps."""
    with netCDF4.Dataset(folder / "bavaria_lu7_30arcsec_1992_2020.nc") as data:
        data.set_auto_maskandscale(False)
        wanted = BAVARIA_FIRST_YEAR + np.arange(N_YEAR)
        maps = data["lu"][np.isin(data["year"][:], wanted)][:, ::-1]
        lat_deg, lon_deg = np.sort(data["lat"][:]), data["lon"][:]
    if len(maps) != N_YEAR:
        raise ValueError(f"{folder}: maps of {wanted[0]}..{wanted[-1]} expected, {len(maps)} of {N_YEAR} found")
    half = 0.5 / FINE_CELLS_PER_DEG
    region = Region(*(round(edge * 4) / 4 for edge in (lon_deg[0] - half, lon_deg[-1] + half, lat_deg[0] - half, lat_deg[-1] + half)))
    maps[maps == 0] = NO_DATA
    states = np.stack([scenario.states_of_map(codes, lat_deg, FINE_CELLS_PER_DEG // DRIVER_CELLS_PER_DEG) for codes in maps])
    layers = {**_bavaria_statics(folder / "bavaria_statics_30arcsec.nc"), "lu": maps[0], "known": np.ones_like(maps[0])}
    return Scene(region, BAVARIA_FIRST_YEAR, layers, states, "ESA CCI land cover and C3S, aggregated to 30 arc seconds over Bavaria")


def _bavaria_statics(path: Path) -> dict[str, np.ndarray]:
    with netCDF4.Dataset(path) as data:
        data.set_auto_maskandscale(False)
        srtm_m, globe_m = data["elev_srtm30"][::-1], data["elev_globe"][::-1].astype(np.float32)
        globe_m[globe_m <= -9999] = 0.0
        elevation_m = np.where(np.isfinite(srtm_m), srtm_m, globe_m)
        return {"elevation": elevation_m, "koppen": data["koppen5"][::-1], "land": data["landmask"][::-1]}


def icon_cells(scene: Scene, grid_file: Path | None) -> tuple[dict[str, np.ndarray], dict]:
    """Triangles wholly inside the region, over data everywhere."""
    found = icon_grid.read_icon_grid(grid_file, scene.region) if grid_file else icon_grid.triangles_over(scene.region)
    ids, lon_deg, lat_deg = found
    keep = np.flatnonzero(_valid_share(scene, lon_deg, lat_deg) >= LEAST_VALID_SHARE)
    ids, lon_deg, lat_deg = ids[keep], lon_deg[keep], lat_deg[keep]
    centre_lon, centre_lat = icon_grid.centres_deg(lon_deg, lat_deg)
    cells = {"global_id": ids, "clon": centre_lon, "clat": centre_lat, "clon_vertices": lon_deg, "clat_vertices": lat_deg}
    return cells, {"host_style": "icon", "grid": grid_file.name if grid_file else "R03B07, bisected from R03B03"}


def wrf_cells(scene: Scene) -> tuple[dict[str, np.ndarray], dict]:
    """The largest rectangular patch inside the region and over data everywhere."""
    region = scene.region
    projection = lambert_grid.Lambert(
        **WRF_PROJECTION, lon0_deg=(region.west_deg + region.east_deg) / 2, lat0_deg=(region.south_deg + region.north_deg) / 2)
    lon, lat, corner_lon, corner_lat = lambert_grid.patch(projection, WRF_LARGEST_SIDE, WRF_DX_M)
    usable = icon_grid.inside(region, corner_lon.reshape(-1, 4), corner_lat.reshape(-1, 4))
    share = np.zeros(usable.size)
    share[usable] = _valid_share(scene, corner_lon.reshape(-1, 4)[usable], corner_lat.reshape(-1, 4)[usable])
    where = lambert_grid.largest_rectangle((share >= LEAST_VALID_SHARE).reshape(lon.shape))
    n_j, n_i = lon[where].shape
    j, i = np.meshgrid(np.arange(1, n_j + 1, dtype=np.int32), np.arange(1, n_i + 1, dtype=np.int32), indexing="ij")
    cells = {"global_id": np.arange(1, n_i * n_j + 1, dtype=np.int64), "clon": lon[where].ravel(), "clat": lat[where].ravel(),
             "clon_vertices": corner_lon[where].reshape(-1, 4), "clat_vertices": corner_lat[where].reshape(-1, 4),
             "i": i.ravel(), "j": j.ravel()}
    grid = {"nx": np.int32(n_i), "ny": np.int32(n_j), "dx_m": WRF_DX_M, "stand_lon": projection.lon0_deg,
            "truelat1": projection.true_lat1_deg, "truelat2": projection.true_lat2_deg, "map_projection": "Lambert conformal"}
    return cells, {"host_style": "wrf", **grid}


def _valid_share(scene: Scene, lon_deg: np.ndarray, lat_deg: np.ndarray) -> np.ndarray:
    """Part of each polygon's area that lies over fine cells with data."""
    valid = scene.layers["lu"] != NO_DATA
    if valid.all():
        return np.ones(len(lon_deg))
    overlap = overlap_polygons(lon_deg, lat_deg, FINE)
    place, found = _places(scene.region.cell_ids(FINE_CELLS_PER_DEG), overlap.cell)
    covered = np.bincount(overlap.polygon, overlap.area_sr * (found & valid.ravel()[place]), minlength=len(lon_deg))
    return covered / overlap.polygon_area_sr


def _places(ids: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of lattice cells in the region's own order, and which are in the region at all."""
    place = np.minimum(np.searchsorted(ids.ravel(), cell), ids.size - 1)
    return place, ids.ravel()[place] == cell


def host_states(scene: Scene, cells: dict[str, np.ndarray]) -> np.ndarray:
    """States of host cells (year, 12, cell): means of the driver cells they overlap, by area; cells without data have no weight."""
    overlap = overlap_polygons(cells["clon_vertices"], cells["clat_vertices"], DRIVER)
    flat = scene.states.reshape(*scene.states.shape[:2], -1)
    place, found = _places(scene.region.cell_ids(DRIVER_CELLS_PER_DEG), overlap.cell)
    weight = overlap.area_sr * (found & np.isfinite(flat[0, 0, place]))
    n_cell = len(cells["global_id"])
    total = np.bincount(overlap.polygon, weight, minlength=n_cell)
    values = np.nan_to_num(flat)[:, :, place] * weight
    summed = [[np.bincount(overlap.polygon, level, minlength=n_cell) for level in year] for year in values]
    return np.array(summed) / total


def build(scene: Scene, out: Path, hosts: list[str], grid_file: Path | None) -> None:
    """Write every file of a scene and say what was written."""
    out.mkdir(parents=True, exist_ok=True)
    years = scene.first_year + np.arange(N_YEAR, dtype=np.int32)
    write.write_fine(out / "fine.nc", scene.region, scene.layers, scene.source)
    made = scene.layers["known"][scene.layers["lu"] != NO_DATA] == 0
    print(f"fine.nc: {scene.layers['lu'].shape[0]} x {scene.layers['lu'].shape[1]} cells of 30 arc seconds, "
          f"{100 * made.mean():.1f} % of the first map left to the network")
    for host in hosts:
        cells, attributes = icon_cells(scene, grid_file) if host == "icon" else wrf_cells(scene)
        if not len(cells["global_id"]):
            raise ValueError(f"no {host} cell lies wholly over the data of the region {scene.region}")
        write.write_host(out / f"{host}_host.nc", cells, years, host_states(scene, cells), {**attributes, "source": scene.source})
        write.write_config(out / f"{host}.toml", host, int(years[0]), int(years[-1]))
        print(f"{host}_host.nc: {len(cells['global_id'])} cells, {years[0]} to {years[-1]}")


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--bavaria", type=Path, help="folder with the annual maps of Bavaria")
    parser.add_argument("--host", choices=("icon", "wrf", "both"), default="both")
    parser.add_argument("--icon-grid", type=Path, help="ICON grid file to take the triangles from")
    options = parser.parse_args(arguments)
    hosts = ["icon", "wrf"] if options.host == "both" else [options.host]
    try:
        scene = bavaria_scene(options.bavaria) if options.bavaria else alps_scene()
        build(scene, options.out, hosts, options.icon_grid)
    except (sources.MissingDataError, OSError, ValueError) as error:
        print(f"demo_data: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
