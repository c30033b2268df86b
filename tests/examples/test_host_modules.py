"""The modules that go into ICON and WRF, compiled against stand-ins for the hosts' own modules and run: the component's bits."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.classes import LUH2_STATES
from lsbc.emulator.component import Component
from lsbc.emulator.fields import FILL
from lsbc.regrid.comm import SerialComm

import case

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("LSBC_BUILD", ROOT / "build")).resolve()
STAND_INS = Path(__file__).parent / "host_stand_ins"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "LSBC_LOG_LEVEL": "WARNING"}
N, SIZE_DEG = 7, 0.25
FIELDS = {"icon": ("lai", "veg_frac", "root_depth", "z0m", "emissivity"), "wrf": ("lai", "veg_frac", "albedo", "z0m", "emissivity")}
SOURCES = {"icon": ["icon/mo_lsbc.f90"], "wrf": ["wrf/module_lsbc.f90"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if not list(BUILD.glob("fortran_bridge/liblsbc_fortran-*.so")):
        pytest.skip(f"the libraries are not built in {BUILD} (make build; LSBC_BUILD names another folder)")
    if not (shutil.which("mpifort") and shutil.which("mpirun") and shutil.which("pkg-config")):
        pytest.skip("mpifort, mpirun and pkg-config are needed")
    folder = tmp_path_factory.mktemp("hosts")
    case.write_artefact(folder / "model")
    case.write_fine_file(folder / "fine.nc", case.first_map())
    case.write_config(folder, folder / "model", folder / "fine.nc", allocation=True)
    (folder / "fill.toml").write_text((folder / "lsbc.toml").read_text().replace("[output]", "[output]\nuncovered_cells = 'fill'"))
    return folder


@pytest.fixture(scope="module")
def programs(folder):
    netcdf = subprocess.run(["pkg-config", "--cflags", "--libs", "netcdf-fortran"], capture_output=True, text=True, check=True,
                            env={**os.environ, "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1"}).stdout.split()
    library = BUILD / "fortran_bridge"
    made = {}
    for host, sources in SOURCES.items():
        work = folder / f"{host}_objects"
        work.mkdir()
        made[host] = folder / f"{host}_program"
        subprocess.run(["mpifort", "-std=f2008", "-Wall", "-Wextra", "-Werror", "-fcheck=all", "-O1", f"-J{work}", f"-I{library / 'modules'}", STAND_INS / f"{host}.f90",
                        *(ROOT / "examples" / source for source in sources), STAND_INS / f"{host}_program.f90", "-o", made[host], *netcdf,
                        f"-L{library}", f"-Wl,-rpath,{library}", next(library.glob("liblsbc_fortran-*.so")), "-llsbc"], check=True)
    return made


def run(folder, program, ranks, *arguments):
    return subprocess.run(["mpirun", "-n", str(ranks), program, *map(str, arguments)], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True,
                          timeout=120, check=False)


def expected(folder, fields, cells, states, config="lsbc.toml"):
    """year -> global id -> values, from the component called directly; -1, what the hosts had before, where lsbc has no data."""
    component = Component.create(folder / config, SerialComm())
    component.set_grid(*cells, np.ones(len(cells[0]), np.int32))
    found = {}
    for year in (2000, 2001):
        for name in LUH2_STATES:
            component.set_field(name, np.full(len(cells[0]), states(year).get(name, 0.0)))
        component.step_year(year)
        values = np.empty((len(fields), len(cells[0])))
        for row, name in zip(values, fields):
            component.get_field(name, row)
        values[:, values[0] == FILL] = -1.0
        found[year] = dict(zip(cells[0].tolist(), values.T))
    component.close()
    return found


def triangles(size_deg):
    """As icon_program.f90 makes them, by its own formulas."""
    rad2deg = 180.0 / np.pi
    k = np.arange(2 * N * N)
    t, square = k % 2, k // 2
    i, j = square % N, square // N
    vertex = np.stack([j * (N + 1) + i, np.where(t == 0, j * (N + 1) + i + 1, (j + 1) * (N + 1) + i + 1),
                       np.where(t == 0, (j + 1) * (N + 1) + i + 1, (j + 1) * (N + 1) + i)], axis=1)
    lon = (case.LON0 + size_deg * (vertex % (N + 1))) / rad2deg * rad2deg
    lat = (case.LAT0 + size_deg * (vertex // (N + 1))) / rad2deg * rad2deg
    centre_lon = (case.LON0 + size_deg * (i + np.where(t == 0, 2, 1) / 3.0)) / rad2deg * rad2deg
    centre_lat = (case.LAT0 + size_deg * (j + np.where(t == 0, 1, 2) / 3.0)) / rad2deg * rad2deg
    return 5000 - k, centre_lon, centre_lat, lon, lat


@pytest.mark.parametrize(("config", "size_deg", "n_without_data"), [("lsbc.toml", SIZE_DEG, 0), ("fill.toml", 0.5, 66)])
def test_the_module_for_icon_gives_the_components_bits_in_blocks(folder, programs, config, size_deg, n_without_data):
    answer = run(folder, programs["icon"], 1, config, N, size_deg, case.LON0, case.LAT0, "icon.txt")
    assert answer.returncode == 0, answer.stderr
    right = expected(folder, FIELDS["icon"], triangles(size_deg),
                     lambda year: {"urban": 0.05 + 0.25 * (year - 2000), "secdf": 0.25, "c3ann": 0.5 - 0.25 * (year - 2000)}, config)
    assert sum(values[0] == -1.0 for values in right[2001].values()) == n_without_data  # of 7 x 7 squares of half a degree 4 x 4 have data
    lines = [line.split() for line in (folder / "icon.txt").read_text().splitlines()]
    assert len(lines) == 2 * 2 * N * N
    for year, cell, *words in lines:
        values = np.array([int(word, 16) for word in words], np.uint64).view(np.float64)
        assert values.tolist() == right[int(year)][int(cell)].tolist()
    assert (folder / "icon.txt.restart").exists()


def write_geo_em(path, size_deg=SIZE_DEG, broken=False):
    with Dataset(path, "w") as data:
        for name, size in (("Time", None), ("south_north_stag", N + 1), ("west_east_stag", N + 1)):
            data.createDimension(name, size)
        edge = size_deg * np.arange(N + 1)
        data.createVariable("XLONG_C" if not broken else "XLONG", "f4", ("Time", "south_north_stag", "west_east_stag"))[0] = case.LON0 + np.tile(edge, (N + 1, 1))
        data.createVariable("XLAT_C", "f4", ("Time", "south_north_stag", "west_east_stag"))[0] = case.LAT0 + np.tile(edge[:, None], (1, N + 1))


@pytest.mark.parametrize(("ranks", "config", "size_deg", "n_without_data"), [(1, "lsbc.toml", SIZE_DEG, 0), (2, "lsbc.toml", SIZE_DEG, 0), (1, "fill.toml", 0.5, 33)])
def test_the_module_for_wrf_gives_the_components_bits_in_its_patches(folder, programs, ranks, config, size_deg, n_without_data):
    write_geo_em(folder / "geo_em.nc", size_deg)
    answer = run(folder, programs["wrf"], ranks, config, "geo_em.nc", N, size_deg, case.LON0, case.LAT0, f"wrf{ranks}.txt")
    assert answer.returncode == 0, answer.stderr
    j, i = np.divmod(np.arange(N * N), N)
    west, south = case.LON0 + size_deg * i, case.LAT0 + size_deg * j
    lon, lat = west[:, None] + size_deg * np.array([0, 1, 1, 0]), south[:, None] + size_deg * np.array([0, 0, 1, 1])
    right = expected(folder, FIELDS["wrf"], (np.arange(N * N) + 1, west + size_deg / 2, south + size_deg / 2, lon, lat),
                     lambda year: {"urban": 0.0625 + 0.25 * (year - 2000), "secdf": 0.25, "c3ann": 0.5 - 0.25 * (year - 2000)}, config)
    assert sum(values[0] == -1.0 for values in right[2001].values()) == n_without_data
    lines = [line.split() for rank in range(ranks) for line in (folder / f"wrf{ranks}.txt.{rank}").read_text().splitlines()]
    assert len(lines) == 2 * N * N
    for year, cell, *words in lines:
        values = np.array([int(word, 16) for word in words], np.uint32).view(np.float32)
        expected_values = right[int(year)][int(cell)].astype(np.float32)
        expected_values[1] *= np.float32(100.0 if expected_values[1] != -1.0 else 1.0)  # VEGFRA is in percent
        assert values.tolist() == expected_values.tolist()


def test_a_geo_em_file_without_corners_ends_every_task_with_a_reason(folder, programs):
    write_geo_em(folder / "broken.nc", broken=True)
    answer = run(folder, programs["wrf"], 2, "lsbc.toml", "broken.nc", N, SIZE_DEG, case.LON0, case.LAT0, "broken.txt")
    assert answer.returncode == 1
    assert "4: broken.nc: " in answer.stderr and "Variable not found" in answer.stderr
