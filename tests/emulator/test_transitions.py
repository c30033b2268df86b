import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.classes import CLASS_CODES, N_CLASS, NO_DATA
from lsbc.emulator.component import Component
from lsbc.emulator.fields import FILL
from lsbc.emulator.transitions import INFO, pairs, transition_field
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import InternalError

import case


@pytest.fixture
def folder(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    return tmp_path


def start(folder, host, transitions="true", output="directory = 'out'"):
    path = case.write_config(folder, folder / "model", folder / "fine.nc", output, f"[grid]\nedges = 'latlon'\n[surface]\ntransitions = {transitions}", True)
    component = Component.create(path, SerialComm())
    component.set_grid(*host.part(np.arange(len(host.global_id))))
    return component


def get(component, name, *levels):
    out = np.full((*levels, 64), np.nan)
    component.get_field(name, out)
    return out


def classes_of(folder, year):
    with Dataset(folder / "out" / f"landuse_{year}.nc") as data:
        data.set_auto_mask(False)
        return np.searchsorted(CLASS_CODES, data["landuse"][:])


def test_a_pair_names_both_classes_and_is_missing_where_one_is():
    before, now = np.array([0, 3, 7, NO_DATA, 2], np.uint8), np.array([0, 4, 7, 2, NO_DATA], np.uint8)
    assert pairs(before, now).tolist() == [0, 28, 63, NO_DATA, NO_DATA]
    assert INFO.levels[28] == "pasture.forest" and INFO.n_level == 64 and INFO.axes == (("from_class", 8), ("to_class", 8))


def test_transitions_that_do_not_give_the_fractions_are_stopped():
    fraction = np.zeros((1, 64))
    fraction[0, 9] = 1.0
    with pytest.raises(InternalError, match="only within 1"):
        transition_field(fraction, np.eye(8)[:, 2:3], np.ones(1, bool))
    assert transition_field(fraction, np.eye(8)[:, 2:3], np.zeros(1, bool)).tolist() == [[FILL]] * 64


def test_every_pair_has_the_area_that_the_two_maps_give_it(folder):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    component = start(folder, host)
    case.couple(component, host, np.arange(64), 2000)
    assert (get(component, "transitions", 64) == FILL).all()  # no year before it
    edge = np.sin(np.radians(case.LAT0 + np.arange(241) / 120))
    area = np.repeat(np.diff(edge)[:, None], 240, axis=1)
    moved = 0.0
    for year in (2001, 2002):
        before = get(component, "lu_frac", 8)
        case.couple(component, host, np.arange(64), year)
        got = get(component, "transitions", 64).reshape(N_CLASS, N_CLASS, 64)
        old, new = classes_of(folder, year - 1), classes_of(folder, year)
        for i in range(N_CLASS):
            for j in range(N_CLASS):
                expected = (area * ((old == i) & (new == j))).reshape(8, 30, 8, 30).sum((1, 3)) / area.reshape(8, 30, 8, 30).sum((1, 3))
                assert got[i, j].reshape(8, 8) == pytest.approx(expected, abs=1e-13)
        now = get(component, "lu_frac", 8)
        assert got.sum(axis=1) == pytest.approx(before, abs=1e-12) and got.sum(axis=0) == pytest.approx(now, abs=1e-12)
        off_diagonal = got * (1 - np.eye(8))[..., None]
        gains, losses = off_diagonal.sum(axis=0), off_diagonal.sum(axis=1)
        assert gains - losses == pytest.approx(now - before, abs=1e-12)
        assert gains.sum(axis=0) == pytest.approx(losses.sum(axis=0), abs=1e-12)
        moved += off_diagonal.sum()
    assert moved > 0.5
    component.close()


def test_a_restart_knows_what_changed_in_its_year(folder):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    one = start(folder, host)
    case.couple(one, host, np.arange(64), 2000, 2001)
    one.write_restart(folder / "restart.nc")
    expected = get(one, "transitions", 64)
    case.couple(one, host, np.arange(64), 2002)
    later = get(one, "transitions", 64)
    one.close()
    other = start(folder, host)
    other.read_restart(folder / "restart.nc")
    assert np.array_equal(get(other, "transitions", 64), expected) and (expected != FILL).all()
    case.couple(other, host, np.arange(64), 2002)
    assert np.array_equal(get(other, "transitions", 64), later)
    other.close()


def test_a_restart_of_a_run_without_transitions_gives_them_from_the_next_year_on(folder):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    one = start(folder, host, "false")
    assert "transitions" not in {info.name for info in one.fields}
    case.couple(one, host, np.arange(64), 2000, 2001)
    one.write_restart(folder / "restart.nc")
    one.close()
    other = start(folder, host)
    other.read_restart(folder / "restart.nc")
    assert (get(other, "transitions", 64) == FILL).all()
    case.couple(other, host, np.arange(64), 2002)
    assert (get(other, "transitions", 64) != FILL).all()
    other.close()


def test_the_yearly_file_has_them_from_class_by_to_class(folder):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    component = start(folder, host)
    case.couple(component, host, np.arange(64), 2000, 2001)
    order = np.argsort(host.global_id)
    with Dataset(folder / "out" / "lsbc_2001.nc") as data:
        data.set_auto_mask(False)
        assert data["transitions"].dimensions == ("from_class", "to_class", "cell")
        assert np.array_equal(data["transitions"][:], get(component, "transitions", 64).reshape(8, 8, 64)[..., order])
        assert tuple(data["to_class"][:]) == CLASS_CODES
    component.close()
