import math

import numpy as np
import pytest

from lsbc.emulator.surface.aggregate import aggregate, area_mean, dominant, of_dominant, roughness_mean, vegetated_mean
from lsbc.emulator.surface.parameters import read_class_table, surface_parameters
from lsbc.emulator.surface.tables import read_parameter_table, table_from_toml
from lsbc.regrid.errors import ConfigError, ValueRangeError

TEXT = """
source = "made up"
licence = "none"
class_system = "three classes"
columns = ["id", "name", "albedo", "z0m", "cover", "lai", "n_root", "odd"]
rows = [
    [3, "forest", 12.5, 50.0, 0.75, 4.0, 4, 1.0],
    [1, "field",  25.0, 12.5, 0.5,  2.0, 3, 2.0],
    [7, "rock",   50.0, 0.0,  0.0,  0.0, 1, 3.0],
]
quantity.albedo = {units = "%", kind = "albedo"}
quantity.z0m = {units = "cm", kind = "canopy_roughness"}
quantity.cover = {units = "1", kind = "plant_cover"}
quantity.lai = {units = "m2 m-2", kind = "leaf_area", weight = "cover"}
quantity.n_root = {units = "1", kind = "number"}
quantity.odd = {units = "", kind = "other"}
"""
TABLE = table_from_toml(TEXT, "mine")
HALF_QUARTER = np.array([[0.5], [0.25], [0.25]])  # all values and shares are binary fractions: the sums below are exact


def test_area_mean_counts_each_class_by_its_share():
    assert area_mean(HALF_QUARTER, np.array([0.125, 0.25, 0.5])).tolist() == [0.5 * 0.125 + 0.25 * 0.25 + 0.25 * 0.5]


def test_vegetated_mean_counts_each_class_by_its_plant_cover():
    # vegetated 0.5*0.75 + 0.25*0.5 = 0.5; leaves (0.375*4 + 0.125*2) = 1.75
    assert vegetated_mean(HALF_QUARTER, np.array([4.0, 2.0, 9.0]), np.array([0.75, 0.5, 0.0])).tolist() == [3.5]


def test_nothing_vegetated_has_no_leaves():
    assert vegetated_mean(np.array([[0.0], [1.0]]), np.array([5.0, 3.0]), np.array([0.8, 0.0])).tolist() == [0.0]


def test_roughness_keeps_the_mean_drag_at_the_blending_height():
    # z0 = h exp(-1) and h exp(-2): drag 1 and 1/4, mean 0.5*1 + 0.5*0.25 = 5/8
    got = roughness_mean(np.full((2, 1), 0.5), 50.0 * np.exp([-1.0, -2.0]))
    assert got[0] == pytest.approx(50.0 * math.exp(-math.sqrt(8.0 / 5.0)), rel=1e-14)


def test_roughness_of_one_class_is_its_own_and_of_two_lies_between_nearer_the_rough():
    z0 = np.array([1.0, 0.01])
    pure = roughness_mean(np.eye(2), z0)
    mixed = roughness_mean(np.full((2, 1), 0.5), z0)[0]
    assert pure == pytest.approx(z0, rel=1e-13)
    assert math.sqrt(1.0 * 0.01) < mixed < 0.5 * (1.0 + 0.01)


def test_a_class_without_roughness_is_refused_only_where_it_has_a_share():
    z0 = np.array([0.5, 0.0])
    assert roughness_mean(np.array([[1.0], [0.0]]), z0)[0] == pytest.approx(0.5, rel=1e-14)
    with pytest.raises(ValueRangeError, match="row 2 has a roughness length of 0 m and a share of cell 2 here"):
        roughness_mean(np.array([[1.0, 0.9], [0.0, 0.1]]), z0)
    with pytest.raises(ValueRangeError, match="row 1 has a roughness length of 60 m .* under the blending height of 50 m"):
        roughness_mean(np.array([[1.0]]), np.array([60.0]))
    with pytest.raises(ValueRangeError, match="Cell 2 here has no share of any class"):
        roughness_mean(np.array([[1.0, 0.0], [0.0, 0.0]]), z0)
    with pytest.raises(ValueRangeError, match="Cell 1 here has no share of any class"):
        roughness_mean(np.array([[np.nan], [0.0]]), z0)


def test_no_floating_point_trap_is_sprung_by_a_class_without_roughness():
    with np.errstate(all="raise"):
        roughness_mean(np.array([[1.0], [0.0]]), np.array([0.5, 0.0]))


def test_the_lowest_id_is_dominant_on_ties_whatever_the_order_of_classes():
    fraction = np.array([[0.4, 0.5, 0.2], [0.4, 0.25, 0.4], [0.2, 0.25, 0.4]])
    assert dominant(fraction, [11, 7, 3]).tolist() == [7, 11, 3]
    assert dominant(fraction[::-1], [3, 7, 11]).tolist() == [7, 11, 3]
    assert dominant(fraction, [11, 7, 3]).dtype == np.int32


def test_a_cell_without_classes_or_with_nan_has_no_dominant_class():
    with pytest.raises(ValueRangeError, match="Cell 2 here has no dominant class: its fractions sum to 0"):
        dominant(np.array([[1.0, 0.0], [0.0, 0.0]]), [1, 2])
    with pytest.raises(ValueRangeError, match="Cell 1 here has no dominant class: its fractions sum to nan"):
        dominant(np.array([[0.5], [np.nan]]), [1, 2])


def test_numbers_that_have_no_mean_are_those_of_the_dominant_class():
    assert of_dominant(np.array([[0.5, 0.25], [0.5, 0.75]]), np.array([4.0, 3.0]), [8, 2]).tolist() == [3.0, 3.0]


