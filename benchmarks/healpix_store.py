"""Times the writing of HEALPix stores from a made-up 30 arc second map, beside a plain write to the same disk. No data files, no thresholds.

    python benchmarks/healpix_store.py [--degrees 30] [--nside 1024] [--dtype float64] [--levels 0] [--formats 2,3]

Prints for each format: cells of the map and of HEALPix a second, MB of fields a second as they are before compression, MB on the disk, and the most memory held.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from lsbc.emulator.classes import CLASS_CODES, NO_DATA
from lsbc.emulator.hosts.healpix_cells import HealpixGrid
from lsbc.emulator.hosts.healpix_layout import FIELDS
from lsbc.emulator.hosts.healpix_map import chunk_areas, open_landuse
from lsbc.emulator.hosts.write_healpix import Options, write
from lsbc.emulator.hosts.year_file import YearFile
from lsbc.regrid.lattice import Lattice

LATTICE, TILE = Lattice(21600, 43200), 480
YEAR = 2031


class NoCells(YearFile):
    """What the writer asks of a yearly file: its year and its folder."""

    def __init__(self, path: Path) -> None:
        self.path, self.year, self.provenance = path, YEAR, {}


def make_map(path: Path, n_row: int, n_col: int) -> None:
    """Patches of some 10 km of all classes with single cells of others; compressed in tiles as lsbc writes them."""
    from netCDF4 import Dataset

    rng = np.random.default_rng(0)
    first_row = min(LATTICE.n_lat // 2 + 20 * 120 - n_row // 2, LATTICE.n_lat - n_row)  # about 20° N, as far as it goes
    with Dataset(path, "w") as data:
        for name, size, centre in (("lat", n_row, LATTICE.lat_centre_deg(np.arange(first_row, first_row + n_row))),
                                   ("lon", n_col, LATTICE.lon_centre_deg(np.arange(n_col)))):
            data.createDimension(name, size)
            data.createVariable(name, "f8", (name,))[:] = centre
        landuse = data.createVariable("landuse", "u1", ("lat", "lon"), zlib=True, complevel=1, chunksizes=(TILE, TILE), fill_value=NO_DATA)
        landuse.valid_year = np.int32(YEAR)
        for row in range(0, n_row, TILE):
            patches = rng.integers(0, 8, (TILE // 12, n_col // 12), np.int8).repeat(12, axis=0).repeat(12, axis=1)
            single = rng.integers(0, 8, patches.shape, np.int8)
            landuse[row:row + TILE] = np.array(CLASS_CODES, np.uint8)[np.where(rng.random(patches.shape, np.float32) < 0.7, patches, single)]


def plain_write(folder: Path, n_byte: int) -> float:
    """Seconds for writing as many bytes, in pieces of 8 MB, brought to the disk."""
    piece = np.random.default_rng(1).bytes(1 << 23)
    start = time.perf_counter()
    with open(folder / "plain", "wb") as file:
        for _ in range(max(1, n_byte >> 23)):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    spent = time.perf_counter() - start
    (folder / "plain").unlink()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--degrees", type=int, default=30, help="width and height of the map, a multiple of 4")
    parser.add_argument("--nside", type=int, default=1024)
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--levels", type=int, default=0)
    parser.add_argument("--formats", default="2,3")
    args = parser.parse_args()
    n_row, n_col = min(args.degrees, 180) * 120, min(args.degrees, 360) * 120
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        make_map(folder / f"landuse_{YEAR}.nc", n_row, n_col)
        with open_landuse(folder / f"landuse_{YEAR}.nc") as landuse:
            start = time.perf_counter()
            found = (areas for _, areas in chunk_areas(landuse, HealpixGrid(args.nside), min(1 << 16, args.nside**2)) if areas is not None)
            n_cell = sum(int((areas.sum(axis=0) >= 0.5).sum()) for areas in found)
            spent = time.perf_counter() - start
        print(f"areas: {n_row * n_col} cells of the map -> {n_cell} of nside {args.nside}, {spent:.2f} s, {n_row * n_col / spent / 1e6:.1f} M cells of the map a second",
              flush=True)
        n_byte = n_cell * sum(1 if info.flags else info.n_level * np.dtype(args.dtype).itemsize for info in FIELDS)
        for zarr_format in (int(word) for word in args.formats.split(",")):
            out = folder / f"v{zarr_format}.zarr"
            start = time.perf_counter()
            write(NoCells(folder / f"lsbc_{YEAR}.nc"), out, Options(nside=args.nside, dtype=args.dtype, levels=args.levels, zarr_format=zarr_format))
            spent = time.perf_counter() - start
            on_disk = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
            plain = plain_write(folder, n_byte)
            print(f"store, version {zarr_format}: {spent:.2f} s, {n_cell / spent / 1e3:.0f} k cells/s, {n_byte / 1e6:.0f} MB of fields at "
                  f"{n_byte / spent / 1e6:.0f} MB/s, {on_disk / 1e6:.0f} MB on the disk; plain write of {n_byte / 1e6:.0f} MB: {n_byte / plain / 1e6:.0f} MB/s; "
                  f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
