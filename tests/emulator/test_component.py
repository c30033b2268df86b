"""The coupled years on one rank, against the closed-form network applied to the whole map at once."""

import json

import numpy as np
import pytest
from netCDF4 import Dataset

from lsbc.emulator.classes import CLASS_CODES, CLASS_GROUP, CLASS_NAMES, GROUPS, N_GROUP
from lsbc.emulator.component import Component
from lsbc.emulator.gate import driver_groups
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import DeviceError, FieldError, FileError, GridError, StateError, ValueRangeError, YearError

import case


@pytest.fixture
def folder(tmp_path):
    case.write_artefact(tmp_path / "model")
    case.write_fine_file(tmp_path / "fine.nc", case.first_map())
    return tmp_path


def start(folder, host, output="directory = 'out'", fine="fine.nc", edges="latlon", allocation=False):
    config = case.write_config(folder, folder / "model", folder / fine, output, f"[grid]\nedges = '{edges}'", allocation)
    component = Component.create(config, SerialComm())
    component.set_grid(*host.part(np.arange(len(host.global_id))))
    return component


def feed(component, host, year):
    for name, values in host.states[year].items():
        component.set_field(name, values)
    component.step_year(year)


def get(component, name, n_cell, n_level=0):
    out = np.full((n_level, n_cell) if n_level else n_cell, np.nan)
    component.get_field(name, out)
    return out


def read_map(folder, year):
    with Dataset(folder / "out" / f"landuse_{year}.nc") as data:
        data.set_auto_mask(False)
        return np.searchsorted(CLASS_CODES, data["landuse"][:]).astype(np.uint8), np.asarray(data["lat"][:]), np.asarray(data["lon"][:])


def smooth_groups(host, year, n_side):
    """Groups of a host whose cells are the driver cells themselves, on the fine grid by bilinear interpolation."""
    everything = np.arange(len(host.global_id))
    groups = driver_groups(host.states[year], everything, host.global_id, host.lon_deg, host.lat_deg).T.reshape(N_GROUP, n_side, n_side)
    centre = np.arange(n_side) * 30 + 14.5
    x = np.clip(np.arange(n_side * 30), centre[0], centre[-1])
    along = np.stack([[np.interp(x, centre, row) for row in plane] for plane in groups])
    return np.stack([np.stack([np.interp(x, centre, column) for column in plane.T], axis=1) for plane in along])


def test_tiles_give_the_map_that_the_whole_domain_gives(folder):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)  # host cells are the driver cells
    component = start(folder, host)
    feed(component, host, 2000)
    expected, lat, lon = read_map(folder, 2000)
    assert np.array_equal(expected, case.first_map())
    assert (lat[0], lon[0]) == pytest.approx((case.LAT0 + 1 / 240, case.LON0 + 1 / 240), abs=1e-12)
    changed = 0
    for year in (2001, 2002, 2003):
        feed(component, host, year)
        now = smooth_groups(host, year - 1, 8)
        new = case.expected_year(expected, now, smooth_groups(host, year, 8) - now)
        got = read_map(folder, year)[0]
        assert np.mean(got != new) < 2e-5  # float32 ties only
        changed += int((got != expected).sum())
        expected = got
    assert changed > 500
    component.close()


def test_with_allocation_the_areas_change_as_the_coarse_fractions_do(folder):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    component = start(folder, host, allocation=True)
    feed(component, host, 2000)
    first = read_map(folder, 2000)[0]
    for year in (2001, 2002, 2003):
        feed(component, host, year)
    last = read_map(folder, 2003)[0]
    n_land = (first != CLASS_NAMES.index("water")).reshape(8, 30, 8, 30).sum((1, 3)).ravel()
    full = n_land == 900  # where water takes part of the cell, demand is scaled to what can change
    n_crop = (first == CLASS_NAMES.index("cropland")).reshape(8, 30, 8, 30).sum((1, 3)).ravel()
    enough = n_crop > (host.states[2000]["c3ann"] - host.states[2003]["c3ann"]) * 900 + 1
    for name, state in (("urban", "urban"), ("forest", "secdf"), ("cropland", "c3ann"), ("pasture", "pastr")):
        k = CLASS_NAMES.index(name)
        change = ((last == k).astype(int) - (first == k)).reshape(8, 30, 8, 30).sum((1, 3)).ravel()
        demand = (host.states[2003][state] - host.states[2000][state]) * 900
        assert (np.abs(change - demand) < 1.0)[full & enough].all(), name
    assert np.array_equal(first == 7, last == 7) and (full & enough).sum() > 30


