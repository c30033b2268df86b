import netCDF4
import numpy as np
import pytest

from lsbc.emulator.classes import LUH2_STATES
from lsbc.emulator.config import load_config
from lsbc.regrid.lattice import Lattice
from lsbc.regrid.overlap import overlap_polygons

import demo_data
from demo_input import scenario, sources
from demo_input.region import Region

SMALL = Region(10.0, 12.0, 47.0, 49.0)


def scene(lu=None, states=None):
    """Two degrees square; without arguments forest everywhere and a year that adds 0.01 to urban land in each of seven."""
    shape = SMALL.shape(120)
    layers = {name: np.ones(shape, np.uint8) for name in ("koppen", "land", "known")}
    layers |= {"elevation": np.zeros(shape, np.float32), "lu": np.full(shape, 40, np.uint8) if lu is None else lu}
    if states is None:
        states = np.zeros((7, 12, *SMALL.shape(4)))
        states[:, LUH2_STATES.index("urban")] = 0.01 * np.arange(7)[:, None, None]
    return demo_data.Scene(SMALL, 2019, layers, states, "closed form")


@pytest.fixture
def made(tmp_path):
    demo_data.build(scene(), tmp_path, ["wrf"], None)
    return tmp_path


def test_the_wrf_patch_is_rectangular_and_lies_inside_the_region(made):
    with netCDF4.Dataset(made / "wrf_host.nc") as data:
        assert len(data.dimensions["cell"]) == data.nx * data.ny
        assert data["i"][:].max() == data.nx
        assert data["j"][:].max() == data.ny
        assert len(np.unique(data["global_id"][:])) == data.nx * data.ny
        assert (data["clon_vertices"][:].min() >= 10) and (data["clon_vertices"][:].max() <= 12)
        assert (data["clat_vertices"][:].min() >= 47) and (data["clat_vertices"][:].max() <= 49)


def test_states_that_are_the_same_everywhere_are_the_same_on_host_cells(made):
    with netCDF4.Dataset(made / "wrf_host.nc") as data:
        assert data["year"][:].tolist() == list(range(2019, 2026))
        expected = np.broadcast_to(0.01 * np.arange(7)[:, None], data["urban"].shape)
        assert np.abs(data["urban"][:] - expected).max() < 1e-14
        assert all(not data[name][:].any() for name in LUH2_STATES if name != "urban")


def test_the_configuration_is_one_lsbc_reads(made):
    config = load_config(made / "wrf.toml")
    assert config.time.start_year == 2019
    assert (config.run.first_year, config.run.last_year) == (2019, 2025)
    assert config.data.fine == made / "fine.nc"


def test_the_fine_file_runs_from_south_to_north_on_the_30_arc_second_lattice(made):
    with netCDF4.Dataset(made / "fine.nc") as data:
        assert np.asarray(data["lat"][[0, -1]]) == pytest.approx([47 + 1 / 240, 49 - 1 / 240])
        assert np.asarray(data["lon"][[0, -1]]) == pytest.approx([10 + 1 / 240, 12 - 1 / 240])
        assert {name: data[name].dtype for name in ("elevation", "koppen", "land", "lu", "known")} == {
            "elevation": np.dtype("f4"), **dict.fromkeys(("koppen", "land", "lu", "known"), np.dtype("u1"))}


def test_host_states_keep_the_area_integral_of_the_driver():
    states = np.random.default_rng(2).dirichlet(np.ones(13), size=(7, *SMALL.shape(4))).transpose(0, 3, 1, 2)[:, :12]
    lon, lat = np.array([[10.1, 11.9, 11.9, 10.1]]), np.array([[47.1, 47.1, 48.9, 48.9]])
    cells = {"global_id": np.zeros(1, np.int64), "clon_vertices": lon, "clat_vertices": lat}
    found = demo_data.host_states(scene(states=states), cells)
    overlap = overlap_polygons(lon, lat, Lattice(720, 1440))
    place = {cell: k for k, cell in enumerate(SMALL.cell_ids(4).ravel())}
    flat = states.reshape(7, 12, -1)
    by_hand = sum(flat[:, :, place[cell]] * area for cell, area in zip(overlap.cell, overlap.area_sr)) / overlap.area_sr.sum()
    assert np.abs(found[:, :, 0] - by_hand).max() < 1e-14


