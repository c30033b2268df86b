import numpy as np
import pytest

from lsbc.emulator import engines
from lsbc.emulator.artefact import read_artefact
from lsbc.emulator.component import Component
from lsbc.emulator.host_tiles import HostTiles
from lsbc.emulator.share import OwnTiles
from lsbc.regrid.comm import SerialComm

import case


class Lost:
    """Says that it is on a GPU and takes no tensors."""

    device = "cuda:0"


def test_a_network_that_takes_arrays_alone_is_fed_from_the_host():
    assert isinstance(engines.on_gpu(Lost(), (), 30, 60, 2, 1), HostTiles)


def test_a_network_that_takes_tensors_is_fed_on_its_device():
    pytest.importorskip("torch", reason="torch is not installed")
    from lsbc.emulator.network.device_tiles import DeviceTiles

    import torch_case

    assert isinstance(engines.on_gpu(torch_case.StencilNetwork(), torch_case.artefact().channels, 30, 60, torch_case.HALO, 60**2), DeviceTiles)


def test_a_single_rank_has_its_own_engine_whose_calls_are_those_of_the_configuration(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    config = case.write_config(tmp_path, tmp_path / "model", tmp_path / "fine.nc")
    config.write_text(config.read_text().replace("[data]", "batch = 3\nwindow_cells = 124\n[data]"))
    component = Component.create(config, SerialComm())
    host = case.make_host()
    component.set_grid(*host.part(np.arange(81)))
    limits = component._plan.domain.cut.limits
    assert (limits.longest_window, limits.cells_a_call) == (124, 3 * 64 * 64) and component._plan.tiles.core == 60
    assert isinstance(component._tiles, OwnTiles) and component._seat.group.size == 1
    assert read_artefact(tmp_path / "model").window == 64
    component.close()


def test_a_seat_that_lost_its_device_has_the_spare_network_already(tmp_path, monkeypatch):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    config = case.write_config(tmp_path, tmp_path / "model", tmp_path / "fine.nc")
    config.write_text(config.read_text().replace("[data]", "deterministic = false\ncpu_fallback = true\n[data]"))
    component = Component.create(config, SerialComm())
    component._seat.lost = "cuda:0 is full"
    monkeypatch.setattr(engines, "load_spare", lambda _: pytest.fail("loaded twice"))
    host = case.make_host()
    component.set_grid(*host.part(np.arange(81)))
    for name, values in host.states[2000].items():
        component.set_field(name, values)
    component.step_year(2000)
    component.close()


class OnGpu:
    """A network that says it is on a GPU."""

    device, fixed_window = "cuda:0", None


@pytest.mark.parametrize("keys, cells", [("", 1), ("deterministic = false", engines.FROM_FREE_MEMORY), ("deterministic = false\nbatch = 2", 2 * 64 * 64)])
def test_free_memory_decides_on_a_call_only_where_bits_need_not_be_the_same(tmp_path, monkeypatch, keys, cells):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    config = case.write_config(tmp_path, tmp_path / "model", tmp_path / "fine.nc")
    config.write_text(config.read_text().replace("[data]", f"{keys}\n[data]"))
    component, asked = Component.create(config, SerialComm()), []
    network, component._seat.network = component._seat.network, OnGpu()

    def on_gpu(_network, *shape):
        asked.append(shape[-1])
        return HostTiles(network, *shape[:-1])

    monkeypatch.setattr(engines, "on_gpu", on_gpu)
    component.set_grid(*case.make_host().part(np.arange(81)))
    assert asked == [cells]
    component.close()
