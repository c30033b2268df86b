import dataclasses

import netCDF4
import numpy as np
import pytest
import xarray as xr

from lsbc.emulator.classes import CLASS_CODES
from lsbc.emulator.fields import FILL
from lsbc.emulator.hosts import write_jsbach
from lsbc.emulator.hosts.blocks import blocks
from lsbc.emulator.hosts.check import check_host
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.regrid.errors import ConfigError, FileError, ValueRangeError

from grid_files import Spec, Var
from host_files import jsbach
from year_files import fractions, write_year

LON, LAT = np.array([5.0, 6.0, 7.0]), np.array([40.0, 41.0, 42.0])
FIELD, TOWN, WOOD = {22: 0.25, 40: 0.25, 77: 0.5}, {11: 0.75, 66: 0.25}, {40: 1.0}
"""At 0 °C in the coldest month: half pft11, a quarter each pft03 and pft04; no plant type, so grass of that climate (pft07); half pft03, half pft04."""
RNG = np.random.default_rng(7)


def name(year):
    return f"bc_land_frac_11pfts_{year}.nc"


def written(folder, *cells, year=2031, out=None, coldest_c=0.0, lu_frac=None, lon=LON, lat=LAT, **options):
    """The file of one year, and the notes."""
    lu_frac = fractions(*cells) if lu_frac is None else lu_frac
    lon, lat = np.ravel(lon)[:lu_frac.shape[1]], np.ravel(lat)[:lu_frac.shape[1]]
    path = write_year(folder / f"lsbc_{year}.nc", lu_frac, lon, lat, year=year, coldest_month_k=coldest_c + 273.15)
    out = folder / name(year) if out is None else out
    notes = deliver("jsbach", path, out, options_of("jsbach", {key: str(value) if not isinstance(value, bool) else value for key, value in options.items()}, folder))
    return out, notes


def types(path):
    """(11, ...) as they lie in the file."""
    with netCDF4.Dataset(path) as data:
        data.set_auto_maskandscale(False)
        return np.stack([np.asarray(data[f"fract_pft{k:02d}"][...]) for k in range(1, 12)])


def column(**parts):
    """Eleven fractions from pft11=0.5, ..."""
    return [parts.get(f"pft{k:02d}", 0.0) for k in range(1, 12)]


def random_cells(n):
    """Fractions of eight classes, some cells without plants, none exact in binary."""
    lu_frac = RNG.dirichlet(np.full(8, 0.4), n).T
    lu_frac[:, ::7] = fractions(TOWN)
    return lu_frac


def test_the_fractions_are_those_of_the_plants_alone(tmp_path):
    out, notes = written(tmp_path, FIELD, TOWN, WOOD)
    found = types(out)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found.T, [column(pft11=0.5, pft03=0.25, pft04=0.25), column(pft07=1.0), column(pft03=0.5, pft04=0.5)])
    assert notes == ("1 cell(s) without a plant type in lsbc's map get those of grass and shrub in their climate",)
    assert check_host("jsbach", out).findings == ()


def test_the_file_tells_where_its_cells_are(tmp_path):
    corner = np.stack([LON - 0.5, LON + 0.5, LON], axis=1)
    path = write_year(tmp_path / "lsbc_2031.nc", fractions(FIELD, TOWN, WOOD), LON, LAT, coldest_month_k=273.15)
    with netCDF4.Dataset(path, "a") as data:
        data.createDimension("nv", 3)
        for key, values in (("lon_vertices", corner), ("lat_vertices", corner + 30)):
            data.createVariable(key, "f8", ("cell", "nv"))[:] = values
    deliver("jsbach", path, tmp_path / name(2031), options_of("jsbach", {}, tmp_path))
    with xr.open_dataset(tmp_path / name(2031)) as data:
        assert data.clon.attrs == {"standard_name": "longitude", "long_name": "center longitude", "units": "radian", "bounds": "clon_vertices"}
        np.testing.assert_allclose(data.clat, LAT * np.pi / 180, rtol=1e-15)
        np.testing.assert_allclose(data.clon_vertices, corner * np.pi / 180, rtol=1e-15)
        assert data.fract_pft03.dims == ("cell",) and data.fract_pft03.attrs["CDI_grid_type"] == "unstructured"
        assert set(data.fract_pft11.coords) == {"clon", "clat"}
        assert data.attrs["lsbc_valid_year"] == 2031 and data.attrs["lsbc_model_sha256"] == "ab12" and data.attrs["lsbc_crosswalk"].startswith("jsbach, version 1")


def test_sums_never_exceed_one_after_reading_back(tmp_path):
    n = 3000
    out, _ = written(tmp_path, lu_frac=random_cells(n), lon=np.linspace(0, 30, n), lat=np.linspace(-60, 60, n))
    total = sum(types(out))
    assert total.max() <= 1.0 and total.min() > 1 - 1e-15
    assert check_host("jsbach", out).findings == ()


