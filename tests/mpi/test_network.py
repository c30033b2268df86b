"""Run with mpirun on 1, 2, 3 ranks; every rank runs every test. All ranks are on one node."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lsbc.emulator.artefact import read_artefact
from lsbc.emulator.config import ModelConfig
from lsbc.emulator.network import choose, network_for, together
from lsbc.regrid.errors import DeviceError, ModelError

import case

CPU = ModelConfig(device="cpu")


@pytest.fixture
def artefact(tmp_path):
    """The closed-form network, in a folder of this rank's own."""
    return read_artefact(case.write_artefact(tmp_path))


def test_the_node_is_named_by_its_lowest_rank(comm):
    assert comm.node == 0 and comm.local_rank == comm.rank


def test_every_rank_gets_a_network_and_the_same_facts(comm, artefact):
    loaded = network_for(comm, artefact, CPU)
    assert loaded.network(loaded.network.buffer(1, 8, 8)).shape == (1, 1, 8, 8, 8)
    assert comm.allgather(dict(loaded.facts)) == [dict(loaded.facts)] * comm.size and loaded.place.members == (comm.rank,)


def test_ranks_in_pairs_share_the_first_ones_network(comm, artefact):
    loaded = network_for(comm, artefact, ModelConfig(device="cpu", ranks_per_device=2), share=True)
    owner = comm.rank - comm.rank % 2
    assert loaded.place.owner == owner and (loaded.network is not None) == (comm.rank == owner)
    assert loaded.place.members == tuple(range(owner, min(owner + 2, comm.size)))


def test_one_rank_on_another_kind_of_cpu_stops_all_with_both_named(comm, artefact, monkeypatch):
    if comm.rank == comm.size - 1:
        monkeypatch.setattr(together, "cpu_instruction_sets", lambda: ("x86_64", "avx2"))
    else:
        monkeypatch.setattr(together, "cpu_instruction_sets", lambda: ("x86_64", "avx512f"))
    if comm.size == 1:
        assert network_for(comm, artefact, CPU).network is not None
        return
    with pytest.raises(DeviceError, match=rf"Rank {comm.size - 1} has network device 'CPU x86_64 avx2', rank 0 has 'CPU x86_64 avx512f'"):
        network_for(comm, artefact, CPU)
    assert network_for(comm, artefact, ModelConfig(device="cpu", deterministic=False)).network is not None


def test_a_damaged_file_on_one_rank_is_an_error_on_all(comm, artefact):
    if comm.rank == comm.size - 1:
        (artefact.directory / "unet.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=f"rank {comm.size - 1}: .*sha256"):
        network_for(comm, artefact, CPU)


def test_one_rank_builds_the_engine_of_each_kind_of_gpu_and_all_get_its_bytes(comm, artefact, tmp_path, monkeypatch):
    built = []
    kind = f"GPU {comm.rank % 2}"
    monkeypatch.setitem(sys.modules, "lsbc.emulator.network.tensorrt", SimpleNamespace(
        engine_key=lambda artefact, precision, shape, gpu: {"gpu": gpu}, gpu_type=lambda device: kind,
        kept_or_built=lambda folder, key, *rest: built.append(1) or f"{key['gpu']} by {comm.rank}".encode()))
    import lsbc.emulator.network as package

    monkeypatch.setattr(package, "tensorrt", sys.modules["lsbc.emulator.network.tensorrt"], raising=False)
    model = ModelConfig(backend="tensorrt", deterministic=False, cache=tmp_path)
    engine = together._same_engine(comm, artefact, model, choose.Choice("tensorrt", "cuda", "float16", ""), 0)
    assert engine.content == f"{kind} by {comm.rank % 2}".encode() and len(built) == (1 if comm.rank < 2 else 0)
    if comm.size > 1:
        with pytest.raises(DeviceError, match="Rank 1 has gpu 'GPU 1', rank 0 has 'GPU 0'"):
            together._same_engine(comm, artefact, ModelConfig(backend="tensorrt", cache=tmp_path), choose.Choice("tensorrt", "cuda", "float16", ""), 0)


def test_logits_are_the_same_bits_on_all_ranks(comm, artefact):
    network = network_for(comm, artefact, CPU).network
    batch = np.random.default_rng(4).random((1, len(artefact.channels), 32, 40), np.float32)
    first = comm.bcast(network(batch).tobytes())
    assert network(batch).tobytes() == first
