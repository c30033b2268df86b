import numpy as np
import pytest
from numpy.testing import assert_allclose

from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.readers import FORMATS, read_grid
from lsbc.regrid.readers.grid_file import GridFile

from grid_files import SOUND, Var, cf_boxes, cf_cells, scrip, without_bounds

KINDS = {"cf_boxes": "CF", "cf_curvilinear": "CF", "cf_cells": "CF", "icon": "ICON", "icon_connected": "ICON", "esmf_mesh": "ESMF mesh",
         "ugrid": "UGRID", "mpas": "MPAS", "scrip": "SCRIP", "scrip_boxes": "SCRIP", "wrf": "WRF"}


@pytest.mark.parametrize("kind", SOUND)
def test_the_format_is_known_by_what_the_file_holds(tmp_path, kind):
    path = SOUND[kind]().write(tmp_path / "some.dat")
    with GridFile(path) as file:
        assert next(name for name, module in FORMATS.items() if module.matches(file)) == KINDS[kind]
    assert read_grid(path).has_corners


@pytest.mark.parametrize("kind", SOUND)
def test_the_edge_convention_is_the_callers_when_he_says_one(tmp_path, kind):
    path = SOUND[kind]().write(tmp_path / "g.nc")
    assert read_grid(path, edges="planar").edges == "planar"
    with pytest.raises(GridError, match="Cell edges must be"):
        read_grid(path, edges="straight")


@pytest.mark.parametrize("kind", SOUND)
def test_classic_files_are_the_same_grids(tmp_path, kind):
    spec = SOUND[kind]()
    assert read_grid(spec.write(tmp_path / "a.nc")).fingerprint == read_grid(spec.write(tmp_path / "b.nc", "NETCDF3_CLASSIC")).fingerprint


@pytest.mark.parametrize("format", ["NETCDF4", "NETCDF3_CLASSIC"])
def test_files_that_were_cut_off_are_refused(tmp_path, format):
    path = scrip().write(tmp_path / "g.nc", format)
    whole = path.read_bytes()
    for share in (0.01, 0.1, 0.2):
        path.write_bytes(whole[:int(share * len(whole))])
        with pytest.raises(FileError, match="g.nc"):
            read_grid(path)


def test_variables_the_caller_names_must_be_there(tmp_path):
    path = cf_boxes().write(tmp_path / "g.nc")
    with pytest.raises(FileError, match="lacks the variable t2m"):
        read_grid(path, variable="t2m")
    with pytest.raises(FileError, match="lacks the variable land"):
        read_grid(path, mask="land")
    assert read_grid(path, variable="z").shape == (3, 4)


def test_files_without_a_grid_say_what_was_looked_for(tmp_path):
    spec = cf_boxes()
    for name in ("lon", "lat", "lon_bnds", "lat_bnds"):
        del spec.variables[name]
    with pytest.raises(FileError, match="no longitudes and latitudes.* no MPAS, ICON, WRF, SCRIP, ESMF mesh or UGRID"):
        read_grid(spec.write(tmp_path / "g.nc"))


def test_a_sphere_that_is_covered_twice_is_refused_unless_the_second_cells_are_masked(tmp_path):
    spec = cf_cells()
    for var in spec.variables.values():
        var.values = np.concatenate([var.values, var.values[:2]])
    spec.variables["first"] = Var(("cell",), np.arange(10) < 8)
    spec.variables["first"].values = spec.variables["first"].values.astype("i1")
    path = spec.write(tmp_path / "g.nc")
    with pytest.raises(GridError, match="the cells cover 1.25 times the sphere; mask those that appear twice"):
        read_grid(path)
    grid = read_grid(path, mask="first")
    assert_allclose(grid.area_sr[grid.mask].sum(), 4 * np.pi)


@pytest.mark.parametrize("n_lon, n_lat", [(12, 6), (360, 180)])
@pytest.mark.parametrize("bounds", [True, False])
def test_boxes_in_radians_that_are_called_degrees_are_refused(tmp_path, n_lon, n_lat, bounds):
    spec = cf_boxes(np.linspace(-np.pi, np.pi, n_lon + 1), np.linspace(-np.pi / 2, np.pi / 2, n_lat + 1))
    with pytest.raises(GridError, match="span a globe in radians"):
        read_grid((spec if bounds else without_bounds(spec)).write(tmp_path / "g.nc"))


def test_small_boxes_in_radians_that_are_called_degrees_are_refused(tmp_path):
    spec = cf_boxes(np.radians(np.linspace(5, 15, 21)), np.radians(np.linspace(45, 55, 21)))
    with pytest.raises(GridError, match="the coordinates are in radians"):
        read_grid(spec.write(tmp_path / "g.nc"))