def test_driver_cells_without_data_have_no_weight():
    states = np.full((7, 12, *SMALL.shape(4)), 0.05)
    states[:, :, :, 4:] = np.nan
    cells = {"global_id": np.zeros(1, np.int64), "clon_vertices": np.array([[10.5, 11.5, 11.5, 10.5]]),
             "clat_vertices": np.array([[47.5, 47.5, 48.5, 48.5]])}
    assert np.abs(demo_data.host_states(scene(states=states), cells) - 0.05).max() < 1e-15


def test_host_cells_over_places_without_data_are_left_out():
    lu = np.full(SMALL.shape(120), 40, np.uint8)
    lu[:, 120:] = 255
    cells, attributes = demo_data.wrf_cells(scene(lu=lu))
    # A thousandth of a cell may lie over no data: 9 m of 9 km.
    assert 10.8 < cells["clon_vertices"].max() < 11.0002
    assert attributes["nx"] * attributes["ny"] == len(cells["global_id"])


def test_no_place_for_a_host_ends_the_command_with_a_message(tmp_path):
    lu = np.full(SMALL.shape(120), 255, np.uint8)
    lu[100, 100] = 40
    with pytest.raises(ValueError, match="no wrf cell lies wholly over the data"):
        demo_data.build(scene(lu=lu), tmp_path, ["wrf"], None)


def test_a_missing_folder_ends_the_command_with_status_1(tmp_path, capsys):
    assert demo_data.main(["--out", str(tmp_path), "--bavaria", str(tmp_path / "nowhere")]) == 1
    assert "demo_data:" in capsys.readouterr().err


def test_three_quarters_of_the_alps_are_hidden_from_the_network_and_no_water():
    try:
        made = demo_data.alps_scene()
    except sources.MissingDataError as error:
        pytest.skip(str(error))
    known, lu = made.layers["known"], made.layers["lu"]
    on_land = ~np.isin(lu, (0, 77))
    assert known[~on_land].all()
    blocks = on_land.reshape(80, 6, 120, 6).all(axis=(1, 3))
    assert (known.reshape(80, 6, 120, 6).sum(axis=(1, 3))[blocks] == 9).all()
    assert made.states.shape == (7, 12, 16, 24)
    assert np.abs(made.states.sum(axis=1) - made.states[0].sum(axis=0)).max() < 1e-13


def test_annual_maps_of_bavaria_are_taken_as_they_are(tmp_path):
    years, lat, lon = np.arange(2014, 2021), 49 - (np.arange(60) + 0.5) / 120, 10 + (np.arange(60) + 0.5) / 120
    maps = np.full((7, 60, 60), 22, np.uint8)
    maps[:, 0, 0] = 0
    maps[3:, 30:] = 11
    with netCDF4.Dataset(tmp_path / "bavaria_lu7_30arcsec_1992_2020.nc", "w") as data, \
            netCDF4.Dataset(tmp_path / "bavaria_statics_30arcsec.nc", "w") as statics:
        for name, values in (("year", years), ("lat", lat), ("lon", lon)):
            data.createDimension(name, len(values))
            data.createVariable(name, "f8", (name,))[:] = values
        data.createVariable("lu", "u1", ("year", "lat", "lon"))[:] = maps
        statics.createDimension("lat", 60)
        statics.createDimension("lon", 60)
        srtm = np.full((60, 60), 500.0)
        srtm[0] = np.nan
        for name, kind, values in (("elev_srtm30", "f4", srtm), ("elev_globe", "i2", np.full((60, 60), 300)),
                                   ("koppen5", "u1", np.full((60, 60), 4)), ("landmask", "u1", np.ones((60, 60)))):
            statics.createVariable(name, kind, ("lat", "lon"))[:] = values
    made = demo_data.bavaria_scene(tmp_path)
    assert made.region == Region(10.0, 10.5, 48.5, 49.0)
    assert made.layers["lu"][-1, 0] == 255
    assert made.layers["elevation"][-1, 0] == 300
    assert made.layers["elevation"][0, 0] == 500
    urban, crop = LUH2_STATES.index("urban"), LUH2_STATES.index("c3ann")
    assert made.states[0, crop] == pytest.approx(np.ones((2, 2)))
    assert made.states[3, urban, :, 1] == pytest.approx([1, 0])
    assert scenario.states_of_map(made.layers["lu"], np.sort(lat), 30)[crop] == pytest.approx(np.ones((2, 2)))
