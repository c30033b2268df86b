"""Weights made by other programs, each in a child process of its own. Knows no fields, no weight files and no ranks.

ESMF and yac start MPI when they are loaded, and yac ends the whole job on any error; neither is ever loaded in this process.
"""

from lsbc.regrid.backends.esmf import esmf_weights
from lsbc.regrid.backends.yac import yac_weights

__all__ = ["esmf_weights", "yac_weights"]
