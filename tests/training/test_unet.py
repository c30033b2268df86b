"""lsbc.training.unet: shape, copying, folding."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from lsbc.training.unet import UNet, fold_batch_norm  # noqa: E402


def trained_looking(n_channel=5, n_class=3, base_width=4, depth=2):
    """A network whose batch norms are far from the identity."""
    torch.manual_seed(0)
    network = UNet(n_channel, n_class, base_width, depth)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.5, 0.5)
            layer.running_var.uniform_(0.5, 2.0)
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.uniform_(layer.bias, -0.5, 0.5)
    return network.eval()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_logits_have_a_step_axis_and_the_input_rows_and_columns(depth):
    network = UNet(5, 3, 4, depth).eval()
    assert network(torch.zeros(2, 5, 16, 24)).shape == (2, 1, 3, 16, 24)


def test_parameters_are_as_many_as_counted_by_hand():
    # depth 1, width 2, 3 channels, 2 classes: 3x3 pairs 3->2->2, 2->4->4, lift 4->2, pair 4->2->2, head 5->2
    conv = lambda i, o, k: i * o * k * k + o  # noqa: E731
    norms = 2 * (2 + 2 + 4 + 4 + 2 + 2)
    expected = conv(3, 2, 3) + conv(2, 2, 3) + conv(2, 4, 3) + conv(4, 4, 3) + conv(4, 2, 2) + conv(4, 2, 3) + conv(2, 2, 3) + conv(5, 2, 1)
    assert sum(p.numel() for p in UNet(3, 2, 2, 1).parameters()) == expected + norms


def test_an_untrained_network_copies_the_shown_prior():
    torch.manual_seed(1)
    network = UNet(5, 3, 4, 2)
    network.start_from_prior({1: 3, 2: 4}, logit=50.0)
    x = torch.zeros(1, 5, 16, 16)
    x[0, 3, :8], x[0, 4, 8:] = 1.0, 1.0
    best = network.eval()(x)[0, 0].argmax(dim=0)
    assert (best[:8] == 1).all() and (best[8:] == 2).all()


def test_folding_the_batch_norm_keeps_the_logits():
    network = trained_looking()
    folded = fold_batch_norm(network)
    x = torch.randn(2, 5, 32, 32)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in folded.modules())
    with torch.no_grad():
        torch.testing.assert_close(folded(x), network(x), rtol=1e-4, atol=1e-5)


def test_one_tile_does_not_change_another_in_its_batch():
    network = fold_batch_norm(trained_looking())
    x = torch.randn(3, 5, 32, 32)
    other = x.clone()
    other[1:] = 9.0
    with torch.no_grad():
        torch.testing.assert_close(network(x)[0], network(other)[0], rtol=0, atol=0)
