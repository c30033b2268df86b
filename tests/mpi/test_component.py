"""The coupled years on the ranks at hand, against one rank: the same bits, whoever owns which cell or tile."""


import numpy as np
import pytest

from lsbc.emulator.component import Component
from lsbc.regrid.comm import MpiComm, SerialComm
from lsbc.regrid.errors import FieldError, FileError, GridError, LsbcError, ModelError, RestartError, Status, ValueRangeError, YearError

import case

YEARS = (2000, 2001, 2002)


def config(folder, comm, name="out", extra=""):
    path = folder / f"{name}.toml"
    if comm.rank == 0:
        case.write_config(folder, folder / "model", folder / "fine.nc", f"directory = '{name}'", extra, allocation=True).rename(path)
    comm.barrier()
    return path


def scattered(comm, host, leave_last_empty=False):
    """Owned cells dealt out like cards, plus one halo cell that the next rank owns."""
    n_dealt = comm.size - 1 if leave_last_empty and comm.size > 1 else comm.size
    everything = np.arange(len(host.global_id))
    dealt = (everything * 31) % 97 % n_dealt
    mine = everything[dealt == comm.rank][::-1]
    halo = everything[dealt == (comm.rank + 1) % n_dealt][:3] if n_dealt > 1 and len(mine) else everything[:0]
    return np.concatenate([mine, halo]), np.concatenate([np.ones(len(mine), np.int32), np.zeros(len(halo), np.int32)])


def create(path):
    return Component.create(path, MpiComm.world())  # a component owns and frees its communicator


def start(path, comm, host, cells, owned):
    component = Component.create(path, comm) if isinstance(comm, SerialComm) else create(path)
    component.set_grid(*host.part(cells, owned))
    return component


def assert_same_files(one, two):
    for name in sorted(path.name for path in one.glob("*.nc")):
        first, second = case.contents(one / name), case.contents(two / name)
        assert first.keys() == second.keys() and len(first) > 1
        for variable in first:
            assert np.array_equal(first[variable], second[variable]), f"{name}: {variable}"


def serial_run(folder, comm, host):
    path = config(folder, comm, "serial")
    if comm.rank == 0:
        component = start(path, SerialComm(), host, np.arange(81), None)
        case.couple(component, host, np.arange(81), *YEARS)
    comm.barrier()
    return folder / "serial"


def with_everything(folder, comm, host):
    """The section of a run with climate, a host's classes and parameters, transitions and a host's file."""
    if comm.rank == 0:
        from netCDF4 import Dataset

        with Dataset(folder / "climate.nc", "w") as data:
            data.createDimension("cell", 81)
            data.createVariable("global_id", "i8", ("cell",))[:] = host.global_id
            data.createVariable("coldest_month_temperature", "f8", ("cell",))[:] = 250.0 + np.arange(81) / 2
    comm.barrier()
    return ("[surface]\nclimate = 'climate.nc'\ncrosswalk = 'globcover'\nparameters = 'extpar_globcover'\ntransitions = true\n"
            "[[deliver]]\nto = 'jsbach'\nfile = 'bc_land_frac_11pfts_{year}.nc'\n")


@pytest.mark.parametrize("leave_last_empty", [False, True])
def test_files_with_everything_a_host_may_want_have_the_same_bits_on_any_number_of_ranks_and_after_a_restart(comm, folder, leave_last_empty):
    host = case.make_host()
    extra = with_everything(folder, comm, host)
    path = config(folder, comm, "serial", extra)
    if comm.rank == 0:
        alone = start(path, SerialComm(), host, np.arange(81), None)
        case.couple(alone, host, np.arange(81), *YEARS)
    comm.barrier()
    cells, owned = scattered(comm, host, leave_last_empty)
    component = start(config(folder, comm, "out", extra), comm, host, cells, owned)
    case.couple(component, host, cells, *YEARS[:2])
    component.write_restart(folder / "restart.nc")
    component.close()
    again = start(config(folder, comm, "again", extra), comm, host, cells, owned)
    again.read_restart(folder / "restart.nc")
    changes = np.empty((64, len(cells)))
    again.get_field("transitions", changes)
    assert changes.min(initial=0.0) >= 0.0
    case.couple(again, host, cells, YEARS[2])
    again.close()
    if comm.rank == 0:
        assert len(list((folder / "serial").glob("*.nc"))) == 3 * len(YEARS)
        assert len(list((folder / "out").glob("*.nc"))) == 6 and len(list((folder / "again").glob("*.nc"))) == 3
        assert_same_files(folder / "out", folder / "serial")
        assert_same_files(folder / "again", folder / "serial")


