import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.component import Component
from lsbc.emulator.output import write_landuse_map
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import FileError, RestartError

import case


@pytest.fixture
def folder(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    return tmp_path


def start(folder, host):
    component = Component.create(case.write_config(folder, folder / "model", folder / "fine.nc"), SerialComm())
    component.set_grid(*host.part(np.arange(len(host.global_id))))
    return component


def step(component, host, *years):
    for year in years:
        for name, values in host.states[year].items():
            component.set_field(name, values)
        component.step_year(year)


def fields(component, n_cell=81):
    out = {info.name: np.empty((info.n_level, n_cell) if info.n_level > 1 else n_cell) for info in component.fields if info.direction == "out"}
    for name, values in out.items():
        component.get_field(name, values)
    return out


def same(one, two):
    return all(np.array_equal(one[name], two[name]) for name in one)


def test_a_run_that_was_stopped_and_restarted_has_the_bits_of_a_straight_one(folder):
    host = case.make_host()
    straight, stopped = start(folder, host), start(folder, host)
    step(straight, host, 2000, 2001, 2002, 2003)
    step(stopped, host, 2000, 2001)
    stopped.write_restart(folder / "restart.nc")
    carried = start(folder, host)
    carried.read_restart(folder / "restart.nc")
    assert carried.year == 2001 and same(fields(carried), fields(stopped))
    step(carried, host, 2002, 2003)
    assert same(fields(carried), fields(straight))


def test_writing_a_restart_changes_nothing(folder):
    host = case.make_host()
    with_writing, without = start(folder, host), start(folder, host)
    for year in (2000, 2001, 2002):
        step(with_writing, host, year)
        with_writing.write_restart(folder / f"r{year}.nc")
        step(without, host, year)
    assert same(fields(with_writing), fields(without))


def written(folder, host):
    component = start(folder, host)
    step(component, host, 2000)
    component.write_restart(folder / "restart.nc")
    return folder / "restart.nc"


def test_a_truncated_or_changed_file_is_refused_and_the_state_stays(folder):
    host = case.make_host()
    path = written(folder, host)
    component = start(folder, host)
    step(component, host, 2000, 2001)
    before = fields(component)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RestartError, match="restart.nc"):
        component.read_restart(path)
    path.write_bytes(content)
    with Dataset(path, "a") as data:
        data["landuse"][3, 5, 5] = 1 + data["landuse"][3, 5, 5] % 6
    with pytest.raises(RestartError, match="does not match its sha256"):
        component.read_restart(path)
    assert component.year == 2001 and same(fields(component), before)


def test_a_restart_of_another_grid_or_model_is_refused_with_both_names(folder):
    path = written(folder, case.make_host())
    moved = case.make_host(9, case.LON0 + 0.11)
    with pytest.raises(RestartError, match="was written for host_grid '"):
        start(folder, moved).read_restart(path)
    case.write_card(folder / "model", replace=("0" * 64, "1" * 64))
    with pytest.raises(RestartError, match="was written for model_sha256 '"):
        start(folder, case.make_host()).read_restart(path)


def test_a_restart_of_another_fine_file_is_refused_with_the_place(folder):
    host = case.make_host()
    path = written(folder, host)
    classes = case.first_map()
    classes[60, 60] = 7 if classes[60, 60] != 7 else 1
    case.write_fine_file(folder / "fine.nc", classes)
    with pytest.raises(RestartError, match=r"another fine-grid file: .* in tile \d+, first at 9\.5042 E, 47\.5042 N"):
        start(folder, host).read_restart(path)


def test_a_restart_needs_a_name_and_a_folder(folder):
    component = start(folder, case.make_host())
    step(component, case.make_host(), 2000)
    with pytest.raises(FileError, match="not the name of a file"):
        component.write_restart("")
    with pytest.raises(FileError, match="absent.r.nc could not be written"):
        component.write_restart(folder / "absent" / "r.nc")
    assert not (folder / "absent").exists()


def test_a_file_that_is_no_restart_is_refused(folder):
    component = start(folder, case.make_host())
    with pytest.raises(RestartError, match="not a restart of lsbc"):
        component.read_restart(folder / "fine.nc")
    with pytest.raises(RestartError, match="cannot be opened"):
        component.read_restart(folder / "absent.nc")


def test_a_restart_that_cannot_be_written_leaves_the_old_one_whole(folder):
    host = case.make_host()
    component = start(folder, host)
    step(component, host, 2000)
    component.write_restart(folder / "restart.nc")
    content = (folder / "restart.nc").read_bytes()
    step(component, host, 2001)
    (folder / ".restart.nc.part").mkdir()
    with pytest.raises((FileError, RestartError)):
        component.write_restart(folder / "restart.nc")
    assert (folder / "restart.nc").read_bytes() == content


def larger_tiles(monkeypatch):
    """Tiles of several cores of the card, as large domains have."""
    from lsbc.emulator import windows
    monkeypatch.setattr(windows, "TILES_LEFT", 0)


def test_large_tiles_give_the_fields_of_small_ones(folder, monkeypatch):
    host = case.make_host()
    small = start(folder, host)
    larger_tiles(monkeypatch)
    large = start(folder, host)
    assert small._plan.tiles.core == case.CORE and large._plan.tiles.core == 6 * case.CORE
    assert len(large._plan.all_tiles) < len(small._plan.all_tiles)
    for year in (2000, 2001, 2002):
        step(small, host, year)
        step(large, host, year)
        assert same(fields(small), fields(large))


def test_the_map_s_file_is_the_same_whatever_size_the_tiles_have(folder, monkeypatch):
    """The larger one reaches beyond the card's tiles in it."""
    host, maps = case.make_host(2), []
    for _ in range(2):
        component = start(folder, host)
        step(component, host, 2000, 2001)
        write_landuse_map(SerialComm(), component._plan, component._state.core, 2001, folder / "map.nc", {})
        with Dataset(folder / "map.nc") as data:
            data.set_auto_mask(False)
            maps.append({name: np.asarray(data[name][:]) for name in ("lat", "lon", "landuse")})
        larger_tiles(monkeypatch)
    assert maps[0]["landuse"].shape[0] < component._plan.tiles.core
    assert all(np.array_equal(maps[0][name], maps[1][name]) for name in maps[0])


def test_a_restart_of_small_tiles_can_be_read_with_large_ones_and_back(folder, monkeypatch):
    host = case.make_host()
    straight, small = start(folder, host), start(folder, host)
    step(straight, host, 2000, 2001, 2002, 2003)
    step(small, host, 2000, 2001)
    small.write_restart(folder / "small.nc")
    with monkeypatch.context() as patched:
        larger_tiles(patched)
        large = start(folder, host)
    large.read_restart(folder / "small.nc")
    step(large, host, 2002)
    large.write_restart(folder / "large.nc")
    back = start(folder, host)
    back.read_restart(folder / "large.nc")
    step(back, host, 2003)
    assert back._plan.tiles.core < large._plan.tiles.core and same(fields(back), fields(straight))
