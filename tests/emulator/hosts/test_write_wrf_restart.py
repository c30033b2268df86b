import shutil

import numpy as np
import pytest
import xarray as xr
from netCDF4 import Dataset

from lsbc.emulator.hosts import write_wrf_restart
from lsbc.emulator.hosts.check import check_host
from lsbc.emulator.hosts.deliver import deliver, options_of
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.errors import ConfigError, FileError, LsbcError, ValueRangeError

from grid_files import Spec, Var
from host_files import attribute, set_values, without
from shared import shared
from wrf_restart_files import (
    CHANGED,
    NEW_INDEX,
    OLD_INDEX,
    TAKEN,
    landuse_row,
    landuse_tbl,
    restart,
    with_urban_canopy,
    write_inputs,
)

TABLE = ("ALBBCK", "ALBEDO", "EMBCK", "EMISS", "Z0", "ZNT", "THC", "MAVAIL")
ALWAYS = {"LU_INDEX", "IVGTYP", "LANDUSEF", "VEGFRA", "SHDMIN", "SHDMAX", "SHDAVG", *TABLE}
OTHERS = [k for k in range(12) if k not in CHANGED]
HUNDRED, ONE = np.float32(100), np.float32(1)


class Case:
    """Writes one restart file; `before` and `after` read its variables, (n_cell,) or (level, n_cell)."""

    def __init__(self, folder, spec=None, format="NETCDF4", options=None, **inputs):
        self.template, self.out, self.table = folder / "wrfrst_d01_2031-01-01", folder / "out.nc", landuse_tbl(folder / "LANDUSE.TBL")
        (spec or restart()).write(self.template, format=format)
        self.year, namelist = write_inputs(folder, **inputs)
        self.given = {"template": str(self.template), "landuse_tbl": str(self.table), "namelist": str(namelist), **(options or {})}

    def write(self):
        self.notes = deliver("wrfrst", self.year, self.out, options_of("wrfrst", self.given, self.out.parent))
        return self

    def before(self, name):
        return flat(self.template, name)

    def after(self, name):
        return flat(self.out, name)

    def changed_variables(self):
        with Dataset(self.template) as a, Dataset(self.out) as b:
            assert list(a.variables) == list(b.variables) and {k: len(d) for k, d in a.dimensions.items()} == {k: len(d) for k, d in b.dimensions.items()}
            for data in (a, b):
                data.set_auto_maskandscale(False)
            return {name for name in a.variables if a[name][...].tobytes() != b[name][...].tobytes()}


def flat(path, name):
    with Dataset(path) as data:
        data.set_auto_maskandscale(False)
        values = data[name][0]
    return values.reshape(*values.shape[:-2], -1)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return Case(tmp_path_factory.mktemp("plain")).write()


def test_the_classes_are_the_new_ones_where_lsbc_may_change_them(plain):
    assert plain.before("LU_INDEX").tolist() == OLD_INDEX
    assert plain.after("LU_INDEX").tolist() == NEW_INDEX and plain.after("IVGTYP").tolist() == NEW_INDEX
    assert [k for k in range(12) if NEW_INDEX[k] != OLD_INDEX[k]] == CHANGED


def test_changed_cells_have_the_bits_that_landuse_init_would_give_them(plain):
    for cell in CHANGED:
        albd, slmo, sfem, sfz0, therin, scfx, _ = landuse_row(plain.table, "WINTER", NEW_INDEX[cell])
        background = albd / HUNDRED
        want = {"ALBBCK": background, "ALBEDO": background * (ONE + scfx) if cell == 6 else background, "EMBCK": sfem, "EMISS": sfem, "Z0": sfz0 / HUNDRED,
                "ZNT": sfz0 / HUNDRED, "THC": therin / HUNDRED, "MAVAIL": slmo}
        assert {name: plain.after(name)[cell].tobytes() for name in TABLE} == {name: want[name].tobytes() for name in TABLE}, cell


def test_all_other_cells_keep_their_table_values_bit_by_bit(plain):
    for name in TABLE:
        assert plain.after(name)[OTHERS].tobytes() == plain.before(name)[OTHERS].tobytes(), name


