"""Grids, exact overlaps, weights and exchange. Knows no land use and no network."""
