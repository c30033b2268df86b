"""Expected values are hand sums, plain Python loops in the order of the entries, or closed forms."""

import platform
import subprocess
import sys
import threading

import numpy as np
import pytest

from lsbc.regrid import _kernel
from lsbc.regrid.apply import Remap
from lsbc.regrid.errors import ConfigError, FieldError, WeightError
from lsbc.regrid.weights import Side, Weights

from shared import shared

NAN = np.nan


def weights_of(rows, n_source, normalization="dstarea", **parts):
    """Weights from one {column: value} a row."""
    entries = [(i, j, w) for i, row in enumerate(rows) for j, w in row.items()]
    row, column, value = np.array(entries).T if entries else np.zeros((3, 0))
    parts = {"source": Side(shape=(n_source,)), "destination": Side(shape=(len(rows),)), "method": "conserve"} | parts
    return Weights.from_entries(row.astype(int), column.astype(int), value, normalization=normalization, **parts)


def random_weights(seed, n_destination, n_source, n_most, negative=False):
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n_destination):
        columns = rng.choice(n_source, rng.integers(0, min(n_most, n_source) + 1), replace=False)
        value = rng.random(len(columns)) + 0.1 - negative
        rows.append(dict(zip(columns.tolist(), value / (1 if negative else max(value.sum(), 1e-9)))))
    return weights_of(rows, n_source)


def plain_loop(weights, values):
    """Sums in the order of the entries, one number after another; NaN for rows without entries."""
    out = np.full((weights.n_destination, values.shape[1]), NAN)
    for i in range(weights.n_destination):
        for f in range(values.shape[1]):
            total = 0.0
            for k in range(weights.offsets[i], weights.offsets[i + 1]):
                total += float(weights.value[k]) * float(values[weights.column[k], f])
            if weights.offsets[i] < weights.offsets[i + 1]:
                out[i, f] = total
    return out


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=True)


QUARTER = weights_of([{0: 0.25, 1: 0.75}, {1: 1.0}, {}], 2)


def test_a_row_is_the_weighted_sum_and_an_unmapped_cell_is_nan():
    assert same_bits(Remap(QUARTER)(np.array([4.0, 8.0])), np.array([7.0, 8.0, NAN]))


@pytest.mark.parametrize("n_field", [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 33, 40, 130])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_are_those_of_a_plain_loop_in_double_precision_for_any_vector_width(n_field, dtype):
    values = np.random.default_rng(n_field).normal(size=(9, n_field)).astype(dtype)
    for weights in (random_weights(1, 37, 9, 7, negative=True), random_weights(2, 5, 9, 3)):
        expected = plain_loop(weights, values).astype(dtype)
        assert same_bits(Remap(weights)(values), expected)
        lanes = 1
        while lanes <= _kernel.apply_lanes():
            out, scratch = np.empty_like(expected), np.empty(_kernel.apply_scratch(weights.n_entry, 9, n_field))
            _kernel.apply(weights.offsets, weights.column, weights.value, None, None, values, n_field, dtype == np.float32,
                          out, 0, weights.n_destination, lanes, scratch)
            assert same_bits(out, expected), lanes
            lanes *= 2


def test_results_larger_than_the_caches_have_the_same_bits_whatever_the_alignment():
    weights, values = random_weights(3, 2000, 50, 4), np.random.default_rng(3).normal(size=(50, 700))
    n = weights.n_destination * 700
    expected = Remap(weights)(values[:, :40])
    for shift in (0, 1, 2, 3):
        out = np.empty(n + shift)[shift:].reshape(-1, 700)
        assert same_bits(Remap(weights)(values, out=out)[:, :40], expected)


@pytest.mark.parametrize("constant", [0.1, 273.15, -1e30, 1e-30])
@pytest.mark.parametrize("missing", ["propagate", "skip"])
def test_a_constant_float32_field_stays_that_constant(constant, missing):
    weights = weights_of([{j: 1 / 7 for j in range(7)}, {0: 0.1, 1: 0.2, 2: 0.7}], 7)
    assert (Remap(weights, missing)(np.full((7, 3), constant, np.float32)) == np.float32(constant)).all()


def test_a_nan_spreads_to_every_row_that_weighs_it_and_to_no_other_field():
    values = np.array([[NAN, 1.0], [8.0, 2.0]])
    assert same_bits(Remap(QUARTER)(values), np.array([[NAN, 1.75], [8.0, 2.0], [NAN, NAN]]))


@pytest.mark.parametrize("bad", [NAN, np.inf])
@pytest.mark.parametrize("missing", ["propagate", "skip"])
def test_a_weight_of_zero_carries_nothing(bad, missing):
    weights = weights_of([{0: 0.0, 1: 1.0}, {0: 0.0}], 2)
    assert same_bits(Remap(weights, missing)(np.array([bad, 3.0])), np.array([3.0, NAN]))