def test_nothing_but_the_fields_of_land_use_changes(plain):
    assert plain.changed_variables() == ALWAYS


def test_water_ice_sea_ice_and_uncovered_cells_keep_everything_bit_by_bit(plain):
    kept = [k for k in range(12) if k not in TAKEN]
    for name in ALWAYS:
        assert plain.after(name)[..., kept].tobytes() == plain.before(name)[..., kept].tobytes(), name


def test_shares_of_classes_are_lsbcs_and_the_hosts_water(plain):
    shares = plain.after("LANDUSEF")
    want = {4: {12: 0.75, 5: 0.25}, 5: {13: 0.625, 5: 0.375}, 6: {5: 1}, 7: {12: 0.5, 5: 0.375, 10: 0.125}, 10: {12: 1}, 11: {5: 0.5, 12: 0.25, 17: 0.25}}
    for cell, of_class in want.items():
        assert {int(k) + 1: float(shares[k, cell]) for k in np.flatnonzero(shares[:, cell])} == pytest.approx(of_class, abs=6e-8)


def test_greenness_is_percent_of_the_land_between_the_months_at_the_files_date(plain):
    # cover is 0.05 m in month m: 17/31 of January's and 14/31 of December's on 1 January; in cell 11 three quarters are land
    today = 100 * (0.05 * 17 + 0.6 * 14) / 31
    for name, value in (("VEGFRA", today), ("SHDMIN", 5.0), ("SHDMAX", 60.0), ("SHDAVG", 32.5)):
        got = plain.after(name)
        assert got[[4, 5, 6, 7, 10]] == pytest.approx(value, rel=6e-8) and got[11] == pytest.approx(value / 0.75, rel=6e-8), name


def test_the_hosts_checks_pass_and_xarray_reads_it(plain):
    assert check_host("wrf", plain.out).n_error == 0
    with xr.open_dataset(plain.out) as data:
        assert data["LU_INDEX"].dims == ("Time", "south_north", "west_east") and data["IVGTYP"].dtype == np.int32
        assert float(data["LANDUSEF"].sum("land_cat_stag").min()) == pytest.approx(1, abs=1e-6)


def test_the_hosts_attributes_stay_and_lsbcs_say_where_the_land_use_is_from(plain):
    with Dataset(plain.template) as a, Dataset(plain.out) as b:
        assert {name: a.getncattr(name) for name in a.ncattrs()} == {name: b.getncattr(name) for name in b.ncattrs() if not name.startswith("lsbc_")}
        assert b.lsbc_valid_year == 2031 and b.lsbc_model_sha256 == "ab12" and b.lsbc_crosswalk.startswith("modis")
        assert b.lsbc_landuse_tbl == "LANDUSE.TBL, MODIFIED_IGBP_MODIS_NOAH, WINTER"


def test_notes_count_the_cells(plain):
    assert "6 of 12 cells have lsbc's land use" in plain.notes[0] and "LU_INDEX changes in 4 cells" in plain.notes[0]


def test_known_errors_of_wrfs_table_are_in_the_notes_and_in_the_file(tmp_path):
    case = Case(tmp_path, options={"landuse_tbl": str(shared("data/host/wrf/LANDUSE.TBL"))}).write()
    with Dataset(case.out) as data:
        assert "VEGPARM.TBL has 0.38 for barren ground" in data.lsbc_notes
    assert any("VEGPARM.TBL has 0.38 for barren ground" in note for note in case.notes)


def test_wrfs_own_table_by_hand(tmp_path):
    case = Case(tmp_path, options={"landuse_tbl": str(shared("data/host/wrf/LANDUSE.TBL"))}).write()  # winter: crops, and mixed forest under snow
    assert [float(case.after(name)[4]) for name in TABLE] == pytest.approx([0.20, 0.20, 0.92, 0.92, 0.05, 0.05, 0.04, 0.60], rel=6e-8)
    assert [float(case.after(name)[6]) for name in TABLE] == pytest.approx([0.14, 0.14 * 2.12, 0.93, 0.93, 0.20, 0.20, 0.06, 0.60], rel=6e-8)