def test_years_follow_each_other_both_ways_where_cells_gain_and_lose_all_their_plants(tmp_path):
    first, _ = written(tmp_path, TOWN, WOOD, FIELD, year=2031)
    second, _ = written(tmp_path, WOOD, TOWN, {22: 0.3, 33: 0.3, 40: 0.1, 66: 0.3}, year=2032)
    assert check_host("jsbach", first, second).findings == () and check_host("jsbach", second, first).findings == ()


def test_hundreds_of_cells_follow_each_other_in_the_hosts_own_daily_and_yearly_steps(tmp_path):
    """Target minus state, by day and by year, times the veg tile's fraction: gained minus lost area stays below JSBACH's limit."""
    n = 500
    place = {"lon": np.linspace(0, 30, n), "lat": np.linspace(-60, 60, n)}
    years = [types(written(tmp_path, lu_frac=random_cells(n), year=year, **place)[0]) for year in (2031, 2032)]
    veg = RNG.random(n)
    state, target = years[0] * veg, years[1] * veg
    assert (target.sum(axis=0) <= 1 + 1e-11).all()
    for change in (target - state, (target - state) / 365.0):
        net = np.maximum(change, 0).sum(axis=0) - np.maximum(-change, 0).sum(axis=0)
        assert np.abs(net).max() <= 1e-11
    assert np.abs(target - state).max() > 0.1


def test_cells_without_plants_keep_those_of_the_year_before(tmp_path):
    first, _ = written(tmp_path, {22: 0.3, 33: 0.3, 40: 0.1}, FIELD, WOOD, year=2030)
    second, notes = written(tmp_path, TOWN, WOOD, {}, year=2031, previous=first)
    np.testing.assert_array_equal(types(second)[:, [0, 2]], types(first)[:, [0, 2]])
    np.testing.assert_array_equal(types(second)[:, 1], column(pft03=0.5, pft04=0.5))
    assert "1 cell(s) without a plant type in lsbc's map keep their fractions" in notes
    assert check_host("jsbach", first, second).findings == ()


def test_a_pattern_names_the_year_before_and_the_first_year_has_none(tmp_path):
    pattern = tmp_path / "bc_land_frac_11pfts_{year}.nc"
    _, notes = written(tmp_path, WOOD, year=2030, previous=pattern)
    assert notes == ("there is no file of the year before (bc_land_frac_11pfts_2029.nc): cells without plants take what host_frac says, or grass and shrub",)
    second, notes = written(tmp_path, TOWN, year=2031, previous=pattern)
    np.testing.assert_array_equal(types(second)[:, 0], column(pft03=0.5, pft04=0.5))
    with netCDF4.Dataset(second) as data:
        assert data.lsbc_notes == notes[0]


def test_a_cell_that_keeps_its_fractions_keeps_their_bits(tmp_path):
    """Divided by their sum and multiplied with it again, 0.1, 0.15, and 0.35 become other numbers."""
    spec = jsbach()
    spec.variables |= {f"fract_pft{k:02d}": Var(("cell",), np.zeros(3)) for k in range(1, 12)}
    for k, part in (("01", 0.1), ("05", 0.15), ("09", 0.35)):
        spec.variables[f"fract_pft{k}"].values[:] = part
    total = 0.1 + 0.15 + 0.35
    assert (0.1 / total * total, 0.15 / total * total, 0.35 / total * total) != (0.1, 0.15, 0.35) and total <= 1
    out, _ = written(tmp_path, {}, TOWN, WOOD, host_frac=spec.write(tmp_path / "host.nc"))
    np.testing.assert_array_equal(types(out)[:, :2].T, [column(pft01=0.1, pft05=0.15, pft09=0.35)] * 2)


def test_a_sliver_of_plants_decides_nothing(tmp_path):
    """Less than a millionth of the cell is rounding of the overlaps: the cell counts as one without plants."""
    sliver, enough = {0: 1 - 1e-7, 22: 1e-7}, {0: 1 - 2e-6, 22: 2e-6}
    out, notes = written(tmp_path, sliver, enough, WOOD)
    np.testing.assert_array_equal(types(out)[:, :2].T, [column(pft07=1.0), column(pft11=1.0)])
    assert notes == ("1 cell(s) without a plant type in lsbc's map get those of grass and shrub in their climate",)
    second, notes = written(tmp_path, WOOD, sliver, sliver, year=2032, previous=out)
    np.testing.assert_array_equal(types(second)[:, 1:], types(out)[:, 1:])
    assert "2 cell(s) without a plant type in lsbc's map keep their fractions" in notes