def test_host_fractions_are_the_class_areas_under_each_cell(folder):
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    component = start(folder, host)
    feed(component, host, 2000)
    fraction = get(component, "lu_frac", 64, 8)
    classes = case.first_map()
    area = np.sin(np.radians(case.LAT0 + (np.arange(240) + 1) / 120)) - np.sin(np.radians(case.LAT0 + np.arange(240) / 120))
    weight = np.repeat(area[:, None], 240, axis=1)
    for k in range(8):
        expected = (weight * (classes == k)).reshape(8, 30, 8, 30).sum((1, 3)) / weight.reshape(8, 30, 8, 30).sum((1, 3))
        assert fraction[k].reshape(8, 8) == pytest.approx(expected, abs=1e-13)
    assert fraction.sum(axis=0) == pytest.approx(np.ones(64), abs=1e-12)
    dominant = get(component, "lu_dominant", 64)
    assert np.array_equal(dominant, np.array(CLASS_CODES)[np.argmax(fraction, axis=0)])
    assert np.array_equal(get(component, "urban_frac", 64), fraction[CLASS_NAMES.index("urban")])
    assert (get(component, "valid_year", 64) == 2000).all() and (get(component, "coverage", 64) == 1.0).all()


def test_class_areas_of_map_and_host_cells_agree(folder):
    host = case.make_host(7, case.LON0 + 0.11, case.LAT0 + 0.13, 0.22)
    component = start(folder, host, edges="greatcircle")
    feed(component, host, 2000)
    feed(component, host, 2001)
    fraction = get(component, "lu_frac", 49, 8)
    plan = component._plan
    from lsbc.regrid.overlap import overlap_polygons
    overlap = overlap_polygons(host.vertex_lon_deg, host.vertex_lat_deg, plan.tiles.fine, "greatcircle")
    classes, lat, lon = read_map(folder, 2001)
    row0, col0 = int(round((lat[0] + 90) * 120 - 0.5)), int(round((lon[0] + 180) * 120 - 0.5))
    row, col = np.divmod(overlap.cell, plan.tiles.fine.n_lon)
    from_map = np.bincount(classes[row - row0, col - col0], weights=overlap.area_sr, minlength=8)
    from_host = fraction @ overlap.polygon_area_sr
    assert from_host == pytest.approx(from_map, rel=1e-10)


def test_water_and_missing_cells_never_change(folder):
    classes = case.first_map()
    classes[200:, 200:] = 255
    case.write_fine_file(folder / "gap.nc", classes)
    host = case.make_host()
    component = start(folder, host, "directory = 'out'\nuncovered_cells = 'fill'", "gap.nc")
    for year in (2000, 2001, 2002, 2003):
        feed(component, host, year)
        with Dataset(folder / "out" / f"landuse_{year}.nc") as data:
            data.set_auto_mask(False)
            codes = np.asarray(data["landuse"][:])
        inside = codes != 255
        assert np.array_equal(inside, classes != 255)
        assert np.array_equal(codes == 77, classes == 7)
    albedo, coverage = get(component, "albedo", 81), get(component, "coverage", 81)
    assert (albedo[coverage < 0.5] == -9999.0).all() and (albedo[coverage >= 0.5] > 0).all() and (coverage < 0.5).any()


def test_cells_without_fine_data_are_an_error_by_default(folder):
    host = case.make_host(3, case.LON0 + 1.8, case.LAT0 + 0.1, 0.2)
    with pytest.raises(GridError, match=r"Cell \d+ \(11\.\d+ E, 47\.\d+ N\) lies over fine-grid data with \d+\.\d % of its area"):
        start(folder, host)


def test_hidden_cells_are_made_by_the_network_in_the_first_year(folder):
    classes = case.first_map()
    known = np.zeros_like(classes)
    known[2::6, 2::6] = 1
    case.write_fine_file(folder / "masked.nc", classes, known)
    host = case.make_host(8, case.LON0, case.LAT0, 0.25)
    component = start(folder, host, fine="masked.nc")
    feed(component, host, 2000)
    got = read_map(folder, 2000)[0]
    assert np.array_equal(got[2::6, 2::6], classes[2::6, 2::6])
    assert np.array_equal(got == 7, classes == 7)
    land = classes != 7
    near = land & (np.roll(known, 1, 0) == 1)  # one row above a known cell: its class, counted once, against half the coarse fraction
    agree = np.mean(got[near] == classes[near])
    assert agree > 0.98


