"""lsbc.training.teacher: a smaller network begun from a deeper one, and taught by it."""

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from lsbc.emulator.classes import N_CLASS  # noqa: E402
from lsbc.regrid.errors import ConfigError  # noqa: E402
from lsbc.training.teacher import cut_to, depth_of, divergence, network_state, read_teacher  # noqa: E402
from lsbc.training.unet import UNet  # noqa: E402


def network(depth, width=4, n_channel=5):
    torch.manual_seed(depth)
    return UNet(n_channel, N_CLASS, width, depth).eval()


def only_the_skip(stage):
    """Make a decoder stage hand on the second half of its input channels, which the encoder gave it."""
    first, norm_1, _, second, norm_2, _ = stage
    n = second.in_channels
    with torch.no_grad():
        for layer in (first, second):
            layer.weight.zero_()
            layer.bias.zero_()
        for k in range(n):
            first.weight[k, n + k, 1, 1] = second.weight[k, k, 1, 1] = 1.0
        for norm in (norm_1, norm_2):
            norm.eps = 0.0


@pytest.mark.parametrize("depth", [1, 2])
def test_a_cut_network_is_the_deep_one_whose_decoder_hands_on_what_the_encoder_gave_it(depth):
    deep, cut = network(3), network(depth)
    for stage in deep.up[:3 - depth]:
        only_the_skip(stage)
    cut.load_state_dict(cut_to(deep.state_dict(), depth))
    x = torch.rand(2, 5, 16, 24)
    with torch.no_grad():
        torch.testing.assert_close(cut(x), deep(x), rtol=1e-5, atol=1e-6)


def test_a_state_that_is_not_deeper_stays_as_it_is():
    state = network(2).state_dict()
    assert depth_of(state) == 2 and cut_to(state, 2) is state and cut_to(state, 3) is state


def test_the_teacher_has_the_shape_and_the_logits_of_its_checkpoint(tmp_path):
    trained = network(3, width=6)
    torch.save({"state_dict": {f"network.{key}": value for key, value in trained.state_dict().items()}}, tmp_path / "last.ckpt")
    teacher, x = read_teacher(tmp_path / "last.ckpt", 1), torch.rand(1, 5, 16, 16)
    assert not teacher.training and not any(weight.requires_grad for weight in teacher.parameters())
    with torch.no_grad():
        assert torch.equal(teacher(x), trained(x))


def test_a_checkpoint_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.ckpt does not exist; train that run first"):
        network_state(tmp_path / "none.ckpt")


def test_the_divergence_is_the_mean_over_the_cells_seen():
    taught = torch.zeros(1, 2, 1, 3)
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 1, 0, 1:] = math.log(3.0)
    # cell 0 agrees: 0; cell 1: 1/2, 1/2 against 1/4, 3/4; cell 2 is not seen
    expected = (0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)) / 2
    assert float(divergence(logits, taught, torch.tensor([[[True, True, False]]]))) == pytest.approx(expected, rel=1e-6)
