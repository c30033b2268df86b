"""How every reader here opens a netCDF file: whole, bare numbers, and with a sentence where it cannot be read. Knows no variable and no host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsbc.regrid.classic_header import check_classic
from lsbc.regrid.errors import FileError


@contextmanager
def open_netcdf(path: Path | str) -> Iterator:
    """An open netCDF4 Dataset, masks and scales off: numbers are as they lie in the file.

    Raises:
        FileError: the file is missing, cannot be read as netCDF, or is a classic one that was cut short. What goes wrong later is the caller's.
    """
    from netCDF4 import Dataset

    path = Path(path)
    if not path.is_file():
        raise FileError(f"File {path} does not exist or is no regular file.")
    try:
        check_classic(path)
        data = Dataset(path)
    except (OSError, RuntimeError) as error:
        raise FileError(f"File {path} cannot be read as netCDF: {error}.") from error
    with data:
        data.set_auto_maskandscale(False)
        yield data
