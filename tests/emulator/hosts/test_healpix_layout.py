import datetime

import numpy as np
import pytest

from lsbc.emulator.hosts.healpix_cells import HealpixGrid
from lsbc.emulator.hosts.healpix_layout import FIELDS, levels_of, store_plan

RECORDS = [{"year": 1849, "source": "lsbc 0.1.0", "model": "m", "landuse_sha256": "a"}, {"year": 1851, "source": "lsbc 0.1.0", "model": "m", "landuse_sha256": "b"}]


def plan(order="nest", n_coarser=1, dtype="float32"):
    return store_plan(levels_of(HealpixGrid(8, order), 16, n_coarser), FIELDS, dtype, 2, {"min_coverage": 0.5})


def by_name(of):
    return {array.name: array for array in of.arrays}


def test_levels_have_a_fourth_of_the_cells_and_the_same_chunks():
    levels = levels_of(HealpixGrid(8), 16, 2)
    assert [(level.group, level.grid.nside, level.chunk, level.path("x")) for level in levels] == [
        ("", 8, 16, "x"), ("level_2", 4, 4, "level_2/x"), ("level_1", 2, 1, "level_1/x")]
    assert len({level.grid.n_cell // level.chunk for level in levels}) == 1


@pytest.mark.parametrize(("order", "scheme"), [("nest", "nested"), ("ring", "ring")])
def test_the_grid_mapping_is_that_of_cf_and_the_older_one(order, scheme):
    assert by_name(plan(order, 0))["crs"].attributes == {"grid_mapping_name": "healpix", "refinement_level": 3, "indexing_scheme": scheme, "earth_radius": 6371229.0,
                                                         "healpix_nside": 8, "healpix_order": order}


def test_each_field_names_the_grid_mapping_and_lies_on_cells():
    arrays = by_name(plan())
    fields = [arrays[info.name] for info in FIELDS]
    assert all(array.attributes["grid_mapping"] == "crs" and array.dims[0] == "time" and array.dims[-1] == "cell" for array in fields)
    assert (arrays["lu_frac"].dims, arrays["lu_frac"].shape, arrays["lu_frac"].chunks) == (("time", "class", "cell"), (8, 768), (8, 16))
    assert (arrays["level_2/leaf_area_index"].dims, arrays["level_2/leaf_area_index"].shape) == (("time", "month", "cell"), (12, 192))
    assert arrays["albedo"].attributes["standard_name"] == "surface_albedo_assuming_no_snow" and arrays["albedo"].dtype == "float32"
    assert arrays["lu_dominant"].attributes["flag_values"] == [0, 11, 22, 33, 40, 55, 66, 77] and arrays["lu_dominant"].fill == -1
    assert arrays["cell"].attributes["standard_name"] == "healpix_index" and np.array_equal(arrays["cell"].values(), np.arange(768))


def test_years_are_their_days_without_gaps_in_any_century():
    arrays, zero = by_name(plan()), datetime.date(1850, 1, 1)
    years = [850, 1849, 1850, 1851, 2000]
    days = arrays["time"].of_years(years)
    assert [zero + datetime.timedelta(days=int(day)) for day in days] == [datetime.date(year, 1, 1) for year in years]
    bounds = arrays["time_bnds"].of_years(years)
    assert np.array_equal(bounds[:, 0], days) and (bounds[:, 1] - bounds[:, 0]).tolist() == [365, 365, 365, 365, 366]


def test_global_attributes_hold_what_all_years_share():
    found = plan().attributes(RECORDS)
    assert set(found) == {"", "level_2"}
    assert (found[""]["Conventions"], found[""]["source"], found[""]["lsbc_model"]) == ("CF-1.13", "lsbc 0.1.0", "m")
    assert "lsbc_landuse_sha256" not in found[""] and "lsbc_year" not in found[""]
    assert "nside 4, nested" in found["level_2"]["title"]


def test_what_decides_the_content_is_in_the_layout():
    layout = plan().layout
    assert (layout["nside"], layout["levels"], layout["chunk"], layout["dtype"], layout["min_coverage"]) == (8, 1, 16, "float32", 0.5)
    assert layout["fields"][:2] == ["lu_frac", "lu_dominant"]
