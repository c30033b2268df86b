"""lsbc.training.prepare_config: what a preparation may be asked for."""

from pathlib import Path

import pytest

from lsbc.regrid.errors import ConfigError
from lsbc.training.prepare_config import read_prepare_config

CONFIGS = Path(__file__).resolve().parents[2] / "training" / "configs"
GOOD = """
[store]
path = "out.zarr"
[lattice]
fine = "0.01 deg"
box = [10, 50, 11.25, 50.5]
[land_use]
product = "hilda"
version = "2.0"
files = ["m_{year}.tif"]
years = [2000, 2002]
[[statics]]
product = "topography"
files = ["z.tif"]
[[statics]]
product = "koppen"
files = ["k.tif"]
since = 1991
"""


def read(folder, text, **places):
    (folder / "prepare.toml").write_text(text)
    return read_prepare_config(folder / "prepare.toml", **places)


def test_files_and_store_lie_beside_the_configuration_unless_the_command_says_otherwise(tmp_path):
    config = read(tmp_path, GOOD)
    assert (config.store.path, config.file("z.tif")) == (tmp_path / "out.zarr", tmp_path / "z.tif")
    config = read(tmp_path, GOOD, data=Path("/maps"), out=Path("there.zarr"))
    assert (config.store.path, config.file("z.tif")) == (Path("there.zarr"), Path("/maps/z.tif"))


@pytest.mark.parametrize("old, new, message", [
    ("[store]", "[shop]", r"Section \[shop\] of .* is unknown"),
    ('fine = "0.01 deg"', 'fine = "0.01 deg"\ncolour = 3', r"Key lattice\.colour is unknown; section \[lattice\] takes fine, box"),
    ('fine = "0.01 deg"', 'fine = "1 km"', r"lattice\.fine must be one of 30 arcsec, 0\.01 deg, got '1 km'"),
    ("box = [10,", "box = [10.1,", r"lattice\.box must be on multiples of 0\.25 degrees, got \(10\.1, 50"),
    ("box = [10,", "box = [12,", r"lattice\.box must be west < east"),
    ('product = "hilda"', 'product = "hyde"', r"land_use\.product must be one of hilda, esa_cci, modis, got 'hyde'"),
    ('version = "2.0"', 'version = "2"', r"land_use\.version must be one of 1\.0, 2\.0, 2\.1 for hilda, got '2'"),
    ('version = "2.0"', "version = 2.0", r"land_use\.version must be text, got 2\.0"),
    ('version = "2.0"\n', "", r"Section \[land_use\] is incomplete: .*'version'"),
    ("years = [2000, 2002]", "years = [2002, 2000]", r"land_use\.years must be \[first, last\]"),
    ("years = [2000, 2002]", "years = 2000", r"land_use\.years must be a list of numbers, got 2000"),
    ("since = 1991", "", r"statics\.koppen\.since must be the first year that may see it, got None"),
    ("since = 1991", 'since = "1991"', r"statics\.since must be a whole number, got '1991'"),
    ("since = 1991", "since = 2001", r"statics\.koppen\.since must be at most the first year, 2000, for one of them, got 2001"),
    ('product = "koppen"', 'product = "soilgrids"', r"statics\.soilgrids\.name must be given"),
    ('product = "koppen"\nfiles = ["k.tif"]\nsince = 1991', 'product = "land_mask"\nfiles = ["k.tif"]',
     r"statics must be at least one with the layer 'koppen', got \['elevation', 'land'\]"),
    ("[[statics]]\nproduct = \"topography\"\nfiles = [\"z.tif\"]\n", "", r"at least one with the layer 'elevation'"),
    ("since = 1991", "since = 1991\n[[statics]]\nproduct = 'koppen'\nfiles = ['l.tif']\nsince = 1991", r"of different `since` where two have one name, got \['koppen'\]"),
    ('files = ["z.tif"]', 'files = ["z.tif"]\nsince = 1991', r"statics\.topography\.since must be left out: every year sees this layer, got 1991"),
    ('product = "koppen"', 'product = "land_mask"', r"statics\.land_mask\.since must be left out: every year sees this layer, got 1991"),
    ('files = ["z.tif"]', 'files = ["z.tif"]\nfill = nan', r"statics\.topography\.fill must be a finite number, got nan"),
    ('files = ["z.tif"]', 'files = ["z.tif"]\nfill = inf', r"statics\.topography\.fill must be a finite number, got inf"),
    ('path = "out.zarr"', "", r"Section \[store\] is incomplete: .*'path'"),
    ("[store]", "[driver]\nfiles = []\n[store]", r"driver\.files must be one file or more"),
    ("[store]", "[store]\nsha256 = 1", r"store\.sha256 must be true or false, got 1"),
])
def test_every_wrong_key_or_value_is_an_error_that_names_it(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, GOOD.replace(old, new, 1))


def test_missing_sections_and_files_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"lacks the sections \[lattice\], \[land_use\]"):
        read(tmp_path, "[store]\npath = 'a'")
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        read_prepare_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="is not TOML"):
        read(tmp_path, "[store")
    with pytest.raises(ConfigError, match=r"statics of .* must be written as \[\[statics\]\]"):
        read(tmp_path, GOOD.split("[[statics]]")[0] + "[statics]\nproduct = 'koppen'")


@pytest.mark.parametrize("name", ["prepare_bavaria.toml", "prepare_global.toml"])
def test_the_shipped_configurations_are_valid(name):
    assert read_prepare_config(CONFIGS / name).land_use.files
