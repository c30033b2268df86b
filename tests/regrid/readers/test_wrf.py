import numpy as np
import pytest
from netCDF4 import Dataset
from numpy.testing import assert_allclose, assert_array_equal

from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.grids import CurvilinearGrid
from lsbc.regrid.readers import read_grid

from grid_files import Spec, Var, sheared_nodes, wrf
from shared import shared

LAMBERT = {"MAP_PROJ": np.int32(1), "TRUELAT1": np.float32(30), "TRUELAT2": np.float32(60), "STAND_LON": np.float32(135.6),
           "DX": np.float32(30000), "DY": np.float32(30000)}


@pytest.fixture
def read(tmp_path):
    def of(spec, **options):
        return read_grid(spec.write(tmp_path / "g.nc"), **options)
    return of


def test_cells_have_the_corners_between_the_staggered_points(read):
    grid = read(wrf())
    assert type(grid) is CurvilinearGrid and grid.shape == (3, 3) and grid.edges == "greatcircle"
    lon, lat = sheared_nodes(3, 3)
    assert_allclose(grid.vertex_lon_deg[4], [lon[1, 1], lon[1, 2], lon[2, 2], lon[2, 1]], rtol=1e-7)
    assert_allclose(grid.vertex_lat_deg[4], [lat[1, 1], lat[1, 2], lat[2, 2], lat[2, 1]], rtol=1e-7)


def test_the_land_mask_is_taken_when_asked_for(read):
    assert_array_equal(read(wrf(), mask="LANDMASK").mask.reshape(3, 3), np.eye(3, dtype=bool))
    assert read(wrf()).mask.all()
    with pytest.raises(FileError, match="lacks the variable LAKEMASK"):
        read(wrf(), mask="LAKEMASK")


def test_output_files_whose_centres_are_on_no_projection_are_points(read):
    spec = wrf(corners=False)
    assert read(spec).shape == (3, 3) and not read(spec).has_corners
    for attrs in ({"MAP_PROJ": np.int32(1)}, {**LAMBERT, "TRUELAT1": "thirty"}, LAMBERT, {**LAMBERT, "MAP_PROJ": np.int32(6)}):
        spec.attrs = attrs
        assert not read(spec).has_corners


@pytest.mark.parametrize("name", ["d01_kansai_30km", "d03_kansai_2km"])
def test_output_files_get_the_corners_of_their_projection(read, name):
    path = shared(f"data/host/wrf/geo_em.{name}.nc")
    plane = ("Time", "south_north", "west_east")
    with Dataset(path) as data:
        spec = Spec({new: Var(plane, np.asarray(data[old][:]), {"units": "degree"}) for new, old in (("XLONG", "XLONG_M"), ("XLAT", "XLAT_M"))},
                    {key: data.getncattr(key) for key in LAMBERT})
    grid, whole = read(spec), read_grid(path)
    assert_allclose(grid.vertex_lon_deg, whole.vertex_lon_deg, rtol=0, atol=3e-5)
    assert_allclose(grid.vertex_lat_deg, whole.vertex_lat_deg, rtol=0, atol=2e-5)


def test_times_that_repeat_the_grid_are_one_and_a_moving_domain_is_refused(read):
    spec = wrf(corners=False)
    for var in spec.variables.values():
        var.values = np.repeat(var.values, 2, axis=0)
    assert read(spec).shape == (3, 3)
    with pytest.raises(GridError, match=r"the mask LANDMASK has shape \(Time = 2, south_north = 3, west_east = 3\); the grid has \(south_north = 3, west_east = 3\)"):
        read(spec, mask="LANDMASK")
    spec.variables["XLAT"].values[1] += 0.5
    with pytest.raises(GridError, match="XLAT changes with time, a moving domain"):
        read(spec)


def test_corners_of_the_wrong_size_are_refused(read):
    spec = wrf()
    spec.variables["XLAT_C"].values = spec.variables["XLAT_C"].values[:, :, :-1]
    spec.variables["XLAT_C"].dims = ("Time", "south_north_stag", "west_east")
    with pytest.raises(GridError, match=r"XLAT_C has shape \(4, 3\); expected \(4, 4\)"):
        read(spec)
    del spec.variables["XLAT_C"]
    with pytest.raises(FileError, match="lacks the variable XLAT_C"):
        read(spec)


def test_real_domains_are_as_large_as_their_map_projection_says():
    for name, n, spacing_km in (("d01_kansai_30km", 50, 30), ("d03_kansai_2km", 60, 2)):
        grid = read_grid(shared(f"data/host/wrf/geo_em.{name}.nc"))
        assert grid.shape == (n, n)
        spacing = np.sqrt(grid.area_sr) * 6370.0
        assert_allclose(spacing, spacing_km, rtol=0.06)
        assert np.ptp(spacing) / spacing_km < 0.12
