import netCDF4
import numpy as np
import pytest

from lsbc.emulator.hosts import copied
from lsbc.emulator.hosts.copied import attributes, copy_dimensions, copy_variable


def both(folder, format="NETCDF4"):
    """A file to copy from, and an empty one."""
    source, target = netCDF4.Dataset(folder / "a.nc", "w"), netCDF4.Dataset(folder / "b.nc", "w", format=format)
    for data in (source, target):
        data.set_auto_maskandscale(False)
    return source, target


@pytest.mark.parametrize("storage", [{"zlib": True, "shuffle": False, "complevel": 7}, {"zlib": True, "shuffle": True, "complevel": 1}, {}])
def test_a_copy_is_compressed_as_its_source(tmp_path, storage):
    source, target = both(tmp_path)
    source.createDimension("cell", 5)
    old = source.createVariable("field", "f4", ("cell",), chunksizes=(5,), **storage)
    copy_variable(source, target, "field")
    assert target["field"].filters() == old.filters() and target["field"].chunking() == [5]
    for data in (source, target):
        data.close()


@pytest.mark.parametrize("part_bytes", [1, 100, copied.PART_BYTES])
@pytest.mark.parametrize("format", ["NETCDF4", "NETCDF3_64BIT_OFFSET"])
def test_a_copy_has_the_same_bits_attributes_and_dimensions(tmp_path, monkeypatch, part_bytes, format):
    monkeypatch.setattr(copied, "PART_BYTES", part_bytes)
    source, target = both(tmp_path, format)
    source.createDimension("time", None)
    source.createDimension("cell", 5)
    values = np.array([[np.nan, -0.0, 1e-310, 7, -9]] * 3, np.float32)
    old = source.createVariable("field", "f4", ("time", "cell"), fill_value=np.float32(-9), zlib=True, chunksizes=(1, 5))
    old.setncatts({"units": "m", "scale_factor": 2.0, "valid_min": np.float32(0)})
    old.set_auto_maskandscale(False)
    old[:] = values
    source.createVariable("code", "i4", ())[...] = 7
    for name in ("field", "code"):
        copy_variable(source, target, name)
    new = target["field"]
    np.testing.assert_array_equal(new[:].view(np.int32), values.view(np.int32))
    assert new.__dict__.keys() == old.__dict__.keys() and (new._FillValue, new.units, new.scale_factor) == (-9, "m", 2.0)
    assert target.dimensions["time"].isunlimited() and len(target.dimensions["cell"]) == 5 and int(target["code"][...]) == 7
    if format == "NETCDF4":
        assert new.chunking() == [1, 5] and new.filters()["zlib"]
    for data in (source, target):
        data.close()


def test_texts_are_copied(tmp_path):
    source, target = both(tmp_path)
    source.createDimension("name", 2)
    source.createVariable("label", str, ("name",))[:] = np.array(["forest", "Gräser"], object)
    copy_variable(source, target, "label")
    assert target["label"][:].tolist() == ["forest", "Gräser"]
    for data in (source, target):
        data.close()


def test_a_dimension_that_is_there_stays_and_attributes_of_the_type_are_left_out(tmp_path):
    source, target = both(tmp_path)
    source.createDimension("cell", 5)
    target.createDimension("cell", 4)
    copy_dimensions(source, target, ("cell",))
    assert len(target.dimensions["cell"]) == 4
    field = source.createVariable("field", "f4", ("cell",), fill_value=np.float32(-9))
    field.setncatts({"units": "m", "missing_value": np.float32(-9), "valid_range": np.float32([0, 1])})
    assert attributes(field) == {"units": "m"}
    for data in (source, target):
        data.close()
