"""Devices that run out of memory or go away in the middle of a year."""

import logging

import numpy as np
import pytest
from broken_network import BrokenNetwork
from netCDF4 import Dataset

from lsbc.emulator.component import Component
from lsbc.emulator.safe_tiles import Makers, SafeTiles
from lsbc.emulator.tile_engine import seconds_of_engine
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import DeviceError, InternalError

import case

WINDOW = (case.CORE + 2 * case.HALO) ** 2


class FakeEngine:
    """Delivers its name; fails as it is told."""

    def __init__(self, name, log, at_load=False, at=None):
        self.name, self._log, self._at_load, self._at = name, log, at_load, at
        self.seconds = seconds_of_engine()

    def load(self, statics):
        self._log.append((self.name, "load", len(statics)))
        if self._at_load:
            raise DeviceError("no memory for statics")

    def run(self, years, want, deliver):
        self._log.append((self.name, "run", list(years)))
        for k in years:
            if k == self._at:
                raise DeviceError("the device is gone")
            deliver(k, self.name)


def safe(log, deterministic=False, spare=True, cells=400, **device):
    makers = Makers(lambda n: FakeEngine(n, log, **device), 100, (lambda: FakeEngine("spare", log)) if spare else None)
    return SafeTiles(makers, cells, deterministic)


def run(tiles, years=range(4)):
    out = []
    tiles.run(dict.fromkeys(years), "classes", lambda k, name: out.append((k, name)))
    return out


def test_a_year_goes_on_with_smaller_calls_and_then_on_the_spare_from_where_it_stopped(caplog):
    log = []
    tiles = safe(log, at=2)
    tiles.load(["a"] * 4)
    with caplog.at_level(logging.WARNING):
        assert run(tiles) == [(0, 400), (1, 400), (2, "spare"), (3, "spare")]
    assert tiles.by_spare == {2, 3}
    assert log == [(400, "load", 4), (400, "run", [0, 1, 2, 3]), (200, "load", 4), (200, "run", [2, 3]), (100, "load", 4), (100, "run", [2, 3]),
                   ("spare", "load", 4), ("spare", "run", [2, 3])]
    assert sum("onnxruntime on the CPU" in message for message in caplog.messages) == 1 and len(caplog.messages) == 3
    caplog.clear()
    assert run(tiles, [1]) == [(1, "spare")] and tiles.by_spare == {1} and not caplog.messages


def test_a_device_that_cannot_take_the_statics_is_replaced_at_once():
    log = []
    tiles = safe(log, at_load=True)
    tiles.load([])
    assert [name for name, what, _ in log if what == "load"] == [400, 200, 100, "spare"]
    assert run(tiles, [0]) == [(0, "spare")]


def test_without_a_spare_the_error_says_what_to_do():
    with pytest.raises(DeviceError, match=r"no memory for statics\. One window a call is too much, too: lower model\.window_cells.* model\.cpu_fallback = true"):
        safe([], spare=False, at_load=True).load([])


def test_a_deterministic_run_tries_nothing_else():
    log = []
    tiles = safe(log, deterministic=True, at=1)
    tiles.load([])
    with pytest.raises(DeviceError, match=r"gone\. Lower model\.batch or model\.window_cells, or set model\.deterministic = false"):
        run(tiles)
    assert len(log) == 2


def test_a_device_known_to_be_lost_is_not_tried():
    log = []
    tiles = SafeTiles(Makers(lambda n: FakeEngine(n, log), 100, lambda: FakeEngine("spare", log)), 400, False, lost="cuda:0 is full")
    tiles.load([])
    assert run(tiles, [0]) == [(0, "spare")] and {name for name, *_ in log} == {"spare"}


