import shutil
import subprocess

import numpy as np
import pytest
from netCDF4 import Dataset
from numpy.testing import assert_array_equal

from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid
from lsbc.regrid.readers import read_grid, write_scrip

from grid_files import octahedron, sheared_nodes


def octants():
    lon, lat, centre_lon, centre_lat = octahedron()
    return PolygonGrid(centre_lon, centre_lat, lon, lat, mask=np.arange(8) != 3)


def sheared():
    lon, lat = sheared_nodes()
    centres = ((x[:-1, :-1] + x[1:, 1:]) / 2 for x in (lon, lat))
    return CurvilinearGrid(*centres, lon, lat, edges="planar")


def boxes():
    return RectilinearGrid.regular(-180, 180, 12, -90, 90, 6, mask=np.arange(72) % 5 != 0)


@pytest.mark.parametrize("make", [octants, sheared, boxes])
def test_a_grid_that_was_written_is_read_back_the_same(tmp_path, make):
    write_scrip(tmp_path / "g.nc", make())
    grid = read_grid(tmp_path / "g.nc")
    assert type(grid) is type(make())
    assert (grid.fingerprint, grid.edges, grid.mask.tolist()) == (make().fingerprint, make().edges, make().mask.tolist())


def test_the_file_has_the_layout_of_scrip(tmp_path):
    write_scrip(tmp_path / "g.nc", boxes())
    with Dataset(tmp_path / "g.nc") as data:
        assert data.data_model == "NETCDF3_64BIT_OFFSET"
        assert_array_equal(data["grid_dims"][:], [12, 6])
        assert data["grid_corner_lon"].dimensions == ("grid_size", "grid_corners")
        assert_array_equal(data["grid_imask"][:5], [0, 1, 1, 1, 1])
        assert {data[f"grid_{kind}_{x}"].units for kind in ("center", "corner") for x in ("lon", "lat")} == {"degrees"}


@pytest.mark.skipif(shutil.which("cdo") is None, reason="needs cdo on the PATH")
def test_cdo_reads_the_cells_and_their_areas(tmp_path):
    write_scrip(tmp_path / "g.nc", RectilinearGrid.regular(0, 40, 4, 10, 30, 4, edges="greatcircle"))
    subprocess.run(["cdo", "-s", "-f", "nc", "gridarea", f"-setgrid,{tmp_path / 'g.nc'}", "-const,1,r4x4", str(tmp_path / "area.nc")], check=True)
    with Dataset(tmp_path / "area.nc") as data:
        area = np.asarray(data["cell_area"][:]).ravel()
    expected = RectilinearGrid.regular(0, 40, 4, 10, 30, 4, edges="greatcircle").area_sr
    np.testing.assert_allclose(area / area.sum(), expected / expected.sum(), rtol=1e-9)


def test_grids_without_corners_and_folders_that_are_missing_are_refused(tmp_path):
    with pytest.raises(GridError, match="SCRIP files need its corners"):
        write_scrip(tmp_path / "g.nc", PolygonGrid([0.0], [0.0]))
    with pytest.raises(FileError, match="gone/g.nc could not be written"):
        write_scrip(tmp_path / "gone" / "g.nc", boxes())
    assert not list(tmp_path.iterdir())


def test_an_earlier_file_survives_a_write_that_fails(tmp_path, monkeypatch):
    write_scrip(tmp_path / "g.nc", boxes())
    before = (tmp_path / "g.nc").read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(FileError, match="disk full"):
        write_scrip(tmp_path / "g.nc", octants())
    assert (tmp_path / "g.nc").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["g.nc"]