def test_a_sliver_of_plants_in_an_unknown_climate_is_none_either(tmp_path):
    path = write_year(tmp_path / "lsbc_2031.nc", fractions({0: 1 - 1e-7, 22: 1e-7}), LON[:1], LAT[:1], koppen=0)
    deliver("jsbach", path, tmp_path / name(2031), options_of("jsbach", {}, tmp_path))
    np.testing.assert_array_equal(types(tmp_path / name(2031))[:, 0], column(pft03=1.0))


def test_a_cell_keeps_the_sum_that_the_hosts_own_rounding_left(tmp_path):
    """0.1 and 0.9 in single precision sum to 1 - 2.2e-8: JSBACH would stop at a gain of 2.2e-8."""
    spec = jsbach()
    spec.variables |= {f"fract_pft{k:02d}": Var(("cell",), np.zeros(3, np.float32)) for k in range(1, 12)}
    spec.variables["fract_pft01"].values[:2], spec.variables["fract_pft02"].values[:2] = 0.1, 0.9
    spec.variables["fract_pft02"].values[1] = 0.9000001
    host = spec.write(tmp_path / "bc_land_frac.nc")
    out, notes = written(tmp_path, FIELD, WOOD, WOOD, host_frac=host)
    total = float(np.float32(0.1)) + float(np.float32(0.9))
    assert total < 1 - 1e-8 and float(np.float32(0.1)) + float(np.float32(0.9000001)) > 1
    np.testing.assert_allclose(sum(types(out)), [total, 1.0, 0.0], rtol=0, atol=2e-16)
    assert notes == ("1 cell(s) without plants in the host's file stay without, whatever lsbc's map says",)
    again, _ = written(tmp_path, WOOD, TOWN, FIELD, year=2032, host_frac=host)
    assert not [f for f in check_host("jsbach", out, again).findings if f.rule.severity == "error"]


def test_the_hosts_other_variables_and_its_cells_that_lsbc_does_not_cover_stay_bit_by_bit(tmp_path):
    spec = jsbach()
    spec.variables |= {"notsea": Var(("cell",), np.array([1, 0.3, 0.1], np.float32), {"long_name": "not sea", "_FillValue": np.float32(-9)}),
                       "glac": Var(("cell",), np.array([0, 0, 1], np.int32)), "label": Var(("cell", "nchar"), np.array([list("ab")] * 3, "S1"))}
    spec.variables["fract_pft01"].values[0], spec.variables["fract_pft07"].values[0] = 0.1, 0.65
    spec.attrs = {"uuidOfHGrid": "a1b2", "history": "made by hand"}
    host = spec.write(tmp_path / "host.nc", format="NETCDF3_CLASSIC")
    out, notes = written(tmp_path, {}, FIELD, {}, host_frac=host)
    before, after = types(host), types(out)
    np.testing.assert_array_equal(after[:, [0, 2]].view(np.int64), before[:, [0, 2]].view(np.int64))
    np.testing.assert_array_equal(after[:, 1], column(pft11=0.5, pft03=0.25, pft04=0.25))
    assert "2 cell(s) not covered by lsbc keep the fractions of the host's file" in notes
    with netCDF4.Dataset(host) as old, netCDF4.Dataset(out) as new:
        for data in (old, new):
            data.set_auto_maskandscale(False)
        for key in set(old.variables) - {f"fract_pft{k:02d}" for k in range(1, 12)}:
            assert (new[key].dtype, new[key].dimensions, new[key].__dict__.keys()) == (old[key].dtype, old[key].dimensions, old[key].__dict__.keys())
            np.testing.assert_array_equal(new[key][...], old[key][...])
        assert (new.uuidOfHGrid, new.history) == ("a1b2", "made by hand")
    assert check_host("jsbach", out).findings == ()


def test_a_host_file_without_plant_types_gives_its_other_variables_alone(tmp_path):
    spec = jsbach()
    spec.variables = {key: var for key, var in spec.variables.items() if not key.startswith("fract_pft")}
    host = spec.write(tmp_path / "host.nc")
    out, _ = written(tmp_path, FIELD, WOOD, TOWN, host_frac=host)
    np.testing.assert_array_equal(types(out).T, [column(pft11=0.5, pft03=0.25, pft04=0.25), column(pft03=0.5, pft04=0.5), column(pft07=1.0)])
    with netCDF4.Dataset(out) as data:
        np.testing.assert_array_equal(data["fract_veg"][:], [1, 0.5, 0])
        assert data["fract_pft03"].long_name.startswith("fraction of the veg tile: ")