@pytest.mark.parametrize("ice", [1e-3, 1.0, np.nan])
@pytest.mark.parametrize("cell", [(0, 1, 0), (0, 1, 1)])
def test_a_cell_with_any_sea_ice_keeps_everything(tmp_path, cell, ice):
    spec = restart()
    set_values("SEAICE", cell, ice)(spec)
    case = Case(tmp_path, spec).write()
    k = np.ravel_multi_index(cell[1:], (3, 4))
    for name in ALWAYS:
        assert case.after(name)[..., k].tobytes() == case.before(name)[..., k].tobytes(), name


def test_a_cell_that_is_water_to_xland_keeps_everything(tmp_path):
    spec = restart()
    set_values("XLAND", (0, 1, 0), 2)(spec)
    case = Case(tmp_path, spec).write()
    assert case.after("LU_INDEX")[4] == 5 and case.after("Z0")[4] == case.before("Z0")[4] and case.after("VEGFRA")[4] == 33


@pytest.mark.parametrize("date, lat, season", [("2031-07-15_00:00:00", 46.0, "SUMMER"), ("2031-07-15_00:00:00", -46.0, "WINTER"),
                                               ("2031-01-01_00:00:00", -46.0, "SUMMER")])
def test_in_summer_and_in_the_south_the_other_season_is_taken(tmp_path, date, lat, season):
    case = Case(tmp_path, restart(date, CEN_LAT=np.float32(lat))).write()
    assert case.after("MAVAIL")[4] == landuse_row(case.table, season, 12)[1]
    assert case.after("ALBEDO")[6] == landuse_row(case.table, season, 5)[0] / HUNDRED * (ONE + landuse_row(case.table, "WINTER", 5)[5])


def test_cells_that_change_in_another_season_than_the_runs_start_are_told(tmp_path, plain):
    case = Case(tmp_path, restart("2031-07-15_00:00:00")).write()
    assert any("SUMMER values (the file is of 2031-07-15), all others those of WINTER" in note for note in case.notes)
    assert not any("all others those of" in note for note in plain.notes)


def test_the_season_of_the_runs_start_may_be_asked_for(tmp_path):
    case = Case(tmp_path, restart("2031-07-15_00:00:00"), options={"season": "start"}).write()
    assert case.after("MAVAIL")[4] == landuse_row(case.table, "WINTER", 12)[1]
    assert not any("all others those of" in note for note in case.notes)
    spec = restart()
    without("LANDUSE_ISN")(spec)
    (tmp_path / "b").mkdir()
    with pytest.raises(ConfigError, match="LANDUSE_ISN is missing.*season = date"):
        Case(tmp_path / "b", spec, options={"season": "start"}).write()


def test_with_usemonalb_albedo_is_a_map_in_all_land_cells_and_the_table_has_no_say(tmp_path):
    case = Case(tmp_path, usemonalb=True).write()
    got = case.after("ALBBCK")
    assert got[[4, 5, 6, 7, 10]] == pytest.approx(0.2, rel=6e-8) and got[11] == pytest.approx((0.2 - 0.25 * 0.08) / 0.75, rel=6e-8)
    albedo = case.after("ALBEDO")
    assert albedo[[4, 5, 10]] == pytest.approx(0.2, rel=6e-8) and albedo[6] == 0.625  # SNOALB, under snow
    assert (albedo[OTHERS] == case.before("ALBEDO")[OTHERS]).all()


def test_another_albedo_of_water_is_taken_out_of_coasts(tmp_path):
    case = Case(tmp_path, usemonalb=True, options={"water_albedo": 0.12}).write()
    assert case.after("ALBBCK")[[4, 11]] == pytest.approx([0.2, (0.2 - 0.25 * 0.12) / 0.75], rel=6e-8)


