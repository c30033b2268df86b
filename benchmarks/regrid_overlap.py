"""Times the overlap kernel and the plans made from it, one thread. Prints seconds and bytes an entry; keeps no thresholds.

    python benchmarks/regrid_overlap.py
"""

from __future__ import annotations

import time

import numpy as np

from lsbc.regrid.aggregate import FractionPlan
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.lattice import Lattice
from lsbc.regrid.lattice_means import LatticeMeans
from lsbc.regrid.overlap import Overlap, overlap_polygons
from lsbc.regrid.sphere import EARTH_RADIUS_M

N_REPEAT = 5


def lambert_quads(n_east: int, n_north: int, spacing_m: float, lon_deg: float, lat_deg: float):
    """Corners (n, 4) of a Lambert azimuthal equal-area patch about a point."""
    x = (np.arange(n_east + 1) - n_east / 2) * spacing_m / EARTH_RADIUS_M
    y = (np.arange(n_north + 1) - n_north / 2) * spacing_m / EARTH_RADIUS_M
    x, y = np.meshgrid(x, y)
    rho, lat_0 = np.maximum(np.hypot(x, y), 1e-15), np.radians(lat_deg)
    c = 2 * np.arcsin(rho / 2)
    lat = np.arcsin(np.cos(c) * np.sin(lat_0) + y * np.sin(c) * np.cos(lat_0) / rho)
    lon = np.arctan2(x * np.sin(c), rho * np.cos(lat_0) * np.cos(c) - y * np.sin(lat_0) * np.sin(c))

    def corners(a: np.ndarray) -> np.ndarray:
        return np.degrees(np.stack([a[:-1, :-1], a[:-1, 1:], a[1:, 1:], a[1:, :-1]], axis=-1).reshape(-1, 4))

    return lon_deg + corners(lon), corners(lat)


def icosahedral_triangles(n_split: int):
    """Corners (20 * 4**n_split, 3) of a bisected icosahedron."""
    ring = np.arange(5) * 72.0
    north, south = np.arctan(0.5), -np.arctan(0.5)

    def point(lon_deg, lat):
        lon = np.radians(lon_deg)
        return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])

    top, bottom = np.array([0, 0, 1.0]), np.array([0, 0, -1.0])
    upper, lower = [point(x, north) for x in ring], [point(x + 36, south) for x in ring]
    faces = []
    for k in range(5):
        after = (k + 1) % 5
        faces += [(top, upper[k], upper[after]), (lower[k], upper[after], upper[k]),
                  (upper[after], lower[k], lower[after]), (bottom, lower[after], lower[k])]
    triangles = np.array(faces)
    for _ in range(n_split):
        a, b, c = (triangles[:, k] for k in range(3))
        ab, bc, ca = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (a + b, b + c, c + a))
        triangles = np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
    x, y, z = np.moveaxis(triangles, -1, 0)
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))


def report(name: str, work, n_entry=None):
    """Print the best of a few runs; returns what the last one made."""
    seconds = []
    for _ in range(N_REPEAT):
        start = time.perf_counter()
        made = work()
        seconds.append(time.perf_counter() - start)
    n = n_entry or len(made.cell)
    size = f", {(made.polygon.nbytes + made.cell.nbytes + made.area_sr.nbytes) / n:.0f} bytes an entry" if isinstance(made, Overlap) else ""
    print(f"{name:58s} {min(seconds):7.3f} s (median {np.median(seconds):.3f}), {n} entries{size}")
    return made


def worst_row(overlap: Overlap) -> float:
    return np.abs(np.bincount(overlap.polygon, overlap.area_sr, overlap.n_polygon) / overlap.polygon_area_sr - 1).max()


def main() -> None:
    quads, triangles = lambert_quads(200, 150, 7500.0, 11.0, 48.0), icosahedral_triangles(5)
    fine = report("30000 Lambert quads of 7.5 km x 0.01 deg", lambda: overlap_polygons(*quads, Lattice(18000, 36000)))
    print(f"{'':58s} worst polygon sum {worst_row(fine):.1e}")
    report("the same, edges straight in lon-lat", lambda: overlap_polygons(*quads, Lattice(18000, 36000), "latlon"))
    report("30000 Lambert quads of 7.5 km x 30 arc seconds", lambda: overlap_polygons(*quads, Lattice(21600, 43200)))
    coarse = report("20480 triangles x 0.25 deg, global", lambda: overlap_polygons(*triangles, Lattice(720, 1440)))
    print(f"{'':58s} worst polygon sum {worst_row(coarse):.1e}")
    n = len(fine.cell)
    plan = report("fraction plan of the 0.01 deg overlap", lambda: FractionPlan.from_overlap(fine, fine.n_polygon), n)
    category = (plan.need % 8).astype(np.uint8)
    report("8 class fractions with that plan", lambda: plan.fractions(category, 8), n)
    comm, ids, cells = SerialComm(), np.arange(coarse.n_polygon), np.unique(coarse.cell)
    conservative = report("conservative map of the triangles", lambda: LatticeMeans.build(comm, coarse, ids, cells), len(coarse.cell))
    report("12 fields with that map", lambda: conservative.apply(np.ones((coarse.n_polygon, 12))), len(coarse.cell))


if __name__ == "__main__":
    main()
