from lsbc.emulator.classes import CLASS_NAMES
from lsbc.emulator.fields import BY_NAME, FIELDS, INPUTS, SEASONAL


def test_names_are_unique():
    assert len({info.name for info in FIELDS}) == len(FIELDS)


def test_names_fit_into_the_bridge():
    assert all(len(info.name) < 64 and len(info.standard_name) < 64 for info in FIELDS)


def test_only_the_climate_may_be_left_out():
    assert {info.name for info in FIELDS if info.optional} == {"koppen_group", "coldest_month_temperature"} and not any(info.optional for info in INPUTS)


def test_levels_have_names_and_their_axes_hold_them():
    assert BY_NAME["lu_frac"].levels == CLASS_NAMES and BY_NAME["lu_frac"].n_level == 8 and BY_NAME["albedo"].n_level == 1
    for info in FIELDS:
        size = 1
        for _, length in info.axes:
            size *= length
        assert info.n_level == size


def test_fields_of_months_are_those_that_have_weeks_and_days():
    assert SEASONAL == ("leaf_area_index", "vegetation_area_fraction") and all(BY_NAME[name].n_level == 12 for name in SEASONAL)
