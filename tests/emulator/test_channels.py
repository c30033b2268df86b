"""lsbc.emulator.channels: expected values are hand sums and linear fields, never a run of the code."""

import numpy as np
import pytest

from lsbc.emulator.channels import CHANNEL_NAMES, Channel, Window, assemble, taps
from lsbc.emulator.classes import CLASS_NAMES, GROUPS, N_GROUP, NO_DATA
from lsbc.regrid.errors import GridError, ModelError

RATIO = 30
ALL = tuple(Channel(name, "1") for name in CHANNEL_NAMES)


REAL_STATICS = ("elevation", "slope", "northness", "human_footprint")


def driver_span(start: int, n: int, ratio: int) -> tuple[int, int]:
    """First driver cell and count that cover fine cells start..start+n-1 with one cell around."""
    first = start // ratio - 1
    return first, (start + n - 1) // ratio + 1 - first + 1


def make(channels, window, ratio=RATIO, now=None, following=None, valid=None, prior=None, known=None, statics=None):
    """Assemble one window; what is not given is plain: forest everywhere, all known, flat land."""
    row0, n_row = driver_span(window.row0, window.n, ratio)
    col0, n_col = driver_span(window.col0, window.n, ratio)
    shape = (window.n, window.n)
    now = np.zeros((N_GROUP, n_row, n_col)) if now is None else now
    following = now if following is None else following
    valid = np.ones((n_row, n_col), bool) if valid is None else valid
    prior = np.full(shape, CLASS_NAMES.index("forest"), np.uint8) if prior is None else prior
    known = np.ones(shape, bool) if known is None else known
    statics = statics or {name: np.zeros(shape, np.float32) for name in REAL_STATICS} | {
        "koppen": np.full(shape, 3, np.uint8), "land": np.ones(shape, np.uint8)}
    out = np.full((len(channels), *shape), np.nan, np.float32)
    assemble(channels, window, ratio, now, following, valid, row0, col0, prior, known, statics, out)
    return out


def linear_fractions(window, ratio):
    """Fractions linear in driver row and column, another slope for each group."""
    row0, n_row = driver_span(window.row0, window.n, ratio)
    col0, n_col = driver_span(window.col0, window.n, ratio)
    row, col = np.arange(n_row)[:, None] + row0, np.arange(n_col)[None, :] + col0
    return np.stack([0.1 + 0.001 * (g + 1) * (row - row0) + 0.002 * g * (col - col0) for g in range(N_GROUP)])


@pytest.mark.parametrize(("ratio", "window"), [(30, Window(16470, 22641, 96)), (5, Window(3, -7, 32))])
def test_a_linear_coarse_field_is_reproduced_at_fine_centres(ratio, window):
    channels = [Channel(f"coarse.{group}", "1") for group in GROUPS]
    got = make(channels, window, ratio, now=linear_fractions(window, ratio))
    row0, _ = driver_span(window.row0, window.n, ratio)
    col0, _ = driver_span(window.col0, window.n, ratio)
    row = (window.row0 + np.arange(window.n) + 0.5) / ratio - 0.5 - row0
    col = (window.col0 + np.arange(window.n) + 0.5) / ratio - 0.5 - col0
    for g in range(N_GROUP):
        expected = 0.1 + 0.001 * (g + 1) * row[:, None] + 0.002 * g * col[None, :]
        np.testing.assert_allclose(got[g], expected, rtol=0, atol=2e-7)


def test_a_missing_tap_is_left_out_and_the_others_share_its_weight():
    window = Window(1, 1, 2)
    value = np.zeros((N_GROUP, 3, 3))
    value[0] = [[9, 9, 9], [9, 1.0, 2.0], [9, 4.0, 8.0]]
    valid = np.ones((3, 3), bool)
    valid[2, 2] = False
    got = make([Channel("coarse.urban", "1")], window, ratio=2, now=value, valid=valid)[0]
    # fine cell (1, 1): a quarter of the way from driver cell (0, 0) to (1, 1), weights 9/16 3/16 3/16 (1/16)
    assert got[0, 0] == pytest.approx((9 * 1.0 + 3 * 2.0 + 3 * 4.0) / 15, rel=1e-6)
    # fine cell (2, 2): three quarters of the way, weights 1/16 3/16 3/16 (9/16)
    assert got[1, 1] == pytest.approx((1 * 1.0 + 3 * 2.0 + 3 * 4.0) / 7, rel=1e-6)