@pytest.mark.parametrize("leave_last_empty", [False, True])
def test_files_have_the_same_bits_on_any_number_of_ranks(comm, folder, leave_last_empty):
    host = case.make_host()
    expected = serial_run(folder, comm, host)
    cells, owned = scattered(comm, host, leave_last_empty)
    component = start(config(folder, comm), comm, host, cells, owned)
    case.couple(component, host, cells, *YEARS)
    if comm.rank == 0:
        assert len(list(expected.glob("*.nc"))) == 2 * len(YEARS)
        assert_same_files(expected, folder / "out")
    component.close()


def test_halo_cells_get_the_owners_values(comm, folder):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    component = start(config(folder, comm), comm, host, cells, owned)
    case.couple(component, host, cells, *YEARS)
    mine = np.empty((8, len(cells)))
    component.get_field("lu_frac", mine)
    table = {}
    for part in comm.allgather({int(host.global_id[c]): mine[:, k].tolist() for k, c in enumerate(cells) if owned[k]}):
        table |= part
    for k, c in enumerate(cells):
        assert mine[:, k].tolist() == table[int(host.global_id[c])]


def test_a_restart_written_on_these_ranks_is_read_on_one_and_back(comm, folder):
    host = case.make_host()
    expected = serial_run(folder, comm, host)
    cells, owned = scattered(comm, host)
    component = start(config(folder, comm, "first"), comm, host, cells, owned)
    case.couple(component, host, cells, YEARS[0])
    component.write_restart(folder / "r1.nc")
    one = config(folder, comm, "one")
    if comm.rank == 0:
        alone = start(one, SerialComm(), host, np.arange(81), None)
        alone.read_restart(folder / "r1.nc")
        case.couple(alone, host, np.arange(81), YEARS[1])
        alone.write_restart(folder / "r2.nc")
    comm.barrier()
    back = start(config(folder, comm, "back"), comm, host, cells, owned)
    back.read_restart(folder / "r2.nc")
    case.couple(back, host, cells, YEARS[2])
    if comm.rank == 0:
        assert_same_files(folder / "first", expected)
        assert_same_files(folder / "one", expected)
        assert_same_files(folder / "back", expected)


def fails_everywhere(comm, error, match, action):
    """Every rank gets the same error with the same text."""
    with pytest.raises(error, match=match) as caught:
        action()
    assert set(comm.allgather((int(caught.value.status), str(caught.value)))) == {(int(caught.value.status), str(caught.value))}
    return caught.value


@pytest.mark.parametrize(("name", "value", "error", "match"), [
    ("urban", np.nan, ValueRangeError, r"rank \d+: Field 'urban' is nan in cell \d+"),
    ("c3ann", 42.0, ValueRangeError, "looks like percent"),
    ("secdf", 0.32, ValueRangeError, r"sum to 1\.02 in cell"),
    ("pastr", -0.5, ValueRangeError, r"'pastr' is -0\.5"),
])
def test_a_bad_value_on_the_last_rank_only_is_an_error_on_all_and_the_last_year_stays(comm, folder, name, value, error, match):
    host = case.make_host()
    for states in host.states.values():
        states["secdf"][:] = 0.30
        states["urban"][:], states["c3ann"][:], states["pastr"][:], states["secdn"][:] = 0.10, 0.35, 0.15, 0.10
    cells, owned = scattered(comm, host)
    component = start(config(folder, comm), comm, host, cells, owned)
    case.couple(component, host, cells, 2000)
    before = np.empty((8, len(cells)))
    component.get_field("lu_frac", before)
    victim = cells[owned == 1][0]
    if comm.rank == comm.size - 1:
        host.states[2001][name][victim] = value
    caught = fails_everywhere(comm, error, match, lambda: case.couple(component, host, cells, 2001))
    assert caught.status == Status.VALUE and f"rank {comm.size - 1}: " in str(caught)
    after = np.empty_like(before)
    component.get_field("lu_frac", after)
    assert component.year == 2000 and np.array_equal(before, after)


