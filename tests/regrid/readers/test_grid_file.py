from itertools import count

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lsbc.regrid.errors import ConfigError, FileError, GridError
from lsbc.regrid.readers.grid_file import GridFile, cut_at_poles

from grid_files import Spec, Var


@pytest.fixture
def file(tmp_path):
    """Opens a file of the given variables."""
    number = count()

    def make(units=None, **variables):
        return GridFile(Spec({name: Var(*var) for name, var in variables.items()}).write(tmp_path / f"{next(number)}.nc"), units)
    return make


def test_missing_and_packed_values_come_back_as_nan_and_numbers(file):
    x = file(x=(("n",), np.array([0, 10, -1, -2], "i2"), {"scale_factor": 0.5, "add_offset": 1.0, "_FillValue": np.int16(-1), "missing_value": np.int16(-2)}))
    assert_array_equal(x.number("x"), [1, 6, np.nan, np.nan])


@pytest.mark.parametrize("units, factor", [("degrees_east", 1), ("degree_N", 1), ("Degrees", 1), ("degrees latitude", 1),
                                           ("radian", 180 / np.pi), ("rad", 180 / np.pi), ("radians", 180 / np.pi)])
def test_units_decide_between_degrees_and_radians(file, units, factor):
    assert_allclose(file(x=(("n",), [0.25, 0.5], {"units": units})).angle_deg("x"), np.array([0.25, 0.5]) * factor)


def test_angles_without_units_need_somebody_who_says_them(file):
    x = {"x": (("n",), [0.25, 0.5])}
    with pytest.raises(GridError, match="x has no units attribute; write 'degrees' or 'radians' into the file or say units="):
        file(**x).angle_deg("x")
    assert_array_equal(file(units="degrees", **x).angle_deg("x"), [0.25, 0.5])
    assert_allclose(file(units="degrees", **x).angle_deg("x", "radians"), np.degrees([0.25, 0.5]))
    with pytest.raises(ConfigError, match="must be 'degrees' or 'radians', got 'gon'"):
        file(units="gon", **x)


def test_units_that_are_no_angle_are_refused(file):
    with pytest.raises(GridError, match="x has units 'm'; longitudes and latitudes must be in degrees or radians"):
        file(x=(("n",), [0.25], {"units": "m"})).angle_deg("x")


def test_latitudes_beyond_the_pole_by_rounding_are_cut_off(file):
    half_pi = float(np.float32(np.pi / 2))
    assert half_pi > np.pi / 2
    assert_array_equal(file(x=(("n",), [half_pi, -half_pi], {"units": "radian"})).lat_deg("x"), [90, -90])
    assert_array_equal(cut_at_poles(np.array([90.1, -90.1, 12, np.nan])), [90.1, -90.1, 12, np.nan])


def test_indices_are_whole_numbers_of_any_type(file):
    values, missing = file(x=(("n",), [1.0, np.nan, 3.0])).whole("x")
    assert_array_equal(values[~missing], [1, 3])
    assert_array_equal(missing, [False, True, False])
    for bad in (1.5, np.inf, 1e300):
        with pytest.raises(GridError, match="x holds fractions"):
            file(x=(("n",), [1.0, bad])).whole("x")


def test_rounding_is_that_of_the_stored_type(file):
    x = file(x=(("n",), np.array([0, 180], "f4"), {"units": "degrees"}), y=(("n",), [0, 180.0], {"units": "degrees"}))
    assert 1e-5 < x.rounding_deg("x") < 1e-4
    assert 1e-14 < x.rounding_deg("y") < 1e-13


def test_masks_are_live_where_they_are_there_and_not_zero(file):
    x = file(x=(("t", "n"), [[0.0, 1, np.nan, 2]]))
    assert_array_equal(x.live("x", (4,)), [False, True, False, True])
    assert x.live(None, (4,)) is None
    with pytest.raises(GridError, match=r"the mask x has shape \(t = 1, n = 4\); the grid has \(5\): a mask lies on"):
        x.live("x", (5,))


@pytest.mark.parametrize("dims, shape, grid_dims", [
    (("y", "x"), (2, 3), ("y", "x")), (("j", "i"), (2, 3), ("y", "x")), (("t", "y", "x"), (1, 2, 3), ("y", "x")),
    (("y", "x"), (2, 3), ()), (("y", "x"), (3, 3), ("y", "x")), (("y", "x"), (1, 3), ("y", "x"))])
def test_masks_lie_on_the_dimensions_of_the_grid_behind_any_of_length_one(file, dims, shape, grid_dims):
    values = np.arange(np.prod(shape)).reshape(shape)
    assert_array_equal(file(x=(dims, values)).live("x", shape[-2:], grid_dims), values.ravel() > 0)


@pytest.mark.parametrize("dims, shape, grid_dims, grid_shape, message", [
    (("i", "j"), (3, 2), ("y", "x"), (2, 3), r"x has shape \(i = 3, j = 2\); the grid has \(y = 2, x = 3\): turn it"),
    (("i", "j"), (3, 2), (), (2, 3), r"the grid has \(2, 3\): turn it"),
    (("x", "y"), (3, 3), ("y", "x"), (3, 3), "turn it"),
    (("j", "i"), (3, 3), ("y", "x"), (3, 3), "a mask lies on the grid's dimensions"),
    (("n",), (6,), ("y", "x"), (2, 3), "a mask lies on the grid's dimensions"),
    (("t", "y", "x"), (2, 2, 3), ("y", "x"), (2, 3), "a mask lies on the grid's dimensions"),
    (("y", "x"), (2, 3), (), (6,), "a mask lies on the grid's dimensions"),
])
def test_masks_with_other_dimensions_are_refused_even_of_the_right_size(file, dims, shape, grid_dims, grid_shape, message):
    with pytest.raises(GridError, match=message):
        file(x=(dims, np.ones(shape))).live("x", grid_shape, grid_dims)


def test_files_that_cannot_be_opened_or_read_are_named(tmp_path):
    with pytest.raises(FileError, match="nowhere.nc cannot be opened: No such file"):
        GridFile(tmp_path / "nowhere.nc")
    (tmp_path / "text.nc").write_text("no netCDF")
    with pytest.raises(FileError, match="text.nc cannot be opened"):
        GridFile(tmp_path / "text.nc")
    with pytest.raises(FileError, match="cannot be opened"):
        GridFile(tmp_path)


def test_variables_of_the_wrong_kind_are_refused(file):
    x = file(x=(("n",), np.array([b"a", b"b"], "S1")), y=(("n",), [1.0, 2.0], {"scale_factor": "two", "start_index": "one"}))
    with pytest.raises(GridError, match="x is of type .S1; expected numbers"):
        x.number("x")
    with pytest.raises(GridError, match="scale_factor or add_offset of y is 'two'"):
        x.number("y")
    with pytest.raises(GridError, match="attribute start_index of y is 'one'; expected a whole number"):
        x.integer_attribute("start_index", "y", 0)
    with pytest.raises(FileError, match="lacks the variables p, q"):
        x.need("x", "p", "q")
    with pytest.raises(GridError, match=r"y has shape \(n = 2\); expected \(a, b\) = \(3, any\)"):
        x.need_shape("y", (3, None), "(a, b)")
