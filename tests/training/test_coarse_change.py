import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from lsbc.regrid.errors import FieldError, FileError, GridError, ValueRangeError
from lsbc.training.coarse_change import read_changes, read_map, write_map, zone_sums, zones_of

FINE = Affine(0.1, 0.0, 0.0, 0.0, -0.1, 1.0)
COARSE = Affine(0.5, 0.0, 0.0, 0.0, -0.5, 1.0)
NAN = np.nan


def write(path, values, transform, names=None, dtype="float32", nodata=NAN, crs="EPSG:4326"):
    values = np.asarray(values, dtype).reshape(-1, *np.shape(values)[-2:])
    n_band, height, width = values.shape
    with rasterio.open(path, "w", driver="GTiff", dtype=dtype, nodata=nodata, width=width, height=height, count=n_band, crs=crs,
                       transform=transform) as file:
        file.write(values)
        file.descriptions = names or (None,) * n_band
    return path


def fine_map(tmp_path):
    """10 x 12 cells of 0.1 degree: codes 11 and 33, one cell without land; two columns lie east of the two coarse columns."""
    values = np.where(np.arange(12) < 5, 11.0, 33.0) + np.zeros((10, 1))
    values[0, 0] = NAN
    return write(tmp_path / "map.tif", values, FINE)


def changes(tmp_path, name="c.tif", cell_area=None, names=("LC11", "LC33")):
    """2 x 2 coarse cells of 0.5 degree, the lower left one without data."""
    urban = np.array([[1.0, 2.0], [NAN, 0.0]])
    bands = [urban, -urban] + ([] if cell_area is None else [cell_area])
    return write(tmp_path / name, bands, COARSE, names + (() if cell_area is None else ("cell_area",)))


def test_a_map_is_written_as_it_was_read(tmp_path):
    fine = read_map(fine_map(tmp_path))
    write_map(tmp_path / "again.tif", fine, fine.index)
    with rasterio.open(tmp_path / "map.tif") as first, rasterio.open(tmp_path / "again.tif") as second:
        assert np.array_equal(first.read(), second.read(), equal_nan=True) and first.transform == second.transform and first.crs == second.crs
        assert second.dtypes == ("float32",) and np.isnan(second.nodata)


def test_cell_areas_add_up_to_the_ellipsoid_s_surface(tmp_path):
    whole = read_map(write(tmp_path / "globe.tif", np.full((180, 360), 11.0), Affine(1.0, 0.0, -180.0, 0.0, -1.0, 90.0)))
    assert whole.cell_area_km2().sum() * 360 == pytest.approx(510_065_621.7, rel=1e-8)  # surface of WGS84


def test_without_land_areas_cells_belong_to_the_box_they_lie_in(tmp_path):
    fine = read_map(fine_map(tmp_path))
    zones = zones_of(fine, read_changes([changes(tmp_path)], fine.codes))
    assert zones.rule == "boxes" and zones.km2.tolist() == [[[1.0, -1.0], [2.0, -2.0], [0.0, 0.0]]]
    assert zones.zone[0, 0] == -1 and (zones.zone[1:5, :5] == 0).all() and (zones.zone[:5, 5:10] == 1).all()
    assert (zones.zone[5:, :5] == -1).all() and (zones.zone[5:, 5:10] == 2).all() and (zones.zone[:, 10:] == -1).all()


def test_land_areas_that_count_every_cell_give_each_cell_to_the_nearest_coarse_cell_with_data(tmp_path):
    fine = read_map(fine_map(tmp_path))
    cell_area = np.array([[24 + 13, 35], [NAN, 35 + 12.0]]) * 123.0  # km2, about, when the south-west corner and the east are given away
    zones = zones_of(fine, read_changes([changes(tmp_path, cell_area=cell_area)], fine.codes))
    assert zones.rule.startswith("nearest") and ((zones.zone >= 0) == fine.land).all()
    assert (zones.zone[:5, 10:] == 1).all() and zones.zone[9, 4] == 2 and zones.zone[5, 0] == 0
    assert zone_sums(zones.zone, fine, 3).sum() == pytest.approx((fine.land * fine.cell_area_km2()[:, None]).sum())


def test_changes_of_several_files_are_years_in_order(tmp_path):
    fine = read_map(fine_map(tmp_path))
    change = read_changes([changes(tmp_path), changes(tmp_path, "d.tif")], fine.codes)
    assert change.km2.shape == (2, 2, 2, 2) and not change.has_data[1, 0]


def test_a_class_that_only_one_side_knows_is_refused(tmp_path):
    with pytest.raises(FieldError, match=r"c.tif has the bands \['LC11', 'LC44'\]; the map's classes ask for \['LC11', 'LC33'\]"):
        read_changes([changes(tmp_path, names=("LC11", "LC44"))], (11, 33))


