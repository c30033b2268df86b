from itertools import count

import numpy as np
import pytest

from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.readers.cf_coordinates import Coordinates, find_coordinates
from lsbc.regrid.readers.grid_file import GridFile

from grid_files import EAST, NORTH, Spec, Var, cf_boxes, cf_curvilinear

X, Y, XY = (("x",), np.arange(3.0)), (("y",), np.arange(2.0)), (("y", "x"), np.zeros((2, 3)))


@pytest.fixture
def find(tmp_path):
    number = count()

    def of(variables, variable=None):
        spec = variables if isinstance(variables, Spec) else Spec({name: Var(*var) for name, var in variables.items()})
        return find_coordinates(GridFile(spec.write(tmp_path / f"{next(number)}.nc")), variable)
    return of


def test_bounds_with_units_are_no_second_longitude(find):
    spec = cf_boxes()
    spec.variables["lon_bnds"].attrs = EAST
    assert find(spec) == Coordinates("lon", "lat", "lon_bnds", "lat_bnds")


def test_units_standard_names_or_usual_names_are_enough(find):
    for lon, lat in (({"units": "degrees_east"}, {"units": "degree_N"}), ({"standard_name": "longitude"}, {"standard_name": "latitude"})):
        assert find({"p": (*X, lon), "q": (*Y, lat)}) == Coordinates("p", "q")
    assert find({"nav_lon": XY, "nav_lat": XY}) == Coordinates("nav_lon", "nav_lat")
    assert find({"Longitude": (*X, {"units": "degrees"}), "Latitude": (*Y, {"units": "degrees"})}) == Coordinates("Longitude", "Latitude")


@pytest.mark.parametrize("lon, lat", [("Longitude", "LATITUDE"), ("longitud", "latitud")])
def test_standard_names_in_capitals_or_misspelt_do_not_hide_the_units(find, lon, lat):
    assert find({"p": (*X, {"units": "degrees_east", "standard_name": lon}), "q": (*Y, {"units": "degrees_north", "standard_name": lat})}) == Coordinates("p", "q")
    assert find({"lon": (*X, {"units": "degrees", "standard_name": lon}), "lat": (*Y, {"units": "degrees", "standard_name": lat})}) == Coordinates("lon", "lat")


def test_standard_names_of_other_places_are_no_coordinates_whatever_their_units(find):
    other = {"lon0": (*X, {"units": "degrees_east", "standard_name": "deployment_longitude"}),
             "lat0": (*Y, {"units": "degrees_north", "standard_name": "deployment_latitude"})}
    assert find({**other, "p": (*X, EAST), "q": (*Y, NORTH)}) == Coordinates("p", "q")


def test_rotated_coordinates_give_way_to_the_true_ones(find):
    rotated = {"rlon": (("rlon",), np.arange(3.0), {"units": "degrees", "standard_name": "grid_longitude"}),
               "rlat": (("rlat",), np.arange(2.0), {"units": "degrees", "standard_name": "grid_latitude"})}
    true = {"lon": (("rlat", "rlon"), XY[1], EAST), "lat": (("rlat", "rlon"), XY[1], NORTH)}
    assert find({**rotated, **true, "t": (("rlat", "rlon"), XY[1], {"coordinates": "lon lat"})}) == Coordinates("lon", "lat")
    with pytest.raises(FileError, match="has no longitudes and latitudes"):
        find(rotated)


def test_bounds_are_known_by_attribute_or_by_name_and_dimensions(find):
    spec = cf_curvilinear()
    del spec.variables["lon"].attrs["bounds"], spec.variables["lat"].attrs["bounds"]
    assert find(spec) == Coordinates("lon", "lat", "lon_vertices", "lat_vertices")
    spec.variables["lon"].attrs["bounds"] = "gone"
    with pytest.raises(FileError, match="lacks the variable gone"):
        find(spec)


def test_of_several_grids_the_caller_says_which(find):
    two = {"lon_u": (("xu",), X[1], EAST), "lat_u": (("yu",), Y[1], NORTH), "lon_v": (("xv",), X[1], EAST), "lat_v": (("yv",), Y[1], NORTH)}
    data = {"u": (("yu", "xu"), XY[1]), "v": (("yv", "xv"), XY[1])}
    with pytest.raises(GridError, match="several grids: lon_v, lat_v .of v.; lon_u, lat_u .of u.; say which with variable="):
        find({**two, **data})
    assert find({**two, **data}, "v") == Coordinates("lon_v", "lat_v")
    with pytest.raises(GridError, match="has the longitudes lon_u, lon_v and latitudes lat_u, lat_v, and no data variable"):
        find(two)
    with pytest.raises(FileError, match="no longitudes and latitudes that belong to w"):
        find({**two, **data, "w": (("other",), np.zeros(2))}, "w")


def test_data_with_longitude_before_latitude_are_refused(find):
    axes = {"lon": (("lon",), X[1], EAST), "lat": (("lat",), Y[1], NORTH)}
    with pytest.raises(GridError, match=r"z has dimensions \('lon', 'lat'\); expected lat, lon in this order"):
        find({**axes, "z": (("lon", "lat"), np.zeros((3, 2)))})


def test_one_turned_variable_does_not_hide_the_grid_of_the_others(find):
    axes = {"lon": (("lon",), X[1], EAST), "lat": (("lat",), Y[1], NORTH)}
    data = {"turned": (("lon", "lat"), np.zeros((3, 2))), "z": (("lat", "lon"), np.zeros((2, 3)))}
    assert find({**axes, **data}) == find({**axes, **data}, "z") == Coordinates("lon", "lat")
    with pytest.raises(GridError, match=r"turned has dimensions \('lon', 'lat'\); expected lat, lon in this order"):
        find({**axes, **data}, "turned")


def test_a_turned_variable_on_another_grid_leaves_two_grids_to_choose_from(find):
    axes = {"lon": (("lon",), X[1], EAST), "lat": (("lat",), Y[1], NORTH), "x": (("x",), X[1], EAST), "y": (("y",), Y[1], NORTH)}
    with pytest.raises(GridError, match="several grids"):
        find({**axes, "turned": (("x", "y"), np.zeros((3, 2))), "z": (("lat", "lon"), np.zeros((2, 3)))})
