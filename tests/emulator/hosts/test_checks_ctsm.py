import numpy as np
import pytest

from lsbc.emulator.hosts.check import check_host
from lsbc.regrid.errors import FileError

from grid_files import Var
from host_files import ctsm_series, ctsm_surface, set_values, without


def found(folder, spec, surface=None):
    second = None if surface is None else surface.write(folder / "surfdata.nc")
    return check_host("ctsm", spec.write(folder / "landuse.timeseries.nc"), second).findings


def test_a_sound_file_has_nothing_to_find(tmp_path):
    assert found(tmp_path, ctsm_surface()) == ()
    assert found(tmp_path, ctsm_series(), ctsm_surface()) == ()


def test_ocean_counts_where_a_file_has_it(tmp_path):
    spec = ctsm_surface()
    ocean = np.zeros((2, 2))
    for name in ("PCT_NATVEG", "PCT_CROP", "PCT_LAKE"):
        spec.variables[name].values[1, 1] = 0
    spec.variables["PCT_URBAN"].values[:, 1, 1] = 0
    (told,) = found(tmp_path, spec)
    assert told.count == 1 and told.rule.text.startswith("The landunits sum to 100")
    ocean[1, 1] = 100
    spec.variables["PCT_OCEAN"] = Var(("lat", "lon"), ocean)
    assert found(tmp_path, spec) == ()
    spec.variables["PCT_OCEAN"].values[0, 0] = 90
    assert any(finding.rule.text.startswith("Wetland, lake, urban, glacier and ocean") for finding in found(tmp_path, spec))


def test_a_file_without_land_use_is_refused(tmp_path):
    spec = ctsm_surface()
    spec.variables = {"LATIXY": spec.variables["LATIXY"]}
    with pytest.raises(FileError, match="has none of PCT_NAT_PFT"):
        found(tmp_path, spec)


def test_files_in_the_wrong_order_are_refused(tmp_path):
    with pytest.raises(FileError, match="is no landuse.timeseries; give that first"):
        found(tmp_path, ctsm_surface(), ctsm_series())


def many(*changes):
    def change(spec):
        for one in changes:
            one(spec)

    return change


def replaced(name, dims, values):
    def change(spec):
        spec.variables[name] = Var(dims, values)

    return change


def as_single(name):
    def change(spec):
        spec.variables[name].values = spec.variables[name].values.astype(np.float32)

    return change


def as_fractions(spec):
    spec.variables["PCT_NAT_PFT"].values /= 100


SURFACE = [
    *((set_values(name, (0, 1), np.nan), "Every value is finite", 1, "error") for name in ("PCT_NATVEG", "PCT_CROP", "PCT_LAKE", "PCT_WETLAND", "PCT_GLACIER")),
    *((set_values(name, (1, 0, 1), np.nan), "Every value is finite", 1, "error") for name in ("PCT_NAT_PFT", "PCT_CFT", "PCT_URBAN")),
    (set_values("PCT_NAT_PFT", (0, 0, 1), 25 + 1e-4), "PCT_NAT_PFT sums to 100", 1, "error"),
    (set_values("PCT_CFT", (0, 0, 1), 75 + 1e-10), "PCT_CFT sums to 100", 1, "error"),
    (set_values("PCT_NAT_PFT", ([0, 1], 0, 1), [60, -10]), "Values are percent", 1, "error"),
    (as_single("PCT_CFT"), "Shares are double precision", 0, "note"),
    (set_values("PCT_LAKE", (0, 1), 13), "The landunits sum to 100", 1, "error"),
    (many(set_values("PCT_LAKE", (0, 1), -12.5), set_values("PCT_NATVEG", (0, 1), 75)), "Values are percent", 1, "error"),
    (replaced("PCT_URBAN", ("lat", "lon"), np.full((2, 2), 12.5)), "PCT_URBAN has the dimension numurbl of 3", 0, "error"),
    (replaced("PCT_LAKE", ("one", "lat", "lon"), np.full((1, 2, 2), 12.5)), "The landunits' areas are on the same cells", 0, "error"),
    (replaced("PCT_NAT_PFT", ("lat", "lon", "natpft"), np.full((2, 2, 4), 25.0)), "PCT_NAT_PFT has the dimensions (natpft, cells)", 0, "error"),
    (without("PCT_GLACIER"), "The file has the variables that the host reads", 0, "error"),
    (without("PCT_CFT"), "PCT_CROP is 0 where the file has no PCT_CFT", 4, "error"),
]
SERIES = [
    (set_values("PCT_NAT_PFT", (2, 1, 0, 1), np.nan), "Every value is finite", 1, "error"),
    (set_values("PCT_CROP", (2, 0, 1), np.nan), "Every value is finite", 1, "error"),
    (set_values("PCT_CFT", (2, 0, 0, 1), 75.001), "PCT_CFT sums to 100", 1, "error"),
    (set_values("YEAR", slice(None), [2015, 2016, 2016]), "YEAR increases from slice to slice", 1, "error"),
    (set_values("YEAR", slice(None), [2015, 2016, 2018]), "YEAR has no gap", 1, "error"),
    (without("YEAR"), "The file has the variables that the host reads", 0, "error"),
    (without("PCT_NAT_PFT"), "The file has the variables that the host reads", 0, "error"),
    (set_values("PCT_CROP", (1, 0, 1), 75.001), "PCT_CROP, PCT_URBAN and PCT_LAKE are together at most 100", 1, "error"),
    (replaced("PCT_NAT_PFT", ("natpft", "time", "lat", "lon"), np.full((2, 3, 2, 2), 50.0)), "PCT_NAT_PFT has the dimensions (time, natpft, cells)", 0, "error"),
]


