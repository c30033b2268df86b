"""lsbc.training.sources: what is opened, filled and written down."""

import numpy as np
import pytest

from lsbc.regrid.errors import ConfigError, FileError
from lsbc.regrid.lattice import Lattice
from lsbc.training.prepare_config import read_prepare_config
from lsbc.training.readers.window import Window
from lsbc.training.sources import filled, open_sources

from product_files import write_tif

pytest.importorskip("rasterio")
TEXT = """
[store]
path = "out.zarr"
sha256 = true
[lattice]
fine = "0.01 deg"
box = [10, 50, 10.5, 50.25]
[land_use]
product = "hilda"
version = "2.0"
files = ["m_{year}.tif"]
years = [2000, 2001]
resample = "nearest"
[[statics]]
product = "topography"
files = ["z.tif"]
[[statics]]
product = "koppen"
files = ["k.tif"]
since = 1991
"""


@pytest.fixture
def folder(tmp_path):
    for name, value in (("m_2000.tif", 22), ("m_2001.tif", 33), ("k.tif", 15), ("z.tif", 100)):
        write_tif(tmp_path / name, np.full((25, 50), value, np.uint8), 10.0, 50.25, 0.01)
    (tmp_path / "prepare.toml").write_text(TEXT)
    return tmp_path


def config(folder, extra=""):
    (folder / "prepare.toml").write_text(TEXT + extra)
    return read_prepare_config(folder / "prepare.toml")


def test_the_region_is_counted_from_the_south_pole_and_the_date_line(folder):
    sources = open_sources(config(folder))
    assert (sources.region.row0, sources.region.col0, sources.region.shape, sources.ratio) == (14000, 19000, (25, 50), 25)
    assert (sources.coarse_region.row0, sources.coarse_region.col0, sources.coarse_region.shape) == (560, 760, (1, 2))


def test_the_finest_source_is_known_for_the_memory_it_takes(folder):
    assert open_sources(config(folder)).source_cells == pytest.approx(1.0)
    write_tif(folder / "z.tif", np.zeros((100, 200), np.uint8), 10.0, 50.25, 0.0025)
    assert open_sources(config(folder)).source_cells == pytest.approx(16.0)


def test_every_file_is_written_down_with_its_size_and_checksum(folder):
    files = open_sources(config(folder)).files
    assert [one["file"] for one in files["land_use"]] == ["m_2000.tif", "m_2001.tif"]
    assert files["statics[1]"][0]["bytes"] == (folder / "k.tif").stat().st_size
    assert len(files["statics[0]"][0]["sha256"]) == 64 and files["driver"] == []


@pytest.mark.parametrize("gone, message", [("m_2001.tif", r"No map of year 2001: looked for .*m_2001\.tif"),
                                           ("k.tif", r"File .*k\.tif of statics\.koppen is not there")])
def test_what_is_missing_is_said_before_anything_is_read(folder, gone, message):
    (folder / gone).unlink()
    with pytest.raises(FileError, match=message):
        open_sources(config(folder))


def test_an_unknown_soil_property_is_refused(folder):
    with pytest.raises(ConfigError, match=r"statics\.soilgrids\.name must be one of clay, sand, .* got 'loam'"):
        open_sources(config(folder, "[[statics]]\nproduct = 'soilgrids'\nname = 'loam'\nfiles = ['loam_{depth}.tif']\n"))


def test_gaps_take_a_number_or_their_neighbours_even_those_outside_the_window():
    lattice, window = Lattice(180, 360), Window(Lattice(180, 360), 90, 180, 1, 2)

    def read(one):
        west = one.lattice.lon_edge_deg(one.col0 + np.arange(one.n_col))
        return np.where(west < 0, np.where(west == -1, 6.0, np.nan), np.nan)[None].repeat(one.n_row, axis=0)

    assert window.lattice == lattice
    assert filled(read, 3.0, 2, window).tolist() == [[3.0, 3.0]]
    assert filled(read, "neighbours", 2, window).tolist() == [[6.0, 6.0]]
    assert filled(lambda one: np.full(one.shape, np.nan), "neighbours", 2, window).tolist() == [[0.0, 0.0]]


def test_layers_are_read_in_the_order_of_the_configuration(folder):
    sources = open_sources(config(folder))
    assert [(layer.name, layer.since) for layer in sources.layers] == [("elevation", 0), ("koppen", 1991)]
    assert [float(layer.read(sources.region).max()) for layer in sources.layers] == pytest.approx([100.0, 3.0], rel=1e-12)
