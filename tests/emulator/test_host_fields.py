import numpy as np
import pytest

from lsbc.emulator.climate import HostClimate
from lsbc.emulator.component import Component
from lsbc.emulator.fields import FILL
from lsbc.emulator.host_fields import HostFields
from lsbc.emulator.surface.crosswalk import read_crosswalk
from lsbc.emulator.surface.tables import read_parameter_table
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import ConfigError, ValueRangeError

import case


def climate(n, koppen=3, coldest_k=280.0):
    return HostClimate(np.full(n, 45.0), np.full(n, koppen), np.full(n, coldest_k), np.arange(n) + 700, np.full(n, 11.0))


def by_class(*cells):
    """(8, n_cell) from {position of the class: fraction}."""
    out = np.zeros((8, len(cells)))
    for k, cell in enumerate(cells):
        for at, value in cell.items():
            out[at, k] = value
    return out


OCEAN, URBAN, CROP, PASTURE, FOREST, GRASS, SPARSE, WATER = range(8)


def test_there_is_nothing_without_a_crosswalk():
    assert HostFields().outputs == () and HostFields().fields(np.ones((8, 2)), climate(2), np.ones(2, bool)) == {}


def test_fractions_and_dominant_class_are_the_crosswalks():
    host = HostFields(read_crosswalk("modis"))
    got = host.fields(by_class({CROP: 0.5, FOREST: 0.5}, {URBAN: 0.25, WATER: 0.75}, {SPARSE: 1.0}), climate(3), np.ones(3, bool))
    assert [info.name for info in host.outputs] == ["host_lu_frac", "host_lu_dominant"] and host.outputs[0].n_level == 21
    assert got["host_lu_frac"][[11, 4], 0].tolist() == [0.5, 0.5]  # croplands 12, in temperate climate mixed forest 5
    assert got["host_lu_frac"].sum(axis=0).tolist() == [1.0, 1.0, 1.0] and got["host_lu_dominant"].tolist() == [5.0, 17.0, 16.0]
    assert (5, "Mixed_Forests") in host.outputs[1].flags


def test_area_that_is_not_the_hosts_is_never_dominant():
    got = HostFields(read_crosswalk("ctsm")).fields(by_class({WATER: 0.75, CROP: 0.25}, {WATER: 1.0}), climate(2), np.ones(2, bool))
    assert got["host_lu_dominant"].tolist() == [15.0, -1.0]


def test_host_parameters_follow_the_tables_rules():
    host = HostFields(read_crosswalk("globcover"), read_parameter_table("extpar_globcover"))
    names = [info.name for info in host.outputs]
    assert {"host_z0m", "host_lai_max", "host_root_depth", "host_plcov_max", "host_emissivity"} <= set(names)
    got = host.fields(by_class({CROP: 0.5, URBAN: 0.5}), climate(1), np.ones(1, bool))
    assert got["host_emissivity"][0] == pytest.approx(0.5 * 0.99 + 0.5 * 0.96, abs=1e-15)  # classes 2 and 19 of EXTPAR's table
    assert got["host_lai_max"][0] == pytest.approx((0.9 * 3.3 + 0.2 * 1.6) / 1.1, rel=1e-14)  # weighted with plant cover
    drag = [1.0 / np.log(50.0 / z0) ** 2 for z0 in (0.07, 1.0)]
    assert got["host_z0m"][0] == pytest.approx(50.0 * np.exp(-1.0 / np.sqrt(np.mean(drag))), rel=1e-14)


def test_parameters_are_means_over_the_hosts_own_classes_and_missing_without_any():
    host = HostFields(read_crosswalk("ecland"), read_parameter_table("ecland"))
    names = [info.name for info in host.outputs if info.name not in ("host_lu_frac", "host_lu_dominant")]
    got = host.fields(by_class({URBAN: 0.5, CROP: 0.5}, {CROP: 1.0}, {URBAN: 1.0}), climate(3), np.ones(3, bool))
    for name in names:
        assert got[name][0] == got[name][1] and got[name][2] == FILL