def test_the_same_year_again_is_a_no_op_and_other_years_are_errors(folder):
    host = case.make_host()
    component = start(folder, host)
    with pytest.raises(YearError, match=r"The first year is 2000 \(time\.start_year\), got 2001"):
        feed(component, host, 2001)
    feed(component, host, 2000)
    stamp = (folder / "out" / "lsbc_2000.nc").stat().st_mtime_ns
    component.step_year(2000)
    assert (folder / "out" / "lsbc_2000.nc").stat().st_mtime_ns == stamp
    for wrong in (1999, 2002):
        with pytest.raises(YearError, match=f"the next is 2001, got {wrong}"):
            component.step_year(wrong)
    assert component.year == 2000


def test_a_failed_year_leaves_the_last_one_valid(folder):
    host = case.make_host()
    component = start(folder, host)
    feed(component, host, 2000)
    before = get(component, "lu_frac", 81, 8)
    host.states[2001]["urban"][17] = np.nan
    with pytest.raises(Exception, match=rf"Field 'urban' is nan in cell {host.global_id[17]}"):
        feed(component, host, 2001)
    assert np.array_equal(get(component, "lu_frac", 81, 8), before) and component.year == 2000
    host.states[2001]["urban"][17] = 0.05
    feed(component, host, 2001)
    assert component.year == 2001


def test_a_year_that_cannot_be_written_is_not_committed(folder):
    host = case.make_host()
    component = start(folder, host)
    feed(component, host, 2000)
    (folder / "out" / "landuse_2001.nc").mkdir()
    with pytest.raises(FileError, match="landuse_2001.nc could not be written"):
        feed(component, host, 2001)
    assert component.year == 2000
    assert not list((folder / "out").glob(".*.part"))
    (folder / "out" / "landuse_2001.nc").rmdir()
    feed(component, host, 2001)
    assert component.year == 2001


def test_the_hosts_array_is_read_at_the_step_and_never_copied_before(folder):
    host = case.make_host()
    component = start(folder, host)
    for name, values in host.states[2000].items():
        component.set_field(name, values)
        assert component._lent[name].memory is values
    host.states[2000]["urban"][3] = 7.5
    with pytest.raises(Exception, match="Field 'urban' is 7.5"):
        component.step_year(2000)


def test_wrong_calls_are_named(folder):
    host = case.make_host()
    component = Component.create(case.write_config(folder, folder / "model", folder / "fine.nc"), SerialComm())
    with pytest.raises(StateError, match="set_field came before set_grid"):
        component.set_field("urban", np.zeros(81))
    component.set_grid(*host.part(np.arange(81)))
    with pytest.raises(StateError, match="set_grid was called twice"):
        component.set_grid(*host.part(np.arange(81)))
    with pytest.raises(FieldError, match="'primx' is not an input or output; there are primf"):
        component.set_field("primx", np.zeros(81))
    with pytest.raises(FieldError, match=r"'urban' has shape \(80,\) on rank 0, 80 cells; the grid has 81"):
        component.set_field("urban", np.zeros(80))
    with pytest.raises(FieldError, match="Fields primf.* were never set"):
        component.step_year(2000)
    with pytest.raises(StateError, match="not there before the first step_year"):
        component.get_field("lai", np.zeros(81))
    with pytest.raises(StateError, match="no state to write"):
        component.write_restart(folder / "r.nc")
    feed(component, host, 2000)
    with pytest.raises(FieldError, match=r"'lu_frac' has shape \(81, 8\) on rank 0, 81 along the axis of its 8 level"):
        component.get_field("lu_frac", np.zeros((81, 8)))
    with pytest.raises(FieldError, match="'lay' is not an output"):
        component.get_field("lay", np.zeros(81))
    component.close()
    component.close()
    with pytest.raises(StateError, match="closed"):
        component.step_year(2000)


def test_a_refused_array_takes_the_earlier_one_back(folder):
    host = case.make_host()
    component = start(folder, host)
    feed(component, host, 2000)
    with pytest.raises(FieldError, match="shape"):
        component.set_field("urban", np.zeros(80))
    with pytest.raises(FieldError, match="Fields urban were never set"):
        component.step_year(2001)


