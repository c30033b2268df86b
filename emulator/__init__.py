"""The coupled component: coarse land use in, 1 km land use and land-surface boundary conditions out."""
