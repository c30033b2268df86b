"""lsbc.training.readers.raster: windows of GeoTIFF and NetCDF files."""

import numpy as np
import pytest

from lsbc.regrid.errors import FileError
from lsbc.regrid.lattice import Lattice
from lsbc.training.readers.raster import numbers, open_raster
from lsbc.training.readers.resample import area_mean
from lsbc.training.readers.window import Window

from product_files import write_maps, write_tif

pytest.importorskip("rasterio")
NAN = np.float64(np.nan)


def test_a_geotiff_window_has_its_southern_row_first_and_nan_outside(tmp_path):
    values = np.array([[1, 2, 3], [4, 5, 6]], np.int16)
    raster = open_raster(write_tif(tmp_path / "a.tif", values, west=10.0, north=50.0, step=0.5, nodata=5))
    assert (raster.lat.start_deg, raster.lon.start_deg) == (49.0, 10.0)
    got = raster.block((0, 3), (1, 4), numbers, NAN)
    np.testing.assert_array_equal(got, [[np.nan, 6, np.nan], [2, 3, np.nan], [np.nan, np.nan, np.nan]])


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_netcdf_latitudes_may_run_either_way(tmp_path, order):
    lat, values = np.array([48.5, 49.5]), np.array([[1.0, 2.0], [3.0, 4.0]])
    raster = open_raster(write_maps(tmp_path / "a.nc", "z", values[order], lat[order], np.array([8.5, 9.5])))
    np.testing.assert_array_equal(raster.block((0, 2), (0, 2), numbers, NAN), values)


def test_a_window_across_greenwich_of_a_globe_from_0_to_360_is_one_piece(tmp_path):
    lon = np.arange(0.5, 360.0)
    raster = open_raster(write_maps(tmp_path / "a.nc", "z", np.tile(lon, (2, 1)), np.array([0.5, 1.5]), lon))
    assert raster.block((0, 1), (358, 362), numbers, NAN).tolist() == [[358.5, 359.5, 0.5, 1.5]]


@pytest.mark.parametrize("attribute", ["missing_value", "_FillValue", "_Fillvalue"])
def test_every_spelling_of_a_fill_value_is_no_data(tmp_path, attribute):
    values = np.array([[1.0, -9999.0], [1e20, 4.0]], np.float32)
    fill = {"fill": np.float32(-9999)} if attribute == "_FillValue" else {attribute: np.float32(-9999)}
    raster = open_raster(write_maps(tmp_path / "a.nc", "z", values, np.array([0.5, 1.5]), np.array([0.5, 1.5]), **fill))
    np.testing.assert_array_equal(raster.block((0, 2), (0, 2), numbers, NAN), [[1, np.nan], [np.nan, 4]])


def test_packed_values_are_unpacked(tmp_path):
    raster = open_raster(write_maps(tmp_path / "a.nc", "z", np.array([[1, 2], [3, -1]], np.int16), np.array([0.5, 1.5]), np.array([0.5, 1.5]),
                                    fill=np.int16(-1), scale_factor=0.5, add_offset=10.0))
    np.testing.assert_array_equal(raster.block((0, 2), (0, 2), numbers, NAN), [[10.5, 11.0], [11.5, np.nan]])


def test_only_the_rows_asked_for_are_read(tmp_path, monkeypatch):
    raster = open_raster(write_tif(tmp_path / "a.tif", np.zeros((100, 50), np.uint8), west=0.0, north=50.0, step=0.5))
    asked = []
    read = raster.read
    monkeypatch.setattr(raster, "read", lambda rows, cols, index: asked.append((rows, cols)) or read(rows, cols, index))
    raster.block((10, 14), (3, 5), numbers, NAN)
    assert asked == [(slice(86, 90), slice(3, 5))]


def test_a_raster_in_metres_is_refused(tmp_path):
    path = write_tif(tmp_path / "homolosine.tif", np.zeros((2, 2), np.uint8), west=0.0, north=0.0, step=250.0, crs="EPSG:3035")
    with pytest.raises(FileError, match=r"homolosine\.tif is not in degrees .* EPSG:3035; warp it"):
        open_raster(path)


def test_a_file_of_several_bands_is_refused(tmp_path):
    import rasterio

    with rasterio.open(tmp_path / "stack.tif", "w", driver="GTiff", height=2, width=2, count=3, dtype="uint8", crs="EPSG:4326",
                       transform=rasterio.Affine(1, 0, 0, 0, -1, 2)) as file:
        file.write(np.zeros((3, 2, 2), np.uint8))
    with pytest.raises(FileError, match=r"stack\.tif has 3 bands; one is expected"):
        open_raster(tmp_path / "stack.tif")


def test_a_variable_that_is_not_there_is_named_with_those_that_are(tmp_path):
    path = write_maps(tmp_path / "a.nc", "lccs", np.zeros((2, 2), np.uint8), np.array([0.5, 1.5]), np.array([0.5, 1.5]))
    with pytest.raises(FileError, match=r"a\.nc has no variable 'lccs_class'; it has lat, lccs, lon"):
        open_raster(path, "lccs_class")


def test_dimensions_that_are_no_map_are_refused(tmp_path):
    path = write_maps(tmp_path / "a.nc", "z", np.zeros((2, 2)), np.array([0.5, 1.5]), np.array([0.5, 1.5]), dims=("t", "row", "lon"))
    with pytest.raises(FileError, match=r"z has dimensions \('row', 'lon'\)"):
        open_raster(path, "z")


def test_a_file_that_is_no_raster_is_named(tmp_path):
    for name in ("a.tif", "a.nc"):
        (tmp_path / name).write_text("no raster")
        with pytest.raises(FileError, match=f"{name} cannot be opened"):
            open_raster(tmp_path / name)


def test_bytes_marked_unsigned_have_their_fill_unsigned_too(tmp_path):
    values = np.array([[1, -1], [-56, 4]], np.int8)
    raster = open_raster(write_maps(tmp_path / "a.nc", "z", values, np.array([0.5, 1.5]), np.array([0.5, 1.5]), fill=np.int8(-1), _Unsigned="true"))
    # -56 is 200 of 256
    np.testing.assert_array_equal(raster.block((0, 2), (0, 2), numbers, NAN), [[1, np.nan], [200, 4]])


@pytest.mark.parametrize("value", [np.array([1.0, 2.0]), "none"])
@pytest.mark.parametrize("name", ["missing_value", "scale_factor"])
def test_an_attribute_that_is_not_one_number_is_refused_with_its_name(tmp_path, name, value):
    path = write_maps(tmp_path / "a.nc", "z", np.zeros((2, 2)), np.array([0.5, 1.5]), np.array([0.5, 1.5]), **{name: value})
    with pytest.raises(FileError, match=rf"a\.nc: attribute {name} of z must be one number, got "):
        open_raster(path)


def test_a_regional_map_across_the_date_line_is_whole_in_a_window_of_the_globe(tmp_path):
    lon = np.array([178.5, 179.5, 180.5, 181.5])
    for name, order in (("a.nc", 1), ("b.nc", -1)):
        raster = open_raster(write_maps(tmp_path / name, "z", np.tile(lon, (2, 1))[:, ::order], np.array([0.5, 1.5]), lon[::order]))
        got = area_mean(raster, Window(Lattice(180, 360), 90, 0, 1, 360))[0]
        assert got[:3].tolist() == [180.5, 181.5, pytest.approx(np.nan, nan_ok=True)] and got[-2:].tolist() == [178.5, 179.5]
        assert np.isnan(got[2:-2]).all()
