"""Coupled years whose tiles are computed by `DeviceTiles` on torch's CPU device: the maps are those of the host's engine."""

import numpy as np
import pytest

from lsbc.emulator import engines
from lsbc.emulator.component import Component
from lsbc.emulator.network.device_tiles import DeviceTiles
from lsbc.regrid.comm import SerialComm

import case

torch = pytest.importorskip("torch", reason="torch is not installed")


class InTensors:
    """A network of host arrays that is asked for tensors."""

    torch_device, dtype, device, fixed_window = torch.device("cpu"), torch.float32, "cpu", None

    def __init__(self, network):
        self._network = network

    def forward(self, channels):
        batch = self._network.buffer(*(channels.shape[k] for k in (0, 2, 3)))
        batch[...] = channels.numpy()
        return torch.from_numpy(self._network(batch).copy())


def run_years(folder, allocation, known):
    """Class maps of the cores and the host's fields after some years, one after the other."""
    case.write_artefact(folder / "model")
    fine = case.write_fine_file(folder / "fine.nc", case.first_map(), known)
    component = Component.create(case.write_config(folder, folder / "model", fine, allocation=allocation), SerialComm())
    host, maps = case.make_host(), []
    component.set_grid(*host.part(np.arange(len(host.global_id))))
    for year, states in host.states.items():
        for name, values in states.items():
            component.set_field(name, values)
        component.step_year(year)
        fraction = np.full(len(host.global_id), np.nan)
        component.get_field("forest_frac", fraction)
        maps += [np.array(component._state.core).tobytes(), fraction.tobytes()]
    return maps


@pytest.mark.parametrize("allocation", [True, False], ids=["allocated", "likeliest"])
def test_coupled_years_are_the_same_with_either_engine(tmp_path, monkeypatch, allocation):
    known = np.random.default_rng(2).random((case.N_FINE, case.N_FINE)) < 0.8  # the first year asks for classes
    expected, made = run_years(tmp_path / "host", allocation, known), []

    def device_tiles(network, channels, ratio, core, halo, cells_a_call):
        made.append(DeviceTiles(InTensors(network), channels, ratio, core, halo, 20_000))
        return made[-1]

    monkeypatch.setattr(engines, "HostTiles", device_tiles)
    assert run_years(tmp_path / "device", allocation, known) == expected
    assert len(made) == 1 and made[0].n_window > 0
