import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.component import Component
from lsbc.emulator.fields import FILL
from lsbc.emulator.hosts.year_file import open_year
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import FileError

import case
from year_files import fractions, write_year


def test_the_yearly_file_of_a_run_is_read_as_the_host_got_it(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    host, everything = case.make_host(), np.arange(81)
    component = Component.create(case.write_config(tmp_path, tmp_path / "model", tmp_path / "fine.nc", "directory = 'out'"), SerialComm())
    component.set_grid(*host.part(everything))
    component.set_field("coldest_month_temperature", np.full(81, 270.25))
    case.couple(component, host, everything, 2000)
    order = np.argsort(host.global_id)
    with open_year(tmp_path / "out" / "lsbc_2000.nc") as year:
        assert (year.year, year.n_cell) == (2000, 81) and np.array_equal(year.global_id, host.global_id[order])
        for name, levels in (("lu_frac", 8), ("leaf_area_index", 12), ("vegetation_area_fraction", 12), ("albedo", 0), ("z0m", 0)):
            values = np.empty((levels, 81) if levels else 81)
            component.get_field(name, values)
            assert np.array_equal(year.values(name), values[..., order])
        assert np.array_equal(year.values("lon_vertices", np.array([5, 2])), host.vertex_lon_deg[order[[5, 2]]])
        assert year.koppen().tolist() == [3] * 81 and year.coldest_month_c() == pytest.approx(np.full(81, -2.9), abs=1e-12) and year.covered().all()
        assert year.provenance["model"] == "closed-form" and "title" not in year.provenance
    component.close()


@pytest.fixture
def path(tmp_path):
    lu_frac = fractions({40: 1.0}, {22: 0.25, 33: 0.75}, {}, {77: 1.0})
    return write_year(tmp_path / "lsbc_2031.nc", lu_frac, np.arange(4.0), np.full(4, 50.0), koppen=[3, 4, 0, 3], coldest_month_k=[280.0, 270.0, FILL, 260.0])


def test_cells_come_as_a_slice_or_in_any_order(path):
    with open_year(path) as year:
        everything = year.values("lu_frac")
        assert np.array_equal(year.values("lu_frac", np.array([3, 0, 1])), everything[:, [3, 0, 1]])
        assert np.array_equal(year.values("lai", slice(1, 3)), year.values("lai")[1:3])
        assert year.values("lu_frac", np.zeros(0, int)).shape == (8, 0)
        assert [list(range(4))[part] for part in year.slabs(3)] == [[0, 1, 2], [3]]


def test_cells_that_are_not_covered_have_no_area_and_no_climate(path):
    with open_year(path) as year:
        assert year.covered().tolist() == [True, True, False, True] and year.lu_frac().sum(axis=0).tolist() == [1.0, 1.0, 0.0, 1.0]
        assert year.koppen().tolist() == [3, 4, 0, 3] and np.isnan(year.coldest_month_c()).tolist() == [False, False, True, False]
        assert year.name_of(1) == "2 (1.0000 E, 50.0000 N)"


def test_other_files_are_refused(path, tmp_path):
    with pytest.raises(FileError, match="does not exist"), open_year(tmp_path / "none.nc"):
        pass
    (tmp_path / "text.nc").write_text("no netCDF")
    with pytest.raises(FileError, match="cannot be read"), open_year(tmp_path / "text.nc"):
        pass
    with open_year(path) as year, pytest.raises(FileError, match="has no host_z0m"):
        year.values("host_z0m")
    with Dataset(path, "a") as data:
        data["class"][3] = 34
    with pytest.raises(FileError, match=r"has the classes \(0, 11, 22, 34"), open_year(path):
        pass
    with Dataset(path, "a") as data:
        data.renameVariable("leaf_area_index", "lai_of_months")
    with pytest.raises(FileError, match="is no yearly file of this lsbc: it lacks leaf_area_index"), open_year(path):
        pass
