"""lsbc.emulator.network.device_channels on torch's CPU device: the bits of `lsbc.emulator.channels`, for many windows at once."""

import numpy as np
import pytest

from lsbc.emulator.channels import CHANNEL_NAMES, Channel
from lsbc.emulator.network.device_channels import DeviceChannels, WindowShape
from lsbc.emulator.tile_engine import TileStatics, TileYear
from lsbc.regrid.errors import GridError, ModelError

import torch_case

torch = pytest.importorskip("torch", reason="torch is not installed")

WINDOW = 132
PLACES = {"inland": (16470, 22641), "on a driver cell's edge": (16470, 22650), "around the south pole and the date line": (-17, -40),
          "beyond the north pole and the date line": (21550, 43180)}


def on_device(channels, tiles, corners, rows, columns, dtype=torch.float32, resident=True, spare=1):
    """Channels (n, channel, rows, columns) of one window of each tile, with `spare` windows that fill up the call."""
    maker = DeviceChannels(channels, torch_case.RATIO, torch.device("cpu"), dtype)
    shape = WindowShape(len(tiles) + spare, rows, columns)
    layout = maker.layout(shape, with_statics=not resident)
    memory = np.full(layout.n_byte, 77, np.uint8)
    into, gaps = layout.arrays(memory), False
    packed = torch.stack([maker.pack_statics(tile.statics, WINDOW) for tile, _ in tiles])
    for k, ((tile, year), corner) in enumerate(zip(tiles, corners)):
        gaps |= maker.fill(into, k, tile, maker.place(shape, tile, *corner, k, WINDOW), year)
        if not resident:
            into["statics"][k] = packed[k].numpy()[corner[0]: corner[0] + rows, corner[1]: corner[1] + columns]
    maker.fill_up(into, len(tiles))
    out = torch.zeros((shape.n, rows, columns, len(channels)), dtype=dtype)
    maker.assemble(shape, layout.tensors(torch.from_numpy(memory)), packed.view(-1, maker.n_word) if resident else None, WINDOW, gaps, out)
    return out.permute(0, 3, 1, 2)[: len(tiles)]


def in_numpy(channels, tiles, corners, rows, columns):
    return torch.from_numpy(np.stack([torch_case.channels_of(channels, *tile, *corner, rows, columns) for tile, corner in zip(tiles, corners)]))


def assert_same_bits(got, expected, channels):
    """Equal, NaN and the sign of 0 included; names the first channel that is not."""
    assert got.dtype == expected.dtype
    for k, channel in enumerate(channels):
        assert got[:, k].contiguous().view(torch.uint8).equal(expected[:, k].contiguous().view(torch.uint8)), channel.name


@pytest.mark.parametrize("gap", [0.0, 0.25, 1.0], ids=["no gap", "gaps", "no driver at all"])
@pytest.mark.parametrize("place", PLACES)
def test_every_channel_of_a_whole_window_has_the_bits_of_the_numpy_code(place, gap):
    tiles, channels = [torch_case.tile(1, *PLACES[place], WINDOW, gap=gap)], torch_case.artefact().channels
    case = channels, tiles, [(0, 0)], WINDOW, WINDOW
    assert_same_bits(on_device(*case), in_numpy(*case), channels)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("resident", [True, False], ids=["statics on the device", "statics travel"])
def test_windows_of_several_tiles_are_made_together_and_rounded_once(dtype, resident):
    tiles = [torch_case.tile(k, *place, WINDOW, gap=0.1 * k) for k, place in enumerate(PLACES.values())]
    case = torch_case.artefact().channels, tiles, [(0, 0), (17, 36), (84, 36), (31, 5)], 48, 96
    got = on_device(*case, dtype=getattr(torch, dtype), resident=resident)
    assert_same_bits(got, in_numpy(*case).to(getattr(torch, dtype)), case[0])


@pytest.mark.parametrize("corner", [(0, 0), (1, 29), (14, 15), (15, 14), (44, 60), (100, 100)])
def test_a_part_of_a_window_starts_anywhere_in_a_driver_cell(corner):
    tiles, channels = [torch_case.tile(4, 3, 7, WINDOW, gap=0.1)], torch_case.artefact().channels
    case = channels, tiles, [corner], 32, 24
    assert_same_bits(on_device(*case), in_numpy(*case), channels)