@pytest.mark.parametrize(("place", "elevation", "refused"), [("outside", -9999.0, False), ("outside", 9.97e36, False), ("inside", -9999.0, True)])
def test_a_fill_value_of_elevation_never_reaches_the_network(folder, place, elevation, refused):
    classes = case.first_map()
    classes[230:, 230:] = 255
    case.write_fine_file(folder / "fine.nc", classes)
    with Dataset(folder / "fine.nc", "a") as data:
        data["elevation"][235:, 235:] = elevation
        if place == "inside":
            data["elevation"][40, 40] = elevation
    host = case.make_host(4)
    if refused:
        with pytest.raises(FileError, match=r"elevation is -9999\.0 at 9\.3375 E, 47\.3375 N, where lu has a class"):
            start(folder, host)
        return
    component = start(folder, host)
    assert all(np.abs(tile.statics["elevation"]).max() < 1000.0 for tile in component._plan.local)


def test_an_integer_array_is_no_place_for_a_field(folder):
    host = case.make_host()
    component = start(folder, host)
    feed(component, host, 2000)
    with pytest.raises(FieldError, match="'albedo' comes as int64 on rank 0"):
        component.get_field("albedo", np.zeros(81, np.int64))


def test_a_summary_that_cannot_be_written_fails_the_year_before_it_is_committed(folder):
    host = case.make_host()
    component = start(folder, host)
    (folder / "out" / "summary.json").mkdir()
    with pytest.raises(FileError, match="summary.json could not be written"):
        feed(component, host, 2000)
    assert component.year is None
    (folder / "out" / "summary.json").rmdir()
    feed(component, host, 2000)
    assert component.year == 2000


def test_two_instances_side_by_side_give_the_bits_of_each_alone(folder):
    host, other = case.make_host(), case.make_host()
    for states in other.states.values():
        states["secdf"] *= 0.5
    alone = start(folder, other, output="")
    for year in (2000, 2001, 2002):
        feed(alone, other, year)
    first, second = start(folder, host, output=""), start(folder, other, output="")
    for year in (2000, 2001, 2002):
        feed(first, host, year)
        feed(second, other, year)
    assert np.array_equal(get(second, "lu_frac", 81, 8), get(alone, "lu_frac", 81, 8))
    assert not np.array_equal(get(first, "lu_frac", 81, 8), get(alone, "lu_frac", 81, 8))


def test_the_order_of_cells_does_not_matter(folder):
    host = case.make_host()
    straight = start(folder, host, output="")
    shuffled = Component.create(folder / "lsbc.toml", SerialComm())
    order = np.random.default_rng(1).permutation(81)
    shuffled.set_grid(*host.part(order))
    for year in (2000, 2001):
        feed(straight, host, year)
        for name, values in host.states[year].items():
            shuffled.set_field(name, values[order])
        shuffled.step_year(year)
    assert np.array_equal(get(straight, "lu_frac", 81, 8)[:, order], get(shuffled, "lu_frac", 81, 8))


def test_the_summary_tells_ranks_cells_and_stage_seconds(folder):
    host = case.make_host()
    component = start(folder, host)
    feed(component, host, 2000)
    feed(component, host, 2001)
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert (summary["ranks"], summary["cells"], summary["tiles"]) == (1, 81, 16)
    assert [year["year"] for year in summary["years"]] == [2000, 2001]
    assert summary["years"][1]["seconds"]["tiles: network"] > 0
    assert all(year["largest_error_of_fraction_sums"] <= 1e-12 for year in summary["years"])


def test_a_fresh_run_does_not_take_over_the_years_of_another(folder):
    host = case.make_host()
    (folder / "out").mkdir()
    (folder / "out" / "summary.json").write_text(json.dumps({"years": [{"year": 1990}]}))
    component = start(folder, host)
    feed(component, host, 2000)
    assert [year["year"] for year in json.loads((folder / "out" / "summary.json").read_text())["years"]] == [2000]


def test_states_that_were_never_filled_are_an_error(folder):
    host = case.make_host()
    component = start(folder, host)
    for state in host.states[2000].values():
        state[:] = 0.0
    with pytest.raises(ValueRangeError, match="All twelve LUH2 states are zero in every cell"):
        feed(component, host, 2000)


def test_every_class_has_a_driver_group():
    assert set(CLASS_GROUP) == set(CLASS_NAMES) and set(CLASS_GROUP.values()) == set(GROUPS)


