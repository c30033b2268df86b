"""A copy of a netCDF file with room for more attributes. Knows the classic format's header, no host and no names.

In a classic file the data begin right behind the header, so that one more attribute moves all of them. The copy has them farther back from the start.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lsbc.regrid.classic_header import check_classic, data_offsets

ROOM_BYTES = 1 << 16
_LARGEST_OFFSET = {4: 2**31 - 1, 8: 2**63 - 1}


def copy_with_room(source: Path, target: Path) -> None:
    """Copy a file; a classic netCDF file gets `ROOM_BYTES` between header and data, another one stays byte for byte.

    Raises:
        OSError: as copying does.  FileError: a damaged classic header, or a classic file that was cut short.
    """
    check_classic(source)
    found = data_offsets(source)
    if found is None or not found[1]:
        shutil.copyfile(source, target)
        return
    header_end, begins, n_byte = found
    first, size = min(begin for _, begin in begins), source.stat().st_size
    if max(begin for _, begin in begins) + ROOM_BYTES > _LARGEST_OFFSET[n_byte] or first < header_end:
        shutil.copyfile(source, target)
        return
    with open(source, "rb", buffering=0) as old, open(target, "wb", buffering=0) as new:
        head = bytearray(old.read(header_end))
        for place, begin in begins:
            head[place:place + n_byte] = (begin + ROOM_BYTES).to_bytes(n_byte, "big")
        new.write(head + bytes(first + ROOM_BYTES - header_end))
        at = first
        while at < size:
            moved = os.sendfile(new.fileno(), old.fileno(), at, size - at)
            if not moved:
                break
            at += moved
