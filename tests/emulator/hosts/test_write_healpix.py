import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from netCDF4 import Dataset
from store_plans import tree

from lsbc.emulator.classes import CLASS_CODES
from lsbc.emulator.component import Component
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.emulator.hosts.zarr_years import part_of
from lsbc.emulator.surface.parameters import read_class_table
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import ConfigError, FileError, ValueRangeError, YearError
from lsbc.regrid.lattice import Lattice

import case
from landuse_files import write_landuse
from shared import shared
from year_files import fractions, write_year

healpix = pytest.importorskip("healpix")
pytest.importorskip("zarr")
xarray = pytest.importorskip("xarray")
LATTICE = Lattice(90, 180)
CODES = np.array(CLASS_CODES, np.uint8)
FEW = "lu_frac,coverage,albedo"
TABLES = {"class_parameters": read_class_table().source}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    """The disk is waited for elsewhere."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def yearly(folder, codes, year=2031, row=0, col=0, **attributes):
    """A yearly file with the map beside it."""
    write_landuse(folder / f"landuse_{year}.nc", codes, LATTICE, row, col, year, **(TABLES | attributes))
    return write_year(folder / f"lsbc_{year}.nc", fractions({40: 1.0}), np.zeros(1), np.zeros(1), year)


def put(path, out, **options):
    given = {"nside": 8, "chunk": 64} | options
    return deliver("healpix", path, out, options_of("healpix", given, path.parent))


def opened(store, **kwargs):
    with xarray.open_zarr(store, **kwargs) as data:
        return data.load()


def random_codes(n_row=90, n_col=180, seed=0):
    return CODES[np.random.default_rng(seed).integers(0, 8, (n_row, n_col))]


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_map_of_one_class_has_the_class_s_own_values_everywhere(tmp_path, zarr_format):
    out = tmp_path / "s.zarr"
    notes = put(yearly(tmp_path, np.full((90, 180), 40, np.uint8)), out, zarr_format=zarr_format)
    data, table, forest = opened(out), read_class_table(), CLASS_CODES.index(40)
    assert dict(data.sizes) == {"time": 1, "cell": 768, "class": 8, "month": 12, "bnds": 2}
    for name in ("albedo", "emissivity", "lai", "veg_frac", "root_depth"):
        assert data[name].values == pytest.approx(np.full((1, 768), getattr(table, name)[forest]), rel=1e-12)
    assert data.z0m.values == pytest.approx(np.full((1, 768), table.z0m[forest]), rel=1e-12)
    assert (data.lu_frac.sel({"class": 40}) == 1.0).all() and (data.lu_dominant == 40).all()
    assert data.coverage.values == pytest.approx(np.ones((1, 768)), abs=1e-12)
    assert data.valid_year.values == [2031] and data.time.values[0] == np.datetime64("2031-01-01")
    assert notes[0] == "year 2031: 768 cells of nside 8 hold values, 0 with less than 0.5 of their area over data hold none"


def test_months_are_turned_by_half_a_year_between_the_hemispheres(tmp_path):
    """Cell k of base cell 0 lies 45° E in the north; its mirror has the latitude with the other sign."""
    out = tmp_path / "s.zarr"
    put(yearly(tmp_path, np.full((90, 180), 40, np.uint8)), out)
    lai = opened(out).leaf_area_index.values[0]
    lat = healpix.pix2ang(8, np.arange(768), nest=True, lonlat=True)[1]
    north, south = int(np.argmin(np.abs(lat - 45.0))), int(np.argmin(np.abs(lat + 45.0)))
    assert lat[north] == pytest.approx(-lat[south])
    assert lai[:, south] == pytest.approx(np.roll(lai[:, north], 6), rel=1e-12)
    assert lai[6, north] > lai[0, north]


def test_cells_half_covered_hold_values_and_less_covered_ones_do_not(tmp_path):
    """Data north of the equator only: the cells on it are covered by half, those south of it not at all."""
    path, out = yearly(tmp_path, np.full((45, 180), 22, np.uint8), row=45), tmp_path / "s.zarr"
    put(path, out)
    put(path, tmp_path / "more.zarr", min_coverage=0.51)
    data, lat = opened(out), healpix.pix2ang(8, np.arange(768), nest=True, lonlat=True)[1]
    assert np.array_equal(np.isfinite(data.albedo.values[0]), lat > -1e-9)
    assert data.coverage.values[0, np.abs(lat) < 1e-9] == pytest.approx(np.full(32, 0.5), abs=1e-12)
    assert np.isnan(data.coverage.values[0, lat < -1e-9]).all()
    assert np.array_equal(np.isfinite(opened(tmp_path / "more.zarr").albedo.values[0]), lat > 1e-9)


def test_coarse_cells_are_the_means_of_their_four_children_by_covered_area(tmp_path):
    out = tmp_path / "s.zarr"
    codes = random_codes()
    codes[:, 100:130] = 255
    notes = put(yearly(tmp_path, codes), out, levels=2, min_coverage=0.01, fields=FEW)
    data = [opened(out), opened(out, group="level_2"), opened(out, group="level_1")]
    assert [int(level.crs.attrs["refinement_level"]) for level in data] == [3, 2, 1]
    for fine, coarse in zip(data, data[1:]):
        cover = np.nan_to_num(fine.coverage.values[0]).reshape(-1, 4)
        area = np.nan_to_num(fine.lu_frac.values[0]).reshape(8, -1, 4) * cover
        known, all_of_it = np.isfinite(coarse.albedo.values[0]), np.where(cover.sum(axis=1) > 0.0, cover.sum(axis=1), 1.0)
        assert np.abs(area.sum(axis=2) / all_of_it - coarse.lu_frac.values[0])[:, known].max() < 1e-15
        assert np.abs(cover.mean(axis=1) - coarse.coverage.values[0])[known].max() < 1e-15
        albedo = np.nan_to_num(fine.albedo.values[0]).reshape(-1, 4)
        assert ((albedo * cover).sum(axis=1) / all_of_it)[known] == pytest.approx(coarse.albedo.values[0][known], abs=1e-14)
    assert "cells of nside 8" in notes[0]


def test_a_coarse_level_is_the_store_of_that_nside(tmp_path):
    path = yearly(tmp_path, random_codes())
    put(path, tmp_path / "fine.zarr", levels=1)
    put(path, tmp_path / "coarse.zarr", nside=4, chunk=4)
    above, alone = opened(tmp_path / "fine.zarr", group="level_2"), opened(tmp_path / "coarse.zarr")
    for name in alone.data_vars:
        assert np.allclose(above[name].values.astype(float), alone[name].values.astype(float), rtol=0.0, atol=1e-12), name


def test_fractions_sum_to_one_and_the_area_of_each_class_is_that_of_the_map(tmp_path):
    codes, out = random_codes(), tmp_path / "s.zarr"
    put(yearly(tmp_path, codes), out)
    data = opened(out)
    assert np.abs(data.lu_frac.values.sum(axis=1) - 1.0).max() < 1e-15
    on_map = [(LATTICE.cell_area_sr(np.arange(90))[:, None] * (codes == code)).sum() for code in CLASS_CODES]
    assert (data.lu_frac * data.coverage).sum("cell").values[0] * 4 * np.pi / 768 == pytest.approx(on_map, rel=1e-12)


def test_ring_order_is_the_nested_store_with_other_numbers(tmp_path):
    path = yearly(tmp_path, random_codes(50, 120), row=20, col=30)
    fields = FEW + ",leaf_area_index"
    put(path, tmp_path / "nest.zarr", fields=fields)
    put(path, tmp_path / "ring.zarr", order="ring", fields=fields)
    nest, ring = opened(tmp_path / "nest.zarr"), opened(tmp_path / "ring.zarr")
    assert ring.crs.attrs["indexing_scheme"] == "ring"
    for name in ("lu_frac", "albedo", "leaf_area_index", "coverage"):
        assert np.allclose(ring[name].values[..., healpix.nest2ring(8, np.arange(768))], nest[name].values, rtol=0.0, atol=1e-13, equal_nan=True), name


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_xarray_opens_all_levels_with_cf_coordinates(tmp_path, zarr_format):
    out = tmp_path / "s.zarr"
    put(yearly(tmp_path, random_codes()), out, levels=1, zarr_format=zarr_format, fields=FEW)
    for consolidated in (True, False):
        data = opened(out, consolidated=consolidated)
        assert {"crs", "valid_year", "cell", "time", "class"} <= set(data.coords)
        assert data.cell.attrs["standard_name"] == "healpix_index" and data["class"].values.tolist() == list(CLASS_CODES)
        assert data.lu_frac.attrs["grid_mapping"] == "crs" and data.lu_frac.encoding["chunks"] == (1, 8, 64)
    assert list(xarray.open_groups(out, engine="zarr")) == ["/", "/level_2"]


def test_the_netcdf_library_reads_version_2(tmp_path):
    """All but `crs`: it leaves out variables without dimensions, which CF and easygems want here."""
    out = tmp_path / "s.zarr"
    put(yearly(tmp_path, random_codes()), out, fields="lu_frac,coverage")
    try:
        data = Dataset(f"file://{out}#mode=zarr")
    except OSError as error:
        pytest.skip(f"this netCDF library was built without Zarr: {error}")
    with data:
        assert data["lu_frac"].dimensions == ("time", "class", "cell")
        assert np.array_equal(np.asarray(data["lu_frac"][:]), opened(out).lu_frac.values)


def test_a_region_makes_a_store_of_its_own_chunks_only(tmp_path):
    """Base cell 5 is centred at 90° E on the equator: a map of 10° there touches the four chunks around its centre."""
    out = tmp_path / "s.zarr"
    put(yearly(tmp_path, np.full((6, 6), 22, np.uint8), row=42, col=132), out, nside=16, chunk=64)
    assert sorted(file.name for file in (out / "lu_frac" / "0" / "0").iterdir()) == ["20", "21", "22", "23"]
    assert np.isfinite(opened(out).albedo.values).sum() > 0


def test_single_precision_keeps_values_to_its_rounding(tmp_path):
    path = yearly(tmp_path, random_codes())
    put(path, tmp_path / "double.zarr")
    put(path, tmp_path / "single.zarr", dtype="float32", fields="lu_frac, coverage,lu_dominant")
    double, single = opened(tmp_path / "double.zarr"), opened(tmp_path / "single.zarr")
    assert set(single.data_vars) == {"lu_frac", "coverage", "lu_dominant", "time_bnds"} and single.lu_frac.dtype == np.float32
    assert np.abs(single.lu_frac.values - double.lu_frac.values).max() < 6e-8


def test_years_come_one_after_the_other_and_the_same_year_again_changes_no_bit(tmp_path):
    out = tmp_path / "s.zarr"
    paths = [yearly(tmp_path, random_codes(seed=year), year) for year in (2030, 2031)]
    for path in paths:
        put(path, out, fields=FEW)
    before = tree(out)
    put(paths[0], out, fields=FEW)
    assert tree(out) == before
    data = opened(out)
    assert data.valid_year.values.tolist() == [2030, 2031]
    assert not np.array_equal(data.lu_frac.values[0], data.lu_frac.values[1])
    with pytest.raises(YearError, match="ends with 2031; year 2029 is not in it"):
        put(yearly(tmp_path, random_codes(), 2029), out, fields=FEW)


def test_a_killed_process_leaves_whole_years_and_the_next_one_makes_the_same_bytes(tmp_path):
    out, other = tmp_path / "s.zarr", tmp_path / "undisturbed.zarr"
    first, second = yearly(tmp_path, random_codes(seed=1), 2030), yearly(tmp_path, random_codes(seed=2), 2031)
    for store in (out, other):
        put(first, store, fields=FEW)
    put(second, other, fields=FEW)
    program = ("import os, signal, sys; from pathlib import Path; from lsbc.emulator.hosts.zarr_years import YearWriter; from lsbc.emulator.hosts import deliver as d\n"
               "put, left = YearWriter.put, [8]\n"
               "def stops(*args):\n"
               "    put(*args); left[0] -= 1\n"
               "    if not left[0]: os.kill(os.getpid(), signal.SIGKILL)\n"
               "YearWriter.put = stops\n"
               "path, options = Path(sys.argv[1]), {'nside': 8, 'chunk': 64, 'fields': sys.argv[3]}\n"
               "d.deliver('healpix', path, Path(sys.argv[2]), d.options_of('healpix', options, path.parent))\n")
    stopped = subprocess.run([sys.executable, "-c", program, str(second), str(out), FEW], capture_output=True)
    assert stopped.returncode == -signal.SIGKILL, stopped.stderr.decode()
    assert part_of(out).is_dir() and opened(out).valid_year.values.tolist() == [2030]
    begun = {file: file.stat().st_mtime_ns for file in (part_of(out) / "chunks" / "lu_frac").rglob("*") if file.name.isdecimal() and file.is_file()}
    assert len(begun) >= 8
    put(second, out, fields=FEW)
    assert tree(out) == tree(other)
    moved = [out / "lu_frac" / "1" / "0" / file.name for file in begun]
    assert sum(file.stat().st_mtime_ns == begun[old] for file, old in zip(moved, begun)) >= 8
    assert not part_of(out).exists()


def test_a_full_disk_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    out = tmp_path / "s.zarr"
    put(yearly(tmp_path, random_codes(), 2030), out, fields=FEW)
    before = tree(out)

    def full(handle):
        raise OSError(28, "No space left on device")

    path = yearly(tmp_path, random_codes(), 2031)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(FileError, match="No space left"):
            put(path, out, fields=FEW)
    assert tree(out) == before
    put(path, out, fields=FEW)
    assert opened(out).valid_year.values.tolist() == [2030, 2031]


def test_a_map_of_another_run_or_year_is_refused(tmp_path):
    path = yearly(tmp_path, random_codes())
    write_landuse(tmp_path / "other_run.nc", random_codes(), LATTICE, model_sha256="ffff")
    write_landuse(tmp_path / "other_year.nc", random_codes(), LATTICE, year=2032)
    with pytest.raises(FileError, match=r"other_run\.nc is of another run than .*model_sha256 is ffff there and ab12 here"):
        put(path, tmp_path / "s.zarr", landuse="other_run.nc")
    with pytest.raises(FileError, match=r"other_year\.nc is the map of 2032, .* is valid for 2031"):
        put(path, tmp_path / "s.zarr", landuse="other_year.nc")
    assert not [name for name in os.listdir(tmp_path) if "zarr" in name]


def test_a_map_that_covers_no_cell_well_enough_is_refused(tmp_path):
    with pytest.raises(ValueRangeError, match=r"landuse_2031\.nc covers no HEALPix cell of nside 2 by 0\.5 or more"):
        put(yearly(tmp_path, np.full((3, 3), 22, np.uint8), row=40, col=40), tmp_path / "s.zarr", nside=2, chunk=4)


def test_tables_of_the_run_are_asked_for_where_they_are_others(tmp_path):
    notes = put(yearly(tmp_path, random_codes()), tmp_path / "s.zarr")
    assert any("class_parameters was 'test', here it is" in note and "option class_table" in note for note in notes)


@pytest.mark.parametrize(("options", "message"), [
    ({"nside": 12}, "nside must be a power of two"),
    ({"nside": 64}, "nside=64 is too fine for a map of 7200 arc seconds"),
    ({"chunk": 8}, "chunk must be a power of four, got 8"),
    ({"chunk": 0}, "chunk must be a power of four, got 0"),
    ({"levels": 4}, "levels must be 0 to 3 for chunks of 64 cells"),
    ({"levels": -1}, "levels must be 0 to 3"),
    ({"levels": 1, "order": "ring"}, "got 1 in order ring"),
    ({"min_coverage": 0.0}, "min_coverage must be above 0 and at most 1"),
    ({"min_coverage": float("nan")}, "min_coverage must be above 0 and at most 1"),
    ({"zarr_format": 1}, "zarr_format must be 2 or 3"),
    ({"fields": "albedo,snow"}, "there is no snow; there are lu_frac"),
    ({"order": "spiral"}, "order must be one of nest, ring"),
])
def test_options_that_cannot_be_are_refused(tmp_path, options, message):
    path = yearly(tmp_path, random_codes())
    with pytest.raises(ConfigError, match=message):
        put(path, tmp_path / "s.zarr", **options)
    assert not [name for name in os.listdir(tmp_path) if "zarr" in name]


def test_a_store_made_otherwise_is_refused_and_left_alone(tmp_path):
    path, out = yearly(tmp_path, random_codes()), tmp_path / "s.zarr"
    put(path, out, fields=FEW)
    before = tree(out)
    with pytest.raises(ConfigError, match="was made otherwise: order is 'nest' there and 'ring' now"):
        put(path, out, order="ring", fields=FEW)
    assert tree(out) == before


def test_the_map_of_bavaria_keeps_its_forest(tmp_path):
    with Dataset(shared("data/bavaria/bavaria_lu7_30arcsec_1992_2020.nc")) as data:
        codes = np.asarray(data["lu"][-1])[::-1]
        lat, lon = np.asarray(data["lat"][:])[::-1], np.asarray(data["lon"][:])
    fine = Lattice(21600, 43200)
    row, col = round((lat[0] + 90.0) * 120 - 0.5), round((lon[0] + 180.0) * 120 - 0.5)
    codes = np.where(codes == 0, 255, codes).astype(np.uint8)
    write_landuse(tmp_path / "landuse_2031.nc", codes, fine, row, col)
    path = write_year(tmp_path / "lsbc_2031.nc", fractions({40: 1.0}), np.zeros(1), np.zeros(1))
    put(path, tmp_path / "s.zarr", nside=512, chunk=1 << 12, min_coverage=1e-6, fields="lu_frac,coverage")
    data = opened(tmp_path / "s.zarr")
    forest = float((data.lu_frac.sel({"class": 40}) * data.coverage).sum()) * 4 * np.pi / (12 * 512**2)
    assert forest == pytest.approx(float((fine.cell_area_sr(row + np.arange(len(lat)))[:, None] * (codes == 40)).sum()), rel=1e-5)


def test_a_coupled_run_fills_its_store_year_by_year(tmp_path):
    """Half-cells of the driver across the date line; the store's class areas are those of the run's own maps."""
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    with Dataset(tmp_path / "fine.nc", "a") as data:
        data["lon"][:] = 179.0 + (np.arange(240) + 0.5) / 120
    host = case.make_host(8, 179.0, case.LAT0, 0.25)
    host.vertex_lon_deg[host.vertex_lon_deg > 180.0] -= 360.0
    host.lon_deg[host.lon_deg > 180.0] -= 360.0
    table = ("[grid]\nedges = 'latlon'\n[[deliver]]\nto = 'healpix'\nfile = 'land.zarr'\n"
             "nside = 256\nchunk = 4096\nmin_coverage = 1e-9\nfields = 'lu_frac,coverage,albedo'")
    component = Component.create(case.write_config(tmp_path, tmp_path / "model", tmp_path / "fine.nc", "directory = 'out'", table), SerialComm())
    component.set_grid(*host.part(np.arange(64)))
    case.couple(component, host, np.arange(64), 2000, 2001)
    data = opened(tmp_path / "out" / "land.zarr")
    assert data.valid_year.values.tolist() == [2000, 2001] and data.attrs["lsbc_model"] == "closed-form"
    fine = Lattice(21600, 43200)
    for k, year in enumerate((2000, 2001)):
        codes = case.contents(tmp_path / "out" / f"landuse_{year}.nc")["landuse"]
        area = fine.cell_area_sr((case.LAT0 + 90) * 120 + np.arange(240))[:, None]
        on_map = [(area * (codes == code)).sum() for code in CLASS_CODES]
        found = (data.lu_frac[k] * data.coverage[k]).sum("cell").values * 4 * np.pi / (12 * 256**2)
        assert found == pytest.approx(on_map, rel=1e-7, abs=1e-12)
    assert not np.array_equal(data.lu_frac[0], data.lu_frac[1], equal_nan=True)


def test_a_run_that_writes_no_map_is_told_to(tmp_path):
    path = yearly(tmp_path, random_codes())
    (tmp_path / "landuse_2031.nc").unlink()
    with pytest.raises(FileError, match=r"landuse_2031\.nc does not exist: .*output\.landuse_map = true"):
        put(path, tmp_path / "s.zarr")


def test_several_years_on_one_command_line_go_into_one_store(tmp_path, monkeypatch, capsys):
    from lsbc.emulator.hosts.deliver_cli import main

    for year in (2031, 2030):
        yearly(tmp_path, random_codes(seed=year), year)
        (tmp_path / f"landuse_{year}.nc").rename(tmp_path / f"map{year}.nc")
    monkeypatch.chdir(tmp_path)
    assert main(["healpix", "lsbc_2031.nc", "lsbc_2030.nc", "-o", "s.zarr", "--nside", "8", "--chunk", "64", "--landuse", "map{year}.nc",
                 "--zarr-format", "3", "--fields", FEW]) == 0
    assert opened(tmp_path / "s.zarr").valid_year.values.tolist() == [2030, 2031]
    assert "year 2030: 768 cells of nside 8" in capsys.readouterr().out