def test_skip_takes_the_mean_over_the_valid_part():
    weights = weights_of([{0: 0.25, 1: 0.25, 2: 0.5}, {0: 1.0}, {}], 3)
    values = np.array([[NAN, 1.0, NAN], [4.0, NAN, NAN], [10.0, 4.0, NAN]])
    assert same_bits(Remap(weights, "skip")(values), np.array([[8.0, 3.0, NAN], [NAN, 1.0, NAN], [NAN, NAN, NAN]]))


def test_skip_takes_the_mean_over_the_covered_part_of_cells_at_the_border():
    weights = weights_of([{0: 0.125, 1: 0.125}], 2)
    assert Remap(weights)(np.array([4.0, 8.0])).tolist() == [1.5]
    assert Remap(weights, "skip")(np.array([4.0, 8.0])).tolist() == [6.0]
    assert Remap(weights, "skip")(np.array([4.0, NAN])).tolist() == [4.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_skip_has_the_bits_of_propagate_where_rows_are_whole_and_nothing_is_missing(dtype):
    weights, values = random_weights(4, 300, 40, 6), np.random.default_rng(4).normal(size=(40, 12)).astype(dtype)
    assert same_bits(Remap(weights, "skip")(values), Remap(weights)(values))


@pytest.mark.parametrize("n_field", [1, 3, 8, 12, 21])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_has_the_same_bits_under_skip_whatever_is_missing_elsewhere(n_field, dtype):
    weights = random_weights(5, 60, 20, 5)
    weights = weights.replace(value=weights.value * 0.7)
    values = np.random.default_rng(5).normal(size=(20, n_field)).astype(dtype)
    holed = values.copy()
    holed[3, 0], holed[7:9] = NAN, NAN
    whole, part = Remap(weights, "skip")(values), Remap(weights, "skip")(holed)
    touched = np.bincount(weights.row, np.isin(weights.column, [3, 7, 8]), weights.n_destination) > 0
    assert touched.any() and same_bits(part[~touched], whole[~touched])
    only_first = np.bincount(weights.row, np.isin(weights.column, [7, 8]), weights.n_destination) == 0
    assert same_bits(part[only_first, 1:], whole[only_first, 1:])


@pytest.mark.parametrize("n_field", [1, 5, 12])
def test_skip_equals_the_mean_of_each_fields_own_valid_entries(n_field):
    weights, rng = random_weights(6, 50, 12, 6), np.random.default_rng(6)
    values = np.where(rng.random((12, n_field)) < 0.3, NAN, rng.normal(size=(12, n_field)))
    for i, row in enumerate(Remap(weights, "skip")(values)):
        entries = slice(weights.offsets[i], weights.offsets[i + 1])
        for f in range(n_field):
            x, w = values[weights.column[entries], f], weights.value[entries]
            valid = ~np.isnan(x)
            expected = (w[valid] * x[valid]).sum() / w[valid].sum() if valid.any() else NAN
            assert row[f] == pytest.approx(expected, rel=1e-13, abs=1e-13, nan_ok=True)


def test_an_infinite_value_is_a_value():
    with np.errstate(all="ignore"):
        assert Remap(weights_of([{0: 0.5, 1: 0.5}], 2), "skip")(np.array([np.inf, 1.0])).tolist() == [np.inf]


@pytest.mark.parametrize(("normalization", "frac"), [("dstarea", None), ("fracarea", np.array([1.0, 0.5, 0.25]))])
def test_cells_below_the_coverage_become_nan_and_those_just_at_it_stay(normalization, frac):
    share = [1.0, 0.5, 0.25] if normalization == "dstarea" else [1.0] * 3
    weights = weights_of([{0: s} for s in share], 1, normalization, destination=Side(shape=(3,), frac=frac))
    for missing in ("propagate", "skip"):
        for least, mapped in ((0.0, 3), (0.25, 3), (0.26, 2), (0.5, 2), (0.51, 1), (1.0, 1)):
            assert np.isfinite(Remap(weights, missing, least)(np.array([2.0]))).sum() == mapped, (missing, least)


@pytest.mark.parametrize("normalization", ["dstarea", "fracarea"])
def test_under_skip_the_coverage_counts_the_valid_data_of_each_field(normalization):
    covered = 0.8
    rows = [{0: covered / 2, 1: covered / 2}] if normalization == "dstarea" else [{0: 0.5, 1: 0.5}]
    weights = weights_of(rows, 2, normalization, destination=Side(shape=(1,), frac=np.array([covered])))
    values = np.array([[6.0, NAN], [2.0, 2.0]])
    assert same_bits(Remap(weights, "skip", 0.4)(values), np.array([[4.0, 2.0]]))
    assert same_bits(Remap(weights, "skip", 0.41)(values), np.array([[4.0, NAN]]))
    assert same_bits(Remap(weights, "skip", 0.81)(values), np.array([[NAN, NAN]]))


def test_a_coverage_that_misses_one_by_rounding_is_whole():
    weights = weights_of([{j: 0.1 for j in range(10)}], 10)
    assert weights.row_sum[0] < 1.0
    assert Remap(weights, "skip", 1.0)(np.ones(10)) == pytest.approx(1.0, rel=1e-15)


def test_grid_shapes_go_in_and_come_out():
    weights = weights_of([{0: 1.0}, {5: 1.0}], 6, source=Side(shape=(2, 3)), destination=Side(shape=(1, 2)))
    values = np.arange(12.0).reshape(2, 3, 2)
    assert same_bits(Remap(weights)(values), np.array([[[0.0, 1.0], [10.0, 11.0]]]))
    assert same_bits(Remap(weights)(values[..., 0]), np.array([[0.0, 10.0]]))
    assert same_bits(Remap(weights)(values.reshape(6, 2)), np.array([[0.0, 1.0], [10.0, 11.0]]))


def test_any_layout_and_byte_order_of_the_values_is_taken():
    values = np.arange(8.0).reshape(2, 4)
    expected = Remap(QUARTER)(values)
    assert same_bits(Remap(QUARTER)(np.asfortranarray(values)), expected)
    assert same_bits(Remap(QUARTER)(values.astype(">f8")), expected)
    assert same_bits(Remap(QUARTER)(np.repeat(values, 2, axis=1)[:, ::2]), expected)


def test_a_masked_value_is_missing():
    assert same_bits(Remap(QUARTER, "skip")(np.ma.array([4.0, 8.0], mask=[True, False])), np.array([8.0, 8.0, NAN]))


def test_a_subset_of_the_fields_is_taken_in_the_order_asked():
    values = np.arange(8.0).reshape(2, 4)
    assert same_bits(Remap(QUARTER)(values, fields=[3, 0]), Remap(QUARTER)(values)[:, [3, 0]])
    assert same_bits(Remap(QUARTER)(values, fields=slice(1, 3)), Remap(QUARTER)(values)[:, 1:3])


def test_no_fields_and_no_rows_give_empty_results():
    assert Remap(QUARTER)(np.empty((2, 0))).shape == (3, 0)
    assert Remap(weights_of([], 2))(np.ones((2, 3))).shape == (0, 3)
    assert np.isnan(Remap(weights_of([{}], 2), "skip")(np.ones((2, 3)))).all()


def test_results_stay_when_the_next_call_reuses_the_scratch():
    remap = Remap(weights_of([{0: 1.0}, {0: 1.0}], 1))
    first = remap(np.array([[1.0, 2.0]]))
    remap(np.array([[7.0, 8.0, 9.0]]))
    assert first.tolist() == [[1.0, 2.0], [1.0, 2.0]]


def test_threads_may_share_one_remap():
    weights = random_weights(7, 3000, 30, 6)
    remap, wrong = Remap(weights), []

    def work(seed):
        values = np.random.default_rng(seed).normal(size=(30, 12))
        expected = Remap(weights)(values)
        wrong.extend(seed for _ in range(20) if not same_bits(remap(values), expected))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(("values", "message"), [
    (np.zeros(3), r"shape \(3,\); the weights expect \(2,\)"),
    (np.zeros((2, 2, 2)), "2 axes behind"),
    (np.zeros(2, int), "type int64 cannot be remapped"),
    (np.zeros(2, np.float16), "float16"),
    (np.zeros(2, complex), "complex128"),
])
def test_fields_that_do_not_fit_are_refused(values, message):
    with pytest.raises(FieldError, match=message):
        Remap(QUARTER)(values)


@pytest.mark.parametrize(("out", "message"), [
    (np.empty((2, 4)), r"is float64 \(2, 4\); the result is float64 \(3, 4\)"),
    (np.empty((3, 4), np.float32), "is float32"),
    (np.empty((4, 3)).T, "C-contiguous"),
    ([0.0], "is list"),
])
def test_output_arrays_that_do_not_fit_are_refused(out, message):
    with pytest.raises(FieldError, match=message):
        Remap(QUARTER)(np.zeros((2, 4)), out=out)


def test_an_output_array_over_the_values_is_refused():
    values = np.zeros((2, 2))
    with pytest.raises(FieldError, match="shares memory"):
        Remap(weights_of([{0: 1.0}, {1: 1.0}], 2))(values, out=values)


@pytest.mark.parametrize(("values", "fields", "message"), [
    (np.zeros((2, 4)), [4], r"\[4\] of the fields was asked of 4 fields"),
    (np.zeros(2), [0], "without a field axis"),
])
def test_fields_that_are_not_there_are_refused(values, fields, message):
    with pytest.raises(FieldError, match=message):
        Remap(QUARTER)(values, fields=fields)


@pytest.mark.parametrize(("weights", "rules", "error", "message"), [
    (QUARTER, ("ignore", 0.0), ConfigError, "missing = 'ignore' is no rule"),
    (QUARTER, ("skip", 1.5), ConfigError, "must be 0 .. 1, got 1.5"),
    (QUARTER, ("skip", NAN), ConfigError, "must be 0 .. 1, got nan"),
    (weights_of([{0: 1.5, 1: -0.5}], 2), ("skip", 0.0), WeightError, r"negative \(-0.5 of source cell 1, method conserve\)"),
    (weights_of([{0: 1.0}], 1, "fracarea"), ("propagate", 0.5), WeightError, "needs frac of the destination"),
])
def test_rules_that_the_weights_do_not_allow_are_refused(weights, rules, error, message):
    with pytest.raises(error, match=message):
        Remap(weights, *rules)


@pytest.mark.parametrize(("changes", "message"), [
    ({0: np.array([0, 3, 2, 2])}, "offsets must rise"),
    ({0: np.array([0, 2, 3, 9])}, "offsets must rise"),
    ({0: np.array([-1, 2, 3, 3])}, "offsets must rise"),
    ({1: np.array([0, 2, 1], np.int32)}, "entry 1 names a column"),
    ({1: np.array([0, 1, -1], np.int32)}, "entry 2 names a column"),
    ({6: 0}, "out of range"),
    ({10: 4}, "out of range"),
    ({11: 3}, "out of range"),
    ({11: 16}, "out of range"),
    ({12: np.empty(3)}, "scratch is too small"),
])
def test_the_kernel_refuses_arrays_that_would_lead_it_astray(changes, message):
    arguments = [QUARTER.offsets, QUARTER.column, QUARTER.value, None, None, np.zeros((2, 1)), 1, False,
                 np.empty((3, 1)), 0, 3, 1, np.empty(9999)]
    for k, value in changes.items():
        arguments[k] = value
    with pytest.raises(ValueError, match=message):
        _kernel.apply(*arguments)


@pytest.mark.parametrize("name", ["a_0p25g_to_tile0p01_bilinear", "b_lcc9km_to_ll0p05overhang_conserve_dstarea"])
def test_weights_made_by_esmf_keep_a_constant_to_their_own_row_error(name):
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(shared(f"esmf_reference/weights/{name}.nc")) as file:
        sides = [Side(shape=(file.dimensions[n].size,), frac=file[f"frac_{n[-1]}"][:].filled()) for n in ("n_a", "n_b")]
        weights = Weights.from_entries(file["row"][:].filled() - 1, file["col"][:].filled() - 1, file["S"][:].filled(),
                                       source=sides[0], destination=sides[1], normalization="dstarea")
    mapped = weights.is_mapped
    got = Remap(weights, "skip")(np.full((weights.n_source, 2), 3.0))
    assert np.isnan(got[~mapped]).all() and np.abs(got[mapped] - 3.0).max() < 1e-12
    assert np.abs(Remap(weights)(np.full(weights.n_source, 3.0))[mapped] - 3.0 * sides[1].frac[mapped]).max() < 2e-11


TRAPPED = """
import ctypes, numpy as np
from lsbc.regrid import _kernel
rng = np.random.default_rng(1)
offsets = np.concatenate([[0], np.cumsum(rng.integers(0, 6, 900))])
column, weight, least = rng.integers(0, 50, offsets[-1]).astype(np.int32), rng.random(offsets[-1]), np.zeros(900)
libm = ctypes.CDLL("libm.so.6")
for n_field in (1, 3, 7, 12, 21):
    values = np.where(rng.random((50, n_field)) < 0.2, np.nan, rng.random((50, n_field)))
    scratch = np.full(_kernel.apply_scratch(len(weight), 50, n_field), 1e300)
    for dtype, least_of in ((np.float32, None), (np.float32, least), (np.float64, least)):
        table, out = values.astype(dtype), np.empty((900, n_field), dtype)
        libm.feenableexcept(1 | 4 | 8)
        _kernel.apply(offsets, column, weight, None, least_of, table, n_field, dtype == np.float32, out, 0, 900,
                      _kernel.apply_lanes(), scratch)
        libm.fedisableexcept(1 | 4 | 8)
print("no trap")
"""


@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="the trap numbers are those of x86-64 Linux")
def test_hosts_that_arm_floating_point_traps_see_none_not_even_with_missing_values():
    done = subprocess.run([sys.executable, "-c", TRAPPED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "no trap\n"), done.stderr
