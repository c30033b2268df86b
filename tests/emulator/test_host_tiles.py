"""The host's engine: windows around rectangles against whole tiles, on random inputs."""

from dataclasses import replace

import numpy as np
import pytest

from lsbc.emulator.artefact import locate, read_artefact
from lsbc.emulator.channels import HIDDEN
from lsbc.emulator.classes import NO_DATA
from lsbc.emulator.host_tiles import HostTiles, likeliest
from lsbc.emulator.network import load_network
from lsbc.emulator.tile_engine import Rectangle, TileStatics, TileYear
from lsbc.emulator.windows import Cut, Limits, block_cells, cover
from lsbc.regrid.errors import InternalError

import case


def some_tiles(artefact, n, core, windows=None, seed=0):
    """`n` tiles next to each other with random inputs, and their windows: the whole core, or as given."""
    rng = np.random.default_rng(seed)
    edge, ratio = core + 2 * artefact.halo, artefact.ratio
    statics, years = [], {}
    for k in range(n):
        row0, col0 = 16800 - artefact.halo, 22320 + k * core - artefact.halo
        fields = {name: rng.random((edge, edge), np.float32) for name in ("elevation", "slope", "northness", "human_footprint")}
        fields |= {"koppen": rng.integers(1, 6, (edge, edge)).astype(np.uint8), "land": rng.integers(0, 2, (edge, edge)).astype(np.uint8)}
        fields["human_footprint"][rng.random((edge, edge)) < 0.1] = np.nan
        driver_row0, driver_col0 = row0 // ratio - 1, col0 // ratio - 1
        n_row, n_col = (row0 + edge - 1) // ratio + 2 - driver_row0, (col0 + edge - 1) // ratio + 2 - driver_col0
        valid = rng.random((n_row, n_col)) < 0.8
        now, following = (rng.dirichlet(np.ones(6), (n_row, n_col)).transpose(2, 0, 1) * valid for _ in range(2))
        shown = rng.choice(np.array([1, 2, 3, 4, 5, 6, 7, HIDDEN, NO_DATA], np.uint8), (edge, edge))
        statics.append(TileStatics(70 + k, row0, col0, fields, driver_row0, driver_col0, windows[k] if windows else (Rectangle(0, 0, core, core),)))
        years[k] = TileYear(shown, now, following, valid)
    return statics, years


def run(network, artefact, core, statics, years, want="scores", cells_a_call=1):
    engine = HostTiles(network, artefact.channels, artefact.ratio, core, artefact.halo, cells_a_call)
    engine.load(statics)
    out = {}

    def keep(k, result):
        assert k not in out
        out[k] = result.copy()

    engine.run(years, want, keep)
    return out


def closed_form(tmp_path):
    return read_artefact(case.write_artefact(tmp_path / "model"))


def shipped(tmp_path):
    return read_artefact(locate("shipped:bavaria30", tmp_path))


@pytest.mark.parametrize(("which", "core", "n"), [(closed_form, 60, 12), (shipped, 240, 2)])
def test_the_scores_of_rectangles_have_the_bits_of_the_whole_tile(tmp_path, which, core, n):
    artefact = which(tmp_path)
    network = load_network(artefact)
    block = block_cells(core, artefact.halo, artefact.depth)
    needed = np.random.default_rng(4).random((n, core // block, core // block)) < np.linspace(0.15, 0.6, n)[:, None, None]
    windows = cover(needed, Cut(core, artefact.halo, block, Limits(10_000)))
    assert max(len(w) for w in windows) > 1
    whole = run(network, artefact, core, *some_tiles(artefact, n, core))
    parts = run(network, artefact, core, *some_tiles(artefact, n, core, windows))
    classes = run(network, artefact, core, *some_tiles(artefact, n, core, windows), "classes")
    for k in range(n):
        inside = np.zeros((core, core), bool)
        for w in windows[k]:
            inside[w.row: w.row + w.rows, w.column: w.column + w.columns] = True
        assert np.array_equal(parts[k][:, inside], whole[k][:, inside]) and not parts[k][:, ~inside].any()
        assert np.array_equal(classes[k][inside], 1 + np.argmax(whole[k][1:7], axis=0)[inside]) and not classes[k][~inside].any()
        assert inside[np.kron(needed[k], np.ones((block, block), bool))].all()


@pytest.mark.parametrize("cells_a_call", [1, 3 * 64 * 64, 10**6])
def test_neither_the_order_of_tiles_nor_the_batch_changes_a_bit(tmp_path, cells_a_call):
    artefact = closed_form(tmp_path)
    network = load_network(artefact)
    needed = np.random.default_rng(4).random((20, 3, 3)) < 0.4
    windows = cover(needed, Cut(60, artefact.halo, 20, Limits(10_000)))
    statics, years = some_tiles(artefact, 20, 60, windows)
    straight = run(network, artefact, 60, statics, years)
    order = np.random.default_rng(7).permutation(20).tolist()
    shuffled = run(network, artefact, 60, statics, {k: years[k] for k in order}, cells_a_call=cells_a_call)
    moved = run(network, artefact, 60, [statics[k] for k in order], {at: years[k] for at, k in enumerate(order)}, cells_a_call=cells_a_call)
    assert all(np.array_equal(straight[k], shuffled[k]) for k in range(20))
    assert all(np.array_equal(straight[k], moved[at]) for at, k in enumerate(order))


def test_every_call_of_a_window_size_has_the_same_shape(tmp_path):
    artefact = closed_form(tmp_path)
    network = load_network(artefact)
    shapes = set()

    class Watched:
        buffer = staticmethod(network.buffer)

        def __call__(self, batch):
            shapes.add(batch.shape)
            return network(batch)

    windows = cover(np.random.default_rng(4).random((20, 3, 3)) < 0.4, Cut(60, artefact.halo, 20, Limits(10_000)))
    run(Watched(), artefact, 60, *some_tiles(artefact, 20, 60, windows), cells_a_call=5 * 24 * 24)
    assert len({shape[2:] for shape in shapes}) == len(shapes) > 3 and (5, len(artefact.channels), 24, 24) in shapes


def test_values_that_are_not_finite_name_the_tile_and_their_number(tmp_path):
    artefact = closed_form(tmp_path)
    statics, years = some_tiles(artefact, 3, 60)
    years[1] = replace(years[1], now=np.full_like(years[1].now, np.inf), following=np.full_like(years[1].now, np.inf), valid=np.ones_like(years[1].valid))
    for want in ("scores", "classes"):
        with pytest.raises(InternalError, match=r"returned \d+ values that are not finite in tile 71"), np.errstate(invalid="ignore"):
            run(load_network(artefact), artefact, 60, statics, years, want)


def test_the_likeliest_class_is_the_first_of_equals_and_never_static():
    score = np.zeros((8, 1, 3), np.float32)
    score[0], score[7], score[3, 0, 1], score[5, 0, 1], score[6, 0, 2] = 9.0, 9.0, 1.0, 1.0, 0.5
    assert likeliest(score).tolist() == [[1, 3, 6]]