def test_statics_are_held_only_for_tiles_of_which_something_is_computed(folder):
    """The west half is water; the halo of the tiles beside it reaches there."""
    classes = case.first_map()
    classes[:, :120] = 7
    case.write_fine_file(folder / "lake.nc", classes)
    host = case.make_host()
    component = start(folder, host, "", "lake.nc")
    held = [bool(tile.statics) for tile in component._plan.local]
    assert held == [bool(tile.windows) for tile in component._plan.local] and sum(held) == 8 and len(held) == 16
    feed(component, host, 2000)
    feed(component, host, 2001)


def test_a_lent_output_is_filled_by_every_good_year_and_by_a_restart_and_left_by_a_bad_one(folder):
    host = case.make_host()
    component = start(folder, host)
    lai, fractions = np.full(81, -1.0), np.full((81, 8), -1.0, np.float32)
    component.set_field("lai", lai)
    component.set_field("lu_frac", fractions, level_axis=1)
    assert np.all(lai == -1.0)
    feed(component, host, 2000)
    assert np.array_equal(lai, get(component, "lai", 81)) and np.array_equal(fractions, get(component, "lu_frac", 81, 8).T.astype(np.float32))
    component.write_restart(folder / "r.nc")
    first = lai.copy()
    feed(component, host, 2001)
    second = lai.copy()
    assert np.array_equal(second, get(component, "lai", 81)) and not np.array_equal(second, first)
    with pytest.raises(YearError):
        component.step_year(2005)
    assert np.array_equal(lai, second)
    component.read_restart(folder / "r.nc")
    assert np.array_equal(lai, first)
    component.forget_field("lai")
    lai[:] = -1.0
    feed(component, host, 2001)
    assert np.all(lai == -1.0)


def test_an_output_lent_late_has_the_last_good_year_at_once(folder):
    host = case.make_host()
    component = start(folder, host)
    feed(component, host, 2000)
    lai = np.full(81, -1.0)
    component.set_field("lai", lai)
    assert np.array_equal(lai, get(component, "lai", 81))


def test_an_output_that_cannot_be_written_is_refused_when_it_is_lent(folder):
    host = case.make_host()
    component = start(folder, host)
    with pytest.raises(FieldError, match="'lai' is an output, but the array lent for it on rank 0 cannot be written"):
        component.set_field("lai", np.broadcast_to(0.0, 81))
    feed(component, host, 2000)
    for array in (np.broadcast_to(0.0, 81), [0.0] * 81):
        with pytest.raises(FieldError, match="'lai' is an output, but the array lent for it on rank 0 cannot be written"):
            component.get_field("lai", array)


def test_a_device_that_cannot_be_filled_leaves_the_last_year_valid_and_the_year_can_be_made_again(folder):
    class Device:
        """Memory of a driver that is not there."""

        __cuda_array_interface__ = {"version": 3, "shape": (81,), "typestr": "<f8", "data": (4096, False), "stream": 1}

    host = case.make_host()
    component = start(folder, host)
    lai = np.full(81, -1.0)
    component.set_field("lai", lai)
    component.set_field("albedo", Device())
    with pytest.raises(DeviceError):
        feed(component, host, 2000)
    assert component.year is None and np.all(lai == -1.0)
    component.forget_field("albedo")
    component.step_year(2000)
    assert component.year == 2000 and np.array_equal(lai, get(component, "lai", 81))
    with pytest.raises(DeviceError):  # there is a year to fill it with
        component.set_field("albedo", Device())
    feed(component, host, 2001)


LAYOUTS = {  # memory of the host; the array it lends; its 81 cells in order; words
    "blocks": ((11, 8), lambda memory: memory, lambda memory: memory.reshape(-1)[:81], {"npromz": 1}),
    "patch with halo": ((13, 13), lambda memory: memory[2:11, 2:11], lambda memory: memory[2:11, 2:11], {}),
    "section": ((243,), lambda memory: memory[::3], lambda memory: memory[::3], {}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_of_the_hosts_arrays_gives_the_same_bits(folder, layout):
    shape, lent, cells, words = LAYOUTS[layout]
    host = case.make_host()
    plain, other = start(folder, host, ""), start(folder, host, "")
    for year in (2000, 2001):
        feed(plain, host, year)
        for name, values in host.states[year].items():
            memory = np.full(shape, np.nan)
            cells(memory)[...] = values.reshape(cells(memory).shape)
            other.set_field(name, lent(memory), **words)
        other.step_year(year)
        out = np.full(shape, -1.0)
        other.get_field("albedo", lent(out), **words)
        assert np.array_equal(np.ravel(cells(out)), get(plain, "albedo", 81))
        assert (out == -1.0).sum() == out.size - 81
