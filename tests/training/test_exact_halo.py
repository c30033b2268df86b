"""lsbc.training.halo on functions whose reach and lattice are known."""

import numpy as np
import pytest

from lsbc.regrid.errors import ModelError
from lsbc.training.halo import check_lattice, exact_halo, origin_lattice


def box_sum(reach):
    """Sum of the values within `reach` cells; outside the tile counts as zero, as a convolution's padding does."""
    def run(x):
        padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        for axis in (2, 3):
            padded = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis).sum(axis=-1)
        return np.ascontiguousarray(padded, np.float32)

    return run


def block_maximum(rows, columns):
    """The largest value of each block, counted from the tile's own corner, as pooling does."""
    def run(x):
        n, c, height, width = x.shape
        blocks = x.reshape(n, c, height // rows, rows, width // columns, columns).max(axis=(3, 5))
        return np.repeat(np.repeat(blocks, rows, axis=2), columns, axis=3)

    return run


@pytest.mark.parametrize(("reach", "multiple", "expected"), [(0, 1, 0), (3, 1, 3), (5, 4, 8), (8, 4, 8)])
def test_the_halo_is_the_reach_rounded_up_to_the_pooling(reach, multiple, expected):
    assert exact_halo(box_sum(reach), 1, multiple, core=16, limit=16) == expected


def test_a_function_of_the_whole_tile_is_refused():
    with pytest.raises(ModelError, match="beyond 16 cells"):
        exact_halo(lambda x: x - x.mean(), 1, 4, core=16, limit=16)


def test_deep_pooling_may_reach_further():
    assert exact_halo(box_sum(90), 1, 16, core=16) == 96


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (4, 4), (2, 8), (8, 8)])
def test_the_lattice_is_the_block_of_the_pooling(rows, columns):
    assert origin_lattice(block_maximum(rows, columns), 1, 0, limit=8) == (rows, columns)


def test_the_cards_lattice_must_be_the_networks():
    check_lattice(block_maximum(4, 4), 1, 0, 4)
    with pytest.raises(ModelError, match="same bits for windows 4 rows or 4 columns apart; its depth of pooling says 8"):
        check_lattice(block_maximum(4, 4), 1, 0, 8)
    with pytest.raises(ModelError, match="whose first row is 4 cells further give other results"):
        check_lattice(block_maximum(8, 8), 1, 0, 4)
    with pytest.raises(ModelError, match="whose first column is 4 cells further give other results"):
        check_lattice(block_maximum(4, 8), 1, 0, 4)


def test_a_unet_of_depth_two_needs_twenty_four_cells_and_a_lattice_of_four():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from lsbc.training.predict import torch_network
    from lsbc.training.unet import UNet

    torch.manual_seed(3)
    torch.set_num_threads(1)
    network = torch_network(UNet(3, 4, 4, 2).eval())
    assert exact_halo(network, 3, 4, core=160, limit=40) == 24
    assert origin_lattice(network, 3, 24, 4) == (4, 4)
