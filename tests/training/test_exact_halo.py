"""lsbc.training.halo on functions whose reach is known."""

import numpy as np
import pytest

from lsbc.regrid.errors import ModelError
from lsbc.training.halo import exact_halo


def box_sum(reach):
    """Sum of the values within `reach` cells; outside the tile counts as zero, as a convolution's padding does."""
    def run(x):
        padded = np.pad(x, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        for axis in (2, 3):
            padded = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=axis).sum(axis=-1)
        return np.ascontiguousarray(padded, np.float32)

    return run


@pytest.mark.parametrize(("reach", "multiple", "expected"), [(0, 1, 0), (3, 1, 3), (5, 4, 8), (8, 4, 8)])
def test_the_halo_is_the_reach_rounded_up_to_the_pooling(reach, multiple, expected):
    assert exact_halo(box_sum(reach), 1, multiple, core=16, limit=16) == expected


def test_a_function_of_the_whole_tile_is_refused():
    with pytest.raises(ModelError, match="beyond 16 cells"):
        exact_halo(lambda x: x - x.mean(), 1, 4, core=16, limit=16)


def test_a_unet_of_depth_two_needs_twenty_four_cells():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from lsbc.training.predict import torch_network
    from lsbc.training.unet import UNet

    torch.manual_seed(3)
    torch.set_num_threads(1)
    assert exact_halo(torch_network(UNet(3, 4, 4, 2).eval()), 3, 4, core=160, limit=40) == 24