def test_albedo_follows_the_course_of_a_geo_em_file(tmp_path):
    """January 42 %, the other months 15 %: mean 17.25 %; ours is 0.2. On 1 January 17/31 of January's and 14/31 of December's."""
    spec = restart()
    months = np.full((1, 12, 3, 4), 15, np.float32)
    months[0, 0] = 42
    course = Spec({"XLAT_M": spec.variables["XLAT"], "XLONG_M": spec.variables["XLONG"], "ALBEDO12M": Var(("Time", "month", "south_north", "west_east"), months)})
    course.write(tmp_path / "geo_em.d01.nc")
    case = Case(tmp_path, usemonalb=True, options={"albedo_course": "geo_em.d01.nc"}).write()
    assert case.after("ALBBCK")[4] == pytest.approx(0.2 / 17.25 * (42 * 17 + 15 * 14) / 31, rel=6e-8)


@pytest.mark.parametrize("surface, inputs, attributes, reads", [
    (2, {"rdlai2d": True}, {}, True), (3, {"rdlai2d": True}, {}, True), (2, {}, {}, False),
    (4, {}, {"DVEG": 4}, False), (4, {}, {"DVEG": 2}, False), (4, {}, {"DVEG": 9}, True),
])
def test_lai_changes_where_the_scheme_reads_it(tmp_path, surface, inputs, attributes, reads):
    case = Case(tmp_path, restart(surface=surface, **attributes), **inputs).write()
    want = (0.25 * 17 + 3 * 14) / 31 if reads else 1.75
    assert case.after("LAI")[TAKEN] == pytest.approx(want, rel=6e-8) and (case.after("LAI")[[0, 8]] == 1.75).all()
    assert ("LAI" in case.changed_variables()) is reads


def test_state_of_noah_mp_is_left_to_the_model(tmp_path):
    assert Case(tmp_path, restart(surface=4)).write().changed_variables() == ALWAYS


def test_moisture_availability_of_ruc_is_left_to_the_model(tmp_path):
    assert Case(tmp_path, restart(surface=3)).write().changed_variables() == ALWAYS - {"MAVAIL"}


def test_without_rdmaxalb_snow_albedo_is_noahs_table(tmp_path):
    case = Case(tmp_path, rdmaxalb=False, options={"vegparm_tbl": str(shared("data/host/wrf/VEGPARM.TBL"))}).write()
    assert case.after("SNOALB")[CHANGED] == pytest.approx([0.66, 0.46, 0.53, 0.66], rel=1.2e-7) and (case.after("SNOALB")[OTHERS] == 0.625).all()
    (tmp_path / "b").mkdir()
    with pytest.raises(ConfigError, match="give it as vegparm_tbl"):
        Case(tmp_path / "b", rdmaxalb=False).write()


def test_the_urban_canopy_of_new_urban_cells_starts_from_their_own_temperatures(tmp_path):
    case = Case(tmp_path, with_urban_canopy(restart())).write()
    assert case.changed_variables() == ALWAYS | {"TS_URB", "TR_URB", "TB_URB", "TG_URB", "TC_URB", "TGR_URB", "XXXR_URB2D", "XXXB_URB2D", "XXXG_URB2D", "XXXC_URB2D",
                                                 "CMCR_URB", "DRELR_URB", "TRL_URB", "TBL_URB", "TGL_URB", "TGRL_URB", "SMR_URB"}
    for name in ("TS_URB", "TR_URB", "TC_URB"):
        assert case.after(name).tolist() == [300] * 5 + [280.625] + [300] * 6, name
    soil = [270.3125, 271.3125, 272.3125, 273.3125]  # cell 5
    assert case.after("TGL_URB")[:, 5].tolist() == soil
    assert case.after("TRL_URB")[:, 5] == pytest.approx([270.3125, 270.8125, 271.3125, 271.6025], abs=4e-5)
    assert (np.delete(case.after("TRL_URB"), 5, axis=1) == np.delete(case.before("TRL_URB"), 5, axis=1)).all()
    assert any("1 cells became urban" in note for note in case.notes)


