"""Grids from files: CF, WRF, ICON, MPAS, SCRIP, ESMF mesh, UGRID. Knows no weights and no fields."""

from lsbc.regrid.readers.read import FORMATS, read_grid
from lsbc.regrid.readers.scrip_writer import write_scrip

__all__ = ["FORMATS", "read_grid", "write_scrip"]
