import importlib.util
import sys
import warnings
from types import SimpleNamespace

import pytest

from lsbc.emulator import devices
from lsbc.emulator.devices import Place, cpu_instruction_sets, find_gpus, group_of_local_rank, places


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A node that has an NVIDIA driver."""
    monkeypatch.setattr(devices, "_DRIVERS", (str(tmp_path),))


def fake_torch(monkeypatch, available=True, cuda="13.0", warn=None, count=2):
    def is_available():
        if warn:
            warnings.warn(warn, UserWarning, stacklevel=2)
        return available

    seen = [SimpleNamespace(name=f"NVIDIA H200 {k}", uuid=f"id-{k}") for k in range(count)]
    torch = SimpleNamespace(__version__="2.13.0", version=SimpleNamespace(cuda=cuda), __spec__=object(),
                            cuda=SimpleNamespace(is_available=is_available, device_count=lambda: count, get_device_properties=lambda k: seen[k]))
    monkeypatch.setitem(sys.modules, "torch", torch)


def test_a_node_without_a_driver_has_no_gpu_and_says_so(monkeypatch):
    monkeypatch.setattr(devices, "_DRIVERS", ("/nowhere/nvidiactl",))
    gpus = find_gpus()
    assert (gpus.names, gpus.driver, gpus.problem) == ((), False, "this node has no NVIDIA driver")


def test_gpus_are_named_and_have_the_same_id_in_every_process(driver, monkeypatch):
    fake_torch(monkeypatch)
    gpus = find_gpus()
    assert gpus.names == ("NVIDIA H200 0", "NVIDIA H200 1") and gpus.ids == ("id-0", "id-1") and gpus.driver and not gpus.problem


def test_a_driver_that_torch_cannot_use_is_explained_with_torchs_own_words(driver, monkeypatch):
    fake_torch(monkeypatch, available=False, warn="CUDA initialization: The NVIDIA driver on your system is too old (Triggered internally at x.cpp:1)")
    gpus = find_gpus()
    assert not gpus.names and gpus.driver
    assert "CUDA 13.0 finds no GPU through it (CUDA initialization: The NVIDIA driver on your system is too old)" in gpus.problem


def test_a_torch_without_cuda_is_named(driver, monkeypatch):
    fake_torch(monkeypatch, available=False, cuda=None)
    assert find_gpus().problem == "torch 2.13.0 was built without CUDA: install a CUDA build of torch"


def test_a_missing_torch_is_named_with_the_command(driver, monkeypatch):
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: None)
    assert find_gpus().problem == "torch is not installed: pip install 'lsbc[torch]'"


@pytest.mark.parametrize("error", [OSError("libcublas.so.13: cannot open shared object file"), ImportError("undefined symbol: ncclCommInit")])
def test_a_torch_that_does_not_load_leaves_the_cpu_with_the_reason(driver, monkeypatch, error):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "torch":
                return importlib.util.spec_from_loader(name, self)

        def create_module(self, spec):
            raise error

        def exec_module(self, module):
            pass

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    gpus = find_gpus()
    assert not gpus.names and gpus.driver and gpus.problem == f"torch does not load: {error}"


def test_torch_stays_unimported_where_nobody_needs_to_know(driver, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # an import would fail
    assert find_gpus(look=False).driver


@pytest.mark.parametrize(("size", "n_gpu", "per_device", "expected"), [
    (1, 1, 0, [(0, 0)]),
    (4, 4, 0, [(0, 0), (1, 1), (2, 2), (3, 3)]),
    (8, 2, 0, [(0, 0)] * 4 + [(1, 4)] * 4),
    (5, 2, 0, [(0, 0)] * 3 + [(1, 3)] * 2),
    (2, 4, 0, [(0, 0), (2, 1)]),
    (4, 2, 1, [(0, 0), (0, 1), (1, 2), (1, 3)]),
    (6, 1, 2, [(0, 0), (0, 0), (0, 2), (0, 2), (0, 4), (0, 4)]),
    (3, 0, 0, [(0, 0), (0, 1), (0, 2)]),
    (5, 0, 2, [(0, 0), (0, 0), (0, 2), (0, 2), (0, 4)]),
])
def test_blocks_of_consecutive_ranks_share_a_device(size, n_gpu, per_device, expected):
    assert [group_of_local_rank(k, size, n_gpu, per_device) for k in range(size)] == expected


def test_every_group_has_one_owner_in_it_and_devices_are_used_evenly():
    for size in range(1, 20):
        for n_gpu in range(1, 9):
            found = [group_of_local_rank(k, size, n_gpu) for k in range(size)]
            devices_used = [device for device, _ in found]
            assert devices_used == sorted(devices_used) and 0 <= devices_used[0] and devices_used[-1] < n_gpu
            assert len(set(devices_used)) == min(size, n_gpu)
            counts = [devices_used.count(device) for device in set(devices_used)]
            assert max(counts) - min(counts) <= 1
            assert all(found[owner] == (device, owner) and owner == devices_used.index(device) for device, owner in found)


def test_places_count_ranks_over_all_nodes():
    ids = ("a", "b")
    found = places([0, 0, 2, 2, 2], [ids, ids, ("c", "d"), ("c", "d"), ("c", "d")])
    assert found == [Place(0, 0, (0,)), Place(1, 1, (1,)), Place(0, 2, (2, 3)), Place(0, 2, (2, 3)), Place(1, 4, (4,))]


def test_ranks_that_were_each_given_a_gpu_of_their_own_do_not_share():
    assert places([0, 0, 0], [("a",), ("b",), ("b",)]) == [Place(0, 0, (0,)), Place(0, 1, (1, 2)), Place(0, 1, (1, 2))]


def test_ranks_dealt_to_nodes_in_turn_are_grouped_by_node():
    assert [place.members for place in places([0, 1, 0, 1], [(), (), (), ()], 2)] == [(0, 2), (1, 3), (0, 2), (1, 3)]


def test_instruction_sets_are_read_from_the_first_cpu(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor : 0\nflags\t\t: fpu avx2 avx512f amx_tile avx512_vnni nonsense\n\nprocessor : 1\nflags : fpu\n")
    assert cpu_instruction_sets(tmp_path / "cpuinfo")[1:] == ("avx2", "avx512f", "avx512_vnni", "amx_tile")
    (tmp_path / "cpuinfo").write_text("processor : 0\nFeatures : fp asimd sve i8mm bf16\n")
    assert cpu_instruction_sets(tmp_path / "cpuinfo")[1:] == ("asimd", "bf16", "i8mm", "sve")
    assert len(cpu_instruction_sets(tmp_path / "absent")) == 1
