"""What a host and one rank of lsbc exchanged, in one NetCDF file. Writes and reads it; knows no component and no communicator.

The file is opened, written, closed and synced for every piece, so that a run that is killed between two pieces leaves it
whole. `call` counts the collective calls; the groups `states_values` and `outputs_values` hold values along it, and the
group `grid_<call>` what the host gave to a `set_grid`. Values are stored bit for bit, without missing values.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from lsbc.regrid.errors import FileError

FORMAT = 1
UNFINISHED = -1
"""Status of a call that never came back to the host."""
NO_YEAR = -9999
GRID_ARRAYS = ("global_id", "lon_deg", "lat_deg", "vertex_lon_deg", "vertex_lat_deg", "owned")
_NAME = re.compile(r"instance(\d+(?:_[0-9a-f]{6})?)_rank(\d{4,})\.nc")
_LATER = ("lent",)
"""What recordings of format 1 may lack: they were made before it was noted."""
_CALLS_TOGETHER = 32
"""Room in the file is taken for so many calls at once."""
_DAMAGE = (OSError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, UnicodeError)


class RecordError(FileError):
    """A recording cannot be written, is damaged or incomplete, or does not belong with others."""


@dataclass(frozen=True)
class Header:
    """Whose recording it is; `instance` is its name in the folder, `created` the time in UTC, `config_path` absolute."""

    lsbc_version: str
    instance: str
    rank: int
    size: int
    created: str
    config_path: str
    config_text: str


@dataclass
class Call:
    """One collective call. Lists of names are separated by blanks."""

    kind: str
    year: int = NO_YEAR
    """The year asked for; of the other calls, the last good one, `NO_YEAR` before it."""
    status: int = UNFINISHED
    text: str = ""
    """The error the host saw."""
    path: str = ""
    """Of a restart, as the host gave it."""
    copy: str = ""
    """The copy in this folder of a restart that was read."""
    sha256: str = ""
    """Of that copy; of a restart that was written, its content's."""
    states: str = ""
    outputs: str = ""
    """Fetched by the host, or filled for it, any time before the next year."""
    lent: str = ""
    """Outputs lent as weeks or for one day, as asked for, with their levels: leaf_area_index:52 leaf_area_index@200:1."""
    remarks: str = ""
    """Local calls that were refused afterwards, one a line."""


def file_name(instance: str, rank: int) -> str:
    return f"instance{instance}_rank{rank:04d}.nc"