def test_a_map_of_rows_and_columns_keeps_its_shape(tmp_path):
    lon, lat = np.meshgrid([5.0, 6.0, 7.0], [40.0, 41.0])
    values = {f"fract_pft{k:02d}": Var(("lat", "lon"), np.full((2, 3), float(k == 3))) for k in range(1, 12)}
    host = Spec({**values, "lat": Var(("lat",), lat[:, 0]), "lon": Var(("lon",), lon[0])}).write(tmp_path / "host.nc")
    out, _ = written(tmp_path, FIELD, {}, {}, {}, WOOD, {}, lon=lon, lat=lat, host_frac=host)
    found = types(out)
    assert found.shape == (11, 2, 3)
    np.testing.assert_array_equal(found[:, 0, 0], column(pft11=0.5, pft03=0.25, pft04=0.25))
    np.testing.assert_array_equal(found[:, 1, 1], column(pft03=0.5, pft04=0.5))
    np.testing.assert_array_equal(found[:, 1, 2], column(pft03=1.0))


def test_an_unknown_climate_gives_what_the_host_gives_cells_without_land(tmp_path):
    path = write_year(tmp_path / "lsbc_2031.nc", fractions({0: 1.0}, {77: 0.5, 11: 0.5}), LON[:2], LAT[:2], koppen=0)
    notes = deliver("jsbach", path, tmp_path / name(2031), options_of("jsbach", {}, tmp_path))
    np.testing.assert_array_equal(types(tmp_path / name(2031)).T, [column(pft03=1.0)] * 2)
    assert notes == ("2 cell(s) without a plant type and without a climate get pft03, as the host's own preparation gives cells without land",)


def test_bits_of_a_cell_do_not_depend_on_the_cells_beside_it(tmp_path, monkeypatch):
    lu_frac = random_cells(100)
    place = {"lon": np.linspace(0, 30, 100), "lat": np.linspace(-60, 60, 100)}
    whole = types(written(tmp_path, lu_frac=lu_frac, **place)[0])
    for size in (1, 13):
        monkeypatch.setattr(write_jsbach, "blocks", lambda shape: blocks(shape, size))
        np.testing.assert_array_equal(types(written(tmp_path, lu_frac=lu_frac, **place)[0]), whole)


def test_a_writer_killed_half_way_leaves_the_old_file(tmp_path, monkeypatch):
    out, _ = written(tmp_path, FIELD, TOWN, WOOD)
    before = out.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(write_jsbach, "mark", killed)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, WOOD, WOOD, WOOD)
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [name(2031), "lsbc_2031.nc"]


@pytest.mark.parametrize("bad", ["bc_land_frac_11pfts_2030.nc", "bc_land_frac_11pfts_.nc", "bc_land_frac.nc"])
def test_another_years_name_is_refused(tmp_path, bad):
    with pytest.raises(ConfigError, match="must be named for the year of its land use, such as bc_land_frac_11pfts_2031.nc"):
        written(tmp_path, FIELD, out=tmp_path / bad)
    assert not (tmp_path / bad).exists()


def test_cells_that_nothing_is_known_of_are_refused(tmp_path):
    with pytest.raises(ValueRangeError, match=r"Cell 2 \(6.0000 E, 41.0000 N\) is not covered by .*lsbc_2031.nc and JSBACH needs plant types in every cell"):
        written(tmp_path, FIELD, {}, WOOD)
    assert not (tmp_path / name(2031)).exists()


def test_the_year_before_must_be_that_year(tmp_path):
    first, _ = written(tmp_path, FIELD, year=2029)
    with pytest.raises(ConfigError, match="bc_land_frac_11pfts_2029.nc is not of the year before 2031: give the land-use file of 2030"):
        written(tmp_path, FIELD, previous=first)


def test_a_crosswalk_to_other_classes_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is not for JSBACH's plant types 1 to 11"):
        written(tmp_path, FIELD, crosswalk="modis")


def test_a_year_before_without_plant_types_or_of_another_form_is_refused(tmp_path):
    spec = jsbach()
    spec.variables = {key: var for key, var in spec.variables.items() if not key.startswith("fract_pft")}
    with pytest.raises(FileError, match="has no plant types"):
        written(tmp_path, FIELD, WOOD, TOWN, previous=spec.write(tmp_path / "last.nc"))
    values = {f"fract_pft{k:02d}": Var(("lat", "lon"), np.full((1, 3), float(k == 3))) for k in range(1, 12)}
    last = Spec({**values, "lat": Var(("lat", "lon"), LAT[None]), "lon": Var(("lon",), LON)}).write(tmp_path / "map.nc")
    with pytest.raises(FileError, match=r"is a map of \(1, 3\) cells, the new one has \(3,\)"):
        written(tmp_path, FIELD, WOOD, TOWN, previous=last)


def test_every_option_has_a_help_text():
    assert all(field.metadata["help"] for field in dataclasses.fields(write_jsbach.Options))
    assert CLASS_CODES[write_jsbach.GRASS_AND_SHRUB] == 55 and FILL < 0