def test_a_table_of_other_classes_is_refused():
    with pytest.raises(ConfigError, match="needs surface.crosswalk"):
        HostFields(None, read_parameter_table("ecland"))
    with pytest.raises(ConfigError, match="is of the classes 'JSBACH land-cover types, 21', crosswalk 'jsbach' of 'JSBACH, 11 plant functional types'"):
        HostFields(read_crosswalk("jsbach"), read_parameter_table("jsbach_lctlib"))
    with pytest.raises(ConfigError, match="is of the classes 'GlobCover"):
        HostFields(read_crosswalk("modis"), read_parameter_table("extpar_globcover"))


def test_a_table_needs_only_the_classes_that_lsbcs_become():
    table = read_parameter_table("extpar_globcover")
    without_undefined = table.select(range(1, 23))
    got = HostFields(read_crosswalk("globcover"), without_undefined).fields(by_class({CROP: 1.0}), climate(1), np.ones(1, bool))
    assert got["host_z0m"] == pytest.approx([0.07], rel=1e-14)
    with pytest.raises(ConfigError, match="has no class 2; it has 3..22"):
        HostFields(read_crosswalk("globcover"), table.select(range(3, 23)))


def test_an_unknown_climate_names_the_cell_but_only_where_it_matters():
    host = HostFields(read_crosswalk("modis"))
    fraction, zones = by_class({CROP: 1.0}, {FOREST: 1.0}), climate(2, koppen=0)
    with pytest.raises(ValueRangeError, match=r"code 40 .* in cell 701 \(11.0000 E, 45.0000 N\) depends on the Köppen group"):
        host.fields(fraction, zones, np.ones(2, bool))
    assert host.fields(fraction, zones, np.array([True, False]))["host_lu_dominant"][0] == 12.0


def test_a_host_lists_and_gets_them_in_a_coupled_run(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    host, everything = case.make_host(), np.arange(81)
    config = case.write_config(tmp_path, tmp_path / "model", tmp_path / "fine.nc", "directory = 'out'",
                               "[grid]\nedges = 'latlon'\n[surface]\ncrosswalk = 'globcover'\nparameters = 'extpar_globcover'")
    component = Component.create(config, SerialComm())
    component.set_grid(*host.part(everything))
    case.couple(component, host, everything, 2000)
    fraction, own = np.empty((23, 81)), np.empty((8, 81))
    component.get_field("host_lu_frac", fraction)
    component.get_field("lu_frac", own)
    assert np.array_equal(fraction[1], own[CROP]) and np.array_equal(fraction[18], own[URBAN])
    stored = case.contents(tmp_path / "out" / "lsbc_2000.nc")
    order = np.argsort(host.global_id)
    assert np.array_equal(stored["host_lu_frac"], fraction[:, order]) and stored["host_class"].tolist() == list(range(1, 24))
    for info in component.fields:
        if info.direction == "out" and info.name.startswith("host_"):
            values = np.empty((23, 81) if info.levels else 81)
            component.get_field(info.name, values)
            assert np.array_equal(stored[info.name], values[..., order])
    component.close()


@pytest.mark.parametrize("target, table", [("globcover", "extpar_globcover"), ("esacci", "extpar_esacci"), ("ecland", "ecland")])
def test_the_bits_of_one_cell_alone_are_those_among_many(target, table):
    host = HostFields(read_crosswalk(target), read_parameter_table(table))
    rng = np.random.default_rng(8)
    fraction = np.ascontiguousarray(rng.dirichlet(np.ones(8), 300).T)
    zones = HostClimate(rng.uniform(-60, 60, 300), rng.integers(1, 6, 300), np.full(300, 280.0), np.arange(300), np.zeros(300))
    whole = host.fields(fraction, zones, np.ones(300, bool))
    for k in range(300):
        alone = host.fields(np.ascontiguousarray(fraction[:, k:k + 1]), zones.part(slice(k, k + 1)), np.ones(1, bool))
        assert all(np.array_equal(values[..., 0], whole[name][..., k]) for name, values in alone.items())


def test_fractions_that_sum_to_more_than_one_by_rounding_are_still_fractions():
    host = HostFields(read_crosswalk("fraclut"))
    got = host.fields(by_class({FOREST: 0.1 + 0.2 + 0.7 - 1e-16, GRASS: 2e-16, SPARSE: 1e-16}), climate(1), np.ones(1, bool))
    assert got["host_lu_frac"].max() <= 1.0