@pytest.mark.parametrize(("make", "change", "rule", "count", "severity"),
                         [(ctsm_surface, *case) for case in SURFACE] + [(ctsm_series, *case) for case in SERIES])
def test_a_broken_rule_is_found_and_nothing_else(tmp_path, make, change, rule, count, severity):
    spec = make()
    change(spec)
    finding, = found(tmp_path, spec)
    assert finding.rule.text.startswith(rule)
    assert (finding.count, finding.rule.severity) == (count, severity)
    assert finding.rule.source and finding.rule.advice


def test_shares_given_as_fractions_are_found(tmp_path):
    spec = ctsm_surface()
    as_fractions(spec)
    assert [finding.rule.text[:30] for finding in found(tmp_path, spec)] == ["Values are percent, 0..100", "PCT_NAT_PFT sums to 100 within"]


def test_special_landunits_beyond_the_cell_are_found(tmp_path):
    spec = ctsm_surface()
    spec.variables["PCT_WETLAND"].values[0, 1] = 75.001
    special, total = found(tmp_path, spec)
    assert special.rule.text.startswith("Wetland, lake, urban, glacier and ocean are together at most 100")
    assert "worst 100.001" in special.text and "lat 30, lon 201" in special.text
    assert total.rule.text.startswith("The landunits sum to 100")


def test_a_first_slice_that_differs_from_the_surface_file_is_found(tmp_path):
    surface = ctsm_surface()
    surface.variables["PCT_NAT_PFT"].values[[0, 1], 1, 0] += 2e-4, -2e-4
    finding, = found(tmp_path, ctsm_series(), surface)
    assert finding.rule.text.startswith("The first slice agrees with the surface file within 1e-06") and finding.count == 2
    assert "worst 2.0" in finding.text and "lat=1, lon=0], lat 31, lon 200" in finding.text


def test_a_first_slice_within_the_hosts_tolerance_is_no_finding(tmp_path):
    surface = ctsm_surface()
    surface.variables["PCT_NAT_PFT"].values[[0, 1], 1, 0] += 5e-5, -5e-5
    assert found(tmp_path, ctsm_series(), surface) == ()


def test_nan_in_the_surface_file_is_found(tmp_path):
    surface = ctsm_surface()
    surface.variables["PCT_NAT_PFT"].values[0, 1, 0] = np.nan
    finding, = found(tmp_path, ctsm_series(), surface)
    assert finding.rule.text == "Every value of the surface file is finite"


def test_a_surface_file_of_other_cells_or_without_plant_types_is_not_compared(tmp_path):
    surface = ctsm_surface()
    surface.variables["PCT_NAT_PFT"] = Var(("other", "lat", "lon"), np.full((4, 2, 2), 25.0))
    finding, = found(tmp_path, ctsm_series(), surface)
    assert finding.rule.text == "Both files have the same plant types and cells"
    without("PCT_NAT_PFT")(surface)
    finding, = found(tmp_path, ctsm_series(), surface)
    assert finding.rule.text == "Both files have PCT_NAT_PFT"