def test_a_driver_block_may_be_larger_or_only_just_enough():
    channels = torch_case.artefact().channels
    wide, year = torch_case.tile(6, 30 * 40 + 20, 30 * 50 + 16, WINDOW, margin=3)
    cut = slice(3, None), slice(3, None)  # the first tap of a cell in a driver cell's upper half is that driver cell
    narrow = TileStatics(0, wide.row0, wide.col0, wide.statics, wide.driver_row0 + 3, wide.driver_col0 + 3, ())
    tight = TileYear(year.shown, year.now[:, *cut], year.following[:, *cut], year.valid[cut])
    expected = in_numpy(channels, [(wide, year)], [(0, 0)], WINDOW, WINDOW)
    for tile in ((wide, year), (narrow, tight)):
        assert_same_bits(on_device(channels, [tile], [(0, 0)], WINDOW, WINDOW), expected, channels)


def test_channels_come_in_the_cards_order_and_number():
    rng = np.random.default_rng(3)
    names = rng.permutation([name for name in CHANNEL_NAMES if name not in ("delta.urban", "prior.forest", "static.koppen_cold")])
    channels = tuple(Channel(name, "1", 0.1 * k, 1.0 + k) for k, name in enumerate(names))
    case = channels, [torch_case.tile(2, 100, 200, WINDOW)], [(4, 9)], 40, 56
    assert_same_bits(on_device(*case), in_numpy(*case), channels)


@pytest.mark.parametrize("kind", ["coarse", "prior", "static"])
def test_a_network_may_ask_for_one_kind_of_channel_only(kind):
    channels = tuple(Channel(name, "1") for name in CHANNEL_NAMES if name.startswith(kind) and name != "static.outside")
    case = channels, [torch_case.tile(2, 100, 200, WINDOW)], [(4, 9)], 40, 56
    assert_same_bits(on_device(*case), in_numpy(*case), channels)


def test_what_is_stored_where_the_driver_has_no_data_is_never_used():
    channels = torch_case.artefact().channels
    tile, year = torch_case.tile(8, 500, 600, WINDOW, gap=0.3)
    spoilt = TileYear(year.shown, np.where(year.valid, year.now, np.nan), np.where(year.valid, year.following, np.inf), year.valid)
    got = on_device(channels, [(tile, spoilt)], [(0, 0)], WINDOW, WINDOW)
    assert_same_bits(got, in_numpy(channels, [(tile, year)], [(0, 0)], WINDOW, WINDOW), channels)


def test_one_byte_a_cell_and_some_driver_cells_travel():
    maker = DeviceChannels(torch_case.artefact().channels, 30, torch.device("cpu"), torch.float16)
    layout = maker.layout(WindowShape(8, 336, 336), with_statics=False)
    # 336 cells touch at most 14 driver cells of 30, less than half of one at the ends, and need those beside: 2 x 6 float64 and a byte for each
    assert 8 * 336 * 336 < layout.n_byte <= 8 * (336 * 336 + 14 * 14 * (12 * 8 + 1) + 3 * 8)


def test_driver_cells_that_do_not_cover_a_window_are_an_error_that_names_the_span():
    tile, year = torch_case.tile(9, 30, 30, WINDOW)
    short = TileYear(year.shown, year.now[:, :-2], year.following[:, :-2], year.valid[:-2])
    with pytest.raises(GridError, match=r"along the row must cover 0\.\.5 for fine cells 30\.\.161, got 0\.\.4"):
        on_device(torch_case.artefact().channels, [(tile, short)], [(0, 0)], WINDOW, WINDOW)


def test_an_unknown_channel_is_an_error_that_names_it():
    with pytest.raises(ModelError, match=r"'static\.snow' is unknown; lsbc makes coarse\.urban"):
        DeviceChannels((Channel("static.snow", "1"),), 30, torch.device("cpu"), torch.float32)
