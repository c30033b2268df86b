"""What is written comes back bit for bit, and a file that is not whole says so."""

import numpy as np
import pytest

from lsbc.emulator.record_file import UNFINISHED, Call, Header, RecordReader, RecordWriter, entry, file_name, list_files
from lsbc.regrid.errors import FileError

HEADER = Header("1.2.3", "1", 3, 4, "2031-01-01T00:00:00+00:00", "/host/lsbc.toml", "[data]\nfine = 'Höhe.nc'\n")
CELLS = {"global_id": np.array([5, 2**40], np.int64), "lon_deg": np.array([9.5, np.nan]), "lat_deg": np.array([47.5, 48.0]),
         "vertex_lon_deg": np.arange(6.0).reshape(2, 3), "vertex_lat_deg": np.arange(6.0).reshape(2, 3), "owned": np.array([1, 0], np.int32)}
ODD = np.array([np.nan, -0.0])


@pytest.fixture
def path(tmp_path):
    return tmp_path / file_name("1", 3)


def listed(**values):
    return " ".join(entry(name, array) for name, array in values.items())


def test_values_of_any_type_and_bits_come_back_in_the_call_they_belong_to(path):
    writer = RecordWriter(path, HEADER)
    single, levels = np.array([0.1, 0.2], np.float32), np.arange(16.0).reshape(8, 2)
    assert writer.begin(Call("set_grid"), {}, CELLS) == 0
    call = Call("step_year", 2031, states=listed(urban=ODD, range=single))
    assert writer.begin(call, {"urban": ODD, "range": single}, {}) == 1
    call.status, call.outputs = 0, listed(lu_frac=levels)
    writer.end(1, call, {"lu_frac": levels})
    writer.begin(Call("step_year", 2032, states=listed(urban=single)), {"urban": single}, {})
    reader = RecordReader(path)
    assert reader.header == HEADER
    assert [(c.kind, c.year, c.status) for c in reader.calls] == [("set_grid", -9999, UNFINISHED), ("step_year", 2031, 0), ("step_year", 2032, UNFINISHED)]
    assert reader.values("states", 1)["urban"].tobytes() == ODD.tobytes()
    assert reader.values("states", 1)["range"].tobytes() == single.tobytes()
    assert reader.values("outputs", 1)["lu_frac"].tobytes() == levels.tobytes()
    assert reader.values("states", 2)["urban"].dtype == np.float32 and list(reader.values("states", 2)) == ["urban"]
    assert {name: (array.dtype, array.tobytes()) for name, array in reader.grid(0).items()} == {name: (a.dtype, a.tobytes()) for name, a in CELLS.items()}


def test_a_rank_without_cells_has_empty_arrays_of_their_shapes(path):
    writer = RecordWriter(path, HEADER)
    nothing = {name: array[:0] for name, array in CELLS.items()}
    writer.begin(Call("set_grid"), {}, nothing)
    writer.begin(Call("step_year", 2031, states=listed(urban=np.zeros(0))), {"urban": np.zeros(0)}, {})
    reader = RecordReader(path)
    assert reader.grid(0)["vertex_lon_deg"].shape == (0, 3) and reader.grid(0)["global_id"].dtype == np.int64
    assert reader.values("states", 1)["urban"].shape == (0,)


def test_arrays_that_do_not_fit_together_are_kept_as_the_host_gave_them(path):
    RecordWriter(path, HEADER).begin(Call("set_grid"), {}, CELLS | {"lat_deg": np.zeros((3, 1)), "owned": np.ones(5)})
    assert RecordReader(path).grid(0)["lat_deg"].shape == (3, 1) and RecordReader(path).grid(0)["owned"].shape == (5,)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.97])
def test_a_file_that_is_cut_short_is_named(path, share):
    writer = RecordWriter(path, HEADER)
    writer.begin(Call("set_grid"), {}, CELLS)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileError, match=r"instance1_rank0003\.nc is missing, damaged or cut short"):
        RecordReader(path)


def test_a_file_of_a_later_format_names_the_version_that_wrote_it(path):
    from netCDF4 import Dataset

    RecordWriter(path, HEADER)
    with Dataset(path, "a") as data:
        data.setncattr("format", np.int32(2))
    with pytest.raises(FileError, match=r"has format 2, this lsbc reads 1; replay it with lsbc 1\.2\.3"):
        RecordReader(path)


def test_only_recordings_are_listed_by_instance_and_rank(tmp_path):
    for name in ("instance1_rank0000.nc", "instance1_rank12345.nc", "instance2_0a1b2c_rank0001.nc", "instance1_call0002_restart.nc", "lsbc_2019.nc"):
        (tmp_path / name).touch()
    assert {instance: list(ranks) for instance, ranks in list_files(tmp_path).items()} == {"1": [0, 12345], "2_0a1b2c": [1]}
    assert list_files(tmp_path / "absent") == {}
