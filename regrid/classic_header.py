"""The header of a classic netCDF file, held against its length. Knows the published format only: no names, no values.

The netCDF library reads zeros where a classic file was cut short, and may crash on a damaged header; both end here first.
Source: NetCDF classic format specification (CDF-1, CDF-2, CDF-5), "header = magic numrecs dim_list gatt_list var_list".
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import BinaryIO

from lsbc.regrid.errors import FileError

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
_NEWEST_CLASSIC_TYPE = 6
"""Of CDF-1 and CDF-2; the numbers above it are CDF-5's."""

_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_MAX_RANK = 1024
_MAX_NAME = 1024


def check_classic(path: Path) -> None:
    """Raise FileError where a classic file is shorter than its header says, or the header breaks the format.

    Other files (HDF5) pass; their library checks them.
    """
    with open(path, "rb") as file:
        magic = file.read(4)
        if magic[:3] != b"CDF":
            return
        if magic[3:] not in (b"\1", b"\2", b"\5"):
            raise FileError(f"File {path} begins like netCDF, but is of no known version.")
        needed = _Header(path, file, magic[3]).length()
        if needed > path.stat().st_size:
            raise FileError(f"File {path} is cut short: it has {path.stat().st_size} bytes, its header speaks of {needed}.")


def data_offsets(path: Path) -> tuple[int, list[tuple[int, int]], int] | None:
    """Where a classic file's header ends, the (place in the header, value) of each variable's data offset, and the bytes of such a number.

    None for other files.  Raises:
        FileError: the header breaks the format.
    """
    with open(path, "rb") as file:
        magic = file.read(4)
        if magic[:3] != b"CDF" or magic[3:] not in (b"\1", b"\2", b"\5"):
            return None
        header = _Header(path, file, magic[3])
        header.length()
        return header.end, header.begins, 4 if magic[3] == 1 else 8


def _record_bytes(sizes: list[int]) -> int:
    """Bytes from one record to the next; a variable is padded to fours in each record, unless it is the only one by record."""
    return sizes[0] if len(sizes) == 1 else sum(-(-size // 4) * 4 for size in sizes)


class _Header:
    """Reads one header from the byte after the magic number."""

    def __init__(self, path: Path, file: BinaryIO, version: int) -> None:
        self._path, self._file = path, file
        self._size = path.stat().st_size
        self._count_bytes = 8 if version == 5 else 4
        self._offset_bytes = 4 if version == 1 else 8
        self._last_type = 11 if version == 5 else _NEWEST_CLASSIC_TYPE
        self.begins: list[tuple[int, int]] = []
        self.end = 0

    def length(self) -> int:
        """Bytes that the file must have for the last value of every variable."""
        numrecs = self._number(self._count_bytes)
        if numrecs == (1 << (8 * self._count_bytes)) - 1:
            numrecs = 0
        dims = [self._dimension() for _ in range(self._list(_DIMENSIONS))]
        self._attributes()
        variables = [self._variable(dims) for _ in range(self._list(_VARIABLES))]
        step = _record_bytes([size for _, size, by_record in variables if by_record])
        header = self.end = self._file.tell()
        ends = [begin + size + (max(numrecs, 1) - 1) * step for begin, size, by_record in variables if numrecs or not by_record]
        if any(begin < header for begin, size, _ in variables if size):
            raise self._damaged("a variable begins inside it")
        return max([header, *ends])

    def _dimension(self) -> int:
        self._name()
        return self._number(self._count_bytes)

    def _variable(self, dims: list[int]) -> tuple[int, int, bool]:
        """(begin, bytes, whether by record) of a variable; for record variables the bytes of one record."""
        self._name()
        rank = self._number(self._count_bytes)
        if rank > _MAX_RANK:
            raise self._damaged(f"a variable has {rank} dimensions")
        ids = [self._number(self._count_bytes) for _ in range(rank)]
        if any(i >= len(dims) for i in ids):
            raise self._damaged("a variable names a dimension that is not there")
        self._attributes()
        width = self._type()
        self._number(self._count_bytes)
        place = self._file.tell()
        begin = self._number(self._offset_bytes)
        self.begins.append((place, begin))
        by_record = bool(ids) and dims[ids[0]] == 0
        return begin, math.prod(dims[i] for i in ids[by_record:]) * width, by_record

    def _attributes(self) -> None:
        for _ in range(self._list(_ATTRIBUTES)):
            self._name()
            width = self._type()
            n_byte = self._number(self._count_bytes) * width
            self._skip(n_byte + -n_byte % 4)

    def _list(self, tag: int) -> int:
        found, n = self._number(4), self._number(self._count_bytes)
        if found not in (0, tag) or (found == 0 and n):
            raise self._damaged("its lists are out of order")
        if n > self._size:
            raise self._damaged(f"a list has {n} members")
        return n

    def _name(self) -> None:
        n = self._number(self._count_bytes)
        if not 0 < n <= _MAX_NAME:
            raise self._damaged(f"a name has {n} letters")
        try:
            text = self._bytes(n).decode("utf-8")
        except UnicodeDecodeError:
            text = ""
        if not text.isprintable() or not text:
            raise self._damaged("a name is no text")
        self._skip(-n % 4)

    def _type(self) -> int:
        kind = self._number(4)
        if not 1 <= kind <= self._last_type:
            raise self._damaged(f"a type has the number {kind}")
        return _TYPE_BYTES[kind]

    def _number(self, n_byte: int) -> int:
        return int.from_bytes(self._bytes(n_byte), "big")

    def _skip(self, n_byte: int) -> None:
        if self._file.tell() + n_byte > self._size:
            raise self._damaged("the file ends within it")
        self._file.seek(n_byte, 1)

    def _bytes(self, n_byte: int) -> bytes:
        raw = self._file.read(n_byte)
        if len(raw) < n_byte:
            raise self._damaged("the file ends within it")
        return raw

    def _damaged(self, how: str) -> FileError:
        return FileError(f"File {self._path} has a damaged netCDF header: {how}.")
