import json

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.component import Component
from lsbc.emulator.output import _unwrapped, read_history
from lsbc.regrid.comm import SerialComm

import case


def test_columns_of_a_domain_across_the_date_line_are_counted_on():
    assert _unwrapped(np.array([718, 719, 0, 1]), 720).tolist() == [718, 719, 720, 721]
    assert _unwrapped(np.array([3, 4, 9]), 720).tolist() == [3, 4, 9]
    assert _unwrapped(np.arange(720), 720).tolist() == list(range(720))


def test_a_run_across_the_date_line_writes_a_narrow_map(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    with Dataset(tmp_path / "fine.nc", "a") as data:
        data["lon"][:] = 179.0 + (np.arange(240) + 0.5) / 120
    host = case.make_host(8, 179.0, case.LAT0, 0.25)
    host.vertex_lon_deg[host.vertex_lon_deg > 180.0] -= 360.0
    host.lon_deg[host.lon_deg > 180.0] -= 360.0
    component = Component.create(case.write_config(tmp_path, tmp_path / "model", tmp_path / "fine.nc", "directory = 'out'", "[grid]\nedges = 'latlon'"), SerialComm())
    component.set_grid(*host.part(np.arange(64)))
    for name, values in host.states[2000].items():
        component.set_field(name, values)
    component.step_year(2000)
    with Dataset(tmp_path / "out" / "landuse_2000.nc") as data:
        data.set_auto_mask(False)
        assert data["landuse"].shape == (240, 240)
        lon = np.asarray(data["lon"][:])
        assert (lon[0], lon[-1]) == pytest.approx((179.0 + 1 / 240, 181.0 - 1 / 240), abs=1e-12)
        assert np.array_equal(data["landuse"][:] == 77, case.first_map() == 7)
    with Dataset(tmp_path / "out" / "lsbc_2000.nc") as data:
        assert np.array_equal(np.sort(data["global_id"][:]), data["global_id"][:])
        assert np.asarray(data["lu_frac"][:]).sum(axis=0) == pytest.approx(np.ones(64), abs=1e-12)
        corners = np.stack([data["node_lon"][:][data["face_nodes"][:]], data["node_lat"][:][data["face_nodes"][:]]])
        assert np.array_equal(corners, np.stack([data["lon_vertices"][:], data["lat_vertices"][:]]))


def test_the_history_of_an_earlier_part_is_kept_and_a_damaged_one_is_none(tmp_path):
    path = tmp_path / "summary.json"
    assert read_history(path, 2001) == []
    path.write_text(json.dumps({"years": [{"year": 1999}, {"year": 2000}, {"year": 2001}]}))
    assert read_history(path, 2001) == [{"year": 1999}, {"year": 2000}]
    path.write_text("{")
    assert read_history(path, 2001) == []
