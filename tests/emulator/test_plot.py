import netCDF4
import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_CODES
from lsbc.emulator.fields import FILL
from lsbc.regrid.errors import FileError

pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra 'plot')")
from lsbc.emulator import plot, plot_frame  # noqa: E402


@pytest.fixture
def landuse(tmp_path):
    """Writes a class map on cells of 0.5 degrees from 10 E, 46 N; rows north -> south on request."""

    def write(name, codes, year=2019, flip=False):
        codes = np.array(codes, np.uint8)
        lat = 46.25 + 0.5 * np.arange(codes.shape[0])
        path = tmp_path / f"{name}.nc"
        with netCDF4.Dataset(path, "w") as data:
            data.createDimension("lat", codes.shape[0])
            data.createDimension("lon", codes.shape[1])
            data.createVariable("lat", "f8", ("lat",))[:] = lat[::-1] if flip else lat
            data.createVariable("lon", "f8", ("lon",))[:] = 10.25 + 0.5 * np.arange(codes.shape[1])
            variable = data.createVariable("landuse", "u1", ("lat", "lon"), fill_value=255)
            variable.set_auto_maskandscale(False)
            variable[:] = codes[::-1] if flip else codes
            data.year = np.int32(year)
        return path

    return write


@pytest.fixture
def host(tmp_path):
    """Two triangles, the second across the date line."""
    path = tmp_path / "lsbc_2020.nc"
    with netCDF4.Dataset(path, "w") as data:
        for name, size in (("cell", 2), ("nv", 3), ("class", 8)):
            data.createDimension(name, size)
        data.createVariable("lon_vertices", "f8", ("cell", "nv"))[:] = [[178.0, 179.0, 178.5], [179.0, -179.0, 179.5]]
        data.createVariable("lat_vertices", "f8", ("cell", "nv"))[:] = [[0.0, 0.0, 1.0]] * 2
        data.createVariable("lu_dominant", "i4", ("cell",), fill_value=-1)[:] = [11, 40]
        lai = data.createVariable("lai", "f8", ("cell",), fill_value=FILL)
        lai.setncatts({"long_name": "leaf area index, middle of its range", "units": "1"})
        lai[:] = [2.5, FILL]
        data.createVariable("z0m", "f8", ("cell",)).units = "m"
        data.createVariable("lu_frac", "f8", ("class", "cell"))[:] = 0
        data.createVariable("valid_year", "i4", ())[:] = 2020
    return path


