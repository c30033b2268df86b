import numpy as np
import pytest

from lsbc.emulator.hosts.host_classes import HostClasses
from lsbc.emulator.hosts.year_file import open_year
from lsbc.regrid.errors import ConfigError, ValueRangeError

from year_files import PROVENANCE, fractions, write_year


def yearly(tmp_path, koppen=3):
    return write_year(tmp_path / "lsbc_2031.nc", fractions({40: 0.5, 22: 0.5}, {}, {55: 1.0}), np.arange(3.0), np.full(3, 50.0), koppen=koppen)


def test_cells_have_the_hosts_classes(tmp_path):
    with open_year(yearly(tmp_path)) as year:
        classes = HostClasses.of(year, "modis")
        got = classes.fractions(slice(0, 3))
        assert got.shape == (21, 3) and got[[4, 11], 0].tolist() == [0.5, 0.5] and got[:, 1].tolist() == [0.0] * 21 and got[9, 2] == 1.0
        assert np.array_equal(classes.fractions(np.array([2, 0])), got[:, [2, 0]])
        assert classes.attributes.items() >= PROVENANCE.items() and classes.attributes["crosswalk"].startswith("modis, version 1, sha256 ")


@pytest.mark.parametrize("cells", [slice(1, 3), np.array([1, 2])])
def test_an_unknown_climate_names_the_cell_wherever_it_stands(tmp_path, cells):
    told = r"code 55 .* in cell 3 \(2.0000 E, 50.0000 N\) depends on the Köppen"
    with open_year(yearly(tmp_path, koppen=[3, 0, 0])) as year, pytest.raises(ValueRangeError, match=told):
        HostClasses.of(year, "modis").fractions(cells)


def test_an_unknown_crosswalk_is_refused(tmp_path):
    with open_year(yearly(tmp_path)) as year, pytest.raises(ConfigError, match="neither a file nor one of"):
        HostClasses.of(year, "modsi")