def test_a_table_is_aggregated_by_the_kind_of_each_quantity_in_si():
    got = aggregate(np.array([[0.5], [0.5], [0.0]]), TABLE)
    assert sorted(got) == ["albedo", "cover", "lai", "n_root", "z0m"]
    assert got["albedo"].tolist() == [0.1875] and got["cover"].tolist() == [0.625]
    assert got["lai"].tolist() == [(0.375 * 4.0 + 0.25 * 2.0) / 0.625] and got["n_root"].tolist() == [3.0]
    drag = [1 / math.log(50.0 / z0) ** 2 for z0 in (0.5, 0.125)]
    assert got["z0m"][0] == pytest.approx(50.0 * math.exp(-1 / math.sqrt(sum(drag) / 2)), rel=1e-14)


def test_what_no_rule_is_known_for_is_refused():
    with pytest.raises(ConfigError, match="'odd' of table mine is of kind 'other': no rule"):
        aggregate(HALF_QUARTER, TABLE, ["odd"])
    with pytest.raises(ConfigError, match=r"Fractions of shape \(2, 1\) do not fit table mine: its 3 classes"):
        aggregate(HALF_QUARTER[:2], TABLE)


def test_an_impossible_value_is_refused_where_its_class_has_a_share():
    with pytest.raises(ValueRangeError, match="Class in row 3 has a roughness length of 0 m"):
        aggregate(HALF_QUARTER, TABLE, ["z0m"])
    table = read_parameter_table("extpar_globcover")
    fraction = np.zeros((23, 2))
    fraction[4], fraction[22, 1] = [1.0, 0.5], 0.5
    assert aggregate(fraction[:, :1], table, ["z0m"])["z0m"][0] == pytest.approx(1.0, rel=1e-13)
    with pytest.raises(ValueRangeError, match=r"Class 23 'undefined' of table extpar_globcover has no usable z0m \(0 m\), but a share of cell 2"):
        aggregate(fraction, table, ["z0m"])


def test_a_table_without_plant_cover_needs_one():
    table = read_parameter_table("jsbach_lctlib").select([2, 12])
    fraction = np.array([[0.5], [0.5]])
    with pytest.raises(ConfigError, match="'MaxLAI' of table jsbach_lctlib is a mean over the vegetated area"):
        aggregate(fraction, table, ["MaxLAI"])
    assert "MaxLAI" not in aggregate(fraction, table)
    got = aggregate(fraction, table, plant_cover=np.array([0.75, 0.25]))["MaxLAI"]
    assert got.tolist() == [(0.375 * 7.0 + 0.125 * 3.0) / 0.5]


def test_extpar_weights_leaves_and_roots_with_the_greatest_plant_cover():
    table = read_parameter_table("extpar_globcover").select([6, 14, 21])
    got = aggregate(np.array([[0.5], [0.25], [0.25]]), table)
    vegetated = 0.5 * 0.9 + 0.25 * 0.9
    assert got["plcov_max"][0] == pytest.approx(vegetated, rel=1e-15)
    assert got["lai_min"][0] == pytest.approx((0.45 * 1.0 + 0.225 * 1.0) / vegetated, rel=1e-15)
    assert got["root_depth"][0] == pytest.approx((0.45 * 1.0 + 0.225 * 0.6) / vegetated, rel=1e-15)
    assert got["rs_min"][0] == pytest.approx((0.45 * 150.0 + 0.225 * 40.0) / vegetated, rel=1e-15)
    assert got["emissivity"][0] == pytest.approx(0.5 * 0.99 + 0.25 * 0.993 + 0.25 * 0.991, rel=1e-15)


def test_the_bits_of_a_cell_depend_on_its_fractions_alone():
    rng = np.random.default_rng(7)
    table = read_parameter_table("extpar_esacci").select(range(2, 39))
    fraction = rng.dirichlet(np.full(37, 0.1), 1001).T.copy()
    whole = aggregate(fraction, table)
    order = rng.permutation(1001)
    shuffled, other_layout = aggregate(fraction[:, order], table), aggregate(np.asfortranarray(fraction), table)
    for name, values in whole.items():
        assert shuffled[name].tobytes() == values[order].tobytes() and other_layout[name].tobytes() == values.tobytes()
        for cells in (slice(0, 1), slice(3, 10), slice(1000, 1001)):
            assert aggregate(fraction[:, cells], table, [name])[name].tobytes() == values[cells].tobytes()


def written_out(shares, column, table):
    """Sums in class order, one number after another: the formulas of the surface parameters in plain Python."""
    def mean(values):
        total = 0.0
        for share, value in zip(shares, values):
            total += share * value
        return total
    vegetated = mean(table.veg_frac)
    if column in ("lai", "root_depth"):
        return mean(table.veg_frac * getattr(table, column)) / vegetated if vegetated > 0.0 else 0.0
    return mean(getattr(table, column))


def test_lsbc_s_own_parameters_have_the_bits_of_sums_in_class_order():
    table = read_class_table()
    fraction = np.random.default_rng(3).dirichlet(np.full(8, 0.3), 97)
    fraction[0] = np.eye(8)[7]
    got = surface_parameters(fraction, table)
    for column in ("albedo", "emissivity", "veg_frac", "lai", "root_depth"):
        assert got[column].tolist() == [written_out(shares, column, table) for shares in fraction.tolist()]
    drag = 1.0 / np.log(50.0 / table.z0m) ** 2
    mean = np.array([sum((share * value for share, value in zip(shares, drag.tolist())), 0.0) for shares in fraction.tolist()])
    assert got["z0m"].tobytes() == (50.0 * np.exp(-1.0 / np.sqrt(mean))).tobytes()