def legend_labels(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_the_legend_names_the_classes_there_are_with_their_share(landuse):
    figure = plot.landuse_figure(landuse("map", [[11, 22], [22, 255], [40, 55]]))
    labels = legend_labels(figure)
    assert [label.split()[0] for label in labels] == ["urban", "cropland", "forest", "grass/shrub"]
    cos = np.cos(np.radians([46.25, 46.75, 47.25]))
    expected = 100 * (cos[0] + cos[1]) / (2 * cos[0] + cos[1] + 2 * cos[2])
    assert labels[1] == f"cropland  {expected:.1f} %"


def test_the_map_reaches_from_edge_to_edge_and_has_the_year_in_its_title(landuse):
    axes = plot.landuse_figure(landuse("map", [[11, 22, 33]] * 2, year=2031)).axes[0]
    assert axes.get_title() == "Land use, 2031"
    assert axes.images[0].get_extent() == pytest.approx([10.0, 11.5, 46.0, 47.0])
    assert (*axes.get_xlim(), *axes.get_ylim()) == pytest.approx((10.0, 11.5, 46.0, 47.0))
    assert axes.get_aspect() == pytest.approx(1 / np.cos(np.radians(46.5)))


def test_a_margin_without_data_is_not_drawn(landuse):
    codes = np.full((4, 6), 255)
    codes[1:3, 2] = 22
    axes = plot.landuse_figure(landuse("map", codes)).axes[0]
    assert (*axes.get_xlim(), *axes.get_ylim()) == pytest.approx((11.0, 11.5, 46.5, 47.5))
    assert axes.images[0].get_extent() == pytest.approx([10.0, 13.0, 46.0, 48.0])


def test_a_map_without_any_data_is_drawn_whole(landuse):
    figure = plot.landuse_figure(landuse("map", np.full((2, 2), 255)))
    assert figure.axes[0].get_xlim() == pytest.approx((10.0, 11.0))
    assert figure.axes[0].get_legend() is None


@pytest.mark.parametrize("flip", [False, True])
def test_the_south_is_below_whichever_way_the_rows_of_the_file_run(landuse, flip):
    image = plot.landuse_figure(landuse("map", [[11, 11], [40, 40]], flip=flip)).axes[0].images[0]
    colours = np.round(255 * np.asarray(image.get_array())[:, 0, :3]).astype(int)
    assert ["#" + "".join(f"{part:02x}" for part in colour) for colour in colours] == [plot_frame.CLASS_COLOURS[1], plot_frame.CLASS_COLOURS[4]]
    assert image.origin == "lower"


def test_every_class_has_a_colour_of_its_own():
    assert len(set(plot_frame.CLASS_COLOURS)) == len(CLASS_CODES)


def test_degrees_are_marked_with_their_hemisphere():
    assert [plot_frame._degrees(value, "EW") for value in (8.5, -3.0, 0.0)] == ["8.5°E", "3°W", "0°"]


def test_the_change_map_counts_changed_cells_and_names_what_they_became(landuse):
    before = landuse("before", [[22, 22], [40, 255]], year=2019)
    after = landuse("after", [[11, 22], [40, 11]], year=2025)
    figure = plot.change_figure(before, after)
    assert figure.axes[0].get_title() == "Change of land use 2019 to 2025: 1 of 3 cells (33.33 %)"
    assert legend_labels(figure) == ["to urban  1"]


def test_changed_cells_are_coloured_by_what_they_became_on_grey(landuse):
    before, after = landuse("before", [[22, 22], [40, 40]]), landuse("after", [[11, 22], [40, 40]])
    image = np.asarray(plot.change_figure(before, after).axes[0].images[0].get_array())
    assert image[0, 0] == pytest.approx(plot_frame.rgb(plot_frame.CLASS_COLOURS[1]))
    assert image[1, 1] == pytest.approx(plot_frame.rgb(plot_frame.LAND_COLOUR))


def test_few_changed_cells_are_drawn_larger_and_the_map_says_so(landuse):
    codes = np.full((20, 20), 22)
    before = landuse("before", codes)
    codes[3, 4] = 11
    axes = plot.change_figure(before, landuse("after", codes)).axes[0]
    assert axes.collections[0].get_offsets().tolist() == [[12.25, 47.75]]
    assert axes.get_xlabel() == "changed cells are drawn larger than they are"


def test_maps_without_change_have_no_legend(landuse):
    axes = plot.change_figure(landuse("a", [[22, 22]] * 2), landuse("b", [[22, 22]] * 2)).axes[0]
    assert axes.get_legend() is None
    assert "0 of 4 cells" in axes.get_title()


def test_maps_on_different_grids_are_refused(landuse):
    with pytest.raises(FileError, match="different grids"):
        plot.change_figure(landuse("a", [[22, 22]] * 2), landuse("b", [[22, 22]] * 3))


def test_host_cells_are_polygons_in_one_piece_across_the_date_line(host):
    cells = plot.host_figure(host, "lu_dominant").axes[0].collections[0]
    polygons = [path.vertices for path in cells.get_paths()]
    assert polygons[1][:3, 0].tolist() == [179.0, 181.0, 179.5]
    assert cells.get_facecolor()[0, :3] == pytest.approx(plot_frame.rgb(plot_frame.CLASS_COLOURS[1]))


def test_the_dominant_class_has_a_legend_in_cells(host):
    figure = plot.host_figure(host, "lu_dominant")
    assert legend_labels(figure) == ["urban  1 cells", "forest  1 cells"]
    assert figure.axes[0].get_title() == "Dominant land use of host cells, 2020"


def test_a_number_has_a_colour_bar_with_its_name_and_fill_values_have_no_colour(host):
    figure = plot.host_figure(host, "lai")
    assert figure.axes[1].get_ylabel() == "leaf area index"
    assert figure.axes[0].collections[0].get_array().mask.tolist() == [False, True]


def test_units_are_shown_where_there_are_some(host):
    assert plot.host_figure(host, "z0m").axes[1].get_ylabel() == "z0m [m]"


def test_a_field_that_is_not_there_is_refused_with_those_that_are(host):
    with pytest.raises(FileError, match="no field 'lu_frc'.*lu_dominant, lai, z0m, lu_frac"):
        plot.host_figure(host, "lu_frc")


def test_the_picture_is_a_png_at_least_1200_wide(landuse, host, tmp_path):
    for made in (plot.plot_file(landuse("map", [[11, 22], [22, 40]]), tmp_path / "deep" / "map.png"),
                 plot.plot_file(host, tmp_path / "host.png"), plot.plot_host(host, "lai", tmp_path / "lai.png")):
        head = made.read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(head[16:20], "big") >= 1200


def test_a_file_without_a_map_is_refused_by_name(tmp_path):
    with netCDF4.Dataset(tmp_path / "other.nc", "w"):
        pass
    with pytest.raises(FileError, match="other.nc has no land-use map"):
        plot.plot_landuse(tmp_path / "other.nc", tmp_path / "map.png")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileError, match="nowhere.nc could not be opened"):
        plot.plot_file(tmp_path / "nowhere.nc", tmp_path / "map.png")


def test_matplotlib_stays_out_until_a_figure_is_made():
    import subprocess
    import sys

    code = "import sys, lsbc.emulator.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