def test_files_on_different_grids_are_refused(tmp_path):
    other = write(tmp_path / "o.tif", np.zeros((2, 2, 2)), FINE, ("LC11", "LC33"))
    with pytest.raises(GridError, match="o.tif lies on another grid"):
        read_changes([changes(tmp_path), other], (11, 33))


def test_values_that_are_no_codes_are_refused(tmp_path):
    with pytest.raises(ValueRangeError, match=r"half.tif: band 1 must hold class codes.*0.5 to 0.5"):
        read_map(write(tmp_path / "half.tif", np.full((2, 2), 0.5), FINE))


def test_a_map_of_whole_numbers_keeps_its_nodata_value(tmp_path):
    values = np.array([[11, 255, 33], [33, 11, 255]])
    fine = read_map(write(tmp_path / "bytes.tif", values, FINE, dtype="uint8", nodata=255))
    assert fine.codes == (11, 33) and fine.land.tolist() == (values != 255).tolist()
    write_map(tmp_path / "again.tif", fine, fine.index)
    with rasterio.open(tmp_path / "again.tif") as again:
        assert again.read(1).tolist() == values.tolist() and again.nodata == 255 and again.dtypes == ("uint8",)


def test_change_files_may_mark_missing_cells_by_a_number(tmp_path):
    km2 = np.array([[[1.0, -9999.0]], [[-1.0, -9999.0]]])
    assert read_changes([write(tmp_path / "n.tif", km2, COARSE, ("LC11", "LC33"), nodata=-9999.0)], (11, 33)).has_data.tolist() == [[True, False]]


def test_coarse_cells_that_count_no_land_are_no_zones(tmp_path):
    values = np.full((10, 12), NAN)
    values[:5, 5:10], values[0, 5] = 11.0, 33.0
    fine = read_map(write(tmp_path / "east.tif", values, FINE))
    zones = zones_of(fine, read_changes([changes(tmp_path)], fine.codes))
    assert zones.km2.tolist() == [[[2.0, -2.0]]] and set(np.unique(zones.zone)) == {-1, 0} and zones.lost_km2 == 1.0  # the north-west cell's 1 km2


def test_coarse_cells_beside_the_map_or_without_data_are_refused(tmp_path):
    fine = read_map(fine_map(tmp_path))
    away = write(tmp_path / "away.tif", np.zeros((2, 2, 2)), Affine(0.5, 0.0, 50.0, 0.0, -0.5, 1.0), ("LC11", "LC33"))
    with pytest.raises(GridError, match="None of the 4 coarse cells with data covers land of the map"):
        zones_of(fine, read_changes([away], fine.codes))
    empty = write(tmp_path / "empty.tif", np.full((2, 2, 2), NAN), COARSE, ("LC11", "LC33"))
    with pytest.raises(GridError, match="None of the 4 coarse cells has a change"):
        zones_of(fine, read_changes([empty], fine.codes))


def test_a_missing_or_broken_file_is_a_file_error(tmp_path):
    with pytest.raises(FileError, match="none.tif cannot be read"):
        read_map(tmp_path / "none.tif")
    (tmp_path / "text.tif").write_text("no picture")
    with pytest.raises(FileError, match="text.tif cannot be read"):
        read_changes([tmp_path / "text.tif"], (11, 33))


def test_a_place_that_cannot_be_written_is_a_file_error_and_leaves_nothing_behind(tmp_path):
    fine = read_map(fine_map(tmp_path))
    (tmp_path / "folder.tif").mkdir()
    for target in (tmp_path / "none" / "new.tif", tmp_path / "folder.tif"):
        with pytest.raises(FileError, match=f"{target.name} cannot be written"):
            write_map(target, fine, fine.index)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.tif", "map.tif"]


def test_an_earlier_map_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    fine = read_map(fine_map(tmp_path))
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
    before = (tmp_path / "map.tif").read_bytes()
    with pytest.raises(FileError, match="map.tif cannot be written: no"):
        write_map(tmp_path / "map.tif", fine, np.zeros_like(fine.index))
    assert (tmp_path / "map.tif").read_bytes() == before


@pytest.mark.parametrize("crs", ["EPSG:27700", None])
def test_maps_in_metres_or_without_a_coordinate_system_are_refused(tmp_path, crs):
    path = write(tmp_path / "metres.tif", np.full((2, 2, 2), 11.0), FINE, ("LC11", "LC33"), crs=crs)
    for read in (lambda: read_map(path), lambda: read_changes([path], (11, 33))):
        with pytest.raises(GridError, match="metres.tif must be in degrees"):
            read()


def test_change_files_of_different_shapes_are_refused(tmp_path):
    wide = write(tmp_path / "wide.tif", np.zeros((2, 2, 3)), COARSE, ("LC11", "LC33"))
    with pytest.raises(FileError, match="wide.tif has 2 x 3 cells, .*c.tif has 2 x 2"):
        read_changes([changes(tmp_path), wide], (11, 33))
