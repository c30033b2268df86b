"""What weights of each method must obey."""

import numpy as np
import pytest

from lsbc.regrid.weight_rules import expected_row_sum, faults
from lsbc.regrid.weights import Side, Weights

from weight_samples import FRAC_A, FRAC_B, SOURCE, conservative


def line(value, column=(0, 1, 2), row=(0, 1, 2), **parts):
    sides = {"source": Side(shape=(3,)), "destination": Side(shape=(3,))}
    return Weights.from_entries(np.array(row), np.array(column), np.array(value, float), **{**sides, **parts})


@pytest.mark.parametrize("normalization", ["dstarea", "fracarea"])
def test_sound_weights_have_no_faults(normalization):
    assert faults(conservative(normalization=normalization)) == []


def test_rows_without_entries_are_no_fault():
    assert faults(line([1.0], [0], [0], method="neareststod")) == []
    assert faults(line([], [], [], method="conserve", normalization="dstarea")) == []


@pytest.mark.parametrize(("method", "is_fault"), [
    ("conserve", True), ("bilinear", True), ("patch", False), ("conserve2nd", False), ("unknown", False)])
def test_negative_weights_are_for_methods_of_higher_order(method, is_fault):
    normalization = "fracarea" if method.startswith("conserve") else "none"
    found = faults(line([1.5, -0.5], [0, 1], [0, 0], method=method, normalization=normalization))
    assert any("negative" in text for text in found) == is_fault


def test_rounding_below_zero_is_no_negative_weight():
    assert faults(line([1.0, -1e-13], [0, 1], [0, 0], method="bilinear")) == []


def test_row_sums_are_held_against_frac_b():
    wrong = conservative().replace(destination=Side(shape=(2, 5), frac=np.ones(10)))
    assert expected_row_sum(wrong).tolist() == [1.0] * 10
    assert "2 rows do not sum" in faults(wrong)[0] and "destination cell 4 with 0.5 instead of 1" in faults(wrong)[0]


def test_rows_above_one_are_wrong_even_without_frac_b():
    found = faults(line([0.7, 0.6], [0, 1], [0, 0], method="conserve", normalization="dstarea"))
    assert "destination cell 0 with 1.3 instead of 1" in found[0]


def test_bilinear_rows_sum_to_one():
    assert "with 0.9 instead of 1" in faults(line([0.9], [0], [0], method="bilinear"))[0]


def test_nearest_weights_are_one():
    assert "those of nearest neighbours are 1" in " ".join(faults(line([2.0], [0], [0], method="nearestdtos")))
    assert faults(line([1.0, 1.0], [0, 1], [0, 0], method="nearestdtos")) == []


def test_a_source_that_lies_over_itself_is_named_with_its_cause():
    twice = conservative()
    twice = twice.replace(value=2.0 * twice.value, destination=Side(shape=(2, 5), frac=2.0 * FRAC_B, lon_deg=twice.destination.lon_deg,
                                                                  lat_deg=twice.destination.lat_deg))
    assert "destination cell 0 at 8 E 15 N is covered 2 times, as are 8 of 10: the source grid lies over itself" in faults(twice)[0]
    assert "--src_regional" in faults(twice)[0]


def test_fracarea_hides_the_double_cover_in_its_rows_but_not_in_frac_b():
    twice = conservative(normalization="fracarea").replace(destination=Side(shape=(2, 5), frac=2.0 * FRAC_B))
    assert "is covered 2 times" in faults(twice)[0]


def test_a_destination_that_lies_over_itself_is_named_with_its_cause():
    twice = conservative().replace(source=Side(shape=(2, 4), frac=2.0 * FRAC_A))
    assert "source cell 1 is covered 2 times" in faults(twice)[0] and "--dst_regional" in faults(twice)[0]


def test_masked_cells_have_no_weights():
    mask = np.ones(8, bool)
    mask[2] = False
    found = faults(conservative(source=Side.of(SOURCE.with_mask(mask), FRAC_A)))
    assert found == ["1 source cells are masked but have weights, the first is 2 at 25 E 15 N."]
    masked = conservative(destination=Side(shape=(2, 5), frac=FRAC_B, mask=np.arange(10) > 0))
    assert "destination cells are masked but have weights, the first is 0" in faults(masked)[0]