def test_a_cell_without_any_tap_gets_zero_and_never_the_value_stored_there():
    window = Window(30, 30, 90)
    row0, n = driver_span(30, 90, RATIO)
    valid = np.ones((n, n), bool)
    valid[1:4, 1:4] = False
    now = np.where(valid, 0.25, np.nan) * np.ones((N_GROUP, 1, 1))
    got = make(ALL[:12], window, now=now, valid=valid)
    bare = np.zeros((90, 90), bool)
    bare[15:75, 15:75] = True
    assert (got[:6, bare] == 0).all()
    np.testing.assert_allclose(got[:6, ~bare], 0.25, rtol=1e-6)
    assert (got[6:] == 0).all()


def test_delta_is_next_year_minus_this_year_times_its_scale():
    window = Window(60, 60, 60)
    _, n = driver_span(60, 60, RATIO)
    now = np.full((N_GROUP, n, n), 0.125)
    got = make([Channel("delta.crop" + "land", "1", 0.0, 20.0)], window, now=now, following=now + 0.25)
    assert (got == 5.0).all()


def test_each_fine_cell_has_exactly_one_of_prior_class_masked_and_outside():
    window = Window(0, 30, 32)
    rng = np.random.default_rng(0)
    prior = rng.integers(0, 8, (32, 32)).astype(np.uint8)
    prior[rng.random((32, 32)) < 0.2] = NO_DATA
    got = make(ALL, window, prior=prior, known=rng.random((32, 32)) < 0.5)
    kind = [i for i, name in enumerate(CHANNEL_NAMES) if name.startswith("prior.") and name != "prior.age" or name == "static.outside"]
    assert (got[kind].sum(axis=0) == 1).all()
    assert np.isfinite(got).all()


def test_prior_channels_show_known_classes_only_and_ocean_as_water():
    window = Window(0, 0, 4)
    prior = np.repeat(np.array([[0, 7, 4, NO_DATA]], np.uint8), 4, axis=0)
    known = np.array([[True], [False], [True], [True]]) & np.ones((4, 4), bool)
    names = ("prior.water", "prior.forest", "prior.masked", "static.outside")
    water, forest, masked, outside = make([Channel(name, "1") for name in names], window, ratio=2, prior=prior, known=known)
    assert water[0].tolist() == [1, 1, 0, 0] and water[1].tolist() == [0, 0, 0, 0]
    assert forest[0].tolist() == [0, 0, 1, 0]
    assert masked[0].tolist() == [0, 0, 0, 0] and masked[1].tolist() == [1, 1, 1, 0]
    assert outside[0].tolist() == [0, 0, 0, 1] and outside[1].tolist() == [0, 0, 0, 1]


def test_statics_are_normalised_and_split_by_climate():
    window = Window(0, 0, 2)
    statics = {"elevation": np.array([[600, 500], [0, 1000]], np.float32),
               "koppen": np.array([[3, 4], [5, 1]], np.uint8), "land": np.array([[1, 0], [1, 1]], np.uint8)}
    channels = [Channel("static.elevation", "m", 500.0, 0.002),
                *(Channel(f"static.koppen_{name}", "1") for name in ("temperate", "cold", "polar")), Channel("static.land", "1")]
    got = make(channels, window, ratio=2, statics=statics)
    np.testing.assert_allclose(got[0], [[0.2, 0.0], [-1.0, 1.0]], rtol=1e-6)
    assert got[1:].tolist() == [[[1, 0], [0, 0]], [[0, 1], [0, 0]], [[0, 0], [1, 0]], [[1, 0], [1, 1]]]


def scene(row0, col0, n, seed=5):
    """A function of the global cell: the inputs of a window cut from one fixed random scene of 300 x 300 cells."""
    rng = np.random.default_rng(seed)
    driver_row0, driver_col0, n_driver = 16470 // 30 - 2, 22650 // 30 - 2, 16
    fractions = rng.random((2, N_GROUP, n_driver, n_driver))
    valid = rng.random((n_driver, n_driver)) > 0.25
    prior, known = rng.integers(0, 8, (300, 300)).astype(np.uint8), rng.random((300, 300)) < 0.5
    elevation = rng.normal(500, 300, (300, 300)).astype(np.float32)
    part = (slice(row0, row0 + n), slice(col0, col0 + n))
    statics = {name: elevation[part] for name in REAL_STATICS} | {"koppen": prior[part], "land": prior[part]}
    channels = [Channel(c.name, "1", 0.3, 1.7) for c in ALL]
    out = np.empty((len(channels), n, n), np.float32)
    assemble(channels, Window(16470 + row0, 22650 + col0, n), 30, *fractions, valid, driver_row0, driver_col0,
             prior[part], known[part], statics, out)
    return out