def list_files(folder: Path) -> dict[str, dict[int, Path]]:
    """Files of recordings in a folder: instance -> rank -> path."""
    found: dict[str, dict[int, Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = _NAME.fullmatch(path.name)
        if match:
            found.setdefault(match[1], {})[int(match[2])] = path
    return found


class RecordWriter:
    """Writes one file, piece by piece."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path, self.n_call = path, 0
        with self._open("w") as data:
            data.createDimension("call", None)
            for field in fields(Call):
                data.createVariable(field.name, str if field.type == "str" else "i4", ("call",), chunksizes=(_CALLS_TOGETHER,))
            data.setncatts({"title": "recording of a host's calls of lsbc", "format": np.int32(FORMAT), **asdict(header)})

    @contextmanager
    def _open(self, mode: str = "a") -> Iterator[Any]:
        from netCDF4 import Dataset

        with Dataset(self.path, mode) as data:
            data.set_auto_mask(False)
            yield data
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def begin(self, call: Call, states: dict[str, np.ndarray], grid: dict[str, np.ndarray]) -> int:
        """Write a call before it is made; returns its number."""
        number, self.n_call = self.n_call, self.n_call + 1
        with self._open() as data:
            if grid:
                _put_grid(data.createGroup(f"grid_{number}"), grid)  # first: a host may give what no file can hold
            _put_call(data, number, call)
            _put_values(data, "states", number, states)
        return number

    def end(self, number: int, call: Call, outputs: dict[str, np.ndarray]) -> None:
        """Write a call again, with what has become of it and further outputs."""
        with self._open() as data:
            _put_values(data, "outputs", number, outputs)
            _put_call(data, number, call)


def _put_call(data: Any, number: int, call: Call) -> None:
    for name, value in asdict(call).items():
        data[name][number] = value


def _put_values(data: Any, kind: str, number: int, values: dict[str, np.ndarray]) -> None:
    """Values of one call, (n_cell,) or (n_level, n_cell); a field in another floating-point type is a variable of its own."""
    for field, array in values.items():
        if array.size == 0:
            continue  # a netCDF dimension of no cells is an unlimited one; readers know that there are none
        if "cell" not in data.dimensions:
            data.createDimension("cell", array.shape[-1])
        levels = tuple(f"level{n}" for n in array.shape[:-1])
        for name, length in zip(levels, array.shape):
            if name not in data.dimensions:
                data.createDimension(name, length)
        name = f"{field}_{array.dtype.str[1:]}"
        group = data.createGroup(f"{kind}_values") if f"{kind}_values" not in data.groups else data[f"{kind}_values"]
        if name not in group.variables:
            variable = group.createVariable(name, array.dtype, ("call", *levels, "cell"), zlib=True, complevel=1, shuffle=True,
                                            chunksizes=(1, *array.shape), fill_value=False)
            variable.set_auto_mask(False)
        group[name][number] = array


def _put_grid(group: Any, arrays: dict[str, np.ndarray]) -> None:
    """Arrays of whatever shape and type they were given in."""
    for name, array in arrays.items():
        group.setncattr(f"{name}_shape", np.array(array.shape, np.int64))
        group.setncattr(f"{name}_type", array.dtype.str)
        if array.size:
            for axis, length in enumerate(array.shape):
                group.createDimension(f"{name}_{axis}", length)
            variable = group.createVariable(name, array.dtype, [f"{name}_{axis}" for axis in range(array.ndim)], zlib=True, complevel=1, fill_value=False)
            variable.set_auto_mask(False)
            variable[...] = array


class RecordReader:
    """One file, opened anew for every piece, so that thousands of them may be at hand.

    Raises:
        RecordError: the file is missing, damaged, cut short, or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as data:
            found = int(data.getncattr("format"))
            if found != FORMAT:
                raise RecordError(f"Recording {path} has format {found}, this lsbc reads {FORMAT}; replay it with lsbc {data.getncattr('lsbc_version')}.")
            self.header = Header(**{field.name: _plain(data.getncattr(field.name)) for field in fields(Header)})
            columns = {field.name: data[field.name][:] for field in fields(Call) if field.name in data.variables or field.name not in _LATER}
            self.calls = [Call(**{name: _plain(column[k]) for name, column in columns.items()}) for k in range(len(data.dimensions["call"]))]

    @contextmanager
    def _open(self) -> Iterator[Any]:
        from netCDF4 import Dataset

        try:
            with Dataset(self.path) as data:
                data.set_auto_mask(False)
                yield data
        except _DAMAGE as error:
            raise RecordError(f"Recording {self.path} is missing, damaged or cut short ({error}); copy it again, or take it from another run.") from error

    def grid(self, number: int) -> dict[str, np.ndarray]:
        """The arrays of a `set_grid`, in the shapes and types that the host gave."""
        with self._open() as data:
            group = data[f"grid_{number}"]
            shapes = {name: tuple(np.atleast_1d(group.getncattr(f"{name}_shape"))) for name in GRID_ARRAYS}
            return {name: np.asarray(group[name][...]) if name in group.variables else np.zeros(shape, group.getncattr(f"{name}_type"))
                    for name, shape in shapes.items()}

    def values(self, kind: str, number: int) -> dict[str, np.ndarray]:
        """`states` or `outputs` of a call, by name: (n_cell,) or (n_level, n_cell), empty (0,) where the rank has no cells."""
        listed = getattr(self.calls[number], kind).split()
        with self._open() as data:
            if not listed or "cell" not in data.dimensions:
                return {name: np.zeros(0) for name in listed_names(getattr(self.calls[number], kind))}
            variables = data[f"{kind}_values"].variables
            return {field: np.asarray(variables[f"{field}_{dtype}"][number]) for field, dtype in (word.split(":") for word in listed)}


def entry(field: str, array: np.ndarray) -> str:
    """How a field is listed in a call: its name and type."""
    return f"{field}:{array.dtype.str[1:]}"


def listed_names(entries: str) -> list[str]:
    return [word.split(":")[0] for word in entries.split()]


def restart_content(path: str | Path) -> str:
    """The sha256 of a restart's content, the same whatever library or number of ranks wrote the file."""
    from netCDF4 import Dataset

    with Dataset(path) as data:
        return str(data.getncattr("content_sha256"))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
