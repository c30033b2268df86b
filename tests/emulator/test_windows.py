import itertools

import numpy as np
import pytest

from lsbc.emulator.tile_engine import Rectangle
from lsbc.emulator.windows import (
    Cut,
    Limits,
    batch_of,
    block_cells,
    computed_cells,
    core_multiple,
    cover,
    merge_blocks,
    plan_summary,
)
from lsbc.regrid.errors import ConfigError

ANY = Limits(10_000)


def covered(rectangles, n, block):
    """How often each block is covered."""
    count = np.zeros((n, n), int)
    for r in rectangles:
        assert not any(edge % block for edge in (r.row, r.column, r.rows, r.columns))
        count[r.row // block: (r.row + r.rows) // block, r.column // block: (r.column + r.columns) // block] += 1
    return count


@pytest.mark.parametrize("limits", [ANY, Limits(80), Limits(10_000, few_shapes=True), Limits(10_000, whole_only=True)])
def test_every_needed_block_is_covered_once_and_none_twice(limits):
    needed = np.random.default_rng(3).random((100, 6, 6)) < np.linspace(0.0, 1.0, 100)[:, None, None]
    cut = Cut(96, 8, 16, limits)
    for mask, rectangles in zip(needed, cover(needed, cut), strict=True):
        count = covered(rectangles, 6, 16)
        assert (count[mask] == 1).all() and count.max() <= 1
        assert bool(rectangles) == mask.any()
        assert all({r.rows // 16, r.columns // 16} <= set(cut.allowed()) for r in rectangles)


def fewest_by_trial(mask, halo):
    """Fewest cells over every way to partition the needed blocks into rectangles, for a 3 x 3 core of blocks one cell long."""
    places = [(r, c, h, w) for h, w in itertools.product(range(1, 4), repeat=2) for r in range(4 - h) for c in range(4 - w)]

    def best(left):
        if not left:
            return 0
        first, out = min(left), None
        for r, c, h, w in places:
            cells = set(itertools.product(range(r, r + h), range(c, c + w)))
            if first in cells:
                total = (h + 2 * halo) * (w + 2 * halo) + best(left - cells)
                out = total if out is None or total < out else out
        return out

    return best(frozenset(zip(*np.nonzero(mask))))


def test_no_other_set_of_rectangles_computes_fewer_cells():
    """On 3 x 3 blocks, where all but the pinwheel are straight cuts; overlap is allowed to the trial and never pays."""
    masks = np.array(list(itertools.product([False, True], repeat=9))).reshape(-1, 3, 3)[::31]
    for halo in (0, 1):
        for mask, rectangles in zip(masks, cover(masks, Cut(3, halo, 1, ANY)), strict=True):
            assert computed_cells(rectangles, halo) == fewest_by_trial(mask, halo), mask


def test_two_far_corners_are_two_windows_and_two_near_ones_are_one():
    corners = np.zeros((2, 10, 10), bool)
    corners[0, 0, 0] = corners[0, 9, 9] = corners[1, 0, 0] = corners[1, 0, 1] = True
    far, near = cover(corners, Cut(480, 48, 48, ANY))
    assert far == (Rectangle(0, 0, 48, 48), Rectangle(432, 432, 48, 48)) and near == (Rectangle(0, 0, 48, 96),)


def test_a_full_core_is_one_window_unless_that_is_too_long():
    full = np.ones((1, 10, 10), bool)
    assert cover(full, Cut(480, 48, 48, Limits(576))) == [(Rectangle(0, 0, 480, 480),)]
    halves, = cover(full, Cut(480, 48, 48, Limits(575)))
    assert len(halves) == 4 and max(max(r.rows, r.columns) for r in halves) + 96 <= 575


def test_what_a_tile_gets_does_not_depend_on_its_neighbours_in_the_list():
    needed = np.random.default_rng(1).random((150, 5, 5)) < 0.3
    cut = Cut(80, 16, 16, ANY)
    together = cover(needed, cut)
    assert together == [cover(mask[None], cut)[0] for mask in needed]


@pytest.mark.parametrize(("core", "halo", "depth", "block"), [(240, 48, 3, 48), (400, 48, 3, 40), (60, 2, 1, 20), (480, 96, 4, 48), (30, 0, 0, 15)])
def test_blocks_divide_the_core_and_lie_on_the_pooling_lattice(core, halo, depth, block):
    assert block_cells(core, halo, depth) == block and core % block == 0 and block % 2**depth == 0


@pytest.mark.parametrize(("n_land", "longest", "multiple"), [(0, 1536, 1), (500, 1536, 1), (640, 1536, 2), (1440, 1536, 3), (7105, 1536, 6),
                                                             (7105, 1535, 5), (7105, 576, 2), (7105, 336, 1), (7105, 300, 1)])
def test_large_domains_take_larger_tiles_as_far_as_the_window_goes(n_land, longest, multiple):
    assert core_multiple(240, 48, 48, 90, 180, n_land, Limits(longest)) == multiple
    assert core_multiple(240, 48, 48, 90, 180, n_land, Limits(longest, whole_only=True)) == 1


def test_larger_tiles_hold_the_blocks_of_the_cards():
    needed = np.random.default_rng(2).random((3, 2, 2)) < 0.6
    ids, blocks = merge_blocks(np.array([0, 1, 3 * 6 + 5]), needed, n_col=6, multiple=3)
    assert ids.tolist() == [0, 3] and blocks.shape == (2, 6, 6)
    assert np.array_equal(blocks[0, :2, :2], needed[0]) and np.array_equal(blocks[0, :2, 2:4], needed[1]) and blocks[0].sum() == needed[:2].sum()
    assert np.array_equal(blocks[1, :2, 4:], needed[2]) and blocks[1].sum() == needed[2].sum()


def test_the_work_counts_halos_and_the_windows_that_fill_up_a_call():
    windows = [(Rectangle(0, 0, 48, 48), Rectangle(48, 0, 48, 48)), (Rectangle(0, 0, 48, 48),), ()]
    one = plan_summary(windows, 1000, Cut(96, 8, 48, Limits(200)))
    assert (one.cells_computed, one.n_window, one.n_shape, one.ratio) == (3 * 64 * 64, 3, 1, 3 * 64 * 64 / 1000)
    batches = Cut(96, 8, 48, Limits(200, cells_a_call=2 * 64 * 64))
    assert batch_of(64, 64, 2 * 64 * 64) == 2
    assert plan_summary(windows, 1000, batches).cells_computed == 4 * 64 * 64
    assert plan_summary(windows, 1000, batches, group=[0, 0, 1]).cells_computed == 4 * 64 * 64
    assert plan_summary([windows[1], windows[1]], 1000, batches, group=[0, 1]).cells_computed == 4 * 64 * 64


def test_limits_follow_the_device_and_the_configuration():
    assert Limits.of_device("cpu", 336) == Limits(576, 1)
    assert Limits.of_device("cuda:0", 336) == Limits(1536, 400_000, few_shapes=True)
    assert Limits.of_device("cuda:0", 336, window_cells=816, batch=2) == Limits(816, 2 * 336 * 336, few_shapes=True)


def test_windows_too_small_for_the_network_are_refused():
    with pytest.raises(ConfigError, match=r"window_cells = 100 is too small: a block of 48 cells and its halo of 48 take 144"):
        Cut(240, 48, 48, Limits(100))
    with pytest.raises(ConfigError, match="window_cells = 300 is less than the 336 cells"):
        Limits.of_device("cuda:0", 336, window_cells=300, fixed_window=True)
