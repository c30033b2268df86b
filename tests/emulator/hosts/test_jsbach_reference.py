import numpy as np
import pytest

from lsbc.emulator.hosts.blocks import blocks
from lsbc.emulator.hosts.jsbach_reference import open_reference
from lsbc.emulator.hosts.year_file import open_year
from lsbc.regrid.errors import FileError, ValueRangeError

from grid_files import Spec, Var
from host_files import jsbach
from year_files import fractions, write_year

LON, LAT = np.array([5.0, 6.0, 7.0]), np.array([40.0, 41.0, 42.0])


def read(folder, host, lon=LON, lat=LAT):
    """Plant types of all cells; None where the file has none."""
    path = write_year(folder / "lsbc_2031.nc", fractions(*[{40: 1.0}] * np.size(lon)), lon, lat)
    with open_year(path) as year, open_reference(host, year) as reference:
        parts = list(blocks(reference.shape))
        assert sum(block.n_cell for block in parts) == np.size(lon)
        return np.concatenate([reference.types(block) for block in parts], axis=1) if reference.has_types else None


def test_fractions_are_those_of_the_file(tmp_path):
    types = read(tmp_path, jsbach().write(tmp_path / "host.nc"))
    np.testing.assert_array_equal(types[[0, 6, 10]].T, [[0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0, 0, 0]])


def test_coordinates_in_radians_and_along_rows_and_columns_are_understood(tmp_path):
    spec = jsbach()
    for name in ("clon", "clat"):
        spec.variables[name] = Var(("cell",), np.radians(spec.variables[name].values), {"units": "radian"})
    assert read(tmp_path, spec.write(tmp_path / "host.nc")).shape == (11, 3)
    lon, lat = np.meshgrid([5.0, 6.0], [40.0, 41.0, 42.0])
    grid = Spec({"fract_veg": Var(("lat", "lon"), np.arange(6.0).reshape(3, 2) / 8), "lat": Var(("lat",), lat[:, 0]), "lon": Var(("lon",), lon[0])})
    assert read(tmp_path, grid.write(tmp_path / "grid.nc"), lon, lat) is None, "plant types may be missing where fract_veg is there"


@pytest.mark.parametrize(("change", "error", "message"), [
    (lambda spec: spec.variables.pop("fract_pft05"), FileError, "has no fract_pft05; JSBACH's file of tile fractions"),
    (lambda spec: spec.variables.pop("clon"), FileError, "has no coordinates of its cells"),
    (lambda spec: spec.variables["clat"].values.__iadd__(0.01), FileError, "they are not of the same grid"),
    (lambda spec: spec.variables["fract_pft03"].values.__setitem__(1, np.nan), ValueRangeError, r"'fract_pft03' is nan in cell 2 \(6.0000 E, 41.0000 N\)"),
    (lambda spec: spec.variables["fract_pft03"].values.__setitem__(2, -1e-9), ValueRangeError, "'fract_pft03' is -1e-09 in cell 3"),
    (lambda spec: spec.variables["fract_pft03"].values.__setitem__(0, 0.01), ValueRangeError, "the plant types of cell 1 .* sum to 1.01, more than 1"),
    (lambda spec: spec.variables["fract_pft03"].attrs.update(scale_factor=0.01), FileError, r"'fract_pft03' is packed \(scale_factor\)"),
    (lambda spec: spec.variables.update(fract_pft03=Var(("one", "cell"), np.zeros((1, 3)))), FileError, r"'fract_pft03' lies on \(one, cell\), the others on \(cell\)"),
])
def test_a_wrong_host_file_is_refused(tmp_path, change, error, message):
    spec = jsbach()
    change(spec)
    with pytest.raises(error, match=message):
        read(tmp_path, spec.write(tmp_path / "host.nc"))


def test_a_host_file_that_is_missing_or_damaged_is_refused(tmp_path):
    with pytest.raises(FileError, match="host.nc does not exist"):
        read(tmp_path, tmp_path / "host.nc")
    (tmp_path / "host.nc").write_bytes(b"not netCDF")
    with pytest.raises(FileError, match="host.nc cannot be read"):
        read(tmp_path, tmp_path / "host.nc")


@pytest.mark.parametrize("format", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET"])
def test_a_classic_file_that_was_cut_short_is_refused(tmp_path, format):
    """The netCDF library would read zeros at its end."""
    host = jsbach().write(tmp_path / "host.nc", format=format)
    host.write_bytes(host.read_bytes()[:1000])
    with pytest.raises(FileError, match="host.nc is cut short"):
        read(tmp_path, host)


def test_an_error_in_the_work_with_an_open_file_is_not_taken_for_damage_of_it(tmp_path):
    path = write_year(tmp_path / "lsbc_2031.nc", fractions(*[{40: 1.0}] * 3), LON, LAT)
    with pytest.raises(OSError, match="disk full"), open_year(path) as year, open_reference(jsbach().write(tmp_path / "host.nc"), year):
        raise OSError("disk full")