@pytest.mark.parametrize("old", [13, 31, 52])
def test_cells_that_stay_urban_keep_class_and_canopy(tmp_path, old):
    spec = with_urban_canopy(restart())
    for name in ("LU_INDEX", "IVGTYP"):
        set_values(name, (0, 1, 1), old)(spec)
    case = Case(tmp_path, spec).write()
    assert case.after("LU_INDEX")[5] == old and case.after("Z0")[5] == case.before("Z0")[5]
    assert (case.after("TS_URB") == 300).all() and "TS_URB" not in case.changed_variables()


@pytest.mark.parametrize("urban", [2, 3])
def test_buildings_that_cannot_be_made_are_refused(tmp_path, urban):
    with pytest.raises(ConfigError, match=rf"SF_URBAN_PHYSICS = {urban} and 1 cells become urban, 6 \(10.5000 E, 46.2500 N\) the first"):
        Case(tmp_path, restart(SF_URBAN_PHYSICS=urban)).write()


@pytest.mark.parametrize("change, match", [
    (without("TS_URB"), "SF_URBAN_PHYSICS = 1, but the file lacks TS_URB"), (set_values("TSK", (0, 1, 1), np.nan), "TSK is not finite in cell 6"),
    (set_values("TSLB", (0, 2, 1, 1), np.inf), "TSLB is not finite in cell 6"),
])
def test_an_urban_run_without_its_state_is_refused(tmp_path, change, match):
    spec = with_urban_canopy(restart())
    change(spec)
    with pytest.raises(LsbcError, match=match):
        Case(tmp_path, spec).write()


def test_soil_of_other_than_four_layers_cannot_start_an_urban_canopy(tmp_path):
    spec = with_urban_canopy(restart())
    for name in ("TSLB", "TRL_URB", "TBL_URB", "TGL_URB", "TGRL_URB", "SMR_URB", "SMOIS", "SH2O"):
        spec.variables[name].values = spec.variables[name].values[:, :3]
    with pytest.raises(FileError, match="TSLB has 3 layers; urban_var_init needs 4"):
        Case(tmp_path, spec).write()


@pytest.mark.parametrize("name", ["EMBCK", "Z0", "THC", "SEAICE", "SNOWC"])
def test_a_file_that_is_no_restart_file_is_refused(tmp_path, name):
    spec = restart()
    without(name)(spec)
    with pytest.raises(FileError, match=rf"no WRF restart file \(wrfrst\): it lacks {name}"):
        Case(tmp_path, spec).write()


def test_a_map_of_other_dimensions_is_refused(tmp_path):
    spec = restart()
    spec.variables["Z0"].dims = ("Time", "south_north", "west_east_stag")
    with pytest.raises(FileError, match="Z0 has the dimensions Time, south_north, west_east_stag"):
        Case(tmp_path, spec).write()


@pytest.mark.parametrize("name", ["Z0", "VEGFRA", "SHDAVG", "SNOALB", "LANDUSEF"])
@pytest.mark.parametrize("kind", ["S1", "int32"])
def test_a_field_that_is_written_must_hold_floating_point_numbers(tmp_path, name, kind):
    spec = restart()
    spec.variables[name].values = np.zeros(spec.variables[name].values.shape, np.int32).astype(kind)
    with pytest.raises(FileError, match=rf"wrfrst_d01_2031-01-01: '{name}' is of type .*; floating-point numbers are expected"):
        Case(tmp_path, spec).write()


def test_a_least_or_mean_cover_of_other_dimensions_is_refused(tmp_path):
    spec = restart()
    spec.variables["SHDAVG"] = Var(("extra", *spec.variables["SHDAVG"].dims), np.zeros((2, 1, 3, 4), np.float32))
    with pytest.raises(FileError, match="SHDAVG has the dimensions extra, Time, south_north, west_east"):
        Case(tmp_path, spec).write()


@pytest.mark.parametrize("name, dims, shape", [("TSK", ("Time", "west_east", "south_north"), (1, 4, 3)), ("TSLB", ("Time", "south_north", "west_east"), (1, 3, 4)),
                                               ("TS_URB", ("Time", "soil_layers_stag", "south_north", "west_east"), (1, 4, 3, 4))])
