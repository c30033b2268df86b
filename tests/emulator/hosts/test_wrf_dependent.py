from datetime import date

import numpy as np
import pytest

from lsbc.emulator.hosts.wrf_dependent import LandUse, snow_albedo, start_fields, urban_start
from lsbc.emulator.hosts.wrf_run import WrfRun
from lsbc.regrid.errors import ConfigError

from shared import shared
from wrf_restart_files import landuse_row, landuse_tbl

MODIS = "MODIFIED_IGBP_MODIS_NOAH"
F4 = np.dtype(np.float32)
NOT_SNOWY, SNOWY = np.float32(0.5), np.float32(0.5000001)


def run(**changes):
    standard = dict(surface=2, urban=0, dveg=0, sst_update=False, usemonalb=False, rdlai2d=False, rdmaxalb=True, date=date(2031, 1, 1), cen_lat=46.0)
    return WrfRun(**{**standard, **changes})


def start(path, season, n_class, snowc, albbck=None, snoalb=None):
    classes = np.arange(1, n_class + 1, dtype=np.float32)
    maps = [None if value is None else np.full(n_class, value, np.float32) for value in (albbck, snoalb)]
    return LandUse.read(path, MODIS, season, F4).start(classes, np.full(n_class, snowc), *maps)


def expect(path, season, n_class, names_of_rows):
    rows = [landuse_row(path, season, k) for k in range(1, n_class + 1)]
    return {name: np.array([of(row) for row in rows], np.float32) for name, of in names_of_rows.items()}


def hundredth(column):
    return lambda row: row[column] / np.float32(100)


FIELDS = {"ALBBCK": hundredth(0), "MAVAIL": lambda row: row[1], "EMBCK": lambda row: row[2], "EMISS": lambda row: row[2], "Z0": hundredth(3), "ZNT": hundredth(3),
          "THC": hundredth(4), "ALBEDO": hundredth(0)}


@pytest.mark.parametrize("season", ["SUMMER", "WINTER"])
@pytest.mark.parametrize("source, n_class", [("made", 21), ("wrf", 61)])
def test_every_field_of_every_class_has_the_bits_of_the_table(tmp_path, source, n_class, season):
    path = landuse_tbl(tmp_path / "LANDUSE.TBL") if source == "made" else shared("data/host/wrf/LANDUSE.TBL")
    got, want = start(path, season, n_class, NOT_SNOWY), expect(path, season, n_class, FIELDS)
    assert sorted(got) == sorted(want)
    for name in want:
        assert got[name].dtype == F4 and (got[name].view(np.int32) == want[name].view(np.int32)).all(), name


def test_water_of_wrfs_own_table_by_hand():
    got = start(shared("data/host/wrf/LANDUSE.TBL"), "SUMMER", 17, NOT_SNOWY)
    assert {name: float(got[name][16]) for name in got} == pytest.approx(
        {"ALBBCK": 0.08, "ALBEDO": 0.08, "EMBCK": 0.98, "EMISS": 0.98, "Z0": 1e-4, "ZNT": 1e-4, "THC": 0.06, "MAVAIL": 1.0}, rel=1e-7)


@pytest.mark.parametrize("season", ["SUMMER", "WINTER"])
def test_under_snow_the_snow_effect_is_that_of_the_last_season_in_the_file(tmp_path, season):
    path = landuse_tbl(tmp_path / "LANDUSE.TBL")
    want = [landuse_row(path, season, k)[0] / np.float32(100) * (np.float32(1) + landuse_row(path, "WINTER", k)[5]) for k in range(1, 22)]
    got = start(path, season, 21, SNOWY)
    assert (got["ALBEDO"] == np.array(want, np.float32)).all()
    assert (got["ALBBCK"] == expect(path, season, 21, FIELDS)["ALBBCK"]).all()


def test_with_a_map_of_albedo_the_tables_albedo_is_not_taken(tmp_path):
    path = landuse_tbl(tmp_path / "LANDUSE.TBL")
    bare, under_snow = (start(path, "SUMMER", 21, snowc, albbck=0.3125, snoalb=0.625) for snowc in (NOT_SNOWY, SNOWY))
    assert (bare["ALBBCK"] == 0.3125).all() and (bare["ALBEDO"] == 0.3125).all()
    assert (under_snow["ALBBCK"] == 0.3125).all() and (under_snow["ALBEDO"] == 0.625).all()


def test_a_file_in_double_precision_gets_double_precision(tmp_path):
    table = LandUse.read(landuse_tbl(tmp_path / "LANDUSE.TBL"), MODIS, "SUMMER", np.dtype(np.float64))
    assert table.start(np.array([3.0]), np.array([0.0]), None, None)["Z0"][0] == 4.11 / 100


@pytest.mark.parametrize("class_id", [0, 22])
def test_a_class_that_the_table_does_not_have_is_refused(tmp_path, class_id):
    table = LandUse.read(landuse_tbl(tmp_path / "LANDUSE.TBL"), MODIS, "SUMMER", F4)
    with pytest.raises(ConfigError, match=f"classes 1..21, LU_INDEX goes from {class_id} to {class_id}"):
        table.start(np.array([class_id], F4), np.array([0], F4), None, None)


def test_known_errors_of_the_table_are_told():
    notes = LandUse.read(shared("data/host/wrf/LANDUSE.TBL"), MODIS, "SUMMER", F4).notes
    assert any("class 16" in note and "VEGPARM.TBL has 0.38" in note for note in notes)


def test_moisture_availability_of_ruc_is_its_own():
    assert "MAVAIL" in start_fields(run()) and "MAVAIL" in start_fields(run(surface=4))
    assert "MAVAIL" not in start_fields(run(surface=3)) and len(start_fields(run(surface=3))) == 7


@pytest.mark.parametrize("changes", [{}, {"surface": 4, "rdmaxalb": False}, {"surface": 7, "rdmaxalb": False}])
def test_snow_albedo_is_a_map_unless_noah_takes_it_from_the_table(changes):
    assert snow_albedo(run(**changes), None, MODIS, F4) is None


def test_snow_albedo_of_the_table_by_hand():
    got = snow_albedo(run(rdmaxalb=False), shared("data/host/wrf/VEGPARM.TBL"), MODIS, F4)
    assert got[[0, 4, 11, 12]].tolist() == [np.float32(value) * np.float32(0.01) for value in (52.0, 53.0, 66.0, 46.0)]


def test_snow_albedo_of_the_table_needs_the_table():
    with pytest.raises(ConfigError, match="give it as vegparm_tbl"):
        snow_albedo(run(rdmaxalb=False), None, MODIS, F4)


def test_the_urban_canopy_starts_from_skin_and_soil():
    got = urban_start(np.array([280], F4), np.array([[270], [271], [273], [277]], F4))
    assert {name: got[name].tolist() for name in ("TS_URB", "TR_URB", "TB_URB", "TG_URB", "TC_URB", "TGR_URB")} == dict.fromkeys(
        ("TS_URB", "TR_URB", "TB_URB", "TG_URB", "TC_URB", "TGR_URB"), [280])
    layers = [270, 270.5, 271, pytest.approx(271.58, abs=3e-5)]  # (271 + 0.29 (273 - 271))
    assert got["TRL_URB"][:, 0].tolist() == layers and got["TBL_URB"][:, 0].tolist() == layers and got["TGL_URB"][:, 0].tolist() == [270, 271, 273, 277]
    assert got["XXXR_URB2D"].tolist() == [0] and got["SMR_URB"][:, 0].tolist() == [np.float32(0.2)] * 3 + [0]
