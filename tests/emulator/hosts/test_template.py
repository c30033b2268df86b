from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.template import centres, mark, plain
from lsbc.emulator.hosts.year_file import open_year
from lsbc.regrid.errors import FileError

from grid_files import Spec, Var
from year_files import PROVENANCE, fractions, write_year


@contextmanager
def opened(tmp_path, variables, mode="r"):
    path = Spec(variables).write(tmp_path / "host.nc")
    with Dataset(path, mode) as data:
        data.set_auto_maskandscale(False)
        yield data


def test_a_variable_must_be_there_hold_numbers_and_be_unpacked(tmp_path):
    packed = Var(("cell",), np.array([1, 2], np.int16), {"scale_factor": 0.5})
    with opened(tmp_path, {"packed": packed, "text": Var(("cell",), np.array([b"a", b"b"])), "good": Var(("cell",), np.array([1.0, 2.0]))}) as data:
        assert plain(data, "good", Path("host.nc"))[:].tolist() == [1.0, 2.0]
        with pytest.raises(FileError, match="host.nc has no SOILTYP"):
            plain(data, "SOILTYP", Path("host.nc"))
        with pytest.raises(FileError, match=r"'packed' is packed \(scale_factor\)"):
            plain(data, "packed", Path("host.nc"))
        with pytest.raises(FileError, match="'text' is of type"):
            plain(data, "text", Path("host.nc"))


def test_fractions_are_not_written_to_whole_numbers(tmp_path):
    with opened(tmp_path, {"classes": Var(("cell",), np.array([1, 2], np.int32)), "cover": Var(("cell",), np.array([0.5, 1.0], np.float32))}) as data:
        assert plain(data, "classes", Path("host.nc"))[:].tolist() == [1, 2]
        assert plain(data, "cover", Path("host.nc"), real=True)[:].tolist() == [0.5, 1.0]
        with pytest.raises(FileError, match="File host.nc: 'classes' is of type int32, which would cut off fractions; convert it to float or double"):
            plain(data, "classes", Path("host.nc"), real=True)


def test_centres_in_radians_become_degrees(tmp_path):
    radian = {"units": "radian"}
    with opened(tmp_path, {"clon": Var(("cell",), np.radians([10.0, 20.0]), radian), "clat": Var(("cell",), np.radians([50.0, -51.0]), radian)}) as data:
        lon, lat = centres(data, ("cell",), Path("host.nc"))
    np.testing.assert_allclose([lon, lat], [[10.0, 20.0], [50.0, -51.0]], rtol=1e-14)


def test_axes_are_spread_over_the_map_in_c_order(tmp_path):
    with opened(tmp_path, {"lon": Var(("lon",), np.array([1.0, 2.0, 3.0])), "lat": Var(("lat",), np.array([40.0, 50.0]))}) as data:
        lon, lat = centres(data, ("lat", "lon"), Path("host.nc"))
    assert lon.tolist() == [1, 2, 3, 1, 2, 3] and lat.tolist() == [40, 40, 40, 50, 50, 50]


def test_maps_of_centres_are_read_whatever_their_axes_order(tmp_path):
    lon = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    with opened(tmp_path, {"lon": Var(("y", "x"), lon), "lat": Var(("x", "y"), lon.T + 10)}) as data:
        got = centres(data, ("y", "x"), Path("host.nc"))
    assert got[0].tolist() == [1, 2, 3, 4, 5, 6] and got[1].tolist() == [11, 12, 13, 14, 15, 16]


def test_coordinates_of_other_cells_are_no_coordinates(tmp_path):
    with opened(tmp_path, {"lon": Var(("point",), np.zeros(3)), "lat": Var(("point",), np.zeros(3)), "z": Var(("cell",), np.zeros(2))}) as data:
        with pytest.raises(FileError, match=r"no coordinates of its cells \(cell\); one of clon/clat"):
            centres(data, ("cell",), Path("host.nc"))


def test_the_source_is_told_beside_the_hosts_own_attributes(tmp_path):
    with open_year(write_year(tmp_path / "year.nc", fractions({22: 1.0}), [0.0], [0.0], year=2044)) as year, opened(tmp_path, {"z": Var(("cell",), [1.0])}, "r+") as data:
        data.rawdata = "GLOBCOVER2009"
        mark(data, HostClasses.of(year, "globcover").attributes, year.year, ("a", "b"))
        assert data.rawdata == "GLOBCOVER2009"
        assert (data.lsbc_valid_year, data.lsbc_notes, data.lsbc_model_sha256) == (2044, "a; b", PROVENANCE["model_sha256"])
        assert data.lsbc_crosswalk.startswith("globcover, version 1, sha256 ")


def test_a_file_of_several_years_names_each(tmp_path):
    with opened(tmp_path, {"z": Var(("cell",), [1.0])}, "r+") as data:
        mark(data, {"source": "lsbc"}, [2031, 2032], ())
        assert (data.lsbc_valid_year.tolist(), data.lsbc_valid_year.dtype, data.lsbc_notes, data.lsbc_source) == ([2031, 2032], np.int32, "", "lsbc")