def test_an_urban_state_of_other_dimensions_is_refused(tmp_path, name, dims, shape):
    spec = with_urban_canopy(restart())
    spec.variables[name] = Var(dims, np.full(shape, 290, np.float32))
    with pytest.raises(FileError, match=f"{name} has the dimensions {', '.join(dims)}; Time, "):
        Case(tmp_path, spec).write()


@pytest.mark.parametrize("change, match", [(attribute("MMINLU", "USGS"), "MMINLU is 'USGS'"), (set_values("XLAT", (0, 2, 2), 47.0), "not of the same grid"),
                                           (set_values("SNOWC", (0, 1, 0), np.nan), "SNOWC is not finite in cell 5")])
def test_a_template_that_does_not_fit_is_refused(tmp_path, change, match):
    spec = restart()
    change(spec)
    with pytest.raises(LsbcError, match=match):
        Case(tmp_path, spec).write()


def test_a_field_that_is_not_finite_where_nothing_changes_does_no_harm(tmp_path):
    spec = restart()
    set_values("SNOWC", (0, 0, 0), np.nan)(spec)
    set_values("Z0", (0, 2, 0), np.nan)(spec)
    case = Case(tmp_path, spec).write()
    assert case.after("Z0")[8].tobytes() == case.before("Z0")[8].tobytes()


def test_greenness_out_of_range_is_refused(tmp_path):
    cover = np.full((12, 12), 0.5)
    cover[3, 7] = 1.5
    with pytest.raises(ValueRangeError, match="vegetation_area_fraction.* of cell 8"):
        Case(tmp_path, vegetation_area_fraction=cover).write()


def test_a_year_without_changes_leaves_the_tables_fields_bit_by_bit(tmp_path, plain):
    shutil.copy(plain.out, tmp_path / "last_year")
    case = Case(tmp_path)
    shutil.copy(tmp_path / "last_year", case.template)
    case.write()
    assert case.changed_variables() == set() and "LU_INDEX changes in 0 cells" in case.notes[0]


def test_notes_tell_of_another_year_of_wrflowinp_and_of_switches_left_out(tmp_path):
    case = Case(tmp_path, restart("2032-01-01_00:00:00", SST_UPDATE=1))
    (tmp_path / "namelist.input").write_text(" &physics\n usemonalb = .false.\n /\n")
    case.write()
    text = "; ".join(case.notes)
    assert "the restart file is of 2032-01-01, the land use of 2031" in text and "SST_UPDATE = 1" in text
    assert "not in the namelist, so WRF's own: rdlai2d = .false., rdmaxalb = .true." in text


def test_classic_files_and_double_precision_are_written_as_they_are(tmp_path):
    spec = restart()
    for var in spec.variables.values():
        if var.values.dtype == np.float32:
            var.values = var.values.astype(np.float64)
    case = Case(tmp_path, spec, format="NETCDF3_64BIT_OFFSET").write()
    assert case.after("Z0")[4] == 17.44 / 100 and case.after("Z0").dtype == np.float64  # 1.37 * 12 + 1
    assert case.changed_variables() == ALWAYS
    with Dataset(case.out) as data:
        assert data.data_model == "NETCDF3_64BIT_OFFSET"


def test_a_cells_bits_do_not_depend_on_the_slabs(tmp_path, plain, monkeypatch):
    monkeypatch.setattr(YearFile, "slabs", lambda self, n_cell=5: (slice(first, min(first + 5, 12)) for first in range(0, 12, 5)))
    case = Case(tmp_path).write()
    for name in ALWAYS:
        assert case.after(name).tobytes() == plain.after(name).tobytes(), name


def test_a_write_that_fails_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    case = Case(tmp_path)
    case.out.write_bytes(b"last year's")

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write_wrf_restart.Restart, "table_values", fails)
    names = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises((OSError, LsbcError), match="No space left"):
        case.write()
    assert case.out.read_bytes() == b"last year's" and sorted(path.name for path in tmp_path.iterdir()) == names


def test_the_restart_file_itself_may_be_replaced(tmp_path, plain):
    case = Case(tmp_path)
    case.out = case.template
    case.write()
    assert case.after("LU_INDEX").tolist() == NEW_INDEX
