"""The modules that go into ICON and WRF, compiled against stand-ins for the hosts' own modules and run: the component's bits."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.classes import CLASS_NAMES, LUH2_STATES
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
DAYS = {2000: (1, 200, 365, 366), 2001: (1, 200, 365)}
WATER_IN_WRF, ICE_IN_WRF = 10, 20
"""Cells that wrf_program.f90 has as water and ice."""
LAKE = slice(119, 151), slice(59, 91)
"""Fine cells of square (2, 4) and one more around them: its sides are great circles. All of it is water."""
SOURCES = {"icon": ["icon/mo_lsbc.f90"], "wrf": ["wrf/module_lsbc.f90"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if not list(BUILD.glob("fortran_bridge/liblsbc_fortran-*.so")):
        pytest.skip(f"the libraries are not built in {BUILD} (make build; LSBC_BUILD names another folder)")
    if not (shutil.which("mpifort") and shutil.which("mpirun") and shutil.which("pkg-config")):
        pytest.skip("mpifort, mpirun and pkg-config are needed")
    folder = tmp_path_factory.mktemp("hosts")
    case.write_artefact(folder / "model")
    classes = case.first_map()
    classes[LAKE] = CLASS_NAMES.index("water")
    case.write_fine_file(folder / "fine.nc", classes)
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
        subprocess.run(["mpifort", "-std=f2008", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fcheck=all", "-O1", f"-J{work}", f"-I{library / 'modules'}",
                        STAND_INS / f"{host}.f90", *(ROOT / "examples" / source for source in sources), STAND_INS / f"{host}_program.f90", "-o", made[host], *netcdf,
                        f"-L{library}", f"-Wl,-rpath,{library}", next(library.glob("liblsbc_fortran-*.so")), "-llsbc"], check=True)
    return made


def run(folder, program, ranks, *arguments):
    return subprocess.run(["mpirun", "-n", str(ranks), program, *map(str, arguments)], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True,
                          timeout=120, check=False)


def component_fields(folder, names, cells, urban, config):
    """(year, name) -> values, from the component called directly; `names` gives those of a year."""
    component = Component.create(folder / config, SerialComm())
    component.set_grid(*cells, np.ones(len(cells[0]), np.int32))
    found = {}
    for year in (2000, 2001):
        states = {"urban": urban + 0.25 * (year - 2000), "secdf": 0.25, "c3ann": 0.5 - 0.25 * (year - 2000)}
        for name in LUH2_STATES:
            component.set_field(name, np.full(len(cells[0]), states.get(name, 0.0)))
        component.step_year(year)
        for name in names(year):
            n_level = {"lu_frac": len(CLASS_NAMES), "leaf_area_index": 12, "vegetation_area_fraction": 12}.get(name)
            found[year, name] = np.empty((n_level, len(cells[0])) if n_level else len(cells[0]))
            component.get_field(name, found[year, name])
    component.close()
    return found


def land_of(lu_frac):
    """Share of each cell that is land, summed class by class in the precision of `lu_frac`; -1 where there are no data."""
    total = lu_frac[1].copy()
    for row in lu_frac[2:7]:
        total += row
    return np.where(lu_frac[0] == FILL, -1.0, total)


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


def expected_in_icon(folder, cells, config):
    """year -> cell -> LAI_MX, PLCOV_MX, root depth, roughness, emissivity; -1, what ICON had before, where lsbc has no data, and in the first two no land."""
    names = ("lu_frac", "leaf_area_index", "vegetation_area_fraction", "root_depth", "z0m", "emissivity")
    found = component_fields(folder, lambda year: names, cells, 0.05, config)
    answer = {}
    for year in (2000, 2001):
        lu_frac, lai, cover, *others = (found[year, name] for name in names)
        land = land_of(lu_frac)
        rows = [np.where(land > 0.0, lai.max(axis=0), -1.0), np.where(land > 0.0, np.minimum(cover.max(axis=0) / np.where(land > 0.0, land, 1.0), 1.0), -1.0),
                *(np.where(row == FILL, -1.0, row) for row in others)]
        answer[year] = dict(zip(cells[0].tolist(), np.stack(rows, axis=1).tolist()))
    return answer


@pytest.mark.parametrize(("ranks", "config", "size_deg", "n_without_data", "n_without_land"),
                         [(1, "lsbc.toml", SIZE_DEG, 0, 2), (2, "lsbc.toml", SIZE_DEG, 0, 2), (1, "fill.toml", 0.5, 66, 66)])
def test_the_module_for_icon_gives_the_components_bits_in_blocks(folder, programs, ranks, config, size_deg, n_without_data, n_without_land):
    answer = run(folder, programs["icon"], ranks, config, N, size_deg, case.LON0, case.LAT0, f"icon{ranks}.txt")
    assert answer.returncode == 0, answer.stderr
    right = expected_in_icon(folder, triangles(size_deg), config)
    assert sum(values[3] == -1.0 for values in right[2001].values()) == n_without_data  # of 7 x 7 squares of half a degree 4 x 4 have data
    assert sum(values[0] == -1.0 for values in right[2001].values()) == n_without_land
    lines = [line.split() for rank in range(ranks) for line in (folder / f"icon{ranks}.txt.{rank}").read_text().splitlines()]
    assert {(int(year), int(cell)) for year, cell, *_ in lines} == {(year, cell) for year in right for cell in right[year]}
    assert len(lines) == 2 * (2 * N * N + (ranks - 1) * 20)  # ten cells of halo on either side of a border
    for year, cell, *words in lines:
        values = np.array([int(word, 16) for word in words], np.uint64).view(np.float64)
        assert values.tolist() == right[int(year)][int(cell)]
    assert (folder / f"icon{ranks}.txt.restart").exists()


def write_geo_em(path, size_deg=SIZE_DEG, broken=False):
    with Dataset(path, "w") as data:
        for name, size in (("Time", None), ("south_north_stag", N + 1), ("west_east_stag", N + 1)):
            data.createDimension(name, size)
        edge = size_deg * np.arange(N + 1)
        data.createVariable("XLONG_C" if not broken else "XLONG", "f4", ("Time", "south_north_stag", "west_east_stag"))[0] = case.LON0 + np.tile(edge, (N + 1, 1))
        data.createVariable("XLAT_C", "f4", ("Time", "south_north_stag", "west_east_stag"))[0] = case.LAT0 + np.tile(edge[:, None], (1, N + 1))


def expected_in_wrf(folder, cells, config):
    """(year, day) -> cell -> LAI, VEGFRA, SHDMAX, SHDMIN, ALBBCK, Z0, EMBCK in single precision; day 0 has the yearly values; -1, what WRF had, in other cells."""
    plain, monthly = ("lai", "veg_frac", "albedo", "z0m", "emissivity"), "vegetation_area_fraction"
    found = component_fields(folder, lambda year: ("lu_frac", monthly, *plain, *(f"{name}@{day}" for name in ("leaf_area_index", monthly) for day in DAYS[year])),
                             cells, 0.0625, config)
    found = {key: values.astype(np.float32) for key, values in found.items()}
    answer = {}
    for year, days in DAYS.items():
        land = land_of(found[year, "lu_frac"])
        land[np.isin(cells[0], (WATER_IN_WRF, ICE_IN_WRF))] = 0.0
        filled, whole = land > 0.0, np.where(land > 0.0, land, np.float32(1.0))
        lai, veg_frac, *others = (found[year, name] for name in plain)
        months = found[year, monthly]
        for day in (0, *days):
            leaf, cover = (lai, veg_frac) if day == 0 else (found[year, f"leaf_area_index@{day}"], found[year, f"{monthly}@{day}"])
            parts = [np.float32(100.0) * np.minimum(part / whole, np.float32(1.0)) for part in (cover, months.max(axis=0), months.min(axis=0))]
            rows = np.where(filled, np.stack([leaf, *parts, *others]), np.float32(-1.0))
            assert rows.dtype == np.float32
            answer[year, day] = dict(zip(cells[0].tolist(), rows.T.tolist()))
        if day != 366:  # the year has no such day: the call is refused, and the fields stay
            answer[year, 366] = answer[year, day]
    return answer


def squares(size_deg):
    """As wrf_program.f90 has them."""
    j, i = np.divmod(np.arange(N * N), N)
    west, south = case.LON0 + size_deg * i, case.LAT0 + size_deg * j
    lon, lat = west[:, None] + size_deg * np.array([0, 1, 1, 0]), south[:, None] + size_deg * np.array([0, 0, 1, 1])
    return np.arange(N * N) + 1, west + size_deg / 2, south + size_deg / 2, lon, lat


@pytest.mark.parametrize(("ranks", "config", "size_deg", "n_left_alone"), [(1, "lsbc.toml", SIZE_DEG, 3), (2, "lsbc.toml", SIZE_DEG, 3), (1, "fill.toml", 0.5, 34)])
def test_the_module_for_wrf_gives_the_components_bits_in_its_patches(folder, programs, ranks, config, size_deg, n_left_alone):
    write_geo_em(folder / "geo_em.nc", size_deg)
    answer = run(folder, programs["wrf"], ranks, config, "geo_em.nc", N, size_deg, case.LON0, case.LAT0, f"wrf{ranks}.txt")
    assert answer.returncode == 0, answer.stderr
    right = expected_in_wrf(folder, squares(size_deg), config)
    # water in WRF, ice in WRF, and the lake, or of 7 x 7 squares of half a degree the 33 without data, of which WRF's water is one, and its ice
    assert sum(values[0] == -1.0 for values in right[2001, 200].values()) == n_left_alone
    lines = [line.split() for rank in range(ranks) for line in (folder / f"wrf{ranks}.txt.{rank}").read_text().splitlines()]
    assert len(lines) == len(right) * N * N
    for year, day, cell, *words in lines:
        values = np.array([int(word, 16) for word in words], np.uint32).view(np.float32)
        assert values.tolist() == right[int(year), int(day)][int(cell)], (year, day, cell)


def test_a_geo_em_file_without_corners_ends_every_task_with_a_reason(folder, programs):
    write_geo_em(folder / "broken.nc", broken=True)
    answer = run(folder, programs["wrf"], 2, "lsbc.toml", "broken.nc", N, SIZE_DEG, case.LON0, case.LAT0, "broken.txt")
    assert answer.returncode == 1
    assert "4: broken.nc: " in answer.stderr and "Variable not found" in answer.stderr