@pytest.fixture
def folder(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    return tmp_path


def start(folder, host, model="", output="", **broken):
    config = case.write_config(folder, folder / "model", folder / "fine.nc", output, "[grid]\nedges = 'latlon'", allocation=True)
    config.write_text(config.read_text().replace("[data]", f"{model}\n[data]"))
    component = Component.create(config, SerialComm())
    component._seat.network = BrokenNetwork(component._seat.network, **broken)
    component.set_grid(*host.part(np.arange(len(host.global_id))))
    return component


def feed(component, host, *years):
    for year in years:
        for name, values in host.states[year].items():
            component.set_field(name, values)
        component.step_year(year)


def get(component, name, n=81):
    out = np.empty(n)
    component.get_field(name, out)
    return out


def test_quality_marks_the_cells_over_tiles_that_the_spare_computed_and_a_restart_keeps_it(folder):
    host = case.make_host()
    component = start(folder, host, "deterministic = false\ncpu_fallback = true", "directory = 'out'", fails=lambda call: call > 5)
    sound = start(folder, host)
    feed(component, host, 2000)
    assert not get(component, "quality").any()
    feed(component, host, 2001)
    feed(sound, host, 2000, 2001)
    quality = get(component, "quality")
    tiles, first = component._plan.tiles, component._plan.local
    marked = [first[k] for k in np.flatnonzero(component._state.by_spare)]
    assert 0 < len(marked) < len(first) == 16
    expected = np.zeros(81)
    for tile in marked:
        west, south = ((tile.col0 + tiles.halo) / 120 - 180, (tile.row0 + tiles.halo) / 120 - 90)
        for k in range(81):
            lon, lat = host.vertex_lon_deg[k], host.vertex_lat_deg[k]
            if lon.min() < west + 0.5 - 1e-9 and lon.max() > west + 1e-9 and lat.min() < south + 0.5 - 1e-9 and lat.max() > south + 1e-9:
                expected[k] = 2.0
    assert np.array_equal(quality, expected) and 0 < expected.sum() < 162
    assert np.array_equal(get(component, "lai"), get(sound, "lai")) and not get(sound, "quality").any()
    with Dataset(folder / "out" / "lsbc_2001.nc") as data:
        assert data["quality"].standard_name == "quality_flag" and int(data["quality"].flag_masks) == 2
        assert data["quality"].flag_meanings == "computed_by_fallback_device"
        assert np.array_equal(np.asarray(data["quality"][:]), expected[np.argsort(host.global_id)])
    component.write_restart(folder / "r.nc")
    sound.read_restart(folder / "r.nc")
    assert np.array_equal(get(sound, "quality"), expected)
    feed(component, host, 2002)
    assert (get(component, "quality") == 2.0).all()
    feed(sound, host, 2002)
    assert not get(sound, "quality").any()


def test_half_the_windows_in_a_call_give_the_same_bits(folder):
    host = case.make_host()
    sound = start(folder, host, "deterministic = false\nbatch = 4")
    tight = start(folder, host, "deterministic = false\nbatch = 4", most_cells=2 * WINDOW)
    feed(sound, host, 2000, 2001, 2002)
    feed(tight, host, 2000, 2001, 2002)
    assert max(shape[0] for shape in sound._seat.network.shapes if shape[2] == 64) == 4
    assert {shape[0] for shape in tight._seat.network.shapes if shape[2:] == (64, 64)} == {4, 2}
    assert np.array_equal(get(sound, "lai"), get(tight, "lai")) and not get(tight, "quality").any()


@pytest.mark.parametrize(("how", "error", "match"), [("memory", DeviceError, r"Lower model\.batch or model\.window_cells"),
                                                     ("nan", InternalError, r"not finite in tile \d+")])
def test_a_year_that_fails_leaves_the_last_one_and_can_be_made_again(folder, how, error, match):
    host = case.make_host()
    sound, component = start(folder, host), start(folder, host, how=how)
    feed(sound, host, 2000, 2001)
    feed(component, host, 2000)
    before = get(component, "lai")
    network = component._seat.network
    network._fails = lambda call: call == 7
    with pytest.raises(error, match=match):
        feed(component, host, 2001)
    assert component.year == 2000 and np.array_equal(get(component, "lai"), before)
    feed(component, host, 2001)
    assert np.array_equal(get(component, "lai"), get(sound, "lai"))
