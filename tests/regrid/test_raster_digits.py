"""The raster of polygons over boxes against fifty digits: integrals that share no code and no formula with it."""

import numpy as np
import pytest

from lsbc.regrid.areas import shared_areas
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid

mpmath = pytest.importorskip("mpmath")
WORST = 2e-13
"""Of the polygon: the corners are doubles in degrees, good to 1e-16 of 180; a cell of 0.1 degrees keeps 13 digits of its size."""


def sine_along(edges, a, b):
    """sin(latitude) as a function of longitude between two corners (radians, fifty digits)."""
    (lon_a, lat_a), (lon_b, lat_b) = a, b
    if edges == "greatcircle":
        def sine(lon):
            tangent = (mpmath.tan(lat_a) * mpmath.sin(lon_b - lon) + mpmath.tan(lat_b) * mpmath.sin(lon - lon_a)) / mpmath.sin(lon_b - lon_a)
            return tangent / mpmath.sqrt(1 + tangent**2)
    elif edges == "latlon":
        def sine(lon):
            return mpmath.sin(lat_a + (lat_b - lat_a) * (lon - lon_a) / (lon_b - lon_a))
    else:
        def sine(lon):
            return mpmath.sin(lat_a) + (mpmath.sin(lat_b) - mpmath.sin(lat_a)) * (lon - lon_a) / (lon_b - lon_a)
    return sine


def shared_area(edges, corners, west, east, south, north):
    """Signed sum over the edges of the area below them inside the box, cut where an edge meets the box's parallels."""
    low, high = mpmath.sin(south), mpmath.sin(north)
    total = mpmath.mpf(0)
    for a, b in zip(corners, corners[1:] + corners[:1]):
        if a[0] == b[0]:
            continue
        first, last = max(min(a[0], b[0]), west), min(max(a[0], b[0]), east)
        if first >= last:
            continue
        sine = sine_along(edges, a, b)
        cuts = {first, last}
        grid = [first + (last - first) * k / 16 for k in range(17)]
        for level in (low, high):
            for p, q in zip(grid[:-1], grid[1:]):
                if (sine(p) - level) * (sine(q) - level) < 0:
                    cuts.add(mpmath.findroot(lambda lon: sine(lon) - level, (p, q), solver="anderson"))
        cuts = sorted(cuts)
        below = mpmath.quad(lambda lon: min(max(sine(lon), low), high) - low, cuts)
        total += below if b[0] < a[0] else -below
    return total


@pytest.mark.parametrize("edges", ["greatcircle", "latlon", "planar"])
@pytest.mark.parametrize("seed", range(4))
def test_random_partial_overlaps_agree_with_fifty_digits(edges, seed):
    rng = np.random.default_rng(seed)
    middle = np.array([rng.uniform(-170, 170), rng.uniform(-75, 75)])
    size = 10.0 ** rng.uniform(-1, 1)
    angle = np.sort(rng.uniform(0, 360, 4) / 4 + 90 * np.arange(4))
    corner = middle[:, None] + size * rng.uniform(0.5, 1.0, 4) * np.array([np.cos(np.radians(angle)) / np.cos(np.radians(middle[1])), np.sin(np.radians(angle))])
    box = [*(middle[0] + size * np.array([-0.31, 0.17])), *(middle[1] + size * np.array([-0.2, 0.42]))]
    grid = PolygonGrid(middle[:1], middle[1:], corner[:1], corner[1:], edges=edges)
    ours = shared_areas(grid, RectilinearGrid(box[:2], box[2:])).area_sr
    with mpmath.workdps(50):
        lon, lat = ([mpmath.radians(mpmath.mpf(float(x))) for x in row] for row in (grid.vertex_lon_deg[0], grid.vertex_lat_deg[0]))
        expected = shared_area(edges, list(zip(lon, lat)), *(mpmath.radians(mpmath.mpf(float(x))) for x in box))
        assert abs(mpmath.mpf(float(ours[0])) - expected) < WORST * grid.area_sr[0]
