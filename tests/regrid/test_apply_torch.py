"""Expected values are hand sums; longer sums are compared with a product of dense matrices in double precision."""

import builtins

import numpy as np
import pytest

from lsbc.regrid.apply_torch import TorchRemap
from lsbc.regrid.errors import ConfigError, DeviceError, FieldError, StartupError, WeightError
from lsbc.regrid.weights import Side, Weights

NAN = np.nan


def weights_of(rows, n_source, normalization="dstarea", frac=None):
    entries = [(i, j, w) for i, row in enumerate(rows) for j, w in row.items()]
    row, column, value = np.array(entries).T if entries else np.zeros((3, 0))
    return Weights.from_entries(row.astype(int), column.astype(int), value, source=Side(shape=(n_source,)), method="conserve",
                                destination=Side(shape=(len(rows),), frac=frac), normalization=normalization)


QUARTER = weights_of([{0: 0.25, 1: 0.75}, {1: 1.0}, {}], 2)


def test_without_torch_the_message_says_what_to_do(monkeypatch):
    real = builtins.__import__

    def without_torch(name, *args, **kwargs):
        if name == "torch":
            raise ImportError("no torch here")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    with pytest.raises(StartupError, match="needs torch, which cannot be imported .no torch here.; install it or take Remap"):
        TorchRemap(QUARTER)


@pytest.fixture(autouse=True)
def torch(request):
    return None if "without_torch" in request.node.name else pytest.importorskip("torch")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_is_the_weighted_sum_and_an_unmapped_cell_is_nan(torch, dtype):
    out = TorchRemap(QUARTER, dtype=dtype)(np.array([[4.0, NAN], [8.0, 2.0]]))
    assert out.dtype == getattr(torch, dtype)
    assert np.array_equal(out.numpy(), [[7.0, NAN], [8.0, 2.0], [NAN, NAN]], equal_nan=True)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-14)])
def test_sums_are_those_of_the_dense_matrix(dtype, tolerance):
    rng = np.random.default_rng(1)
    dense = np.where(rng.random((40, 15)) < 0.3, rng.random((40, 15)), 0.0)
    dense[:, 0] += 0.1
    weights = weights_of([{j: w for j, w in enumerate(row) if w} for row in dense], 15)
    values = rng.normal(size=(15, 12))
    assert np.abs(TorchRemap(weights, dtype=dtype)(values).numpy() - dense @ values).max() < 20 * tolerance
    assert np.abs(TorchRemap(weights, dtype=dtype)(values[:, 0]).numpy() - dense @ values[:, 0]).max() < 20 * tolerance


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_skip_takes_the_mean_over_the_valid_part(dtype):
    weights = weights_of([{0: 0.25, 1: 0.25, 2: 0.5}, {0: 1.0}, {}, {1: 0.125, 2: 0.125}], 3)
    remap = TorchRemap(weights, dtype=dtype, missing="skip")
    values = np.array([[NAN, 1.0], [4.0, NAN], [10.0, 4.0]])
    assert np.array_equal(remap(values).numpy(), [[8.0, 3.0], [NAN, 1.0], [NAN, NAN], [7.0, 4.0]], equal_nan=True)
    assert np.array_equal(remap(np.array([1.0, 4.0, 10.0])).numpy(), [6.25, 1.0, NAN, 7.0], equal_nan=True)


def test_skip_leaves_infinite_values_alone():
    out = TorchRemap(weights_of([{0: 0.5, 1: 0.5}, {2: 1.0}], 3), missing="skip")(np.array([-np.inf, 1.0, NAN]))
    assert out[0] == -np.inf and out[1].isnan()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_coverage_counts_the_valid_data_and_forgives_rounding(dtype):
    rows = [{j: 0.1 for j in range(10)}, {0: 0.5, 1: 0.5}]
    weights = weights_of(rows, 10, "fracarea", np.array([1.0, 0.8]))
    values = np.ones((10, 2))
    values[1, 1] = NAN
    finite = {least: np.isfinite(TorchRemap(weights, dtype=dtype, missing="skip", min_coverage=least)(values).numpy()).tolist()
              for least in (0.4, 0.5, 0.9, 1.0)}
    assert finite == {0.4: [[True, True], [True, True]], 0.5: [[True, True], [True, False]],
                      0.9: [[True, True], [False, False]], 1.0: [[True, False], [False, False]]}


def test_a_weight_of_zero_carries_nothing():
    assert TorchRemap(weights_of([{0: 0.0, 1: 1.0}], 2))(np.array([NAN, 3.0])).tolist() == [3.0]


def test_tensors_and_masked_arrays_are_taken(torch):
    remap = TorchRemap(QUARTER, missing="skip")
    assert remap(torch.tensor([4.0, 8.0], dtype=torch.float64))[:2].tolist() == [7.0, 8.0]
    assert remap(np.ma.array([4.0, 8.0], mask=[True, False]))[:2].tolist() == [8.0, 8.0]


def test_weights_without_entries_map_nothing():
    assert TorchRemap(weights_of([{}, {}], 3))(np.ones((3, 2))).isnan().all()


@pytest.mark.parametrize(("values", "message"), [
    (np.zeros(3), r"float64 \(3,\); the weights expect floating-point \(2,\)"),
    (np.zeros((2, 2, 2)), r"\(2, 2, 2\)"),
    (np.zeros(2, int), "int64"),
])
def test_fields_that_do_not_fit_are_refused(values, message):
    with pytest.raises(FieldError, match=message):
        TorchRemap(QUARTER)(values)


def test_absent_devices_and_unknown_types_are_refused(torch):
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="cannot remap on device 'cuda'"):
            TorchRemap(QUARTER, device="cuda")
    with pytest.raises(ConfigError, match="dtype = 'float16' is not one of"):
        TorchRemap(QUARTER, dtype="float16")


def test_skip_is_refused_for_negative_weights():
    with pytest.raises(WeightError, match="negative"):
        TorchRemap(weights_of([{0: 1.5, 1: -0.5}], 2), missing="skip")
