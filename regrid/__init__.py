"""Grids, exact overlaps, weights and exchange. Knows no land use and no network."""

from lsbc.regrid.apply import Remap
from lsbc.regrid.areas import SharedAreas, shared_areas
from lsbc.regrid.check import check_weights
from lsbc.regrid.conserve import conservative_weights
from lsbc.regrid.distribute import DistributedRemap
from lsbc.regrid.generate import make_weights
from lsbc.regrid.grids import CurvilinearGrid, Grid, PolygonGrid, RectilinearGrid
from lsbc.regrid.readers import read_grid, write_scrip
from lsbc.regrid.weight_files import read_weights, write_weights
from lsbc.regrid.weights import Side, Weights

__all__ = ["CurvilinearGrid", "DistributedRemap", "Grid", "PolygonGrid", "RectilinearGrid", "Remap", "SharedAreas", "Side", "Weights",
           "check_weights", "conservative_weights", "make_weights", "read_grid", "read_weights", "shared_areas", "write_scrip", "write_weights"]
