from pathlib import Path

import pytest

from lsbc.emulator.hosts.deliver import options_of
from lsbc.regrid.errors import ConfigError

BASE = Path("/run")


def test_options_have_wrfs_usual_values():
    options = options_of("geo_em", {"template": "geo_em.d01.nc"}, BASE)
    assert (options.crosswalk, options.fold_lakes, options.one_urban, options.water_albedo) == ("modis", False, False, 0.08)
    assert options.template == BASE / "geo_em.d01.nc"


def test_one_urban_class_is_a_choice():
    assert options_of("wrfinput", {"template": "wrfinput_d01", "urban_codes": "one"}, BASE).one_urban


def test_a_course_of_the_albedo_is_a_path_beside_the_configuration():
    assert options_of("wrflowinp", {"template": "a", "static": "b", "albedo_course": "geo.nc"}, BASE).albedo_course == BASE / "geo.nc"


@pytest.mark.parametrize(("target", "given", "match"), [
    ("geo_em", {}, r"template is missing \(the geo_em file of the domain\)"),
    ("geo_em", {"template": "a", "urban_codes": "two"}, "urban_codes must be one of keep, one, got 'two'"),
    ("geo_em", {"template": "a", "fold_lakes": 1}, "fold_lakes must be true or false, got 1"),
    ("wrflowinp", {"template": "a", "static": "b", "crosswalk": "modis"}, "unknown option crosswalk"),
])
def test_a_wrong_option_is_refused(target, given, match):
    with pytest.raises(ConfigError, match=match):
        options_of(target, given, BASE)