def test_a_skipped_year_is_an_error_on_all(comm, folder):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    component = start(config(folder, comm), comm, host, cells, owned)
    case.couple(component, host, cells, 2000)
    fails_everywhere(comm, YearError, "the next is 2001, got 2002", lambda: component.step_year(2002))


def test_a_field_missing_on_one_rank_is_an_error_on_all(comm, folder):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    component = start(config(folder, comm), comm, host, cells, owned)
    for name, values in host.states[2000].items():
        if not (comm.rank == comm.size - 1 and name == "range"):
            component.set_field(name, np.ascontiguousarray(values[cells]))
    fails_everywhere(comm, FieldError, "Fields range were never set", lambda: component.step_year(2000))


def test_a_cell_owned_twice_is_an_error_on_all(comm, folder):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    doubled = int(host.global_id[0])
    if comm.rank == comm.size - 1:
        cells, owned = np.append(cells[cells != 0], 0), np.append(owned[cells != 0], 1).astype(np.int32)
    if comm.size == 1:
        cells, owned = np.append(cells, 0), np.append(owned, 1).astype(np.int32)
    component = create(config(folder, comm))
    if comm.size > 1 and (0 * 31) % 97 % comm.size == comm.size - 1:
        pytest.skip("cell 0 belongs to the last rank here")
    fails_everywhere(comm, GridError, str(doubled), lambda: component.set_grid(*host.part(cells, owned)))


def test_a_damaged_model_seen_by_one_rank_only_is_an_error_on_all(comm, folder):
    path = config(folder, comm)
    own = folder / f"rank{comm.rank}"
    own.mkdir()
    case.write_artefact(own / "model")
    if comm.rank == comm.size - 1:
        (own / "model" / "unet.onnx").write_bytes(b"short")
    (own / "c.toml").write_text(path.read_text().replace(str(folder / "model"), str(own / "model")))
    fails_everywhere(comm, ModelError, rf"rank {comm.size - 1}: .*unet\.onnx has sha256", lambda: create(own / "c.toml"))


def test_an_unknown_key_is_an_error_on_all(comm, folder):
    fails_everywhere(comm, LsbcError, "unknown key output.format", lambda: create(config(folder, comm, extra="format = 'grib'")))


def test_output_that_cannot_be_written_is_an_error_on_all(comm, folder):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    component = start(config(folder, comm), comm, host, cells, owned)
    if comm.rank == 0:
        (folder / "out" / "landuse_2000.nc").mkdir(parents=True)
    comm.barrier()
    fails_everywhere(comm, FileError, "landuse_2000.nc could not be written", lambda: case.couple(component, host, cells, 2000))
    assert component.year is None


def test_a_restart_that_is_not_there_is_an_error_on_all(comm, folder):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    component = start(config(folder, comm), comm, host, cells, owned)
    fails_everywhere(comm, RestartError, "absent.nc cannot be opened", lambda: component.read_restart(folder / "absent.nc"))


def test_a_summary_that_root_cannot_write_is_an_error_on_all(comm, folder):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    component = start(config(folder, comm), comm, host, cells, owned)
    if comm.rank == 0:
        (folder / "out" / "summary.json").mkdir()
    comm.barrier()
    fails_everywhere(comm, FileError, "summary.json could not be written", lambda: case.couple(component, host, cells, 2000))
    assert component.year is None


def test_a_field_refused_on_one_rank_after_a_good_year_is_an_error_on_all(comm, folder):
    host = case.make_host()
    cells, owned = scattered(comm, host)
    component = start(config(folder, comm), comm, host, cells, owned)
    case.couple(component, host, cells, 2000)
    if comm.rank == comm.size - 1:
        with pytest.raises(FieldError):
            component.set_field("urban", np.zeros(len(cells) + 1))
    fails_everywhere(comm, FieldError, f"rank {comm.size - 1}: Fields urban were never set", lambda: component.step_year(2001))


def test_ranks_with_other_numbers_of_corners_are_refused(comm, folder):
    if comm.size == 1:
        pytest.skip("needs two ranks")
    host = case.make_host()
    cells, owned = scattered(comm, host)
    component = create(config(folder, comm))
    arguments = list(host.part(cells, owned))
    if comm.rank == 0:
        arguments[3:5] = [np.column_stack([corner, corner[:, -1]]) for corner in arguments[3:5]]
    fails_everywhere(comm, GridError, "Cells have 4 corners on one rank and 5 on another", lambda: component.set_grid(*arguments))
