import numpy as np
import pytest

from lsbc.emulator.surface.units import from_si, si_units, spelled, to_si
from lsbc.regrid.errors import ConfigError

DECIMALS = np.concatenate([np.logspace(-6, 4, 101), [0.0, 17.0, 50.0, 80.0, 0.1, 0.01]])


@pytest.mark.parametrize("units, expected", [("%", [0.17, 0.25, 0.985]), ("cm", [0.17, 0.25, 0.985]), ("mm", [0.017, 0.025, 0.0985])])
def test_decimal_numbers_stay_what_they_look_like(units, expected):
    assert to_si([17.0, 25.0, 98.5], units).tolist() == expected


@pytest.mark.parametrize("units", ["%", "cm", "mm", "m", "1", "umol m-2 s-1", "s m-1", ""])
def test_units_make_the_round_trip_both_ways(units):
    np.testing.assert_allclose(from_si(to_si(DECIMALS, units), units), DECIMALS, rtol=1e-12, atol=0.0)
    np.testing.assert_allclose(to_si(from_si(DECIMALS, units), units), DECIMALS, rtol=1e-12, atol=0.0)


def test_percent_become_shares_and_centimetres_metres():
    assert si_units("%") == "1" and si_units("cm") == "m"
    assert to_si(55.0, "%") == 0.55 and from_si(0.5, "cm") == 50.0


def test_units_not_stated_change_nothing():
    assert si_units("") == "" and to_si(29.2e5, "") == 29.2e5


def test_unknown_units_are_refused():
    with pytest.raises(ConfigError, match="Units 'furlong' are unknown; known are '1', '%'"):
        to_si(1.0, "furlong")


def test_spellings_of_the_files_are_known_in_any_case():
    assert spelled("umol co2/m2/s") == spelled("umol CO2/m2/s") == "umol m-2 s-1"
    assert spelled("m2/m2") == "m2 m-2" and spelled("one row for each month") is None
