"""A changed copy of a host's own file: what a writer does not touch stays as it was, bit by bit, and the copy appears whole or not at all. Knows no host."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsbc.emulator.hosts.netcdf import open_netcdf
from lsbc.emulator.hosts.roomy_copy import copy_with_room
from lsbc.regrid.atomic import whole_file


@contextmanager
def patched(template: Path, out: Path) -> Iterator:
    """An open netCDF4 Dataset, a copy of `template` that may be changed; it becomes `out` on leaving without an error.

    Masks and scales are off: numbers are as they lie in the file. `out` may be `template` itself; a link is followed, and the template's permissions are kept.

    Raises:
        FileError: the template cannot be read as netCDF, or the copy cannot be written (disk full).
    """
    from netCDF4 import Dataset

    with open_netcdf(template):
        pass  # what is wrong with the template is not told of the copy
    with whole_file(out.resolve()) as temporary:
        copy_with_room(template, temporary)
        shutil.copymode(template, temporary)
        with Dataset(temporary, "r+") as data:
            data.set_auto_maskandscale(False)
            yield data


@contextmanager
def created(out: Path, format: str = "NETCDF4") -> Iterator:
    """An open new netCDF4 Dataset that becomes `out` on leaving without an error; raises FileError where it cannot be written."""
    from netCDF4 import Dataset

    with whole_file(out) as temporary, Dataset(temporary, "w", format=format) as data:
        yield data