@pytest.mark.parametrize(("row", "col", "n"), [(0, 0, 7), (37, 101, 96), (131, 4, 160)])
def test_a_fine_cell_has_the_same_bits_whatever_window_holds_it(row, col, n):
    whole, part = scene(0, 0, 300), scene(row, col, n)
    assert part.tobytes() == np.ascontiguousarray(whole[:, row:row + n, col:col + n]).tobytes()


def test_a_cell_has_the_same_bits_from_a_smaller_driver_array():
    window, rng = Window(45, 75, 40), np.random.default_rng(1)
    fractions, out = rng.random((2, N_GROUP, 9, 9)), []
    for cut in (0, 1):
        f = np.ascontiguousarray(fractions[:, :, cut:, cut:])
        got = np.empty((12, 40, 40), np.float32)
        plain = np.zeros((40, 40), np.uint8)
        assemble(ALL[:12], window, 30, *f, np.ones(f.shape[2:], bool), -1 + cut, -1 + cut, plain, plain == 0,
                 {"elevation": plain, "koppen": plain, "land": plain}, got)
        out.append(got.tobytes())
    assert out[0] == out[1]


def test_columns_west_of_the_date_line_have_the_bits_of_the_same_columns_in_the_east():
    west, east = taps(-20, 40, 30, -3, 8, "column"), taps(43180, 40, 30, 1437, 8, "column")
    assert west.share_upper.tobytes() == east.share_upper.tobytes()
    assert west.lower.tolist() == east.lower.tolist() and west.runs == east.runs


def test_inputs_are_left_as_they_were():
    window = Window(30, 30, 60)
    _, n = driver_span(30, 60, RATIO)
    now = np.random.default_rng(2).random((N_GROUP, n, n))
    prior = np.zeros((60, 60), np.uint8)
    keep = now.copy()
    make(ALL, window, now=now, valid=np.eye(n, dtype=bool), prior=prior)
    assert (now == keep).all() and not prior.any()


def test_an_unknown_channel_is_an_error_that_names_it():
    with pytest.raises(ModelError, match=r"'static\.snow' is unknown; lsbc makes coarse\.urban"):
        make([*ALL[:3], Channel("static.snow", "1")], Window(0, 0, 4), ratio=2)


def test_driver_cells_that_do_not_cover_the_window_are_an_error_that_names_the_span():
    plain = np.zeros((60, 60), np.uint8)
    with pytest.raises(GridError, match=r"along the row must cover 0\.\.3 for fine cells 30\.\.89, got 1\.\.4"):
        assemble(ALL[:6], Window(30, 30, 60), 30, np.zeros((6, 4, 4)), np.zeros((6, 4, 4)), np.ones((4, 4), bool), 1, 0,
                 plain, plain == 0, {}, np.empty((6, 60, 60), np.float32))


def test_a_missing_footprint_is_nothing_and_said_to_be_missing():
    channels = [Channel("static.human_footprint", "1", 15.0, 0.1), Channel("static.human_footprint_known", "1")]
    statics = {"human_footprint": np.array([[15.0, 25.0], [np.nan, 5.0]], np.float32)}
    got = make(channels, Window(0, 0, 2), ratio=2, statics=statics)
    np.testing.assert_allclose(got, [[[0, 1], [0, -1]], [[1, 1], [0, 1]]], atol=1e-6)


def test_the_age_of_the_prior_is_shown_where_a_class_is_shown():
    shape = (2, 2)
    prior, known = np.array([[1, NO_DATA], [2, 3]], np.uint8), np.array([[True, True], [False, True]])
    out = np.empty((1, *shape), np.float32)
    plain = np.zeros((N_GROUP, 3, 3))
    assemble([Channel("prior.age", "year", 0.0, 0.1)], Window(0, 0, 2), 2, plain, plain, np.ones((3, 3), bool), -1, -1, prior, known, {}, out,
             np.array([[1, 1], [3, -3]]))
    np.testing.assert_allclose(out[0], [[0.1, 0.0], [0.0, -0.3]], rtol=1e-6)


def test_a_network_of_several_years_gets_the_change_to_each():
    window, n = Window(2, 2, 2), 4
    now, later = np.zeros((N_GROUP, n, n)), np.stack([np.full((N_GROUP, n, n), 0.25), np.full((N_GROUP, n, n), 0.75)])
    out = np.empty((2, 2, 2), np.float32)
    plain = np.zeros((2, 2), np.uint8)
    assemble([Channel("delta.urban", "1"), Channel("delta2.urban", "1")], window, 2, now, later, np.ones((n, n), bool), 0, 0, plain, plain == 0, {}, out)
    assert out[0].tolist() == [[0.25] * 2] * 2 and out[1].tolist() == [[0.75] * 2] * 2
