"""How long a classic netCDF file must be, from its header. Knows the classic layouts (CDF-1, 2 and 5), no grids.

The netCDF library hands out whatever lies in memory for the part of a classic file that was cut off, so readers ask here first.
Layout: NetCDF Users Guide, appendix "File Format Specifications".
"""

from __future__ import annotations

from pathlib import Path

from lsbc.regrid.errors import FileError

TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
DIMENSION, VARIABLE, ATTRIBUTE = 10, 11, 12


def check_length(path: str | Path) -> None:
    """Raise FileError where a classic netCDF file is shorter than its header says; what is no such file passes."""
    try:
        if not Path(path).is_file():
            return
        size = Path(path).stat().st_size
        with open(path, "rb") as handle:
            magic = handle.read(4)
            if magic[:3] != b"CDF" or magic[3:] not in (b"\1", b"\2", b"\5"):
                return
            needed = _Header(handle, magic[3], size).length()
    except OSError as error:
        raise FileError(f"File {path} cannot be read: {error.strerror or error}.") from error
    except _Damaged as error:
        raise FileError(f"File {path} is damaged or cut off: {error}.") from error
    if size < needed:
        raise FileError(f"File {path} is cut off: it has {size} bytes, its header asks for {needed}.")


class _Damaged(Exception):
    """The header makes no sense."""


class _Header:
    """Reads the parts of a header in their order."""

    def __init__(self, handle, version: int, size: int) -> None:
        self._handle, self._left = handle, size
        self._count_bytes, self._offset_bytes = (8 if version == 5 else 4), (4 if version == 1 else 8)

    def length(self) -> int:
        """Bytes up to the end of the last value."""
        n_record = self._whole(self._count_bytes)
        streaming = n_record == 2 ** (8 * self._count_bytes) - 1
        dims = [self._dimension() for _ in range(self._list(DIMENSION))]
        self._attributes()
        variables = [self._variable(dims) for _ in range(self._list(VARIABLE))]
        slices = [bytes_ for _, bytes_, is_record in variables if is_record]
        record = slices[0] if len(slices) == 1 else sum(-(-bytes_ // 4) * 4 for bytes_ in slices)
        ends = [begin + bytes_ for begin, bytes_, is_record in variables if not is_record]
        if n_record and not streaming:
            ends += [begin + (n_record - 1) * record + bytes_ for begin, bytes_, is_record in variables if is_record]
        return max(ends, default=0)

    def _dimension(self) -> int:
        self._name()
        return self._whole(self._count_bytes)

    def _attributes(self) -> None:
        for _ in range(self._list(ATTRIBUTE)):
            self._name()
            type_bytes = self._type_bytes()
            self._skip(-(-self._whole(self._count_bytes) * type_bytes // 4) * 4)

    def _variable(self, dims: list[int]) -> tuple[int, int, bool]:
        """Where it begins, its bytes (those of one record), and whether it has records."""
        self._name()
        ids = [self._whole(self._count_bytes) for _ in range(self._count())]
        if any(k >= len(dims) for k in ids):
            raise _Damaged("a variable has a dimension that does not exist")
        self._attributes()
        bytes_ = self._type_bytes()
        self._whole(self._count_bytes)
        begin = self._whole(self._offset_bytes)
        is_record = bool(ids) and dims[ids[0]] == 0
        for k in ids[is_record:]:
            bytes_ *= dims[k]
        return begin, bytes_, is_record

    def _list(self, tag: int) -> int:
        found, n = self._whole(4), self._count()
        if found not in (0, tag) or (found == 0 and n):
            raise _Damaged("its header makes no sense")
        return n

    def _count(self) -> int:
        """A number of things, each of which takes a byte or more of the file."""
        n = self._whole(self._count_bytes)
        if n > self._left:
            raise _Damaged("its header ends early")
        return n

    def _type_bytes(self) -> int:
        kind = self._whole(4)
        if kind not in TYPE_BYTES:
            raise _Damaged("its header makes no sense")
        return TYPE_BYTES[kind]

    def _name(self) -> None:
        self._skip(-(-self._count() // 4) * 4)

    def _skip(self, n: int) -> None:
        if n > self._left:
            raise _Damaged("its header ends early")
        self._handle.seek(n, 1)

    def _whole(self, n: int) -> int:
        text = self._handle.read(n)
        if len(text) < n:
            raise _Damaged("its header ends early")
        return int.from_bytes(text, "big")
