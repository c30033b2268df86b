"""Files with one thing broken: what `read_grid` makes of them is a sound grid, or a refusal that names the file."""

from itertools import count

import numpy as np
import pytest

from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.readers import read_grid

from grid_files import SOUND, Var

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies


def sound_or_refused(spec, path) -> None:
    """The one promise: a grid without NaN in live cells, or an error that lsbc knows."""
    path.unlink(missing_ok=True)
    try:
        grid = read_grid(spec.write(path))
    except (GridError, FileError) as error:
        assert str(path) in str(error) or f"Grid '{path.stem}'" in str(error)
        return
    live = grid.mask
    assert np.isfinite(grid.lon_deg[live]).all() and np.isfinite(grid.lat_deg[live]).all()
    assert (np.abs(grid.lat_deg[live]) <= 90).all()
    if grid.has_corners:
        assert np.isfinite(grid.vertex_lon_deg[live]).all() and (np.abs(grid.vertex_lat_deg[live]) <= 90).all()
        area = grid.area_sr
        assert (area[live] > 0).all() and np.isfinite(area).all() and area[live].sum() < 4.0001 * np.pi


@pytest.mark.parametrize("kind", SOUND)
def test_every_missing_variable_or_attribute_is_a_sound_grid_or_a_refusal(tmp_path, kind):
    number = count()
    for name, var in SOUND[kind]().variables.items():
        spec = SOUND[kind]()
        del spec.variables[name]
        sound_or_refused(spec, tmp_path / f"{next(number)}.nc")
        for attribute in var.attrs:
            spec = SOUND[kind]()
            del spec.variables[name].attrs[attribute]
            sound_or_refused(spec, tmp_path / f"{next(number)}.nc")


@pytest.mark.parametrize("kind", SOUND)
def test_every_turned_variable_is_a_sound_grid_or_a_refusal(tmp_path, kind):
    number = count()
    for name, var in SOUND[kind]().variables.items():
        if var.values.ndim < 2:
            continue
        spec = SOUND[kind]()
        spec.variables[name] = Var(tuple(f"{dim}{next(number)}" for dim in var.dims), var.values.swapaxes(-1, -2), var.attrs)
        sound_or_refused(spec, tmp_path / f"{next(number)}.nc")


ODD = st.one_of(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e20, 9.969209968386869e36, -999.0, 90.0, -90.0, 180.0, 360.0, 1e-300, 2.0**53, -1.0]),
                st.floats(-800, 800, allow_nan=False))
UNITS = st.sampled_from(["degrees", "radians", "degrees_east", "degrees_north", "m", "", "1"])
ATTRIBUTES = st.sampled_from(["bounds", "coordinates", "_FillValue", "start_index", "scale_factor", "add_offset", "cf_role", "missing_value",
                              "face_node_connectivity", "standard_name", "topology_dimension"])


@st.composite
def broken(draw):
    """A small sound file of any format with one thing broken."""
    spec = SOUND[draw(st.sampled_from(sorted(SOUND)))]()
    name = draw(st.sampled_from(sorted(spec.variables)))
    var = spec.variables[name]
    how = draw(st.sampled_from(["value", "values", "units", "attribute", "type", "shorter", "exchange", "dims", "scale", "equal"]))
    if how in ("value", "values"):
        values = var.values.astype(float).ravel()
        for _ in range(1 if how == "value" else 5):
            values[draw(st.integers(0, values.size - 1))] = draw(ODD)
        with np.errstate(invalid="ignore", over="ignore"):
            var.values = values.reshape(var.values.shape).astype(var.values.dtype)
    elif how == "units":
        var.attrs["units"] = draw(UNITS)
    elif how == "attribute":
        attribute = draw(ATTRIBUTES)
        value = draw(st.sampled_from([*sorted(spec.variables), "nonsense", 0, 1, -1, 2.5]))
        var.attrs[attribute] = var.values.dtype.type(value) if attribute == "_FillValue" and not isinstance(value, str) else value
        if attribute == "_FillValue" and isinstance(value, str):
            del var.attrs[attribute]
    elif how == "type":
        with np.errstate(invalid="ignore"):
            var.values = var.values.astype(draw(st.sampled_from(["f4", "i4", "i1", "u1", "S1", "i8"])))
        var.attrs.pop("_FillValue", None)
    elif how == "shorter" and var.values.ndim:
        var.values, var.dims = var.values[: draw(st.integers(0, 2))], ("other", *var.dims[1:])
    elif how == "exchange":
        other = spec.variables[draw(st.sampled_from(sorted(spec.variables)))]
        var.values, var.dims, other.values, other.dims = other.values, other.dims, var.values, var.dims
    elif how == "dims" and var.values.ndim:
        var.values, var.dims = var.values[None], ("extra", *var.dims)
    elif how == "scale":
        var.values = (var.values * draw(st.sampled_from([np.pi / 180, 180 / np.pi, -1, 0]))).astype(var.values.dtype)
    elif how == "equal":
        var.values = np.full_like(var.values, var.values.ravel()[0])
    return spec


@hypothesis.settings(max_examples=400, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(spec=broken())
def test_a_file_with_one_thing_broken_is_a_sound_grid_or_a_refusal_that_names_it(tmp_path, spec):
    sound_or_refused(spec, tmp_path / "g.nc")
