import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.classes import CLASS_CODES
from lsbc.emulator.hosts.healpix_cells import HealpixGrid
from lsbc.emulator.hosts.healpix_map import LandUseMap, chunk_areas, open_landuse
from lsbc.regrid.errors import ConfigError, FileError
from lsbc.regrid.lattice import Lattice

from landuse_files import write_landuse

healpix = pytest.importorskip("healpix")
LATTICE = Lattice(90, 180)
CODES = np.array(CLASS_CODES, np.uint8)


def random_codes(n_row, n_col, seed=0):
    return CODES[np.random.default_rng(seed).integers(0, 8, (n_row, n_col))]


def all_areas(path, grid, chunk, done=()):
    """(8, n_cell), NaN in chunks that were not given, and the chunks in the order given."""
    out, order = np.full((8, grid.n_cell), np.nan), []
    with open_landuse(path) as landuse:
        for k, areas in chunk_areas(landuse, grid, chunk, done):
            order.append(k)
            out[:, k * chunk: (k + 1) * chunk] = 0.0 if areas is None else areas
    return out, order


def test_the_area_of_each_class_is_kept(tmp_path):
    codes = random_codes(90, 180)
    areas, order = all_areas(write_landuse(tmp_path / "m.nc", codes, LATTICE), HealpixGrid(8), 16)
    cell_area = LATTICE.cell_area_sr(np.arange(90))[:, None]
    on_map = [(cell_area * (codes == code)).sum() for code in CLASS_CODES]
    assert areas.sum(axis=1) * 4 * np.pi / 768 == pytest.approx(on_map, rel=1e-13)
    assert sorted(order) == list(range(48))


def test_chunks_come_as_the_map_is_read_and_in_the_order_of_their_northern_edges(tmp_path):
    path = write_landuse(tmp_path / "m.nc", random_codes(90, 180), LATTICE, chunks=(10, 30))
    read, given = [], []
    grid = HealpixGrid(8)
    with open_landuse(path) as landuse:
        landuse.bands = lambda: ((row, row + 10) for row in range(0, 90, 10))
        for k, _ in chunk_areas(landuse, grid, 16, progress=read.append):
            given.append((sum(read), k))
    north = grid.latitudes_of_chunks(16)[1][[k for _, k in given]]
    assert (np.diff(north) >= 0.0).all()
    assert given[0][0] == 30 and given[-1][0] == 90  # the southernmost end at sin lat = -2/3, 41.8° S
    assert all(sin <= np.sin(np.radians(-90.0 + 2.0 * rows)) for (rows, _), sin in zip(given, north))


def test_only_bands_with_unfinished_chunks_are_read(tmp_path, monkeypatch):
    path = write_landuse(tmp_path / "m.nc", random_codes(90, 180), LATTICE)
    monkeypatch.setattr("lsbc.emulator.hosts.healpix_map.BAND_ROWS", 5)
    whole, _ = all_areas(path, HealpixGrid(8), 64)
    read, classes = [], LandUseMap.classes
    monkeypatch.setattr(LandUseMap, "classes", lambda self, row, after: (read.append((row, after)), classes(self, row, after))[1])
    rest, order = all_areas(path, HealpixGrid(8), 64, done=set(range(4, 12)))
    assert sorted(order) == [0, 1, 2, 3] and np.isnan(rest[:, 256:]).all()
    assert np.array_equal(rest[:, :256], whole[:, :256])
    assert read[0] == (45, 50)  # the northern base cells begin at the equator


@pytest.mark.parametrize("order", ["nest", "ring"])
def test_bits_depend_neither_on_bands_nor_on_chunks(tmp_path, monkeypatch, order):
    codes, grid = random_codes(90, 180), HealpixGrid(8, order)
    first, _ = all_areas(write_landuse(tmp_path / "m.nc", codes, LATTICE), grid, 64)
    monkeypatch.setattr("lsbc.emulator.hosts.healpix_map.BAND_ROWS", 7)
    monkeypatch.setattr("lsbc.emulator.hosts.healpix_map.BLOCK", 11)
    second, _ = all_areas(write_landuse(tmp_path / "n.nc", codes, LATTICE, chunks=(9, 20)), grid, 4)
    assert np.array_equal(first, second)


def test_a_region_gives_the_bits_of_the_globe_with_nothing_around_it(tmp_path):
    codes, grid = np.full((90, 180), 255, np.uint8), HealpixGrid(8)
    codes[30:60, 20:70] = random_codes(30, 50)
    globe, _ = all_areas(write_landuse(tmp_path / "globe.nc", codes, LATTICE), grid, 16)
    region, _ = all_areas(write_landuse(tmp_path / "region.nc", codes[30:60, 20:70], LATTICE, 30, 20), grid, 16)
    assert np.array_equal(globe, region) and globe.any()


def test_a_map_across_the_date_line_is_the_one_that_is_not(tmp_path):
    codes, grid = np.full((90, 180), 255, np.uint8), HealpixGrid(8)
    part = random_codes(30, 50)
    codes[30:60, 160:], codes[30:60, :30] = part[:, :20], part[:, 20:]
    globe, _ = all_areas(write_landuse(tmp_path / "globe.nc", codes, LATTICE), grid, 16)
    region, _ = all_areas(write_landuse(tmp_path / "region.nc", part, LATTICE, 30, 160), grid, 16)
    assert np.array_equal(globe, region)


def test_ring_order_holds_the_areas_of_nested_order_elsewhere(tmp_path):
    path = write_landuse(tmp_path / "m.nc", random_codes(40, 180), LATTICE, 30)
    nested, _ = all_areas(path, HealpixGrid(8), 16)
    ring, _ = all_areas(path, HealpixGrid(8, "ring"), 16)
    assert np.array_equal(ring[:, healpix.nest2ring(8, np.arange(768))], nested)


def test_places_agree_with_the_package(tmp_path):
    """Every cell of a fine map, seen by its centre, is in the cell whose area it belongs to most: one class a base cell."""
    lattice = Lattice(360, 720)
    lon, lat = np.meshgrid(lattice.lon_centre_deg(np.arange(720)), lattice.lat_centre_deg(np.arange(360)))
    base = healpix.ang2pix(1, lon, lat, nest=True, lonlat=True)
    areas, _ = all_areas(write_landuse(tmp_path / "m.nc", CODES[base % 8], lattice), HealpixGrid(16), 256)
    assert np.array_equal(areas.argmax(axis=0)[areas.max(axis=0) > 0.75], (np.arange(3072) // 256 % 8)[areas.max(axis=0) > 0.75])
    assert (areas.max(axis=0) > 0.75).mean() > 0.95


def test_forest_subtypes_count_as_forest(tmp_path):
    areas, _ = all_areas(write_landuse(tmp_path / "m.nc", np.full((90, 180), 43, np.uint8), LATTICE), HealpixGrid(4), 16)
    assert areas[CLASS_CODES.index(40)] == pytest.approx(np.ones(192), abs=1e-13)


def test_a_map_too_coarse_for_the_grid_is_refused(tmp_path):
    path = write_landuse(tmp_path / "m.nc", random_codes(90, 180), LATTICE)
    with pytest.raises(ConfigError, match="nside=32 is too fine for a map of 7200 arc seconds"):
        all_areas(path, HealpixGrid(32), 16)


def damaged(path, change):
    with Dataset(path, "r+") as data:
        data.set_auto_maskandscale(False)
        change(data)
    return path


@pytest.mark.parametrize(("change", "message"), [
    (lambda data: data.renameVariable("landuse", "lu"), "no land-use map of lsbc: it lacks landuse"),
    (lambda data: data["landuse"].delncattr("valid_year"), "landuse has no attribute valid_year"),
    (lambda data: data["lat"].__setitem__(3, data["lat"][3] + 0.1), r"lat\[3\] = -82.900000 lies 0.05 cells off"),
    (lambda data: data["lat"].__setitem__(slice(None), data["lat"][::-1]), "lat must be two or more finite degrees, rising"),
    (lambda data: data["lon"].__setitem__(0, np.nan), "lon must be two or more finite degrees, rising"),
    (lambda data: data["lat"].__setitem__(slice(None), data["lat"][:] + 10.0), "reaches beyond the globe"),
])
def test_maps_that_are_not_where_they_seem_are_refused(tmp_path, change, message):
    path = damaged(write_landuse(tmp_path / "m.nc", random_codes(90, 180), LATTICE), change)
    with pytest.raises(FileError, match=message), open_landuse(path):
        pass


def test_codes_that_are_no_class_are_refused_with_their_rows(tmp_path):
    codes = random_codes(90, 180)
    codes[50, 60] = 23
    path = write_landuse(tmp_path / "m.nc", codes, LATTICE)
    with pytest.raises(FileError, match=r"m\.nc, rows 0 to 89: class code 23 is not one of"):
        all_areas(path, HealpixGrid(4), 16)


def test_numbers_that_are_no_bytes_are_refused(tmp_path):
    with Dataset(tmp_path / "m.nc", "w") as data:
        for name in ("lat", "lon"):
            data.createDimension(name, 4)
            data.createVariable(name, "f8", (name,))[:] = np.arange(4)
        data.createVariable("landuse", "f4", ("lat", "lon"))
    with pytest.raises(FileError, match="landuse must be bytes on"), open_landuse(tmp_path / "m.nc"):
        pass


@pytest.mark.parametrize("content", [None, b"no netCDF at all"])
def test_a_file_that_is_not_there_or_no_netcdf_is_refused(tmp_path, content):
    if content:
        (tmp_path / "m.nc").write_bytes(content)
    with pytest.raises(FileError, match="does not exist or is no regular file|cannot be read"), open_landuse(tmp_path / "m.nc"):
        pass
